# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The poller for every system: select(2), the last resort.

    interests   {fd: mask}, what armed() tells
    readers     the descriptors armed for READ, and the wake-up socket, so that the set is never empty
    writers     the descriptors armed for WRITE

Odd facts of the platforms:

- POSIX bounds the *number* of a descriptor (below FD_SETSIZE, 1024), Windows the *count* of sockets in one set (512 in
  CPython's build).  Both are refused in arm(), where somebody can still close the connection.
- select() has no word for an error: a failed descriptor is ready in both directions, which is all the contract needs, and
  ERROR is never reported.  Except on Windows, where a refused connect() shows up in the exceptional set *only*; there the
  writers are passed as that set too.  On POSIX the exceptional set means out-of-band data, which nobody here wants.
- Windows raises WSAEINVAL instead of sleeping if all three sets are empty; ours never are.
- One closed descriptor spoils the whole call (EBADF, WSAENOTSOCK, ValueError) without saying which: each is tried alone, and
  the bad ones are forgotten, as the better pollers' kernels do.  Yet Linux overlooks numbers beyond the process's table of
  descriptors, so that trying is not to call select() there but fstat(); Windows has none for sockets.
- The kernel looks at every descriptor on every call, so the cost grows with the idle ones.
"""

from __future__ import annotations

import os
import select as _select
import sys
from collections.abc import Iterable
from typing import Final, Protocol, final

from sws.base.errors import LimitExceeded, UsageError
from sws.os.poller._wake import WakeChannel
from sws.os.poller.base import ERROR, ONESHOT, READ, WRITE, PollerBroken, PollerUnavailable, bounded_wait, checked_mask

__all__ = ["SelectCall", "SelectPoller"]

_SHORTEST: Final = 0.000_001
_HIGHEST_POSIX: Final = 1023
_MOST_WINDOWS: Final = 512


class SelectCall(Protocol):
    """`select.select`."""

    def __call__(
        self, readers: Iterable[int], writers: Iterable[int], exceptional: Iterable[int], timeout: float | None, /
    ) -> tuple[list[int], list[int], list[int]]: ...


@final
class SelectPoller:
    """A poller over select(); see `base.Poller` for the methods.

    Args:
      call:     `select.select` unless a test wants another.
      windows:  whether the sets are Winsock's.
    Raises:  PollerUnavailable if there is no descriptor below FD_SETSIZE left for the wake-up channel.
    """

    __slots__ = ("_call", "_interests", "_readers", "_wake", "_windows", "_writers")

    name: Final = "select"
    transfers: Final = None

    def __init__(self, call: SelectCall = _select.select, *, windows: bool = sys.platform == "win32") -> None:
        self._call: Final = call
        self._windows: Final = windows
        try:
            self._wake: Final = WakeChannel()
        except OSError as error:
            raise PollerUnavailable(f"no wake-up channel for select: {error}") from error
        self._interests: dict[int, int] = {}
        self._readers = {self._wake.fileno()}
        self._writers: set[int] = set()
        if not windows and self._wake.fileno() > _HIGHEST_POSIX:
            self._wake.close()
            raise PollerUnavailable("the wake-up channel's descriptor is too high for select")

    def arm(self, fd: int, mask: int) -> None:
        checked_mask(mask)
        if self._windows:
            if len(self._interests) >= _MOST_WINDOWS - 1 and fd not in self._interests:
                raise LimitExceeded("select sockets", len(self._interests) + 1, _MOST_WINDOWS - 1)
        elif fd > _HIGHEST_POSIX:
            raise LimitExceeded("select descriptor", fd, _HIGHEST_POSIX)
        self._check_open()
        if not self._is_open(fd):
            self.disarm(fd)
            raise UsageError(f"descriptor {fd} cannot be polled: it is not open")
        self._interests[fd] = mask
        (self._readers.add if mask & READ else self._readers.discard)(fd)
        (self._writers.add if mask & WRITE else self._writers.discard)(fd)

    def disarm(self, fd: int) -> None:
        if self._interests.pop(fd, None) is not None:
            self._readers.discard(fd)
            self._writers.discard(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self._check_open()
        exceptional = self._writers if self._windows else ()
        try:
            readable, writable, failed = self._call(self._readers, self._writers, exceptional, bounded_wait(timeout, _SHORTEST))
        except InterruptedError:
            return []
        except (OSError, ValueError) as error:
            self._forget_closed(error)
            return []
        masks = dict.fromkeys(readable, READ)
        if masks.pop(self._wake.fileno(), 0):
            self._wake.drain()
        for fd in writable:
            masks[fd] = masks.get(fd, 0) | WRITE
        for fd in failed:
            masks[fd] = self._interests[fd] & (READ | WRITE) | ERROR
        for fd in masks:
            if self._interests[fd] & ONESHOT:
                self.disarm(fd)
        return list(masks.items())

    def wake(self) -> None:
        self._wake.notify()

    def close(self) -> None:
        self._wake.close()

    def fileno(self) -> int:
        """-1: select has no descriptor of its own."""
        return -1

    def armed(self) -> dict[int, int]:
        return dict(self._interests)

    def _check_open(self) -> None:
        if self._wake.fileno() < 0:
            raise PollerBroken("this poller is closed")

    def _is_open(self, fd: int) -> bool:
        try:
            if self._windows:
                self._call((fd,), (), (), 0)
            else:
                os.fstat(fd)
        except (OSError, ValueError):
            return False
        return True

    def _forget_closed(self, error: OSError | ValueError) -> None:
        closed = [fd for fd in self._interests if not self._is_open(fd)]
        if not closed:
            raise PollerBroken(f"select failed: {error}") from error
        for fd in closed:
            self.disarm(fd)
