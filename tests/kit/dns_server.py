# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A scripted DNS server on loopback, UDP and TCP on one port, run by the loop of the test; and a loop that tests can step.

    rig = DnsRig()                            a loop with a fake clock
    server = rig.server()                     answers from `server.zone`, NXDOMAIN for everything else
    server.add("a.example", "A", "192.0.2.1")
    server.script = lambda asked: …           or does what the test wants with each query: answers, forgeries, silence
    rig.run(resolver.resolve("a.example"))    turns until it is over, on real sockets

Its encoder and its reading of questions are its own, so that the product's are tested against another hand's.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, final

from sws.net.hosts_file import Address
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.os.poller.choose import choose_poller
from sws.os.tasks import start
from tests.kit.clock import FakeClock

__all__ = ["TYPES", "Asked", "DnsRig", "DnsServer", "record", "response", "soa", "wire_name"]

T = TypeVar("T")

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "TXT": 16, "AAAA": 28, "OPT": 41, "HTTPS": 65}
_NUMBERS = {number: name for name, number in TYPES.items()}
_TURNS = 3000
_UDP_PLAIN = 512


def wire_name(text: str) -> bytes:
    """A name's wire form, without any check."""
    return b"".join(bytes([len(label)]) + label.encode() for label in text.rstrip(".").split(".") if label) + b"\0"


def record(name: str, type_: str | int, value: str | bytes, ttl: int = 300, klass: int = 1) -> bytes:
    """A resource record's octets; a value in text is an address or a name."""
    number = TYPES[type_] if isinstance(type_, str) else type_
    if isinstance(value, bytes):
        data = value
    elif type_ in ("A", "AAAA"):
        data = ipaddress.ip_address(value).packed
    else:
        data = wire_name(value)
    return wire_name(name) + struct.pack("!HHIH", number, klass, ttl, len(data)) + data


def soa(zone: str, ttl: int = 300, minimum: int = 300) -> bytes:
    """A SOA record's octets."""
    return record(zone, "SOA", wire_name("ns." + zone) + wire_name("root." + zone) + struct.pack("!5I", 1, 2, 3, 4, minimum), ttl)


def response(
    query: bytes,
    *answers: bytes,
    authority: tuple[bytes, ...] = (),
    additional: tuple[bytes, ...] = (),
    rcode: int = 0,
    flags: int = 0x8180,
    question: bytes | None = None,
    query_id: int | None = None,
) -> bytes:
    """A response to a query's octets; id and question are the query's unless told otherwise, `question=b""` leaves it out."""
    own = query[12 : _question_end(query)]
    asked = own if question is None else question
    number = struct.unpack_from("!H", query)[0] if query_id is None else query_id
    counts = (1 if asked else 0, len(answers), len(authority), len(additional))
    return struct.pack("!6H", number, flags | rcode, *counts) + asked + b"".join((*answers, *authority, *additional))


def _question_end(query: bytes) -> int:
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


@final
@dataclass
class Asked:
    """One query that came in.

    Attributes:
      raw:    its octets.
      name:   in text, lower case, without the final dot.
      type:   "A", "AAAA" …
      tcp:    how it came.
      edns:   octets of UDP that its OPT offers, 0 without one.
      reply:  sends octets back (behind their length over TCP).
      close:  closes the connection; nothing over UDP.
      peer:   the asking socket's address.
    """

    raw: bytes
    name: str
    type: str
    tcp: bool
    edns: int
    reply: Callable[[bytes], None]
    close: Callable[[], None]
    peer: tuple[Any, ...]
    id: int = 0

    def answer(self, *answers: bytes, **rest: Any) -> None:
        """Reply with `response`."""
        self.reply(response(self.raw, *answers, **rest))


Script = Callable[[Asked], None]


@final
@dataclass
class DnsServer:
    """One server.

    Attributes:
      zone:    (name, type) -> records; a name with a CNAME answers every type with it and goes on behind it.
      script:  handles a query instead of the zone.
      asked:   all queries that came in.
    """

    loop: Loop
    host: str = "127.0.0.1"
    zone: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    script: Script | None = None
    asked: list[Asked] = field(default_factory=list)
    authority: tuple[bytes, ...] = (soa("example"),)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for _ in range(50):
            self._udp = socket.socket(family, socket.SOCK_DGRAM)
            self._udp.bind((self.host, 0))
            self.port = self._udp.getsockname()[1]
            self._tcp = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._tcp.bind((self.host, self.port))
                break
            except OSError:
                self._udp.close()
                self._tcp.close()
        self._tcp.listen(16)
        self._udp.setblocking(False)
        self._tcp.setblocking(False)
        self._connections: dict[int, tuple[socket.socket, bytearray]] = {}
        self.loop.watch(self._udp.fileno(), READ, self._on_datagram)
        self.loop.watch(self._tcp.fileno(), READ, self._on_accept)

    @property
    def address(self) -> Address:
        """For a resolver's configuration."""
        return Address(self.host, self.port, socket.AF_INET6 if ":" in self.host else socket.AF_INET)

    def add(self, name: str, type_: str, *values: str, ttl: int = 300) -> None:
        """Put records into the zone."""
        if type_ == "CNAME":
            self.aliases[name] = values[0]
        self.zone.setdefault((name, type_), []).extend(record(name, type_, value, ttl) for value in values)

    def names(self) -> list[tuple[str, str]]:
        """What was asked for, in order."""
        return [(asked.name, asked.type) for asked in self.asked]

    def close(self) -> None:
        """Stop serving."""
        for sock in (self._udp, self._tcp, *(sock for sock, _ in self._connections.values())):
            self.loop.unwatch(sock.fileno())
            sock.close()
        self._connections.clear()

    def close_tcp(self) -> None:
        """Refuse connections from now on."""
        self.loop.unwatch(self._tcp.fileno())
        self._tcp.close()
        self._tcp = socket.socket()

    def from_zone(self, asked: Asked) -> None:
        """Answer as an honest server would: what does not fit into UDP is truncated."""
        found: list[bytes] = []
        name = asked.name
        while name in self.aliases and asked.type != "CNAME":
            found += self.zone[name, "CNAME"]
            name = self.aliases[name]
        records = self.zone.get((name, asked.type), [])
        exists = any(known == name for known, _ in self.zone)
        authority = () if records else self.authority
        message = response(asked.raw, *found, *records, authority=authority, rcode=0 if exists else 3)
        if not asked.tcp and len(message) > (asked.edns or _UDP_PLAIN):
            message = response(asked.raw, flags=0x8380)
        asked.reply(message)

    def _serve(self, raw: bytes, tcp: bool, reply: Callable[[bytes], None], close: Callable[[], None], peer: tuple[Any, ...]) -> None:
        end = _question_end(raw)
        labels = []
        at = 12
        while raw[at]:
            labels.append(raw[at + 1 : at + 1 + raw[at]].decode().lower())
            at += 1 + raw[at]
        number = struct.unpack_from("!H", raw, end - 4)[0]
        edns = struct.unpack_from("!H", raw, end + 3)[0] if len(raw) > end else 0
        asked = Asked(raw, ".".join(labels), _NUMBERS[number], tcp, edns, reply, close, peer, struct.unpack_from("!H", raw)[0])
        self.asked.append(asked)
        (self.script or self.from_zone)(asked)

    def _on_datagram(self, _mask: int) -> None:
        raw, peer = self._udp.recvfrom(65535)
        self._serve(raw, False, lambda data: void(self._udp.sendto(data, peer)), lambda: None, peer)

    def _on_accept(self, _mask: int) -> None:
        sock, peer = self._tcp.accept()
        sock.setblocking(False)
        self._connections[sock.fileno()] = sock, bytearray()
        self.loop.watch(sock.fileno(), READ, lambda _: self._on_stream(sock, peer))

    def _on_stream(self, sock: socket.socket, peer: tuple[Any, ...]) -> None:
        fd = sock.fileno()
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        buffer = self._connections[fd][1]
        buffer += data

        def close() -> None:
            if self._connections.pop(fd, None) is not None:
                self.loop.unwatch(fd)
                sock.close()

        if not data:
            close()
        while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(buffer[:2], "big"):
            end = 2 + int.from_bytes(buffer[:2], "big")
            raw = bytes(buffer[2:end])
            del buffer[:end]
            self._serve(raw, True, lambda data: sock.sendall(struct.pack("!H", len(data)) + data), close, peer)


def void(_value: object) -> None:
    """Drop a result."""


@final
class DnsRig:
    """A loop on a real poller and a fake clock, with servers."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = Loop(choose_poller(), self.clock)
        self.errors: list[BaseException] = []
        self.loop.on_error = self.errors.append
        self.servers: list[DnsServer] = []
        #: Called at the end, before the last turns.
        self.at_end: list[Callable[[], None]] = []

    def __enter__(self) -> DnsRig:
        return self

    def __exit__(self, *_: object) -> None:
        for callback in self.at_end:
            callback()
        self.settle()
        for server in self.servers:
            server.close()
        self.loop.close()

    def server(self, host: str = "127.0.0.1") -> DnsServer:
        """A new server."""
        self.servers.append(DnsServer(self.loop, host))
        return self.servers[-1]

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Running[T]:
        """Start a coroutine."""
        return Running(self, coroutine)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Turn until a coroutine is over; its result."""
        return self.begin(coroutine).finish()

    def fail(self, coroutine: Coroutine[Any, Any, T]) -> BaseException:
        """Turn until a coroutine is over; what it failed with."""
        running = self.begin(coroutine)
        running.wait()
        assert running.error is not None, f"it came to {running.result}"
        return running.error

    def until(self, condition: Callable[[], bool]) -> None:
        """Turn until something holds."""
        for _ in range(_TURNS):
            if condition():
                return
            self.loop.turn(0.001)
        raise AssertionError("it does not happen")

    def settle(self, turns: int = 12) -> None:
        """Turn until what loopback delivers at once has been handled."""
        for _ in range(turns):
            self.loop.turn(0)

    def advance(self, seconds: float) -> None:
        """Let time pass, then settle."""
        self.clock.advance(seconds)
        self.settle()


@final
class Running(Generic[T]):
    """A coroutine under way."""

    def __init__(self, rig: DnsRig, coroutine: Coroutine[Any, Any, T]) -> None:
        self._rig = rig
        self.done = False
        self.result: T | None = None
        self.error: BaseException | None = None

        async def run() -> None:
            self.result = await coroutine

        self.task = start(rig.loop, run(), self._over)
        if self.task is not None:
            rig.at_end.append(self.task.cancel)

    def _over(self, error: BaseException | None) -> None:
        self.done = True
        self.error = error

    def wait(self) -> None:
        """Turn until it is over."""
        self._rig.until(lambda: self.done)

    def finish(self) -> T:
        """Turn until it is over; its result."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]
