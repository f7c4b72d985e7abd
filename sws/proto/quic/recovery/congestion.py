# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The one shape of congestion controllers, and what all have in common.  RFC 9002 §7.

A controller is told of sums, not of packets: how many octets an ACK frame acknowledged, that something was lost.  It owns `window`, and
nothing else looks at how it gets there.  Octets in flight are counted by loss detection.
"""

from __future__ import annotations

from typing import Final, Protocol

from sws.proto.quic.recovery.rtt import RttEstimate

__all__ = ["INITIAL_PACKETS", "MINIMUM_PACKETS", "CongestionController", "initial_window"]

INITIAL_PACKETS: Final = 10
MINIMUM_PACKETS: Final = 2


def initial_window(datagram: int) -> int:
    """Ten datagrams, but not more than 14,720 octets or two datagrams.  §7.2"""
    return min(INITIAL_PACKETS * datagram, max(14720, 2 * datagram))


class CongestionController(Protocol):
    """How much may be in flight.

    Attributes:
      recovery_start:  when the window was last reduced: losses of packets sent before do not reduce it again.  §7.3.2
    """

    recovery_start: float

    @property
    def window(self) -> int:
        """Octets."""

    @property
    def threshold(self) -> float:
        """Slow start ends here; infinite before the first loss."""

    def on_acknowledged(self, octets: int, sent: float, now: float, rtt: RttEstimate, is_limited: bool) -> None:
        """An ACK frame took octets out of flight.

        Args:
          octets:      of packets sent after the last reduction of the window.
          sent:        when the newest of them was sent.
          is_limited:  the window was in use: it does not grow otherwise (§7.8).
        """

    def on_round(self, number: int, largest_sent: int, rtt: RttEstimate, now: float) -> None:
        """The largest packet number acknowledged by an ACK frame and the largest sent, for those who count rounds."""

    def on_congestion(self, sent: float, now: float) -> None:
        """A packet that was sent at `sent` was lost, or the peer reported marks."""

    def on_persistent_congestion(self) -> None:
        """Nothing came through for long.  §7.6.2"""

    def on_datagram_size(self, octets: int) -> None:
        """The size of datagrams on this path is another now."""
