# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's end of an HTTP/3 connection.  RFC 9114; an `ExchangeEngine`.

A request that is malformed (§4.1.2) has its stream reset; one that is well-formed and that this server does not accept gives `Refused`, as
in HTTP/1.1: one response may be sent, then what is left of its content is stopped by STOP_SENDING with H3_NO_ERROR (§4.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Aborted, Event, Field, Fields, Refused, RequestHead, RequestStarted, Trailers
from sws.base.errors import DecodeError, H3ConnectionError, H3StreamError, Http1Error, UsageError
from sws.proto.h3.connection import DATA_MAXIMUM, Connection
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import encode_frame, encode_frame_head
from sws.proto.h3.heads import HeadSections, plan_head
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.states import Message, MessageInput
from sws.proto.h3.stream import Stream
from sws.proto.http.idle import IdlePolicy
from sws.proto.http.messages import RequestParser, check_section
from sws.proto.http.priority import Priority, parse_priority
from sws.proto.quic.api import StreamTransport

__all__ = ["ServerConnection"]

_AWAITED: Final = Message.AWAITED
_ENDED: Final = Message.ENDED
_EARLY_MAXIMUM: Final = 128


@final
class ServerConnection(Connection):
    """Engine of one accepted connection.

    Args:
      transport:  the QUIC connection.
      now:        when it was accepted.
      limits:     bounds and time-outs.
      idle:       the idle time-out in force, shared by all connections of a worker.
      date:       gives the value of Date.
      chance:     a number nobody expects, for grease.
      observe:    told the kind of a defence that had to act.
    """

    def __init__(
        self,
        transport: StreamTransport,
        now: float,
        *,
        limits: Http3Limits,
        idle: IdlePolicy,
        date: Callable[[], bytes],
        chance: int = 0,
        observe: Callable[[str], None] | None = None,
    ) -> None:
        if transport.is_client:
            raise UsageError("a server's engine on a client's transport")
        self._idle = idle
        super().__init__(transport, now, limits, chance, observe)
        self._parser = RequestParser(b"https", limits.fields, limits.connect_protocol, 30)
        self._heads = HeadSections(self._encoder, date)
        self._early_priorities: dict[int, Priority] = {}
        self._requests = 0
        self._max_push_id = -1
        self._peer_push_id: int | None = None

    # --- receiving -----------------------------------------------------------------------------------------------

    def _unknown_stream(self, number: int, now: float) -> Stream | None:
        if number & 1 or not self._numbers.take(number):
            return None
        if number >= self._numbers.end:  # RFC 9114 §5.2
            self._transport.reset_stream(number, ErrorCode.H3_REQUEST_REJECTED)
            self._transport.stop_sending(number, ErrorCode.H3_REQUEST_REJECTED)
            return None
        return self._table.begin(number, now)

    def on_head(self, stream: Stream, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """A request."""
        number = stream.number
        del self._table.waiting[number]
        try:
            if fields is None:
                raise Http1Error(431, "the field section is too large")
            request = self._parser.parse(fields)
            declared = self._parser.last.content_length
            if ended and declared:
                raise DecodeError("content and content-length differ")
            if not ended:
                self._check_declared(request, declared)
        except DecodeError as error:
            stream.heard = _AWAITED
            raise H3StreamError(number, ErrorCode.H3_MESSAGE_ERROR, error.what) from None
        except Http1Error as error:
            stream.method = b"HEAD" if fields is not None and (b":method", b"HEAD") in fields else b"GET"
            self._refused(stream, ended, error.status, error.reason, events)
            return
        request.early = not self._handshake_done
        stream.method = request.method
        stream.heard = _ENDED if ended else Message.TUNNEL if request.method == b"CONNECT" else Message.CONTENT
        if not ended:
            stream.expected = declared if request.method != b"CONNECT" else None
            stream.holds = request.index.get(b"expect", b"").lower() == b"100-continue"
            if not stream.holds and request.method != b"CONNECT":
                self._table.uploads[number] = now
        if self._early_priorities or b"priority" in request.index:
            self._prioritise(number, request)
        self._requests += 1
        if self._requests == self._limits.requests:
            self.shutdown(now)
        events.append(RequestStarted(number, request, ended))

    def _check_declared(self, request: RequestHead, length: int | None) -> None:
        """Content that is to come.  Raises: Http1Error 411, 413."""
        limits = self._limits
        if length is None:
            if limits.require_length and request.method != b"CONNECT":
                raise Http1Error(411, "content without content-length")
        elif limits.body is not None and length > limits.body:
            raise Http1Error(413, "the content is too large")

    def _refused(self, stream: Stream, ended: bool, status: int, reason: str, events: list[Event]) -> None:
        stream.heard = _ENDED  # whatever more there is, nobody looks at it
        stream.refused = True
        stream.expected = None
        self._table.uploads.pop(stream.number, None)
        if not ended:
            self._decoder.cancel(stream.number)
        events.append(Refused(stream.number, status, reason))

    def on_trailers(self, stream: Stream, fields: list[Field] | None, now: float, events: list[Event]) -> None:
        """Those of a request."""
        number = stream.number
        if fields is None or len(fields) > self._limits.fields:
            raise H3StreamError(number, ErrorCode.H3_EXCESSIVE_LOAD, "trailers that are too large")
        try:
            section = check_section(fields)
        except DecodeError as error:
            raise H3StreamError(number, ErrorCode.H3_MESSAGE_ERROR, error.what) from None
        stream.heard = Message.TRAILED
        if fields:
            events.append(Trailers(number, section.fields))

    def on_push_promise(self, payload: bytes) -> None:
        """Clients promise nothing."""
        raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "PUSH_PROMISE from a client")

    def content_grew(self, stream: Stream, events: list[Event]) -> None:
        """Up to a bound."""
        maximum = self._limits.body
        if maximum is not None and stream.received > maximum and stream.heard is Message.CONTENT:
            self._content_failed(stream, 413, "the content is too large", events)

    def _content_failed(self, stream: Stream, status: int, reason: str, events: list[Event]) -> None:
        """Content ended badly: an answer that has not begun may say so."""
        if stream.said is _AWAITED:
            self._refused(stream, False, status, reason, events)
        else:
            self._table.give_up(stream, ErrorCode.H3_REQUEST_CANCELLED)
            events.append(Aborted(stream.number, reason))

    def _too_slow(self, stream: Stream, now: float, events: list[Event]) -> None:
        self._content_failed(stream, 408, "the content came too slowly", events)
        self._table.uploads.pop(stream.number, None)

    def _stopped(self, stream: Stream, code: int, now: float, events: list[Event]) -> None:
        """The client does not want the response."""
        told = stream.heard is not _AWAITED
        if stream.said is not _ENDED:
            stream.said = _ENDED
            self._table.give_up(stream, ErrorCode.H3_REQUEST_CANCELLED)
        if told:
            events.append(Aborted(stream.number, f"the client reads no more: {ErrorCode.name_of(code)}"))
        self._budgets.spend("reset", now)

    # --- control -------------------------------------------------------------------------------------------------

    def take_goaway(self, identifier: int, events: list[Event]) -> None:
        """A client's says which pushes it takes: there are none.  RFC 9114 §5.2."""
        if self._peer_push_id is not None and identifier > self._peer_push_id:
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "GOAWAY that takes back an earlier one")
        self._peer_push_id = identifier

    def take_max_push_id(self, identifier: int) -> None:
        """RFC 9114 §7.2.7; nothing is ever pushed."""
        if identifier < self._max_push_id:
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "MAX_PUSH_ID that becomes smaller")
        self._max_push_id = identifier

    def take_priority_update(self, element: int, value: bytes, push: bool) -> None:
        """RFC 9218 §7.2: counts more than the field, even if it came before the request."""
        if push:
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "PRIORITY_UPDATE of a push that was not promised")
        if element & 3:
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "PRIORITY_UPDATE of what is no request stream")
        if element in self._streams:
            self._transport.set_priority(element, *parse_priority(value))
        elif self._numbers.is_ahead(element):
            if len(self._early_priorities) >= _EARLY_MAXIMUM:
                self._early_priorities.clear()
            self._early_priorities[element] = parse_priority(value)

    def _prioritise(self, number: int, request: RequestHead) -> None:
        early = self._early_priorities.pop(number, None)
        if early is None and b"priority" in request.index:
            early = parse_priority(request.index[b"priority"])
        if early is not None:
            self._transport.set_priority(number, *early)

    # --- sending -------------------------------------------------------------------------------------------------

    def expects_continue(self, stream: int) -> bool:
        """The client waits for 100 (Continue) before it sends content.  RFC 9110 §10.1.1."""
        state = self._streams.get(stream)
        return state is not None and state.holds and state.said is _AWAITED

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """A 1xx response.  RFC 9114 §4.1; there is no 101 (§4.5)."""
        state = self._table.find(stream)
        if not 100 <= status <= 199 or status == 101:
            raise UsageError("no informational response of this status is possible here")
        self._table.say(state, MessageInput.INFORM)
        self._transport.send_stream_data(stream, encode_frame(1, self._section(stream, status, fields)))
        if status == 100 and state.holds:
            state.holds = False
            self._table.uploads[stream] = self._life.now

    def _section(self, stream: int, status: int, fields: Fields) -> bytes:
        self._ours.make_room()
        section = self._heads.section(stream, plan_head(status, fields))
        self._ours.flush()
        return section

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """The final response head; a 2xx to CONNECT opens the tunnel.  RFC 9114 §4.3.2, §4.4."""
        if status < 200:
            raise UsageError("use send_informational")
        state = self._table.find(stream)
        frame, ended = self._head(state, status, fields, ended)
        self._transport.send_stream_data(stream, frame, ended)
        if ended:
            self._said_end(state)

    def _head(self, state: Stream, status: int, fields: Fields, ended: bool) -> tuple[bytes, bool]:
        """The HEADERS of a response, and whether it is all."""
        plan = plan_head(status, fields)
        if state.method == b"CONNECT" and status < 300 and not state.refused:
            if plan.length is not None:
                raise UsageError("a tunnel has no content-length (RFC 9110 §9.3.6)")
            self._table.say(state, MessageInput.TUNNEL)
        else:
            if state.method == b"HEAD" or status in (204, 304):
                ended = True
            elif ended and plan.length:
                raise UsageError("content was declared but none is to follow")
            self._table.say(state, MessageInput.HEAD)
            if not ended:
                state.owed = plan.length
        return encode_frame(1, self._section(state.number, status, fields)), ended

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """A whole response, in one piece."""
        if status < 200:
            raise UsageError("use send_informational")
        state = self._table.find(stream)
        frame, ended = self._head(state, status, fields, not content)
        if not ended:
            if state.owed is not None and state.owed != len(content):
                raise UsageError("content and its declared length differ")
            for at in range(0, len(content), DATA_MAXIMUM):
                piece = content[at : at + DATA_MAXIMUM]
                frame += encode_frame_head(0, len(piece)) + piece
        self._transport.send_stream_data(stream, frame, True)
        self._said_end(state)

    def _message_complete(self, stream: Stream) -> None:
        """The response is complete and the request is not."""
        self._table.answered(stream)

    def _quiet_deadline(self) -> float | None:
        if self._streams or self._life.is_leaving:
            return None
        return self._life.quiet_since + self._idle.seconds
