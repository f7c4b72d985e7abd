# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A stock asyncio loop whose selector is our loop: what asyncio offers works, and ours goes on meanwhile."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from sws.exchange.exchange import Exchange
from sws.os.asyncio_host import AsyncioHost, LoopSelector
from sws.os.loop import Loop
from sws.os.poller.base import READ, WRITE
from sws.os.tasks import start
from tests.kit.driver import Rig, get


@pytest.fixture
def host() -> Iterator[AsyncioHost]:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    loop = Loop()
    host = AsyncioHost(loop)
    yield host
    host.asyncio_loop.run_until_complete(host.asyncio_loop.shutdown_default_executor())
    host.close()
    loop.close()
    if before:
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) == before


def run(host: AsyncioHost, coroutine: Coroutine[Any, Any, Any]) -> list[BaseException | None]:
    """A coroutine of our loop, to its end, in both loops."""
    ended: list[BaseException | None] = []

    def done(error: BaseException | None) -> None:
        ended.append(error)
        host.stop()

    host.loop.call_soon(lambda: start(host.loop, coroutine, done) and None)
    host.asyncio_loop.call_later(10, host.stop)
    host.run_forever()
    return ended


def test_sleep_lock_and_queue(host: AsyncioHost) -> None:
    diary: list[str] = []

    async def worker(lock: asyncio.Lock, name: str) -> None:
        async with lock:
            diary.append(f"{name} in")
            await asyncio.sleep(0.001)
            diary.append(f"{name} out")

    async def guest() -> str:
        lock = asyncio.Lock()
        await asyncio.gather(worker(lock, "a"), worker(lock, "b"))
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        await queue.put(1)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(queue.put(2), 0.001)
        return "done"

    async def ours() -> None:
        assert await host.run(guest()) == "done"

    assert run(host, ours()) == [None]
    assert diary == ["a in", "a out", "b in", "b out"]


def test_streams_both_ways(host: AsyncioHost) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def guest() -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        payload = os.urandom(1_000_000)

        async def feed() -> None:
            writer.write(payload)
            await writer.drain()
            writer.write_eof()

        data, _ = await asyncio.gather(reader.read(-1), feed())
        assert data == payload
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return len(data)

    async def ours() -> None:
        assert await host.run(guest()) == 1_000_000

    assert run(host, ours()) == [None]


def test_a_failed_connection(host: AsyncioHost) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        async def ours() -> None:
            with pytest.raises(ConnectionRefusedError):
                await host.run(asyncio.open_connection("127.0.0.1", port))

        assert run(host, ours()) == [None]


def test_threads_wake_both_loops(host: AsyncioHost) -> None:
    async def ours() -> None:
        began = time.monotonic()
        assert await host.run(asyncio.to_thread(threading.get_ident)) != threading.get_ident()
        assert time.monotonic() - began < 5

    assert run(host, ours()) == [None]


def test_exceptions_cross_over(host: AsyncioHost) -> None:
    async def guest() -> None:
        await asyncio.sleep(0)
        raise KeyError("guest")

    async def ours() -> None:
        await host.run(guest())

    (error,) = run(host, ours())
    assert isinstance(error, KeyError)


def test_cancelling_ours_cancels_the_guest(host: AsyncioHost) -> None:
    diary: list[str] = []

    async def guest() -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            diary.append("guest cancelled")
            host.stop()
            raise

    async def ours() -> None:
        await host.run(guest())

    def begin() -> None:
        task = start(host.loop, ours(), lambda error: diary.append(type(error).__name__))
        assert task is not None
        host.loop.call_later(0.002, task.cancel)

    host.loop.call_soon(begin)
    host.run_forever()
    assert diary == ["Cancelled", "guest cancelled"]


def test_a_guest_that_cancels_itself(host: AsyncioHost) -> None:
    async def guest() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    async def ours() -> None:
        with pytest.raises(asyncio.CancelledError):
            await host.run(guest())

    assert run(host, ours()) == [None]


def test_our_timers_and_sockets_live_on_meanwhile(host: AsyncioHost) -> None:
    loop = host.loop
    near, far = socket.socketpair()
    near.setblocking(False)
    diary: list[str] = []
    loop.watch(near.fileno(), READ, lambda _: diary.append(f"socket {near.recv(9)!r}"))
    loop.call_later(0.002, lambda: diary.append("timer"))

    def feed() -> None:
        far.send(b"x")

    loop.call_later(0.004, feed)

    async def ours() -> None:
        await host.run(asyncio.sleep(0.02))
        await loop.sleep(0.001)
        diary.append("ours")

    assert run(host, ours()) == [None]
    assert diary == ["timer", "socket b'x'", "ours"]
    loop.unwatch(near.fileno())
    near.close()
    far.close()


def test_many_iterations(host: AsyncioHost) -> None:
    async def guest(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def ours() -> None:
        for number in range(2000):
            assert await host.run(guest(number)) == number

    assert run(host, ours()) == [None]


def test_asyncio_inside_a_handler_of_a_worker() -> None:
    """Sleep, lock and socket of asyncio, awaited by a handler of our loop on a real connection."""
    locks: list[asyncio.Lock] = []
    hosts: list[AsyncioHost] = []

    async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    async def application(word: bytes) -> bytes:
        async with locks[0]:
            await asyncio.sleep(0.001)
            server = await asyncio.start_server(upstream, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(word + b"\n")
            answer = await reader.readline()
            writer.close()
            server.close()
            return answer

    async def handler(exchange: Exchange) -> None:
        exchange.respond(200, (), await hosts[0].run(application(exchange.path)))

    with Rig(handler) as rig:
        clock = rig.clock
        rig.loop._monotonic = time.monotonic  # asyncio has no fake clock
        hosts.append(AsyncioHost(rig.loop))
        host = hosts[0]
        locks.append(asyncio.Lock())
        clients = [rig.connect() for _ in range(3)]
        for number, client in enumerate(clients):
            client.send(get(f"/word{number}"))

        def look() -> None:
            for client in clients:
                client.pump()
            if all(client.responses() for client in clients):
                host.stop()
            else:
                host.asyncio_loop.call_later(0.001, look)

        host.asyncio_loop.call_soon(look)
        host.asyncio_loop.call_later(10, host.stop)
        host.run_forever()
        assert [client.responses()[0].content for client in clients] == [b"/WORD0\n", b"/WORD1\n", b"/WORD2\n"]
        assert rig.service.errors == [None, None, None]
        rig.loop._monotonic = clock.monotonic
        host.asyncio_loop.run_until_complete(asyncio.sleep(0.001))
        host.close()
        rig.loop._monotonic = time.monotonic


# --- the selector's own contract -------------------------------------------------------------------------------------


def test_the_selector() -> None:
    loop = Loop()
    selector = LoopSelector(loop)
    near, far = socket.socketpair()
    try:
        key = selector.register(near, selectors.EVENT_READ, "data")
        assert selector.get_key(near) is key
        assert selector.get_key(near.fileno()) is key
        assert dict(selector.get_map()) == {near.fileno(): key}
        with pytest.raises(KeyError):
            selector.register(near.fileno(), selectors.EVENT_READ)
        assert selector.select(0) == []
        far.send(b"x")
        assert selector.select(1) == [(key, selectors.EVENT_READ)]
        both = selector.modify(near, selectors.EVENT_READ | selectors.EVENT_WRITE, "new")
        assert selector.select(1) == [(both, selectors.EVENT_READ | selectors.EVENT_WRITE)]
        with pytest.raises(KeyError):
            selector.get_key(far)
        selector._note(far.fileno(), WRITE)  # ready, but unregistered in the same turn

        def leave() -> None:
            selector.unregister(near)

        loop.call_soon(leave)
        assert selector.select(0) == []
        with pytest.raises(KeyError):
            selector.get_key(near)
        selector.register(near, selectors.EVENT_WRITE)
        near.close()
        selector.unregister(near)  # by identity: it has no number any more
        with pytest.raises(KeyError):
            selector.unregister(near)
    finally:
        near.close()
        far.close()
        loop.close()
