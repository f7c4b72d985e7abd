# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QUIC in memory: both ends, a network between them that behaves badly on demand, and time that only tests move.

Everything is drawn from one seed, so that a run can be seen again.  `Network` delivers datagrams as its `Conditions` say and steps both
ends; what runs on them is an `App`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from sws.base.datagrams import Address, DatagramIn, DatagramOut
from sws.crypto.keys.private import PrivateKey, generate_private_key
from sws.crypto.keys.schemes import SigningKey
from sws.crypto.x509 import Certificate
from sws.crypto.x509.build import self_signed
from sws.crypto.x509.verify import Roots
from sws.net.tls_keys import ChainPolicy, KeySigner
from sws.proto.quic.api import ConnectionClosed, HandshakeDone, QuicEvent, StreamData
from sws.proto.quic.client import ClientConnection, Resumption
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.connection import Connection
from sws.proto.quic.endpoint import Endpoint, EndpointConfig
from sws.proto.quic.packets import encode_long_header
from sws.proto.quic.protection import seal_packets
from sws.proto.quic.server import ServerConnection
from sws.proto.quic.tokens import TokenBox
from sws.proto.quic.versions import PacketType
from sws.proto.tls.config import ClientConfig, ServerConfig, TlsHost
from sws.proto.tls.signatures import Credential
from sws.proto.tls.tickets import TicketBox, TicketKeys

__all__ = [
    "CLIENT",
    "SERVER",
    "App",
    "Conditions",
    "Download",
    "Network",
    "Serve",
    "client_tls",
    "connect",
    "connect_and_settle",
    "credential",
    "crossed",
    "forge",
    "long_hello",
    "make_client",
    "make_endpoint",
    "pattern",
    "private_key",
    "server_tls",
]

WALL = 1_800_000_000.0
CLIENT: Address = ("192.0.2.1", 40000)
SERVER: Address = ("198.51.100.1", 443)
ALPN = b"hq-interop"


@cache
def private_key() -> PrivateKey:
    """One for all tests of a process."""
    return generate_private_key("P-256")


@cache
def credential() -> tuple[Credential, Certificate]:
    """Its certificate."""
    key = SigningKey(private_key())
    certificate = self_signed(key, ["example.org"], now=int(WALL))
    return Credential((certificate.der,), KeySigner(key)), certificate


def server_tls(
    chance: random.Random, *, alpn: tuple[bytes, ...] = (ALPN,), early: bool = False, suites: tuple[int, ...] = ()
) -> ServerConfig:
    """A server's TLS with tickets."""
    keys = TicketKeys(((bytes(16), bytes(range(32))),))
    host = TlsHost((credential()[0],), alpn, early_data=0xFFFFFFFF if early else 0)
    return ServerConfig(
        choose_host=lambda _: host,
        wall=lambda: WALL,
        entropy=chance.randbytes,
        tickets=TicketBox(lambda: keys, chance.randbytes),
        first_use=lambda ticket, until: True,
        suites=suites or (0x1303, 0x1301, 0x1302),
    )


def client_tls(chance: random.Random, *, alpn: tuple[bytes, ...] = (ALPN,), suites: tuple[int, ...] = ()) -> ClientConfig:
    """A client's TLS that trusts the server's certificate."""
    policy = ChainPolicy(Roots([credential()[1]]), "serverAuth", lambda: WALL)
    return ClientConfig(
        policy=policy,
        wall=lambda: WALL,
        server_name=b"example.org",
        alpn=alpn,
        entropy=chance.randbytes,
        suites=suites or (0x1303, 0x1301, 0x1302),
    )


def make_client(
    chance: random.Random,
    config: QuicConfig | None = None,
    tls: ClientConfig | None = None,
    now: float = 0.0,
    resumption: Resumption | None = None,
    version: int | None = None,
    local: Address = CLIENT,
    first_id: bytes | None = None,
) -> ClientConnection:
    """A client connection to SERVER."""

    def make_id() -> tuple[bytes, bytes]:
        return chance.randbytes(8), chance.randbytes(16)

    return ClientConnection(
        config or QuicConfig(),
        tls or client_tls(chance),
        local,
        SERVER,
        chance.randbytes(8) if first_id is None else first_id,
        make_id,
        lambda _: None,
        chance.randbytes,
        now,
        resumption,
        version,
    )


def crossed(outs: Sequence[DatagramOut]) -> list[DatagramIn]:
    """As they arrive on the other side."""
    return [
        DatagramIn(out.data[at : at + out.segment], out.remote, out.local) for out in outs for at in range(0, len(out.data), out.segment)
    ]


def long_hello() -> list[DatagramIn]:
    """A ClientHello of two datagrams."""
    chance = random.Random(1)
    client = make_client(chance, tls=client_tls(chance, alpn=(ALPN, *[bytes((65 + number,)) * 250 for number in range(4)])))
    hello = crossed(client.datagrams_to_send(0.0, 1 << 16))
    assert len(hello) == 2
    return hello


def make_endpoint(
    chance: random.Random,
    on_new: Callable[[ServerConnection], None] = lambda _: None,
    config: QuicConfig | None = None,
    tls: ServerConfig | None = None,
    *,
    retry_above: int = 64,
    tokens: bool = True,
    **others: int,
) -> Endpoint:
    """A server's endpoint."""
    box = TokenBox(lambda: (bytes(range(32)),), lambda: WALL, chance.randbytes) if tokens else None
    settings = EndpointConfig(reset_key=bytes(range(32)), tokens=box, retry_above=retry_above, **others)  # type: ignore[arg-type]
    return Endpoint(config or QuicConfig(), tls or server_tls(chance), settings, on_new, chance.randbytes)


@dataclass
class Conditions:
    """How a network treats datagrams, each direction alike unless said otherwise.

    Attributes:
      delay:      seconds one way.
      jitter:     seconds more, drawn for each datagram: reorders.
      loss, duplicate, corrupt:  probabilities.
      reorder:    probability of being held back by `delay / 2`.
      mtu:        larger datagrams vanish.
      rate:       octets a second; 0: without limit.
      queue:      octets that wait for the rate; more are dropped.
      mark_above: octets of the queue from which on datagrams are marked CE.
      black_hole: (from, to): everything vanishes meanwhile.
      rebind_at:  when the client's NAT gives it another port.
      until:      loss, duplicates and corruption end then, so that every run can end.
    """

    delay: float = 0.025
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    reorder: float = 0.0
    mtu: int = 1500
    rate: float = 0.0
    queue: int = 1 << 17
    mark_above: int = 0
    black_hole: tuple[float, float] | None = None
    rebind_at: float | None = None
    until: float = 1e9


class App(Protocol):
    """What runs on a connection."""

    def on_events(self, connection: Connection, events: list[QuicEvent], now: float) -> None:
        """Something happened."""


@dataclass
class Serve:
    """Answers each request `N` with N octets of a pattern, and echoes everything else."""

    closed: list[ConnectionClosed] = field(default_factory=list)
    _waiting: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def on_events(self, connection: Connection, events: list[QuicEvent], now: float) -> None:
        for event in events:
            if isinstance(event, StreamData):
                key = (id(connection), event.stream)
                text = self._waiting.pop(key, b"") + event.data
                connection.consumed(event.stream, len(event.data))
                if not event.fin:
                    self._waiting[key] = text
                elif event.stream & 2 == 0:
                    connection.send_stream_data(event.stream, pattern(int(text)), True)
            elif isinstance(event, ConnectionClosed):
                self.closed.append(event)


@cache
def pattern(size: int) -> bytes:
    """Octets that tell their place."""
    return b"".join([number.to_bytes(4, "big") for number in range(size // 4 + 1)])[:size]


@dataclass
class Download:
    """Asks for responses of some sizes, checks them, then closes."""

    sizes: list[int]
    at_once: int = 10
    bodies: dict[int, bytearray] = field(default_factory=dict)
    wanted: dict[int, int] = field(default_factory=dict)
    is_done: bool = False
    is_connected: bool = False
    early: bool = False
    closed: ConnectionClosed | None = None
    finished_at: float = 0.0
    first_octet_at: float = 0.0

    def ask(self, connection: Connection) -> None:
        """The next requests."""
        while self.sizes and len(self.wanted) < self.at_once:
            stream = connection.open_stream(False)
            size = self.sizes.pop(0)
            self.wanted[stream] = size
            self.bodies[stream] = bytearray()
            connection.send_stream_data(stream, b"%d" % size, True)

    def on_events(self, connection: Connection, events: list[QuicEvent], now: float) -> None:
        for event in events:
            if isinstance(event, HandshakeDone):
                self.is_connected = True
                self.early = event.early
            elif isinstance(event, StreamData):
                self.first_octet_at = self.first_octet_at or now
                self.bodies[event.stream] += event.data
                connection.consumed(event.stream, len(event.data))
                if event.fin:
                    assert bytes(self.bodies.pop(event.stream)) == pattern(self.wanted.pop(event.stream))
            elif isinstance(event, ConnectionClosed):
                self.closed = event
        if self.is_connected and self.closed is None:
            self.ask(connection)
            if not self.wanted and not self.is_done:
                self.is_done = True
                self.finished_at = now
                connection.close(0, "done")


def forge(sender: Connection, frames: bytes, level: PacketType = PacketType.ONE_RTT, *, first: int = 0, pad: int = 0) -> bytes:
    """A packet under a connection's own keys, with frames that it would never send.

    Args:
      first:  changes the first octet before it is protected.
      pad:    octets of the datagram at least.
    """
    space = sender.loss.spaces[{PacketType.INITIAL: 0, PacketType.HANDSHAKE: 1}.get(level, 2)]
    number = space.next_number
    space.next_number += 1
    destination = sender.remote_ids.current
    if level is PacketType.ONE_RTT:
        keys = None if sender.phases is None else sender.phases.keys_for(1)
        assert sender.phases is not None
        assert keys is not None
        frames += bytes(max(0, pad - len(frames) - 21 - len(destination)))
        header = bytes((0x43 | sender.phases.phase << 2,)) + destination + (number & 0xFFFFFFFF).to_bytes(4, "big")
        return seal_packets(keys, [(bytes((header[0] ^ first,)) + header[1:], number, frames)])[0]
    keys = sender.write[level]
    assert keys is not None
    overhead = len(encode_long_header(sender.version, level, destination, sender.first_id, sender.token, 100, number)) + 16
    frames += bytes(max(0, pad - len(frames) - overhead))
    header = encode_long_header(sender.version, level, destination, sender.first_id, sender.token, len(frames) + 16, number)
    return seal_packets(keys, [(bytes((header[0] ^ first,)) + header[1:], number, frames)])[0]


def connect(
    seed: int = 1, config: QuicConfig | None = None, app: Download | None = None, conditions: Conditions | None = None, **others: int
) -> Network:
    """A connection whose handshake is over, with nothing under way."""
    chance = random.Random(seed)
    client = make_client(chance, config)
    endpoint = make_endpoint(chance, config=config, **others)  # type: ignore[arg-type]
    network = Network(seed, conditions or Conditions(), client, Idle() if app is None else app, endpoint, Serve())
    network.run(5.0, until=lambda: client.is_confirmed)
    network.run(1.0)
    assert client.is_confirmed
    return network


def connect_and_settle() -> Network:
    """A connection both ends of which have heard each other a probe time-out after its handshake."""
    network = connect()
    network.inject(True, forge(network.client, b"\x01"))
    network.inject(False, forge(network.server, b"\x01"))
    network.run(1.0)
    return network


@dataclass
class Idle:
    """Keeps events, and does nothing."""

    events: list[QuicEvent] = field(default_factory=list)

    def on_events(self, connection: Connection, events: list[QuicEvent], now: float) -> None:
        self.events += events


class Network:
    """Two ends and what is between them.

    Args:
      seed:        of everything.
      conditions:  of the way to the server and back; changeable at any time.
    """

    def __init__(
        self, seed: int | str, conditions: Conditions, client: ClientConnection, app: App, endpoint: Endpoint, server_app: App
    ) -> None:
        self.chance = random.Random(seed)
        self.conditions = conditions
        self.client = client
        self.app = app
        self.endpoint = endpoint
        self.server_app = server_app
        self.now = client.now
        self.delivered = 0
        self.lost = 0
        self.octets = {True: 0, False: 0}
        self._heap: list[tuple[float, int, bool, DatagramIn]] = []
        self._serial = 0
        self._free = {True: 0.0, False: 0.0}
        self._port = CLIENT[1]
        self.taps: list[Callable[[bool, bytes, float], bytes | None]] = []
        endpoint.on_new = lambda _: None

    # --- the wire ----------------------------------------------------------------------------------------------------

    def send(self, to_server: bool, out: DatagramOut) -> None:
        """Puts datagrams on the wire."""
        for at in range(0, len(out.data), out.segment):
            self._transmit(to_server, out.data[at : at + out.segment], out)

    def _transmit(self, to_server: bool, data: bytes, out: DatagramOut) -> None:
        c, chance = self.conditions, self.chance
        for tap in self.taps:
            changed = tap(to_server, data, self.now)
            if changed is None:
                return
            data = changed
        self.octets[to_server] += len(data)
        if len(data) > c.mtu or (c.black_hole is not None and c.black_hole[0] <= self.now < c.black_hole[1]):
            self.lost += 1
            return
        noisy = self.now < c.until
        if noisy and chance.random() < c.loss:
            self.lost += 1
            return
        ecn = out.ecn
        arrival = self.now + c.delay + (chance.random() * c.jitter if c.jitter else 0.0)
        if c.rate:
            waiting = max(0.0, self._free[to_server] - self.now)
            if waiting * c.rate > c.queue:
                self.lost += 1
                return
            if c.mark_above and ecn and waiting * c.rate > c.mark_above:
                ecn = 3
            self._free[to_server] = self.now + waiting + len(data) / c.rate
            arrival += waiting + len(data) / c.rate
        if noisy and chance.random() < c.reorder:
            arrival += c.delay / 2
        if noisy and chance.random() < c.corrupt:
            at = chance.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        if c.rebind_at is not None and self.now >= c.rebind_at:
            self._port = CLIENT[1] + 1
        if to_server:
            local, remote = out.remote, (out.local[0], self._port if out.local == CLIENT else out.local[1])
        else:
            if out.remote[0] == CLIENT[0] and out.remote[1] in (CLIENT[1], CLIENT[1] + 1) and out.remote[1] != self._port:
                self.lost += 1
                return
            local, remote = ((out.remote[0], CLIENT[1]) if out.remote[1] in (CLIENT[1], CLIENT[1] + 1) else out.remote), out.local
        for _ in range(2 if noisy and chance.random() < c.duplicate else 1):
            self._serial += 1
            heapq.heappush(self._heap, (arrival, self._serial, to_server, DatagramIn(data, local, remote, ecn)))
            arrival += c.delay / 10

    def inject(self, to_server: bool, data: bytes) -> None:
        """A datagram that arrives at once, and what follows from it on that end."""
        ends = (SERVER, CLIENT) if to_server else (CLIENT, SERVER)
        self.now += 1e-4
        (self.endpoint if to_server else self.client).receive([DatagramIn(data, *ends)], self.now)

    @property
    def server(self) -> ServerConnection:
        """The server's end, if there is but one connection."""
        (connection,) = self.endpoint.connections
        return connection

    # --- time --------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Both ends say what they have to say."""
        for _ in range(1000):
            busy = False
            events = self.client.take_events()
            self.app.on_events(self.client, events, self.now)
            for out in self.client.datagrams_to_send(self.now, 1 << 17):
                busy = True
                self.send(True, out)
            for out in self.endpoint.replies():
                self.send(False, out)
            for connection in self.endpoint.connections:
                self.server_app.on_events(connection, connection.take_events(), self.now)
                for out in connection.datagrams_to_send(self.now, 1 << 17):
                    busy = True
                    self.send(False, out)
                busy |= bool(connection.events)
                if connection.is_over:
                    self.endpoint.forget(connection)
            busy |= bool(self.client.events)
            if not busy:
                return
        raise AssertionError("an end that never stops sending")

    def next_time(self) -> float | None:
        """When something happens next."""
        times = [self._heap[0][0]] if self._heap else []
        for connection in (self.client, *self.endpoint.connections):
            due = connection.next_timeout()
            if due is not None:
                times.append(max(due, self.now))
        return min(times) if times else None

    def timers(self) -> list[object]:
        """What both ends wait for, for messages."""
        return [
            (
                c.is_client,
                c.next_timeout(),
                c.sender.ready_at,
                [s.ack_at for s in c.received],
                c.loss.next_timeout(self.now),
                c.paths.next_timeout(),
            )
            for c in (self.client, *self.endpoint.connections)
        ]

    def step(self) -> bool:
        """The next moment at which something happens; False if nothing ever does."""
        due = self.next_time()
        if due is None:
            return False
        self.now = due
        batches: dict[bool, list[DatagramIn]] = {True: [], False: []}
        while self._heap and self._heap[0][0] <= due + 1e-9:
            _, _, to_server, datagram = heapq.heappop(self._heap)
            batches[to_server].append(datagram)
            self.delivered += 1
        if batches[True]:
            self.endpoint.receive(batches[True], due)
        if batches[False]:
            self.client.receive(batches[False], due)
        for connection in (self.client, *self.endpoint.connections):
            timeout = connection.next_timeout()
            if timeout is not None and timeout <= due + 1e-9:
                connection.handle_timeout(due)
        self.flush()
        return True

    def run(self, seconds: float = 60.0, until: Callable[[], bool] = lambda: False, steps: int = 200_000) -> None:
        """Until a condition holds, time is up, or nothing happens any more."""
        self.flush()
        end = self.now + seconds
        moment, still = self.now, 0
        for _ in range(steps):
            if until():
                return
            moment, still = (moment, still + 1) if moment == self.now else (self.now, 0)
            assert still < 1000, f"time stands still at {moment}: {self.timers()}"
            due = self.next_time()
            if due is None or due > end:
                self.now = max(self.now, end)
                return
            self.step()
        raise AssertionError(f"a run of more than {steps} steps")
