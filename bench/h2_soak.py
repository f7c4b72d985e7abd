# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A long transfer and small requests on one HTTP/2 connection: `python -m bench.h2_soak`

100 MiB go up, then down, on one stream, while 50 streams of the same connection ask for 1 KiB again and again.  What counts: the server's
resident memory stays flat, and the 99th percentile of the small requests stays below 50 ms.  Client and server are processes of their own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import selectors
import socket
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from sws.base.engine import BodyChunk, Ended, FileSpan, ResponseStarted
from sws.exchange.exchange import Exchange
from sws.proto.h2 import ClientConnection, Http2Limits
from tests.kit.h2_site import Site

SMALL = 50
_PIECE = bytes(65536)


async def handler(exchange: Exchange) -> None:
    """/down sends, /up reads, anything else is 1 KiB."""
    if exchange.path == b"/up":
        size = 0
        while part := await exchange.read():
            size += len(part)
        exchange.respond(200, (), b"%d" % size)
    elif exchange.path == b"/down":
        exchange.start(200, ())
        for _ in range(int(exchange.query) // len(_PIECE)):
            await exchange.send(_PIECE)
        await exchange.finish()
    else:
        exchange.respond(200, (), _PIECE[:1024])


def serve(pipe: Connection) -> None:
    """The server's process."""
    site = Site(handler, Http2Limits())
    pipe.send(site.port)
    site.run()


def resident(pid: int) -> int:
    """Octets."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


class Client:
    """One connection, turned by hand."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.engine = ClientConnection(time.monotonic(), limits=Http2Limits(body=None, window=1 << 20, connection_window=1 << 24))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.sock, selectors.EVENT_READ)
        self.unsent = b""
        self.asked: dict[int, float] = {}
        self.times: list[float] = []
        self.received = 0

    def ask(self) -> None:
        """A small request."""
        now = time.monotonic()
        self.asked[self.engine.send_request(b"GET", b"/small", ((b"host", b"a"),), now, True)] = now

    def transfer(self, path: bytes, octets: int, *, up: bool) -> None:
        """The long one, and small ones beside it until it is over."""
        engine = self.engine
        number = engine.send_request(b"POST" if up else b"GET", path, ((b"host", b"a"),), time.monotonic(), not up)
        left = octets if up else 0
        for _ in range(SMALL):
            self.ask()
        while True:
            if left:
                count = min(left, engine.credit(number), len(_PIECE))
                if count:
                    left -= count
                    engine.send_data(number, _PIECE[:count], not left)
            if self._turn(number):
                return

    def _turn(self, number: int) -> bool:
        now = time.monotonic()
        if not self.unsent:
            self.unsent = b"".join(part for part in self.engine.data_to_send(now) if not isinstance(part, FileSpan))
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.unsent else 0)
        self.selector.modify(self.sock, mask)
        for _, ready in self.selector.select(1.0):
            if ready & selectors.EVENT_WRITE:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
            if ready & selectors.EVENT_READ and self._take(number):
                return True
        return False

    def _take(self, number: int) -> bool:
        now = time.monotonic()
        over = False
        for event in self.engine.receive(self.sock.recv(1 << 18), now):
            if isinstance(event, BodyChunk):
                self.engine.consumed(event.stream, len(event.data))
                self.received += len(event.data)
            elif isinstance(event, Ended):
                if event.stream == number:
                    over = True
                else:
                    self.times.append(now - self.asked.pop(event.stream))
                    self.ask()
            elif not isinstance(event, ResponseStarted):
                sys.exit(f"unexpected: {event}")
        return over


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=100)
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    port = ours.recv()
    assert process.pid is not None
    octets = arguments.mib << 20
    rows = {}
    for name, path, up in (("warm", b"/down?4194304", False), ("up", b"/up", True), ("down", b"/down?%d" % octets, False)):
        client = Client(port)
        before = resident(process.pid)
        began = time.monotonic()
        client.transfer(path, 1 << 22 if name == "warm" else octets, up=up)
        ordered = sorted(client.times) or [0.0]
        rows[name] = {
            "seconds": round(time.monotonic() - began, 2),
            "small_requests": len(ordered),
            "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
            "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 1),
            "server_grew_kib": (resident(process.pid) - before) >> 10,
        }
        client.sock.close()
        print(name, json.dumps(rows[name]), flush=True)
    process.terminate()
    os.waitpid(process.pid, 0) if process.is_alive() else None


if __name__ == "__main__":
    main()
