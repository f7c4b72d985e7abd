# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A set of integers kept as few disjoint ranges: acknowledged packets, received spans of a stream.

Ranges are half-open `[start, stop)`, sorted, never touching: two that meet are one.  Look-up and insertion bisect; the count of
ranges is what a peer can make grow, so the constructor takes a bound.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import final

from sws.base.errors import LimitExceeded

__all__ = ["RangeSet"]


@final
class RangeSet:
    """Disjoint ranges of integers.

    Args:
      maximum_ranges:  how many separate ranges may exist.
    """

    __slots__ = ("_maximum", "_starts", "_stops")

    def __init__(self, maximum_ranges: int = 1 << 16) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._maximum = maximum_ranges

    def add(self, start: int, stop: int) -> None:
        """Include `[start, stop)`.  Raises: LimitExceeded if that would make too many ranges; the set is then unchanged."""
        if start >= stop:
            return
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        elif len(self._starts) >= self._maximum:
            raise LimitExceeded("ranges", len(self._starts) + 1, self._maximum)
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def remove(self, start: int, stop: int) -> None:
        """Exclude `[start, stop)`.  Raises: LimitExceeded if cutting a range in two would make too many; the set is then unchanged."""
        if start >= stop:
            return
        first = bisect_right(self._stops, start)
        last = bisect_left(self._starts, stop)
        if first >= last:
            return
        left, right = self._starts[first], self._stops[last - 1]
        count = len(self._starts) - (last - first) + (left < start) + (stop < right)
        if count > self._maximum:
            raise LimitExceeded("ranges", count, self._maximum)
        self._starts[first:last] = [left] * (left < start) + [stop] * (stop < right)
        self._stops[first:last] = [start] * (left < start) + [right] * (stop < right)

    def __contains__(self, value: int) -> bool:
        at = bisect_right(self._starts, value)
        return at > 0 and value < self._stops[at - 1]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._stops, strict=True)

    def __len__(self) -> int:
        """How many separate ranges there are."""
        return len(self._starts)

    def __bool__(self) -> bool:
        return bool(self._starts)
