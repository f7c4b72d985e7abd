# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files through a whole connection, and how fairly they leave."""

from __future__ import annotations

import os
import pathlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sws.base.engine import FileSpan
from sws.exchange.exchange import Exchange
from sws.net.outlet import TURN_OCTETS, SendLimits
from sws.os import loop as loop_module
from sws.os.files import send_span
from sws.os.tasks import Cancelled
from tests.kit.driver import Rig, get
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


# --- files ------------------------------------------------------------------------------------------------------------


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
    with Rig(of_file(big, closing=closing), buffer=32768, driver_limits=SendLimits(send_timeout=7, send_grace=100)) as rig:
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
    limits = SendLimits(send_timeout=10, send_rate=100_000, send_grace=12)
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


# --- fairness ---------------------------------------------------------------------------------------------------------


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
