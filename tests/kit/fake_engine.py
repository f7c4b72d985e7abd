# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A multiplexed `ExchangeEngine` over a frame format of its own, to prove the Protocol and to drive whoever drives engines.

    frame = kind (1 octet)  stream (2)  length (2)  payload          all integers big-endian

    HEAD     a line for what it is, then `name: value` lines          END      nothing: the sender's message is complete
    DATA     content, against the receiver's credit                   RESET    the reason
    TRAILERS `name: value` lines, which end the message               CREDIT   four octets: how many more may be sent
    INFO     status, then lines                                       GOAWAY   nothing: no new streams

Credit is by stream: a sender may have `window` octets of content on their way until CREDIT returns them; what exceeds it waits in the
sender's queue.  Both roles are one class; streams are opened by the client alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
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
    Refused,
    RequestHead,
    RequestStarted,
    ResponseStarted,
    Trailers,
    TunnelOpened,
    index_fields,
)
from sws.base.errors import UsageError

__all__ = ["FakeEngine"]

_IDLE_SECONDS: Final = 60.0


class _Kind(IntEnum):
    HEAD = 0
    DATA = 1
    END = 2
    TRAILERS = 3
    RESET = 4
    CREDIT = 5
    INFO = 6
    GOAWAY = 7


@dataclass
class _Stream:
    """Both directions of one exchange."""

    method: bytes = b""
    may_send: int = 0
    unconsumed: int = 0
    queue: deque[tuple[Output, bool]] = field(default_factory=deque)
    headed: bool = False
    sent_end: bool = False
    got_end: bool = False
    tunnel: bool = False


def _lines(fields: Fields) -> bytes:
    return b"".join(b"%b: %b\n" % pair for pair in fields)


def _fields(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, _, value in (line.partition(b": ") for line in data.split(b"\n") if line)]


@final
class FakeEngine:
    """One end of a connection.

    Args:
      client:  the role.
      window:  octets of content that a stream may have on their way.
      queue:   octets of content that a stream may have waiting before `credit` is 0.
    """

    holds_output = False

    def __init__(self, now: float, *, client: bool, window: int = 20, queue: int = 30) -> None:
        self._client = client
        self._window = window
        self._queue = queue
        self._buffer = bytearray()
        self._streams: dict[int, _Stream] = {}
        self._next = 1
        self._out: list[Output] = []
        self._deadline: float | None = now + _IDLE_SECONDS
        self._last = False
        self.wants_close = False

    @property
    def is_idle(self) -> bool:
        """Another stream can be opened (client)."""
        return not self._last and not self.wants_close

    @property
    def output_ended(self) -> bool:
        """A half-closed stream leaves the connection as it is."""
        return False

    # --- in ----------------------------------------------------------------------------------------------------------

    @property
    def wants_read(self) -> bool:
        """Streams are held back one by one, so the connection as a whole never is."""
        return not self.wants_close

    @property
    def holds_input(self) -> bool:
        """A frame is taken as soon as it is whole."""
        return False

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Frames, in any pieces."""
        self._buffer += data
        if data:
            self._deadline = now + _IDLE_SECONDS
        events: list[Event] = []
        while not self.wants_close and len(self._buffer) >= 5:
            end = 5 + int.from_bytes(self._buffer[3:5], "big")
            if len(self._buffer) < end:
                break
            kind, stream, payload = self._buffer[0], int.from_bytes(self._buffer[1:3], "big"), bytes(self._buffer[5:end])
            del self._buffer[:end]
            if kind > _Kind.GOAWAY:
                events += self._abort_all("a frame that is none")
            else:
                self._frame(_Kind(kind), stream, payload, events)
        return events

    def _frame(self, kind: _Kind, number: int, payload: bytes, events: list[Event]) -> None:
        if kind is _Kind.GOAWAY:
            self._last = True
            self._close_when_done()
            return
        if kind is _Kind.HEAD and not self._client:
            self._open(number, payload, events)
            return
        stream = self._streams.get(number)
        if stream is None:
            return  # over already
        if kind is _Kind.CREDIT:
            stream.may_send += int.from_bytes(payload, "big")
            self._pump(number, stream)
        elif kind is _Kind.RESET:
            del self._streams[number]
            events.append(Aborted(number, payload.decode("latin-1")))
        elif kind is _Kind.DATA:
            stream.unconsumed += len(payload)
            if stream.unconsumed > self._window:
                events += self._abort_all("more content than its credit")
                return
            events.append(BodyChunk(number, payload))
        elif kind is _Kind.HEAD or kind is _Kind.INFO:
            line, _, rest = payload.partition(b"\n")
            status, ended = int(line[:3]), line[3:] == b" ended"
            if kind is _Kind.INFO and status != 101:
                events.append(Informational(number, status, _fields(rest)))
                return
            events.append(ResponseStarted(number, status, _fields(rest), ended))
            if status == 101 or (stream.method == b"CONNECT" and status < 300):
                stream.tunnel = True
                stream.sent_end = False
                events.append(TunnelOpened(number))
            stream.got_end = ended
        else:
            if kind is _Kind.TRAILERS:
                events.append(Trailers(number, _fields(payload)))
            events.append(Ended(number))
            stream.got_end = True
        self._forget(number, stream)

    def _open(self, number: int, payload: bytes, events: list[Event]) -> None:
        line, _, rest = payload.partition(b"\n")
        method, target, ended = line.split(b" ")
        stream = self._streams[number] = _Stream(method, self._window, got_end=ended == b"1")
        fields = _fields(rest)
        if self._last or not fields:
            events.append(Refused(number, 503 if self._last else 400, "not taken"))
            stream.got_end = True
            return
        index = index_fields(fields)
        events.append(RequestStarted(number, RequestHead(method, b"http", b"", target, fields, index, 30), stream.got_end))

    def receive_eof(self, now: float) -> list[Event]:
        """The connection is gone."""
        return self._abort_all("the connection closed")

    def _abort_all(self, reason: str) -> list[Event]:
        gone = sorted(self._streams)
        self._streams.clear()
        self.wants_close = True
        self._deadline = None
        return [Aborted(number, reason) for number in gone]

    # --- out ---------------------------------------------------------------------------------------------------------

    def send_request(self, method: bytes, target: bytes, fields: Fields, now: float, ended: bool = False) -> int:
        """Opens a stream (client)."""
        if not self._client or self._last:
            raise UsageError("no request is possible")
        number, self._next = self._next, self._next + 1
        self._streams[number] = _Stream(method, self._window, headed=True, sent_end=ended)
        self._write(_Kind.HEAD, number, b"%b %b %d\n" % (method, target, ended) + _lines(fields))
        return number

    def expects_continue(self, stream: int) -> bool:
        """Never, here."""
        return False

    def _stream(self, number: int) -> _Stream:
        stream = self._streams.get(number)
        if stream is None:
            raise UsageError(f"there is no stream {number}")
        return stream

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """1xx; 101 makes a tunnel."""
        state = self._stream(stream)
        if self._client or state.headed:
            raise UsageError("no informational response is possible")
        state.tunnel = state.headed = status == 101
        state.got_end = state.got_end and not state.tunnel
        self._write(_Kind.INFO, stream, b"%d\n" % status + _lines(fields))

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """The final response."""
        state = self._stream(stream)
        if self._client or state.headed:
            raise UsageError("no response is owed")
        state.headed = True
        state.tunnel = state.method == b"CONNECT" and status < 300
        state.got_end = state.got_end and not state.tunnel
        state.sent_end = ended
        self._write(_Kind.HEAD, stream, b"%d%b\n" % (status, b" ended" if ended else b"") + _lines(fields))
        self._forget(stream, state)

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """Head and content."""
        self.send_headers(stream, status, fields, not content)
        if content:
            self.send_data(stream, content, ended=True)

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content, as far as the peer's credit goes; the rest waits."""
        state = self._stream(stream)
        if not state.headed or state.sent_end:
            raise UsageError("no content is possible")
        state.sent_end = ended
        state.queue.append((data, ended))
        self._pump(stream, state)
        self._forget(stream, state)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """Trailers; only when no content waits."""
        state = self._stream(stream)
        if not state.headed or state.sent_end or state.queue:
            raise UsageError("no trailers are possible")
        state.sent_end = True
        self._write(_Kind.TRAILERS, stream, _lines(fields))
        self._forget(stream, state)

    def _pump(self, number: int, state: _Stream) -> None:
        while state.queue:
            data, ended = state.queue[0]
            length = data.length if isinstance(data, FileSpan) else len(data)
            part = min(length, state.may_send)
            if part:
                self._out.append(bytes([_Kind.DATA]) + number.to_bytes(2, "big") + part.to_bytes(2, "big"))
                self._out.append(FileSpan(data.fd, data.offset, part) if isinstance(data, FileSpan) else data[:part])
                state.may_send -= part
            if part < length:
                rest = FileSpan(data.fd, data.offset + part, length - part) if isinstance(data, FileSpan) else data[part:]
                state.queue[0] = (rest, ended)
                return
            state.queue.popleft()
            if ended:
                self._write(_Kind.END, number, b"")

    def _write(self, kind: _Kind, stream: int, payload: bytes) -> None:
        self._out.append(bytes([kind]) + stream.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload)

    def reset(self, stream: int, reason: str) -> None:
        """This stream only."""
        if self._streams.pop(stream, None) is not None:
            self._write(_Kind.RESET, stream, reason.encode("latin-1"))
            self._close_when_done()

    def consumed(self, stream: int, octets: int) -> None:
        """Returns credit to the peer."""
        state = self._streams.get(stream)
        if state is not None:
            state.unconsumed -= octets
            self._write(_Kind.CREDIT, stream, octets.to_bytes(4, "big"))

    def credit(self, stream: int) -> int:
        """What the peer takes now and our queue after that."""
        state = self._streams.get(stream)
        if state is None:
            return 0
        waiting = sum(data.length if isinstance(data, FileSpan) else len(data) for data, _ in state.queue)
        return max(0, state.may_send + self._queue - waiting)

    def data_to_send(self, now: float) -> list[Output]:
        """Taken once."""
        out, self._out = self._out, []
        return out

    # --- time and end ------------------------------------------------------------------------------------------------

    def _forget(self, number: int, state: _Stream) -> None:
        if state.sent_end and state.got_end and not state.queue and self._streams.get(number) is state:
            del self._streams[number]
            self._close_when_done()

    def _close_when_done(self) -> None:
        if self._last and not self._streams:
            self.wants_close = True

    def next_timeout(self) -> float | None:
        """The idle time-out."""
        return self._deadline

    def handle_timeout(self, now: float) -> list[Event]:
        """Idle for too long."""
        if self._deadline is None or now < self._deadline:
            return []
        return self._abort_all("idle")

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """No new streams; close after the last.  GOAWAY tells the peer, so nothing needs patience."""
        self._last = True
        self._write(_Kind.GOAWAY, 0, b"")
        self._close_when_done()
        return []
