# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pacing: a token bucket in front of the congestion window.  RFC 9002 §7.7.

    rate  = 1.25 window / smoothed rtt           twice the window while in slow start, so that growth is not held back
    burst = max(initial window, rate * 2 ms), at most 64 KiB

A burst of the initial window is what §7.7 allows on any path; more only where a clock of milliseconds could not keep up the rate otherwise,
and never more than one segmentation offload carries.
"""

from __future__ import annotations

from typing import Final, final

__all__ = ["Pacer"]

_BURST_MAXIMUM: Final = 65536
_BURST_TIME: Final = 0.002
_GAIN: Final = 1.25
_SLOW_START_GAIN: Final = 2.0
_TICK: Final = 1e-6  # above what rounding takes away


@final
class Pacer:
    """One path's bucket."""

    __slots__ = ("_budget", "_burst", "_rate", "_since")

    def __init__(self, burst: int) -> None:
        self._rate = 0.0
        self._burst = float(burst)
        self._budget = float(burst)
        self._since = 0.0

    @property
    def rate(self) -> float:
        """Octets a second; 0 before anything is known: not paced then."""
        return self._rate

    def set_rate(self, window: int, rtt: float, is_slow_start: bool, least_burst: int) -> None:
        """The window or the round-trip time changed."""
        gain = _SLOW_START_GAIN if is_slow_start else _GAIN
        self._rate = gain * window / max(rtt, 1e-6)
        self._burst = min(max(float(least_burst), self._rate * _BURST_TIME), _BURST_MAXIMUM)

    def allowance(self, now: float) -> int:
        """Octets that may leave now."""
        if now > self._since:
            self._budget = min(self._burst, self._budget + (now - self._since) * self._rate)
            self._since = now
        return int(self._budget) if self._rate else int(self._burst)

    def spend(self, octets: int) -> None:
        """Octets left."""
        if self._rate:
            self._budget -= octets

    def ready_at(self, now: float, octets: int) -> float:
        """When so many octets may leave, and half a burst at least: packets that leave together cost less than one by one."""
        wanted = max(float(octets), self._burst / 2)
        if not self._rate or self._budget >= wanted:
            return now
        return self._since + (wanted - self._budget) / self._rate + _TICK
