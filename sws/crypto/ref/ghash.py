# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GHASH as SP 800-38D states it: §6.3 multiplication of blocks, §6.4 the function.

Timing: branches on secret bits; for reading and as an oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["GhashKey", "ghash", "multiply"]

_R: Final = 0b11100001 << 120


def multiply(x: int, y: int) -> int:
    """X * Y of SP 800-38D §6.3; bit 127 of an integer is the leftmost bit of the block."""
    z, v = 0, y
    for i in range(128):
        if x >> (127 - i) & 1:
            z ^= v
        v = v >> 1 ^ _R if v & 1 else v >> 1
    return z


def ghash(h: bytes, blocks: bytes) -> bytes:
    """GHASH_H(X) of SP 800-38D §6.4.

    Args:
      h:       the hash subkey, 16 octets; SECRET.
      blocks:  whole blocks.
    """
    y = 0
    for at in range(0, len(blocks), 16):
        y = multiply(y ^ int.from_bytes(blocks[at : at + 16], "big"), int.from_bytes(h, "big"))
    return y.to_bytes(16, "big")


class GhashKey:
    """GHASH under one key, in the form that `sws.crypto.ghash` uses."""

    def __init__(self, h: bytes) -> None:
        self._h = h

    def many(self, messages: Sequence[bytes]) -> list[bytes]:
        """GHASH of each message."""
        return [ghash(self._h, message) for message in messages]
