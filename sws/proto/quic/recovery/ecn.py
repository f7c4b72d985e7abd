# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Explicit congestion notification on one path: is it carried, and was congestion marked?  RFC 9000 §13.4, appendix A.4.

    TESTING ── ten marked packets sent, or all lost ──▶ UNKNOWN ── counts that add up ──▶ CAPABLE
       any state ── counts missing or impossible, or every test packet lost ──▶ FAILED

Packets carry ECT(0) while testing and when capable.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, final

__all__ = ["ECT0", "EcnState", "EcnValidator"]

ECT0: Final = 2
_TEST_PACKETS: Final = 10


class EcnState(IntEnum):
    """Of a path."""

    TESTING = 0
    UNKNOWN = 1
    CAPABLE = 2
    FAILED = 3


@final
class EcnValidator:
    """One path and packet number space: application data."""

    __slots__ = ("_counts", "_lost", "_sent", "_tested", "state")

    def __init__(self, enabled: bool) -> None:
        self.state = EcnState.TESTING if enabled else EcnState.FAILED
        self._sent = 0
        self._tested = 0
        self._lost = 0
        self._counts = (0, 0, 0)

    def follow(self, other: EcnValidator) -> None:
        """Another path begins; the peer goes on counting where it was."""
        self._sent = other._sent
        self._counts = other._counts

    def codepoint(self) -> int:
        """The ECN field for packets that leave now."""
        return ECT0 if self.state in (EcnState.TESTING, EcnState.CAPABLE) else 0

    def on_sent(self, packets: int) -> None:
        """Packets left with ECT(0)."""
        self._sent += packets
        self._tested += packets
        if self.state is EcnState.TESTING and self._tested >= _TEST_PACKETS:
            self.state = EcnState.UNKNOWN

    def on_lost(self, packets: int) -> None:
        """Marked packets were lost: if all of the test were, marks are what the path drops."""
        self._lost += packets
        if self.state in (EcnState.TESTING, EcnState.UNKNOWN) and self._lost >= min(self._tested, _TEST_PACKETS):
            self.state = EcnState.FAILED

    def on_ack(self, marked: int, counts: tuple[int, int, int] | None) -> bool:
        """An ACK that raised the largest acknowledged number.

        Args:
          marked:  of the packets that it newly acknowledges, how many were sent with ECT(0).
          counts:  ECT(0), ECT(1), CE as the peer reports them.
        Returns: whether congestion was marked.
        """
        if self.state is EcnState.FAILED:
            return False
        if counts is None:
            if marked:
                self.state = EcnState.FAILED
            return False
        ect0, ect1, ce = (new - old for new, old in zip(counts, self._counts, strict=True))
        if ect0 < 0 or ce < 0 or ect1 or ect0 + ce < marked or counts[0] + counts[2] > self._sent:
            self.state = EcnState.FAILED
            return False
        self._counts = counts
        if marked and self.state in (EcnState.UNKNOWN, EcnState.TESTING):
            self.state = EcnState.CAPABLE
        return ce > 0
