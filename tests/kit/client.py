# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's end with everything real but time and the server: loop, poller, socket pair, ClientDriver, and a scripted raw server.

rig = ClientRig()
connection, peer = rig.pair()         over one socket pair; the peer's unsent octets are moved at the end of each turn
running = rig.begin(connection.request(get()))
peer.send(b"HTTP/1.1 200 OK\\r\\n…")
response = running.finish()
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar, final

from sws.base.engine import Fields, Output
from sws.net.client import ClientDriver, ClientEngine, ClientLimits, ConnectionOwner
from sws.net.response import Content, Request, RequestError
from sws.os.loop import Loop
from sws.proto.http1 import ClientConnection, Http1Limits
from tests.kit.clock import FakeClock
from tests.kit.dns_server import DnsRig, Running
from tests.kit.driver import Client

__all__ = ["EMPTY", "HOST", "OK", "ClientRig", "Owner", "failure", "get", "parts", "post", "whole"]

T = TypeVar("T")
HOST: Fields = ((b"host", b"a.example"),)
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"


def get(target: bytes = b"/", *fields: tuple[bytes, bytes], method: bytes = b"GET") -> Request:
    """A request without content."""
    return Request(method, target, (*HOST, *fields))


def post(content: Content, *fields: tuple[bytes, bytes], method: bytes = b"POST") -> Request:
    """A request with content."""
    return Request(method, b"/", (*HOST, *fields), content)


@final
class Owner:
    """Writes down what an owner is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def available(self, connection: ClientDriver) -> None:
        """Another request can be sent."""
        assert connection.is_available
        self.told.append("available")

    def closed(self, connection: ClientDriver) -> None:
        """The connection is gone."""
        assert connection.is_closed
        self.told.append("closed")


@final
class ClientRig:
    """A loop on a fake clock, connections, and their raw other ends."""

    def __init__(self) -> None:
        self._rig = DnsRig()
        self.peers: list[Client] = []
        self.connections: list[ClientDriver] = []
        self.loop.add_turn_hook(self._pump)

    @property
    def loop(self) -> Loop:
        """The loop."""
        return self._rig.loop

    @property
    def clock(self) -> FakeClock:
        """Its clock."""
        return self._rig.clock

    @property
    def errors(self) -> list[BaseException]:
        """What nobody caught."""
        return self._rig.errors

    def _pump(self) -> None:
        for peer in self.peers:
            if peer.sock.fileno() >= 0:
                peer.pump()

    def __enter__(self) -> ClientRig:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.abort()
        self._rig.__exit__()
        for peer in self.peers:
            peer.close()

    def pair(
        self,
        *,
        limits: Http1Limits | None = None,
        client: ClientLimits | None = None,
        engine: ClientEngine | None = None,
        owner: ConnectionOwner | None = None,
        tcp: bool = False,
        buffer: int | None = None,
    ) -> tuple[ClientDriver, Client]:
        """A connection and its raw other end.

        Args:
          tcp:     over loopback instead of a socket pair.
          buffer:  octets of our send buffer and the peer's receive buffer.
        """
        if tcp:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                near = socket.create_connection(listener.getsockname())
                far = listener.accept()[0]
        else:
            near, far = socket.socketpair()
        near.setblocking(False)
        if buffer is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        peer = self.attach(far)
        connection = ClientDriver(
            self.loop,
            near,
            engine or ClientConnection(self.loop.now, limits=limits or Http1Limits()),
            limits=client or ClientLimits(),
            owner=owner,
        )
        self.connections.append(connection)
        return connection, peer

    def attach(self, sock: socket.socket) -> Client:
        """A raw end to be moved."""
        peer = Client(sock)
        self.peers.append(peer)
        return peer

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Running[T]:
        """Start a coroutine and let it come to its first wait."""
        running = self._rig.begin(coroutine)
        self.settle()
        return running

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Turn until a coroutine is over; its result."""
        return self._rig.run(coroutine)

    def fail(self, coroutine: Coroutine[Any, Any, T]) -> BaseException:
        """Turn until a coroutine is over; what it failed with."""
        return self._rig.fail(coroutine)

    def until(self, condition: Callable[[], bool]) -> None:
        """Turn until something holds."""
        self._rig.until(condition)

    def settle(self, turns: int = 12) -> None:
        """Turn until what loopback delivers at once has been handled."""
        self._rig.settle(turns)

    def advance(self, seconds: float) -> None:
        """Let time pass, then settle."""
        self._rig.advance(seconds)


def failure(rig: ClientRig, coroutine: object) -> RequestError:
    """What it fails with, which must be a RequestError."""
    error = rig.fail(coroutine)  # type: ignore[arg-type]
    assert isinstance(error, RequestError), repr(error)
    return error


async def whole(connection: ClientDriver, request: Request) -> tuple[int, bytes, Fields]:
    """Status, content and trailers."""
    with await connection.request(request) as response:
        content = await response.read_all(1 << 24)
        return response.status, content, tuple(response.trailers)


async def parts(*values: Output) -> AsyncIterator[Output]:
    """Content that comes in parts."""
    for value in values:
        yield value
