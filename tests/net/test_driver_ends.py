# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How connections end: clients that go, time-outs, closing in two steps."""

from __future__ import annotations

import os
import pathlib
import socket
from collections.abc import Callable, Iterator

import pytest

from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange
from sws.net.linger import LINGER_LONGEST, LINGER_OCTETS, LINGER_SECONDS
from sws.os.tasks import Cancelled
from sws.os.timers import Timer, TimerWheel
from sws.proto.http1 import Http1Limits
from tests.kit.driver import Client, Rig, get
from tests.kit.handlers import descriptors, hello, of_file


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


# --- clients that go --------------------------------------------------------------------------------------------------


def test_a_client_that_disconnects_cancels_the_handler() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.read_all(1000)

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get("/", "Content-Length: 10") + b"12345")
        rig.settle()
        client.close()
        rig.until(lambda: rig.service.closed_count == 1)
        assert isinstance(rig.service.errors[0], Cancelled)
        assert rig.drivers[0].exchanges == 0


def test_reset_by_the_client() -> None:
    async def handler(exchange: Exchange) -> None:
        await rig.loop.sleep(100)

    with Rig(handler, tcp=True) as rig:
        client = rig.connect()
        client.send(get())
        rig.settle()
        client.reset_now()
        rig.until(lambda: rig.service.closed_count == 1)
        assert isinstance(rig.service.errors[0], Cancelled)


def test_reset_while_we_send(big: pathlib.Path) -> None:
    with Rig(of_file(big), tcp=True, buffer=32768) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        client.reset_now()
        rig.until(lambda: rig.service.closed_count == 1)
        assert isinstance(rig.service.errors[0], Cancelled)


def test_a_connection_lost_while_octets_are_sent() -> None:
    async def handler(exchange: Exchange) -> None:
        await rig.loop.sleep(1)
        exchange.respond(200, (), bytes(100_000))

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get())
        client.half_close()
        rig.settle()
        client.close()
        rig.later(1.1)
        assert rig.service.closed_count == 1


def test_a_half_closed_client_gets_its_responses() -> None:
    """RFC 9112 §9.6: who has closed its half may still read."""

    async def handler(exchange: Exchange) -> None:
        await rig.loop.sleep(1)
        await hello(exchange)

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get("/1") + get("/2"))
        client.half_close()
        rig.settle()
        rig.later(1.1)
        rig.later(1.1)
        assert [response.content for response in client.responses()] == [b"hello /1", b"hello /2"]
        rig.until(lambda: client.eof)
        assert rig.service.closed_count == 1


def test_a_client_that_says_nothing_and_leaves() -> None:
    with Rig(hello) as rig:
        rig.connect().half_close()
        rig.until(lambda: rig.service.closed_count == 1)
        assert rig.service.errors == []


# --- time -------------------------------------------------------------------------------------------------------------


def has_ended(client: Client) -> bool:
    return client.eof


def test_idle_connections_are_closed() -> None:
    with Rig(hello, idle=5) as rig:
        client = rig.connect()
        rig.ask(get(), client)
        rig.later(4.9)
        assert not has_ended(client)
        rig.ask(get(), client)
        rig.later(4.9)
        assert not has_ended(client)
        rig.later(0.2)
        assert has_ended(client)
        rig.later(LINGER_SECONDS)
        assert rig.service.closed_count == 1


def test_a_head_octet_by_octet_runs_into_its_deadline() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        for octet in get()[:9]:
            client.send(bytes((octet,)))
            rig.later(1.0)
        assert not client.eof
        rig.later(1.1)
        assert client.responses()[0].status == 408
        assert client.eof


def test_one_timer_per_connection_and_none_per_request(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled = cancelled = 0
    real_schedule = TimerWheel.schedule
    real_cancel = Timer.cancel

    def schedule(self: TimerWheel, when: float, callback: Callable[[], object]) -> Timer:
        nonlocal scheduled
        scheduled += 1
        return real_schedule(self, when, callback)

    def cancel(self: Timer) -> None:
        nonlocal cancelled
        cancelled += 1
        real_cancel(self)

    monkeypatch.setattr(TimerWheel, "schedule", schedule)
    monkeypatch.setattr(Timer, "cancel", cancel)
    with Rig(hello, idle=60) as rig:
        client = rig.connect()
        rig.ask(get(), client)
        assert len(rig.loop._timers) == 1
        before = scheduled, cancelled
        for _ in range(100):
            rig.clock.advance(0.01)
            rig.ask(get(), client)
        assert (scheduled, cancelled) == before
        assert len(rig.loop._timers) == 1
        client.close()
        rig.settle()
        assert len(rig.loop._timers) == 0


def test_the_timer_is_moved_forward_when_something_earlier_comes() -> None:
    with Rig(hello, idle=60, limits=Http1Limits(head_timeout=3)) as rig:
        client = rig.connect()
        rig.ask(get(), client)
        rig.later(30)
        client.send(b"GET ")
        rig.settle()
        rig.later(2.9)
        assert not client.eof
        rig.later(0.2)
        assert client.responses()[-1].status == 408


# --- closing ----------------------------------------------------------------------------------------------------------


def test_a_client_that_goes_on_sending_after_an_early_413_still_reads_it() -> None:
    async def handler(exchange: Exchange) -> None:
        raise Http1Error(413, "too large")

    with Rig(handler, tcp=True) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get("/", "Content-Length: 10000000", method="POST") + bytes(200_000))
        rig.settle()
        client.send(bytes(300_000))
        rig.settle()
        client.reading = True
        rig.until(lambda: client.eof)
        assert not client.reset
        assert client.responses()[0].status == 413
        client.close()
        rig.until(lambda: rig.service.closed_count == 1)


def test_lingering_ends_by_time() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        client.send(get("/", "Connection: close"))
        rig.settle()
        assert client.eof
        assert rig.service.closed_count == 0
        rig.later(LINGER_SECONDS + 0.1)
        assert rig.service.closed_count == 1


def test_lingering_goes_on_while_the_client_sends_but_not_for_ever() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        client.send(get("/", "Connection: close"))
        rig.settle()
        waited = 0.0
        while rig.service.closed_count == 0:
            client.send(b"more")
            rig.settle()
            rig.later(LINGER_SECONDS + 0.1)
            waited += LINGER_SECONDS + 0.1
        assert LINGER_LONGEST - LINGER_SECONDS <= waited <= LINGER_LONGEST + LINGER_SECONDS


def test_lingering_ends_by_size() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        client.send(get("/", "Connection: close"))
        rig.settle()
        client.send(bytes(LINGER_OCTETS + 1))
        rig.settle()
        assert rig.service.closed_count == 1


def test_lingering_ends_by_a_reset() -> None:
    with Rig(hello, tcp=True) as rig:
        client = rig.connect()
        client.send(get("/", "Connection: close"))
        rig.settle()
        client.reset_now()
        rig.until(lambda: rig.service.closed_count == 1)


def test_shutdown_of_an_idle_connection() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        rig.ask(get(), client)
        rig.drivers[0].shutdown()
        rig.settle()
        assert client.eof
        client.close()
        rig.settle()
        assert rig.service.closed_count == 1
        rig.drivers[0].shutdown()
        rig.drivers[0].abort()
        assert rig.service.closed_count == 1


def test_shutdown_of_a_busy_connection() -> None:
    async def handler(exchange: Exchange) -> None:
        await rig.loop.sleep(1)
        await hello(exchange)

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get() + get("/never"))
        rig.settle()
        rig.drivers[0].shutdown()
        rig.later(1.1)
        (response,) = client.responses()
        assert response.fields["connection"] == "close"
        assert client.eof


def test_shutdown_with_patience_takes_one_more_request() -> None:
    with Rig(hello) as rig:
        client, silent = rig.connect(), rig.connect()
        rig.ask(get(), client)
        for driver in rig.drivers:
            driver.shutdown(5)
        rig.settle()
        assert not client.eof
        (response,) = rig.ask(get("/last"), client)
        assert response.fields["connection"] == "close"
        assert not silent.eof
        rig.later(5.1)
        assert silent.eof


def test_abort_cancels_and_closes_at_once(big: pathlib.Path) -> None:
    with Rig(of_file(big), buffer=32768, tcp=True) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        rig.drivers[0].abort()
        assert rig.service.closed_count == 1
        rig.turn(2)
        assert isinstance(rig.service.errors[0], Cancelled)
        client.reading = True
        rig.settle()
        assert client.reset


def test_abort_from_within_the_handler() -> None:
    async def handler(exchange: Exchange) -> None:
        rig.drivers[0].abort()
        await exchange.send(b"x")

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get())
        rig.settle()
        assert client.eof
        assert isinstance(rig.service.errors[0], Cancelled)


def test_a_socket_that_cannot_be_shut_down_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client has reset the connection between our last send and our FIN."""

    class Sock:
        def __init__(self, real: socket.socket) -> None:
            self._real = real
            self.fileno = real.fileno
            self.recv = real.recv
            self.send = real.send
            self.close = real.close

        def shutdown(self, how: int) -> None:
            raise OSError(107, "not connected")

        def setsockopt(self, *_: object) -> None:
            raise OSError(22, "invalid")

    with Rig(hello) as rig:
        for last in (rig.drivers, rig.drivers):
            client = rig.connect()
            driver = last[-1]
            driver._sock = Sock(driver._sock)  # type: ignore[assignment]
            if len(last) == 1:
                client.send(get("/", "Connection: close"))
                rig.settle()
            else:
                driver.abort()
                client.pump()
            assert client.eof
        assert rig.service.closed_count == 2
