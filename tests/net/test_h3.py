# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Exchanges over HTTP/3 in their driver, with a transport in memory and a client that is played."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sws.exchange.exchange import Exchange, Handler, PeerFacts
from sws.net.h3 import Http3Driver
from sws.os.loop import Loop
from sws.os.poller.choose import choose_poller
from sws.os.tasks import Waiter
from sws.proto.quic.api import StreamReset
from tests.kit.clock import FakeClock
from tests.kit.driver import Script
from tests.kit.fake_quic import FakeQuic
from tests.kit.h3_peer import GET, RawPeer, head, make_server

GOAWAY = 7


async def hello(exchange: Exchange) -> None:
    exchange.respond(200, (), b"hello")


class Rig:
    """One connection."""

    def __init__(self, handler: Handler = hello, is_complete: bool = True) -> None:
        self.clock = FakeClock(0.0)
        self.loop = Loop(choose_poller(), self.clock)
        self.quic = FakeQuic(False)
        self.quic.is_handshake_complete = is_complete
        self.service = Script(handler)
        self.touched = 0
        self.completed = 0
        engine = make_server(self.quic)
        self.peer = RawPeer(engine, self.quic, True)
        self.driver = Http3Driver(self.loop, self.quic, self.touch, engine, self.service, PeerFacts("192.0.2.1", 1, "x"), self.ready)  # type: ignore[arg-type]

    def touch(self) -> None:
        self.touched += 1

    def ready(self, _driver: Http3Driver) -> None:
        self.completed += 1

    def step(self) -> None:
        """The transport's events reach the driver."""
        self.driver.on_events(self.quic.take_events(), self.loop.now)
        self.loop.turn(0)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.loop.turn(0)

    def goaways(self) -> list[bytes]:
        return [payload for kind, payload in self.peer.frames(3) if kind == GOAWAY]


@pytest.fixture
def rigs() -> Iterator[list[Rig]]:
    made: list[Rig] = []
    yield made
    for rig in made:
        rig.loop.close()


def test_a_request_that_was_taken_back_at_once_is_none(rigs: list[Rig]) -> None:
    """Head and reset in one batch: nobody begins with it, and the connection lives."""
    rigs.append(rig := Rig())
    rig.quic.inject(0, head(GET))
    rig.quic.events.append(StreamReset(0, 0x10C))
    rig.quic.inject(4, head(GET), True)
    rig.step()
    assert len(rig.service.exchanges) == 1
    assert not rig.quic.is_closed
    sections, content = rig.peer.message(4)
    assert ((b":status", b"200") in sections[0], content) == (True, b"hello")
    assert rig.quic.sent(0) == b""


def test_a_request_under_way_hears_of_its_end(rigs: list[Rig]) -> None:
    async def wait(exchange: Exchange) -> None:
        await Waiter()

    rigs.append(rig := Rig(wait))
    rig.quic.inject(0, head(GET))
    rig.step()
    assert rig.driver.exchanges == 1
    rig.quic.events.append(StreamReset(0, 0x10C))
    rig.step()
    assert rig.driver.exchanges == 0
    assert rig.service.exchanges[0].is_dead


def test_farewell_waits_for_the_handshake_and_a_request(rigs: list[Rig]) -> None:
    """A client that hears GOAWAY before it could ask would come back at once."""
    rigs.append(rig := Rig(is_complete=False))
    rig.driver.shutdown(2.0)
    rig.step()
    assert rig.goaways() == []
    rig.quic.complete_handshake()
    rig.step()
    assert rig.completed == 1
    assert rig.goaways() == []
    rig.quic.inject(0, head(GET), True)
    rig.step()
    assert rig.peer.message(0)[1] == b"hello"
    rig.wait(0.6)
    assert len(rig.goaways()) == 1
    assert not rig.quic.is_closed
    rig.wait(2.1)
    rig.wait(2.1)
    rig.step()
    assert rig.quic.is_closed
    assert rig.service.closed_count == 1


def test_without_patience_nobody_is_waited_for(rigs: list[Rig]) -> None:
    rigs.append(rig := Rig(is_complete=False))
    rig.driver.shutdown()
    rig.step()
    rig.wait(2.1)
    assert rig.quic.is_closed


def test_a_farewell_to_who_is_gone(rigs: list[Rig]) -> None:
    rigs.append(rig := Rig(is_complete=False))
    rig.driver.shutdown(1.0)
    rig.quic.complete_handshake()
    rig.step()
    rig.driver.abort()
    rig.wait(1.0)
    assert rig.service.closed_count == 1
