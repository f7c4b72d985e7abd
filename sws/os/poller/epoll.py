# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The poller for Linux.  epoll(7), epoll_ctl(2), epoll_wait(2).

The hot path is poll(): EPOLLIN and READ are both 1, so the kernel's list is returned as it came and only events other than
a plain EPOLLIN are rewritten in place.  Three tricks keep everything else off that path:

- The wake-up socket is registered for EPOLLRDNORM, which nobody else uses, so it is told by its event, not by its number.
- ERR and HUP (bits 3 and 4) are not in the table of healthy events, and only then the interest is looked up.
- One-shot interests are counted by a set, which is empty in most programs.

    known     {fd: mask}: what the kernel has been told; 0 is an interest it keeps but has disabled (a spent one-shot)
    spent     a one-shot that was reported: EPOLLONESHOT silences the entry, errors included, but does not remove it

Odd facts of the platform:

- An interest belongs to the pair (number, open file).  Closing the *last* descriptor of the file removes it silently, so
  the kernel knows less than `known`: MOD then says ENOENT, and we ADD.  If a duplicate survives the close, the interest
  survives with it and is reported under a number that is no longer ours, and cannot be removed; hence `disarm` first.
  The reverse, ADD saying EEXIST, happens if somebody else uses our epoll descriptor or restored a duplicate; then we MOD.
- ERR and HUP are reported whether asked for or not; even for an interest in nothing, but not for a spent one-shot.
- EPOLLEXCLUSIVE can only be ADDed: MOD with it, or MOD of an interest that has it, is EINVAL, and so is its union with
  EPOLLONESHOT.  Such an interest is removed and added again, and the hint gives way to ONESHOT.
- Regular files and directories are always ready, and epoll refuses them (EPERM) instead of saying so.
- epoll_wait counts milliseconds in an int.  CPython rounds up, PyPy down, so less than 1 ms is made 1 ms here;
  24 days and 20 hours overflow, and negative is for ever (None is not known to PyPy).
- A signal does not end the wait: Python runs its handler, subtracts the time, and waits on (PEP 475).  A handler that
  wants the loop's attention calls wake().
"""

from __future__ import annotations

import errno
import os
import select as _select
from collections.abc import Callable
from typing import Final, Protocol, final

from sws.base.errors import LimitExceeded, UsageError
from sws.os.poller._wake import WakeChannel
from sws.os.poller.base import (
    ERROR,
    EXCLUSIVE,
    LONGEST_WAIT,
    ONESHOT,
    READ,
    WRITE,
    PollerBroken,
    PollerUnavailable,
    checked_mask,
)

__all__ = ["EpollKernel", "EpollPoller"]

# The ABI's numbers (uapi/linux/eventpoll.h), so that this module also type-checks and imports elsewhere.
_EPOLLIN: Final = 0x001
_EPOLLOUT: Final = 0x004
_EPOLLRDNORM: Final = 0x040
_EPOLLEXCLUSIVE: Final = 1 << 28
_EPOLLONESHOT: Final = 1 << 30

_HEALTHY: Final = {_EPOLLIN: READ, _EPOLLOUT: WRITE, _EPOLLIN | _EPOLLOUT: READ | WRITE}
_BATCH: Final = 64  # of a turn, at whose end answers leave: the first may not wait for too many others
_SHORTEST: Final = 0.001
_FOR_EVER: Final = -1


class EpollKernel(Protocol):
    """The part of `select.epoll` that is used."""

    def register(self, fd: int, eventmask: int, /) -> None: ...
    def modify(self, fd: int, eventmask: int, /) -> None: ...
    def unregister(self, fd: int, /) -> None: ...
    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


_NATIVE: Final[Callable[[], EpollKernel] | None] = getattr(_select, "epoll", None)


def _interest(mask: int) -> int:
    bits = _EPOLLIN if mask & READ else 0
    if mask & WRITE:
        bits |= _EPOLLOUT
    if mask & ONESHOT:
        bits |= _EPOLLONESHOT
    elif mask & EXCLUSIVE:
        bits |= _EPOLLEXCLUSIVE
    return bits


_INTERESTS: Final = {mask: _interest(mask) for mask in range(32) if mask & (READ | WRITE) and not mask & ERROR}


@final
class EpollPoller:
    """A poller over one epoll instance; see `base.Poller` for the methods.

    Args:
      create:  makes the kernel's object; `select.epoll` unless a test wants another.
    Raises:  PollerUnavailable where there is no epoll, or no descriptor left for one.
    """

    __slots__ = ("_kernel", "_known", "_one_shots", "_wake")

    name: Final = "epoll"
    transfers: Final = None

    def __init__(self, create: Callable[[], EpollKernel] | None = _NATIVE) -> None:
        if create is None:
            raise PollerUnavailable("this system has no epoll")
        self._known: dict[int, int] = {}
        self._one_shots: set[int] = set()
        try:
            self._wake: Final = WakeChannel()
        except OSError as error:
            raise PollerUnavailable(f"no wake-up channel for epoll: {error}") from error
        try:
            self._kernel: Final = create()
            self._kernel.register(self._wake.fileno(), _EPOLLRDNORM)
        except OSError as error:
            self._wake.close()
            raise PollerUnavailable(f"epoll cannot be initialised: {error}") from error

    def arm(self, fd: int, mask: int) -> None:
        bits = _INTERESTS.get(mask) or _interest(checked_mask(mask))
        before = self._known.get(fd)
        try:
            if before is None:
                self._kernel.register(fd, bits)
            elif (before | mask) & EXCLUSIVE:
                self._replace(fd, bits)
            else:
                self._kernel.modify(fd, bits)
        except (OSError, ValueError) as error:
            self._arm_again(fd, bits, error)
        self._known[fd] = mask
        if mask & ONESHOT:
            self._one_shots.add(fd)
        elif self._one_shots:
            self._one_shots.discard(fd)

    def disarm(self, fd: int) -> None:
        if self._known.pop(fd, None) is None:
            return
        self._one_shots.discard(fd)
        try:
            self._kernel.unregister(fd)
        except (OSError, ValueError):  # closed meanwhile, or the queue is broken: the next poll will tell
            pass

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        if timeout is None:
            timeout = _FOR_EVER
        else:  # bounded_wait(), without the call
            timeout = 0 if timeout <= 0 else _SHORTEST if timeout < _SHORTEST else LONGEST_WAIT if timeout > LONGEST_WAIT else timeout
        try:
            ready = self._kernel.poll(timeout, _BATCH)
        except InterruptedError:
            return []
        except (OSError, ValueError) as error:
            raise PollerBroken(f"epoll_wait failed: {error}") from error
        woken = -1
        for position, (fd, events) in enumerate(ready):
            if events != _EPOLLIN:
                mask = _HEALTHY.get(events)
                if mask is None:
                    if events == _EPOLLRDNORM:
                        woken = position
                        continue
                    mask = self._known.get(fd, 0) & (READ | WRITE) | ERROR
                ready[position] = (fd, mask)
        if woken >= 0:
            del ready[woken]
            self._wake.drain()
        if self._one_shots:
            self._spend(ready)
        return ready

    def wake(self) -> None:
        self._wake.notify()

    def close(self) -> None:
        self._kernel.close()
        self._wake.close()

    def fileno(self) -> int:
        """The epoll descriptor; -1 once closed."""
        try:
            return self._kernel.fileno()
        except ValueError:
            return -1

    def armed(self) -> dict[int, int]:
        return {fd: mask for fd, mask in self._known.items() if mask}

    def _spend(self, ready: list[tuple[int, int]]) -> None:
        for fd, _ in ready:
            if fd in self._one_shots:
                self._one_shots.discard(fd)
                self._known[fd] = 0

    def _replace(self, fd: int, bits: int) -> None:
        try:
            self._kernel.unregister(fd)
        except FileNotFoundError:
            pass
        self._kernel.register(fd, bits)

    def _arm_again(self, fd: int, bits: int, error: OSError | ValueError) -> None:
        """Settle a difference between `known` and the kernel, or say what is wrong."""
        try:
            if isinstance(error, FileNotFoundError):
                self._kernel.register(fd, bits)
            elif isinstance(error, FileExistsError):
                self._kernel.unregister(fd)
                self._kernel.register(fd, bits)
            else:
                raise error
        except (OSError, ValueError) as failure:
            raise self._explain(fd, failure) from failure

    def _explain(self, fd: int, failure: OSError | ValueError) -> Exception:
        if self._is_dead():
            return PollerBroken(f"epoll_ctl failed: {failure}")
        self._known.pop(fd, None)
        self._one_shots.discard(fd)
        if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.ENOMEM):
            return LimitExceeded("epoll interests", len(self._known) + 1, len(self._known))
        return UsageError(f"descriptor {fd} cannot be polled: {failure}")

    def _is_dead(self) -> bool:
        try:
            os.fstat(self.fileno())
        except OSError:
            return True
        return False
