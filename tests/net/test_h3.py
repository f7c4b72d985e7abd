# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Exchanges over HTTP/3 in their driver, with a transport in memory and a client that is played."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from sws.base.engine import FileSpan
from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange, Handler, PeerFacts
from sws.net.h3 import Http3Driver, read_span
from sws.os.loop import Loop
from sws.os.poller.choose import choose_poller
from sws.os.tasks import Waiter
from sws.proto.h3 import Http3Limits
from sws.proto.h3.frames import encode_frame
from sws.proto.quic.api import ConnectionClosed, StreamReset, StreamWritable
from tests.kit.clock import FakeClock
from tests.kit.driver import Script
from tests.kit.fake_quic import FakeQuic
from tests.kit.h3_peer import GET, RawPeer, head, make_server

GOAWAY = 7


async def hello(exchange: Exchange) -> None:
    exchange.respond(200, (), b"hello")


class Rig:
    """One connection."""

    def __init__(self, handler: Handler = hello, is_complete: bool = True, limits: Http3Limits | None = None) -> None:
        self.clock = FakeClock(0.0)
        self.loop = Loop(choose_poller(), self.clock)
        self.quic = FakeQuic(False)
        self.quic.is_handshake_complete = is_complete
        self.service = Script(handler)
        self.touched = 0
        self.completed = 0
        engine = make_server(self.quic, limits)
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


def test_a_farewell_while_an_answer_is_awaited(rigs: list[Rig]) -> None:
    """The connection ends soon after the last answer, though nothing comes from the client any more."""
    waiter: Waiter[None] = Waiter()

    async def wait(exchange: Exchange) -> None:
        await waiter
        exchange.respond(200, (), b"late")

    rigs.append(rig := Rig(wait))
    rig.quic.inject(0, head(GET), True)
    rig.step()
    rig.driver.shutdown()
    rig.wait(2.1)
    assert not rig.quic.is_closed
    waiter.resolve(None)
    rig.wait(0.0)
    assert rig.peer.message(0)[1] == b"late"
    assert not rig.quic.is_closed
    rig.wait(2.2)
    rig.wait(0.0)
    assert rig.quic.is_closed


def test_a_farewell_to_who_is_gone(rigs: list[Rig]) -> None:
    rigs.append(rig := Rig(is_complete=False))
    rig.driver.shutdown(1.0)
    rig.quic.complete_handshake()
    rig.step()
    rig.driver.abort()
    rig.wait(1.0)
    assert rig.service.closed_count == 1


# --- content, both ways ----------------------------------------------------------------------------------------------


async def echo(exchange: Exchange) -> None:
    exchange.start(200, ())
    while data := await exchange.read():
        await exchange.send(data)
    await exchange.finish()


POST: list[tuple[bytes, bytes]] = [(b":method", b"POST"), *GET[1:]]


def test_content_comes_in_pieces_and_trailers_behind_it(rigs: list[Rig]) -> None:
    rigs.append(rig := Rig(echo))
    rig.quic.inject(0, head(POST))
    rig.step()
    rig.quic.inject(0, encode_frame(0, b"one "))
    rig.step()
    assert rig.driver.exchanges == 1
    rig.quic.inject(0, encode_frame(0, b"two") + head([(b"x-sum", b"7")]), True)
    rig.step()
    rig.wait(0.0)
    assert rig.peer.message(0)[1] == b"one two"
    assert rig.driver.exchanges == 0
    assert rig.service.exchanges[0].trailers == [(b"x-sum", b"7")]
    assert rig.service.errors == [None]
    assert sum(rig.quic.unconsumed.values()) == 0


def test_content_that_nobody_reads_is_given_back(rigs: list[Rig]) -> None:
    rigs.append(rig := Rig())
    rig.quic.inject(0, head(POST))
    rig.step()
    rig.quic.inject(0, encode_frame(0, bytes(5000)))
    rig.step()
    assert rig.driver.exchanges == 0
    assert rig.quic.unconsumed.get(0, 0) == 0


def test_requests_that_are_refused(rigs: list[Rig]) -> None:
    """By their head, and by content that turns out too large while it is read."""

    async def gather(exchange: Exchange) -> None:
        exchange.respond(200, (), await exchange.read_all(1000))

    rigs.append(rig := Rig(gather, limits=Http3Limits(body=10)))
    rig.quic.inject(0, head([*POST, (b"content-length", b"100")]))
    rig.step()
    assert rig.service.refused == [413]
    assert dict(rig.peer.message(0)[0][0])[b":status"] == b"413"
    rig.quic.inject(4, head(POST))
    rig.step()
    rig.quic.inject(4, encode_frame(0, bytes(20)))
    rig.step()
    rig.wait(0.0)
    assert isinstance(rig.service.errors[-1], Http1Error)
    assert rig.driver.exchanges == 0
    assert not rig.quic.is_closed


def test_a_slow_client_is_waited_for(rigs: list[Rig]) -> None:
    async def much(exchange: Exchange) -> None:
        exchange.start(200, ())
        for _ in range(20):
            await exchange.send(bytes(50_000))
        await exchange.finish()

    rigs.append(rig := Rig(much))
    rig.quic.inject(0, head(GET), True)
    rig.step()
    got = 0
    while rig.driver.exchanges:
        assert len(rig.quic.sent(0)) <= 400_000
        got += len(rig.quic.sent(0))
        rig.quic.outgoing[0].clear()
        rig.quic.events.append(StreamWritable(0))
        rig.step()
        rig.wait(0.0)
    assert got + len(rig.quic.sent(0)) > 1_000_000


def test_a_file(rigs: list[Rig], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 100)

    async def send(exchange: Exchange) -> None:
        with path.open("rb") as file:
            exchange.start(200, ((b"content-length", b"25600"),))
            await exchange.send_file(file.fileno(), 0, 25600)

    rigs.append(rig := Rig(send))
    rig.quic.inject(0, head(GET), True)
    rig.step()
    assert rig.peer.message(0)[1] == path.read_bytes()
    assert (rig.service.errors, rig.driver.exchanges) == ([None], 0)  # it is over, and the file closed
    with path.open("rb") as file:
        assert len(read_span(FileSpan(file.fileno(), 25000, 2000))) == 600
    # It became shorter after its length was told: the stream is reset, the others go on.
    path.write_bytes(bytes(100))
    rig.quic.inject(4, head(GET), True)
    rig.step()
    rig.wait(0.0)
    assert isinstance(rig.service.errors[1], OSError)
    assert 4 in rig.quic.was_reset
    assert not rig.quic.is_closed


def test_a_handler_that_fails_or_forgets_to_answer(rigs: list[Rig]) -> None:
    async def fail(exchange: Exchange) -> None:
        if exchange.path == b"/":
            raise ValueError("a fault")
        exchange.start(200, ())

    rigs.append(rig := Rig(fail))
    rig.quic.inject(0, head(GET), True)
    rig.quic.inject(4, head([*GET[:3], (b":path", b"/x")]), True)
    rig.step()
    assert dict(rig.peer.message(0)[0][0])[b":status"] == b"500"
    assert 4 in rig.quic.was_reset
    assert [type(error) for error in rig.service.errors] == [ValueError, type(None)]


def test_a_fault_of_the_service_ends_its_connection(rigs: list[Rig]) -> None:
    rigs.append(rig := Rig())

    def fault(exchange: Exchange, error: BaseException | None) -> None:
        raise RuntimeError("of ours")

    rig.service.finished = fault  # type: ignore[method-assign]
    rig.quic.inject(0, head(GET), True)
    with pytest.raises(RuntimeError):
        rig.step()
    assert rig.quic.is_closed
    assert rig.service.closed_count == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_process_is_not_held_up(rigs: list[Rig], kind: type[BaseException]) -> None:
    async def interrupted(exchange: Exchange) -> None:
        raise kind

    rigs.append(rig := Rig(interrupted))
    rig.quic.inject(0, head(GET), True)
    with pytest.raises(kind):
        rig.step()


def test_a_client_that_closes_while_it_is_answered(rigs: list[Rig]) -> None:
    async def wait(exchange: Exchange) -> None:
        await Waiter()

    rigs.append(rig := Rig(wait))
    rig.quic.inject(0, head(GET), True)
    rig.step()
    rig.quic.is_closed = True
    rig.quic.events.append(ConnectionClosed(0x100, "", True, True))
    rig.step()
    rig.wait(0.0)
    assert (rig.driver.exchanges, rig.service.closed_count) == (0, 1)
    rig.driver.abort()
    rig.driver.shutdown()
    assert rig.service.closed_count == 1


def test_a_head_that_does_not_come_in_time(rigs: list[Rig]) -> None:
    rigs.append(rig := Rig())
    rig.quic.inject(0, head(GET)[:5])
    rig.step()
    rig.wait(200.0)
    assert rig.service.exchanges == []
    assert 0 in rig.quic.was_reset or rig.quic.is_closed or rig.service.refused
    assert rig.touched > 0
