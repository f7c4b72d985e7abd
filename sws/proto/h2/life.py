# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The life of a connection, and how either end leaves it.  RFC 9113 §5.4.1, §6.8; the table is CONNECTION in `states`.

    leave at once        GOAWAY with the number that was reached; closed when the last stream is
    leave with patience  GOAWAY for all streams and a PING; when that comes back, or patience is over, as above
    the peer leaves      closed when the last stream is
    an error             GOAWAY with its code; closed

So no request that is on its way when we leave is lost: it has a number below that of the last GOAWAY, or the client hears that it was not
looked at.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import encode_goaway, encode_ping
from sws.proto.h2.numbers import EVERY_STREAM, StreamNumbers
from sws.proto.h2.sending import Sender
from sws.proto.h2.states import CONNECTION, ConnectionInput, ConnectionState
from sws.proto.h2.stream import Stream

__all__ = ["Life"]

_GOING: Final = ConnectionState.GOING
_LAST: Final = ConnectionState.LAST


@final
class Life:
    """That of one connection.

    Args:
      client:   our role.
      streams:  those that are open.
    Attributes:
      state:  of CONNECTION.
      error:  what ended the connection, of ours or by the peer's GOAWAY.
    """

    __slots__ = ("_client", "_numbers", "_patience", "_sender", "_streams", "error", "state")

    def __init__(self, client: bool, streams: dict[int, Stream], numbers: StreamNumbers, sender: Sender) -> None:
        self._client = client
        self._streams = streams
        self._numbers = numbers
        self._sender = sender
        self._patience = 0.0
        self.state = ConnectionState.PREFACE
        self.error: H2ConnectionError | None = None

    def step(self, given: ConnectionInput) -> bool:
        """Take an input if the table has it."""
        state = CONNECTION.step((self.state, given))
        if state is None:
            return False
        self.state = state
        return True

    def leave(self, now: float, patience: float) -> None:
        """Begin to go; with patience in two steps, which only servers need: a client says nothing unasked."""
        if patience > 0 and not self._client and self.step(ConnectionInput.GO_SLOWLY):
            self._patience = now + patience
            self._sender.out.append(encode_goaway(EVERY_STREAM, ErrorCode.NO_ERROR) + encode_ping(b"goingout"))
        elif self.state is not _LAST and self.state is not _GOING:
            self.go()

    def check_patience(self, now: float) -> None:
        """The PING may never come back."""
        if self.state is _GOING and now >= self._patience:
            self.go()

    def came_back(self) -> None:
        """A PING of ours did."""
        if self.state is _GOING:
            self.go()

    def go(self) -> None:
        """The last step."""
        if self.step(ConnectionInput.GO):
            if not self._client:
                self._numbers.accepted = self._numbers.highest
            self._sender.out.append(encode_goaway(0 if self._client else self._numbers.highest, ErrorCode.NO_ERROR))
            self.close_when_done()

    def peer_goes(self, code: int) -> None:
        """The peer's GOAWAY."""
        if code != ErrorCode.NO_ERROR and self.error is None:
            self.error = H2ConnectionError(code, f"the peer went away: {ErrorCode.name_of(code)}")
        self.step(ConnectionInput.PEER_GOAWAY)

    def close_when_done(self) -> None:
        """Whoever goes waits for the last stream."""
        if not self._streams:
            self.step(ConnectionInput.NO_STREAMS)

    def fail(self, error: H2ConnectionError) -> None:
        """An error that we found."""
        self.error = error
        last = 0 if self._client else min(self._numbers.highest, self._numbers.accepted)
        self._sender.out.append(encode_goaway(last, error.code, error.reason.encode("ascii", "replace")))
