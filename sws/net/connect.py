# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Connecting to a name: Happy Eyeballs version 2.  RFC 8305 §3, §4, §5, §8.

    resolver ─▶ candidates, a queue for each family ─▶ attempts, one after another, several at once ─▶ the first that succeeds

- IPv6 addresses are tried as soon as they are known; IPv4 ones that come first wait `resolution_delay` for them.
- Families alternate, beginning with IPv6; within one the resolver's order is kept.
- The next attempt begins `attempt_delay` after the last, or at once when one fails.  Addresses that arrive later join the queues.
- The first connection wins: all other sockets are closed, and the resolver's task is cancelled (its queries go on, for the cache).

Invariants: one timer, for what comes next (None: it may come now); a socket is in `_attempts`, or is the winner, or is closed.
Known limitations: destinations are not sorted by RFC 6724 beyond family; one that has no route fails at once and costs no time.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, final

from sws.base.errors import SwsError
from sws.net.hosts_file import Address
from sws.os.loop import Loop
from sws.os.poller.base import WRITE
from sws.os.tasks import Waiter, start
from sws.os.timers import Timer

__all__ = ["ConnectError", "EyeballDelays", "Resolves", "connect", "connect_unix", "open_tcp", "wait_ready"]

MAX_CANDIDATES: Final = 64
_UNDER_WAY: Final = frozenset((0, errno.EINPROGRESS, errno.EWOULDBLOCK))
_FULL_PAUSE: Final = 0.01


@final
@dataclass(frozen=True, slots=True)
class EyeballDelays:
    """The delays of RFC 8305 §8, in seconds."""

    resolution_delay: float = 0.05
    attempt_delay: float = 0.25


@final
class ConnectError(SwsError):
    """No connection came about.

    Attributes:
      errors:     what each attempted address failed with; those still under way at the deadline are not among them.
      timed_out:  whether the deadline ended it.
    """

    def __init__(self, where: str, errors: tuple[tuple[str, OSError], ...], *, timed_out: bool = False) -> None:
        reasons = [f"{address}: {error.strerror or error}" for address, error in errors]
        if timed_out:
            reasons.append("timed out")
        super().__init__(f"cannot connect to {where}: {'; '.join(reasons) or 'no address'}")
        self.errors = errors
        self.timed_out = timed_out


class Resolves(Protocol):
    """What connecting needs of a resolver."""

    async def resolve(
        self, name: str, port: int = 0, *, family: str = "any", on_part: Callable[[list[Address]], None] | None = None
    ) -> list[Address]:
        """All addresses; those of the family that is there first are given to `on_part` while the other is waited for."""


async def connect(
    loop: Loop,
    resolver: Resolves,
    host: str,
    port: int,
    *,
    timeout: float = 10.0,
    family: str = "any",
    delays: EyeballDelays = EyeballDelays(),
) -> socket.socket:
    """A connected TCP socket, non-blocking and without Nagle's delay.

    Args:
      host:     a name or an address.
      timeout:  seconds for everything, resolving included.
      family:   "any", "ipv4" or "ipv6".
    Raises: ConnectError with all that was tried, or ResolveError if the name has no address.
    """
    race = _Race(loop, f"{host}:{port}", delays)
    deadline = loop.call_later(timeout, race.give_up)
    won = False
    try:
        race.resolve(resolver.resolve(host, port, family=family, on_part=race.add))
        sock = await race.outcome
        won = True
        return sock
    finally:
        deadline.cancel()
        race.close(keep_winner=won)


@final
class _Race:
    """One name's attempts."""

    def __init__(self, loop: Loop, where: str, delays: EyeballDelays) -> None:
        self.outcome: Waiter[socket.socket] = Waiter()
        self._loop = loop
        self._where = where
        self._delays = delays
        self._waiting: dict[int, deque[Address]] = {socket.AF_INET6: deque(), socket.AF_INET: deque()}
        self._seen: set[object] = set()
        self._attempts: dict[int, tuple[socket.socket, Address]] = {}
        self._errors: list[tuple[str, OSError]] = []
        self._next_family: int = socket.AF_INET6
        self._timer: Timer | None = None
        self._begun = False
        self._is_resolved = False
        self._cancel_resolving: Callable[[], None] = lambda: None
        self._winner: socket.socket | None = None

    # --- addresses come ------------------------------------------------------------------------------------------

    def resolve(self, resolving: Coroutine[Any, Any, list[Address]]) -> None:
        """Run the resolver."""

        async def run() -> None:
            self.add(await resolving)

        task = start(self._loop, run(), self._resolved)
        if task is not None:
            self._cancel_resolving = task.cancel

    def add(self, addresses: list[Address]) -> None:
        """Addresses to try; those known already are left out."""
        if self.outcome.done:
            return
        for address in addresses:
            if address.sockaddr not in self._seen and len(self._seen) < MAX_CANDIDATES:
                self._seen.add(address.sockaddr)
                self._waiting[address.family].append(address)
        if self._begun:
            if self._timer is None:
                self._advance()
        elif self._waiting[socket.AF_INET6]:
            self._advance()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._delays.resolution_delay, self._advance)

    def _resolved(self, error: BaseException | None) -> None:
        self._is_resolved = True
        self._cancel_resolving = lambda: None
        if error is not None and not self._seen:
            self.outcome.reject(error)
        elif not self._begun or not self._attempts:
            self._advance()

    # --- attempts ------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Begin the next attempt that can begin; the end of the race if there is none left."""
        if self.outcome.done:
            return
        self._begun = True
        self._stop_timer()
        while (address := self._pick()) is not None:
            try:
                sock = _begin_tcp(address)
            except OSError as error:
                self._errors.append((str(address), error))
                continue
            fd = sock.fileno()
            self._attempts[fd] = sock, address
            self._loop.watch(fd, WRITE, partial(self._on_ready, fd))
            self._timer = self._loop.call_later(self._delays.attempt_delay, self._advance)
            return
        if self._is_resolved and not self._attempts:
            self.outcome.reject(ConnectError(self._where, tuple(self._errors)))

    def _pick(self) -> Address | None:
        first = self._next_family
        other = socket.AF_INET if first == socket.AF_INET6 else socket.AF_INET6
        for family, following in ((first, other), (other, first)):
            if self._waiting[family]:
                self._next_family = following
                return self._waiting[family].popleft()
        return None

    def _on_ready(self, fd: int, _mask: int) -> None:
        sock, address = self._attempts.pop(fd)
        self._loop.unwatch(fd)
        if self.outcome.done:
            sock.close()
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            self._winner = sock
            self.outcome.resolve(sock)
            return
        sock.close()
        self._errors.append((str(address), OSError(code, os.strerror(code))))
        # DEVIATES RFC 8305 §5: 10 ms between attempts are for those under way; one that has failed burdens no network any more.
        self._advance()

    # --- the end -------------------------------------------------------------------------------------------------

    def give_up(self) -> None:
        """The deadline is there."""
        self.outcome.reject(ConnectError(self._where, tuple(self._errors), timed_out=True))

    def close(self, *, keep_winner: bool) -> None:
        """Close every socket but the winner that was handed over."""
        self.outcome.reject(ConnectError(self._where, ()))  # if it was cancelled: nothing is begun any more
        self._stop_timer()
        self._cancel_resolving()
        for fd, (sock, _) in self._attempts.items():
            self._loop.unwatch(fd)
            sock.close()
        self._attempts.clear()
        if self._winner is not None and not keep_winner:
            self._winner.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _begin_tcp(address: Address) -> socket.socket:
    """A socket that connects.  Raises: OSError if that failed at once."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address.sockaddr)
        if code not in _UNDER_WAY:
            raise OSError(code, os.strerror(code))
    except OSError:
        sock.close()
        raise
    return sock


async def wait_ready(loop: Loop, fd: int, mask: int, until: float) -> None:
    """Wait until a descriptor is ready.

    Args:
      until:  the loop's time at which to give up.
    Raises: TimeoutError.
    """
    waiter: Waiter[None] = Waiter()
    loop.watch(fd, mask, lambda _: waiter.resolve(None))
    timer = loop.call_at(until, lambda: waiter.reject(TimeoutError("timed out")))
    try:
        await waiter
    finally:
        timer.cancel()
        loop.unwatch(fd)


async def open_tcp(loop: Loop, address: Address, until: float) -> socket.socket:
    """A TCP connection to one address, non-blocking.  Raises: OSError, TimeoutError among them."""
    sock = _begin_tcp(address)
    try:
        await wait_ready(loop, sock.fileno(), WRITE, until)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


async def connect_unix(loop: Loop, path: str, *, timeout: float = 10.0) -> socket.socket:
    """A connected unix socket, non-blocking.

    A listener whose queue is full gives no sign when there is room again (EAGAIN, connect(2)), so it is tried every few milliseconds.

    Raises: ConnectError.
    """
    until = loop.now + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.connect(path)
            return sock
        except BlockingIOError as error:
            sock.close()
            if loop.now >= until:
                raise ConnectError(f"unix:{path}", ((path, error),), timed_out=True) from None
        except OSError as error:
            sock.close()
            raise ConnectError(f"unix:{path}", ((path, error),)) from None
        await loop.sleep(_FULL_PAUSE)
