# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every third-party file on hashes, HMAC, HKDF, PBKDF2 and ML-KEM is read by a test."""

from __future__ import annotations

from tests.kit.vectors import extra_vectors

#: What test_sha1, test_sha2, test_hmac, test_hkdf, test_pbkdf2 and test_mlkem read.
READ = {
    "crypto/nist-cavp": {"sha1", "sha224", "sha256", "sha256_monte", "sha384", "sha384_monte", "sha512", "sha512_monte"},
    "crypto/wycheproof": {
        "hkdf_sha256_test",
        "hkdf_sha384_test",
        "hmac_sha256_test",
        "hmac_sha384_test",
        "hmac_sha512_test",
        "mlkem_768_encaps_test",
        "mlkem_768_keygen_seed_test",
        "mlkem_768_semi_expanded_decaps_test",
        "mlkem_768_test",
    },
    "rfc": {"rfc4231_hmac", "rfc5869_hkdf", "rfc6070_pbkdf2_sha1", "rfc7914_pbkdf2_sha256"},
}
OURS = ("sha", "hmac", "hkdf", "pbkdf2", "mlkem")


def test_none_is_left_unread() -> None:
    for folder, read in READ.items():
        present = {path.stem for path in extra_vectors(*folder.split("/")).glob("*.json")}
        assert {name for name in present if name.removeprefix("rfc").lstrip("0123456789_").startswith(OURS)} == read
