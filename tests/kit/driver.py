# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A connection with everything real but time: loop, poller, socket pair, StreamDriver, ServerConnection, and a raw client.

    rig = Rig(handler)            the worker's side, on a fake clock
    client = rig.connect()        the client's socket, non-blocking
    client.send(b"GET …")
    rig.until(lambda: …)          turns the loop until the condition holds, with a bound

`Script` is the service: it counts what a service is told, so that tests can hold it to balance.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any, final

from sws.base.engine import ExchangeEngine
from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange, Handler, PeerFacts
from sws.net.driver import StreamDriver
from sws.net.outlet import SendLimits
from sws.net.secure import SecureEngine
from sws.os.loop import Loop
from sws.os.poller.base import Poller
from sws.os.poller.choose import choose_poller
from sws.proto.http1 import Http1Limits, IdlePolicy, ServerConnection
from tests.kit.clock import FakeClock

__all__ = ["Client", "Response", "Rig", "Script", "get"]

DATE = b"Thu, 01 Jan 2026 00:00:00 GMT"
PATIENCE = 10.0


def get(path: str = "/", *fields: str, method: str = "GET") -> bytes:
    """A request's head."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: a.example", *fields, "", "")).encode("latin-1")


@final
class Response:
    """One response taken apart."""

    def __init__(self, status: int, fields: dict[str, str], content: bytes) -> None:
        self.status = status
        self.fields = fields
        self.content = content


@final
class Script:
    """A service that answers with one handler and writes down what it was told."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.errors: list[BaseException | None] = []
        self.exchanges: list[Exchange] = []
        self.refused: list[int] = []
        self.closed_count = 0

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        """Answer."""
        self.exchanges.append(exchange)
        return self.handler(exchange)

    async def refuse(self, exchange: Exchange, status: int, reason: str) -> None:
        """Answer what the engine refused."""
        self.refused.append(status)
        exchange.respond(status, (), reason.encode())

    def finished(self, exchange: Exchange, error: BaseException | None) -> None:
        """The handler is through."""
        self.errors.append(error)
        if isinstance(error, Http1Error) and exchange.status == 0 and not exchange.is_dead:
            exchange.respond(error.status, (), error.reason.encode())
        elif isinstance(error, Exception) and exchange.status == 0 and not exchange.is_dead:
            exchange.respond(500, (), b"failed")

    def closed(self, driver: StreamDriver) -> None:
        """The connection is gone."""
        self.closed_count += 1


@final
class Client:
    """The raw other end.  What `Rig.until` moves is collected in `received`, unless `reading` is False."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.received = bytearray()
        self.unsent = b""
        self.reading = True
        self.eof = False
        self.reset = False

    def send(self, data: bytes) -> None:
        """Send, now as far as it goes and the rest in `pump`."""
        self.unsent += data
        self.pump()

    def pump(self) -> bool:
        """Move octets both ways as far as they go; False if nothing moved."""
        moved = False
        if self.unsent:
            try:
                count = self.sock.send(self.unsent)
                self.unsent = self.unsent[count:]
                moved = True
            except BlockingIOError:
                pass
            except OSError:
                self.unsent = b""
        while self.reading and not self.eof and self.take(1 << 18):
            moved = True
        return moved

    def take(self, octets: int) -> int:
        """Read at most so many; how many came."""
        try:
            data = self.sock.recv(octets)
        except BlockingIOError:
            return 0
        except OSError:
            self.reset = self.eof = True
            return 0
        if not data:
            self.eof = True
        self.received += data
        return len(data)

    def half_close(self) -> None:
        """Nothing more will be sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close it."""
        self.sock.close()

    def reset_now(self) -> None:
        """Close it with RST (TCP)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def responses(self) -> list[Response]:
        """All complete responses received; raises AssertionError for what is none."""
        found = []
        data = bytes(self.received)
        while b"\r\n\r\n" in data:
            head, data = data.split(b"\r\n\r\n", 1)
            line, *lines = head.decode("latin-1").split("\r\n")
            version, status = line.split(" ")[:2]
            assert version == "HTTP/1.1", line
            fields = {name.lower(): value.strip() for name, value in (field.split(":", 1) for field in lines)}
            if status[0] == "1" or status in ("204", "304"):
                content = b""
            elif fields.get("transfer-encoding") == "chunked":
                whole = _dechunk(data)
                if whole is None:
                    break
                content, data = whole
            else:
                length = int(fields["content-length"])
                if len(data) < length:
                    break
                content, data = data[:length], data[length:]
            found.append(Response(int(status), fields, content))
        return found


def _dechunk(data: bytes) -> tuple[bytes, bytes] | None:
    """Content and what follows it, None if it is not complete; trailers are left out."""
    parts = []
    position = 0
    while True:
        line_end = data.find(b"\r\n", position)
        if line_end < 0:
            return None
        length = int(data[position:line_end], 16)
        position = line_end + 2 + length
        if not length:
            break
        if len(data) < position + 2:
            return None
        assert data[position : position + 2] == b"\r\n"
        parts.append(data[line_end + 2 : position])
        position += 2
    if data[position : position + 2] == b"\r\n":
        return b"".join(parts), data[position + 2 :]
    end = data.find(b"\r\n\r\n", position)
    return None if end < 0 else (b"".join(parts), data[end + 4 :])


@final
class Rig:
    """A worker's side.

    Args:
      handler:  answers every request.
      limits, driver_limits, idle:  as the engine and driver want them.
      tcp:      a loopback TCP connection instead of a socket pair.
      buffer:   octets of the server's send buffer, to make partial sends sure.
      poller:   of the loop; the best one here unless given.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: Http1Limits | None = None,
        driver_limits: SendLimits | None = None,
        idle: float = 60.0,
        tcp: bool = False,
        buffer: int | None = None,
        poller: Poller | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.loop = Loop(poller or choose_poller(), self.clock)
        self.service = Script(handler)
        self.limits = limits or Http1Limits()
        self.driver_limits = driver_limits or SendLimits()
        self.idle = IdlePolicy(idle)
        self.clients: list[Client] = []
        self.drivers: list[StreamDriver] = []
        self.errors: list[BaseException] = []
        self.loop.on_error = self.errors.append
        self.secure: Callable[[], SecureEngine] | None = None  # makes an engine that stands between driver and HTTP
        self._tcp = tcp
        self._buffer = buffer

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, service: Script | None = None) -> Client:
        """A new connection."""
        if self._tcp:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                far = socket.create_connection(listener.getsockname())
                near = listener.accept()[0]
        else:
            near, far = socket.socketpair()
        near.setblocking(False)
        if self._buffer is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._buffer)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._buffer)
        engine: ExchangeEngine = self.make_engine()
        secure = self.secure() if self.secure is not None else None
        facts = PeerFacts("192.0.2.1", 4711, "192.0.2.2:80")
        driver = StreamDriver(self.loop, near, secure or engine, service or self.service, facts, self.driver_limits)
        if secure is not None:
            secure.wake = driver.input_soon
        self.drivers.append(driver)
        client = Client(far)
        self.clients.append(client)
        return client

    def make_engine(self, scheme: bytes = b"http") -> ServerConnection:
        """A server's engine."""
        return ServerConnection(self.loop.now, limits=self.limits, idle=self.idle, date=lambda: DATE, scheme=scheme)

    def turn(self, turns: int = 1) -> None:
        """A few turns, without waiting and without clients doing anything."""
        for _ in range(turns):
            self.loop.turn(0)

    def settle(self) -> None:
        """Turn and pump until nothing moves in some turns in a row."""
        quiet = 0
        while quiet < 4:
            self.loop.turn(0)
            moved = [client.pump() for client in self.clients]
            quiet = 0 if any(moved) else quiet + 1

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Turn and pump until it holds; fails after a bound of real time."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"did not come to pass; uncaught: {self.errors}"
            self.loop.turn(0.001)
            for client in self.clients:
                client.pump()

    def later(self, seconds: float) -> None:
        """Let time pass, and the loop notice."""
        self.clock.advance(seconds)
        self.settle()

    def ask(self, data: bytes, client: Client | None = None, count: int = 1) -> list[Response]:
        """Send and get `count` responses more."""
        client = client or self.connect()
        before = len(client.responses())
        client.send(data)
        self.until(lambda: len(client.responses()) >= before + count or client.eof)
        return client.responses()[before:]

    def close(self) -> None:
        """End everything."""
        for driver in self.drivers:
            driver.abort()
        self.turn(3)
        for client in self.clients:
            client.close()
        self.loop.close()
