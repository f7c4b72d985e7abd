# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files that the kernel sends by itself, seen as readiness: Windows' TransmitFile under `files.send_span`'s contract.

sendfile(2) takes what the socket has room for and returns.  TransmitFile takes a length, works on its own, and completes: to the same
port that IocpPoller waits at.  Drivers know readiness only, so a completion is told as such:

    send_span     begins a transfer, and says that the socket is full (BlockingIOError)
    the poller    reports no WRITE for the socket meanwhile, though AFD thinks it writable; it reports WRITE when the transfer completed
    send_span     hands out the count of octets that left, and begins the next transfer

A transfer is over only when the peer has the octets, so its length sets the rate on a long path, and how long a driver hears of no
progress on a slow one: it is doubled after a quick transfer and halved after a slow one.

    _Transfer.key       names the operation under way; 0: there is none
    _Transfer.outcome   octets that left and were not handed out yet; FAILED: the connection is gone
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol, final

from sws.base.engine import NO_FILE, FileSpan
from sws.os.files import copy_span, send_span

__all__ = ["FAILED", "TransferApi", "Transfers"]

FAILED: Final = -1
"""Instead of a count: the operation failed, or was cancelled."""

SHORTEST: Final = 1 << 16  # what is shorter costs less as a read and a send
LONGEST: Final = 1 << 22
_QUICK: Final = 0.2  # seconds
_SLOW: Final = 2.0


class TransferApi(Protocol):
    """What a kernel must have; `iocp.WindowsApi` is one."""

    def start_transfer(self, fd: int, file: int, offset: int, length: int, key: int) -> None:
        """Begin to send a part of a file; it completes once, with the octets that left or FAILED.  OSError if it cannot begin."""
        ...

    def cancel(self, key: int) -> None:
        """Have an operation complete now; one that did already is fine."""
        ...


class _Transfer:
    """What is known of one socket."""

    __slots__ = ("began", "key", "length", "outcome")

    def __init__(self) -> None:
        self.key = 0
        self.length = SHORTEST
        self.began = 0.0
        self.outcome: int | None = None


@final
class Transfers:
    """All transfers of one port.

    Args:
      api:    begins and cancels them.
      keys:   gives each operation of the port its name.
      clock:  monotonic seconds.
    """

    __slots__ = ("_api", "_clock", "_is_closed", "_keys", "_sockets", "_under_way")

    def __init__(self, api: TransferApi, keys: Iterator[int], clock: Callable[[], float] = time.monotonic) -> None:
        self._api: Final = api
        self._keys: Final = keys
        self._clock: Final = clock
        self._sockets: dict[int, _Transfer] = {}  # by descriptor, until it is forgotten
        self._under_way: dict[int, int] = {}  # key -> descriptor
        self._is_closed = False

    def send_span(self, sock: socket.socket, span: FileSpan) -> int:
        """As `files.send_span`: the front of a span, which is shortened by what left.  The same span until it has left."""
        fd = sock.fileno()
        transfer = self._sockets.get(fd)
        if transfer is not None:
            if transfer.key:
                raise BlockingIOError(errno.EAGAIN, "a transfer is under way")
            if transfer.outcome is not None:
                return self._handed_out(transfer, span)
        if span.fd == NO_FILE or span.length < SHORTEST or self._is_closed:
            return send_span(sock, span)
        if transfer is None:
            transfer = self._sockets[fd] = _Transfer()
        key = next(self._keys)
        try:
            self._api.start_transfer(fd, span.fd, span.offset, min(span.length, transfer.length), key)
        except OSError:
            return copy_span(sock, span)  # no disk file, or no means; a connection that is gone says so again
        transfer.key = key
        transfer.began = self._clock()
        self._under_way[key] = fd
        raise BlockingIOError(errno.EAGAIN, "a transfer has begun")

    def _handed_out(self, transfer: _Transfer, span: FileSpan) -> int:
        count, transfer.outcome = transfer.outcome, None
        if count is None or count < 0:
            raise ConnectionResetError(errno.ECONNRESET, "the transfer failed")
        span.offset += count
        span.length -= count
        return count

    def is_under_way(self, fd: int) -> bool:
        """The kernel sends a file on this socket now."""
        transfer = self._sockets.get(fd)
        return transfer is not None and transfer.key != 0

    def completed(self, key: int, count: int) -> int | None:
        """Note a completion.  Returns: the descriptor to report; None if nobody waits for it (any more)."""
        fd = self._under_way.pop(key, None)
        if fd is None:
            return None
        transfer = self._sockets[fd]
        transfer.key = 0
        transfer.outcome = count
        took = self._clock() - transfer.began
        if took < _QUICK:
            transfer.length = min(transfer.length * 2, LONGEST)
        elif took > _SLOW:
            transfer.length = max(transfer.length // 2, SHORTEST)
        return fd

    def forget(self, fd: int) -> None:
        """The socket will be closed: what is under way is cancelled, and its completion means nothing."""
        transfer = self._sockets.pop(fd, None)
        if transfer is not None and transfer.key:
            del self._under_way[transfer.key]
            try:
                self._api.cancel(transfer.key)
            except OSError:
                pass  # closing the socket cancels it too

    def close(self) -> None:
        """The port is gone: what was under way counts as failed, and spans are read and sent from here on."""
        self._is_closed = True
        self._under_way.clear()
        for transfer in self._sockets.values():
            if transfer.key:
                transfer.key = 0
                transfer.outcome = FAILED
