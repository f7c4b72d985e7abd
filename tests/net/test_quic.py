# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QUIC over real sockets in a loop: both drivers together, and what they do when the kernel takes no more."""

from __future__ import annotations

import gc
import os
import random
import sys
import time
import weakref
from dataclasses import replace

import pytest

from sws.base.datagrams import DatagramIn, DatagramOut
from sws.net.quic import ClientDriver
from sws.os.datagrams import QuicSocket, open_quic_socket
from sws.os.loop import SLOW_MAXIMUM, Loop
from sws.proto.quic.api import ConnectionClosed, HandshakeDone, QuicEvent, StreamData
from sws.proto.quic.client import ClientConnection
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.server import ServerConnection
from sws.proto.tls.config import ClientAuth
from tests.kit.clock import FakeClock
from tests.kit.garbage import left_to_the_collector
from tests.kit.quic import CLIENT, SERVER, client_tls, credential, crossed, long_hello, make_client
from tests.kit.quic_live import LiveServer, TinyServer, live_endpoint
from tests.kit.tls_pair import credential as pair_credential
from tests.kit.tls_pair import policy


class Fetch:
    """A client that fetches `GET /N` for some N at once and closes."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.got: dict[int, int] = {}
        self.ended = 0
        self.closed: ConnectionClosed | None = None
        self.connection: ClientConnection | None = None

    def on_events(self, events: list[QuicEvent], now: float) -> None:
        connection = self.connection
        assert connection is not None
        for event in events:
            if isinstance(event, HandshakeDone):
                for size in self.sizes:
                    stream = connection.open_stream(False)
                    self.got[stream] = 0
                    connection.send_stream_data(stream, b"GET /%d\r\n" % size, True)
            elif isinstance(event, StreamData):
                self.got[event.stream] += len(event.data)
                connection.consumed(event.stream, len(event.data))
                self.ended += event.fin
            elif isinstance(event, ConnectionClosed):
                self.closed = event
        if self.sizes and self.ended == len(self.sizes) and not connection.is_closed:
            connection.close(0, "done")


def fetch(loop: Loop, port: int, sizes: list[int], server: LiveServer | None = None, offload: bool = True) -> Fetch:
    """Runs one client to its end."""
    with open_quic_socket("127.0.0.1", 0) as sock:
        io = QuicSocket(sock, offload=offload)
        tls = replace(client_tls(__import__("random").Random(1)), entropy=os.urandom, wall=lambda: 1_800_000_000.0)

        def make_id() -> tuple[bytes, bytes]:
            return os.urandom(8), os.urandom(16)

        connection = ClientConnection(
            QuicConfig(idle_timeout=3.0), tls, io.local, ("127.0.0.1", port), os.urandom(8), make_id, lambda _: None, os.urandom, loop.now
        )
        app = Fetch(sizes)
        app.connection = connection
        driver = ClientDriver(loop, io, connection, app)
        end = time.monotonic() + 20
        while not driver.is_over and time.monotonic() < end:
            loop.turn(0.05)
        assert driver.is_over
        driver.shut()
        return app


@pytest.mark.parametrize("offload", [True, False])
def test_fetching_over_loopback(offload: bool) -> None:
    loop = Loop()
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig()), offload=offload)
    try:
        app = fetch(loop, server.port, [10, 200_000, 0], offload=offload)
        assert sorted(app.got.values()) == [0, 10, 200_000]
        assert app.closed == ConnectionClosed(0, "done", False, True)
        end = time.monotonic() + 5
        while len(server.driver._endpoint) and time.monotonic() < end:
            loop.turn(0.05)
        assert len(server.driver._endpoint) == 0
        if offload:
            assert server.io.datagrams_out > 3 * server.io.calls_out
    finally:
        server.close()
        loop.close()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="elsewhere objects are not counted")
def test_a_connection_that_is_over_does_not_wait_for_the_collector() -> None:
    made: list[weakref.ref[ServerConnection]] = []

    def make(connection: ServerConnection) -> TinyServer:
        made.append(weakref.ref(connection))
        return TinyServer(connection)

    loop = Loop()
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig()), make)
    gc.collect()
    gc.disable()
    try:
        client = fetch(loop, server.port, [10])
        until = time.monotonic() + 5
        while len(server.driver._endpoint) and time.monotonic() < until:
            loop.turn(0.05)
        loop.turn(0)
        assert [reference() for reference in made] == [None]
        assert left_to_the_collector() == []
        assert client.closed is not None
    finally:
        gc.enable()
        server.close()
        loop.close()


def test_nobody_listens() -> None:
    loop = Loop()
    try:
        with open_quic_socket("127.0.0.1", 0) as taken:
            app = Fetch([])
            with open_quic_socket("127.0.0.1", 0) as sock:
                io = QuicSocket(sock)
                tls = client_tls(__import__("random").Random(1))
                connection = ClientConnection(
                    QuicConfig(idle_timeout=0.2, initial_rtt=0.02),
                    tls,
                    io.local,
                    taken.getsockname(),
                    os.urandom(8),
                    lambda: (os.urandom(8), os.urandom(16)),
                    lambda _: None,
                    os.urandom,
                    loop.now,
                )
                app.connection = connection
                driver = ClientDriver(loop, io, connection, app)
                end = time.monotonic() + 5
                while not driver.is_over and time.monotonic() < end:
                    loop.turn(0.05)
                assert app.closed == ConnectionClosed(0, "idle timeout", False)
    finally:
        loop.close()


@pytest.mark.parametrize(("every", "taken"), [(3, 2), (4, 1)])
def test_a_kernel_that_takes_no_more(every: int, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some or most calls are refused: everything arrives all the same, in order, after a Retry too."""
    true = QuicSocket.send
    calls = [0]

    def send(self: QuicSocket, out: DatagramOut) -> DatagramOut | None:
        calls[0] += 1
        return true(self, out) if calls[0] % every < taken else out

    monkeypatch.setattr(QuicSocket, "send", send)
    loop = Loop()
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig(), retry_above=0), make=TinyServer)
    try:
        assert list(fetch(loop, server.port, [300_000]).got.values()) == [300_000]
    finally:
        server.close()
        loop.close()


# --- newcomers wait in the queue of slow work ------------------------------------------------------------------------


def hello(seed: int) -> DatagramIn:
    """A client's first datagram."""
    client = make_client(random.Random(seed))
    return DatagramIn(client.datagrams_to_send(0.0, 1 << 16)[0].data, SERVER, CLIENT)


def test_a_burst_of_handshakes_is_taken_in_slices() -> None:
    """Each turn does a slice of them and everything else; none is lost."""
    loop = Loop()
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig(), retry_above=1000))
    try:
        server.driver.take_in([hello(seed) for seed in range(40)])
        counts = []
        while not counts or counts[-1] < 40:
            loop.turn(0)
            counts.append(len(server.driver._endpoint))
        assert counts[0] < 20
        assert len(counts) >= 3
        assert server.driver.dropped == 0
    finally:
        server.close()
        loop.close()


def test_a_full_queue_drops_newcomers_and_nobody_else() -> None:
    loop = Loop()
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig()))
    try:
        for _ in range(SLOW_MAXIMUM - 1):
            loop.call_slow(lambda: None)
        told: list[int] = []
        server.driver.on_drop = lambda: told.append(1)
        server.driver.take_in([hello(1), hello(2), DatagramIn(b"\x41" + bytes(40), SERVER, CLIENT)])
        assert (server.driver.dropped, told) == (1, [1])
        for _ in range(10):
            loop.turn(0)
        assert len(server.driver._endpoint) == 1
    finally:
        server.close()
        loop.close()


@pytest.mark.parametrize("auth", [ClientAuth.NONE, ClientAuth.REQUIRE])
def test_certificates_of_clients_wait_like_newcomers(auth: ClientAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others sent is not held up by their chains and signatures."""
    loop = Loop()
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig(), auth=auth, policy=policy("P-256", "clientAuth")))
    chance = random.Random(1)
    mine = [make_client(chance, tls=replace(client_tls(chance), credential=pair_credential("P-256"))) for _ in range(2)]
    sent: list[DatagramOut] = []
    monkeypatch.setattr(server.driver, "_send", sent.append)

    def give(client: ClientConnection) -> list[DatagramIn]:
        """What a client says."""
        return crossed(client.datagrams_to_send(loop.now, 1 << 16))

    def answer(client: ClientConnection) -> None:
        """What the server has to say, to it."""
        for _ in range(4):
            loop.turn(0)
        for out in sent:
            client.receive(crossed([out]), loop.now)
        sent.clear()

    try:
        connections = []
        for client in mine:
            server.driver.take_in(give(client))
            answer(client)
            connections.append(server.driver._endpoint.connections[-1])
            if client is mine[0]:
                server.driver.take_in(give(client))
                answer(client)
        first, second = connections
        assert (first.is_handshake_complete, second.is_handshake_complete) == (True, False)
        mine[0].send_stream_data(mine[0].open_stream(False), b"x")
        server.driver.take_in(give(mine[1]) + give(mine[0]))
        assert len(first.streams) == 1
        assert second.is_handshake_complete is (auth is ClientAuth.NONE)
        for _ in range(4):
            loop.turn(0)
        assert second.is_handshake_complete
        assert second.tls_handshake is not None
        assert bool(second.tls_handshake.core.facts.peer) is (auth is ClientAuth.REQUIRE)
        assert server.driver.dropped == 0
    finally:
        server.close()
        loop.close()


def test_a_part_of_a_hello_waits_for_the_rest_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other slow work is in front of the rest, and takes longer than the parts' acknowledgement would be held back."""
    clock = FakeClock()
    loop = Loop(clock=clock)
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig()))
    sent: list[DatagramOut] = []
    monkeypatch.setattr(server.driver, "_send", sent.append)
    try:
        first, second = long_hello()
        server.driver.take_in([first])
        for _ in range(3):
            loop.call_slow(lambda: clock.advance(0.01))
        server.driver.take_in([second])
        for _ in range(12):
            loop.turn(0)
        assert [len(out.data) > 1000 for out in sent] == [True]
        assert not server.driver._awaited
    finally:
        server.close()
        loop.close()


def test_newcomers_that_wait_can_be_handed_over() -> None:
    """But not what belongs to a connection that has begun here."""
    loop = Loop()
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig()))
    try:
        datagrams = [hello(1), hello(2)]
        server.driver.take_in(datagrams)
        assert server.driver.take_newcomers() == datagrams
        assert server.driver.take_newcomers() == []
        assert not server.driver._awaited
        server.driver.take_in(datagrams[:1])
        server.close()
        loop.turn(0)
        assert len(server.driver._endpoint) == 0
    finally:
        server.close()
        loop.close()
