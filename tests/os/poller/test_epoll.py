# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is epoll's own: its errors, and the differences between what we know and what the kernel knows."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import time
from pathlib import Path

import pytest

from sws.base.errors import LimitExceeded, UsageError
from sws.os.poller.base import ERROR, ONESHOT, READ, WRITE, PollerBroken, PollerUnavailable
from sws.os.poller.epoll import EpollKernel, EpollPoller

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="this system has no epoll")


class FailingEpoll:
    """An epoll of which single calls fail as told: {method: exception}, once each."""

    def __init__(self) -> None:
        self._real = select.epoll()
        self.failures: dict[str, Exception] = {}

    def _fail(self, method: str) -> None:
        failure = self.failures.pop(method, None)
        if failure is not None:
            raise failure

    def register(self, fd: int, eventmask: int, /) -> None:
        self._fail("register")
        self._real.register(fd, eventmask)

    def modify(self, fd: int, eventmask: int, /) -> None:
        self._fail("modify")
        self._real.modify(fd, eventmask)

    def unregister(self, fd: int, /) -> None:
        self._fail("unregister")
        self._real.unregister(fd)

    def poll(self, timeout: float, maxevents: int, /) -> list[tuple[int, int]]:
        self._fail("poll")
        return self._real.poll(timeout, maxevents)

    def fileno(self) -> int:
        return self._real.fileno()

    def close(self) -> None:
        self._real.close()


def test_unavailable_where_there_is_none() -> None:
    with pytest.raises(PollerUnavailable):
        EpollPoller(create=None)


def test_unavailable_without_descriptors() -> None:
    def refuse() -> EpollKernel:
        raise OSError(errno.EMFILE, "too many")

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PollerUnavailable, match="too many"):
        EpollPoller(refuse)
    assert len(os.listdir("/proc/self/fd")) == before


def test_unavailable_without_a_wake_up_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(socket, "socketpair", refuse)
    with pytest.raises(PollerUnavailable, match="too many"):
        EpollPoller()


def test_the_queue_closed_by_a_stranger_is_broken_and_its_interests_are_kept() -> None:
    poller = EpollPoller()
    near, far = socket.socketpair()
    with near, far:
        poller.arm(near.fileno(), READ)
        os.close(poller.fileno())
        with pytest.raises(PollerBroken):
            poller.poll(0)
        with pytest.raises(PollerBroken):
            poller.arm(far.fileno(), READ)
        with pytest.raises(PollerBroken):
            poller.arm(near.fileno(), READ | WRITE)
        assert poller.armed() == {near.fileno(): READ}
        spare = os.open(os.devnull, os.O_RDONLY)  # whatever number it takes, close() has one to close
        poller.close()
        try:
            os.close(spare)
        except OSError:
            pass


def test_regular_files_are_refused(tmp_path: Path) -> None:
    poller = EpollPoller()
    with (tmp_path / "file").open("w") as file, pytest.raises(UsageError, match="cannot be polled"):
        poller.arm(file.fileno(), READ)
    assert poller.armed() == {}
    poller.close()


def test_a_closed_descriptor_is_refused_and_forgotten() -> None:
    poller = EpollPoller()
    near, far = socket.socketpair()
    fd = near.fileno()
    poller.arm(fd, READ | ONESHOT)
    near.close()
    with pytest.raises(UsageError):
        poller.arm(fd, WRITE)
    assert poller.armed() == {}
    far.close()
    poller.close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.ENOMEM])
def test_no_room_is_a_limit(code: int) -> None:
    kernel = FailingEpoll()
    poller = EpollPoller(lambda: kernel)
    near, far = socket.socketpair()
    with near, far:
        poller.arm(near.fileno(), READ)
        kernel.failures["register"] = OSError(code, "no room")
        with pytest.raises(LimitExceeded):
            poller.arm(far.fileno(), READ)
        assert poller.armed() == {near.fileno(): READ}
    poller.close()


def test_an_interest_that_the_kernel_has_already_is_replaced() -> None:
    kernel = FailingEpoll()
    poller = EpollPoller(lambda: kernel)
    near, far = socket.socketpair()
    with near, far:
        kernel.register(near.fileno(), select.EPOLLIN)
        poller.arm(near.fileno(), WRITE)
        assert poller.poll(0) == [(near.fileno(), WRITE)]
    poller.close()


def test_an_interruption_is_an_empty_answer() -> None:
    kernel = FailingEpoll()
    poller = EpollPoller(lambda: kernel)
    kernel.failures["poll"] = InterruptedError()
    assert poller.poll(None) == []
    poller.close()


def test_other_failures_of_the_wait_are_broken() -> None:
    kernel = FailingEpoll()
    poller = EpollPoller(lambda: kernel)
    kernel.failures["poll"] = OSError(errno.EINVAL, "invalid")
    with pytest.raises(PollerBroken, match="invalid"):
        poller.poll(None)
    poller.close()


def test_wake_from_a_signal_handler_ends_the_wait() -> None:
    poller = EpollPoller()
    previous = signal.signal(signal.SIGALRM, lambda *_: poller.wake())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        assert poller.poll(None) == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        poller.close()


def test_a_hang_up_has_the_error_bit() -> None:
    poller = EpollPoller()
    near, far = socket.socketpair()
    with near, far:
        poller.arm(near.fileno(), READ)
        far.close()
        assert poller.poll(0) == [(near.fileno(), READ | ERROR)]
        poller.arm(near.fileno(), READ | WRITE)
        assert poller.poll(0) == [(near.fileno(), READ | WRITE | ERROR)]
    poller.close()


def test_pipes_can_be_polled() -> None:
    poller = EpollPoller()
    reader, writer = os.pipe()
    poller.arm(reader, READ)
    poller.arm(writer, WRITE)
    assert poller.poll(0) == [(writer, WRITE)]
    os.close(reader)
    assert poller.poll(0) == [(writer, WRITE | ERROR)]
    os.close(writer)
    poller.close()


def test_a_wait_of_less_than_a_millisecond_does_not_spin() -> None:
    poller = EpollPoller()
    end = time.monotonic() + 0.01
    turns = 0
    while (left := end - time.monotonic()) > 0:
        poller.poll(left)
        turns += 1
    assert turns <= 12
    poller.close()
