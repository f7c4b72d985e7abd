# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a clock is to the floors that may not look at one."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Two readings: one for intervals, one for dates."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, from any origin."""

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC, as the system believes."""
