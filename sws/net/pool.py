# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Connections to servers, kept open and used again.  RFC 9110 §9.2.2, RFC 9112 §9.3, §9.4; RFC 8305 by `net.connect`.

    request ─▶ an idle connection to the origin, the last one used first
            ─▶ or a new one, if both bounds leave room (an idle one to another origin makes room)
            ─▶ or a place in the queue

    slot       the right to have a connection: taken before it is opened, given back when it is closed
    grant      what one who waited gets: a connection to use, or a slot to open one with

The last one used is the one least likely to have been closed meanwhile, and those of which there are too many grow old and go.

A connection can die while a request is on its way.  If not one octet came back, the method is idempotent, and the content can be sent
again, then the request is sent once more, on a new connection; never a second time.  What is not idempotent only goes out on a
connection that the kernel still takes for open.

Invariants: at most `per_origin` slots for one origin, `total` for all, `waiters` requests in the queue; who waits is served in order, first
within its origin, then by age among the origins that a freed slot could serve; one timer for all idle connections.
"""

from __future__ import annotations

import itertools
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, final

from sws.base.errors import SwsError, UsageError
from sws.net.client import ClientDriver, ClientEngine, ClientLimits
from sws.net.connect import Resolves, connect, connect_unix
from sws.net.response import OnInformational, Request, RequestError, RequestErrorKind, Response
from sws.os.loop import Loop
from sws.os.tasks import Waiter
from sws.os.timers import Timer
from sws.proto.http.method import is_idempotent
from sws.proto.http1 import ClientConnection, Http1Limits

__all__ = ["ClientPool", "Origin", "PoolCounters", "PoolError", "PoolErrorKind", "PoolLimits"]

_DIED: Final = frozenset((RequestErrorKind.CLOSED, RequestErrorKind.RESET))


@final
@dataclass(frozen=True, slots=True)
class Origin:
    """Whom connections lead to.  RFC 9110 §4.3.

    Attributes:
      host:       a name or an address; for a unix socket too, as it is the server's name.
      unix_path:  the socket to connect to instead of host and port.
    """

    scheme: str
    host: str
    port: int
    unix_path: str | None = None


class PoolErrorKind(Enum):
    """Why the pool has no connection for a request."""

    FULL = "too many requests wait for a connection"
    TIMEOUT = "no connection became free in time"
    CLOSED = "the pool is closed"


@final
class PoolError(SwsError):
    """No connection was to be had; the network was not asked."""

    def __init__(self, kind: PoolErrorKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


@final
@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds of a pool; times in seconds.

    Attributes:
      per_origin, total:  connections, those being opened included.
      waiters:            requests that wait for a connection.
      wait_timeout:       how long one waits.
      connect_timeout:    how long opening may take, the name's resolution included.
      idle_timeout:       how long an unused connection is kept: shorter than servers do, so that we close first.
    """

    per_origin: int = 64
    total: int = 512
    waiters: int = 1024
    wait_timeout: float = 10.0
    connect_timeout: float = 10.0
    idle_timeout: float = 30.0


@final
@dataclass(slots=True)
class PoolCounters:
    """What happened so far."""

    opened: int = 0
    reused: int = 0
    retried: int = 0
    evicted: int = 0
    refused: int = 0


@final
class _Waiting:
    """One request in the queue."""

    __slots__ = ("connection", "number", "waiter")

    def __init__(self, number: int) -> None:
        self.number = number
        self.connection: ClientDriver | None = None
        self.waiter: Waiter[None] = Waiter()


@final
@dataclass(slots=True)
class _Place:
    """One origin's connections."""

    slots: int = 0
    idle: list[ClientDriver] = field(default_factory=list)
    queue: deque[_Waiting] = field(default_factory=deque)


def _make_http1(loop: Loop, limits: Http1Limits) -> ClientEngine:
    return ClientConnection(loop.now, limits=limits)


@final
class ClientPool:
    """All connections of one loop to the servers that it asks.

    Args:
      resolver:     for names.
      http1:        bounds of the engines; None: the usual ones, and content of any size.
      make_engine:  another engine than HTTP/1.1's.
    """

    def __init__(
        self,
        loop: Loop,
        resolver: Resolves,
        *,
        limits: PoolLimits = PoolLimits(),
        client: ClientLimits | None = None,
        http1: Http1Limits | None = None,
        make_engine: Callable[[Loop, Http1Limits], ClientEngine] = _make_http1,
    ) -> None:
        self.counters = PoolCounters()
        self._loop = loop
        self._resolver = resolver
        self._limits = limits
        self._client = client or ClientLimits()
        self._http1 = http1 or Http1Limits(body=None)
        self._make_engine = make_engine
        self._places: dict[Origin, _Place] = {}
        self._origins: dict[ClientDriver, Origin] = {}
        self._idle: dict[ClientDriver, None] = {}  # in the order in which they became so
        self._slots = 0
        self._waiting = 0
        self._numbers = itertools.count()
        self._timer: Timer | None = None
        self._is_closed = False

    # --- asking ----------------------------------------------------------------------------------------------------

    async def request(self, origin: Origin, request: Request, on_informational: OnInformational | None = None) -> Response:
        """Ask an origin, and wait for the head of the final response; the connection comes back when the response is read or closed.

        Raises: RequestError, PoolError; ConnectError and ResolveError when no connection comes about; UsageError.
        """
        if origin.scheme != "http":
            raise UsageError(f"no connection is possible for {origin.scheme}: only http is built")
        may_repeat = is_idempotent(request.method)
        connection, is_reused = await self._acquire(origin, must_live=not may_repeat)
        try:
            return await connection.request(request, on_informational)
        except RequestError as error:
            can_retry = is_reused and may_repeat and request.is_repeatable and error.is_unanswered and error.kind in _DIED
            if not can_retry or self._is_closed:
                raise
        self.counters.retried += 1
        connection = await self._acquire_new(origin)
        return await connection.request(request, on_informational)

    @property
    def connections(self) -> int:
        """Connections there are, those being opened included."""
        return self._slots

    @property
    def idle(self) -> int:
        """Connections that carry nothing, or could carry more."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return self._waiting

    def close(self) -> None:
        """End: idle connections at once, the others when what they carry is over; who waits is told."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for place in tuple(self._places.values()):
            while place.queue:
                self._waiting -= 1
                place.queue.popleft().waiter.reject(PoolError(PoolErrorKind.CLOSED))
        for connection in tuple(self._origins):
            connection.shutdown()

    def abort(self) -> None:
        """End at once, whatever is under way."""
        self.close()
        for connection in tuple(self._origins):
            connection.abort()

    # --- getting a connection --------------------------------------------------------------------------------------

    async def _acquire(self, origin: Origin, *, must_live: bool) -> tuple[ClientDriver, bool]:
        """A connection, and whether it has been used before."""
        while True:
            self._check_open()
            place = self._place(origin)
            if place.idle:
                connection = place.idle.pop()
                del self._idle[connection]
            elif self._take_slot(place):
                return await self._open(origin), False
            else:
                granted = await self._wait(origin)
                if granted is None:
                    return await self._open(origin), False
                connection = granted
            if connection.is_available and not (must_live and connection.has_died()):
                self.counters.reused += 1
                return connection, True
            if not connection.exchanges:
                connection.abort()

    async def _acquire_new(self, origin: Origin) -> ClientDriver:
        """A connection that nobody used before, for which an idle one makes room; or one that others use at this very moment."""
        while True:
            self._check_open()
            place = self._place(origin)
            if self._take_slot(place):
                return await self._open(origin)
            if place.idle:
                connection = place.idle.pop()
                del self._idle[connection]
            else:
                granted = await self._wait(origin)
                if granted is None:
                    return await self._open(origin)
                connection = granted
            if not connection.exchanges:
                self._evict(connection)  # its slot goes to whoever waits, or to the next round here
            elif connection.is_available:
                return connection

    def _check_open(self) -> None:
        if self._is_closed:
            raise PoolError(PoolErrorKind.CLOSED)

    def _place(self, origin: Origin) -> _Place:
        place = self._places.get(origin)
        if place is None:
            place = self._places[origin] = _Place()
        return place

    def _take_slot(self, place: _Place) -> bool:
        """The right to one more connection; an idle one to another origin is closed for it if need be."""
        if place.slots >= self._limits.per_origin:
            return False
        if self._slots >= self._limits.total:
            oldest = next((each for each in self._idle if not each.exchanges), None)
            if oldest is None:
                return False
            place.slots += 1  # before: closing one serves those who wait
            self._slots += 1
            self._evict(oldest)
            return True
        place.slots += 1
        self._slots += 1
        return True

    async def _wait(self, origin: Origin) -> ClientDriver | None:
        """A connection, or None for the slot to open one with."""
        if self._waiting >= self._limits.waiters:
            self.counters.refused += 1
            self._forget_empty(origin)
            raise PoolError(PoolErrorKind.FULL)
        place = self._place(origin)
        mine = _Waiting(next(self._numbers))
        place.queue.append(mine)
        self._waiting += 1
        timer = self._loop.call_later(self._limits.wait_timeout, lambda: mine.waiter.reject(PoolError(PoolErrorKind.TIMEOUT)))
        try:
            await mine.waiter
        except BaseException:
            if mine in place.queue:
                place.queue.remove(mine)
                self._waiting -= 1
            elif not self._is_closed:
                self._return_grant(origin, mine)
            self._forget_empty(origin)
            raise
        finally:
            timer.cancel()
        return mine.connection

    def _return_grant(self, origin: Origin, waiting: _Waiting) -> None:
        """One who was cancelled with its grant in hand passes it on."""
        if waiting.connection is None:
            self._free_slot(origin)
        elif waiting.connection.is_available:
            self.available(waiting.connection)

    async def _open(self, origin: Origin) -> ClientDriver:
        """A new connection, for a slot that is taken; the slot is given back if none comes about."""
        timeout = self._limits.connect_timeout
        try:
            if origin.unix_path is not None:
                sock = await connect_unix(self._loop, origin.unix_path, timeout=timeout)
            else:
                sock = await connect(self._loop, self._resolver, origin.host, origin.port, timeout=timeout)
        except BaseException:
            self._free_slot(origin)
            raise
        if self._is_closed:
            sock.close()
            self._free_slot(origin)
            raise PoolError(PoolErrorKind.CLOSED)
        self.counters.opened += 1
        return self._adopt(origin, sock)

    def _adopt(self, origin: Origin, sock: socket.socket) -> ClientDriver:
        engine = self._make_engine(self._loop, self._http1)
        connection = ClientDriver(self._loop, sock, engine, limits=self._client, owner=self)
        self._origins[connection] = origin
        return connection

    # --- what becomes of connections: the ConnectionOwner ----------------------------------------------------------

    def available(self, connection: ClientDriver) -> None:
        """To one who waits for it, or to the idle ones."""
        place = self._places[self._origins[connection]]
        if place.queue:
            self._grant(place, connection)
            return
        place.idle.append(connection)
        self._idle[connection] = None
        self._arm_timer()
        if self._waiting and not connection.exchanges:
            self._serve_other_origins(connection)

    def _serve_other_origins(self, connection: ClientDriver) -> None:
        """Nobody waits for this one, but somebody for room under the total: it goes."""
        if self._slots >= self._limits.total and self._neediest() is not None:
            self._evict(connection)

    def closed(self, connection: ClientDriver) -> None:
        """Its slot is free."""
        origin = self._origins.pop(connection)
        if connection in self._idle:
            del self._idle[connection]
            self._places[origin].idle.remove(connection)
        self._free_slot(origin)

    def _free_slot(self, origin: Origin) -> None:
        self._slots -= 1
        self._places[origin].slots -= 1
        if self._waiting and self._slots < self._limits.total:
            place = self._neediest()
            if place is not None:
                place.slots += 1
                self._slots += 1
                self._grant(place, None)
        self._forget_empty(origin)

    def _forget_empty(self, origin: Origin) -> None:
        place = self._places.get(origin)
        if place is not None and not place.slots and not place.queue:
            del self._places[origin]

    def _neediest(self) -> _Place | None:
        """Whose request has waited longest, of the origins that may have one more connection."""
        may_open = [place for place in self._places.values() if place.queue and place.slots < self._limits.per_origin]
        return min(may_open, key=lambda place: place.queue[0].number, default=None)

    def _grant(self, place: _Place, connection: ClientDriver | None) -> None:
        waiting = place.queue.popleft()
        self._waiting -= 1
        waiting.connection = connection
        waiting.waiter.resolve(None)

    # --- idleness --------------------------------------------------------------------------------------------------

    def _evict(self, connection: ClientDriver) -> None:
        self.counters.evicted += 1
        connection.abort()

    def _arm_timer(self) -> None:
        if self._timer is None and self._idle:
            now = self._loop.now
            since = min((each.idle_since for each in self._idle if not each.exchanges), default=now)
            self._timer = self._loop.call_at(max(now, since + self._limits.idle_timeout), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        until = self._loop.now - self._limits.idle_timeout
        for connection in [each for each in self._idle if each.idle_since <= until and not each.exchanges]:
            self._evict(connection)
        self._arm_timer()
