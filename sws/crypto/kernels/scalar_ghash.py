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


def hash_words(
    high: list[int], low: list[int], words: Sequence[int], start: int, pause: int, resume: int, stop: int
) -> tuple[int, int, int, int]:
    """The hash of blocks of four words that stand in two parts of an array: four words.

    Args:
      high, low:      the last and the first eight octets of the entry for octet i of value v at 256 * i + v; SECRET.
      words:          four octets each, the first one lowest.
      start, pause:   where the first part begins, and where it is over; it may be empty.
      resume, stop:   of the second part, which is not empty.
    """
    a: i64 = 0
    b: i64 = 0
    i: i64 = 0
    at: i64 = start
    over: i64 = pause
    again: i64 = resume
    end: i64 = stop
    while at < end:
        if at == over:
            at = again
        w0: i64 = (b & 0xFFFFFFFF) ^ words[at]
        w1: i64 = (b >> 32 & 0xFFFFFFFF) ^ words[at + 1]
        w2: i64 = (a & 0xFFFFFFFF) ^ words[at + 2]
        w3: i64 = (a >> 32 & 0xFFFFFFFF) ^ words[at + 3]
        at += 4
        i = w0 & 255
        a = high[i]
        b = low[i]
        i = 256 + (w0 >> 8 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 512 + (w0 >> 16 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 768 + (w0 >> 24)
        a ^= high[i]
        b ^= low[i]
        i = 1024 + (w1 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 1280 + (w1 >> 8 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 1536 + (w1 >> 16 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 1792 + (w1 >> 24)
        a ^= high[i]
        b ^= low[i]
        i = 2048 + (w2 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 2304 + (w2 >> 8 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 2560 + (w2 >> 16 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 2816 + (w2 >> 24)
        a ^= high[i]
        b ^= low[i]
        i = 3072 + (w3 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 3328 + (w3 >> 8 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 3584 + (w3 >> 16 & 255)
        a ^= high[i]
        b ^= low[i]
        i = 3840 + (w3 >> 24)
        a ^= high[i]
        b ^= low[i]
    return b & 0xFFFFFFFF, b >> 32 & 0xFFFFFFFF, a & 0xFFFFFFFF, a >> 32 & 0xFFFFFFFF
