# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_ghash.py`; do not edit.  GHASH by tables for octets.  SP 800-38D §6.3, §6.4.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["hash_words"]


def hash_words(high: list[int], middle: list[int], low: list[int], words: Sequence[int]) -> tuple[int, int, int]:
    """The hash of blocks of four words, in its pieces of 43, 43 and 42 bits, from the last octet to the first.

    Args:
      high, middle, low:  the pieces of the entry for octet i of value v at 256 * i + v; SECRET.
      words:  four octets each, the first one lowest.
    """
    a: i64 = 0
    b: i64 = 0
    c: i64 = 0
    i: i64 = 0
    at: i64 = 0
    end: i64 = len(words)
    while at < end:
        w0: i64 = (c & 0xFFFFFFFF) ^ words[at]
        w1: i64 = ((b & 0x3FFFFF) << 10 | c >> 32) ^ words[at + 1]
        w2: i64 = ((a & 0x7FF) << 21 | b >> 22) ^ words[at + 2]
        w3: i64 = a >> 11 ^ words[at + 3]
        at += 4
        i = w0 & 255
        a = high[i]
        b = middle[i]
        c = low[i]
        i = 256 + (w0 >> 8 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 512 + (w0 >> 16 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 768 + (w0 >> 24)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 1024 + (w1 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 1280 + (w1 >> 8 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 1536 + (w1 >> 16 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 1792 + (w1 >> 24)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 2048 + (w2 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 2304 + (w2 >> 8 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 2560 + (w2 >> 16 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 2816 + (w2 >> 24)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 3072 + (w3 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 3328 + (w3 >> 8 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 3584 + (w3 >> 16 & 255)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
        i = 3840 + (w3 >> 24)
        a ^= high[i]
        b ^= middle[i]
        c ^= low[i]
    return a, b, c
