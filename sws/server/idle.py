# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which connections wait for a request, the one idle longest first.

A connection says of itself whether it is idle and since when, so that going idle and becoming busy again, which happens with each
request, costs nothing here; who wants to know looks at all connections.  That is done once a second, and when a worker is full:
then for `BATCH` evictions together, so one costs a part of it.
"""

from __future__ import annotations

from collections.abc import Set
from heapq import nsmallest
from typing import Final, final

from sws.net.service import ConnectionDriver

__all__ = ["IdleConnections"]

BATCH: Final = 64


@final
class IdleConnections:
    """A view of a worker's connections.

    Args:
      connections:  all of them, as they come and go.
    """

    def __init__(self, connections: Set[ConnectionDriver]) -> None:
        self._connections = connections
        self._next: list[tuple[ConnectionDriver, float]] = []

    def __len__(self) -> int:
        return sum(not driver.exchanges for driver in self._connections)

    def longest(self, count: int) -> list[ConnectionDriver]:
        """Up to `count` of them, the one idle longest first."""
        return nsmallest(count, [driver for driver in self._connections if not driver.exchanges], key=_since)

    def pick(self) -> ConnectionDriver | None:
        """One to be closed in favour of somebody else, None if all are busy."""
        for _ in range(2):
            while self._next:
                driver, since = self._next.pop()
                if driver in self._connections and not driver.exchanges and driver.idle_since == since:
                    return driver
            self._next = [(driver, driver.idle_since) for driver in reversed(self.longest(BATCH))]
        return None


def _since(driver: ConnectionDriver) -> float:
    return driver.idle_since
