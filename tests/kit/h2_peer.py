# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A scripted peer of the HTTP/2 engines that speaks in raw frames, and knows nothing of the engine's own encoders.

    peer = ServerPeer()                      a server engine behind its preface, with a client that has no opinions
    peer.send(headers(1, GET, END_STREAM))   raw octets in; events are collected in `peer.events`
    peer.frames()                            what the engine sent since the last look, as Frame(type, flags, stream, payload)

Field blocks are written with literals only, so that a block means the same on every connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, NamedTuple

from sws.base.engine import Event, FileSpan, Output
from sws.proto.h2 import ClientConnection, Http2Limits, IdlePolicy, ServerConnection

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LIMITS: Final = Http2Limits()
DATE: Final = b"Sun, 06 Nov 1994 08:49:37 GMT"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE: Final = 16
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY, ACK = 1, 4, 8, 32, 1
(
    NO_ERROR,
    PROTOCOL_ERROR,
    INTERNAL_ERROR,
    FLOW_CONTROL_ERROR,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    FRAME_SIZE_ERROR,
    REFUSED_STREAM,
    CANCEL,
    COMPRESSION_ERROR,
    CONNECT_ERROR,
    ENHANCE_YOUR_CALM,
) = range(12)

Field = tuple[bytes, bytes]
GET: Final[tuple[Field, ...]] = ((b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.example"), (b":path", b"/"))
POST: Final[tuple[Field, ...]] = ((b":method", b"POST"), *GET[1:])


class Frame(NamedTuple):
    """A frame as it was on the wire."""

    type: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """Of RST_STREAM and GOAWAY."""
        return int.from_bytes(self.payload[-4:] if self.type == RST_STREAM else self.payload[4:8], "big")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Octets of a frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def block(fields: Iterable[Field]) -> bytes:
    """Literals without indexing, without Huffman: RFC 7541 §6.2.2, with lengths below 127."""
    return b"".join(b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value for name, value in fields)


def headers(stream: int, fields: Iterable[Field] = GET, flags: int = END_STREAM, *, extra: Iterable[Field] = ()) -> bytes:
    """HEADERS with END_HEADERS."""
    return frame(HEADERS, flags | END_HEADERS, stream, block((*fields, *extra)))


def data(stream: int, content: bytes = b"", flags: int = 0) -> bytes:
    """DATA."""
    return frame(DATA, flags, stream, content)


def settings(*values: tuple[int, int]) -> bytes:
    """SETTINGS."""
    return frame(SETTINGS, 0, 0, b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values))


def window_update(stream: int, increment: int) -> bytes:
    """WINDOW_UPDATE."""
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def rst_stream(stream: int, code: int = CANCEL) -> bytes:
    """RST_STREAM."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last: int = 0, code: int = 0, stream: int = 0) -> bytes:
    """GOAWAY."""
    return frame(GOAWAY, 0, stream, last.to_bytes(4, "big") + code.to_bytes(4, "big"))


SETTINGS_ACK: Final = frame(SETTINGS, ACK, 0)


def parse(octets: bytes) -> list[Frame]:
    """Whole frames; fails on anything else."""
    found = []
    while octets:
        length = int.from_bytes(octets[:3], "big")
        assert len(octets) >= 9 + length, "a frame that is not whole"
        found.append(Frame(octets[3], octets[4], int.from_bytes(octets[5:9], "big"), octets[9 : 9 + length]))
        octets = octets[9 + length :]
    return found


def joined(outputs: Iterable[Output]) -> bytes:
    """What would leave, file spans read."""
    return b"".join(
        (os.pread(part.fd, part.length, part.offset) if part.fd >= 0 else bytes(part.length)) if isinstance(part, FileSpan) else part
        for part in outputs
    )


class _Peer:
    """What the two have in common."""

    engine: ServerConnection | ClientConnection

    def __init__(self, now: float) -> None:
        self.now = now
        self.events: list[Event] = []
        self.defended: list[str] = []

    def send(self, *octets: bytes) -> list[Event]:
        """Octets to the engine.  Returns: what they led to."""
        found = self.engine.receive(b"".join(octets), self.now)
        self.events += found
        return found

    def frames(self) -> list[Frame]:
        """What it sends."""
        out = b""
        while part := joined(self.engine.data_to_send(self.now)):
            out += part
        return parse(out)

    def wait(self, seconds: float) -> list[Event]:
        """Time passes, with every time-out in its turn."""
        until = self.now + seconds
        found: list[Event] = []
        self.kept += self.engine.data_to_send(self.now)
        while (deadline := self.engine.next_timeout()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            found += self.engine.handle_timeout(self.now)
            self.kept += self.engine.data_to_send(self.now)
        self.now = until
        self.events += found
        return found

    def frames_after(self, seconds: float) -> list[Frame]:
        """What it sends while time passes."""
        self.kept.clear()
        self.wait(seconds)
        return parse(joined(self.kept)) + self.frames()

    def goaway_code(self) -> int | None:
        """Of the last GOAWAY that it sent, also while time passed."""
        return next((each.code for each in reversed([*self.frames(), *parse(joined(self.kept))]) if each.type == GOAWAY), None)

    kept: list[Output]


class ServerPeer(_Peer):
    """A client of a server engine.

    Args:
      limits:    of the engine.
      settings:  the client's own.
      greet:     whether preface, SETTINGS and acknowledgement have been exchanged already.
    """

    def __init__(
        self,
        limits: Http2Limits = LIMITS,
        *,
        own: tuple[tuple[int, int], ...] = (),
        greet: bool = True,
        idle: float = 60.0,
        scheme: bytes = b"http",
        now: float = 100.0,
    ) -> None:
        super().__init__(now)
        self.kept = []
        self.server = ServerConnection(
            now, limits=limits, idle=IdlePolicy(idle), date=lambda: DATE, scheme=scheme, observe=self.defended.append
        )
        self.engine = self.server
        if greet:
            self.send(PREFACE, settings(*own), SETTINGS_ACK)
            self.frames()

    def answer(self, stream: int, content: bytes = b"hello", status: int = 200) -> None:
        """A whole response."""
        self.server.send_response(stream, status, ((b"content-length", b"%d" % len(content)),), content)


class ClientPeer(_Peer):
    """A server of a client engine."""

    def __init__(self, limits: Http2Limits = LIMITS, *, own: tuple[tuple[int, int], ...] = (), now: float = 100.0) -> None:
        super().__init__(now)
        self.kept = []
        self.client = ClientConnection(now, limits=limits, observe=self.defended.append)
        self.engine = self.client
        octets = joined(self.client.data_to_send(now))
        assert octets.startswith(PREFACE)
        self.greeting = parse(octets[len(PREFACE) :])
        self.send(settings(*own), SETTINGS_ACK)
        self.frames()

    def ask(self, method: bytes = b"GET", *, ended: bool = True, extra: tuple[Field, ...] = ()) -> int:
        """A request."""
        return self.client.send_request(method, b"/", ((b"host", b"a.example"), *extra), self.now, ended)


def respond(stream: int, status: int = 200, flags: int = 0, extra: Iterable[Field] = ()) -> bytes:
    """HEADERS of a response."""
    return headers(stream, ((b":status", b"%d" % status), *extra), flags)
