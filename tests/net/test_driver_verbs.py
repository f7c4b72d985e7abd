# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Tunnels, and what only an engine of its own or a handler out of the ordinary asks of the driver."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from sws.base.engine import Aborted, Ended, FileSpan, Refused, TunnelOpened
from sws.base.errors import Http1Error, UsageError
from sws.exchange.exchange import Exchange
from tests.kit.driver import Client, Rig, get
from tests.kit.handlers import descriptors, hello


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


@pytest.fixture
def big(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(3_000_000))
    return path


# --- tunnels ----------------------------------------------------------------------------------------------------------


UPGRADE = get("/", "Connection: upgrade", "Upgrade: chat")


def test_a_tunnel_both_ways() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.upgrade(((b"upgrade", b"chat"),))
        while data := await exchange.read():
            await exchange.send(data.upper())
        await exchange.send(b"bye")
        await exchange.finish()

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(UPGRADE + b"early")
        rig.settle()
        head, _, rest = bytes(client.received).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert rest == b"EARLY"
        client.send(b"more")
        rig.settle()
        assert client.received.endswith(b"EARLYMORE")
        client.half_close()
        rig.until(lambda: client.eof)
        assert client.received.endswith(b"EARLYMOREbye")
        assert not client.reset
        assert rig.service.closed_count == 1
        assert rig.service.errors == [None]


def test_a_tunnel_ends_with_its_handler() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.upgrade(((b"upgrade", b"chat"),))
        await exchange.send(b"only this")

    with Rig(handler, tcp=True) as rig:
        client = rig.connect()
        client.send(UPGRADE)
        rig.until(lambda: client.eof)
        assert client.received.endswith(b"\r\n\r\nonly this")
        assert not client.reset


def test_more_through_a_tunnel_than_a_window_holds() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.upgrade(((b"upgrade", b"chat"),))
        while data := await exchange.read():
            await exchange.send(data)

    with Rig(handler, buffer=32768) as rig:
        client = rig.connect()
        client.send(UPGRADE)
        data = os.urandom(1_000_000)
        client.send(data)
        rig.until(lambda: len(client.received) > 1_000_000)
        client.half_close()
        rig.until(lambda: client.eof)
        assert client.received.endswith(data)


# --- the driver against an engine of its own --------------------------------------------------------------------------


def test_informational_responses() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.inform(103, ((b"link", b"</a.css>; rel=preload"),))
        await rig.loop.sleep(1)
        await hello(exchange)

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get())
        rig.settle()
        assert client.received.startswith(b"HTTP/1.1 103 Early Hints\r\nlink: ")
        rig.later(1.1)
        assert client.responses()[1].status == 200


def test_nothing_is_left_over() -> None:
    """After many connections of all kinds: callbacks balance, no timers, no watched descriptors."""

    async def handler(exchange: Exchange) -> None:
        if exchange.path == b"/wait":
            await rig.loop.sleep(1000)
        await hello(exchange)

    with Rig(handler) as rig:
        for number in range(30):
            client = rig.connect()
            client.send(get("/wait" if number % 3 == 0 else "/"))
        rig.settle()
        assert sum(driver.exchanges for driver in rig.drivers) == 10
        for client in rig.clients:
            client.half_close()
        rig.settle()
        assert rig.service.closed_count == 20
        for driver in rig.drivers:
            driver.abort()
        rig.turn(3)
        assert rig.service.closed_count == 30
        assert len(rig.service.errors) == 30
        assert len(rig.loop._timers) == 0
        assert rig.loop._handlers == {}
        assert rig.errors == []


def test_spans_and_octets_mixed(big: pathlib.Path) -> None:
    """Octets before a span are joined, a span never is."""
    with Rig(hello, buffer=65536) as rig, open(big, "rb") as file:
        client = rig.connect()
        driver = rig.drivers[0]
        driver._outlet.backlog.extend((b"a", b"b", FileSpan(file.fileno(), 5, 10), b"c", FileSpan(file.fileno(), 0, 1)))
        assert driver.flush()
        client.pump()
        content = big.read_bytes()
        assert client.received == b"ab" + content[5:15] + b"c" + content[:1]


def test_a_usage_error_of_a_handler_is_a_failure_like_others() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.respond(200, ((b"bad name", b"x"),))

    with Rig(handler) as rig:
        assert rig.ask(get())[0].status == 500
        assert isinstance(rig.service.errors[0], UsageError)


def test_content_that_turns_out_malformed() -> None:
    """The handler learns it when it reads, and the client gets the status."""

    async def handler(exchange: Exchange) -> None:
        await exchange.read_all(1000)

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n")
        rig.settle()
        client.send(b"nonsense\r\n")
        rig.until(lambda: client.eof)
        assert client.responses()[0].status == 400
        assert isinstance(rig.service.errors[0], Http1Error)


def test_events_of_other_streams_and_kinds() -> None:
    """What only a multiplexed engine says: a refusal beside an exchange under way, events that concern nobody."""

    async def handler(exchange: Exchange) -> None:
        await rig.loop.sleep(1)
        await hello(exchange)

    async def refuse(exchange: Exchange, status: int, reason: str) -> None:
        rig.service.refused.append(status)  # ServerConnection has no such stream to answer on

    with Rig(handler) as rig:
        rig.service.refuse = refuse  # type: ignore[method-assign]
        client = rig.connect()
        client.send(get())
        rig.settle()
        rig.drivers[0]._handle([TunnelOpened(1), Aborted(99, "nobody"), Ended(99), Refused(7, 400, "x")])
        assert rig.service.refused == [400]
        assert rig.drivers[0].exchanges == 1
        rig.later(1.1)
        assert client.responses()[0].content == b"hello /"


def test_nothing_is_sent_on_a_closed_connection() -> None:
    with Rig(hello) as rig:
        rig.connect()
        rig.drivers[0].abort()
        assert not rig.drivers[0].flush()
        rig.drivers[0].output_soon()
        rig.turn()
        assert rig.errors == []


def test_readiness_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report may be stale: the descriptor's number had another bearer in the same turn."""
    with Rig(hello) as rig:
        client = rig.connect()
        rig.drivers[0]._on_ready(1)
        assert len(rig.ask(get(), client)) == 1
        client.send(get("/", "Connection: close"))
        rig.settle()
        rig.drivers[0]._on_ready(1)
        rig.drivers[0]._on_ready(2)
        assert isinstance(client, Client)
        assert rig.service.closed_count == 0
