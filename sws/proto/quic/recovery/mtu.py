# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Path MTU discovery by probes that may get lost.  RFC 8899, RFC 9000 §14.3.

    size      of datagrams that are known to come through: 1200 at first (BASE_PLPMTU)
    search    binary, between `size` and `maximum`, until the step is below 16 octets; common sizes first
    probe     one datagram at a time; three losses of one size rule it out (MAX_PROBES)
    black hole: when packets of the probed size keep getting lost, back to 1200 and search anew after a pause

A lost probe is no sign of congestion.
"""

from __future__ import annotations

from typing import Final, final

__all__ = ["BASE", "MtuSearch"]

BASE: Final = 1200
_MAX_PROBES: Final = 3
_STEP: Final = 16
_RAISE_AFTER: Final = 600.0
_COMMON: Final = (1452, 1472, 1392, 1352, 4096)
_BLACK_HOLE: Final = 6


@final
class MtuSearch:
    """One path's datagram size.

    Args:
      maximum:  of what is searched: our interface's, the peer's max_udp_payload_size; at most 65,527.
      enabled:  False: always 1200.
    """

    __slots__ = ("_failures", "_high", "_low", "_maximum", "_probe", "_restart_at", "_suspicion", "size")

    def __init__(self, maximum: int, enabled: bool = True) -> None:
        self.size = BASE
        self._maximum = maximum if enabled else BASE
        self._low = BASE
        self._high = self._maximum
        self._probe = 0
        self._failures = 0
        self._suspicion = 0
        self._restart_at: float | None = None

    def limit(self, maximum: int) -> None:
        """The peer takes no more than this."""
        self._maximum = min(self._maximum, max(maximum, BASE))
        self._high = min(self._high, self._maximum)

    def next_probe(self, now: float) -> int | None:
        """The size of a probe to send now; None if one is under way or nothing is left to search."""
        if self._probe:
            return None
        if self._restart_at is not None and now >= self._restart_at:
            self._restart_at = None
            self._high = self._maximum
        if self._high - self._low < _STEP:
            return None
        for size in _COMMON:
            if self._low < size <= self._high:
                return size
        return (self._low + self._high + 1) // 2

    def on_probe_sent(self, size: int) -> None:
        """A probe left."""
        self._probe = size

    def on_probe_acknowledged(self, size: int, now: float) -> None:
        """The size comes through.  A probe of a path that was left says nothing."""
        if size != self._probe:
            return
        self._probe = 0
        self._failures = 0
        if size > self.size:
            self.size = self._low = size
            self._suspicion = 0
        self._finish(now)

    def on_probe_lost(self, now: float) -> None:
        """Perhaps too large."""
        size, self._probe = self._probe, 0
        if not size:
            return
        self._failures += 1
        if self._failures >= _MAX_PROBES:
            self._failures = 0
            self._high = max(self._low, size - 1)
            self._finish(now)

    def _finish(self, now: float) -> None:
        if self._high - self._low < _STEP and self._maximum - self._low >= _STEP and self._restart_at is None:
            self._restart_at = now + _RAISE_AFTER

    def on_lost(self, size: int, now: float) -> bool:
        """Packets that were no probes were lost together, the largest of `size`; True: a black hole, the datagrams' size fell back.

        That many losses with no larger packet acknowledged between them are not congestion alone.
        """
        if size <= BASE:
            return False
        self._suspicion += 1
        if self._suspicion < _BLACK_HOLE:
            return False
        self.size = self._low = BASE
        self._high = BASE
        self._suspicion = 0
        self._restart_at = now + _RAISE_AFTER / 10
        return True

    def on_acknowledged(self, size: int) -> None:
        """A packet of a size came through: no black hole."""
        if size > BASE:
            self._suspicion = 0
