# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A completion port with AFD beneath it, in user space over real sockets: what `sws.os.poller.iocp` asks of Windows.

A submitted operation completes once: when one of its events holds (at once if it does already), when it is cancelled (with no
events, unless it was complete before), or when its socket is closed (LOCAL_CLOSE).  Packets wait in the port until taken.

A transfer (TransmitFile) goes on whenever the port is looked at, holds its file open on its own, and completes when all its octets are
with the socket, the file has no more, or the connection is gone.
"""

from __future__ import annotations

import errno
import os
import socket
import stat

from sws.os.poller import iocp
from sws.os.poller.transfers import FAILED
from tests.kit.readiness import READ, WRITE, State, open_file, states

_HANDLE_OFFSET = 1 << 20
"""Base handles are not the sockets' numbers here, so that mixing them up shows."""


class _Transfer:
    """A TransmitFile under way."""

    def __init__(self, fd: int, identity: tuple[int, int], file: int, offset: int, length: int) -> None:
        self.fd = fd
        self.identity = identity
        self.file = file
        self.sent = 0
        self._offset = offset
        self._length = length

    def move(self) -> bool:
        """As much as the socket takes; True if it is over."""
        while self.sent < self._length:
            count = os.sendfile(self.fd, self.file, self._offset + self.sent, self._length - self.sent)
            if not count:
                break
            self.sent += count
        return True


class FakeWindows:
    """The kernel.  `submitted` logs (descriptor, events, key); `refuse_submit` and `refuse_take` make the calls raise."""

    def __init__(self) -> None:
        self._operations: dict[int, tuple[int, int, tuple[int, int] | None]] = {}
        self._transfers: dict[int, _Transfer] = {}
        self._packets: list[tuple[int, int]] = []
        self._near, self._far = socket.socketpair()
        self._wakes = 0
        self._closed = False
        self.submitted: list[tuple[int, int, int]] = []
        self.transferred: list[tuple[int, int, int]] = []  # descriptor, offset, length of each that began
        self.refuse_transfer: OSError | None = None
        self.cancelled: list[int] = []
        self.waits: list[int | None] = []
        self.refuse_submit: OSError | None = None
        self.refuse_cancel: OSError | None = None
        self.refuse_take: OSError | None = None

    def base_handle(self, fd: int) -> int:
        try:
            mode = os.fstat(fd).st_mode
        except OSError as error:
            raise OSError(errno.ENOTSOCK, "WSAENOTSOCK") from error
        if not stat.S_ISSOCK(mode):
            raise OSError(errno.ENOTSOCK, "WSAENOTSOCK")
        return fd + _HANDLE_OFFSET

    def submit_poll(self, handle: int, events: int, key: int) -> None:
        fd = handle - _HANDLE_OFFSET
        self._check_open()
        if self.refuse_submit is not None:
            raise self.refuse_submit
        if open_file(fd) is None:
            raise OSError(errno.EBADF, "STATUS_INVALID_HANDLE")
        assert key not in self._operations
        assert key != iocp.WAKE_KEY
        self.submitted.append((fd, events, key))
        self._operations[key] = (fd, events, open_file(fd))
        self._complete_ready(0)

    def start_transfer(self, fd: int, file: int, offset: int, length: int, key: int) -> None:
        self._check_open()
        if self.refuse_transfer is not None:
            raise self.refuse_transfer
        identity = open_file(fd)
        assert identity is not None
        assert all(other.fd != fd for other in self._transfers.values()), "two transfers on one socket would mix"
        self.transferred.append((fd, offset, length))
        self._transfers[key] = _Transfer(fd, identity, os.dup(file), offset, length)

    def cancel(self, key: int) -> None:
        self.cancelled.append(key)
        if self.refuse_cancel is not None:
            raise self.refuse_cancel
        if key in self._transfers:
            self._end_transfer(key, FAILED)
        if self._operations.pop(key, None) is not None:
            self._packets.append((key, 0))

    def get_completions(self, timeout_ms: int | None) -> list[tuple[int, int]]:
        self._check_open()
        self.waits.append(timeout_ms)
        if self.refuse_take is not None:
            raise self.refuse_take
        assert timeout_ms is None or 0 <= timeout_ms < 1 << 31
        self._complete_ready(0)
        if not self._packets:
            self._complete_ready(None if timeout_ms is None else timeout_ms / 1000)
        taken, self._packets = self._packets, []
        return taken

    def post_wakeup(self) -> None:
        if not self._closed:
            self._wakes += 1
            if self._wakes == 1:
                self._far.send(b"\0")

    def close(self) -> None:
        self._closed = True
        for key in list(self._transfers):
            self._end_transfer(key, FAILED)
        self._near.close()
        self._far.close()

    def outstanding(self) -> int:
        """How many operations are in the kernel's hands."""
        return len(self._operations) + len(self._transfers)

    def _check_open(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, "ERROR_INVALID_HANDLE")

    def _end_transfer(self, key: int, outcome: int) -> None:
        os.close(self._transfers.pop(key).file)
        self._packets.append((key, outcome))

    def _move_transfers(self) -> None:
        for key, transfer in list(self._transfers.items()):
            if open_file(transfer.fd) != transfer.identity:
                self._end_transfer(key, FAILED)
                continue
            try:
                ended = transfer.move()
            except BlockingIOError:
                continue
            except OSError:
                self._end_transfer(key, FAILED)
                continue
            if ended:
                self._end_transfer(key, transfer.sent)

    def _complete_ready(self, timeout: float | None) -> None:
        self._move_transfers()
        for key, (fd, events, identity) in list(self._operations.items()):
            if open_file(fd) != identity:
                del self._operations[key]
                self._packets.append((key, events & iocp.AFD_POLL_LOCAL_CLOSE))
        wanted = {self._near.fileno(): READ}
        for fd, events, _ in self._operations.values():
            wanted[fd] = wanted.get(fd, 0) | (READ if events & iocp.AFD_POLL_RECEIVE else 0)
            wanted[fd] |= WRITE if events & iocp.AFD_POLL_SEND else 0
        for transfer in self._transfers.values():
            wanted[transfer.fd] = wanted.get(transfer.fd, 0) | WRITE
        found = states(wanted, timeout)
        self._move_transfers()
        if found.pop(self._near.fileno(), None):
            self._near.recv(1)
            self._packets += [(iocp.WAKE_KEY, 0)] * self._wakes
            self._wakes = 0
        for key, (fd, events, _) in list(self._operations.items()):
            happened = _happened(found.get(fd)) & events
            if happened:
                del self._operations[key]
                self._packets.append((key, happened))


def _happened(state: State | None) -> int:
    if state is None:
        return 0
    events = 0
    if state.failed:
        events |= iocp.AFD_POLL_ABORT
    if state.ended:
        events |= iocp.AFD_POLL_DISCONNECT
    if state.readable:
        events |= iocp.AFD_POLL_RECEIVE
    if state.writable:
        events |= iocp.AFD_POLL_SEND
    return events
