# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a cipher suite stands for: a hash and an AEAD with its limits.  RFC 9846 §5.5, appendix B.4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from sws.crypto.aead import AEAD, AESGCM, ChaCha20Poly1305
from sws.proto.tls.constants import CipherSuite

__all__ = ["SUITES", "Suite"]


@final
@dataclass(frozen=True, slots=True)
class Suite:
    """One cipher suite.

    Attributes:
      hash_name, hash_length:  of HKDF and the transcript.
      key_length:   octets of an AEAD key; the IV has 12.
      records:      how many records one key may protect before it has to be updated; §5.5 allows 2**24.5 for AES-GCM.
    """

    number: CipherSuite
    hash_name: str
    hash_length: int
    key_length: int
    aead: Callable[[bytes], AEAD]
    records: int


SUITES: Final[dict[int, Suite]] = {
    suite.number: suite
    for suite in (
        Suite(CipherSuite.TLS_AES_128_GCM_SHA256, "sha256", 32, 16, AESGCM, 1 << 24),
        Suite(CipherSuite.TLS_AES_256_GCM_SHA384, "sha384", 48, 32, AESGCM, 1 << 24),
        Suite(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, "sha256", 32, 32, ChaCha20Poly1305, 1 << 48),
    )
}
