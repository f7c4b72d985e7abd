# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Counters, gauges and histograms by name and labels, kept per worker.

Code that counts holds the child object (`counter.labels("GET", "200")`), whose `add` is one integer addition; the look-up by
labels is paid once.  The number of children of a metric is bounded: what a peer invents (method names) falls into `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar, final

__all__ = ["Counter", "Family", "Histogram", "Registry"]

_CHILDREN_MAXIMUM: Final = 1000


@final
class Counter:
    """A number that is added to; as a gauge it may also fall or be set."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1) -> None:
        """Add; negative for gauges only."""
        self.value += amount

    def set(self, value: float) -> None:
        """Set a gauge."""
        self.value = value


@final
class Histogram:
    """Observations counted in buckets with upper bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[0 if value <= self.bounds[0] else bisect_left(self.bounds, value)] += 1
        self.total += value


M = TypeVar("M", Counter, Histogram)


@final
class Family(Generic[M]):
    """A metric with labels: one child for each combination of label values.

    Args:
      make:  makes a child.
    """

    def __init__(self, name: str, kind: str, text: str, label_names: Sequence[str], make: Callable[[], M]) -> None:
        self.name = name
        self.kind = kind
        self.text = text
        self.label_names = tuple(label_names)
        self._make: Callable[[], M] = make
        self._children: dict[tuple[str, ...], M] = {}

    def labels(self, *values: str) -> M:
        """The child of these label values; when there are too many, all new ones share the child `other`."""
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= _CHILDREN_MAXIMUM:
                values = ("other",) * len(values)
            child = self._children.setdefault(values, self._make())
        return child

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], M]]:
        return iter(sorted(self._children.items(), key=lambda item: item[0]))


@final
class Registry:
    """All metrics of a process, in order of definition."""

    def __init__(self) -> None:
        self.families: list[Family[Counter] | Family[Histogram]] = []

    def counter(self, name: str, text: str, label_names: Sequence[str] = ()) -> Family[Counter]:
        """Define a counter."""
        return self._add(Family(name, "counter", text, label_names, Counter))

    def gauge(self, name: str, text: str, label_names: Sequence[str] = ()) -> Family[Counter]:
        """Define a gauge."""
        return self._add(Family(name, "gauge", text, label_names, Counter))

    def histogram(self, name: str, text: str, bounds: Sequence[float], label_names: Sequence[str] = ()) -> Family[Histogram]:
        """Define a histogram."""
        return self._add(Family(name, "histogram", text, label_names, lambda: Histogram(bounds)))

    def _add(self, family: Family[M]) -> Family[M]:
        self.families.append(family)
        return family

    def totals(self) -> dict[str, float]:
        """The sum over all children of each counter and gauge, for the log and `sws info`."""
        return {
            family.name: sum(child.value for _, child in family if isinstance(child, Counter))
            for family in self.families
            if family.kind != "histogram"
        }
