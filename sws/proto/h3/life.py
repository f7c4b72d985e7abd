# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The life of a connection, and how either end leaves it.  RFC 9114 §5.

    leave with patience  GOAWAY for all streams, and when patience is over GOAWAY for those that have not come
    leave at once        the latter alone; so does a client
    after it             a client closes with its last stream; a server leaves its last octets the time to arrive
    the peer leaves      a client closes with its last stream

So no request that is on its way is lost: it has a number below that of the last GOAWAY, or the client hears that it was not looked at.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import H3ConnectionError, QpackError
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import FrameType, encode_frame, encode_frame_head
from sws.proto.h3.numbers import EVERY_STREAM, StreamNumbers
from sws.proto.h3.outgoing import OurStreams
from sws.proto.h3.stream import Stream
from sws.proto.quic.api import StreamTransport

__all__ = ["Life"]

_LINGER: Final = 2.0


@final
class Life:
    """That of one connection.

    Args:
      streams:  those whose exchange is not over.

    Attributes:
      now:          of the last call that told it.
      wants_close:  it is over.
      error:        what ended it, if it was our finding.
      is_leaving:   we are.
      peer_goaway:  the number of the peer's, None before one came.
      quiet_since:  when the last stream went.
    """

    __slots__ = (
        "_client",
        "_close_at",
        "_going_until",
        "_numbers",
        "_ours",
        "_streams",
        "_transport",
        "error",
        "is_leaving",
        "now",
        "peer_goaway",
        "quiet_since",
        "wants_close",
    )

    def __init__(
        self, transport: StreamTransport, streams: dict[int, Stream], numbers: StreamNumbers, ours: OurStreams, now: float
    ) -> None:
        self._transport = transport
        self._client = transport.is_client
        self._streams = streams
        self._numbers = numbers
        self._ours = ours
        self._going_until: float | None = None
        self._close_at: float | None = None
        self.now = self.quiet_since = now
        self.wants_close = False
        self.error: H3ConnectionError | QpackError | None = None
        self.is_leaving = False
        self.peer_goaway: int | None = None

    def leave(self, now: float, patience: float) -> None:
        """Begin to go."""
        self.now = now
        if self.is_leaving or self.wants_close:
            return
        self.is_leaving = True
        if patience > 0 and not self._client:
            self._goaway(EVERY_STREAM)
            self._going_until = now + patience
        else:
            self._go()

    def _go(self) -> None:
        """The last step."""
        self._going_until = None
        self._numbers.end = 0 if self._client else self._numbers.highest + 4
        self._goaway(self._numbers.end)
        self.close_when_done()

    def _goaway(self, identifier: int) -> None:
        self._ours.control(encode_frame(FrameType.GOAWAY, encode_frame_head(identifier, 0)[:-1]))

    def became_quiet(self) -> None:
        """The last stream went."""
        self.quiet_since = self.now
        self.close_when_done()

    def close_when_done(self) -> None:
        """A client that has all it wants closes; a server lingers."""
        if self._streams or self._going_until is not None or self.wants_close:
            return
        if self._client:
            if self.is_leaving or self.peer_goaway is not None:
                self._transport.close(ErrorCode.H3_NO_ERROR)
                self.wants_close = True
        elif self.is_leaving and self._close_at is None:
            self._close_at = self.now + _LINGER

    def end(self) -> None:
        """It is over."""
        self.wants_close = True
        self._close_at = self._going_until = None

    def fail(self, error: H3ConnectionError | QpackError) -> None:
        """An error that we found.  RFC 9114 §8."""
        self.error = error
        self._transport.close(error.code, error.reason)
        self.end()

    # --- time ----------------------------------------------------------------------------------------------------

    def deadlines(self) -> list[float]:
        """When `check` has something to do."""
        return [time for time in (self._close_at, self._going_until) if time is not None]

    def check(self, now: float) -> bool:
        """Patience is over, or we lingered long enough; True: all is over."""
        if self._close_at is not None and now >= self._close_at:
            self._transport.close(ErrorCode.H3_NO_ERROR)
            self.end()
            return True
        if self._going_until is not None and now >= self._going_until:
            self._go()
        return False
