# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How far packets may overtake one another before the last of them is taken for lost.  RFC 9002 §6.1.1, §6.1.2.

Three packets and an eighth of a round trip are what the RFC recommends to begin with.  A packet that was given up and is acknowledged all
the same shows that this is too little for the path: from then on as much is allowed as would have spared it, up to bounds beyond which
what is really lost would be missed for too long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

__all__ = ["PACKET_THRESHOLD", "TIME_THRESHOLD", "GivenUp", "Reordering"]

PACKET_THRESHOLD: Final = 3
PACKET_THRESHOLD_MAXIMUM: Final = 256
TIME_THRESHOLD: Final = 1.125
TIME_THRESHOLD_MAXIMUM: Final = 2.0
_KEPT: Final = 512
_ROUND_TRIPS: Final = 4
"""After which nobody asks any more whether a packet was lost rightly."""


@final
class GivenUp:
    """The packets of one space that were taken for lost last: when each was sent, by number."""

    __slots__ = ("_sent",)

    def __init__(self) -> None:
        self._sent: dict[int, float] = {}

    def add(self, number: int, when: float) -> None:
        """One more; the oldest is forgotten where there are many."""
        if len(self._sent) >= _KEPT:
            del self._sent[next(iter(self._sent))]
        self._sent[number] = when

    def take(self, ranges: Sequence[tuple[int, int]], now: float, round_trip: float) -> list[tuple[int, float]]:
        """Those that are acknowledged now; what is older than four round trips is forgotten."""
        if not self._sent:
            return []
        oldest = now - _ROUND_TRIPS * round_trip
        while self._sent and self._sent[first := next(iter(self._sent))] < oldest:
            del self._sent[first]
        found = [(number, when) for number, when in self._sent.items() if any(low <= number <= high for low, high in ranges)]
        for number, _ in found:
            del self._sent[number]
        return found

    def clear(self) -> None:
        """Forget all."""
        self._sent.clear()


@final
class Reordering:
    """What one path allows.

    Attributes:
      packets:  a packet is lost that is so many numbers below one that was acknowledged.
      share:    a packet is lost that was sent so many round trips ago, and before one that was acknowledged.
    """

    __slots__ = ("packets", "share")

    def __init__(self) -> None:
        self.packets = PACKET_THRESHOLD
        self.share = TIME_THRESHOLD

    def learn(self, distance: int, age: float, round_trip: float) -> None:
        """A packet was given up too early.

        Args:
          distance:    numbers by which it is below the largest that was acknowledged before it.
          age:         seconds from when it was sent until it was acknowledged.
          round_trip:  seconds.
        """
        self.packets = max(self.packets, min(distance + 1, PACKET_THRESHOLD_MAXIMUM))
        if round_trip > 0:
            self.share = max(self.share, min(age / round_trip * TIME_THRESHOLD, TIME_THRESHOLD_MAXIMUM))
