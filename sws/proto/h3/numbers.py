# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is known of request streams by their numbers alone.  RFC 9114 §5.2, §6.1.

highest   the highest that was seen; -4 for none
skipped   lower ones that have not been: QUIC delivers in any order
end       none from here on is accepted: that of our last GOAWAY
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import H3ConnectionError
from sws.proto.h3.errors import ErrorCode

__all__ = ["EVERY_STREAM", "StreamNumbers"]

EVERY_STREAM: Final = (1 << 62) - 4
_AHEAD_MAXIMUM: Final = 1 << 18


@final
class StreamNumbers:
    """Those of one connection."""

    __slots__ = ("_skipped", "end", "highest")

    def __init__(self) -> None:
        self._skipped: set[int] = set()
        self.highest = -4
        self.end = EVERY_STREAM

    def is_ahead(self, number: int) -> bool:
        """Whether nothing came of a stream yet."""
        return number > self.highest or number in self._skipped

    def take(self, number: int) -> bool:
        """Whether a stream begins.  Raises: H3ConnectionError for one far beyond the others."""
        if number > self.highest:
            if number - self.highest > _AHEAD_MAXIMUM:
                raise H3ConnectionError(ErrorCode.H3_EXCESSIVE_LOAD, "a stream far beyond the others")
            self._skipped.update(range(self.highest + 4, number, 4))
            self.highest = number
            return True
        if number in self._skipped:
            self._skipped.discard(number)
            return True
        return False
