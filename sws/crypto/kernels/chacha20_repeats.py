# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Constants that repeat in every lane of a big integer, and what the lanes of a batch begin with; for `chacha20_lanes`, which says what a
lane is.

Invariants: what is remembered is bounded in entries and octets, and has nothing to do with any key.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["LANE", "WORD", "Masks", "Run", "masks", "ones", "ramp", "varying"]

WORD: Final = 0xFFFFFFFF
LANE: Final = 36
"""Bits of a lane: two lanes are nine octets."""

Run = tuple[bytes, int, int]

_CACHE_OCTETS: Final = 1 << 20
_SMALL_ENTRIES: Final = 256
_SMALL_LANES: Final = 512
"""Lanes up to which ones and ramps are remembered: 600 KB of each."""


class Masks(NamedTuple):
    """The repeated constants of n lanes.

    Attributes:
      ones:        1 in each.
      h16 … l7:    see `chacha20_rounds.RotationMasks`.
      word:        the 32 bits of a word in each.
      even, odd:   those of the lanes 0, 2, …; those of the lanes 1, 3, … when they have been moved to the end of the words below.
    """

    ones: int
    h16: int
    l16: int
    h12: int
    l12: int
    h8: int
    l8: int
    h7: int
    l7: int
    word: int
    even: int
    odd: int


def _repeat(lanes: int, width: int = LANE) -> int:
    return ((1 << width * lanes) - 1) // ((1 << width) - 1)


def _make(lanes: int) -> Masks:
    each = _repeat(lanes)
    h16, h12, h8, h7 = [each * (WORD ^ (1 << count) - 1) for count in (16, 12, 8, 7)]
    l16, l12, l8, l7 = [each * ((1 << count) - 1) for count in (16, 12, 8, 7)]
    even = WORD * _repeat(lanes + 1 >> 1, 2 * LANE)
    return Masks(each, h16, l16, h12, l12, h8, l8, h7, l7, each * WORD, even, even << 32)


_plans: OrderedDict[int, Masks] = OrderedDict()
_planned_octets = 0


def masks(lanes: int) -> Masks:
    """The masks of a number of lanes, remembered within a bound in octets: the least used go first."""
    global _planned_octets
    plan = _plans.get(lanes)
    if plan is None:
        plan = _plans[lanes] = _make(lanes)
        _planned_octets += _size(lanes)
        while _planned_octets > _CACHE_OCTETS:
            _planned_octets -= _size(_plans.popitem(last=False)[0])
    else:
        _plans.move_to_end(lanes)
    return plan


def _size(lanes: int) -> int:
    return 12 * (lanes * LANE // 7 + 40)


_ones_of: dict[int, int] = {}
_ramp_of: dict[int, int] = {}


def ones(count: int) -> int:
    """1 in each of `count` lanes."""
    found = _ones_of.get(count)
    if found is None:
        found = _repeat(count)
        if count <= _SMALL_LANES:
            if len(_ones_of) >= _SMALL_ENTRIES:
                _ones_of.clear()
            _ones_of[count] = found
    return found


def ramp(count: int) -> int:
    """j in lane j of n: the sum of j·B^j = B·((n − 1)·B^n − n·B^(n−1) + 1) / (B − 1)²."""
    found = _ramp_of.get(count)
    if found is None:
        if not count:
            return 0
        found = ((count - 1 << LANE * count) - (count << LANE * (count - 1)) + 1 << LANE) // ((1 << LANE) - 1) ** 2
        if count <= _SMALL_LANES:
            if len(_ramp_of) >= _SMALL_ENTRIES:
                _ramp_of.clear()
            _ramp_of[count] = found
    return found


def varying(runs: Sequence[Run]) -> tuple[int, int, int, int]:
    """The words 12 to 15 of all blocks, which are counter and nonce."""
    counters = n0 = n1 = n2 = place = 0
    for nonce, first, count in runs:
        each = ones(count)
        a, b, c = array("I", nonce)
        if first + count <= 1 << 32:
            some = ramp(count) + first * each
        else:
            some = sum((first + index & WORD) << LANE * index for index in range(count))
        if place:
            some <<= place
            each <<= place
        counters |= some
        n0 |= a * each
        n1 |= b * each
        n2 |= c * each
        place += LANE * count
    return counters, n0, n1, n2
