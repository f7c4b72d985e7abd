# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A whole connection: driver, engine, exchange, loop and poller over real sockets, on a fake clock."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sws.exchange.exchange import Exchange
from sws.net.outlet import Outlet
from sws.os.tasks import Cancelled, Waiter
from tests.kit.driver import Rig, Script, get
from tests.kit.handlers import descriptors, echo, hello

LENGTH = 5_000_000


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


# --- requests and responses -------------------------------------------------------------------------------------------


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
    real = Outlet._join_front

    def counting(self: Outlet) -> bytes:
        nonlocal joined
        result = real(self)
        joined += len(result)
        return result

    monkeypatch.setattr(Outlet, "_join_front", counting)

    async def handler(exchange: Exchange) -> None:
        exchange.respond(200, (), bytes(600_000))

    with Rig(handler, buffer=16384) as rig:
        responses = rig.ask(get() * 3, count=3)
        assert [len(response.content) for response in responses] == [600_000] * 3
        assert joined < 3 * 600_000


# --- content ----------------------------------------------------------------------------------------------------------


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


# --- failures of handlers ---------------------------------------------------------------------------------------------


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
