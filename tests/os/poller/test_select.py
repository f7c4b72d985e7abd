# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is select()'s own: its limits, Winsock's exceptional set, and descriptors that spoil the call."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterable, Iterator

import pytest

from sws.base.errors import LimitExceeded
from sws.os.poller.base import ERROR, READ, WRITE, PollerBroken, PollerUnavailable
from sws.os.poller.select import SelectPoller


@pytest.fixture
def high_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1100:
        pytest.skip("the limit of descriptors is below FD_SETSIZE")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1100), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_posix_bounds_the_number(high_descriptors: None) -> None:
    poller = SelectPoller(windows=False)
    near, far = socket.socketpair()
    with near, far:
        os.dup2(near.fileno(), 1023)
        os.dup2(near.fileno(), 1024)
        poller.arm(1023, WRITE)
        assert poller.poll(0) == [(1023, WRITE)]
        with pytest.raises(LimitExceeded) as caught:
            poller.arm(1024, WRITE)
        assert (caught.value.value, caught.value.maximum) == (1024, 1023)
        os.close(1023)
        os.close(1024)
    poller.close()


def test_windows_bounds_the_count() -> None:
    poller = SelectPoller(lambda readers, writers, exceptional, timeout: ([], [], []), windows=True)
    for fd in range(10_000, 10_511):
        poller.arm(fd, READ)
    poller.arm(10_000, WRITE)
    with pytest.raises(LimitExceeded):
        poller.arm(10_511, READ)
    poller.disarm(10_000)
    poller.arm(10_511, READ)
    poller.close()


def test_unavailable_if_the_wake_up_channel_is_too_high(high_descriptors: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def high() -> tuple[socket.socket, socket.socket]:
        near, far = original()
        os.dup2(near.fileno(), 1050)
        near.close()
        return socket.socket(fileno=1050), far

    original = socket.socketpair
    monkeypatch.setattr(socket, "socketpair", high)
    with pytest.raises(PollerUnavailable, match="too high"):
        SelectPoller(windows=False)


def test_unavailable_without_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(socket, "socketpair", refuse)
    with pytest.raises(PollerUnavailable, match="too many"):
        SelectPoller()


@pytest.mark.parametrize("windows", [False, True])
def test_a_refused_connect_is_in_winsocks_exceptional_set(windows: bool) -> None:
    asked: list[set[int]] = []

    def winsock(
        readers: Iterable[int], writers: Iterable[int], exceptional: Iterable[int], timeout: float | None
    ) -> tuple[list[int], list[int], list[int]]:
        asked.append(set(exceptional))
        return [], [], list(exceptional)

    poller = SelectPoller(winsock, windows=windows)
    near, far = socket.socketpair()
    with near, far:
        poller.arm(near.fileno(), READ | WRITE)
        poller.arm(far.fileno(), READ)
        asked.clear()
        assert poller.poll(0) == ([(near.fileno(), READ | WRITE | ERROR)] if windows else [])
        assert asked == [{near.fileno()} if windows else set()]
    poller.close()


def test_a_call_that_fails_for_no_descriptors_sake_is_broken() -> None:
    def failing(
        readers: Iterable[int], writers: Iterable[int], exceptional: Iterable[int], timeout: float | None
    ) -> tuple[list[int], list[int], list[int]]:
        raise failure

    poller = SelectPoller(failing)
    near, far = socket.socketpair()
    with near, far:
        poller.arm(near.fileno(), READ)
        failure: Exception = OSError(errno.ENOMEM, "no memory")
        with pytest.raises(PollerBroken, match="no memory"):
            poller.poll(1)
        failure = InterruptedError()
        assert poller.poll(1) == []
        assert poller.armed() == {near.fileno(): READ}
    poller.close()
