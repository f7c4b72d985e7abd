# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's end of an HTTP/1.1 connection.  RFC 9112; an `ExchangeEngine` for the proxy, the benchmark and tests.

One request at a time: `send_request` opens stream n, and the next may follow once its response has ended and `is_idle` is true.
The response's framing (§6.3) depends on the request: HEAD, 1xx, 204, 304 have no content; a 2xx to CONNECT opens a tunnel; then
Transfer-Encoding, Content-Length, and last the close of the connection decide.

More is forgiven than on the server's end only where the RFC tells a recipient of responses to: obs-fold becomes a space (§5.2),
white space before a colon is dropped (§5.1).  Everything else malformed is an `Aborted` with the reason; the connection is done for.
"""

from __future__ import annotations

import re
from typing import Final, final

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Ended,
    Event,
    Fields,
    FileSpan,
    Informational,
    Output,
    ResponseStarted,
    Trailers,
    TunnelOpened,
    index_fields,
)
from sws.base.errors import Http1Error, UsageError
from sws.proto.http1.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk_head, encode_trailers
from sws.proto.http1.head import parse_fields, parse_status_line, unfold
from sws.proto.http1.limits import Http1Limits
from sws.proto.http1.request import content_length_of, has_token, transfer_codings
from sws.proto.http1.response import encode_fields
from sws.proto.http1.states import REQUESTER, Said, State

__all__ = ["ClientConnection"]

_INFORMATIONAL_MAXIMUM: Final = 32
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_AT_ONCE: Final = float("-inf")
_EXPECTS_CONTENT: Final = frozenset((b"POST", b"PUT", b"PATCH"))  # they say "content-length: 0", RFC 9110 §8.6
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")


@final
class ClientConnection:
    """Engine of one connection to a server.

    Args:
      now:              when it was opened.
      limits:           bounds; `request_line` bounds the status line, `head_timeout` the wait for a response head.
    """

    #: See ExchangeEngine: whatever is ready leaves.
    holds_output = False

    def __init__(self, now: float, *, limits: Http1Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scanned = 0
        self._us = State.IDLE
        self._peer = State.IDLE
        self._stream = 0
        self._method = b""
        self._upgrade = False
        self._persistent = True
        self._informational = 0
        self._left: int | None = 0
        self._decoder: ChunkedDecoder | None = None
        self._received = 0
        self._unconsumed = 0
        self._owed: int | None = 0
        self._waits_for_continue = False
        self._out: list[Output] = []
        self._queued = 0
        self._deadline: float | None = None
        self._last = False
        self._eof = False
        self.wants_close = False

    # --- sending -------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Another request may be sent."""
        return self._us is State.IDLE and not self.wants_close

    @property
    def output_ended(self) -> bool:
        """Our half of a tunnel is closed and the server's is not: the driver closes the socket's when everything has left."""
        return self._us is State.CLOSED and not self.wants_close

    def send_request(self, method: bytes, target: bytes, fields: Fields, now: float, ended: bool = False) -> int:
        """A request head.  Content follows by `send_data`: chunked unless the fields have content-length.

        Args:
          target:  in the form the method and next hop ask for (RFC 9112 §3.2).
          fields:  with host; content-length where it is known; upgrade and connection together.
        Returns: the stream's number.
        Raises:  UsageError.
        """
        if not self.is_idle:
            raise UsageError("a request is under way")
        if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
            raise UsageError("a method or target that cannot be sent")
        names = [name for name, _ in fields]
        if names.count(b"host") != 1 or b"transfer-encoding" in names:
            raise UsageError("exactly one host field, and no transfer-encoding, which is the engine's")
        index = index_fields(fields)
        length = index.get(b"content-length")
        if length is not None and not length.isdigit():
            raise UsageError("one content-length, in digits")
        tail = b"\r\n"
        if ended:
            if length is not None and int(length):
                raise UsageError("content was declared but none is to follow")
            if length is None and method in _EXPECTS_CONTENT:
                tail = b"content-length: 0\r\n\r\n"
        elif method == b"CONNECT":
            raise UsageError("CONNECT has no content (RFC 9110 §9.3.6)")
        elif length is None:
            tail = b"transfer-encoding: chunked\r\n\r\n"
        head = b"".join((method, b" ", target, b" HTTP/1.1\r\n", encode_fields(fields), tail))
        self._owed = None if length is None else int(length)
        self._say(Said.HEAD_ENDED if ended else Said.HEAD)
        self._stream += 1
        self._peer = State.OWED
        self._method = method
        self._upgrade = b"upgrade" in index
        self._persistent = not has_token(index.get(b"connection", b""), b"close") and not self._last
        self._informational = 0
        self._waits_for_continue = index.get(b"expect", b"").lower() == b"100-continue"
        self._deadline = now + self._limits.head_timeout if ended else None
        self._write(head)
        return self._stream

    def _say(self, said: Said) -> None:
        state = REQUESTER.step((self._us, said))
        if state is None:
            raise UsageError(f"{said.name} is not possible in {self._us.name}")
        self._us = state

    def _write(self, data: Output) -> None:
        self._out.append(data)
        self._queued += data.length if isinstance(data, FileSpan) else len(data)

    def expects_continue(self, stream: int) -> bool:
        """The request asked for 100 (Continue) and has not got it: content had better wait a little."""
        return stream == self._stream and self._waits_for_continue

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """Clients send no responses.  Raises: UsageError."""
        raise UsageError("a client sends no responses")

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """Clients send no responses: see `send_request`.  Raises: UsageError."""
        raise UsageError("a client sends no responses")

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """Clients send no responses.  Raises: UsageError."""
        raise UsageError("a client sends no responses")

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content of the request, or raw octets in a tunnel."""
        length = data.length if isinstance(data, FileSpan) else len(data)
        if stream != self._stream or self._us not in (State.BODY, State.TUNNEL):
            raise UsageError(f"no content is possible on stream {stream}")
        if self._us is State.TUNNEL:
            self._write(data)
            if ended:
                self._say(Said.CLOSE)
                self._finish_if_closed()
            return
        if self._owed is not None:
            if length > self._owed or (ended and length < self._owed):
                raise UsageError("content and its declared length differ")
            self._owed -= length
            if length:
                self._write(data)
        else:
            if length:
                self._write(encode_chunk_head(length))
                self._write(data)
                self._write(b"\r\n")
            if ended:
                self._write(LAST_CHUNK)
        if ended:
            self._request_sent()

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """End chunked content with trailer fields."""
        if stream != self._stream or self._us is not State.BODY or self._owed is not None:
            raise UsageError(f"no trailers are possible on stream {stream}")
        self._write(encode_trailers(fields))
        self._request_sent()

    def _request_sent(self) -> None:
        """From now on the silence is the server's; the next call that knows the time starts the clock."""
        self._say(Said.END)
        if self._peer is State.OWED:
            self._deadline = _AT_ONCE

    def reset(self, stream: int, reason: str) -> None:
        """Give up: the connection closes."""
        if stream == self._stream:
            self._us = self._peer = State.CLOSED
            self._finish()

    def credit(self, stream: int) -> int:
        """How many octets may be queued now."""
        return max(0, self._limits.queue - self._queued) if stream == self._stream else 0

    def data_to_send(self, now: float) -> list[Output]:
        """What has to leave."""
        out, self._out = self._out, []
        self._queued = 0
        return out

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_read(self) -> bool:
        """False while content waits to be consumed."""
        return not self.wants_close and not self._eof and self._unconsumed < self._limits.window

    @property
    def holds_input(self) -> bool:
        """Something arrived that `receive(b"")` could go on with."""
        return bool(self._buffer) or self._eof

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets from the server; b"" looks again at those held back."""
        events: list[Event] = []
        if not self.wants_close:
            self._buffer += data
        try:
            while not self.wants_close and self._step(now, events):
                pass
            if self._eof:
                self._read_eof(events)
        except Http1Error as error:
            events.append(self._abort(error.reason))
        return events

    def _step(self, now: float, events: list[Event]) -> bool:
        peer = self._peer
        if peer is State.OWED:
            return self._read_head(now, events)
        if peer is State.BODY:
            return self._read_content(now, events)
        if peer is State.TUNNEL:
            if self._buffer:
                self._deliver(bytes(self._buffer), events)
                self._buffer.clear()
            return False
        if self._buffer:  # a response nobody asked for: RFC 9112 §9.2 lets us close, and response smuggling begs for it
            raise Http1Error(502, "octets outside of a response")
        return False

    def _deliver(self, data: bytes, events: list[Event]) -> None:
        self._unconsumed += len(data)
        events.append(BodyChunk(self._stream, data))

    def _read_head(self, now: float, events: list[Event]) -> bool:
        buffer = self._buffer
        limits = self._limits
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        line_end = buffer.find(b"\r\n")
        if max(line_end, 0) > limits.request_line or (line_end < 0 and len(buffer) > limits.request_line + 1):
            raise Http1Error(502, "the status line is too long")
        if (end if end >= 0 else len(buffer)) > limits.request_line + limits.head:
            raise Http1Error(502, "the head is too large")
        if end < 0:
            scanned = self._scanned
            self._scanned = len(buffer)
            if _BARE_LF.search(buffer, scanned) or not b"HTTP/1.".startswith(bytes(buffer[:7])):
                raise Http1Error(502, "malformed status line")
            return False
        self._scanned = 0
        head = bytes(memoryview(buffer)[: end + 2])
        del buffer[: end + 4]
        version, status, _ = parse_status_line(head[:line_end])
        section = head[line_end + 2 :]
        try:
            fields = parse_fields(section, limits.fields, 502)
        except Http1Error:
            fields = parse_fields(unfold(section), limits.fields, 502)
        if status < 200 and status != 101:
            self._informational += 1
            if self._informational > _INFORMATIONAL_MAXIMUM:
                raise Http1Error(502, "too many informational responses")
            if status == 100:
                self._waits_for_continue = False
            events.append(Informational(self._stream, status, fields))
            return True
        self._waits_for_continue = False
        self._deadline = None
        self._accept_response(version, status, fields, now, events)
        return True

    def _accept_response(self, version: int, status: int, fields: Fields, now: float, events: list[Event]) -> None:
        index = index_fields(fields)
        connection = index.get(b"connection", b"")
        if has_token(connection, b"close") or (version < 11 and not has_token(connection, b"keep-alive")):
            self._persistent = False
        if status == 101:
            if not self._upgrade or self._us is not State.DONE:
                raise Http1Error(502, "a switch of protocols that was not asked for")
            self._open_tunnel(status, fields, events)
            return
        if self._method == b"CONNECT" and 200 <= status < 300:
            self._open_tunnel(status, fields, events)
            return
        self._received = 0
        self._decoder = None
        self._left = self._content_of(version, status, fields, index)
        ended = self._left == 0
        events.append(ResponseStarted(self._stream, status, fields, ended))
        if ended:
            self._response_ended()
        else:
            self._peer = State.BODY
            self._deadline = now + self._limits.body_timeout

    def _content_of(self, version: int, status: int, fields: Fields, index: dict[bytes, bytes]) -> int | None:
        """Octets to come; None until the chunked coding or the connection ends.  RFC 9112 §6.3."""
        if self._method == b"HEAD" or status in (204, 304):
            return 0
        coding = index.get(b"transfer-encoding")
        lengths = [value for name, value in fields if name == b"content-length"]
        if coding is not None:
            if lengths or version < 11:
                raise Http1Error(502, "Transfer-Encoding with Content-Length or in HTTP/1.0")
            transfer_codings(coding, 502)
            self._decoder = ChunkedDecoder(self._limits, 502)
            return None
        if lengths:  # repeated lines and lists of the very same number are one, RFC 9112 §6.3
            first, *others = [member.strip(b" \t") for member in b",".join(lengths).split(b",")]
            if any(member != first for member in others):
                raise Http1Error(502, "conflicting Content-Length")
            return content_length_of(first, 502)
        self._persistent = False
        return None

    def _open_tunnel(self, status: int, fields: Fields, events: list[Event]) -> None:
        self._us = self._peer = State.TUNNEL
        events.append(ResponseStarted(self._stream, status, fields, False))
        events.append(TunnelOpened(self._stream))

    def _read_content(self, now: float, events: list[Event]) -> bool:
        budget = self._limits.window - self._unconsumed
        if budget <= 0 or not self._buffer:
            return False
        decoder = self._decoder
        if decoder is not None:
            data = decoder.decode(self._buffer, budget)
            done = decoder.done
        else:
            data = bytes(memoryview(self._buffer)[: budget if self._left is None else min(budget, self._left)])
            del self._buffer[: len(data)]
            if self._left is not None:
                self._left -= len(data)
            done = self._left == 0
        self._received += len(data)
        if self._limits.body is not None and self._received > self._limits.body:
            raise Http1Error(502, "the content is too large")
        if data:
            self._deliver(data, events)
        self._deadline = now + self._limits.body_timeout
        if done:
            if decoder is not None and decoder.trailers:
                events.append(Trailers(self._stream, decoder.trailers))
            events.append(Ended(self._stream))
            self._response_ended()
        return done

    def _response_ended(self) -> None:
        self._peer = State.DONE
        self._deadline = None
        if self._us is State.DONE and self._persistent and not self._last:
            self._us = self._peer = State.IDLE
        else:  # an early response (RFC 9112 §9.5), or the last one
            self._us = State.CLOSED
            self._finish()

    def receive_eof(self, now: float) -> list[Event]:
        """The server will send no more; that ends content without a length, and breaks off everything else."""
        self._eof = True
        return self.receive(b"", now)

    def _read_eof(self, events: list[Event]) -> None:
        """What the end means once everything before it that could be delivered has been."""
        peer = self._peer
        if self.wants_close or (peer is State.BODY and self._unconsumed >= self._limits.window):
            return
        if peer is State.TUNNEL:
            events.append(Ended(self._stream))
            self._peer = State.CLOSED
            self._finish_if_closed()
        elif peer is State.BODY and self._decoder is None and self._left is None:
            events.append(Ended(self._stream))
            self._response_ended()
        elif peer is State.OWED or peer is State.BODY:
            raise Http1Error(502, "the connection closed before the response was complete")
        elif peer is State.IDLE:
            self._finish()

    def _finish_if_closed(self) -> None:
        if self._us is State.CLOSED and self._peer is State.CLOSED:
            self._finish()

    def _abort(self, reason: str) -> Aborted:
        self._us = self._peer = State.CLOSED
        self._finish()
        return Aborted(self._stream, reason)

    def _finish(self) -> None:
        self.wants_close = True
        self._deadline = None
        self._buffer.clear()

    def consumed(self, stream: int, octets: int) -> None:
        """Give back receive credit."""
        if stream == self._stream:
            waited = not self.wants_read
            self._unconsumed = max(0, self._unconsumed - octets)
            if waited and self.wants_read and self._deadline is not None:
                self._deadline = _AT_ONCE  # the silence was ours until now

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `handle_timeout` has something to do."""
        return self._deadline if self.wants_read else None

    def handle_timeout(self, now: float) -> list[Event]:
        """The server was silent for too long."""
        deadline = self.next_timeout()
        if deadline is None or now < deadline:
            return []
        if deadline == _AT_ONCE:
            self._deadline = now + (self._limits.body_timeout if self._peer is State.BODY else self._limits.head_timeout)
            return []
        return [self._abort("the server did not answer in time")]

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Close after the response that is under way; at once when idle."""
        self._last = True
        if self._us is State.IDLE:
            self._finish()
        return []
