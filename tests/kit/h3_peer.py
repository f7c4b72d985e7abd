# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Ends of HTTP/3 connections for tests, and a peer that is played octet by octet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sws.base.engine import Event, Field
from sws.proto.h3 import ClientConnection, Http3Limits, ServerConnection
from sws.proto.h3.frames import encode_frame, read_varint
from sws.proto.h3.settings import encode_settings
from sws.proto.http.idle import IdlePolicy
from sws.proto.qpack import Decoder, Encoder
from sws.proto.quic.api import StopSending, StreamReset
from tests.kit.fake_quic import FakeQuic

__all__ = [
    "CONNECT",
    "CONTROL",
    "DECODER",
    "ENCODER",
    "GET",
    "POST",
    "TEXT",
    "RawPeer",
    "data",
    "date",
    "head",
    "make_client",
    "make_server",
    "raw_client",
    "raw_server",
]

GET: list[Field] = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/")]
POST: list[Field] = [(b":method", b"POST"), *GET[1:]]
CONNECT: list[Field] = [(b":method", b"CONNECT"), (b":authority", b"b.example:443")]
TEXT = ((b"content-type", b"text/plain"), (b"content-length", b"5"))
CONTROL, ENCODER, DECODER = 0, 1, 2
"""Which of a peer's unidirectional streams, in the order of their opening."""


def data(content: bytes) -> bytes:
    """A DATA frame."""
    return encode_frame(0, content)


def date() -> bytes:
    """A Date."""
    return b"Tue, 15 Nov 1994 08:12:31 GMT"


def make_server(
    transport: FakeQuic, limits: Http3Limits | None = None, observe: Callable[[str], None] | None = None, idle: float = 60.0
) -> ServerConnection:
    """A server's engine."""
    return ServerConnection(
        transport, 0.0, limits=limits or Http3Limits(), idle=IdlePolicy(idle), date=date, chance=0x123456, observe=observe
    )


def make_client(transport: FakeQuic, limits: Http3Limits | None = None) -> ClientConnection:
    """A client's engine."""
    return ClientConnection(transport, 0.0, limits=limits or Http3Limits(), chance=0x654321)


class RawPeer:
    """Plays the other end of an engine.

    Args:
      engine:     under test; its transport is `transport`, which has no peer.
      is_client:  the role played here.
    """

    def __init__(self, engine: ServerConnection | ClientConnection, transport: FakeQuic, is_client: bool) -> None:
        self.engine = engine
        self.transport = transport
        self._base = 2 if is_client else 3
        self._decoder = Decoder(4096, 100)
        self._read: dict[int, int] = {}

    def uni(self, index: int) -> int:
        """The number of the peer's unidirectional stream."""
        return self._base + 4 * index

    def feed(self, stream: int, data: bytes, fin: bool = False, now: float = 0.0) -> list[Event]:
        """Octets on a stream of the peer's, and what they lead to."""
        self.transport.inject(stream, data, fin)
        return self.engine.receive(b"", now)

    def reset(self, stream: int, code: int = 0x10C, now: float = 0.0) -> list[Event]:
        """RESET_STREAM."""
        self.transport.events.append(StreamReset(stream, code))
        return self.engine.receive(b"", now)

    def stop(self, stream: int, code: int = 0x10C, now: float = 0.0) -> list[Event]:
        """STOP_SENDING; the transport resets our part by itself."""
        self.transport.events.append(StopSending(stream, code))
        self.transport.was_reset.setdefault(stream, code)
        return self.engine.receive(b"", now)

    def settings(self, values: Sequence[tuple[int, int]] = ()) -> list[Event]:
        """The control stream with SETTINGS."""
        return self.feed(self.uni(CONTROL), b"\0" + encode_frame(4, encode_settings(values)))

    def frames(self, stream: int) -> list[tuple[int, bytes]]:
        """The frames that the engine has sent on a stream since the last call; for a unidirectional one behind its type."""
        data = self.transport.sent(stream)
        offset = self._read.get(stream, 1 if stream & 2 else 0)
        found = []
        while offset < len(data):
            kind, offset = read_varint(data, offset)
            length, offset = read_varint(data, offset)
            found.append((kind, data[offset : offset + length]))
            offset += length
        self._read[stream] = offset
        return found

    def message(self, stream: int) -> tuple[list[list[Field]], bytes]:
        """The field sections and the content that the engine has sent on a stream."""
        sections, content = [], b""
        for kind, payload in self.frames(stream):
            if kind == 0:
                content += payload
            elif kind == 1:
                sections.append(self._decoder.decode(stream, payload) or [])
        return sections, content

    @property
    def closed(self) -> int | None:
        """The code that the engine closed the connection with."""
        return self.transport.closed_with[0] if self.transport.closed_with else None


def head(fields: Sequence[Field]) -> bytes:
    """A HEADERS frame that uses no table."""
    return encode_frame(1, Encoder().encode(0, fields))


def raw_client(
    limits: Http3Limits | None = None, observe: Callable[[str], None] | None = None, settings: bool = True, idle: float = 60.0
) -> RawPeer:
    """A server's engine and a client that is played."""
    transport = FakeQuic(False)
    peer = RawPeer(make_server(transport, limits, observe, idle), transport, True)
    if settings:
        peer.settings()
    return peer


def raw_server(limits: Http3Limits | None = None, settings: Sequence[tuple[int, int]] | None = ()) -> RawPeer:
    """A client's engine and a server that is played."""
    transport = FakeQuic(True)
    peer = RawPeer(make_client(transport, limits), transport, False)
    if settings is not None:
        peer.settings(settings)
    return peer
