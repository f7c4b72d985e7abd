# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's end of an HTTP/2 connection.  RFC 9113; an `ExchangeEngine`.

A request that is malformed (§8.1.1) gets RST_STREAM; one that is well-formed and that this server does not accept gives `Refused`, as in
HTTP/1.1: one response may be sent, then what is left of its content is stopped by RST_STREAM with NO_ERROR (§8.1).

The usual exchange, a request without content and a response that is at hand as a whole, is one look at the stream's state and four pieces
of octets for the output: two frame headers, the head's field block (proto.h2.heads) and the content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Aborted, Event, Field, Fields, Refused, RequestHead, RequestStarted, Trailers
from sws.base.errors import H2ConnectionError, H2StreamError, Http1Error, UsageError
from sws.proto.h2.connection import Connection
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import FrameHeader, decode_priority_update, encode_rst_stream
from sws.proto.h2.heads import HeadBlocks, plan_head
from sws.proto.h2.limits import Http2Limits, IdlePolicy
from sws.proto.h2.sending import FRAME_HEAD
from sws.proto.h2.states import ConnectionState, Intake, IntakeInput, Message, MessageInput, StreamState
from sws.proto.h2.stream import Stream
from sws.proto.http.early import MOMENT
from sws.proto.http.messages import RequestParser, check_section
from sws.proto.http.priority import Priority, parse_priority

__all__ = ["ServerConnection"]

_OPEN: Final = StreamState.OPEN
_HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL
_HALF_CLOSED_REMOTE: Final = StreamState.HALF_CLOSED_REMOTE
_CLOSED: Final = StreamState.CLOSED
_AWAITED: Final = Message.AWAITED
_ENDED: Final = Message.ENDED
_HELD: Final = Intake.HELD
_RUNNING: Final = ConnectionState.OPEN
_BLOCK_MAXIMUM: Final = 16384


@final
class ServerConnection(Connection):
    """Engine of one accepted connection.

    Args:
      now:      when it was accepted.
      limits:   bounds and time-outs.
      idle:     the idle time-out in force, shared by all connections of a worker.
      date:     gives the value of Date.
      scheme:   b"https" behind TLS.
      observe:  told the kind of a defence that had to act.
    """

    def __init__(
        self,
        now: float,
        *,
        limits: Http2Limits,
        idle: IdlePolicy,
        date: Callable[[], bytes],
        scheme: bytes = b"http",
        observe: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(now, limits, client=False, observe=observe)
        self._idle = idle
        self._parser = RequestParser(scheme, limits.fields, limits.connect_protocol, 20)
        self._heads = HeadBlocks(self._encoder, date)
        self._early_priorities: dict[int, Priority] = {}
        self._requests = 0

    # --- receiving -----------------------------------------------------------------------------------------------

    def _on_section(self, number: int, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        numbers = self._numbers
        if number <= numbers.highest or not number & 1 or number > numbers.accepted:
            self._later_section(number, fields, ended, events)
            return
        numbers.open(number)
        streams = self._streams
        if len(streams) >= self._limits.streams:
            self._refuse_stream(number, now)
            return
        try:
            if fields is None:
                raise Http1Error(431, "the field section is too large")
            request = self._parser.parse(fields)
            if not ended:
                self._check_declared(request)
            elif self._parser.last.content_length:
                raise H2StreamError(number, ErrorCode.PROTOCOL_ERROR, "content and content-length differ")
        except Http1Error as error:
            self._refuse_head(number, fields, ended, error, events)
            return
        stream = streams[number] = Stream(number, _HALF_CLOSED_REMOTE if ended else _OPEN, self._peer.window)
        if request.method != b"GET":
            stream.method = request.method
        if not ended:
            stream.expected = self._parser.last.content_length
            stream.since = stream.last = now
            if request.index.get(b"expect", b"").lower() == b"100-continue":
                self._intake_step(stream, IntakeInput.HOLD)
        if self._tree is not None:
            self._tree.opened(number)
        elif self._early_priorities or b"priority" in request.index:
            self._prioritise(number, request)
        self._requests += 1
        if self._requests == self._limits.requests:
            self.shutdown(now)
        events.append(RequestStarted(number, request, ended))

    def _later_section(self, number: int, fields: list[Field] | None, ended: bool, events: list[Event]) -> None:
        """HEADERS for a stream that is not new: trailers, or nothing good."""
        if not number & 1:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "a client's stream has an odd number")
        stream = self._streams.get(number)
        if stream is None:
            self._numbers.check_late(number, "HEADERS")
            return
        if stream.state is not _OPEN and stream.state is not _HALF_CLOSED_LOCAL:
            raise H2StreamError(number, ErrorCode.STREAM_CLOSED, "HEADERS behind END_STREAM")
        if not ended or stream.said is Message.TUNNEL:
            raise H2StreamError(number, ErrorCode.PROTOCOL_ERROR, "HEADERS in the middle of a message")
        if fields is None or len(fields) > self._limits.fields:
            raise H2StreamError(number, ErrorCode.ENHANCE_YOUR_CALM, "trailers that are too large")
        section = check_section(fields)
        self._check_content(stream, 0, True)
        if fields and stream.intake <= _HELD:
            events.append(Trailers(number, section.fields))
        self._peer_ended(stream, events)

    def _refuse_stream(self, number: int, now: float) -> None:
        """Beyond SETTINGS_MAX_CONCURRENT_STREAMS.  RFC 9113 §5.1.2; who has not seen our SETTINGS cannot know."""
        self._numbers.remember_reset(number)
        self._sender.answer(encode_rst_stream(number, ErrorCode.REFUSED_STREAM))
        if not self._agreement.is_open:
            self._budgets.spend("refused_stream", now)

    def _check_declared(self, request: RequestHead) -> None:
        """Content that is to come.  Raises: Http1Error 411, 413."""
        length = self._parser.last.content_length
        limits = self._limits
        if length is None:
            if limits.require_length and request.method != b"CONNECT":
                raise Http1Error(411, "content without content-length")
        elif limits.body is not None and length > limits.body:
            raise Http1Error(413, "the content is too large")

    def _refuse_head(self, number: int, fields: list[Field] | None, ended: bool, error: Http1Error, events: list[Event]) -> None:
        stream = self._streams[number] = Stream(number, _HALF_CLOSED_REMOTE if ended else _OPEN, self._peer.window)
        stream.intake = Intake.REFUSED
        if fields is not None and (b":method", b"HEAD") in fields:
            stream.method = b"HEAD"
        if self._tree is not None:
            self._tree.opened(number)
        events.append(Refused(number, error.status, error.reason))

    def _prioritise(self, number: int, request: RequestHead) -> None:
        """PRIORITY_UPDATE counts more than the field, even if it came before the request.  RFC 9218 §7, §8."""
        early = self._early_priorities.pop(number, None)
        if early is not None:
            self._urgencies.prioritise(number, early)
        elif b"priority" in request.index:
            self._urgencies.prioritise(number, parse_priority(request.index[b"priority"]))

    def _on_priority_update(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9218 §7.1."""
        number, value = decode_priority_update(header, payload)
        self._budgets.spend("priority", now)
        if self._tree is not None:
            return
        if number in self._streams:
            self._urgencies.prioritise(number, parse_priority(value))
        elif self._numbers.highest < number <= self._numbers.highest + 2 * self._limits.streams:
            if len(self._early_priorities) >= self._limits.streams:
                self._early_priorities.clear()
            self._early_priorities[number] = parse_priority(value)
        elif number > self._numbers.highest:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE of a stream beyond the limit")

    def _content_grew(self, stream: Stream, events: list[Event]) -> None:
        maximum = self._limits.body
        if maximum is not None and stream.received > maximum and stream.said is not Message.TUNNEL:
            self._content_failed(stream, 413, "the content is too large", events)

    def _content_failed(self, stream: Stream, status: int, reason: str, events: list[Event]) -> None:
        """Content ended badly: an answer that has not begun may say so."""
        if stream.said is _AWAITED:
            self._intake_step(stream, IntakeInput.REFUSE)
            self._intake.forget(stream, self._now)
            events.append(Refused(stream.number, status, reason))
        else:
            self._reset_stream(stream, ErrorCode.CANCEL)
            events.append(Aborted(stream.number, reason))

    def expects_continue(self, stream: int) -> bool:
        """The client waits for 100 (Continue) before it sends content.  RFC 9110 §10.1.1."""
        state = self._streams.get(stream)
        return state is not None and state.intake is _HELD and state.said is _AWAITED

    # --- sending -------------------------------------------------------------------------------------------------

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """A 1xx response.  RFC 9113 §8.1; there is no 101 (§8.6)."""
        state = self._table.find(stream)
        if not 100 <= status <= 199 or status == 101:
            raise UsageError("no informational response of this status is possible here")
        self._saying.say(state, MessageInput.INFORM)
        self._sender.headers(stream, self._heads.block(plan_head(status, fields)), False)
        if status == 100:
            self._intake_step(state, IntakeInput.CONTINUE)
            state.since = state.last = self._now

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """The final response head; a 2xx to CONNECT opens the tunnel.  RFC 9113 §8.3.2, §8.5."""
        if status < 200:
            raise UsageError("use send_informational")
        plan = plan_head(status, fields)
        state = self._table.find(stream)
        if state.method == b"CONNECT" and status < 300:
            if plan.length is not None:
                raise UsageError("a tunnel has no content-length (RFC 9110 §9.3.6)")
            self._saying.say(state, MessageInput.TUNNEL)
        else:
            self._saying.say(state, MessageInput.HEAD)
            if state.method == b"HEAD" or status in (204, 304):
                ended = True
            elif ended and plan.length:
                state.said = _AWAITED
                raise UsageError("content was declared but none is to follow")
            elif not ended:
                state.owed = plan.length
        self._sender.headers(stream, self._heads.block(plan), ended)
        if ended:
            state.said = _ENDED
            self._sender.end(state)

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """A whole response; the usual one leaves at once."""
        plan = plan_head(status, fields)
        state = self._streams.get(stream)
        sender = self._sender
        length = len(content)
        if (
            state is not None
            and state.state is _HALF_CLOSED_REMOTE
            and state.said is _AWAITED
            and plan.whole == length
            and state.method == b"GET"
            and 0 < length <= sender.frame
            and length <= state.window
            and length <= sender.window
            and not sender.queued
        ):
            block = self._heads.block(plan)
            size = len(block)
            if size <= _BLOCK_MAXIMUM:
                sender.window -= length
                sender.ready += length
                sender.out += (
                    FRAME_HEAD(size >> 8, size & 255, 1, 4, stream),
                    block,
                    FRAME_HEAD(length >> 8, length & 255, 0, 1, stream),
                    content,
                )
                del self._streams[stream]
                state.state = _CLOSED
                sender.scheduler.closed(stream)
                if self._life.state is not _RUNNING:
                    self._life.close_when_done()
                return
        self.send_headers(stream, status, fields, not content)
        if content and state is not None and state.said is not _ENDED:
            self.send_data(stream, content, True)

    def _message_complete(self, stream: Stream) -> None:
        """The response is complete and the request is not: drain the rest, or say that it is not wanted.  RFC 9113 §8.1.

        That is said a moment later; see `early`.
        """
        self._intake.forget(stream, self._now)
        left = None if stream.expected is None else stream.expected - stream.received
        if left is not None and left > self._limits.drain:
            self._intake_step(stream, IntakeInput.REFUSE)
        self._intake_step(stream, IntakeInput.ANSWERED)
        stream.last = self._now

    # --- time ----------------------------------------------------------------------------------------------------

    def _quiet_deadline(self) -> float | None:
        return self._quiet_since + self._idle.seconds

    def _check_clocks(self, now: float) -> None:
        super()._check_clocks(now)
        if self._life.state is _RUNNING and not self._streams and now >= self._quiet_since + self._idle.seconds:
            self._life.go()

    def _check_streams(self, now: float, events: list[Event]) -> None:
        super()._check_streams(now, events)
        for stream in tuple(self._streams.values()):
            is_coming = stream.state is _OPEN or stream.state is _HALF_CLOSED_LOCAL
            if is_coming and stream.said is not Message.TUNNEL:
                if stream.intake is not Intake.REFUSED:
                    self._check_upload(stream, now, events)
                elif stream.state is _HALF_CLOSED_LOCAL and now >= stream.last + MOMENT:
                    self._reset_stream(stream, ErrorCode.NO_ERROR)

    def _check_upload(self, stream: Stream, now: float, events: list[Event]) -> None:
        """Content that comes too slowly; the clock stands still while the silence is ours."""
        limits = self._limits
        if stream.intake is _HELD or self._intake.is_shut(stream):
            stream.since += now - self._ticked
            stream.last = now
            return
        arrived = stream.received
        if self._reader.is_within_data_of(stream.number):
            arrived += len(self._reader.rest)
            stream.last = max(stream.last, self._heard)
        if now >= stream.last + limits.body_timeout or now >= stream.since + limits.body_grace + arrived / limits.body_rate:
            self._budgets.note("slow_body")
            self._content_failed(stream, 408, "the content came too slowly", events)
