# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A clock that moves only when it is told to."""

from __future__ import annotations

from typing import final

__all__ = ["FakeClock"]


@final
class FakeClock:
    """`base.clock.Clock` for tests.

    Args:
      monotonic:  where the one reading starts.
      wall:       where the other does: 2026-01-01T00:00:00Z unless told.
    """

    def __init__(self, monotonic: float = 1000.0, wall: float = 1767225600.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> float:
        """Seconds from any origin."""
        return self._monotonic

    def wall(self) -> float:
        """Seconds since 1970."""
        return self._wall

    def advance(self, seconds: float) -> None:
        """Let time pass, on both."""
        self._monotonic += seconds
        self._wall += seconds
