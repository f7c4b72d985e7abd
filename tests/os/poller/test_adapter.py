# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A poller behind a selector's face: what the standard library's users rely on."""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Iterator

import pytest

from sws.os.poller.adapter import PollerSelector
from sws.os.poller.choose import choose_poller
from sws.os.poller.select import SelectPoller

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture(params=["epoll", "select"])
def selector(request: pytest.FixtureRequest) -> Iterator[PollerSelector]:
    with PollerSelector(choose_poller([request.param, "select"])) as made:
        yield made


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


Pair = tuple[socket.socket, socket.socket]


def test_register_select_unregister(selector: PollerSelector, pair: Pair) -> None:
    near, far = pair
    key = selector.register(near, READ | WRITE, "data")
    assert key == selectors.SelectorKey(near, near.fileno(), READ | WRITE, "data")
    assert selector.select(0) == [(key, WRITE)]
    far.send(b"a")
    assert selector.select() == [(key, READ | WRITE)]
    assert selector.unregister(near) == key
    assert selector.select(0) == []


def test_modify(selector: PollerSelector, pair: Pair) -> None:
    near, _ = pair
    selector.register(near, READ, 1)
    key = selector.modify(near, WRITE, 2)
    assert (key.events, key.data) == (WRITE, 2)
    assert selector.select(0) == [(key, WRITE)]
    other = selector.modify(near.fileno(), WRITE, 3)
    assert other.fileobj is near
    assert selector.select(0) == [(other, WRITE)]


def test_a_hang_up_is_readiness(selector: PollerSelector, pair: Pair) -> None:
    near, far = pair
    key = selector.register(near, READ)
    far.close()
    assert selector.select(0) == [(key, READ)]


def test_the_map(selector: PollerSelector, pair: Pair) -> None:
    near, far = pair
    key = selector.register(near, READ)
    mapping = selector.get_map()
    assert len(mapping) == 1
    assert mapping[near] == mapping[near.fileno()] == selector.get_key(near) == key
    assert list(mapping) == [near.fileno()]
    assert near in mapping
    assert far not in mapping


def test_refusals(selector: PollerSelector, pair: Pair) -> None:
    near, far = pair
    selector.register(near, READ)
    with pytest.raises(KeyError):
        selector.register(near, WRITE)
    with pytest.raises(KeyError):
        selector.unregister(far)
    with pytest.raises(KeyError):
        selector.modify(far, READ)
    for events in (0, 4, READ | 8):
        with pytest.raises(ValueError, match="events"):
            selector.register(far, events)
    with pytest.raises(ValueError, match="no file descriptor"):
        selector.register(-1, READ)
    with pytest.raises(ValueError, match="no file descriptor"):
        selector.register("socket", READ)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot be polled"):
        selector.register(900, READ)


def test_a_closed_file_object_can_be_unregistered(selector: PollerSelector, pair: Pair) -> None:
    near, far = pair
    selector.register(far, READ)
    key = selector.register(near, READ)
    near.close()
    assert selector.unregister(near) == key
    with pytest.raises(ValueError, match="no file descriptor"):
        selector.unregister(near)


def test_closed(pair: Pair) -> None:
    selector = PollerSelector(SelectPoller())
    selector.register(pair[0], READ)
    selector.close()
    selector.close()
    with pytest.raises(RuntimeError):
        selector.get_map()
    with pytest.raises(RuntimeError):
        selector.get_key(pair[0])


def test_asyncio_runs_on_it(selector: PollerSelector) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()
        await writer.wait_closed()

    async def main() -> bytes:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    loop = asyncio.SelectorEventLoop(selector)
    try:
        assert loop.run_until_complete(asyncio.wait_for(main(), 5)) == b"HELLO\n"
    finally:
        loop.close()
