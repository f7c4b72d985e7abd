# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The open streams of a connection, and how they end.  RFC 9113 §5.1, §5.4.2.

A stream is here from its first HEADERS until it is closed: by END_STREAM from both, by RST_STREAM of either, or with the connection.  What
its end takes back: its place with the scheduler, content that waits to be sent, and the credit of content that nobody will consume.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.engine import Aborted, Event
from sws.base.errors import H2ConnectionError, H2StreamError, UsageError
from sws.proto.h2.frames import encode_rst_stream
from sws.proto.h2.intake import ContentIntake
from sws.proto.h2.life import Life
from sws.proto.h2.numbers import StreamNumbers
from sws.proto.h2.sending import Sender
from sws.proto.h2.states import ConnectionState, StreamState
from sws.proto.h2.stream import Stream

__all__ = ["StreamTable"]

_HALF_CLOSED_REMOTE: Final = StreamState.HALF_CLOSED_REMOTE
_CLOSED: Final = StreamState.CLOSED
_RUNNING: Final = ConnectionState.OPEN


@final
class StreamTable:
    """Those of one connection.

    Args:
      streams:  see there.
    Attributes:
      streams:  number -> stream; the dictionary is shared with whoever looks streams up.
    """

    __slots__ = ("_intake", "_life", "_numbers", "_sender", "streams")

    def __init__(self, streams: dict[int, Stream], numbers: StreamNumbers, sender: Sender, intake: ContentIntake, life: Life) -> None:
        self.streams = streams
        self._numbers = numbers
        self._sender = sender
        self._intake = intake
        self._life = life

    def find(self, number: int) -> Stream:
        """Raises: UsageError if it is not open."""
        stream = self.streams.get(number)
        if stream is None:
            raise UsageError(f"there is no stream {number}")
        return stream

    def is_idle(self, number: int) -> bool:
        """Nobody has opened it yet."""
        return number not in self.streams and self._numbers.is_idle(number)

    def remove(self, stream: Stream, now: float) -> None:
        """A stream is closed."""
        del self.streams[stream.number]
        self._intake.forget(stream, now)
        self._sender.scheduler.closed(stream.number)
        if self._life.state is not _RUNNING:
            self._life.close_when_done()

    def break_off(self, stream: Stream, now: float) -> None:
        """A stream is closed before its end."""
        stream.state = _CLOSED
        self._sender.break_off(stream)
        self.remove(stream, now)

    def reset(self, stream: Stream, code: int, now: float) -> None:
        """We give it up."""
        if stream.state is not _HALF_CLOSED_REMOTE:
            self._numbers.remember_reset(stream.number)
        self.break_off(stream, now)
        self._sender.answer(encode_rst_stream(stream.number, code))

    def fail(self, error: H2StreamError, now: float, events: list[Event]) -> None:
        """An error of a stream; an idle one cannot be reset, so there it is an error of the connection (§5.4.1).

        Raises: H2ConnectionError.
        """
        number = error.stream
        stream = self.streams.get(number)
        if stream is not None:
            self.reset(stream, error.code, now)
            events.append(Aborted(number, error.reason))
        elif self._numbers.is_idle(number):
            raise H2ConnectionError(error.code, error.reason)
        elif not self._numbers.was_reset(number):
            self._numbers.remember_reset(number)
            self._sender.answer(encode_rst_stream(number, error.code))

    def abort_all(self, reason: str) -> list[Event]:
        """The connection is over."""
        gone = sorted(self.streams)
        for number in gone:
            self._sender.break_off(self.streams.pop(number))
        return [Aborted(number, reason) for number in gone]
