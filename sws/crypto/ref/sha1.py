# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-1 in the order of its standard.  FIPS 180-4 §4.1.1, §6.1.2.

Collisions of SHA-1 can be made; it is here for what protocols still name it for.

Timing: logic, additions and rotations only; depends on the message's length, down to the Python-integer caveat.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from sws.crypto.hash_types import HashFactory, Octets
from sws.crypto.kernels.block_hash import BlockHash, Parameters, State

__all__ = ["NEW", "compress"]

SHA1: Final = Parameters("sha1", 20, 64, 4, (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0))
_WORD: Final = 0xFFFFFFFF


def _rotl(x: int, n: int) -> int:
    return (x << n | x >> 32 - n) & _WORD


def _f(t: int, x: int, y: int, z: int) -> int:
    """Ch, Parity, Maj, Parity: twenty rounds each."""
    if t < 20:
        return x & y ^ ~x & z
    if 40 <= t < 60:
        return x & y ^ x & z ^ y & z
    return x ^ y ^ z


def _block(state: State, block: bytes) -> State:
    w = [int.from_bytes(block[at : at + 4], "big") for at in range(0, 64, 4)]
    for t in range(16, 80):
        w.append(_rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1))
    a, b, c, d, e = state
    for t, word in enumerate(w):
        k = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)[t // 20]
        a, b, c, d, e = (_rotl(a, 5) + _f(t, b, c, d) + e + k + word) & _WORD, a, _rotl(b, 30), c, d
    return tuple((old + new) & _WORD for old, new in zip(state, (a, b, c, d, e), strict=True))


def compress(state: State, data: Octets) -> State:
    """The state after whole 64-octet blocks."""
    for at in range(0, len(data), 64):
        state = _block(state, bytes(data[at : at + 64]))
    return state


NEW: Final[HashFactory] = partial(BlockHash, SHA1, compress)
