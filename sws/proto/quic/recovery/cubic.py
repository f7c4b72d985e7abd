# SPDX-License-Identifier: Apache-2.0 OR MIT
"""CUBIC.  RFC 9438; slow start leaves by HyStart++ (RFC 9406) or by loss.

With windows in datagrams and t the time since the reduction:

    W_cubic(t) = C (t - K)^3 + W_max        K = cbrt((W_max - W_epoch) / C)          §4.2
    W_est     += alpha * acknowledged / W    alpha = 3 (1 - beta) / (1 + beta), 1 once W_est reached W_prior      §4.3
    target     = clamp(W_cubic(t + rtt), W, 1.5 W);   W += (target - W) / W per datagram acknowledged              §4.4
    loss: W_max = W, or W (1 + beta) / 2 if the window was below the last W_max (fast convergence, §4.7); W = beta W

Wherever W_est is above W_cubic, the window is W_est: CUBIC never does worse than Reno.
"""

from __future__ import annotations

from math import inf
from typing import Final, final

from sws.proto.quic.recovery.congestion import MINIMUM_PACKETS, initial_window
from sws.proto.quic.recovery.hystart import HyStart, Phase
from sws.proto.quic.recovery.rtt import RttEstimate

__all__ = ["Cubic"]

C: Final = 0.4
BETA: Final = 0.7
_ALPHA: Final = 3 * (1 - BETA) / (1 + BETA)


@final
class Cubic:
    """One path's window.

    Args:
      datagram:  octets of the path's datagrams.
    """

    __slots__ = (
        "_cwnd",
        "_datagram",
        "_epoch",
        "_hystart",
        "_idle_since",
        "_k",
        "_w_est",
        "_w_max",
        "_w_prior",
        "recovery_start",
        "threshold",
    )

    def __init__(self, datagram: int) -> None:
        self._datagram = datagram
        self._hystart = HyStart()
        self._cwnd = float(initial_window(datagram))
        self._w_max = 0.0
        self._w_prior = 0.0
        self._w_est = 0.0
        self._k = 0.0
        self._epoch: float | None = None
        self._idle_since: float | None = None
        self.threshold: float = inf
        self.recovery_start = -inf

    @property
    def window(self) -> int:
        """Octets."""
        return int(self._cwnd)

    def on_acknowledged(self, octets: int, sent: float, now: float, rtt: RttEstimate, is_limited: bool) -> None:
        """Grow."""
        if not is_limited:
            if self._idle_since is None:
                self._idle_since = now
            return
        if octets <= 0:
            return
        if self._cwnd < self.threshold:
            self._cwnd += self._hystart.growth(octets)
            return
        if self._epoch is None:
            self._begin_epoch(now)
        elif self._idle_since is not None:
            self._epoch += now - self._idle_since  # time without use does not count: §4.2, §5.8
        self._idle_since = None
        self._avoid(octets, now - (self._epoch or 0.0), rtt.smoothed)

    def _begin_epoch(self, now: float) -> None:
        self._epoch = now
        self._w_est = self._cwnd
        if self._w_max < self._cwnd:
            self._w_max = self._cwnd
        self._k = ((self._w_max - self._cwnd) / self._datagram / C) ** (1 / 3)

    def _avoid(self, octets: int, elapsed: float, rtt: float) -> None:
        datagram, cwnd = self._datagram, self._cwnd
        alpha = 1.0 if self._w_est >= self._w_prior else _ALPHA
        self._w_est += alpha * datagram * octets / cwnd
        cubic = C * (elapsed - self._k) ** 3 * datagram + self._w_max
        if cubic < self._w_est:
            self._cwnd = max(cwnd, self._w_est)
            return
        target = C * (elapsed + rtt - self._k) ** 3 * datagram + self._w_max
        target = min(max(target, cwnd), 1.5 * cwnd)
        self._cwnd = cwnd + (target - cwnd) * octets / cwnd

    def on_round(self, number: int, largest_sent: int, rtt: RttEstimate, now: float) -> None:
        """Slow start may end."""
        if self._cwnd < self.threshold:
            self._hystart.on_sample(number, largest_sent, rtt.latest)
            if self._hystart.phase is Phase.DONE:
                self.threshold = self._cwnd

    def on_congestion(self, sent: float, now: float) -> None:
        """Reduce, unless that was done for this round trip.  §4.6"""
        if sent <= self.recovery_start:
            return
        self.recovery_start = now
        self._hystart.end()
        cwnd = self._cwnd
        self._w_prior = cwnd
        self._w_max = cwnd * (1 + BETA) / 2 if cwnd < self._w_max else cwnd
        self._cwnd = self.threshold = max(cwnd * BETA, MINIMUM_PACKETS * self._datagram)
        self._epoch = None
        self._idle_since = None

    def on_persistent_congestion(self) -> None:
        """Back to the least window; slow start up to the threshold."""
        self._cwnd = float(MINIMUM_PACKETS * self._datagram)
        self.recovery_start = -inf
        self._epoch = None

    def on_datagram_size(self, octets: int) -> None:
        """Keeps the least window right."""
        self._datagram = octets
        self._cwnd = max(self._cwnd, float(MINIMUM_PACKETS * octets))
