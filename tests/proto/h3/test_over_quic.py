# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3 over both ends of QUIC and a network that loses: every request is answered, with the right octets."""

from __future__ import annotations

import gc
import hashlib
import random
import sys
from dataclasses import dataclass, field

import pytest

from sws.base.engine import Aborted, BodyChunk, Datagram, Ended, RequestStarted, ResponseStarted
from sws.base.errors import LimitExceeded
from sws.proto.h3 import ClientConnection, Http3Limits, ServerConnection
from sws.proto.http.idle import IdlePolicy
from sws.proto.quic.api import ConnectionClosed, HandshakeDone, QuicEvent
from sws.proto.quic.client import ClientConnection as QuicClient
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.connection import Connection
from sws.proto.quic.server import ServerConnection as QuicServer
from tests.kit.garbage import left_to_the_collector
from tests.kit.h3_peer import date
from tests.kit.quic import Conditions, Network, client_tls, make_client, make_endpoint, server_tls

ALPN = (b"h3",)
LIMITS = Http3Limits(datagrams=True, connect_protocol=True)


def content_of(number: int, size: int) -> bytes:
    """What is at /number/size."""
    return (hashlib.sha256(b"%d" % number).digest() * (size // 32 + 1))[:size]


@dataclass
class Server:
    """Answers /number/size, and sends datagrams back."""

    engines: dict[int, ServerConnection] = field(default_factory=dict)
    asked: int = 0
    early: int = 0
    closed: list[ConnectionClosed] = field(default_factory=list)

    def on_events(self, connection: Connection, events: list[QuicEvent], now: float) -> None:
        assert isinstance(connection, QuicServer)
        engine = self.engines.get(id(connection))
        if engine is None:
            engine = ServerConnection(connection, now, limits=LIMITS, idle=IdlePolicy(), date=date, chance=7)
            self.engines[id(connection)] = engine
        for event in engine.take(events, now):
            if isinstance(event, RequestStarted):
                self.asked += 1
                self.early += event.request.early
                if event.request.method == b"CONNECT":
                    engine.send_headers(event.stream, 200, [])
                    continue
                _, number, size = event.request.target.split(b"/")
                fields = ((b"server", b"sws"), (b"content-type", b"application/x-odd"))
                engine.send_response(event.stream, 200, fields, content_of(int(number), int(size)))
            elif isinstance(event, Datagram):
                engine.send_datagram(event.stream, event.data[::-1])
        engine.data_to_send(now)
        self.closed += [event for event in events if isinstance(event, ConnectionClosed)]


@dataclass
class Client:
    """Asks for `count` things, so many at once, then closes."""

    count: int
    chance: random.Random
    at_once: int = 40
    tunnel: bool = False
    engine: ClientConnection | None = None
    wanted: dict[int, tuple[int, int]] = field(default_factory=dict)
    bodies: dict[int, bytearray] = field(default_factory=dict)
    asked: int = 0
    answered: int = 0
    datagrams: list[bytes] = field(default_factory=list)
    is_connected: bool = False
    is_done: bool = False
    closed: ConnectionClosed | None = None
    tunnel_stream: int = -1

    def on_events(self, connection: Connection, events: list[QuicEvent], now: float) -> None:
        assert isinstance(connection, QuicClient)
        if self.engine is None:
            self.engine = ClientConnection(connection, now, limits=LIMITS, chance=11)
        engine = self.engine
        self.is_connected = self.is_connected or any(isinstance(event, HandshakeDone) for event in events)
        for event in engine.take(events, now):
            assert not isinstance(event, Aborted), event
            if isinstance(event, ResponseStarted):
                assert event.status == 200
            elif isinstance(event, BodyChunk):
                self.bodies[event.stream] += event.data
                engine.consumed(event.stream, len(event.data))
            elif isinstance(event, Datagram):
                self.datagrams.append(event.data)
            elif isinstance(event, Ended):
                assert bytes(self.bodies.pop(event.stream)) == content_of(*self.wanted.pop(event.stream))
                self.answered += 1
        if self.is_connected and not self.is_done:
            self._ask(engine, now)
        engine.data_to_send(now)
        for event in events:
            if isinstance(event, ConnectionClosed):
                self.closed = event

    def _ask(self, engine: ClientConnection, now: float) -> None:
        if self.tunnel and self.tunnel_stream < 0 and engine.takes_protocols:
            self.tunnel_stream = engine.send_request(b"CONNECT", b"/", [(b"host", b"example.org")], now, protocol=b"connect-udp")
        while self.asked < self.count and len(self.wanted) < self.at_once:
            wanted = self.asked, self.chance.choice((1, 100, 1000, 5000))
            try:
                stream = engine.send_request(b"GET", b"/%d/%d" % wanted, [(b"host", b"example.org"), (b"user-agent", b"us")], now, True)
            except LimitExceeded:
                break
            self.asked += 1
            self.wanted[stream] = wanted
            self.bodies[stream] = bytearray()
        if self.answered == self.count and not self.tunnel:
            self.is_done = True
            engine.shutdown(now)


def run(count: int, conditions: Conditions, seed: int = 1) -> tuple[Client, Server, Network]:
    """All requests, to the end."""
    chance = random.Random(seed)
    config = QuicConfig(datagram_frame=1200)
    client = make_client(chance, config, client_tls(chance, alpn=ALPN))
    endpoint = make_endpoint(chance, config=config, tls=server_tls(chance, alpn=ALPN))
    app, server = Client(count, chance), Server()
    network = Network(seed, conditions, client, app, endpoint, server)
    network.run(600.0, until=lambda: app.closed is not None and bool(server.closed))
    return app, server, network


def check(app: Client, server: Server, count: int) -> None:
    """Everything was answered, and everybody parted in peace."""
    assert (app.asked, app.answered, server.asked) == (count, count, count)
    assert app.closed is not None
    assert (app.closed.code, app.closed.application) == (0x100, True)
    assert [event.code for event in server.closed] == [0x100]
    assert all(engine.error is None for engine in server.engines.values())


@pytest.mark.slow
def test_requests_without_loss() -> None:
    app, server, _ = run(60, Conditions())
    check(app, server, 60)
    (engine,) = server.engines.values()
    assert engine._encoder.inserted >= 1
    assert engine._encoder.known == engine._encoder.inserted


@pytest.mark.slow
def test_requests_with_losses() -> None:
    app, server, network = run(150, Conditions(loss=0.05, jitter=0.01, reorder=0.05, duplicate=0.02))
    check(app, server, 150)
    assert network.lost > 5


@pytest.mark.soak
def test_a_thousand_requests_with_losses() -> None:
    app, server, network = run(1000, Conditions(loss=0.05, jitter=0.01))
    check(app, server, 1000)
    assert network.lost > 50


def test_datagrams_over_quic() -> None:
    chance = random.Random(5)
    config = QuicConfig(datagram_frame=1200)
    client = make_client(chance, config, client_tls(chance, alpn=ALPN))
    endpoint = make_endpoint(chance, config=config, tls=server_tls(chance, alpn=ALPN))
    app, server = Client(0, chance, tunnel=True), Server()
    network = Network(5, Conditions(), client, app, endpoint, server)
    network.run(5.0, until=lambda: app.tunnel_stream >= 0)
    network.run(1.0)
    assert app.engine is not None
    assert app.engine.send_datagram(app.tunnel_stream, b"abc")
    network.run(1.0)
    assert app.datagrams == [b"cba"]


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="elsewhere objects are not counted")
def test_a_connection_that_is_over_does_not_wait_for_the_collector() -> None:
    """Its engine and its streams neither, whatever went over it."""
    gc.collect()
    gc.disable()
    try:
        app, server, network = run(4, Conditions())
        check(app, server, 4)
        client = network.client
        assert network.server is not None
        network.server.release()
        del server, network
        assert left_to_the_collector() == []
        assert client.is_closed
    finally:
        gc.enable()
