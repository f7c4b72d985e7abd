# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Percentiles against exact ones: nearest rank over the sorted values."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.net.load.histogram import Histogram

PERCENTS = (0.0, 1.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)
HIGHEST = 2**42 - 1

#: Of every magnitude alike, and the edges of powers of two.
values = st.one_of(
    st.integers(0, 42).flatmap(lambda bits: st.integers(0, 2**bits - 1)),
    st.integers(0, 42).flatmap(lambda bits: st.sampled_from((max(0, 2**bits - 2), 2**bits - 1, min(2**bits, HIGHEST)))),
)


def filled(numbers: list[int]) -> Histogram:
    """A histogram of these."""
    histogram = Histogram()
    for number in numbers:
        histogram.record(number)
    return histogram


def exact(numbers: list[int], percent: float) -> int:
    """Nearest rank."""
    return sorted(numbers)[max(1, math.ceil(len(numbers) * percent / 100)) - 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(values, min_size=1, max_size=300))
def test_percentiles_are_within_the_error(numbers: list[int]) -> None:
    histogram = filled(numbers)
    for percent, found in zip(PERCENTS, histogram.percentiles(PERCENTS), strict=True):
        right = exact(numbers, percent)
        assert right <= found <= right * (1 + 1 / 1024)
        assert histogram.percentile(percent) == found
    assert (histogram.count, histogram.total, histogram.minimum, histogram.maximum) == (
        len(numbers),
        sum(numbers),
        min(numbers),
        max(numbers),
    )
    assert histogram.mean == sum(numbers) / len(numbers)
    assert histogram.percentile(100) == max(numbers)


@settings(max_examples=40, deadline=None)
@given(st.lists(values, max_size=100), st.lists(values, max_size=100))
def test_two_added_are_that_of_all(one: list[int], other: list[int]) -> None:
    histogram = filled(one)
    histogram.add(filled(other))
    together = filled(one + other)
    assert histogram.to_dict() == together.to_dict()
    copy = Histogram.from_dict(**json.loads(json.dumps(histogram.to_dict())))
    assert copy.percentiles(PERCENTS) == together.percentiles(PERCENTS)
    assert (copy.count, copy.mean) == (together.count, together.mean)


def test_small_values_are_exact() -> None:
    for number in range(2048):
        assert filled([number, 5000]).percentile(50) == number


def test_beyond_the_ends() -> None:
    histogram = filled([-5, HIGHEST + 1, 1 << 60])
    assert (histogram.minimum, histogram.maximum, histogram.percentile(100)) == (0, HIGHEST, HIGHEST)


def test_memory_does_not_grow() -> None:
    histogram = Histogram()
    before = len(histogram._slots)
    for bits in range(43):
        histogram.record((1 << bits) - 1)
    assert len(histogram._slots) == before < 40_000


def test_of_nothing() -> None:
    histogram = Histogram()
    assert (histogram.percentiles(PERCENTS), histogram.mean) == ([0] * len(PERCENTS), 0.0)


@pytest.mark.parametrize("percents", [(-1.0,), (100.1,), (50.0, 40.0)])
def test_percentiles_that_make_no_sense(percents: tuple[float, ...]) -> None:
    with pytest.raises(UsageError):
        filled([1]).percentiles(percents)
