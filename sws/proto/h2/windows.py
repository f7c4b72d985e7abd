# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Receive windows: what a peer may still send, and when it is told that it may send more.  RFC 9113 §5.2, §6.9.

    granted   octets that the peer may still send; goes down with each DATA frame, padding included
    owed      octets that were consumed and have not been given back yet
    size      what granted + owed + (octets not consumed) add up to: the window
    epoch     when the counting of `consumed` began

Credit is given back in steps of half a window, so that a frame of ours pays for many of the peer's.

Auto-tuning: as much as the window holds can be on its way in a round trip, so if a whole window was consumed within two round trips, the
window is what keeps the peer waiting, and it doubles, up to a maximum.  A slow consumer never makes it grow.  The round trip is that of
SETTINGS and their acknowledgement.
"""

from __future__ import annotations

from typing import final

__all__ = ["ReceiveWindow"]


@final
class ReceiveWindow:
    """One stream's window, or the connection's.

    Args:
      size:     at first.
      maximum:  what it may grow to.
    """

    __slots__ = ("_consumed", "_epoch", "_maximum", "_owed", "granted", "size")

    def __init__(self, size: int, maximum: int, now: float) -> None:
        self.size = size
        self.granted = size
        self._maximum = maximum
        self._owed = 0
        self._consumed = 0
        self._epoch = now

    def give_back(self, octets: int, now: float, round_trip: float) -> int:
        """Octets were consumed.  Returns: the increment of a WINDOW_UPDATE to send now, or 0."""
        self._owed += octets
        size = self.size
        if self._owed * 2 < size:
            return 0
        self._consumed += self._owed
        if self._consumed >= size:
            if size < self._maximum and now - self._epoch < 2 * round_trip:
                grown = min(2 * size, self._maximum)
                self._owed += grown - size
                self.size = grown
            self._consumed = 0
            self._epoch = now
        increment = self._owed
        self._owed = 0
        self.granted += increment
        return increment
