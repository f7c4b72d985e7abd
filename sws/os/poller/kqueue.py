# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The poller for the BSDs and macOS.  kqueue(2), kevent(2).  Tested on a fake kernel only; never run on a real one yet.

The kernel keeps one *knote* for each pair (descriptor, filter), so READ and WRITE are two.  arm() and disarm() only note
what is wanted; poll() sends the differences and waits, in one system call.

    interests   {fd: mask}: what is wanted, and what armed() tells
    told        {fd: mask}: what the kernel was told last; READ and WRITE for the knotes it should have, and ONESHOT
    touched     the descriptors for which the two may differ

Odd facts of the platform:

- close() removes the knotes of that number, even if a duplicate lives on.  So `told` may be more than the kernel has, and
  EV_DELETE meets ENOENT, or EBADF, and both are as good as success.  For the same reason every arm() sends EV_ADD, also
  when `told` says that the knote is there: for an existing one it changes nothing.
- Whether EV_ADD of an existing knote changes its EV_ONESHOT differs between the systems (FreeBSD keeps the flags of the
  first).  So a change between level and one-shot is EV_DELETE, then EV_ADD.
- EV_ONESHOT removes the one knote that was reported; the other direction's would still come.  We delete it.
- Changes are applied in order and before the waiting.  One that fails comes back as an event with EV_ERROR and errno in
  `data`, and the call then returns without waiting; if there is no room for it in the event list, the call itself fails,
  and the changes after it are lost.  So the list has always room for all changes.
- EV_EOF at the read filter is the peer's end of stream, a regular thing: READ, and ERROR only if `fflags` has a socket
  error.  At the write filter it says that nothing can be sent any more, which is an ERROR.
- A kqueue is not inherited by fork(), its descriptor is just gone in the child.
- EVFILT_USER would be the way to wake up, but Python's module has no name for it, and OpenBSD came late to it.  Sockets do.
- macOS refuses timeouts above some 10^8 seconds, and does not watch /dev/tty or some other devices (EINVAL).
"""

from __future__ import annotations

import errno
import select as _select
from collections.abc import Iterable
from typing import Final, Protocol, cast, final

from sws.base.errors import UsageError
from sws.os.poller._wake import WakeChannel
from sws.os.poller.base import ERROR, ONESHOT, READ, WRITE, PollerBroken, PollerUnavailable, bounded_wait, checked_mask

__all__ = ["Kevent", "KqueueApi", "KqueueKernel", "KqueuePoller"]

_BATCH: Final = 256
_SHORTEST: Final = 0.000_001


class Kevent(Protocol):
    """The fields of `select.kevent` that are used."""

    @property
    def ident(self) -> int: ...
    @property
    def filter(self) -> int: ...
    @property
    def flags(self) -> int: ...
    @property
    def fflags(self) -> int: ...
    @property
    def data(self) -> int: ...


class KqueueKernel(Protocol):
    """The part of `select.kqueue` that is used."""

    def control(self, changes: Iterable[Kevent] | None, max_events: int, timeout: float | None, /) -> list[Kevent]: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class KqueueApi(Protocol):
    """The part of the module `select` that is used; on a BSD that module is one."""

    KQ_EV_ADD: int
    KQ_EV_DELETE: int
    KQ_EV_EOF: int
    KQ_EV_ERROR: int
    KQ_EV_ONESHOT: int
    KQ_FILTER_READ: int
    KQ_FILTER_WRITE: int

    def kqueue(self) -> KqueueKernel: ...
    def kevent(self, ident: int, filter: int, flags: int, /) -> Kevent: ...  # noqa: A002 - the kernel's name


_NATIVE: Final = cast("KqueueApi", _select) if hasattr(_select, "kqueue") else None


@final
class KqueuePoller:
    """A poller over one kqueue; see `base.Poller` for the methods.

    Args:
      api:   the module `select` unless a test wants another kernel.
    Raises:  PollerUnavailable where there is no kqueue, or no descriptor left for one.
    """

    __slots__ = ("_add", "_api", "_filters", "_interests", "_kernel", "_one_shot", "_told", "_touched", "_wake")

    name: Final = "kqueue"
    transfers: Final = None

    def __init__(self, api: KqueueApi | None = _NATIVE) -> None:
        if api is None:
            raise PollerUnavailable("this system has no kqueue")
        self._api: Final = api
        self._filters: Final = ((READ, api.KQ_FILTER_READ), (WRITE, api.KQ_FILTER_WRITE))
        self._interests: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._touched: set[int] = set()
        try:
            self._wake: Final = WakeChannel()
        except OSError as error:
            raise PollerUnavailable(f"no wake-up channel for kqueue: {error}") from error
        try:
            self._kernel: Final = api.kqueue()
            self._kernel.control([api.kevent(self._wake.fileno(), api.KQ_FILTER_READ, api.KQ_EV_ADD)], 0, 0)
        except OSError as error:
            self._wake.close()
            raise PollerUnavailable(f"kqueue cannot be initialised: {error}") from error

    def arm(self, fd: int, mask: int) -> None:
        """See `base.Poller.arm`; a descriptor that cannot be polled is refused only if negative, otherwise the next poll tells."""
        checked_mask(mask)
        if fd < 0:
            raise UsageError(f"descriptor {fd} cannot be polled: it is not open")
        self._interests[fd] = mask
        self._touched.add(fd)

    def disarm(self, fd: int) -> None:
        if self._interests.pop(fd, None) is not None:
            self._touched.add(fd)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        changes = self._changes() if self._touched else None
        room = _BATCH + len(changes) if changes else _BATCH
        try:
            events = self._kernel.control(changes, room, bounded_wait(timeout, _SHORTEST))
        except InterruptedError:
            return []
        except (OSError, ValueError) as error:
            raise PollerBroken(f"kevent failed: {error}") from error
        masks: dict[int, int] = {}
        for event in events:
            self._merge(event, masks)
        if masks.pop(self._wake.fileno(), 0):
            self._wake.drain()
        for fd in masks:
            if self._interests[fd] & ONESHOT:
                self._spend(fd)
        return list(masks.items())

    def wake(self) -> None:
        self._wake.notify()

    def close(self) -> None:
        self._kernel.close()
        self._wake.close()

    def fileno(self) -> int:
        """The kqueue's descriptor; -1 once closed."""
        try:
            return self._kernel.fileno()
        except ValueError:
            return -1

    def armed(self) -> dict[int, int]:
        return dict(self._interests)

    def _changes(self) -> list[Kevent]:
        """The differences between what is wanted and what the kernel was told, which is now told."""
        api = self._api
        changes = []
        for fd in self._touched:
            told = self._told.pop(fd, 0)
            wanted = self._interests.get(fd, 0)
            add = api.KQ_EV_ADD | api.KQ_EV_ONESHOT if wanted & ONESHOT else api.KQ_EV_ADD
            for direction, kind in self._filters:
                if told & direction and (not wanted & direction or (told ^ wanted) & ONESHOT):
                    changes.append(api.kevent(fd, kind, api.KQ_EV_DELETE))
                if wanted & direction:
                    changes.append(api.kevent(fd, kind, add))
            if wanted:
                self._told[fd] = wanted
        self._touched.clear()
        return changes

    def _merge(self, event: Kevent, masks: dict[int, int]) -> None:
        """Add one knote's event to what is reported of its descriptor."""
        api = self._api
        fd = event.ident
        direction = READ if event.filter == api.KQ_FILTER_READ else WRITE
        interest = self._interests.get(fd, 0)
        if event.flags & api.KQ_EV_ERROR:
            if event.data == errno.ENOENT or not interest & direction:
                return  # a deletion of what was gone already
            if event.data == errno.EBADF:  # closed without disarm
                del self._interests[fd], self._told[fd]
                return
            failed = True  # cannot be watched: told with every poll, as a level is
            self._told[fd] &= ~direction
            self._touched.add(fd)
        else:
            failed = bool(event.flags & api.KQ_EV_EOF and (event.fflags or direction == WRITE))
            if interest & ONESHOT:
                self._told[fd] &= ~direction
        masks[fd] = masks.get(fd, 0) | (interest & (READ | WRITE) | ERROR if failed else direction)

    def _spend(self, fd: int) -> None:
        """Forget a one-shot interest, and have the knote deleted that did not report."""
        del self._interests[fd]
        if self._told[fd] & (READ | WRITE):
            self._touched.add(fd)
        else:
            del self._told[fd]
            self._touched.discard(fd)
