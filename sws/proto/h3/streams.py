# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The request streams of a connection whose exchange is not over, and how they end.  RFC 9114 §4.1.1, §8.

    streams   by number
    waiting   those without a complete head, and since when
    uploads   those whose content is not complete, and when the last of it came
    unwanted  those answered before their request was complete, and since when: more of it is read and thrown away, as what comes on any
              stream whose exchange is over

The latter three are in the order of their times.  What the end of a stream takes back is the credit of what nobody will consume.

That the rest of a request is not wanted (§4.1) is said a moment after the answer; `proto/http/early` says why.  A stream stays open until
the client has ended its part, so that QUIC's limit bounds how many wait.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.engine import Aborted, Event
from sws.base.errors import H3StreamError, UsageError
from sws.proto.h3.budgets import Budgets
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.life import Life
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.states import MESSAGE, Message, MessageInput
from sws.proto.h3.stream import Stream
from sws.proto.http.early import MOMENT
from sws.proto.qpack import Decoder
from sws.proto.quic.api import StreamTransport

__all__ = ["StreamTable"]

_AWAITED: Final = Message.AWAITED
_ENDED: Final = Message.ENDED
_SINCE_NOW: Final = float("-inf")


@final
class StreamTable:
    """Those of one connection.

    Args:
      streams:  the dictionary is shared with whoever looks streams up.
    """

    __slots__ = ("_budgets", "_client", "_decoder", "_life", "_limits", "_transport", "streams", "unwanted", "uploads", "waiting")

    def __init__(
        self, streams: dict[int, Stream], transport: StreamTransport, limits: Http3Limits, decoder: Decoder, budgets: Budgets, life: Life
    ) -> None:
        self.streams = streams
        self.waiting: dict[int, float] = {}
        self.uploads: dict[int, float] = {}
        self.unwanted: dict[int, float] = {}
        self._transport = transport
        self._client = transport.is_client
        self._limits = limits
        self._decoder = decoder
        self._budgets = budgets
        self._life = life

    def begin(self, number: int, now: float) -> Stream:
        """An exchange."""
        stream = self.streams[number] = Stream(number, self._limits.frame)
        self.waiting[number] = now
        return stream

    def find(self, number: int) -> Stream:
        """Raises: UsageError if its exchange is over, or never was."""
        stream = self.streams.get(number)
        if stream is None:
            raise UsageError(f"there is no stream {number}")
        return stream

    def say(self, stream: Stream, said: MessageInput) -> None:
        """Our message goes on.  Raises: UsageError where it cannot."""
        state = MESSAGE.step((stream.said, said))
        if state is None:
            raise UsageError(f"{said.name} is not possible on stream {stream.number} now")
        stream.said = state

    def upload_went_on(self, number: int, now: float) -> None:
        """Content came, or its silence is ours."""
        del self.uploads[number]
        self.uploads[number] = now

    # --- the end -------------------------------------------------------------------------------------------------

    def remove(self, stream: Stream) -> None:
        """An exchange is over."""
        number = stream.number
        del self.streams[number]
        self.waiting.pop(number, None)
        self.uploads.pop(number, None)
        if stream.unconsumed or stream.withheld:
            self._transport.consumed(number, stream.unconsumed + stream.withheld)
        if not self.streams:
            self._life.became_quiet()

    def answered(self, stream: Stream) -> None:
        """Our message is complete, and nobody wants what is left of the peer's.  RFC 9114 §4.1."""
        if not stream.fin:
            self.unwanted[stream.number] = _SINCE_NOW  # verbs know no time: the next check does
        if stream.heard is not _ENDED:
            self._decoder.cancel(stream.number)
        self.remove(stream)

    def give_up(self, stream: Stream, code: int) -> None:
        """Both parts of a stream.  RFC 9114 §4.1.1."""
        transport = self._transport
        if stream.said is not _ENDED:
            transport.reset_stream(stream.number, code)
        if not stream.fin:
            transport.stop_sending(stream.number, code)
        if stream.heard is not _ENDED:
            self._decoder.cancel(stream.number)
        self.remove(stream)

    def fail(self, error: H3StreamError, now: float, events: list[Event]) -> None:
        """An error of a stream.  RFC 9114 §8."""
        stream = self.streams.get(error.stream)
        if stream is None:
            return
        told = stream.heard is not _AWAITED or self._client
        self.give_up(stream, error.code)
        self._tell(stream, told, error.reason, now, events)

    def was_reset(self, stream: Stream, reason: str, now: float, events: list[Event]) -> None:
        """The peer gave up its part."""
        told = stream.heard is not _AWAITED or self._client
        self.remove(stream)
        self._tell(stream, told, reason, now, events)

    def _tell(self, stream: Stream, told: bool, reason: str, now: float, events: list[Event]) -> None:
        if told:
            events.append(Aborted(stream.number, reason))
        if not self._client:
            self._budgets.spend("reset", now)

    def forget_all(self, reason: str) -> list[Event]:
        """Nothing goes on."""
        gone = sorted(number for number, stream in self.streams.items() if stream.heard is not _AWAITED or self._client)
        self.streams.clear()
        self.waiting.clear()
        self.uploads.clear()
        self.unwanted.clear()
        return [Aborted(number, reason) for number in gone]

    # --- time ----------------------------------------------------------------------------------------------------

    def deadlines(self) -> list[float]:
        """When the slowest head and the slowest content have been awaited for too long, and what is unwanted may be told so."""
        times = []
        if self.waiting:
            times.append(next(iter(self.waiting.values())) + self._limits.head_timeout)
        if self.uploads:
            times.append(next(iter(self.uploads.values())) + self._limits.body_timeout)
        if self.unwanted:
            times.append(next(iter(self.unwanted.values())) + MOMENT)
        return times

    def stop_unwanted(self, now: float) -> None:
        """Tell those peers whose moment is over to send no more."""
        for number, since in tuple(self.unwanted.items()):
            if since == _SINCE_NOW:
                self.unwanted[number] = now
            elif now >= since + MOMENT:
                del self.unwanted[number]
                self._transport.stop_sending(number, ErrorCode.H3_NO_ERROR)

    def slow_head(self, now: float) -> int | None:
        """A stream whose head was awaited for too long."""
        for number, since in self.waiting.items():
            return number if now >= since + self._limits.head_timeout else None
        return None

    def slow_upload(self, now: float) -> Stream | None:
        """A stream whose content was."""
        for number, last in self.uploads.items():
            return self.streams[number] if now >= last + self._limits.body_timeout else None
        return None
