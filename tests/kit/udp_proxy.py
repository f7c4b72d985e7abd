# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A bad network in front of a real server: a UDP proxy on loopback that loses, corrupts, repeats, reorders, delays, goes silent,
has a small MTU, or changes its port.

One thread; every client's address has a socket of its own towards the server.  Chance comes from a seed.
ECN fields pass as they came, unless the network marks or clears them, and are written down on both sides of it.
"""

from __future__ import annotations

import heapq
import random
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

__all__ = ["Faults", "UdpProxy"]


@dataclass
class Faults:
    """What the network does; both ways alike.

    Attributes:
      loss, corrupt, duplicate:  probabilities for each datagram.
      delay:          seconds one way.
      jitter:         up to so many seconds are added to each datagram's delay, which reorders them.
      largest:        octets of the largest payload that passes; 0: any.
      silence:        (from, to), seconds after the first datagram: everything is lost meanwhile.
      rebind:         seconds after the first datagram at which the server sees another port; 0: never.
      first:          only so many datagrams each way suffer losses; 0: all.
      ecn:            "kept"; "cleared"; "marked": every 20th datagram that may be marked is.
    """

    loss: float = 0.0
    corrupt: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    largest: int = 0
    silence: tuple[float, float] = (0.0, 0.0)
    rebind: float = 0.0
    first: int = 0
    ecn: str = "kept"


class UdpProxy:
    """Listens on `port`.

    Attributes:
      marks:  the ECN fields of datagrams that came from the clients and from the server.
    """

    def __init__(self, server_port: int, faults: Faults, seed: int = 1) -> None:
        self._server = ("127.0.0.1", server_port)
        self._faults = faults
        self._chance = random.Random(seed)
        self._front = self._socket()
        self.port: int = self._front.getsockname()[1]
        self._towards: dict[tuple[str, int], socket.socket] = {}
        self._old: list[tuple[socket.socket, tuple[str, int]]] = []
        self._clients: dict[int, tuple[str, int]] = {}
        self._queue: list[tuple[float, int, socket.socket, bytes, tuple[str, int], int]] = []
        self.marks: dict[str, list[int]] = {"client": [], "server": []}
        self._count = 0
        self._seen = 0
        self._began = 0.0
        self._is_rebound = False
        self._stop = False
        self.lost = self.corrupted = self.passed = 0
        self._thread = threading.Thread(target=self._run)

    @staticmethod
    def _socket() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        return sock

    def __enter__(self) -> UdpProxy:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop = True
        self._thread.join()
        for sock in (self._front, *self._towards.values(), *(sock for sock, _ in self._old)):
            sock.close()

    def wait_until_passed(self, datagrams: int, seconds: float = 10.0) -> None:
        """Return once so many datagrams got through, both ways together: what was asked for is on its way."""
        until = time.monotonic() + seconds
        while self.passed < datagrams:
            if time.monotonic() > until:
                raise AssertionError(f"{self.passed} datagrams in {seconds} s")
            self._thread.join(0.005)

    def _run(self) -> None:
        while not self._stop:
            now = time.monotonic()
            while self._queue and self._queue[0][0] <= now:
                _, _, sock, data, to, ecn = heapq.heappop(self._queue)
                try:
                    sock.sendmsg([data], [(socket.IPPROTO_IP, socket.IP_TOS, ecn.to_bytes(4, sys.byteorder))], 0, to)
                except OSError:
                    self.lost += 1
            wait = min(0.05, self._queue[0][0] - now) if self._queue else 0.05
            by_descriptor = {sock.fileno(): sock for sock in (self._front, *self._towards.values(), *(sock for sock, _ in self._old))}
            for descriptor in select.select(list(by_descriptor), [], [], max(0.0, wait))[0]:
                self._read(by_descriptor[descriptor])

    def _read(self, sock: socket.socket) -> None:
        for _ in range(64):
            try:
                data, control, _, source = sock.recvmsg(65535, 64)
            except OSError:
                return
            ecn = next((value[0] & 3 for _, kind, value in control if kind == socket.IP_TOS), 0)
            self.marks["client" if sock is self._front else "server"].append(ecn)
            now = time.monotonic()
            self._began = self._began or now
            if sock is self._front:
                if self._faults.rebind and now - self._began > self._faults.rebind and not self._is_rebound:
                    self._is_rebound = True
                    self._old += [(old, client) for client, old in self._towards.items()]
                    self._towards.clear()
                if source not in self._towards:
                    self._towards[source] = made = self._socket()
                    self._clients[made.fileno()] = source
                self._pass(self._towards[source], data, self._server, now, ecn)
            else:
                self._pass(self._front, data, self._clients[sock.fileno()], now, ecn)

    def _pass(self, out: socket.socket, data: bytes, to: tuple[str, int], now: float, ecn: int) -> None:
        faults, chance = self._faults, self._chance
        since = now - self._began
        self._seen += 1
        suffers = not faults.first or self._seen <= faults.first
        is_swallowed = faults.silence[0] <= since < faults.silence[1] or 0 < faults.largest < len(data)
        if is_swallowed or (suffers and chance.random() < faults.loss):
            self.lost += 1
            return
        if suffers and chance.random() < faults.corrupt:
            at = chance.randrange(len(data))
            data = data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
            self.corrupted += 1
        if faults.ecn == "cleared":
            ecn = 0
        elif faults.ecn == "marked" and ecn and self._seen % 20 == 0:
            ecn = 3
        self.passed += 1
        for _ in range(2 if suffers and faults.duplicate and chance.random() < faults.duplicate else 1):
            self._count += 1
            wait = faults.delay + (chance.uniform(0, faults.jitter) if faults.jitter else 0.0)
            heapq.heappush(self._queue, (now + wait, self._count, out, data, to, ecn))
