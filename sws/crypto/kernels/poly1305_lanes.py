# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Poly1305 on lanes of big integers.  RFC 8439 §2.5.

The tag is the polynomial  m_1·r^n + m_2·r^(n−1) + … + m_n·r  modulo p = 2^130 − 5, where m_i is block i with a one behind it.  A message
read as one little-endian integer has its blocks in a row already, 128 bits apart; every third of them, spread into lanes of 384 bits, is a
shift and a mask.  So for a segment of 3·g blocks, g a power of two,

    v = (x & M | O)·r² + (x >> 128 & M | O)·r + (x >> 256 & M | O)

makes of three integers one with g lanes, each the sum of three neighbours under their powers, below 2^262: M are the 128 bits of each lane,
O the ones behind the blocks.  Longer messages have several segments, added under r^(3·g), r^(6·g), … without reduction; the first segment
may have fewer blocks than the others, and then no ones where it has none.

What is left are g lanes under powers of r³.  They are folded in halves, the lower half, which comes first, under the power that it is ahead
by: r^(3·g/2), …, r^6, r^3, the squarings on the way to r^(3·g).  Before that each lane is reduced to some 140 bits, so that a product fits
it.  Few lanes mean many segments, each with powers of its own, many lanes mean long foldings; which is best depends on the length.  Short
messages go by Horner's rule, two blocks at a time.

Timing: depends on the message's length, down to the Python-integer caveat.
"""

from __future__ import annotations

from typing import Final

__all__ = ["mac"]

_P: Final = (1 << 130) - 5
_CLAMP: Final = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_ONE: Final = 1 << 128
_LOW: Final = _ONE - 1

_LANE: Final = 384
_SHORT: Final = 448
"""Octets up to which Horner's rule is quicker than any lanes."""

_masks_of: Final[dict[int, tuple[int, int]]] = {}
_folding_of: Final[dict[int, tuple[int, int, int, int]]] = {}


def _masks(level: int) -> tuple[int, int]:
    """M and O of 2^level lanes; at most four are ever made."""
    found = _masks_of.get(level)
    if found is None:
        ones = ((1 << (_LANE << level)) - 1) // ((1 << _LANE) - 1)
        found = _masks_of[level] = (ones * _LOW, ones << 128)
    return found


def _folding(level: int) -> tuple[int, int, int, int]:
    """The lower 130 bits and the number of the other bits in each of 2^level lanes; the bits of half the lanes, and all ones there."""
    found = _folding_of.get(level)
    if found is None:
        ones = ((1 << (_LANE << level)) - 1) // ((1 << _LANE) - 1)
        half = _LANE << level - 1
        found = _folding_of[level] = (ones * ((1 << 130) - 1), ones * ((1 << 254) - 1), half, (1 << half) - 1)
    return found


def mac(key: bytes, message: bytes) -> bytes:
    """The tag of a message.

    Args:
      key:  32 octets, for one message; SECRET.
    Returns: 16 octets.
    """
    both = int.from_bytes(key, "little")
    r = both & _CLAMP
    rest = len(message) & 15
    whole = len(message) - rest
    h = _horner(message, whole, r) if whole <= _SHORT else _lanes(message, whole, r)
    if rest:
        h = (h + (int.from_bytes(message[whole:], "little") | 1 << 8 * rest)) * r % _P
    return (h + (both >> 128) & _LOW).to_bytes(16, "little")


def _horner(message: bytes, end: int, r: int) -> int:
    """The polynomial's value for the whole blocks up to `end`, modulo p."""
    low, one, p = _LOW, _ONE, _P
    x = int.from_bytes(message[:end], "little")
    h = 0
    if end & 16:
        h = (x & low | one) * r
        x >>= 128
    r2 = r * r % p
    for _ in range(end >> 5):
        h = ((h + (x & low | one)) * r2 + (x >> 128 & low | one) * r) % p
        x >>= 256
    return h % p


def _lanes(message: bytes, end: int, r: int) -> int:
    """As `_horner`, for longer messages."""
    p = _P
    from_bytes = int.from_bytes
    level = 2 if end <= 600 else 3 if end <= 1700 else 4 if end <= 9000 else 5
    r2 = r * r % p
    step = r2 * r % p
    steps = []
    for _ in range(level):
        steps.append(step)
        step = step * step % p
    segment = 48 << level
    low, one = _masks(level)
    v = 0
    w2, w1, w0 = r2, r, 1
    while end >= segment:
        start = end - segment
        x = from_bytes(message[start:end], "little")
        v += (x & low | one) * w2 + (x >> 128 & low | one) * w1 + (x >> 256 & low | one) * w0
        w2, w1, w0 = w2 * step % p, w1 * step % p, w0 * step % p
        end = start
    if end:
        none = segment - end >> 4
        x = from_bytes(message[:end], "little") << 128 * none
        o2, o1, o0 = _ones(one, none)
        v += (x & low | o2) * w2 + (x >> 128 & low | o1) * w1 + (x >> 256 & low | o0) * w0
    while level:
        low, high, half, mask = _folding(level)
        level -= 1
        v = (v & low) + 5 * (v >> 130 & high)
        v = (v & mask) * steps[level] + (v >> half)
    return v % p * r % p


def _ones(one: int, none: int) -> tuple[int, int, int]:
    """The ones of the three integers of a segment whose first `none` blocks are missing."""
    lanes, more = divmod(none, 3)
    empty = _LANE * lanes
    o0 = one >> empty << empty
    less = o0 ^ 1 << empty + 128
    return less if more else o0, less if more == 2 else o0, o0
