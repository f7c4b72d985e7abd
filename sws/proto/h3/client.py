# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's end of an HTTP/3 connection.  RFC 9114; an `ExchangeEngine`.

Requests may be sent before the server's SETTINGS have come; `is_idle` says whether another may be.  A request's Host becomes `:authority`
(§4.3.1).  Pushes are never allowed, so whatever has to do with them is an error (§4.6).

What a server did not process before its GOAWAY is aborted with words that say so: it may be sent again (§5.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Aborted, Event, Field, Fields, Informational, ResponseStarted, Trailers, TunnelOpened
from sws.base.errors import DecodeError, H3ConnectionError, H3StreamError, LimitExceeded, UsageError
from sws.base.writer import encode_varint
from sws.proto.h3.connection import Connection
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import FrameType, encode_frame
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.states import Message, MessageInput
from sws.proto.h3.stream import Stream
from sws.proto.http.messages import check_section, check_sent, parse_response
from sws.proto.quic.api import StreamTransport

__all__ = ["ClientConnection"]

_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET: Final = re.compile(rb"[!-~]+")
_INFORMATIONAL_MAXIMUM: Final = 64
_SECTION_OVERHEAD: Final = 32


@final
class ClientConnection(Connection):
    """Engine of one connection to a server.

    Args:
      transport:  the QUIC connection.
      now:        when it was made.
      limits:     bounds and time-outs; `head_timeout` is how long a response's head may take.
      chance:     a number nobody expects, for grease.
      observe:    told the kind of a defence that had to act.
    """

    def __init__(
        self,
        transport: StreamTransport,
        now: float,
        *,
        limits: Http3Limits,
        chance: int = 0,
        observe: Callable[[str], None] | None = None,
    ) -> None:
        if not transport.is_client:
            raise UsageError("a client's engine on a server's transport")
        super().__init__(transport, now, limits, chance, observe)

    @property
    def is_idle(self) -> bool:
        """Another request may be sent, as far as HTTP/3 goes; QUIC may still have no stream for it."""
        life = self._life
        return not life.is_leaving and life.peer_goaway is None and not life.wants_close

    @property
    def takes_protocols(self) -> bool:
        """The server understands extended CONNECT.  RFC 9220 §3."""
        return self.peer.connect_protocol

    # --- sending -------------------------------------------------------------------------------------------------

    def send_request(
        self, method: bytes, target: bytes, fields: Fields, now: float, ended: bool = False, protocol: bytes | None = None
    ) -> int:
        """A request head.

        Args:
          target:    origin-form, or for CONNECT the authority; with `protocol` origin-form too.
          fields:    with host; content-length where it is known.
          protocol:  of an extended CONNECT (RFC 9220 §3).
        Returns: the stream's number.
        Raises:  UsageError; LimitExceeded while the server allows no more streams, or for a section larger than it takes (§4.2.2).
        """
        if not self.is_idle:
            raise UsageError("no more requests are possible now")
        if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
            raise UsageError("a method or target that cannot be sent")
        hosts = [value for name, value in fields if name == b"host"]
        if len(hosts) != 1:
            raise UsageError("exactly one host field")
        if protocol is not None and (method != b"CONNECT" or not self.takes_protocols):
            raise UsageError("the server takes no extended CONNECT")
        if method == b"CONNECT" and ended:
            raise UsageError("CONNECT opens a tunnel, and does not end with its head")
        regular = [field for field in check_sent(fields) if field[0] != b"host"]
        length = _declared(regular)
        if ended and length:
            raise UsageError("content was declared but none is to follow")
        section = [*_pseudo(method, target, hosts[0], protocol), *regular]
        size = sum(len(name) + len(value) + _SECTION_OVERHEAD for name, value in section)
        if size > self.peer.section:
            raise LimitExceeded("field section", size, self.peer.section)
        self._life.now = now
        number = self._transport.open_stream(False)
        stream = self._table.begin(number, now)
        stream.method = method
        stream.owed = length
        if method != b"CONNECT":
            self._table.say(stream, MessageInput.HEAD)
        self._transport.send_stream_data(number, encode_frame(1, self._ours.section(number, section)), ended)
        if ended:
            self._said_end(stream)
        return number

    def prioritise(self, stream: int, value: bytes) -> None:
        """Tell the server a new Priority field value of a request.  RFC 9218 §7.2."""
        self._table.find(stream)
        self._ours.control(encode_frame(FrameType.PRIORITY_UPDATE, encode_varint(stream) + value))

    def expects_continue(self, stream: int) -> bool:
        """No: a stream that is refused is reset, and costs nobody a connection."""
        return False

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """Clients send no responses.  Raises: UsageError."""
        raise UsageError("a client sends no responses")

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """Clients send no responses: see `send_request`.  Raises: UsageError."""
        raise UsageError("a client sends no responses")

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """Clients send no responses.  Raises: UsageError."""
        raise UsageError("a client sends no responses")

    # --- receiving -----------------------------------------------------------------------------------------------

    def _unknown_stream(self, number: int, now: float) -> Stream | None:
        if number & 1:
            raise H3ConnectionError(ErrorCode.H3_STREAM_CREATION_ERROR, "a bidirectional stream from a server")  # RFC 9114 §6.1
        return None

    def on_head(self, stream: Stream, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """A response."""
        number = stream.number
        if fields is None or len(fields) > self._limits.fields:
            raise H3StreamError(number, ErrorCode.H3_EXCESSIVE_LOAD, "a field section that is too large")
        try:
            status, section = parse_response(fields)
        except DecodeError as error:
            raise H3StreamError(number, ErrorCode.H3_MESSAGE_ERROR, error.what) from None
        if status < 200:
            stream.informational += 1
            if ended or status == 101 or stream.informational > _INFORMATIONAL_MAXIMUM:
                raise H3StreamError(number, ErrorCode.H3_MESSAGE_ERROR, "an interim response that is none")
            events.append(Informational(number, status, section.fields))
            return
        del self._table.waiting[number]
        if stream.method == b"CONNECT" and status < 300:
            stream.heard = stream.said = Message.TUNNEL
            events.append(ResponseStarted(number, status, section.fields, False))
            events.append(TunnelOpened(number))
            return
        if stream.method == b"CONNECT":
            self._transport.send_stream_data(number, b"", True)
            stream.said = Message.ENDED
        stream.heard = Message.CONTENT
        has_content = stream.method != b"HEAD" and status not in (204, 304)
        stream.expected = section.content_length if has_content else 0
        if ended and stream.expected:
            raise H3StreamError(number, ErrorCode.H3_MESSAGE_ERROR, "content and content-length differ")
        if not ended:
            self._table.uploads[number] = now
        events.append(ResponseStarted(number, status, section.fields, ended))
        if ended:
            stream.heard = Message.ENDED
            if stream.said is Message.ENDED:
                self._table.remove(stream)

    def on_trailers(self, stream: Stream, fields: list[Field] | None, now: float, events: list[Event]) -> None:
        """Those of a response."""
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
        """Pushes are never allowed."""
        raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "a push that was not allowed")

    def content_grew(self, stream: Stream, events: list[Event]) -> None:
        """Up to a bound."""
        maximum = self._limits.body
        if maximum is not None and stream.received > maximum and stream.heard is not Message.TUNNEL:
            raise H3StreamError(stream.number, ErrorCode.H3_REQUEST_CANCELLED, "the content is too large")

    def _too_slow(self, stream: Stream, now: float, events: list[Event]) -> None:
        error = H3StreamError(stream.number, ErrorCode.H3_REQUEST_CANCELLED, "the content came too slowly")
        self._table.fail(error, now, events)

    def _stopped(self, stream: Stream, code: int, now: float, events: list[Event]) -> None:
        """The server reads no more of the request; with H3_NO_ERROR its response counts.  RFC 9114 §4.1.1."""
        if code == ErrorCode.H3_NO_ERROR and stream.said is not Message.TUNNEL:
            self._said_end(stream)
            return
        self._table.give_up(stream, ErrorCode.H3_REQUEST_CANCELLED)
        again = ": it may be sent again" if code == ErrorCode.H3_REQUEST_REJECTED else ""
        events.append(Aborted(stream.number, f"the server reads no more: {ErrorCode.name_of(code)}{again}"))

    # --- control -------------------------------------------------------------------------------------------------

    def take_goaway(self, identifier: int, events: list[Event]) -> None:
        """RFC 9114 §5.2: nothing new, and what it did not process will not be."""
        if identifier & 3:
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "GOAWAY with what is no request stream")
        if self._life.peer_goaway is not None and identifier > self._life.peer_goaway:
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "GOAWAY that takes back an earlier one")
        self._life.peer_goaway = identifier
        for number in sorted(number for number in self._streams if number >= identifier):
            self._table.give_up(self._streams[number], ErrorCode.H3_REQUEST_CANCELLED)
            events.append(Aborted(number, "the server went away before it processed this: it may be sent again"))
        self._life.close_when_done()

    def take_max_push_id(self, identifier: int) -> None:
        """Only clients send it.  RFC 9114 §7.2.7."""
        raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "MAX_PUSH_ID from a server")

    def take_priority_update(self, element: int, value: bytes, push: bool) -> None:
        """Only clients send it.  RFC 9218 §7.2."""
        raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "PRIORITY_UPDATE from a server")


def _pseudo(method: bytes, target: bytes, host: bytes, protocol: bytes | None) -> list[Field]:
    """RFC 9114 §4.3.1, §4.4; RFC 9220 §3."""
    if method == b"CONNECT" and protocol is None:
        return [(b":method", method), (b":authority", target)]
    found: list[Field] = [(b":method", method), (b":scheme", b"https"), (b":authority", host), (b":path", target)]
    if protocol is not None:
        found.append((b":protocol", protocol))
    return found


def _declared(fields: Fields) -> int | None:
    lengths = [value for name, value in fields if name == b"content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise UsageError("one content-length, in digits")
    return int(lengths[0])
