# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A receive window that grows with the reader.  RFC 9000 §4.1, §4.2.

    limit     what the peer may send up to: the sum of what was consumed and the window
    update    once half the window was consumed: limit = consumed + window
    growth    two updates within two round trips: the window holds the sender up, and doubles, up to its maximum

Only what was consumed opens the window, so that a peer cannot make it grow without a reader.
"""

from __future__ import annotations

from typing import final

__all__ = ["ReceiveWindow"]


@final
class ReceiveWindow:
    """One stream's, or the connection's.

    Attributes:
      limit:     as last told to the peer, or to be told.
      size:      of the window.
    """

    __slots__ = ("_maximum", "_updated", "consumed", "limit", "size")

    def __init__(self, size: int, maximum: int) -> None:
        self.size = size
        self._maximum = max(size, maximum)
        self.limit = size
        self.consumed = 0
        self._updated = -1.0

    def consume(self, octets: int, now: float, rtt: float) -> bool:
        """Octets were used: True if the peer is to hear of a new limit."""
        self.consumed += octets
        if self.limit - self.consumed > self.size // 2:
            return False
        if self._updated >= 0 and now - self._updated < 2 * rtt and self.size < self._maximum:
            self.size = min(2 * self.size, self._maximum)
        self._updated = now
        self.limit = self.consumed + self.size
        return True
