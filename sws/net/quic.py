# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Steps QUIC over UDP sockets in a loop, both roles.

    readable ─▶ QuicSocket.receive ─▶ Endpoint or connection ─▶ events ─▶ the application
    end of the turn ─▶ datagrams_to_send, for each connection that was touched ─▶ QuicSocket.send

All that one wake-up brought is given to the engines in one batch, and all they have to say leaves at the end of the turn, so that packets
are opened and sealed many a call.  Of one connection at most TURN_OCTETS leave in a turn; what is left comes in the next.
A kernel that takes no more pauses everything until the socket is writable again.
A server's socket that another process reads now is only written to; what comes for its connections is handed in (`take_in`).
A server's handshakes begin with public-key operations: datagrams of newcomers wait in the loop's queue of slow work, which is bounded, so
that streams under way stay quick however many clients say hello; and so do datagrams of clients that are to show a certificate.  What finds
the queue full is dropped, as the network might; clients send it again.  While more of a client's first flight waits, the first part is not
acknowledged: it is answered as a whole, and the client takes no measure of the way there and back that leaves out what the answer takes.
One timer per connection; it fires early where the deadline has moved, and arms itself again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol, final

from sws.base.datagrams import DatagramIn, DatagramOut
from sws.base.errors import LimitExceeded
from sws.os.datagrams import QuicSocket
from sws.os.loop import Loop
from sws.os.poller.base import READ, WRITE
from sws.os.timers import Timer
from sws.proto.quic.api import QuicEvent
from sws.proto.quic.client import ClientConnection
from sws.proto.quic.connection import Connection
from sws.proto.quic.endpoint import Endpoint, destination_of
from sws.proto.quic.server import ServerConnection

__all__ = ["Application", "ClientDriver", "ServerDriver"]

TURN_OCTETS: Final = 1 << 16


class Application(Protocol):
    """What runs on a connection."""

    def on_events(self, events: list[QuicEvent], now: float) -> None:
        """Something happened; verbs may be used until the call returns, or from `touch` later."""


class _Driver(ABC):
    """What both roles do."""

    def __init__(self, loop: Loop, sock: QuicSocket, reads: bool = True) -> None:
        self._loop = loop
        self._reads = READ if reads else 0
        self._socket = sock
        self._touched: dict[Connection, None] = {}
        self._timers: dict[Connection, Timer] = {}
        self._backlog: deque[DatagramOut] = deque()
        self._is_queued = False
        self._is_shut = False
        loop.watch(sock.sock.fileno(), READ, self._on_ready)
        if not reads:
            loop.rewatch(sock.sock.fileno(), 0)

    def touch(self, connection: Connection) -> None:
        """A verb was used: what follows from it leaves at the end of the turn."""
        self._touched[connection] = None
        if not self._is_queued:
            self._is_queued = True
            self._loop.call_soon(self._flush)

    def _on_ready(self, ready: int) -> None:
        if ready & WRITE and self._backlog:
            self._drain()
        if ready & self._reads:
            self._read()

    @abstractmethod
    def _read(self) -> None:
        """Datagrams came."""

    @abstractmethod
    def _events(self, connection: Connection, now: float) -> None:
        """The application hears what happened."""

    @abstractmethod
    def _over(self, connection: Connection) -> None:
        """A connection is over."""

    def _replies(self) -> list[DatagramOut]:
        return []

    def _is_awaited(self, connection: Connection) -> bool:
        """Whether more of the flight that a connection would answer is here."""
        return False

    def _flush(self) -> None:
        self._is_queued = False
        now = self._loop.now
        for out in self._replies():
            self._send(out)
        touched, self._touched = self._touched, {}
        if self._is_shut:  # nobody hears of events any more: the application may have begun anew
            return
        for connection in touched:
            if self._is_awaited(connection):
                self._touched[connection] = None
            else:
                self._step(connection, now)
        if self._touched and not self._is_queued and not self._backlog:
            self._is_queued = True
            self._loop.call_soon(self._flush)

    def _step(self, connection: Connection, now: float) -> None:
        self._events(connection, now)
        if self._is_shut:
            return
        if self._backlog:
            self._touched[connection] = None
            return
        octets = 0
        for out in connection.datagrams_to_send(now, TURN_OCTETS):
            octets += len(out.data)
            self._send(out)
        if connection.events:
            self.touch(connection)
        if connection.is_over:
            timer = self._timers.pop(connection, None)
            if timer is not None:
                timer.cancel()
            self._over(connection)
            return
        if octets > TURN_OCTETS // 2 and not self._backlog:
            self._touched[connection] = None
        self._arm(connection)

    def _arm(self, connection: Connection) -> None:
        due = connection.next_timeout()
        timer = self._timers.get(connection)
        if due is None or (timer is not None and timer.when <= due):
            return
        if timer is not None:
            timer.cancel()
        self._timers[connection] = self._loop.call_at(due, lambda: self._on_timer(connection))

    def _on_timer(self, connection: Connection) -> None:
        self._timers.pop(connection, None)
        due = connection.next_timeout()
        now = self._loop.now
        if due is not None and due <= now:
            connection.handle_timeout(now)
            self.touch(connection)
        else:
            self._arm(connection)

    def _send(self, out: DatagramOut) -> None:
        if self._backlog:
            self._backlog.append(out)
            return
        rest = self._socket.send(out)
        if rest is not None:
            self._backlog.append(rest)
            self._loop.rewatch(self._socket.sock.fileno(), self._reads | WRITE)

    def _drain(self) -> None:
        while self._backlog:
            rest = self._socket.send(self._backlog[0])
            if rest is not None:
                self._backlog[0] = rest
                return
            self._backlog.popleft()
        self._loop.rewatch(self._socket.sock.fileno(), self._reads)
        if self._touched and not self._is_queued:
            self._is_queued = True
            self._loop.call_soon(self._flush)

    def shut(self) -> None:
        """Watch the socket no more; it belongs to the caller."""
        if not self._is_shut:
            self._is_shut = True
            self._loop.unwatch(self._socket.sock.fileno())
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()


@final
class ServerDriver(_Driver):
    """An endpoint over one socket.

    Args:
      make:     the application of a new connection.
      hand_on:  takes what other processes should have got.
      reads:    whether the socket is read from the beginning.

    Attributes:
      dropped:  datagrams of newcomers that found the queue full.
      on_drop:  called for each of them.
    """

    def __init__(
        self,
        loop: Loop,
        sock: QuicSocket,
        endpoint: Endpoint,
        make: Callable[[ServerConnection], Application],
        hand_on: Callable[[Sequence[tuple[int, DatagramIn]]], None] = lambda _strays: None,
        reads: bool = True,
    ) -> None:
        super().__init__(loop, sock, reads)
        self._endpoint = endpoint
        self._make = make
        self._hand_on = hand_on
        self._beginning: deque[tuple[DatagramIn, bool]] = deque()
        self._awaited: Counter[bytes] = Counter()  # where those go to
        self.dropped = 0
        self.on_drop: Callable[[], None] = lambda: None
        self._applications: dict[Connection, Application] = {}
        endpoint.on_new = self._on_new

    @property
    def applications(self) -> list[Application]:
        """Of all connections."""
        return list(self._applications.values())

    def set_reading(self, reads: bool) -> None:
        """Begin to read the socket, or leave it to another process."""
        self._reads = READ if reads else 0
        if not self._is_shut:
            self._loop.rewatch(self._socket.sock.fileno(), self._reads | (WRITE if self._backlog else 0))

    def _on_new(self, connection: ServerConnection) -> None:
        self._applications[connection] = self._make(connection)

    def _read(self) -> None:
        self._arrived(self._socket.receive(), False)

    def take_in(self, datagrams: Sequence[DatagramIn]) -> None:
        """What another process read."""
        self._arrived(datagrams, True)

    def _arrived(self, datagrams: Sequence[DatagramIn], is_handed_on: bool) -> None:
        endpoint = self._endpoint
        for datagram in datagrams:
            if datagram.data[:1] >= b"\x80" and endpoint.is_beginning(datagram.data):
                break
        else:
            self._receive(datagrams, is_handed_on)
            return
        rest = []
        for datagram in datagrams:
            if datagram.data[:1] >= b"\x80" and endpoint.is_beginning(datagram.data):
                self._wait(datagram, is_handed_on)
            else:
                rest.append(datagram)
        self._receive(rest, is_handed_on)

    def _wait(self, datagram: DatagramIn, is_handed_on: bool) -> None:
        try:
            self._loop.call_slow(self._begin_one)
        except LimitExceeded:
            self.dropped += 1
            self.on_drop()
        else:
            self._beginning.append((datagram, is_handed_on))
            self._awaited[destination_of(datagram.data)] += 1

    def _begin_one(self) -> None:
        """The next newcomer, out of the queue of slow work."""
        if self._beginning and not self._is_shut:
            datagram, is_handed_on = self._beginning.popleft()
            destination = destination_of(datagram.data)
            self._awaited[destination] -= 1
            if not self._awaited[destination]:
                del self._awaited[destination]
            self._receive([datagram], is_handed_on)

    def _is_awaited(self, connection: Connection) -> bool:
        if not self._awaited or not isinstance(connection, ServerConnection):
            return False
        return connection.acceptance.current in self._awaited or connection.first_id in self._awaited

    def take_newcomers(self) -> list[DatagramIn]:
        """Those that wait and have no connection here, for somebody else to take; no longer than that they wait here."""
        found = [datagram for datagram, _ in self._beginning if not self._endpoint.knows(datagram.data)]
        self._beginning = deque(entry for entry in self._beginning if self._endpoint.knows(entry[0].data))
        self._awaited = Counter([destination_of(datagram.data) for datagram, _ in self._beginning])
        return found

    def _receive(self, datagrams: Sequence[DatagramIn], is_handed_on: bool) -> None:
        self._take(self._endpoint.receive(datagrams, self._loop.now, is_handed_on))
        strays = self._endpoint.take_strays()
        if strays:
            self._hand_on(strays)

    def _take(self, connections: Sequence[ServerConnection]) -> None:
        for connection in connections:
            self.touch(connection)
        if not self._is_queued:
            self._is_queued = True
            self._loop.call_soon(self._flush)

    def _replies(self) -> list[DatagramOut]:
        return self._endpoint.replies()

    def _events(self, connection: Connection, now: float) -> None:
        events = connection.take_events()
        if events:
            self._applications[connection].on_events(events, now)

    def _over(self, connection: Connection) -> None:
        if isinstance(connection, ServerConnection):
            self._endpoint.forget(connection)
        if self._applications.pop(connection, None) is not None:
            connection.release()


@final
class ClientDriver(_Driver):
    """One client connection over its own socket."""

    def __init__(self, loop: Loop, sock: QuicSocket, connection: ClientConnection, application: Application) -> None:
        super().__init__(loop, sock)
        self._connection = connection
        self._application = application
        self.is_over = False
        self.touch(connection)

    def _read(self) -> None:
        self._connection.receive(self._socket.receive(), self._loop.now)
        self.touch(self._connection)

    def _events(self, connection: Connection, now: float) -> None:
        events = connection.take_events()
        if events:
            self._application.on_events(events, now)

    def _over(self, connection: Connection) -> None:
        self.is_over = True
        self.shut()
