# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A kqueue in user space over real descriptors: the module `select` as a BSD has it, as far as `sws.os.poller.kqueue` uses it.

After FreeBSD's kqueue_register() and knote code as kevent(2) describes it: a knote per (ident, filter), removed when its
descriptor is closed; EV_ADD of an existing knote keeps its flags; EV_ONESHOT removes the reported knote; failed changes
come back as EV_ERROR if there is room, and then nobody waits; otherwise the call fails and later changes are lost.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from sws.os.poller.kqueue import Kevent
from tests.kit.readiness import READ, WRITE, State, open_file, states


@dataclass(frozen=True)
class FakeKevent:
    ident: int
    filter: int
    flags: int
    fflags: int = 0
    data: int = 0


class FakeKqueue:
    """One queue.  `calls` counts control(); `fail_with` makes the next one raise; `batch` bounds what one call reports."""

    def __init__(self, api: FakeKqueueApi) -> None:
        self._api = api
        self._knotes: dict[tuple[int, int], tuple[int, tuple[int, int] | None]] = {}
        self._fd = os.open(os.devnull, os.O_RDONLY)
        self.calls = 0
        self.batch = 1 << 30
        self.fail_with: Exception | None = None
        self.log: list[tuple[int, int, int]] = []

    def control(self, changes: Iterable[Kevent] | None, max_events: int, timeout: float | None, /) -> list[Kevent]:
        if self._fd < 0:
            raise ValueError("I/O operation on closed kqueue object")
        self.calls += 1
        if self.fail_with is not None:
            error, self.fail_with = self.fail_with, None
            raise error
        if timeout is not None and timeout < 0:
            raise ValueError("timeout must be positive or None")
        results = self._apply(changes or (), max_events)
        if results or not max_events:
            return results
        return self._collect(min(max_events, self.batch), timeout)

    def fileno(self) -> int:
        if self._fd < 0:
            raise ValueError("I/O operation on closed kqueue object")
        return self._fd

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def knotes(self) -> set[tuple[int, int]]:
        self._drop_closed()
        return set(self._knotes)

    def _apply(self, changes: Iterable[Kevent], max_events: int) -> list[Kevent]:
        results: list[Kevent] = []
        for change in changes:
            self.log.append((change.ident, change.filter, change.flags))
            self._drop_closed()
            code = self._register(change)
            if code:
                if len(results) >= max_events:
                    raise OSError(code, os.strerror(code))
                results.append(FakeKevent(change.ident, change.filter, self._api.KQ_EV_ERROR, 0, code))
        return results

    def _register(self, change: Kevent) -> int:
        api = self._api
        knote = (change.ident, change.filter)
        identity = open_file(change.ident)
        if identity is None:
            return errno.EBADF
        if change.flags & api.KQ_EV_DELETE:
            return 0 if self._knotes.pop(knote, None) else errno.ENOENT
        if stat.S_ISCHR(os.fstat(change.ident).st_mode):  # as some of macOS' devices
            return errno.EINVAL
        if knote not in self._knotes:
            self._knotes[knote] = (change.flags & api.KQ_EV_ONESHOT, identity)
        return 0

    def _drop_closed(self) -> None:
        for knote, (_, identity) in list(self._knotes.items()):
            if open_file(knote[0]) != identity:
                del self._knotes[knote]

    def _collect(self, room: int, timeout: float | None) -> list[Kevent]:
        self._drop_closed()
        wanted: dict[int, int] = {}
        for fd, kind in self._knotes:
            wanted[fd] = wanted.get(fd, 0) | (READ if kind == self._api.KQ_FILTER_READ else WRITE)
        events: list[Kevent] = []
        found = states(wanted, timeout)
        for knote, (flags, _) in list(self._knotes.items()):
            event = self._event(knote, found.get(knote[0]))
            if event is not None and len(events) < room:
                events.append(event)
                if flags & self._api.KQ_EV_ONESHOT:
                    del self._knotes[knote]
        return events

    def _event(self, knote: tuple[int, int], state: State | None) -> FakeKevent | None:
        fd, kind = knote
        if state is None:
            return None
        if kind == self._api.KQ_FILTER_READ:
            if not state.readable and not state.ended:
                return None
            return FakeKevent(fd, kind, self._api.KQ_EV_EOF if state.ended else 0, errno.ECONNRESET if state.failed else 0)
        if not state.writable:
            return None
        return FakeKevent(fd, kind, self._api.KQ_EV_EOF if state.hung_up or state.failed else 0)


class FakeKqueueApi:
    """The module; `kernel` is the queue it made last, `refuse` makes kqueue() raise."""

    KQ_EV_ADD = 0x0001
    KQ_EV_DELETE = 0x0002
    KQ_EV_ONESHOT = 0x0010
    KQ_EV_ERROR = 0x4000
    KQ_EV_EOF = 0x8000
    KQ_FILTER_READ = -1
    KQ_FILTER_WRITE = -2

    def __init__(self, refuse: OSError | None = None) -> None:
        self._refuse = refuse
        self.kernel = FakeKqueue(self)
        self.kernel.close()

    def kqueue(self) -> FakeKqueue:
        if self._refuse is not None:
            raise self._refuse
        self.kernel = FakeKqueue(self)
        return self.kernel

    def kevent(self, ident: int, filter: int, flags: int, /) -> FakeKevent:  # noqa: A002
        return FakeKevent(ident, filter, flags)
