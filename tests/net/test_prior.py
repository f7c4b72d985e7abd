# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/1.1 or HTTP/2 by the first octets; HTTP/2 through the real driver and through the client's pool."""

from __future__ import annotations

import socket
import threading

import pytest

from sws.base.engine import ExchangeEngine, RequestStarted
from sws.base.errors import UsageError
from sws.exchange.exchange import Exchange
from sws.net.pool import ClientPool, Origin, PoolLimits
from sws.net.prior import PriorKnowledge
from sws.net.resolv_conf import ResolverConfig
from sws.net.resolver import Resolver
from sws.net.response import Request
from sws.os.loop import Loop
from sws.os.tasks import start
from sws.proto.h2 import ClientConnection, Http2Limits, ServerConnection
from tests.kit.h2_peer import (
    DATE,
    FLOW_CONTROL_ERROR,
    GOAWAY,
    HEADERS,
    POST,
    PREFACE,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS_ACK,
    Frame,
    goaway,
    headers,
    parse,
    rst_stream,
    settings,
    window_update,
)
from tests.kit.h2_site import site
from tests.kit.http1_peer import make_server


class Choice:
    """The engine for the first octets, and which it became."""

    def __init__(self) -> None:
        self.http1 = make_server()
        self.chosen: list[ExchangeEngine] = []
        self.first = PriorKnowledge(self.http1, self._http2, self.chosen.append)

    def _http2(self, now: float) -> ServerConnection:
        return ServerConnection(now, limits=Http2Limits(), idle=self.http1._idle, date=lambda: DATE)


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("octets", [GET, b"PUT" + GET[3:], b"P / HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_http_1(octets: bytes) -> None:
    for size in (1, len(octets)):
        choice = Choice()
        events = []
        for at in range(0, len(octets), size):
            engine = choice.chosen[0] if choice.chosen else choice.first
            events += engine.receive(octets[at : at + size], 0.0)
        assert choice.chosen == [choice.http1]
        assert len(events) == 1


def test_http_2() -> None:
    octets = PREFACE + settings() + SETTINGS_ACK + headers(1)
    for size in (1, 23, 24, len(octets)):
        choice = Choice()
        events = []
        for at in range(0, len(octets), size):
            engine = choice.chosen[0] if choice.chosen else choice.first
            events += engine.receive(octets[at : at + size], 0.0)
        assert isinstance(choice.chosen[0], ServerConnection)
        assert [type(event) for event in events] == [RequestStarted]


@pytest.mark.parametrize(
    ("octets", "foreign"),
    [
        (b"INVALID CONNECTION PREFACE\r\n\r\n", True),
        (b"a b c\n", True),
        (b"PRI a b\r\n", True),
        (b"GARBAGE\r\n", False),
        (b"GET a\r\n", False),
        (b"GET  a\r\n", False),
        (b"A B C D\r\n", False),
        (b"GET * HTTP/1.1\r\n", False),
        (b"GET a HTTQ\x00\r\n", False),
        (b"x" * 300 + b" b c\r\n", False),
    ],
)
def test_a_first_line_of_neither(octets: bytes, foreign: bool) -> None:
    """RFC 9113 §3.4: closed without an answer in a language that the client does not speak; other garbage is HTTP/1.1's to answer."""
    for size in (1, len(octets)):
        choice = Choice()
        for at in range(0, len(octets), size):
            events = (choice.chosen[0] if choice.chosen else choice.first).receive(octets[at : at + size], 0.0)
            assert not foreign or events == []
        assert choice.chosen == ([] if foreign else [choice.http1])
        if foreign:
            assert choice.first.wants_close
            assert choice.first.data_to_send(0.0) == []


async def _path(exchange: Exchange) -> None:
    exchange.respond(200, (), exchange.path)


def _exchanged(port: int, octets: bytes) -> list[Frame]:
    """What comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(octets)
        sock.shutdown(socket.SHUT_WR)
        found = b""
        while part := sock.recv(65536):
            found += part
    return parse(found)


def test_a_request_and_its_end_in_one_read() -> None:
    """No handler begins a request that was given up by what came with it: a verb on its stream would cost the connection."""
    with site(_path) as served:
        frames = _exchanged(
            served.port,
            PREFACE
            + settings()
            + headers(1)
            + rst_stream(1)
            + headers(3, POST, 0)
            + window_update(3, (1 << 31) - 1)
            + headers(5)
            + goaway(),
        )
        assert [frame.code for frame in frames if frame.type == RST_STREAM and frame.stream == 3] == [FLOW_CONTROL_ERROR]
        assert [frame.stream for frame in frames if frame.type == HEADERS] == [5]
        frames = _exchanged(served.port, PREFACE + settings() + headers(1) + headers(3) + window_update(0, 0))
        assert [frame.code for frame in frames if frame.type == GOAWAY] == [PROTOCOL_ERROR]
        assert [frame for frame in frames if frame.type == HEADERS] == []


def test_who_says_nothing_is_timed_out_as_in_http_1() -> None:
    choice = Choice()
    choice.first.receive(PREFACE[:3], 0.0)
    assert choice.first.next_timeout() == 10.0
    assert choice.first.wants_read
    choice.first.handle_timeout(10.0)
    assert choice.first.wants_close
    assert choice.first.receive(PREFACE[3:], 10.0) == []
    assert choice.first.data_to_send(10.0) == []


def test_the_end_before_it_is_known() -> None:
    choice = Choice()
    choice.first.receive(b"PRI", 0.0)
    choice.first.receive_eof(0.0)
    assert choice.http1.wants_close
    choice = Choice()
    assert choice.first.receive_eof(0.0) == []
    assert choice.http1.wants_close
    choice = Choice()
    choice.first.shutdown(0.0)
    assert choice.first.wants_close


def test_there_is_no_exchange_yet() -> None:
    first = Choice().first
    for verb in (
        lambda: first.send_informational(1, 100, ()),
        lambda: first.send_headers(1, 200, ()),
        lambda: first.send_response(1, 200, (), b""),
        lambda: first.send_data(1, b""),
        lambda: first.send_trailers(1, ()),
    ):
        with pytest.raises(UsageError):
            verb()
    first.consumed(1, 1)
    first.reset(1, "")
    assert (first.credit(1), first.expects_continue(1)) == (0, False)


async def _echo(exchange: Exchange) -> None:
    parts = []
    while part := await exchange.read():
        parts.append(part)
    exchange.respond(200, ((b"x-path", exchange.path),), b"".join(parts) or b"none")


def test_a_pool_shares_one_connection() -> None:
    """The client's driver and pool over the HTTP/2 engine: many requests at once, one connection."""
    with site(_echo) as served:
        loop = Loop()
        pool = ClientPool(
            loop,
            Resolver(loop, ResolverConfig()),
            limits=PoolLimits(per_origin=1),
            make_engine=lambda loop, _limits: ClientConnection(loop.now, limits=Http2Limits()),
        )
        origin = Origin("http", "127.0.0.1", served.port)
        found: dict[int, bytes] = {}
        errors: list[BaseException | None] = []

        async def ask(number: int) -> None:
            content = b"%d" % number * 9000 * (number % 3)
            request = Request(b"POST", b"/%d" % number, ((b"host", b"a"),), content)
            response = await pool.request(origin, request)
            assert response.status == 200
            found[number] = await response.read_all(1 << 20)
            assert found[number] == (content or b"none")

        for number in range(20):
            start(loop, ask(number), errors.append)
        while len(errors) < 20:
            loop.turn(1.0)
        assert errors == [None] * 20
        assert len(found) == 20
        assert pool.counters.opened == 1
        pool.abort()
        loop.close()


def test_a_client_that_goes_in_the_middle() -> None:
    """Its handler is cancelled, and nothing else is hurt."""
    cancelled = []
    begun = threading.Event()

    async def slow(exchange: Exchange) -> None:
        begun.set()
        try:
            while await exchange.read():
                pass
        finally:
            cancelled.append(exchange.is_dead)

    with site(slow) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.sendall(PREFACE + settings() + SETTINGS_ACK + headers(1, flags=0))
            client.recv(100)
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.settimeout(5)
            begun.clear()
            client.sendall(PREFACE + settings() + SETTINGS_ACK + headers(1, flags=0))
            assert begun.wait(5)
            client.sendall(rst_stream(1))
            client.sendall(b"\0\0\x08\6\0\0\0\0\0still-up")
            found = b""
            while b"still-up" not in found:
                part = client.recv(1000)
                assert part
                found += part
    assert cancelled == [True, True]
