# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RangeSet against Python's own set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import LimitExceeded
from sws.base.rangeset import RangeSet

_SPAN = 30
_STEPS = st.lists(st.tuples(st.booleans(), st.integers(-2, _SPAN), st.integers(-2, _SPAN)), max_size=30)


def _ranges(model: set[int]) -> list[tuple[int, int]]:
    """The model as maximal ranges."""
    starts = sorted(value for value in model if value - 1 not in model)
    stops = sorted(value + 1 for value in model if value + 1 not in model)
    return list(zip(starts, stops, strict=True))


@given(_STEPS)
def test_like_a_set(steps: list[tuple[bool, int, int]]) -> None:
    ranges, model = RangeSet(), set[int]()
    for add, start, stop in steps:
        if add:
            ranges.add(start, stop)
            model |= set(range(start, stop))
        else:
            ranges.remove(start, stop)
            model -= set(range(start, stop))
        assert list(ranges) == _ranges(model)
        assert len(ranges) == len(_ranges(model))
        assert bool(ranges) == bool(model)
    assert {value for value in range(-3, _SPAN + 2) if value in ranges} == model


@given(_STEPS, st.integers(1, 4))
def test_the_bound(steps: list[tuple[bool, int, int]], maximum: int) -> None:
    """An addition that would make one range too many is refused and changes nothing."""
    ranges, model = RangeSet(maximum), set[int]()
    for _, start, stop in steps:
        grown = model | set(range(start, stop))
        if len(_ranges(grown)) > maximum:
            with pytest.raises(LimitExceeded):
                ranges.add(start, stop)
        else:
            ranges.add(start, stop)
            model = grown
        assert list(ranges) == _ranges(model)


def test_the_bound_holds_when_a_range_is_cut_in_two() -> None:
    ranges = RangeSet(1)
    ranges.add(0, 10)
    with pytest.raises(LimitExceeded):
        ranges.remove(4, 5)
    assert list(ranges) == [(0, 10)]
    ranges.remove(8, 12)
    assert list(ranges) == [(0, 8)]
