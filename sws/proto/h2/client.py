# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's end of an HTTP/2 connection.  RFC 9113; an `ExchangeEngine`.

Requests may be sent before the server's SETTINGS have come (§3.4), as many at once as it allows; `is_idle` says whether another may be.
A request's Host becomes `:authority` (§8.3.1).  `heard` of a stream is how far its response is: AWAITED (1xx may come), CONTENT, TUNNEL.

A response is complete with END_STREAM only.  A server that has said all may reset the stream to stop the rest of the request (§8.1): its
response counts.  What a server did not process before its GOAWAY is aborted with words that say so: it may be sent again (§8.7).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Aborted, Event, Field, Fields, Informational, ResponseStarted, Trailers, TunnelOpened
from sws.base.errors import H2StreamError, UsageError
from sws.proto.h2.connection import Connection
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import encode_priority_update
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.states import ConnectionState, Message, StreamState
from sws.proto.h2.stream import Stream
from sws.proto.http.messages import CheckedSection, check_section, check_sent, parse_response

__all__ = ["ClientConnection"]

_OPEN: Final = StreamState.OPEN
_HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL
_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET: Final = re.compile(rb"[!-~]+")
_HOST: Final = re.compile(rb"[!-?A-~]+")  # userinfo may not be there: RFC 9113 §8.3.1
_INFORMATIONAL_MAXIMUM: Final = 64
_STREAMS_ASSUMED: Final = 100  # §6.5.2: until the server says
_LAST_STREAM: Final = (1 << 31) - 1


@final
class ClientConnection(Connection):
    """Engine of one connection to a server.

    Args:
      now:      when it was made.
      limits:   bounds and time-outs; `head_timeout` is how long a response's head may take.
      scheme:   b"https" over TLS.
      observe:  told the kind of a defence that had to act.
    """

    def __init__(self, now: float, *, limits: Http2Limits, scheme: bytes = b"http", observe: Callable[[str], None] | None = None) -> None:
        super().__init__(now, limits, client=True, observe=observe)
        self._scheme = scheme
        self._last = CheckedSection([], [], None)

    @property
    def is_idle(self) -> bool:
        """Another request may be sent now."""
        state = self._life.state
        if state is not ConnectionState.OPEN and state is not ConnectionState.PREFACE:
            return False
        allowed = self._peer.streams
        return len(self._streams) < (_STREAMS_ASSUMED if allowed is None else allowed) and self._numbers.highest + 2 <= _LAST_STREAM

    @property
    def output_ended(self) -> bool:
        """Never: other streams have things to say."""
        return False

    @property
    def takes_protocols(self) -> bool:
        """The server understands extended CONNECT.  RFC 8441 §3."""
        return self._peer.connect_protocol

    # --- sending -------------------------------------------------------------------------------------------------

    def send_request(
        self, method: bytes, target: bytes, fields: Fields, now: float, ended: bool = False, protocol: bytes | None = None
    ) -> int:
        """A request head.

        Args:
          target:    origin-form, or for CONNECT the authority; with `protocol` origin-form too.
          fields:    with host; content-length where it is known.
          protocol:  of an extended CONNECT (RFC 8441 §4).
        Returns: the stream's number.
        Raises:  UsageError.
        """
        if not self.is_idle:
            raise UsageError("no more requests are possible now")
        if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
            raise UsageError("a method or target that cannot be sent")
        hosts = [value for name, value in fields if name == b"host"]
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            raise UsageError("exactly one host field, without userinfo")
        if protocol is not None and (method != b"CONNECT" or not self.takes_protocols):
            raise UsageError("the server takes no extended CONNECT")
        if method == b"CONNECT" and ended:
            raise UsageError("CONNECT opens a tunnel, and does not end with its head")
        regular = [field for field in check_sent(fields) if field[0] != b"host"]
        length = _declared(regular)
        if ended and length:
            raise UsageError("content was declared but none is to follow")
        self._now = now
        number = self._numbers.highest + 2 if self._numbers.highest else 1
        self._numbers.open(number)
        stream = self._streams[number] = Stream(number, _OPEN, self._peer.window)
        stream.method = method
        stream.since = stream.last = now
        stream.owed = length
        stream.said = Message.CONTENT
        pseudo = self._pseudo(method, target, hosts[0], protocol)
        self._sender.headers(number, self._encoder.encode([*pseudo, *regular]), ended)
        if ended:
            stream.said = Message.ENDED
            stream.owed = None
            self._sender.end(stream)
        return number

    def _pseudo(self, method: bytes, target: bytes, host: bytes, protocol: bytes | None) -> list[Field]:
        """RFC 9113 §8.3.1, §8.5; RFC 8441 §4."""
        if method == b"CONNECT" and protocol is None:
            return [(b":method", method), (b":authority", target)]
        found: list[Field] = [(b":method", method), (b":scheme", self._scheme), (b":authority", host), (b":path", target)]
        if protocol is not None:
            found.append((b":protocol", protocol))
        return found

    def prioritise(self, stream: int, value: bytes) -> None:
        """Tell the server a new Priority field value of a request.  RFC 9218 §7.1."""
        self._table.find(stream)
        self._sender.out.append(encode_priority_update(stream, value))

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

    def _message_complete(self, stream: Stream) -> None:
        """From now on the silence is the server's."""
        stream.last = self._now

    # --- receiving -----------------------------------------------------------------------------------------------

    def _on_section(self, number: int, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        stream = self._streams.get(number)
        if stream is None:
            self._numbers.check_late(number, "HEADERS")
            return
        if stream.state is not _OPEN and stream.state is not _HALF_CLOSED_LOCAL:
            raise H2StreamError(number, ErrorCode.STREAM_CLOSED, "HEADERS behind END_STREAM")
        if fields is None or len(fields) > self._limits.fields:
            raise H2StreamError(number, ErrorCode.ENHANCE_YOUR_CALM, "a field section that is too large")
        stream.last = now
        if stream.heard is Message.AWAITED:
            self._on_head(stream, fields, ended, events)
        elif stream.heard is Message.TUNNEL or not ended:
            raise H2StreamError(number, ErrorCode.PROTOCOL_ERROR, "HEADERS in the middle of a message")
        else:
            section = check_section(fields)
            self._check_content(stream, 0, True)
            if fields:
                events.append(Trailers(number, section.fields))
            self._peer_ended(stream, events)

    def _on_head(self, stream: Stream, fields: list[Field], ended: bool, events: list[Event]) -> None:
        number = stream.number
        status, section = parse_response(fields)
        if status < 200:
            stream.informational += 1
            if ended or status == 101 or stream.informational > _INFORMATIONAL_MAXIMUM:
                raise H2StreamError(number, ErrorCode.PROTOCOL_ERROR, "an interim response that is none")
            events.append(Informational(number, status, section.fields))
            return
        has_content = stream.method != b"HEAD" and status not in (204, 304)
        if stream.method == b"CONNECT" and status < 300:
            stream.heard = stream.said = Message.TUNNEL
            events.append(ResponseStarted(number, status, section.fields, False))
            events.append(TunnelOpened(number))
        else:
            stream.heard = Message.CONTENT
            stream.expected = section.content_length if has_content else 0
            if ended and stream.expected:
                raise H2StreamError(number, ErrorCode.PROTOCOL_ERROR, "content and content-length differ")
            events.append(ResponseStarted(number, status, section.fields, ended))
        if ended:
            told: list[Event] = []
            self._peer_ended(stream, told)
            if stream.heard is Message.TUNNEL:
                events += told

    def _check_content(self, stream: Stream, size: int, ended: bool) -> None:
        if stream.heard is Message.AWAITED:
            raise H2StreamError(stream.number, ErrorCode.PROTOCOL_ERROR, "content before a response's head")
        super()._check_content(stream, size, ended)

    def _content_grew(self, stream: Stream, events: list[Event]) -> None:
        maximum = self._limits.body
        if maximum is not None and stream.received > maximum and stream.heard is not Message.TUNNEL:
            self._reset_stream(stream, ErrorCode.CANCEL)
            events.append(Aborted(stream.number, "the content is too large"))

    # --- time ----------------------------------------------------------------------------------------------------

    def _check_streams(self, now: float, events: list[Event]) -> None:
        super()._check_streams(now, events)
        limits = self._limits
        for stream in tuple(self._streams.values()):
            if stream.heard is Message.TUNNEL or stream.said is not Message.ENDED:
                continue
            if self._intake.is_shut(stream):
                stream.last = now
            elif self._reader.is_within_data_of(stream.number):
                stream.last = self._heard
            patience = limits.head_timeout if stream.heard is Message.AWAITED else limits.body_timeout
            if now >= stream.last + patience:
                self._reset_stream(stream, ErrorCode.CANCEL)
                events.append(Aborted(stream.number, "the server did not answer in time"))


def _declared(fields: Fields) -> int | None:
    lengths = [value for name, value in fields if name == b"content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise UsageError("one content-length, in digits")
    return int(lengths[0])
