# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PBKDF2 in the order of RFC 8018 §5.2.

The two hash objects that have taken in HMAC's padded key are copied for every U_j, so an iteration is two blocks of hashing, not four.

Timing: depends on lengths and the count only, down to the Python-integer caveat.
"""

from __future__ import annotations

from sws.crypto.hash_types import Octets
from sws.crypto.hmac import HMAC

__all__ = ["derive"]


def derive(hash_name: str, password: Octets, salt: Octets, iterations: int, length: int) -> bytes:
    """The derived key.  RFC 8018 §5.2 steps 2 to 4."""
    keyed = HMAC(hash_name, password)
    size = keyed.digest_size
    blocks = [_f(keyed, bytes(salt), iterations, number) for number in range(1, -(-length // size) + 1)]
    return b"".join(blocks)[:length]


def _f(keyed: HMAC, salt: bytes, iterations: int, number: int) -> bytes:
    """F(P, S, c, i)."""
    u = salt + number.to_bytes(4, "big")
    total = 0
    for _ in range(iterations):
        prf = keyed.copy()
        prf.update(u)
        u = prf.digest()
        total ^= int.from_bytes(u, "big")
    return total.to_bytes(keyed.digest_size, "big")
