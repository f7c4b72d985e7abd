# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What fast kernels remember about a key beyond the key itself, in one store a process, bounded in entries and octets.

A plan is worth its making only when it is used again.  `Plans.get` makes a small one at once and keeps it; a large one is made anew for
each use until it has been asked for a second time.  The plan that was not used for longest goes first; all plans of a key go with the key.

Invariants: the octets of all plans kept are at most LIMIT_OCTETS, their number is at most LIMIT_ENTRIES.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar, final

__all__ = ["LIMIT_ENTRIES", "LIMIT_OCTETS", "SMALL", "Plans", "kept"]

T = TypeVar("T")

LIMIT_OCTETS: Final = 8 << 20
LIMIT_ENTRIES: Final = 4096
SMALL: Final = 1024
"""Octets up to which a plan is kept from its first use."""

_MISSES: Final = 4
"""How many sizes a key remembers to have been asked for once."""


@final
class _Store:
    """The plans of all keys, in the order of their last use."""

    __slots__ = ("entries", "octets")

    def __init__(self) -> None:
        self.entries: OrderedDict[tuple[int, int], tuple[object, int]] = OrderedDict()
        self.octets = 0

    def add(self, place: tuple[int, int], plan: object, octets: int) -> None:
        self.entries[place] = (plan, octets)
        self.octets += octets
        while self.octets > LIMIT_OCTETS or len(self.entries) > LIMIT_ENTRIES:
            self.octets -= self.entries.popitem(last=False)[1][1]

    def drop(self, place: tuple[int, int]) -> None:
        entry = self.entries.pop(place, None)
        if entry is not None:
            self.octets -= entry[1]


_store: Final = _Store()


def kept() -> tuple[int, int]:
    """How many plans are kept now, and their octets."""
    return len(_store.entries), _store.octets


@final
class Plans(Generic[T]):
    """The plans of one key.

    Args:
      make:    makes the plan for a size.
      octets:  how much memory a plan for a size takes.
    """

    __slots__ = ("_asked", "_make", "_octets", "_sizes")

    def __init__(self, make: Callable[[int], T], octets: Callable[[int], int]) -> None:
        self._make = make
        self._octets = octets
        self._sizes: dict[int, tuple[int, int]] = {}
        self._asked: list[int] = []

    def get(self, size: int) -> T:
        """The plan for a size, from the store or made."""
        place = self._sizes.get(size)
        if place is not None:
            entry = _store.entries.get(place)
            if entry is not None:
                _store.entries.move_to_end(place)
                plan: T = entry[0]  # type: ignore[assignment]
                return plan
            del self._sizes[size]
        plan = self._make(size)
        octets = self._octets(size)
        if octets <= SMALL or size in self._asked:
            self._sizes[size] = place = (id(self), size)
            _store.add(place, plan, octets)
        else:
            self._asked = [*self._asked[1 - _MISSES :], size]
        return plan

    def __del__(self) -> None:
        for place in self._sizes.values():
            _store.drop(place)
