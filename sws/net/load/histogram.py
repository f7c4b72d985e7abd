# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Counts of values with a fixed relative error and bounded memory, in the manner of HDR histograms.

    BITS      how many leading bits of a value are kept: 11
    shift     of a value: how many bits it has beyond these, 0 for all below 2**BITS
    slot      (shift << BITS - 1) + (value >> shift)

Values below 2**BITS have a slot each.  Beyond, each further power of two has 2**(BITS - 1) slots of equal width 2**shift, and the slots
follow each other without a gap: `value >> shift` then has its highest bit set, which adds 2**(BITS - 1) to the slot of the shift below.

Invariants: a slot's width is at most 2**-(BITS - 1) of every value in it, so what `percentile` gives, the greatest value of the slot in
which the percentile lies, is at least the exact one and at most 1/1024 more; count, sum, minimum and maximum are exact.  Two histograms
added are the histogram of all their values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, final

from sws.base.errors import UsageError

__all__ = ["BITS", "Histogram"]

BITS: Final = 11
_HIGHEST: Final = (1 << 42) - 1
_SLOTS: Final = (42 - BITS + 1 << BITS - 1) + (1 << BITS - 1)


@final
class Histogram:
    """Of whole numbers from 0 up; those from 2**42 on (73 minutes in nanoseconds) count as the greatest below it."""

    __slots__ = ("_slots", "count", "maximum", "minimum", "total")

    def __init__(self) -> None:
        self._slots = [0] * _SLOTS
        self.count = 0
        self.total = 0
        self.minimum = _HIGHEST
        self.maximum = 0

    def record(self, value: int) -> None:
        """Count a value; a negative one is 0."""
        if value < 0:
            value = 0
        elif value > _HIGHEST:
            value = _HIGHEST
        shift = value.bit_length() - BITS
        if shift <= 0:
            self._slots[value] += 1
        else:
            self._slots[(shift << BITS - 1) + (value >> shift)] += 1
        self.count += 1
        self.total += value
        if value > self.maximum:
            self.maximum = value
        if value < self.minimum:
            self.minimum = value

    @property
    def mean(self) -> float:
        """Of all values; 0 of none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, percent: float) -> int:
        """The value that so many percent of all are not above; 0 of none.  Raises: UsageError outside of 0..100."""
        (value,) = self.percentiles((percent,))
        return value

    def percentiles(self, percents: Iterable[float]) -> list[int]:
        """Several, which must ascend, in one pass.  Raises: UsageError."""
        wanted = list(percents)
        if wanted != sorted(wanted) or not all(0 <= percent <= 100 for percent in wanted):
            raise UsageError("percentiles ascend from 0 to 100")
        if not self.count:
            return [0] * len(wanted)
        found: list[int] = []
        seen = 0
        slots = enumerate(self._slots)
        top = 0
        for percent in wanted:
            rank = max(1, math.ceil(self.count * percent / 100))
            while seen < rank:
                slot, count = next(slots)
                if count:
                    seen += count
                    top = _top(slot)
            found.append(min(max(top, self.minimum), self.maximum))
        return found

    def add(self, other: Histogram) -> None:
        """Count all values of another one too."""
        slots = self._slots
        for slot, count in enumerate(other._slots):
            if count:
                slots[slot] += count
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    def to_dict(self) -> dict[str, object]:
        """For another process: only slots that are not empty."""
        slots = {str(slot): count for slot, count in enumerate(self._slots) if count}
        return {"slots": slots, "total": self.total, "minimum": self.minimum, "maximum": self.maximum}

    @classmethod
    def from_dict(cls, slots: Mapping[str, int], total: int, minimum: int, maximum: int) -> Histogram:
        """What `to_dict` came from."""
        made = cls()
        for slot, count in slots.items():
            made._slots[int(slot)] = count
            made.count += count
        made.total, made.minimum, made.maximum = total, minimum, maximum
        return made


def _top(slot: int) -> int:
    """The greatest value of a slot."""
    shift = max(0, (slot >> BITS - 1) - 1)
    return ((slot - (shift << BITS - 1)) + 1 << shift) - 1
