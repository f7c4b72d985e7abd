# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A whole connection: driver, engine, exchange, loop and poller over real sockets, on a fake clock."""

from __future__ import annotations

import os
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sws.base.engine import Aborted, Ended, FileSpan, Refused, TunnelOpened
from sws.base.errors import Http1Error, UsageError
from sws.exchange.exchange import Exchange, Handler
from sws.net import driver as driver_module
from sws.net.driver import LINGER_LONGEST, LINGER_OCTETS, LINGER_SECONDS, TURN_OCTETS, DriverLimits
from sws.os import loop as loop_module
from sws.os.files import send_span
from sws.os.tasks import Cancelled, Waiter
from sws.os.timers import Timer, TimerWheel
from sws.proto.http1 import Http1Limits
from tests.kit.driver import Client, Rig, Script, get

LENGTH = 5_000_000


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


async def hello(exchange: Exchange) -> None:
    exchange.respond(200, ((b"content-type", b"text/plain"),), b"hello " + exchange.path)


async def echo(exchange: Exchange) -> None:
    exchange.start(200, ())
    while data := await exchange.read():
        await exchange.send(data)
    await exchange.finish()


def of_file(path: pathlib.Path, *, closing: list[int] | None = None) -> Handler:
    """A handler that sends a whole file with a declared length."""

    async def handler(exchange: Exchange) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(fd).st_size
            exchange.start(200, ((b"content-length", b"%d" % size),))
            await exchange.send_file(fd, 0, size)
        finally:
            os.close(fd)
            if closing is not None:
                closing.append(fd)

    return handler


# --- requests and responses ------------------------------------------------------------------------------------------


def test_a_request_and_its_response() -> None:
    with Rig(hello) as rig:
        (response,) = rig.ask(get("/x"))
        assert (response.status, response.content) == (200, b"hello /x")
        assert response.fields["content-length"] == "8"
        assert rig.service.errors == [None]
        assert (rig.drivers[0].exchanges, rig.service.closed_count) == (0, 0)


def test_octet_by_octet() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        for octet in get("/y"):
            client.send(bytes((octet,)))
            rig.turn()
        rig.until(lambda: bool(client.responses()))
        assert client.responses()[0].content == b"hello /y"


def test_pipelined_requests_are_answered_in_order_and_in_one_send(monkeypatch: pytest.MonkeyPatch) -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        client.send(b"".join(get(f"/{number}") for number in range(50)))
        rig.loop.turn(1)
        client.take(1 << 18)  # after one turn, by one send, all have left
        assert [response.content for response in client.responses()] == [b"hello /%d" % number for number in range(50)]


def test_pipelined_behind_a_handler_that_waits() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.path == b"/slow":
            await rig.loop.sleep(1)
        await hello(exchange)

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get("/slow") + get("/quick"))
        rig.settle()
        assert client.responses() == []
        rig.later(1.1)
        assert [response.content for response in client.responses()] == [b"hello /slow", b"hello /quick"]


def test_http_1_0_is_answered_and_closed() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        rig.until(lambda: client.eof)
        assert client.responses()[0].content == b"hello /"


def test_head_has_no_content() -> None:
    with Rig(hello) as rig:
        client = rig.connect()
        client.send(get("/", method="HEAD") + get("/z"))
        rig.settle()
        data = bytes(client.received)
        assert b"content-length: 7\r\n" in data.split(b"\r\n\r\n", 1)[0]
        assert data.split(b"\r\n\r\n", 1)[1].startswith(b"HTTP/1.1 200 ")


def test_refused_heads_get_their_status_and_the_connection_ends() -> None:
    with Rig(hello) as rig:
        (response,) = rig.ask(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert response.status == 400
        assert response.fields["connection"] == "close"
        assert rig.service.refused == [400]
        rig.until(lambda: rig.clients[0].eof)


def test_five_megabytes_in_one_go() -> None:
    content = os.urandom(LENGTH)

    async def handler(exchange: Exchange) -> None:
        exchange.respond(200, (), content)

    with Rig(handler, buffer=65536) as rig:
        (response,) = rig.ask(get())
        assert response.content == content


def test_partial_sends_do_not_copy_the_rest_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two large pieces in the backlog: what is joined must not grow with the square of the number of sends."""
    joined = 0
    real = driver_module.StreamDriver._join_front

    def counting(self: driver_module.StreamDriver) -> bytes:
        nonlocal joined
        result = real(self)
        joined += len(result)
        return result

    monkeypatch.setattr(driver_module.StreamDriver, "_join_front", counting)

    async def handler(exchange: Exchange) -> None:
        exchange.respond(200, (), bytes(600_000))

    with Rig(handler, buffer=16384) as rig:
        responses = rig.ask(get() * 3, count=3)
        assert [len(response.content) for response in responses] == [600_000] * 3
        assert joined < 3 * 600_000


# --- content ---------------------------------------------------------------------------------------------------------


def test_streaming_both_ways() -> None:
    content = os.urandom(300_000)
    with Rig(echo) as rig:
        (response,) = rig.ask(get("/", f"Content-Length: {len(content)}", method="POST") + content)
        assert response.content == content
        assert response.fields["transfer-encoding"] == "chunked"


def test_chunked_content_with_trailers_both_ways() -> None:
    seen: list[object] = []

    async def handler(exchange: Exchange) -> None:
        content = await exchange.read_all(100)
        seen.extend((content, exchange.trailers, exchange.has_content))
        exchange.start(200, ())
        await exchange.send(b"abc")
        await exchange.finish(((b"x-sum", b"1"),))

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Check: 9\r\n\r\n")
        rig.settle()
        assert seen[0] == b"abcde"
        assert list(seen[1]) == [(b"x-check", b"9")]  # type: ignore[call-overload]
        assert bytes(client.received).endswith(b"3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n")


def test_expect_100_continue_is_answered_when_the_handler_reads() -> None:

    async def handler(exchange: Exchange) -> None:
        exchange.respond(200, (), await exchange.read_all(10))

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get("/", "Content-Length: 3", "Expect: 100-continue", method="POST"))
        rig.settle()
        assert client.received == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"abc")
        rig.settle()
        assert client.responses()[1].content == b"abc"
        assert client.received.count(b"100 Continue") == 1


def test_a_handler_that_does_not_read_stops_the_reading() -> None:
    """RFC 9112 has no flow control but TCP's: the driver stops reading, and memory stays flat."""
    release: Waiter[None] = Waiter()
    total = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal total
        await release
        while data := await exchange.read():
            total += len(data)
        exchange.respond(200, (), b"")

    with Rig(handler) as rig:
        client = rig.connect()
        size = 4 << 20
        client.send(get("/", f"Content-Length: {size}", method="POST") + bytes(size))
        rig.settle()
        received = size - len(client.unsent)
        assert received < 1 << 20
        held = sum(len(chunk) for chunk in rig.service.exchanges[0]._chunks or ())
        assert held <= rig.limits.window
        release.resolve(None)
        rig.until(lambda: bool(client.responses()))
        assert total == size


def test_a_slow_reader_holds_the_handler_back() -> None:
    sent = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal sent
        exchange.start(200, ())
        for _ in range(1000):
            await exchange.send(bytes(10_000))
            sent += 10_000
        await exchange.finish()

    with Rig(handler, buffer=32768) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        assert sent < 1_000_000
        client.reading = True
        rig.until(lambda: bool(client.responses()))
        assert len(client.responses()[0].content) == 10_000_000


def test_pipelining_without_reading_is_bounded() -> None:
    """A client that asks and asks and never reads must not fill memory with answers."""

    answered = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal answered
        answered += 1
        exchange.respond(200, (), bytes(50_000))

    with Rig(handler, buffer=32768) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get("/", "X-Padding: " + "x" * 4000) * 1000)
        rig.settle()
        assert answered * 50_000 < 1_000_000
        assert client.unsent  # and it is not read from either
        client.unsent = b""  # the client thinks better of it
        before = answered
        client.reading = True
        rig.settle()
        assert answered == len(client.responses()) > before
        assert rig.errors == []


def test_pipelined_heads_without_content_are_bounded_too() -> None:
    answered = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal answered
        answered += 1
        exchange.respond(304, ((b"etag", b'"%d"' % (answered % 7)),))

    with Rig(handler, buffer=16384) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get() * 50_000)
        rig.settle()
        assert answered < 10_000


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def big(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(3_000_000))
    return path


def test_a_file_by_partial_sends(big: pathlib.Path) -> None:
    closing: list[int] = []
    with Rig(of_file(big, closing=closing), buffer=32768) as rig:
        responses = rig.ask(get() + get(), count=2)
        assert [response.content == big.read_bytes() for response in responses] == [True, True]
        rig.settle()
        assert len(closing) == 2
        assert rig.service.exchanges[0].sent == 3_000_000


def test_a_chunked_file(big: pathlib.Path) -> None:
    async def handler(exchange: Exchange) -> None:
        with open(big, "rb") as file:
            exchange.start(200, ())
            await exchange.send_file(file.fileno(), 100, 1_000_000)

    with Rig(handler, buffer=32768) as rig:
        (response,) = rig.ask(get())
        assert response.content == big.read_bytes()[100:1_000_100]


def test_an_empty_part_of_a_file(big: pathlib.Path) -> None:
    async def handler(exchange: Exchange) -> None:
        with open(big, "rb") as file:
            exchange.start(200, ())
            await exchange.send_file(file.fileno(), 0, 0)

    with Rig(handler) as rig:
        assert rig.ask(get())[0].content == b""


def test_the_next_request_may_come_while_a_file_is_on_its_way(big: pathlib.Path) -> None:
    """The first handler waits for its last octets while the engine, which has them, already takes the next request."""
    closing: list[int] = []

    async def handler(exchange: Exchange) -> None:
        if exchange.path == b"/file":
            with open(big, "rb") as file:
                exchange.start(200, ((b"content-length", b"200000"),))
                await exchange.send_file(file.fileno(), 0, 200_000)
            closing.append(1)
        else:
            await hello(exchange)

    with Rig(handler, buffer=16384) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get("/file"))
        rig.settle()
        client.send(get("/next"))
        rig.settle()
        client.reading = True
        rig.until(lambda: len(client.responses()) == 2)
        assert client.responses()[1].content == b"hello /next"
        rig.settle()
        assert closing == [1]
        assert rig.drivers[0].exchanges == 0


def test_a_reader_that_stalls_within_a_file_is_given_up(big: pathlib.Path) -> None:
    closing: list[int] = []
    with Rig(of_file(big, closing=closing), buffer=32768, driver_limits=DriverLimits(send_timeout=7, send_grace=100)) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        rig.later(6.9)
        assert not closing
        rig.later(0.2)
        assert len(closing) == 1
        assert isinstance(rig.service.errors[0], Cancelled)
        assert rig.service.closed_count == 1


def test_progress_moves_the_send_deadline_but_only_as_the_least_rate_allows(big: pathlib.Path) -> None:
    limits = DriverLimits(send_timeout=10, send_rate=100_000, send_grace=12)
    with Rig(of_file(big), buffer=16384, driver_limits=limits) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        seconds = 0
        while not rig.service.closed_count and seconds < 100:
            rig.clock.advance(4)
            seconds += 4
            rig.turn(2)
            client.take(20_000)  # 5000 octets a second: some, but not enough
            rig.turn(2)
        assert 10 < seconds < 24


def test_a_file_that_shrinks_while_it_is_sent_breaks_the_connection(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(bytes(2_000_000))
    with Rig(of_file(path), buffer=32768, tcp=True) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        rig.settle()
        os.truncate(path, 600_000)
        client.reading = True
        rig.until(lambda: client.eof)
        assert client.reset
        assert client.responses() == []
        assert len(client.received) < 700_000
        rig.settle()
        assert isinstance(rig.service.errors[0], Cancelled)


def test_a_descriptor_of_a_dead_exchange_is_never_sent_from(tmp_path: pathlib.Path, big: pathlib.Path) -> None:
    """The handler closes its file when it is cancelled; the number's next bearer is somebody else's file."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"SECRET!!" * 200_000)
    other: list[int] = []
    handler = of_file(big, closing=[])

    async def spy(exchange: Exchange) -> None:
        try:
            await handler(exchange)
        finally:
            other.append(os.open(secret, os.O_RDONLY))

    with Rig(spy, buffer=16384) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get("/", "Content-Length: 100") + b"x")
        rig.settle()
        client.half_close()  # within its content: the exchange is aborted
        rig.settle()
        assert other, "the handler has been cancelled"
        client.reading = True
        rig.settle()
        assert b"SECRET" not in client.received
        assert client.eof
        os.close(other[0])


# --- failures of handlers --------------------------------------------------------------------------------------------


def test_an_exception_before_the_head() -> None:
    async def handler(exchange: Exchange) -> None:
        raise ValueError("x")

    with Rig(handler) as rig:
        client = rig.connect()
        assert [response.status for response in rig.ask(get() + get(), client, 2)] == [500, 500]
        assert not client.eof
        assert rig.errors == []


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_an_exception_after_the_head_is_not_taken_for_a_whole_response(version: str) -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200, ())
        await exchange.send(b"half")
        raise ValueError("x")

    with Rig(handler, tcp=True) as rig:
        client = rig.connect()
        client.send(get().replace(b"HTTP/1.1", version.encode()))
        rig.until(lambda: client.eof)
        # RFC 9112 §8: chunked content without its last chunk is incomplete; content that ends with the connection is
        # complete unless the connection is reset
        assert client.reset or version == "HTTP/1.1"
        assert not client.received.endswith(b"0\r\n\r\n")


def test_an_aborted_response_is_not_taken_for_whole() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200, ())
        await exchange.send(b"half")
        await rig.loop.sleep(0.1)
        exchange.abort("no more")
        exchange.abort("again is fine")
        assert exchange.is_dead

    with Rig(handler, tcp=True) as rig:
        client = rig.connect()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        rig.settle()
        rig.later(0.2)
        rig.until(lambda: client.eof)
        assert client.reset


def test_a_handler_that_dies_in_its_first_step_is_cancelled_at_its_next_wait() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.abort("at once")
        try:
            await rig.loop.sleep(100)
        except Cancelled:
            seen.append("cancelled")
            raise

    seen: list[str] = []
    with Rig(handler) as rig:
        rig.connect().send(get())
        rig.settle()
        assert seen == ["cancelled"]


def test_a_handler_that_never_answers() -> None:
    async def handler(exchange: Exchange) -> None:
        pass

    with Rig(handler) as rig:
        client = rig.connect()
        client.send(get())
        rig.until(lambda: client.eof)
        assert client.responses() == []


def test_a_service_that_itself_fails_costs_one_connection_only() -> None:
    class Broken(Exception):
        pass

    async def handler(exchange: Exchange) -> None:
        if exchange.path == b"/wait":
            await rig.loop.sleep(1)
        raise Broken

    def finished(exchange: Exchange, error: BaseException | None) -> None:
        raise Broken

    with Rig(handler) as rig:
        broken = Script(handler)
        broken.finished = finished  # type: ignore[method-assign]
        clients = [rig.connect(broken), rig.connect(broken)]
        clients[0].send(get())
        clients[1].send(get("/wait"))
        rig.settle()
        rig.later(1.1)
        assert [client.eof for client in clients] == [True, True]
        assert [type(error) for error in rig.errors] == [Broken, Broken]
        assert broken.closed_count == 2
        assert [driver.exchanges for driver in rig.drivers] == [0, 0]

        def handle(exchange: Exchange) -> None:
            raise Broken

        broken.handle = handle  # type: ignore[assignment]
        client = rig.connect(broken)
        client.send(get())
        rig.settle()
        assert client.eof
        assert broken.closed_count == 3


# --- clients that go -------------------------------------------------------------------------------------------------


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


# --- time ------------------------------------------------------------------------------------------------------------


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


# --- fairness --------------------------------------------------------------------------------------------------------


def test_at_most_so_much_of_one_connection_in_a_turn(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast a client drains its socket, a turn ends; another connection's request is answered in the next."""
    path = tmp_path / "huge"
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    stop = threading.Event()
    sizes: list[int] = []

    def counting(sock: socket.socket, span: FileSpan) -> int:
        count = send_span(sock, span)
        sizes.append(count)
        return count

    monkeypatch.setattr(loop_module, "send_span", counting)

    def drain(sock: socket.socket) -> None:
        sock.setblocking(True)
        try:
            while not stop.is_set() and sock.recv(1 << 20):
                pass
        except ConnectionResetError:
            pass  # by abort() below

    with Rig(of_file(path), tcp=True) as rig:
        client = rig.connect()
        client.reading = False
        client.send(get())
        thread = threading.Thread(target=drain, args=(client.sock,))
        thread.start()
        try:
            most = 0
            end = time.monotonic() + 10
            while not rig.service.errors and time.monotonic() < end:
                sizes.clear()
                rig.loop.turn(0.01)
                most = max(most, sum(sizes))
            assert rig.service.errors == [None]
            assert most <= TURN_OCTETS + rig.limits.queue
        finally:
            stop.set()
            rig.drivers[0].abort()
            thread.join()


def test_a_bulk_transfer_and_a_small_request(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "huge"
    with open(path, "wb") as file:
        file.truncate(16 << 20)
    bulk = of_file(path)

    async def handler(exchange: Exchange) -> None:
        await (bulk if exchange.path == b"/bulk" else hello)(exchange)

    with Rig(handler, buffer=65536) as rig:
        first, second = rig.connect(), rig.connect()
        first.send(get("/bulk"))
        for _ in range(5):
            rig.loop.turn(0)
            first.pump()
        second.send(get("/small"))
        rig.loop.turn(0)
        second.pump()
        assert second.responses()[0].content == b"hello /small"
        assert not first.responses()


# --- closing ---------------------------------------------------------------------------------------------------------


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


# --- tunnels ---------------------------------------------------------------------------------------------------------

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


# --- the driver against an engine of its own -------------------------------------------------------------------------


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
        driver._backlog.extend((b"a", b"b", FileSpan(file.fileno(), 5, 10), b"c", FileSpan(file.fileno(), 0, 1)))
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
