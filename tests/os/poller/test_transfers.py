# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TransmitFile as readiness: transfers alone on a scripted kernel, and below IocpPoller on the fake one."""

from __future__ import annotations

import errno
import itertools
import os
import pathlib
import socket
from collections.abc import Iterator

import pytest

from sws.base.engine import NO_FILE, FileSpan
from sws.os.poller.base import READ, WRITE
from sws.os.poller.iocp import AFD_POLL_RECEIVE, AFD_POLL_SEND, IocpPoller
from sws.os.poller.transfers import FAILED, LONGEST, SHORTEST, Transfers
from tests.kit.clock import FakeClock
from tests.kit.fake_afd import FakeWindows

Pair = tuple[socket.socket, socket.socket]


class ScriptedKernel:
    """Begins whatever it is told to begin."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int, int, int, int]] = []
        self.cancelled: list[int] = []
        self.refusal: OSError | None = None

    def start_transfer(self, fd: int, file: int, offset: int, length: int, key: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.begun.append((fd, file, offset, length, key))

    def cancel(self, key: int) -> None:
        self.cancelled.append(key)
        if self.refusal is not None:
            raise self.refusal


class Bench:
    """Transfers of a scripted kernel, on a fake clock, for one socket and one file."""

    def __init__(self, sock: socket.socket, file: int) -> None:
        self.kernel = ScriptedKernel()
        self.clock = FakeClock()
        self.transfers = Transfers(self.kernel, itertools.count(1), self.clock.monotonic)
        self.sock = sock
        self.file = file

    def blocks(self, span: FileSpan) -> bool:
        try:
            self.transfers.send_span(self.sock, span)
        except BlockingIOError:
            return True
        return False

    def complete(self, count: int, after: float = 0.5) -> int | None:
        self.clock.advance(after)
        return self.transfers.completed(self.kernel.begun[-1][4], count)


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


@pytest.fixture
def narrow() -> Iterator[Pair]:
    """A TCP connection that takes little at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as far:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        far.connect(listener.getsockname())
        near = listener.accept()[0]
        near.setblocking(False)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with near:
            yield near, far


@pytest.fixture
def bench(pair: Pair, tmp_path: pathlib.Path) -> Iterator[Bench]:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4096)
    with open(path, "rb") as file:
        yield Bench(pair[0], file.fileno())


def test_a_span_leaves_by_transfers_one_after_another(bench: Bench) -> None:
    span = FileSpan(bench.file, 100, SHORTEST + 10)
    fd = bench.sock.fileno()
    assert bench.blocks(span)
    assert bench.kernel.begun == [(fd, bench.file, 100, SHORTEST, 1)]
    assert (span.offset, span.length) == (100, SHORTEST + 10), "nothing is known to have left yet"
    assert bench.transfers.is_under_way(fd)
    assert bench.blocks(span)
    assert len(bench.kernel.begun) == 1, "there is one at a time"
    assert bench.complete(SHORTEST) == fd
    assert not bench.transfers.is_under_way(fd)
    assert bench.transfers.send_span(bench.sock, span) == SHORTEST
    assert (span.offset, span.length) == (100 + SHORTEST, 10)
    assert bench.transfers.send_span(bench.sock, span) == 10, "the rest is not worth one"
    assert len(bench.kernel.begun) == 1


def test_what_is_short_or_no_file_is_sent_at_once(bench: Bench, pair: Pair) -> None:
    assert bench.transfers.send_span(bench.sock, FileSpan(bench.file, 1, SHORTEST - 1)) > 0
    assert bench.transfers.send_span(bench.sock, FileSpan(NO_FILE, 0, 1 << 20)) > 0
    assert bench.kernel.begun == []
    assert pair[1].recv(3) == b"\1\2\3"


def test_the_length_follows_the_peer(bench: Bench) -> None:
    span = FileSpan(bench.file, 0, 1 << 30)
    lengths = []
    for took in [0.01] * 8 + [1.0] * 2 + [2.5] * 8:
        assert bench.blocks(span)
        lengths.append(bench.kernel.begun[-1][3])
        bench.complete(1, took)
        assert bench.transfers.send_span(bench.sock, span) == 1
    assert lengths[:7] == [SHORTEST << step for step in range(7)]
    assert lengths[7:11] == [LONGEST] * 4
    assert lengths[11:17] == [LONGEST >> step for step in range(1, 7)]
    assert lengths[17] == SHORTEST


def test_a_failed_transfer_is_a_reset(bench: Bench) -> None:
    span = FileSpan(bench.file, 0, 1 << 20)
    assert bench.blocks(span)
    bench.complete(FAILED)
    with pytest.raises(ConnectionResetError):
        bench.transfers.send_span(bench.sock, span)
    assert span.length == 1 << 20


def test_a_file_that_became_shorter(bench: Bench) -> None:
    span = FileSpan(bench.file, 0, 1 << 20)
    assert bench.blocks(span)
    bench.complete(0)
    assert bench.transfers.send_span(bench.sock, span) == 0


def test_what_cannot_be_transferred_is_read_and_sent(bench: Bench) -> None:
    bench.kernel.refusal = OSError(errno.EINVAL, "no disk file")
    span = FileSpan(bench.file, 0, 1 << 20)
    assert bench.transfers.send_span(bench.sock, span) > 0
    assert not bench.transfers.is_under_way(bench.sock.fileno())


@pytest.mark.parametrize("refused", [False, True])
def test_forgotten_is_cancelled_and_means_nothing(bench: Bench, refused: bool) -> None:
    assert bench.blocks(FileSpan(bench.file, 0, 1 << 20))
    if refused:
        bench.kernel.refusal = OSError(errno.EINVAL, "closed already")
    bench.transfers.forget(bench.sock.fileno())
    assert bench.kernel.cancelled == [1]
    assert bench.complete(5) is None
    bench.transfers.forget(bench.sock.fileno())
    assert bench.kernel.cancelled == [1]
    bench.kernel.refusal = None
    assert bench.blocks(FileSpan(bench.file, 7, 1 << 20)), "the next bearer of the number begins afresh"
    assert bench.kernel.begun[-1][2:4] == (7, SHORTEST)


def test_a_closed_port(bench: Bench) -> None:
    """What was under way is lost; what comes later is read and sent."""
    idle, other = socket.socketpair()
    idle.setblocking(False)
    with idle, other:
        assert bench.blocks(FileSpan(bench.file, 0, 1 << 20))
        with pytest.raises(BlockingIOError):
            bench.transfers.send_span(idle, FileSpan(bench.file, 0, 1 << 20))
        bench.complete(SHORTEST)
        bench.transfers.close()
        with pytest.raises(ConnectionResetError):
            bench.transfers.send_span(bench.sock, FileSpan(bench.file, 0, 1 << 20))
        assert bench.transfers.send_span(idle, FileSpan(bench.file, 0, 1 << 20)) == SHORTEST, "that one was complete"
        assert bench.transfers.send_span(idle, FileSpan(bench.file, 0, 1 << 20)) > 0
        assert len(bench.kernel.begun) == 2


# --- below the poller ------------------------------------------------------------------------------------------------


def drained(far: socket.socket) -> int:
    """Octets that were there to be read."""
    far.setblocking(False)
    total = 0
    try:
        while count := len(far.recv(1 << 20)):
            total += count
    except BlockingIOError:
        pass
    return total


def test_no_write_is_reported_until_the_transfer_completed(bench: Bench, narrow: Pair) -> None:
    windows = FakeWindows()
    poller = IocpPoller(windows)
    near, far = narrow
    fd = near.fileno()
    span = FileSpan(bench.file, 0, 1 << 20)
    poller.arm(fd, READ | WRITE)
    assert poller.poll(0) == [(fd, WRITE)]
    with pytest.raises(BlockingIOError):
        poller.transfers.send_span(near, span)
    far.send(b"x")
    assert poller.poll(0) == [(fd, READ)], "AFD is not asked whether the socket is writable"
    assert not windows.submitted[-1][1] & AFD_POLL_SEND
    near.recv(1)
    received = 0
    while not (ready := poller.poll(0.01)):
        received += drained(far)
    assert ready == [(fd, WRITE)]
    assert poller.transfers.send_span(near, span) == SHORTEST
    far.settimeout(5)
    while received < SHORTEST:
        received += len(far.recv(1 << 20))
    assert received == SHORTEST
    poller.poll(0)
    assert windows.submitted[-1][1] & (AFD_POLL_SEND | AFD_POLL_RECEIVE) == AFD_POLL_SEND | AFD_POLL_RECEIVE, "a level again"
    poller.close()


def test_a_completion_without_interest_reports_nothing(bench: Bench, pair: Pair) -> None:
    windows = FakeWindows()
    poller = IocpPoller(windows)
    span = FileSpan(bench.file, 0, SHORTEST)
    for mask in (READ, None):
        poller.disarm(pair[0].fileno()) if mask is None else poller.arm(pair[0].fileno(), mask)
        with pytest.raises(BlockingIOError):
            poller.transfers.send_span(pair[0], span)
        assert poller.poll(0) == []
        assert drained(pair[1]) == SHORTEST
        assert poller.transfers.send_span(pair[0], span) == SHORTEST
        span = FileSpan(bench.file, 0, SHORTEST)
    assert windows.outstanding() == 0
    poller.close()


def test_descriptors_of_the_fake_are_its_own(bench: Bench, pair: Pair) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    poller = IocpPoller(FakeWindows())
    with pytest.raises(BlockingIOError):
        poller.transfers.send_span(pair[0], FileSpan(bench.file, 0, 1 << 20))
    poller.close()
    with pytest.raises(ConnectionResetError):
        poller.transfers.send_span(pair[0], FileSpan(bench.file, 0, 1 << 20))
    assert (len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0) == before
