# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's end of an HTTP/1.1 connection.  RFC 9112; an `ExchangeEngine`.

One exchange at a time: the next request of a pipeline (§9.3.2) is parsed when the response before it has ended.  What arrives
meanwhile stays in the buffer, and `wants_read` turns False when that is more than a head could need.

    _peer      the requester's machine: what the client says       (states.REQUESTER)
    _us        the responder's machine: what we say                (states.RESPONDER)
    _content   of the request, while some is to come
    _owed      octets of content still owed to the client, or None when the length is not declared
    _deadline  when `handle_timeout` has something to do
    _last      shutdown was asked for: the exchange under way is the last one
    _eof       the client will send nothing more: what is in the buffer is all there is

A request that cannot be accepted gives `Refused`: one response may be sent, with `Connection: close`; then the connection closes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Aborted, BodyChunk, Ended, Event, Fields, FileSpan, Output, Refused, RequestHead, RequestStarted, Trailers
from sws.base.errors import Http1Error, UsageError
from sws.proto.http1.chunked import LAST_CHUNK, encode_chunk_head, encode_trailers
from sws.proto.http1.content import RequestContent
from sws.proto.http1.head import check_partial_head
from sws.proto.http1.limits import Http1Limits, IdlePolicy
from sws.proto.http1.request import NO_CONTENT, Framing, parse_request, parse_usual
from sws.proto.http1.response import plan_head
from sws.proto.http1.states import RESPONDER, Said, State

__all__ = ["ServerConnection"]

# Looking a member up in its enumeration costs twenty times as much as a global (CPython 3.11).
_IDLE: Final = State.IDLE
_OWED: Final = State.OWED
_BODY: Final = State.BODY
_DONE: Final = State.DONE
_TUNNEL: Final = State.TUNNEL
_CLOSED: Final = State.CLOSED
_ERROR: Final = State.ERROR

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_AT_ONCE: Final = float("-inf")
_EMPTY_LINES: Final = 4  # octets of CRLF tolerated before a request line, RFC 9112 §2.2


@final
class ServerConnection:
    """Engine of one accepted connection.

    Args:
      now:     when it was accepted.
      limits:  bounds and time-outs.
      idle:    the idle time-out in force, shared by all connections of a worker.
      scheme:  b"https" behind TLS.
      date:    gives the value of Date.
    """

    #: See ExchangeEngine: whatever is ready leaves.
    holds_output = False

    def __init__(
        self,
        now: float,
        *,
        limits: Http1Limits,
        idle: IdlePolicy,
        date: Callable[[], bytes],
        scheme: bytes = b"http",
    ) -> None:
        self._limits = limits
        self._usual = min(limits.request_line, limits.head)
        self._idle = idle
        self._date = date
        self._scheme = scheme
        self._buffer = bytearray()
        self._scanned = 0
        self._peer: State = _IDLE
        self._us: State = _IDLE
        self._stream = 0
        self._request: RequestHead | None = None
        self._framing = NO_CONTENT
        self._refused_method = b"GET"  # HEAD: the response to the refusal has no content either
        self._persistent = True
        self._content: RequestContent | None = None
        self._blank = 0  # octets of empty lines before a request
        self._unconsumed = 0
        self._owed: int | None = 0
        self._chunked_out = False
        self._out: list[Output] = []
        self._queued = 0
        self._deadline: float | None = now + limits.head_timeout
        self._last = False
        self._eof = False
        self.wants_close = False

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_read(self) -> bool:
        """False while more octets would only wait in the buffer."""
        if self.wants_close or self._eof:
            return False
        peer = self._peer
        if peer is _BODY or peer is _TUNNEL:
            return self._unconsumed < self._limits.window
        return peer is _IDLE or len(self._buffer) <= self._limits.head

    @property
    def holds_input(self) -> bool:
        """Something arrived that `receive(b"")` could go on with."""
        return bool(self._buffer) or self._eof

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets from the client; b"" looks again at those held back."""
        events: list[Event] = []
        if self._peer is _IDLE and not self._buffer and data and not self.wants_close:
            request = parse_usual(data, self._limits, self._scheme) if len(data) <= self._usual else None
            if request is not None:
                self._begin(request, NO_CONTENT)
                return [RequestStarted(self._stream, request, True)]
            end = data.find(b"\r\n\r\n")
            if end > 0 and data[0] != 13:
                self._accept_head(data, end, now, events)
                if len(data) == end + 4:
                    return events
                data = data[end + 4 :]
        if data and not self.wants_close:
            self._buffer += data
        while not self.wants_close:
            peer = self._peer
            if peer is _DONE and self._us is _DONE:
                self._next(now)
            elif peer is _IDLE:
                if not self._buffer or not self._find_head(now, events):
                    if self._eof and self._peer is _IDLE:
                        events += self._no_more_requests()
                    break
            elif peer is _BODY and self._content is not None:
                if not self._read_content(self._content, now, events):
                    if self._eof and self._peer is _BODY and self._unconsumed < self._limits.window:
                        events += self._abort("the connection closed within content")
                    break
            elif peer is _TUNNEL:
                self._read_tunnel(events)
                break
            else:
                if peer is not _DONE:
                    self._buffer.clear()
                break
        return events

    def receive_eof(self, now: float) -> list[Event]:
        """The client will send no more; what it has sent is still answered.  RFC 9112 §8, §9.6."""
        self._eof = True
        peer = self._peer
        if peer is _TUNNEL:
            events = self.receive(b"", now)
            self._peer = _CLOSED
            if self._us is _CLOSED:
                self._finish()
            return [*events, Ended(self._stream)]
        if peer is _BODY or peer is _IDLE:
            return self.receive(b"", now)
        return []

    def _no_more_requests(self) -> list[Event]:
        if self._buffer:
            self._stream += 1
            return self._abort("the connection closed within a head")
        self._finish()
        return []

    def _abort(self, reason: str) -> list[Event]:
        self._peer = self._us = _CLOSED
        self._finish()
        return [Aborted(self._stream, reason)]

    def _finish(self) -> None:
        self.wants_close = True
        self._deadline = None
        self._buffer.clear()

    def _find_head(self, now: float, events: list[Event]) -> bool:
        buffer = self._buffer
        if not self._scanned:
            while buffer[:2] == b"\r\n" and self._blank < _EMPTY_LINES:
                self._blank += 2
                del buffer[:2]
            if not buffer or buffer == b"\r":
                return False
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if end < 0:
            try:
                check_partial_head(buffer, self._scanned, self._limits.request_line, self._limits.head)
            except Http1Error as error:
                self._refuse_head(error, buffer, events)
                return False
            if not self._scanned and self._stream:
                self._deadline = now + self._limits.head_timeout
            self._scanned = len(buffer)
            return False
        head = bytes(memoryview(buffer)[: end + 4])
        del buffer[: end + 4]
        self._accept_head(head, end, now, events)
        return True

    def _accept_head(self, data: bytes, end: int, now: float, events: list[Event]) -> None:
        limits = self._limits
        self._scanned = 0
        line_end = data.find(b"\r\n")
        try:
            if line_end > limits.request_line:
                raise Http1Error(414, "the request line is too long")
            if end - line_end > limits.head:
                raise Http1Error(431, "the field section is too large")
            request, framing = parse_request(data[:line_end], data[line_end + 2 : end + 2], limits, self._scheme)
        except Http1Error as error:
            self._refuse_head(self._first_fault(data[: end + 3]) or error, data, events)
            return
        self._begin(request, framing)
        if framing.length == 0:
            events.append(RequestStarted(self._stream, request, True))
            return
        self._peer = _BODY
        self._content = content = RequestContent(limits, framing, now)
        self._deadline = content.deadline(now, self.wants_read)
        events.append(RequestStarted(self._stream, request, False))

    def _begin(self, request: RequestHead, framing: Framing) -> None:
        """An exchange whose request is complete, unless its content is still to come."""
        self._stream = stream = self._stream + 1
        self._request = request
        self._framing = framing
        self._persistent = framing.persistent and not self._last and stream < self._limits.requests
        self._us = _OWED
        self._peer = _DONE
        self._deadline = None

    def _first_fault(self, part: bytes) -> Http1Error | None:
        """What would have been refused had the head come octet by octet."""
        try:
            check_partial_head(part, 0, self._limits.request_line, self._limits.head)
        except Http1Error as error:
            return error
        return None

    def _refuse_head(self, error: Http1Error, head: bytes | bytearray, events: list[Event]) -> None:
        """A response to HEAD has no content, to a refused one neither.  RFC 9110 §9.3.2."""
        self._refused_method = b"HEAD" if head.startswith(b"HEAD ") else b"GET"
        self._refuse(error, events)

    def _refuse(self, error: Http1Error, events: list[Event]) -> None:
        """One response may follow, then the end."""
        if self._peer is _IDLE:
            self._stream += 1
            self._request = None
            self._us = _OWED
        self._peer = _ERROR
        self._persistent = False
        self._deadline = None
        self._buffer.clear()
        events.append(Refused(self._stream, error.status, error.reason))

    def _read_content(self, content: RequestContent, now: float, events: list[Event]) -> bool:
        """One BodyChunk at most; False when nothing more can be read now."""
        budget = self._limits.window - self._unconsumed
        if budget <= 0 or not self._buffer:
            if content.stopped_at is not None:
                self._deadline = content.deadline(now, self.wants_read)
            return False
        wanted = self._us is not _DONE
        try:
            data = content.take(self._buffer, budget)
        except Http1Error as error:
            self._content_failed(error, events)
            return False
        if not wanted:
            content.dropped += len(data)
            if content.dropped > self._limits.drain:
                self._finish()
                return False
        elif data:
            self._unconsumed += len(data)
            events.append(BodyChunk(self._stream, data))
        if not content.done:
            self._deadline = content.deadline(now, self.wants_read)
            return not wanted and bool(self._buffer) and bool(data)
        if wanted:
            if content.trailers:
                events.append(Trailers(self._stream, content.trailers))
            events.append(Ended(self._stream))
        self._content = None
        self._deadline = None
        self._peer = _DONE
        return True

    def _content_failed(self, error: Http1Error, events: list[Event]) -> None:
        if self._us is _OWED:
            self._refuse(error, events)
        elif self._us is _DONE:
            self._finish()
        else:
            events.extend(self._abort(error.reason))

    def _read_tunnel(self, events: list[Event]) -> None:
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            self._unconsumed += len(data)
            events.append(BodyChunk(self._stream, data))

    def consumed(self, stream: int, octets: int) -> None:
        """Give back receive credit; an exchange that is over needs none."""
        if stream == self._stream:
            self._unconsumed = max(0, self._unconsumed - octets)
            self._restart_clock()

    # --- sending -------------------------------------------------------------------------------------------------

    def _say(self, stream: int, said: Said) -> None:
        state = RESPONDER.step((self._us, said)) if stream == self._stream else None
        if state is None:
            raise UsageError(f"{said.name} is not possible in {self._us.name} on stream {stream}")
        self._us = state

    def _write(self, data: Output) -> None:
        self._out.append(data)
        self._queued += len(data) if type(data) is bytes else data.length  # type: ignore[union-attr]

    def expects_continue(self, stream: int) -> bool:
        """The client waits for 100 (Continue) before it sends content.  RFC 9110 §10.1.1."""
        content = self._content
        if stream != self._stream or content is None or self._peer is not _BODY or self._us is not _OWED:
            return False
        return content.expects_continue

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """A 1xx response.  RFC 9110 §15.2; 101 (Switching Protocols, RFC 9110 §7.8) opens the tunnel."""
        request = self._request
        if not 100 <= status <= 199 or stream != self._stream or request is None:
            raise UsageError("no informational response is possible here")
        if status == 101:
            if not self._framing.upgrade or self._peer is not _DONE:
                raise UsageError("no upgrade was asked for, or its request is not complete")
            plan = plan_head(101, fields)
            if not plan.upgrade:
                raise UsageError("101 names the protocol in upgrade (RFC 9110 §15.2.2)")
            self._say(stream, Said.SWITCH)
            self._peer = _TUNNEL
            self._unconsumed = 0
            self._write(plan.block + b"\r\n")
            return
        self._say(stream, Said.INFORMATIONAL)
        if request.version < 11:
            return  # a 1.0 client does not know 1xx, RFC 9110 §15.2
        if status == 100:
            if self._content is not None:
                self._content.expects_continue = False
            self._write(_CONTINUE)
            self._restart_clock()
        else:
            self._write(plan_head(status, fields).block + b"\r\n")

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """The final response head; decides the framing of the content.  RFC 9112 §6."""
        if status < 200:
            raise UsageError("use send_informational")
        plan = plan_head(status, fields)
        if stream != self._stream or self._us is not _OWED:
            raise UsageError(f"no response is owed on stream {stream}")
        request = self._request
        method = self._refused_method if request is None else request.method
        version = 10 if request is None else request.version  # who was refused may know no chunks
        parts = [plan.block]
        if not plan.has_date:
            parts.append(b"date: %b\r\n" % self._date())
        if method == b"CONNECT" and status < 300 and request is not None:
            if plan.content_length is not None:
                raise UsageError("a tunnel has no content-length (RFC 9110 §9.3.6)")
            self._open_connect_tunnel(stream, parts)
            return
        self._chunked_out = False
        if method == b"HEAD" or status in (204, 304):
            self._owed = 0
            ended = True
        elif plan.content_length is not None:
            self._owed = plan.content_length
            if ended and self._owed:
                raise UsageError("content was declared but none is to follow")
        elif ended:
            self._owed = 0
            parts.append(b"content-length: 0\r\n")
        elif version >= 11:
            self._owed = None
            self._chunked_out = True
            parts.append(b"transfer-encoding: chunked\r\n")
        else:
            self._owed = None
            self._persistent = False
        if plan.close or (self._content is not None and self._peer is _BODY and self._content.is_hopeless):
            self._persistent = False
        if not self._persistent:
            parts.append(b"connection: close\r\n")
        elif version < 11:
            parts.append(b"connection: keep-alive\r\n")
        parts.append(b"\r\n")
        self._say(stream, Said.HEAD_ENDED if ended else Said.HEAD)
        self._write(b"".join(parts))
        if ended:
            self._message_sent()

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """A whole response.  The usual one, to a complete 1.1 request on a connection that goes on, is one join of octets."""
        request = self._request
        plan = plan_head(status, fields)
        if (
            self._framing is NO_CONTENT
            and self._persistent
            and self._us is _OWED
            and stream == self._stream
            and plan.whole == len(content)
            and request is not None
            and request.method == b"GET"
        ):
            self._us = _DONE
            self._request = None  # until the turn's end what is kept costs PyPy's collector two copies
            response = b"".join((plan.block, b"date: ", self._date(), b"\r\n\r\n", content))
            self._out.append(response)
            self._queued += len(response)
            return
        self.send_headers(stream, status, fields, not content)
        if content and self._us is _BODY:
            self.send_data(stream, content, True)

    def _open_connect_tunnel(self, stream: int, parts: list[bytes]) -> None:
        self._say(stream, Said.SWITCH)
        self._peer = _TUNNEL
        self._unconsumed = 0
        self._write(b"".join((*parts, b"\r\n")))

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content, or raw octets in a tunnel."""
        length = len(data) if type(data) is bytes else data.length  # type: ignore[union-attr]
        if self._us is _TUNNEL and stream == self._stream:
            self._write(data)
            if ended:
                self._close_tunnel()
            return
        if self._us is not _BODY or stream != self._stream:
            raise UsageError(f"no content is possible on stream {stream}")
        owed = self._owed
        if owed is not None:
            if length > owed or (ended and length < owed):
                raise UsageError("content and its declared length differ")
            self._owed = owed - length
            if length:
                self._write(data)
        elif length and self._chunked_out:
            self._write_chunk(data, length, ended)
        elif length:
            self._write(data)
        elif ended and self._chunked_out:
            self._write(LAST_CHUNK)
        if ended:
            self._say(stream, Said.END)
            self._message_sent()

    def _write_chunk(self, data: Output, length: int, ended: bool) -> None:
        tail = b"\r\n" + LAST_CHUNK if ended else b"\r\n"
        if isinstance(data, FileSpan):
            self._write(encode_chunk_head(length))
            self._write(data)
            self._write(tail)
        else:
            self._write(b"".join((encode_chunk_head(length), data, tail)))

    def _close_tunnel(self) -> None:
        self._say(self._stream, Said.CLOSE)
        if self._peer is _CLOSED:
            self._finish()

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """End chunked content with trailer fields; where the framing has no place for them they are dropped (RFC 9110 §6.5.1)."""
        if self._us is not _BODY or stream != self._stream or self._owed:
            raise UsageError(f"no trailers are possible on stream {stream}")
        trailers = encode_trailers(fields)
        if self._chunked_out:
            self._write(trailers)
        self._say(stream, Said.END)
        self._message_sent()

    def _message_sent(self) -> None:
        """Our message is complete: close, drain what is left of the request, or go on."""
        if self._peer is _BODY and self._persistent:
            self._unconsumed = 0  # nobody wants it any more; `drain` bounds it
            self._restart_clock()
            return
        if self._peer is _DONE and self._persistent:
            return
        self._us = _CLOSED
        self._finish()

    def _next(self, now: float) -> None:
        """Both are done, and the connection persists (`_message_sent` ends one that does not): wait for the next request."""
        self._peer = self._us = _IDLE
        self._request = None
        self._unconsumed = self._blank = 0
        self._deadline = now + self._idle.seconds

    def reset(self, stream: int, reason: str) -> None:
        """Close at once: HTTP/1.1 has no other way to take back a response (RFC 9112 §8)."""
        if stream == self._stream:
            self._peer = self._us = _CLOSED
            self._finish()

    def credit(self, stream: int) -> int:
        """How many octets may be queued now."""
        return max(0, self._limits.queue - self._queued) if stream == self._stream else 0

    def data_to_send(self, now: float) -> list[Output]:
        """What has to leave; when that is the end of an exchange, the wait for the next one begins."""
        if self._us is _DONE and self._peer is _DONE and not self._buffer and not self._eof:
            self._next(now)
        out = self._out
        if out:
            self._out = []
            self._queued = 0
        return out

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `handle_timeout` has something to do."""
        return self._deadline

    def _restart_clock(self) -> None:
        """A verb, which knows no time, ended our silence: the next call that knows it sets the deadline, and must come at once."""
        content = self._content
        if content is not None and content.stopped_at is not None and self._peer is _BODY and self.wants_read:
            self._deadline = _AT_ONCE

    def handle_timeout(self, now: float) -> list[Event]:
        """Idle: close in silence (RFC 9112 §9.5). Within a head or content: 408 (RFC 9110 §15.5.9)."""
        if self._deadline is None or now < self._deadline:
            return []
        if self._deadline == _AT_ONCE and self._content is not None:
            self._deadline = self._content.deadline(now, self.wants_read)
            return []
        events: list[Event] = []
        if self._peer is _IDLE and not self._buffer:
            self._finish()
        elif self._peer is _IDLE:
            self._refuse_head(Http1Error(408, "the head did not come in time"), self._buffer, events)
        else:
            self._content_failed(Http1Error(408, "the content came too slowly"), events)
        return events

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Close after the exchange that is under way.

        HTTP/1.1 cannot tell an idle client that its connection will close, and a request may be on its way already: so an idle
        connection is kept for `patience` seconds, and the response to what comes says `Connection: close`.
        """
        if self._us is _DONE and self._peer is _DONE:  # its answer may not have left yet, but it has been given, and promised more
            self._next(now)
        self._last = True
        if self._peer is not _IDLE:
            self._persistent = False
        elif self._buffer:  # a head is on its way, and has its own deadline
            return []
        elif patience > 0:
            self._deadline = min(now + patience, self._deadline or now + patience)
        else:
            self._finish()
        return []
