# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The estimate of a path's round-trip time.  RFC 9002 §5.

    latest    of the newest acknowledged packet
    minimum   of all samples, the peer's delay left in
    smoothed  7/8 smoothed + 1/8 adjusted
    variation 3/4 variation + 1/4 |smoothed - adjusted|

with adjusted = latest - the peer's acknowledgement delay, unless that would be below the minimum.  Seconds throughout.
"""

from __future__ import annotations

from typing import Final, final

from sws.proto.quic.recovery.reordering import TIME_THRESHOLD

__all__ = ["GRANULARITY", "INITIAL_RTT", "RttEstimate"]

INITIAL_RTT: Final = 0.333
GRANULARITY: Final = 0.001


@final
class RttEstimate:
    """One path's round-trip time.

    Attributes:
      has_sample:     False: the others are the initial guess.
      max_ack_delay:  the peer's, from its transport parameters.
    """

    __slots__ = ("has_sample", "latest", "max_ack_delay", "minimum", "smoothed", "variation")

    def __init__(self, initial: float = INITIAL_RTT) -> None:
        self.has_sample = False
        self.latest = 0.0
        self.minimum = 0.0
        self.smoothed = initial
        self.variation = initial / 2
        self.max_ack_delay = 0.025

    def update(self, latest: float, ack_delay: float, is_confirmed: bool) -> None:
        """A sample.

        Args:
          latest:        from sending to acknowledgement of the largest number newly acknowledged.
          ack_delay:     what the peer says that it waited.
          is_confirmed:  the handshake is: the delay then counts for at most `max_ack_delay`.
        """
        self.latest = latest
        if not self.has_sample:
            self.has_sample = True
            self.minimum = latest
            self.smoothed = latest
            self.variation = latest / 2
            return
        if latest < self.minimum:
            self.minimum = latest
        if is_confirmed and ack_delay > self.max_ack_delay:
            ack_delay = self.max_ack_delay
        adjusted = latest - ack_delay if latest >= self.minimum + ack_delay else latest
        self.variation = 0.75 * self.variation + 0.25 * abs(self.smoothed - adjusted)
        self.smoothed = 0.875 * self.smoothed + 0.125 * adjusted

    def probe_timeout(self) -> float:
        """smoothed + max(4 variation, granularity), without the acknowledgement delay.  §6.2.1"""
        return self.smoothed + max(4 * self.variation, GRANULARITY)

    def loss_delay(self, share: float = TIME_THRESHOLD) -> float:
        """How long a packet waits once a later one was acknowledged: so many round trips.  §6.1.2"""
        return max(share * max(self.smoothed, self.latest), GRANULARITY)
