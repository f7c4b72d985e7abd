# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every public-key file of the third-party sets is bound by a test, or listed here with the reason why not."""

from __future__ import annotations

from pathlib import Path

from tests.kit.vectors import extra_vectors

KINDS = ("dsa", "ecdh", "ecdsa", "ed25519", "ed448", "primality", "rsa", "x25519", "x448")

NOT_OURS = {
    "x448_test": "MISSION names X25519 alone",
}


def test_no_file_is_left_out() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py") if path != Path(__file__))
    present = {path.stem for path in extra_vectors("crypto", "wycheproof").glob("*.json") if path.stem.startswith(KINDS)}
    assert {name for name in present if f'"{name}"' not in sources} == set(NOT_OURS) & present
    assert len(present) > 10
