# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HyStart++: leaving slow start before losses say so.  RFC 9406.

A *round* lasts from a packet's sending to its acknowledgement.  Each round's least round-trip time is compared with the round before:

    standard slow start ── min grew by clamp(last/8, 4 ms, 16 ms), at least 8 samples ──▶ conservative slow start
    conservative slow start ── min fell below its baseline ──▶ standard slow start
                            ── 5 rounds ──▶ congestion avoidance

In conservative slow start the window grows at a quarter of the rate.  With pacing there is no limit on growth per ACK (§4.2, L = infinity).
"""

from __future__ import annotations

from enum import IntEnum
from math import inf
from typing import Final, final

__all__ = ["HyStart", "Phase"]

MIN_THRESHOLD: Final = 0.004
MAX_THRESHOLD: Final = 0.016
DIVISOR: Final = 8
SAMPLES: Final = 8
GROWTH_DIVISOR: Final = 4
CONSERVATIVE_ROUNDS: Final = 5


class Phase(IntEnum):
    """Where slow start is."""

    STANDARD = 0
    CONSERVATIVE = 1
    DONE = 2


@final
class HyStart:
    """One slow start."""

    __slots__ = ("_baseline", "_current", "_last", "_round_end", "_rounds", "_samples", "phase")

    def __init__(self) -> None:
        self.phase = Phase.STANDARD
        self._round_end = -1
        self._last = inf
        self._current = inf
        self._samples = 0
        self._baseline = inf
        self._rounds = 0

    def growth(self, octets: int) -> int:
        """How much the window grows for acknowledged octets."""
        return octets // GROWTH_DIVISOR if self.phase is Phase.CONSERVATIVE else octets

    def on_sample(self, number: int, largest_sent: int, rtt: float) -> None:
        """A round-trip time, the largest number that the ACK acknowledged, and the largest sent so far."""
        if self.phase is Phase.DONE:
            return
        if number > self._round_end:
            self._begin_round(largest_sent)
        if rtt < self._current:
            self._current = rtt
        self._samples += 1
        if self._samples < SAMPLES:
            return
        if self.phase is Phase.STANDARD:
            threshold = min(max(self._last / DIVISOR, MIN_THRESHOLD), MAX_THRESHOLD)
            if self._current != inf and self._last != inf and self._current >= self._last + threshold:
                self._baseline = self._current
                self._rounds = 0
                self.phase = Phase.CONSERVATIVE
        elif self._current < self._baseline:
            self._baseline = inf
            self.phase = Phase.STANDARD

    def _begin_round(self, largest_sent: int) -> None:
        self._round_end = largest_sent
        self._last = self._current
        self._current = inf
        self._samples = 0
        if self.phase is Phase.CONSERVATIVE:
            self._rounds += 1
            if self._rounds >= CONSERVATIVE_ROUNDS:
                self.phase = Phase.DONE

    def end(self) -> None:
        """Slow start is over."""
        self.phase = Phase.DONE
