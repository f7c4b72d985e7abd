# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What stream numbers tell of streams that are not open.  RFC 9113 §5.1, §5.1.1, §6.8.

All streams are the client's, since nobody pushes: their numbers are odd, and an even one is of a stream that stays idle for ever.
"""

from __future__ import annotations

from collections import deque
from typing import Final, final

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode

__all__ = ["EVERY_STREAM", "StreamNumbers"]

EVERY_STREAM: Final = (1 << 31) - 1
_REMEMBERED: Final = 1024
_SKIPPED: Final = 64


@final
class StreamNumbers:
    """The numbers of one connection.

    Attributes:
      highest:   that was opened.
      accepted:  what our last GOAWAY says; what comes for streams beyond it is dropped.
    """

    __slots__ = ("_reset", "_skipped", "accepted", "highest")

    def __init__(self) -> None:
        self.highest = 0
        self.accepted = EVERY_STREAM
        self._skipped: deque[tuple[int, int]] = deque(maxlen=_SKIPPED)  # between these no stream ever was
        self._reset: dict[int, None] = {}  # by us, while the peer could still send: what comes for them is dropped

    def open(self, number: int) -> None:
        """A stream begins; those below it that never were are closed (§5.1.1)."""
        if number > self.highest + 2:
            self._skipped.append((self.highest, number))
        self.highest = number

    def is_idle(self, number: int) -> bool:
        """Nobody has opened the stream, and nobody was told that we do not care."""
        return not number & 1 or self.highest < number <= self.accepted

    def remember_reset(self, number: int) -> None:
        """We reset it."""
        if len(self._reset) >= _REMEMBERED:
            del self._reset[next(iter(self._reset))]
        self._reset[number] = None

    def was_reset(self, number: int) -> bool:
        """We did so, and not too long ago."""
        return number in self._reset

    def check_late(self, number: int, what: str) -> None:
        """A frame came for a stream that is not open: to be dropped, or an error of the connection.  Raises: H2ConnectionError."""
        if number in self._reset or number > self.accepted:
            return
        if self.is_idle(number):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, f"{what} for an idle stream")
        if any(low < number < high for low, high in self._skipped):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, f"{what} for a stream that was passed over")
        raise H2ConnectionError(ErrorCode.STREAM_CLOSED, f"{what} for a closed stream")
