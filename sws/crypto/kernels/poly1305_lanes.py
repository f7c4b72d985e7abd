# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Poly1305 on lanes of big integers.  RFC 8439 §2.5.

The tag is the polynomial  m_1·r^n + m_2·r^(n−1) + … + m_n·r  modulo p = 2^130 − 5, where m_i is block i with a one behind it.  A message
read as one little-endian integer has its blocks in a row already, 128 bits apart; every third of them, spread into lanes of 384 bits, is a
shift and a mask.  So for a segment of 3·g blocks

    v = (x & M | O)·r² + (x >> 128 & M | O)·r + (x >> 256 & M | O)

makes of three integers one with g lanes, each the sum of three neighbours under their powers, below 2^262: M are the 128 bits of each lane,
O the ones behind the blocks.  Longer messages have several segments, added under r^(3·g), r^(6·g), … without reduction.  What is left are
g lanes under powers of r³: they are folded in halves, reduced to 138 bits before each, and the last few go by Horner's rule, two at a
time.  Blocks that make no whole lane stand in front, where they begin the Horner chain.

Timing: depends on the message's length, down to the Python-integer caveat.
"""

from __future__ import annotations

from typing import Final

__all__ = ["mac"]

_P: Final = (1 << 130) - 5
_CLAMP: Final = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_ONE: Final = 1 << 128
_LOW: Final = _ONE - 1
_LANES: Final = 32  # of a segment
_SEGMENT: Final = 48 * _LANES

_LANE: Final = (1 << 384) - 1
_FOLDED: Final = 8  # lanes down to which Horner's rule by pairs is slower than folding

_folding_of: dict[int, tuple[int, int]] = {}
_masks_of: dict[int, tuple[int, int]] = {}


def _masks(lanes: int) -> tuple[int, int]:
    found = _masks_of.get(lanes)
    if found is None:
        ones = ((1 << 384 * lanes) - 1) // ((1 << 384) - 1)
        found = _masks_of[lanes] = (ones * _LOW, ones << 128)  # of 1 to 2·_LANES − 1 lanes: 100 KB in all
    return found


def mac(key: bytes, message: bytes) -> bytes:
    """The tag of a message.

    Args:
      key:  32 octets, for one message; SECRET.
    Returns: 16 octets.
    """
    from_bytes = int.from_bytes
    p = _P
    r = from_bytes(key[:16], "little") & _CLAMP
    size = len(message)
    rest = size & 15
    tail = 0
    if rest:
        tail = from_bytes(message[size - rest :], "little") | 1 << 8 * rest
        size -= rest
    blocks = size >> 4
    front = blocks % 3
    h = 0
    for start in range(0, 16 * front, 16):
        h = (h * r + from_bytes(message[start : start + 16], "little") + _ONE) % p
    lanes = blocks // 3
    if lanes:
        h = _lanes(message[16 * front : size], lanes, h, r)
    if blocks:
        h = h * r % p
    if rest:
        h = (h + tail) * r % p
    return ((h + from_bytes(key[16:], "little")) & _LOW).to_bytes(16, "little")


def _lanes(message: bytes, lanes: int, h: int, r: int) -> int:
    """Horner's value of whole lanes behind `h`, its last block not multiplied yet."""
    p = _P
    r2 = r * r % p
    r3 = r2 * r % p
    if lanes < 2 * _LANES:
        low, one = _masks(lanes)
        x = int.from_bytes(message, "little")
        v = (x & low | one) * r2 + (x >> 128 & low | one) * r + (x >> 256 & low | one)
        width = lanes
    else:
        width = _LANES
        lead = lanes % width
        if lead:
            h = _lanes(message[: 48 * lead], lead, h, r)
        v = _segments(message[48 * lead :], h and h * pow(r3, lanes - lead - width + 1, p) % p, r2, r, pow(r3, width, p))
        h = 0
    while width >= _FOLDED:
        if width & 1:
            h = (h * r3 + (v & _LANE)) % p
            v >>= 384
        width >>= 1
        power = pow(r3, width, p)
        h = h * power % p
        v = _folded(v, width, power)
    data = v.to_bytes(48 * width, "little")
    odd = width & 1
    if odd:
        h = (h * r3 + int.from_bytes(data[:48], "little")) % p
    r6 = r3 * r3 % p
    for at in range(48 * odd, 48 * width, 96):
        h = (h * r6 + int.from_bytes(data[at : at + 48], "little") * r3 + int.from_bytes(data[at + 48 : at + 96], "little")) % p
    return h


def _folded(v: int, width: int, power: int) -> int:
    """Half as many lanes of the same value: those in front are multiplied by what they stand before the others."""
    low, high = _folding(2 * width)
    v = (v & low) + 5 * (v >> 130 & high)  # below 2^138, so that a product fits its lane
    return (v & (1 << 384 * width) - 1) * power + (v >> 384 * width)


def _folding(lanes: int) -> tuple[int, int]:
    found = _folding_of.get(lanes)
    if found is None:
        ones = ((1 << 384 * lanes) - 1) // ((1 << 384) - 1)
        found = _folding_of[lanes] = (ones * ((1 << 130) - 1), ones * ((1 << 254) - 1))
    return found


def _segments(message: bytes, before: int, r2: int, r: int, step: int) -> int:
    """All segments in the lanes of one, the last under 1, the others under powers of `step`; `before` joins the first lane."""
    p = _P
    low, one = _masks(_LANES)
    v = before
    w2, w1, w0 = r2, r, 1
    for start in range(len(message) - _SEGMENT, -1, -_SEGMENT):
        x = int.from_bytes(message[start : start + _SEGMENT], "little")
        v += (x & low | one) * w2 + (x >> 128 & low | one) * w1 + (x >> 256 & low | one) * w0
        w2, w1, w0 = w2 * step % p, w1 * step % p, w0 * step % p
    return v
