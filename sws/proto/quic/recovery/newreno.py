# SPDX-License-Identifier: Apache-2.0 OR MIT
"""NewReno.  RFC 9002 §7, appendix B; slow start leaves by HyStart++ (RFC 9406) or by loss.

slow start            window += acknowledged octets
congestion avoidance  window += datagram * acknowledged octets / window
loss                  threshold = window = max(window / 2, 2 datagrams), once a round trip
"""

from __future__ import annotations

from math import inf
from typing import final

from sws.proto.quic.recovery.congestion import MINIMUM_PACKETS, initial_window
from sws.proto.quic.recovery.hystart import HyStart, Phase
from sws.proto.quic.recovery.rtt import RttEstimate

__all__ = ["NewReno"]


@final
class NewReno:
    """One path's window.

    Args:
      datagram:  octets of the path's datagrams.
    """

    __slots__ = ("_datagram", "_hystart", "_owed", "recovery_start", "threshold", "window")

    def __init__(self, datagram: int) -> None:
        self._datagram = datagram
        self._hystart = HyStart()
        self._owed = 0
        self.window = initial_window(datagram)
        self.threshold: float = inf
        self.recovery_start = -inf

    def on_acknowledged(self, octets: int, sent: float, now: float, rtt: RttEstimate, is_limited: bool) -> None:
        """Grow."""
        if not is_limited or octets <= 0:
            return
        if self.window < self.threshold:
            self.window += self._hystart.growth(octets)
            return
        self._owed += octets
        if self._owed >= self.window:
            self._owed -= self.window
            self.window += self._datagram

    def on_round(self, number: int, largest_sent: int, rtt: RttEstimate, now: float) -> None:
        """Slow start may end."""
        if self.window < self.threshold:
            self._hystart.on_sample(number, largest_sent, rtt.latest)
            if self._hystart.phase is Phase.DONE:
                self.threshold = self.window

    def on_congestion(self, sent: float, now: float) -> None:
        """Halve, unless that was done for this round trip."""
        if sent <= self.recovery_start:
            return
        self.recovery_start = now
        self._hystart.end()
        self.window = max(self.window // 2, MINIMUM_PACKETS * self._datagram)
        self.threshold = self.window
        self._owed = 0

    def on_persistent_congestion(self) -> None:
        """Back to the least window; slow start up to the threshold."""
        self.window = MINIMUM_PACKETS * self._datagram
        self.recovery_start = -inf
        self._owed = 0

    def on_datagram_size(self, octets: int) -> None:
        """Keeps the least window right."""
        self._datagram = octets
        self.window = max(self.window, MINIMUM_PACKETS * octets)
