# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What handlers see, against an engine that only writes down the verbs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from sws.base.engine import Event, ExchangeEngine, Fields, FileSpan, Output, RequestHead
from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange, PeerFacts
from sws.os.loop import Loop
from sws.os.poller.stub import StubPoller
from sws.os.tasks import Cancelled, start
from tests.kit.clock import FakeClock


class Engine:
    """Every verb goes into `said`; credit is what the test sets."""

    def __init__(self) -> None:
        self.wants_read = True
        self.wants_close = False
        self.said: list[tuple[object, ...]] = []
        self.queued: list[FileSpan] = []
        self.room = 100
        self.waits_for_continue = False

    @property
    def holds_input(self) -> bool:
        return False

    def receive(self, data: bytes, now: float) -> list[Event]:
        return []

    def receive_eof(self, now: float) -> list[Event]:
        return []

    def expects_continue(self, stream: int) -> bool:
        return self.waits_for_continue

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        self.waits_for_continue = False
        self.said.append((status,))

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        self.said.append((status, dict(fields), ended))

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        self.room -= len(data) if isinstance(data, bytes) else data.length
        if isinstance(data, FileSpan):
            self.queued.append(data)
            data = replace(data)
        self.said.append((data, ended))

    def leave(self) -> None:
        """All that is queued leaves."""
        for span in self.queued:
            span.length = 0

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        self.send_headers(stream, status, fields)
        self.send_data(stream, content, True)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        self.said.append(("trailers", tuple(fields)))

    def reset(self, stream: int, reason: str) -> None:
        self.said.append(("reset", reason))

    def consumed(self, stream: int, octets: int) -> None:
        self.said.append(("consumed", octets))

    def credit(self, stream: int) -> int:
        return self.room

    def data_to_send(self, now: float) -> list[Output]:
        return []

    def next_timeout(self) -> float | None:
        return None

    def handle_timeout(self, now: float) -> list[Event]:
        return []

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        return []


class World:
    """A carrier and a scheduler in one."""

    def __init__(self) -> None:
        self.recorder = Engine()
        self.engine: ExchangeEngine = self.recorder
        self.facts = PeerFacts("192.0.2.1", 1, "192.0.2.2:80")
        self.soon: deque[Callable[[], None]] = deque()
        self.ended: list[BaseException | None] = []
        self.outputs = 0
        self.inputs = 0
        self.flushes = True
        self.handling = False
        self.clock = FakeClock(12.5, 1e9)
        self.loop = Loop(StubPoller(), self.clock)

    def output_soon(self) -> None:
        self.outputs += 1

    def input_soon(self) -> None:
        self.inputs += 1

    def flush(self) -> bool:
        if self.flushes:
            self.recorder.leave()
        return self.flushes

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def exchange(self, target: bytes = b"/", method: bytes = b"GET", ended: bool = True) -> Exchange:
        head = RequestHead(method, b"http", b"a.example", target, (), {}, 11)
        return Exchange(self, 1, head, ended)

    def run(self, exchange: Exchange, coroutine: Coroutine[Any, Any, None]) -> None:
        exchange.task = start(self, coroutine, self.ended.append)

    def settle(self) -> None:
        while self.soon:
            self.soon.popleft()()


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [(b"/a/b", b"/a/b", b""), (b"/a?x=1?2", b"/a", b"x=1?2"), (b"/?", b"/", b""), (b"*", b"*", b""), (b"", b"", b"")],
)
def test_path_and_query(world: World, target: bytes, path: bytes, query: bytes) -> None:
    exchange = world.exchange(target)
    world.clock.advance(7.5)
    assert (exchange.path, exchange.query) == (path, query)
    assert (exchange.started, exchange.now, exchange.elapsed, exchange.wall) == (12.5, 12.5, 7.5, 1e9 + 7.5)
    assert exchange.facts is world.facts


# --- content ---------------------------------------------------------------------------------------------------------


def test_reading_gives_credit_back_for_what_was_read_before(world: World) -> None:
    exchange = world.exchange(ended=False)
    parts: list[bytes] = []

    async def handler() -> None:
        while part := await exchange.read():
            parts.append(part)

    assert exchange.has_content
    world.run(exchange, handler())
    exchange.arrived(b"abc")
    world.settle()
    assert parts == [b"abc"]
    exchange.arrived(b"de")
    exchange.arrived(b"f")
    world.settle()
    exchange.input_over()
    world.settle()
    assert parts == [b"abc", b"de", b"f"]
    assert world.recorder.said == [("consumed", 3), ("consumed", 2), ("consumed", 1)]
    assert world.inputs == 3
    assert world.ended == [None]
    assert not exchange.has_content


def test_no_content(world: World) -> None:
    exchange = world.exchange()
    assert not exchange.has_content

    async def handler() -> None:
        assert await exchange.read() == b""
        assert await exchange.read_all(0) == b""

    world.run(exchange, handler())
    assert world.ended == [None]


def test_100_is_sent_once_and_only_by_who_reads(world: World) -> None:
    world.recorder.waits_for_continue = True
    exchange = world.exchange(ended=False)

    async def handler() -> None:
        await exchange.read_all(10)

    world.run(exchange, handler())
    exchange.arrived(b"x")
    exchange.input_over()
    world.settle()
    assert world.recorder.said == [(100,), ("consumed", 1)]
    assert world.outputs == 1


def test_read_all_has_a_bound(world: World) -> None:
    exchange = world.exchange(ended=False)

    async def handler() -> None:
        await exchange.read_all(5)

    world.run(exchange, handler())
    exchange.arrived(b"123456")
    world.settle()
    (error,) = world.ended
    assert isinstance(error, Http1Error)
    assert error.status == 413


def test_failed_content_is_told_after_what_came_before(world: World) -> None:
    exchange = world.exchange(ended=False)
    parts: list[bytes] = []

    async def handler() -> None:
        while part := await exchange.read():
            parts.append(part)

    exchange.arrived(b"abc")
    exchange.input_over(Http1Error(408, "slow"))
    world.run(exchange, handler())
    assert parts == [b"abc"]
    (error,) = world.ended
    assert isinstance(error, Http1Error)
    assert error.status == 408


def test_too_much_content_is_never_taken_for_whole(world: World) -> None:
    """Its end may come in the same segment: what was cut must not look complete."""
    exchange = world.exchange(ended=False)
    exchange.content_maximum = 5

    async def handler() -> None:
        await exchange.read()

    exchange.arrived(b"1234")
    exchange.arrived(b"56")
    exchange.arrived(b"7")
    exchange.input_over()
    world.run(exchange, handler())
    (error,) = world.ended
    assert isinstance(error, Http1Error)
    assert error.status == 413


# --- responses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "content", "said"),
    [
        (b"GET", 200, b"abc", [(200, {b"x": b"1", b"content-length": b"3"}, False), (b"abc", True)]),
        (b"GET", 200, b"", [(200, {b"x": b"1", b"content-length": b"0"}, True)]),
        (b"HEAD", 200, b"abc", [(200, {b"x": b"1", b"content-length": b"3"}, True)]),
        (b"GET", 204, b"", [(204, {b"x": b"1"}, True)]),
        (b"GET", 304, b"abc", [(304, {b"x": b"1"}, True)]),
    ],
)
def test_in_one_go(world: World, method: bytes, status: int, content: bytes, said: list[tuple[object, ...]]) -> None:
    """RFC 9110 §8.6: content-length of HEAD is that of GET; never with 204."""
    exchange = world.exchange(method=method)
    exchange.respond(status, ((b"x", b"1"),), content)
    assert world.recorder.said == said
    assert exchange.finished
    assert exchange.status == status
    assert exchange.sent == (3 if said[-1] == (b"abc", True) else 0)


def test_in_steps(world: World) -> None:
    exchange = world.exchange()

    async def handler() -> None:
        exchange.inform(103, ())
        exchange.start(200, ())
        await exchange.send(b"")
        await exchange.send(b"abc")
        await exchange.finish()
        await exchange.finish()

    world.run(exchange, handler())
    assert world.ended == [None]
    assert world.recorder.said == [(103,), (200, {}, False), (b"abc", False), (b"", True)]


def test_trailers(world: World) -> None:
    exchange = world.exchange()

    async def handler() -> None:
        exchange.start(200, ())
        await exchange.finish(((b"t", b"1"),))

    world.run(exchange, handler())
    assert world.recorder.said[1] == ("trailers", ((b"t", b"1"),))
    assert exchange.finished


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_a_head_that_nothing_follows_is_the_end(world: World, method: bytes, status: int) -> None:
    exchange = world.exchange(method=method)
    exchange.start(status, ())
    assert exchange.finished


def test_sending_waits_for_credit(world: World) -> None:
    world.recorder.room = 4
    exchange = world.exchange()

    async def handler() -> None:
        exchange.start(200, ())
        await exchange.send(b"0123456789")
        await exchange.finish()

    world.run(exchange, handler())
    assert world.recorder.said[1:] == [(b"0123", False)]
    exchange.writable()  # no credit yet: it sleeps on
    world.settle()
    assert len(world.recorder.said) == 2
    world.recorder.room = 100
    exchange.writable()
    exchange.writable()
    world.settle()
    assert world.recorder.said[2:] == [(b"456789", False), (b"", True)]
    assert exchange.sent == 10


def spans(world: World) -> list[tuple[int, int, bool]]:
    return [(item[0].offset, item[0].length, bool(item[1])) for item in world.recorder.said if isinstance(item[0], FileSpan)]


def test_a_file_in_parts_as_credit_allows(world: World) -> None:
    exchange = world.exchange()

    async def handler() -> None:
        exchange.start(200, ())
        await exchange.send_file(9, 10, 250)

    world.run(exchange, handler())
    for _ in range(3):
        world.recorder.room = 100
        exchange.writable()
        world.settle()
    assert spans(world) == [(10, 100, False), (110, 100, False), (210, 50, True)]
    assert exchange.finished
    assert exchange.sent == 250
    assert world.ended == [None]


def test_a_file_is_waited_for_to_its_last_octet(world: World) -> None:
    """The caller closes it then; and the engine may be at its next exchange already, where this one has no credit."""
    world.flushes = False
    exchange = world.exchange()

    async def handler() -> None:
        exchange.start(200, ())
        await exchange.send_file(9, 0, 50)

    world.run(exchange, handler())
    assert spans(world) == [(0, 50, True)]
    world.recorder.room = 0
    assert world.ended == []
    exchange.writable()  # the connection's output has left, but the engine holds this stream's back: its window is shut
    world.settle()
    assert world.ended == []
    world.recorder.leave()
    exchange.writable()
    world.settle()
    assert world.ended == [None]


def test_a_file_that_is_given_up_is_taken_out_of_the_queue(world: World) -> None:
    world.flushes = False
    exchange = world.exchange()

    async def handler() -> None:
        exchange.start(200, ())
        await exchange.send_file(9, 0, 50)

    world.run(exchange, handler())
    span = world.recorder.queued[-1]
    assert span.fd == 9
    exchange.died()
    world.settle()
    assert isinstance(world.ended[0], Cancelled)
    assert span.fd == -1


def test_no_credit_at_all_for_a_file(world: World) -> None:
    world.recorder.room = 0
    exchange = world.exchange()

    async def handler() -> None:
        exchange.start(200, ())
        await exchange.send_file(9, 0, 50)

    world.run(exchange, handler())
    assert spans(world) == []
    exchange.died()
    world.settle()
    assert isinstance(world.ended[0], Cancelled)


@pytest.mark.parametrize("finished", [False, True])
def test_an_empty_file(world: World, finished: bool) -> None:
    exchange = world.exchange()

    async def handler() -> None:
        exchange.start(200, (), ended=finished)
        await exchange.send_file(9, 0, 0)

    world.run(exchange, handler())
    assert world.ended == [None]
    assert world.recorder.said[1:] == ([] if finished else [(b"", True)])


# --- death -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["inform", "respond", "start", "upgrade", "read", "send", "finish", "send_file"])
def test_nothing_is_possible_for_the_dead(world: World, verb: str) -> None:
    exchange = world.exchange(ended=False)

    async def handler() -> None:
        if verb == "inform":
            exchange.inform(103, ())
        elif verb == "respond":
            exchange.respond(200, ())
        elif verb == "start":
            exchange.start(200, ())
        elif verb == "upgrade":
            exchange.upgrade(())
        elif verb == "read":
            await exchange.read()
        elif verb == "send":
            await exchange.send(b"x")
        elif verb == "finish":
            await exchange.finish()
        else:
            await exchange.send_file(9, 0, 1)

    exchange.died()
    assert exchange.is_dead
    world.run(exchange, handler())
    assert isinstance(world.ended[0], Cancelled)
    assert world.recorder.said == []


def test_death_cancels_who_waits(world: World) -> None:
    exchange = world.exchange(ended=False)

    async def handler() -> None:
        await exchange.read()

    world.run(exchange, handler())
    exchange.died()
    exchange.writable()
    world.settle()
    assert isinstance(world.ended[0], Cancelled)


def test_a_dead_sender_is_let_go(world: World) -> None:
    world.recorder.room = 0
    exchange = world.exchange()

    async def handler() -> None:
        await exchange.send(b"x")

    world.run(exchange, handler())
    exchange.task = None
    exchange.died()
    exchange.writable()
    world.settle()
    assert isinstance(world.ended[0], Cancelled)


def test_abort(world: World) -> None:
    exchange = world.exchange()
    exchange.start(200, ())
    exchange.abort("why")
    exchange.abort("again")
    assert world.recorder.said[1:] == [("reset", "why")]


def test_upgrade_opens_the_input_again_and_without_the_request_s_bound(world: World) -> None:
    exchange = world.exchange()
    exchange.content_maximum = 3
    parts: list[bytes] = []

    async def handler() -> None:
        exchange.upgrade(((b"upgrade", b"x"),))
        while part := await exchange.read():
            parts.append(part)

    world.run(exchange, handler())
    assert exchange.status == 101
    exchange.arrived(b"12345")
    world.settle()
    exchange.input_over()
    world.settle()
    assert parts == [b"12345"]
    assert world.ended == [None]
    assert world.recorder.said[0] == (101,)
