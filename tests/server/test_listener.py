# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Listeners in a worker: accepting, pausing, draining."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Iterator

import pytest

from sws.config.addresses import parse_listen
from sws.exchange.exchange import PeerFacts
from sws.os.loop import Loop
from sws.os.poller.choose import choose_poller
from sws.os.sockets import AcceptPause, ListenError
from sws.server import listener as module
from sws.server.listener import PAUSE_SECONDS, Acceptor, open_for_newcomer, open_listener, shown_url
from tests.kit.clock import FakeClock


class World:
    """A loop, and what was accepted."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = Loop(choose_poller(), self.clock)
        self.errors: list[BaseException] = []
        self.loop.on_error = self.errors.append
        self.facts: list[PeerFacts] = []
        self.accepted: list[socket.socket] = []
        self.clients: list[socket.socket] = []
        self.pauses = 0
        self.fail = 0

    def connected(self, sock: socket.socket, facts: PeerFacts) -> None:
        if self.fail:
            self.fail -= 1
            raise ValueError("no")
        self.accepted.append(sock)
        self.facts.append(facts)

    def paused(self) -> None:
        self.pauses += 1

    def acceptor(self, sock: socket.socket) -> Acceptor:
        return Acceptor(self.loop, sock, self.connected, self.paused)

    def connect(self, sock: socket.socket, count: int = 1) -> None:
        for _ in range(count):
            client = socket.socket(sock.family)
            client.connect(sock.getsockname())
            self.clients.append(client)

    def turn(self, turns: int = 2) -> None:
        for _ in range(turns):
            self.loop.turn(0)

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.turn(3)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    for sock in world.accepted + world.clients:
        sock.close()
    world.loop.close()


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with open_listener(parse_listen("http://127.0.0.1:0"), reuse_port=False) as sock:
        yield sock


def test_addresses_and_urls(tmp_path: pathlib.Path, sock: socket.socket) -> None:
    address = parse_listen("http://127.0.0.1:0")
    port = sock.getsockname()[1]
    assert shown_url(address, sock) == f"http://127.0.0.1:{port}"
    with pytest.raises(ListenError):
        open_listener(parse_listen(f"http://127.0.0.1:{port}"), reuse_port=False)
    if hasattr(socket, "AF_UNIX"):
        unix = parse_listen(f"unix:{tmp_path}/s")
        with open_listener(unix, reuse_port=False) as other:
            assert shown_url(unix, other) == f"unix:{tmp_path}/s"
    try:
        six = open_listener(parse_listen("http://[::1]:0"), reuse_port=False)
    except ListenError:
        pytest.skip("this machine has no IPv6")
    with six:
        assert shown_url(parse_listen("http://[::1]:0"), six) == f"http://[::1]:{six.getsockname()[1]}"


def test_accepting_over_tcp(world: World, sock: socket.socket) -> None:
    world.acceptor(sock)
    world.connect(sock, 3)
    world.turn()
    assert len(world.accepted) == 3
    port = sock.getsockname()[1]
    assert [(facts.address, facts.port, facts.local) for facts in world.facts] == [
        ("127.0.0.1", client.getsockname()[1], f"127.0.0.1:{port}") for client in world.clients
    ]
    assert world.facts[0].protocol == "http/1.1"


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="this system has no SO_REUSEPORT")
def test_nobody_comes_to_a_newcomer_before_it_accepts(world: World) -> None:
    with open_listener(parse_listen("http://127.0.0.1:0"), reuse_port=True) as first:
        address = first.getsockname()
        with open_for_newcomer(parse_listen("http://127.0.0.1:0"), address[1]) as second:
            assert second.getsockname() == address
            world.acceptor(first)
            world.connect(first, 20)
            world.turn()
            assert len(world.accepted) == 20
            world.acceptor(second)
            first.close()
            world.connect(second)
            world.turn()
            assert len(world.accepted) == 21


def test_an_ipv4_client_of_a_dual_stack_listener(world: World) -> None:
    try:
        listener = open_listener(parse_listen("http://[::]:0"), reuse_port=False)
    except ListenError:
        pytest.skip("this machine has no IPv6")
    with listener:
        world.acceptor(listener)
        port = listener.getsockname()[1]
        world.clients.append(socket.create_connection(("127.0.0.1", port)))
        world.clients.append(socket.create_connection(("::1", port)))
        world.turn()
        assert [facts.address for facts in world.facts] == ["127.0.0.1", "::1"]
        assert world.facts[0].local == f"[::]:{port}"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")
def test_accepting_over_unix(world: World, tmp_path: pathlib.Path) -> None:
    with open_listener(parse_listen(f"unix:{tmp_path}/s"), reuse_port=False) as listener:
        world.acceptor(listener)
        world.connect(listener)
        world.turn()
        assert [(facts.address, facts.port, facts.local) for facts in world.facts] == [("unix", 0, f"unix:{tmp_path}/s")]


def test_one_that_fails_costs_the_others_nothing(world: World, sock: socket.socket) -> None:
    world.acceptor(sock)
    world.connect(sock, 3)
    world.fail = 1
    world.turn()
    assert len(world.accepted) == 2
    assert [type(error) for error in world.errors] == [ValueError]
    world.clients[0].settimeout(5)
    assert world.clients[0].recv(1) == b""  # and it is told so


def test_pausing(world: World, sock: socket.socket) -> None:
    acceptor = world.acceptor(sock)
    acceptor.pause(1)
    world.connect(sock)
    world.turn()
    assert world.accepted == []
    world.later(1.1)
    assert len(world.accepted) == 1


def test_when_descriptors_run_out(world: World, sock: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """No spinning: the listener is out of the poller until the pause is over."""
    calls = 0

    def exhausted(_sock: socket.socket, _maximum: int) -> list[object]:
        nonlocal calls
        calls += 1
        raise AcceptPause("full")

    world.acceptor(sock)
    world.connect(sock)
    with monkeypatch.context() as patch:
        patch.setattr(module, "accept_batch", exhausted)
        world.turn(10)
        assert (calls, world.pauses) == (1, 1)
        world.later(PAUSE_SECONDS + 0.01)
        assert (calls, world.pauses) == (2, 2)
    world.later(PAUSE_SECONDS + 0.01)
    assert len(world.accepted) == 1


def test_draining_takes_all_that_is_queued_and_then_no_more(world: World, sock: socket.socket) -> None:
    acceptor = world.acceptor(sock)
    world.connect(sock, 150)
    acceptor.drain()
    assert len(world.accepted) == 150
    world.connect(sock)
    world.turn()
    acceptor.drain()
    assert len(world.accepted) == 150
    assert world.loop._handlers == {}


def test_draining_has_an_end(world: World, sock: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects as fast as we accept cannot keep us."""
    batches = 0

    def endless(_sock: socket.socket, _maximum: int) -> list[tuple[socket.socket, object]]:
        nonlocal batches
        batches += 1
        return [(socket.socket(), ("192.0.2.1", 1)) for _ in range(2)]

    acceptor = world.acceptor(sock)
    monkeypatch.setattr(module, "accept_batch", endless)
    monkeypatch.setattr(module, "ACCEPT_BATCH", 2)
    acceptor.drain()
    assert 1 < batches < 100


def test_closing_while_paused(world: World, sock: socket.socket) -> None:
    acceptor = world.acceptor(sock)
    acceptor.pause(1)
    acceptor.close()
    acceptor.close()
    acceptor.pause(1)
    world.connect(sock)
    world.later(1.1)
    assert world.accepted == []
    assert world.loop._handlers == {}


def test_without_room_newcomers_wait_in_the_kernel(world: World, sock: socket.socket) -> None:
    acceptor = world.acceptor(sock)
    acceptor._room = lambda: 0
    world.connect(sock)
    world.turn(3)
    assert world.accepted == []
    acceptor._room = lambda: 1
    world.later(PAUSE_SECONDS + 0.01)
    assert len(world.accepted) == 1
