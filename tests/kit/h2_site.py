# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A worker's loop in a thread, with one handler of the test's own behind real sockets: for peers that speak to handlers, not to files."""

from __future__ import annotations

import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from sws.base.engine import ExchangeEngine
from sws.exchange.exchange import Exchange, Handler, PeerFacts
from sws.net.driver import StreamDriver
from sws.net.outlet import SendLimits
from sws.net.prior import PriorKnowledge
from sws.os.loop import Loop
from sws.os.poller.choose import choose_poller
from sws.proto.h2 import Http2Limits, ServerConnection
from sws.proto.http1 import Http1Limits, IdlePolicy
from sws.proto.http1 import ServerConnection as Http1Server
from sws.server.listener import Acceptor
from tests.kit.h2_peer import DATE


class Site:
    """The service: one handler for all."""

    def __init__(self, handler: Handler, limits: Http2Limits) -> None:
        self.handler = handler
        self.limits = limits
        self.errors: list[BaseException] = []
        self.drivers: set[StreamDriver] = set()
        self.defended: list[str] = []
        self.loop = Loop(choose_poller())
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port: int = self.sock.getsockname()[1]
        self._idle = IdlePolicy()

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        return self.handler(exchange)

    async def refuse(self, exchange: Exchange, status: int, reason: str) -> None:
        exchange.respond(status, (), reason.encode())

    def finished(self, exchange: Exchange, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self.errors.append(error)

    def closed(self, driver: StreamDriver) -> None:
        self.drivers.discard(driver)

    def connected(self, sock: socket.socket, facts: PeerFacts) -> None:
        def chosen(engine: ExchangeEngine) -> None:
            driver.engine = engine

        def http2(now: float) -> ServerConnection:
            return ServerConnection(now, limits=self.limits, idle=self._idle, date=lambda: DATE, observe=self.defended.append)

        http1 = Http1Server(self.loop.now, limits=Http1Limits(), idle=self._idle, date=lambda: DATE)
        driver = StreamDriver(self.loop, sock, PriorKnowledge(http1, http2, chosen), self, facts, SendLimits())
        self.drivers.add(driver)

    def run(self) -> None:
        Acceptor(self.loop, self.sock, self.connected, lambda: None)
        self._look()
        self.loop.run()

    def _look(self) -> None:
        if self.over.is_set():
            for driver in tuple(self.drivers):
                driver.abort()
            self.loop.stop()
        else:
            self.loop.call_later(0.02, self._look)

    over = threading.Event()


@contextmanager
def site(handler: Handler, limits: Http2Limits | None = None) -> Iterator[Site]:
    """It serves until the block is left; what its handlers raised fails the test."""
    served = Site(handler, limits or Http2Limits())
    served.over = threading.Event()
    thread = threading.Thread(target=served.run)
    thread.start()
    try:
        yield served
    finally:
        served.over.set()
        thread.join(10)
        served.sock.close()
        served.loop.close()
    assert served.errors == []
