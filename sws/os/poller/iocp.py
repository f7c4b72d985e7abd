# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The poller for Windows: readiness of sockets out of a completion port.  Tested on a fake kernel only; never run on a real one yet.

Windows tells completions ("your read is done"), not readiness.  But Winsock's own select() is made of an operation of the
driver beneath it, `\\Device\\Afd`: IOCTL_AFD_POLL, "complete when one of these events is there".  Its completion goes to a
port like any other, and so one port serves for any number of sockets.

    watch      one socket that is armed: its interest, its base handle, and the operation that asks for it now
    key        names one operation for ever; a completion whose key is no watch's current one is stale, and is dropped
    stale      the watches without the operation they need: newly armed, or reported at the last poll

The operation is one-shot by nature.  Level semantics come from submitting it again, at the start of the next poll(): if the
socket is still ready it completes at once.  A changed mask, or disarm, cancels the operation and forgets its key.

Odd facts of the platform, as far as they are known (none of it is documented by Microsoft, all of it is relied upon by many):

- Sockets only: pipes, consoles and files have no AFD beneath them.
- A layered service provider may have wrapped the socket, and AFD knows only the base handle: WSAIoctl(SIO_BASE_HANDLE), or
  SIO_BSP_HANDLE_POLL for providers that break the former.
- A cancelled operation still completes (STATUS_CANCELLED), or has completed already with events; both must be ignored.
  Its memory belongs to the kernel until that completion was taken from the port (see `_windows_api`).
- Events are levels when the operation is submitted, and completion takes all those that hold at that moment.
- closesocket() completes the operation with LOCAL_CLOSE.  The handle's number may belong to a new socket by then; so we submit
  again, and forget the watch if that is refused.
- A refused connect() is CONNECT_FAIL; a reset is ABORT; the peer's end of stream is DISCONNECT, which is READ, not ERROR.
- Timeouts count whole milliseconds, rounded up here; 0xFFFFFFFF is for ever.  The clock beneath ticks with 15.6 ms.
- A wake-up is an empty packet with key 0, posted to the port.
- TransmitFile completes to the port as well: `transfers` tells how that becomes readiness.
"""

from __future__ import annotations

import math
from itertools import count
from typing import Final, Protocol, final

from sws.base.errors import UsageError
from sws.os.poller._windows_api import native_windows_api
from sws.os.poller.base import ONESHOT, READ, WRITE, PollerBroken, PollerUnavailable, bounded_wait, checked_mask, reported_mask
from sws.os.poller.transfers import Transfers

__all__ = [
    "AFD_POLL_ABORT",
    "AFD_POLL_ACCEPT",
    "AFD_POLL_CONNECT_FAIL",
    "AFD_POLL_DISCONNECT",
    "AFD_POLL_LOCAL_CLOSE",
    "AFD_POLL_RECEIVE",
    "AFD_POLL_SEND",
    "WAKE_KEY",
    "IocpPoller",
    "WindowsApi",
]

AFD_POLL_RECEIVE: Final = 0x001
AFD_POLL_SEND: Final = 0x004
AFD_POLL_DISCONNECT: Final = 0x008
AFD_POLL_ABORT: Final = 0x010
AFD_POLL_LOCAL_CLOSE: Final = 0x020
AFD_POLL_ACCEPT: Final = 0x080
AFD_POLL_CONNECT_FAIL: Final = 0x100

WAKE_KEY: Final = 0
"""The key of a wake-up packet; no operation bears it."""

_READABLE: Final = AFD_POLL_RECEIVE | AFD_POLL_ACCEPT | AFD_POLL_DISCONNECT
_FAILED: Final = AFD_POLL_ABORT | AFD_POLL_CONNECT_FAIL
_SHORTEST: Final = 0.001


class WindowsApi(Protocol):
    """One completion port, and AFD beneath the sockets.  All methods may raise OSError."""

    def base_handle(self, fd: int) -> int:
        """The handle that AFD knows a socket by; OSError if this is no socket."""
        ...

    def submit_poll(self, handle: int, events: int, key: int) -> None:
        """Start an AFD poll operation; it completes once, in get_completions.  OSError if the handle is not (any more) a socket."""
        ...

    def start_transfer(self, fd: int, file: int, offset: int, length: int, key: int) -> None:
        """Begin to send a part of a file; it completes once, in get_completions.  OSError if it cannot begin."""
        ...

    def cancel(self, key: int) -> None:
        """Have an operation complete now; one that did already is fine."""
        ...

    def get_completions(self, timeout_ms: int | None) -> list[tuple[int, int]]:
        """Wait for packets.

        Returns: [(key, what came of it)]: of a poll operation its AFD events, 0 for a cancelled or failed one and for WAKE_KEY; of a
                 transfer the octets that left, or FAILED.
        """
        ...

    def post_wakeup(self) -> None:
        """Put a packet with WAKE_KEY into the port; from any thread, also after close()."""
        ...

    def close(self) -> None:
        """Cancel everything and close the port; again is fine."""
        ...


class _Watch:
    """A socket that is armed; `key` is 0 while no operation asks for it."""

    __slots__ = ("fd", "handle", "interest", "key")

    def __init__(self, fd: int) -> None:
        self.fd: Final = fd
        self.handle = 0
        self.interest = 0
        self.key = 0


def _events(interest: int) -> int:
    events = _FAILED | AFD_POLL_LOCAL_CLOSE
    if interest & READ:
        events |= _READABLE
    if interest & WRITE:
        events |= AFD_POLL_SEND
    return events


@final
class IocpPoller:
    """A poller over one completion port; see `base.Poller` for the methods.

    Args:
      api:   Windows itself unless a test wants another.
    Raises:  PollerUnavailable elsewhere, or if the port or AFD cannot be opened.
    """

    __slots__ = ("_api", "_current", "_keys", "_stale", "_watches", "transfers")

    name: Final = "iocp"

    def __init__(self, api: WindowsApi | None = None) -> None:
        try:
            self._api: Final = native_windows_api() if api is None else api
        except OSError as error:
            raise PollerUnavailable(f"no completion port: {error}") from error
        self._watches: dict[int, _Watch] = {}
        self._current: dict[int, _Watch] = {}  # by key
        self._stale: dict[int, _Watch] = {}  # by descriptor
        self._keys: Final = count(WAKE_KEY + 1)
        #: Files on their way by TransmitFile.
        self.transfers: Final = Transfers(self._api, self._keys)

    def arm(self, fd: int, mask: int) -> None:
        checked_mask(mask)
        try:
            handle = self._api.base_handle(fd)
        except OSError as error:
            self.disarm(fd)
            raise UsageError(f"descriptor {fd} cannot be polled: {error}") from error
        watch = self._watches.get(fd)
        if watch is None:
            watch = self._watches[fd] = _Watch(fd)
        elif watch.key and (watch.handle != handle or _events(watch.interest) != _events(mask)):
            self._abandon(watch)
        watch.handle = handle
        watch.interest = mask
        if not watch.key:
            self._stale[fd] = watch

    def disarm(self, fd: int) -> None:
        watch = self._watches.pop(fd, None)
        if watch is not None:
            self._stale.pop(fd, None)
            self._abandon(watch)

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        wait = bounded_wait(timeout, _SHORTEST)
        try:
            self._submit_stale()
            completions = self._api.get_completions(None if wait is None else math.ceil(wait * 1000))
        except OSError as error:
            raise PollerBroken(f"the completion port failed: {error}") from error
        ready: dict[int, int] = {}
        for key, outcome in completions:
            watch = self._current.pop(key, None)
            events = outcome
            if watch is None:
                watch = self._transferred(key, outcome)
                events = AFD_POLL_SEND
            mask = self._completed(watch, events) if watch is not None else 0
            if watch is not None and mask:
                ready[watch.fd] = ready.get(watch.fd, 0) | mask
        return list(ready.items())

    def wake(self) -> None:
        self._api.post_wakeup()

    def close(self) -> None:
        self._api.close()
        self.transfers.close()

    def fileno(self) -> int:
        """-1: a port is a handle, not a descriptor."""
        return -1

    def armed(self) -> dict[int, int]:
        return {fd: watch.interest for fd, watch in self._watches.items()}

    def _submit_stale(self) -> None:
        while self._stale:
            fd, watch = self._stale.popitem()
            key = next(self._keys)
            interest = watch.interest & ~WRITE if self.transfers.is_under_way(fd) else watch.interest
            try:
                self._api.submit_poll(watch.handle, _events(interest), key)
            except OSError as error:
                if self._is_socket(fd):
                    self._stale[fd] = watch
                    raise PollerBroken(f"AFD refused to poll: {error}") from error
                del self._watches[fd]  # closed without disarm
                continue
            watch.key = key
            self._current[key] = watch

    def _is_socket(self, fd: int) -> bool:
        try:
            self._api.base_handle(fd)
        except OSError:
            return False
        return True

    def _completed(self, watch: _Watch, events: int) -> int:
        """Note that a watch's operation is over; returns what to report of it."""
        watch.key = 0
        ready = READ if events & _READABLE else 0
        if events & AFD_POLL_SEND:
            ready |= WRITE
        mask = reported_mask(watch.interest, ready, bool(events & _FAILED))
        if mask and watch.interest & ONESHOT:
            del self._watches[watch.fd]
        else:
            self._stale[watch.fd] = watch
        return mask

    def _transferred(self, key: int, octets: int) -> _Watch | None:
        """Note the end of a transfer; returns the watch that is writable again."""
        fd = self.transfers.completed(key, octets)
        watch = None if fd is None else self._watches.get(fd)
        if watch is not None:
            self._abandon(watch)  # what it asks for now has no WRITE in it
        return watch

    def _abandon(self, watch: _Watch) -> None:
        if watch.key:
            self._current.pop(watch.key, None)
            try:
                self._api.cancel(watch.key)
            except OSError:  # it will complete some day, and be stale then
                pass
            watch.key = 0
