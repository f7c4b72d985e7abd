# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What `base.Poller` promises, held by every poller over real sockets; kqueue and iocp over fake kernels."""

from __future__ import annotations

import os
import select as _select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sws.base.errors import UsageError
from sws.os.poller.base import ERROR, EXCLUSIVE, LONGEST_WAIT, ONESHOT, READ, WRITE, Poller, PollerBroken, bounded_wait
from sws.os.poller.epoll import EpollPoller
from sws.os.poller.iocp import IocpPoller
from sws.os.poller.kqueue import KqueuePoller
from sws.os.poller.select import SelectPoller
from sws.os.poller.stub import StubPoller
from tests.kit.fake_afd import FakeWindows
from tests.kit.fake_kqueue import FakeKqueueApi
from tests.kit.readiness import states

BOTH = READ | WRITE


class TruthfulStub:
    """A stub that is told the truth about the armed descriptors before each poll."""

    def __init__(self) -> None:
        self._stub = StubPoller()
        self.arm = self._stub.arm
        self.disarm = self._stub.disarm
        self.wake = self._stub.wake
        self.close = self._stub.close
        self.fileno = self._stub.fileno
        self.armed = self._stub.armed
        self.name = self._stub.name
        self.transfers = self._stub.transfers

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        wanted = {fd: mask & BOTH for fd, mask in self._stub.armed().items()}
        found = states(wanted, 0)
        for fd in wanted:
            state = found.get(fd)
            self._stub.inject(fd, 0)
            if state is not None:
                mask = (READ if state.readable else 0) | (WRITE if state.writable else 0)
                self._stub.inject(fd, mask | (ERROR if state.failed or state.hung_up else 0))
        return self._stub.poll(timeout)


POLLERS: dict[str, Callable[[], Poller]] = {
    "epoll": EpollPoller,
    "kqueue": lambda: KqueuePoller(FakeKqueueApi()),
    "iocp": lambda: IocpPoller(FakeWindows()),
    "select": SelectPoller,
    "select-windows": lambda: SelectPoller(windows=True),
    "stub": TruthfulStub,
}
NO_EPOLL = pytest.mark.skipif(not hasattr(_select, "epoll"), reason="this system has no epoll")
ALL = [pytest.param(name, marks=NO_EPOLL if name == "epoll" else ()) for name in POLLERS]
WAITING = [parameter for parameter in ALL if parameter.values != ("stub",)]


@pytest.fixture(params=ALL)
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made = POLLERS[request.param]()
    yield made
    made.close()


@pytest.fixture
def waiting(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made = POLLERS[request.param]()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    yield near, far
    near.close()
    far.close()


Pair = tuple[socket.socket, socket.socket]


def fill(sock: socket.socket) -> None:
    try:
        while True:
            sock.send(bytes(65536))
    except BlockingIOError:
        pass


def test_name(poller: Poller) -> None:
    assert poller.name in ("epoll", "kqueue", "iocp", "select", "stub")


def test_nothing_armed_nothing_reported(poller: Poller) -> None:
    assert poller.poll(0) == []
    assert poller.armed() == {}


def test_readable_is_a_level(poller: Poller, pair: Pair) -> None:
    near, far = pair
    poller.arm(near.fileno(), READ)
    assert poller.poll(0) == []
    far.send(b"ab")
    for _ in range(3):
        assert poller.poll(0) == [(near.fileno(), READ)]
    near.recv(1)
    assert poller.poll(0) == [(near.fileno(), READ)]
    near.recv(1)
    assert poller.poll(0) == []


def test_writable_is_a_level(poller: Poller, pair: Pair) -> None:
    near, far = pair
    poller.arm(near.fileno(), WRITE)
    for _ in range(3):
        assert poller.poll(0) == [(near.fileno(), WRITE)]
    fill(near)
    assert poller.poll(0) == []
    while len(states({far.fileno(): READ}, 0)):
        far.recv(1 << 20)
    assert poller.poll(0) == [(near.fileno(), WRITE)]


def test_both_directions_are_one_report(poller: Poller, pair: Pair) -> None:
    near, far = pair
    poller.arm(near.fileno(), BOTH)
    assert poller.poll(0) == [(near.fileno(), WRITE)]
    far.send(b"a")
    assert poller.poll(0) == [(near.fileno(), BOTH)]
    fill(near)
    assert poller.poll(0) == [(near.fileno(), READ)]


def test_only_armed_directions_are_reported(poller: Poller, pair: Pair) -> None:
    near, far = pair
    far.send(b"a")
    poller.arm(near.fileno(), WRITE)
    assert poller.poll(0) == [(near.fileno(), WRITE)]
    poller.arm(near.fileno(), READ)
    assert poller.poll(0) == [(near.fileno(), READ)]


@pytest.mark.parametrize("first", [READ, WRITE, BOTH, READ | ONESHOT, BOTH | ONESHOT, READ | EXCLUSIVE])
@pytest.mark.parametrize("second", [READ, WRITE, BOTH, READ | ONESHOT, BOTH | ONESHOT, READ | EXCLUSIVE])
@pytest.mark.parametrize("polled_between", [False, True])
def test_arming_again_replaces(poller: Poller, pair: Pair, first: int, second: int, polled_between: bool) -> None:
    near, far = pair
    fd = near.fileno()
    poller.arm(fd, first)
    if polled_between:
        poller.poll(0)
    poller.arm(fd, second)
    assert poller.armed() == {fd: second}
    far.send(b"a")
    expected = [(fd, second & BOTH)]
    assert poller.poll(0.1) == expected
    assert poller.poll(0) == ([] if second & ONESHOT else expected)


def test_disarm_is_silence(poller: Poller, pair: Pair) -> None:
    near, far = pair
    far.send(b"a")
    poller.arm(near.fileno(), BOTH)
    assert poller.poll(0) == [(near.fileno(), BOTH)]
    poller.disarm(near.fileno())
    assert poller.armed() == {}
    assert poller.poll(0) == []


def test_disarm_before_any_poll(poller: Poller, pair: Pair) -> None:
    near, far = pair
    far.send(b"a")
    poller.arm(near.fileno(), BOTH)
    poller.disarm(near.fileno())
    assert poller.poll(0) == []
    poller.arm(near.fileno(), READ)
    assert poller.poll(0) == [(near.fileno(), READ)]


def test_disarm_of_the_unknown_and_the_closed_is_fine(poller: Poller, pair: Pair) -> None:
    near, _ = pair
    poller.disarm(near.fileno())
    poller.disarm(987_654)
    fd = near.fileno()
    poller.arm(fd, BOTH)
    poller.poll(0)
    near.close()
    poller.disarm(fd)
    poller.disarm(fd)
    assert poller.poll(0) == []
    assert poller.poll(0) == []


@pytest.mark.parametrize("mask", [0, ERROR, EXCLUSIVE, ONESHOT, READ | ERROR, 32 | READ, -1])
def test_impossible_masks_are_refused(poller: Poller, pair: Pair, mask: int) -> None:
    with pytest.raises(UsageError):
        poller.arm(pair[0].fileno(), mask)
    assert poller.armed() == {}


def test_a_negative_descriptor_is_refused(poller: Poller) -> None:
    if poller.name == "stub":
        pytest.skip("the stub knows no descriptors")
    with pytest.raises(UsageError):
        poller.arm(-1, READ)
    assert poller.armed() == {}


def test_one_shot_reports_once_until_armed_again(poller: Poller, pair: Pair) -> None:
    near, far = pair
    fd = near.fileno()
    far.send(b"a")
    for _ in range(3):
        poller.arm(fd, READ | ONESHOT)
        assert poller.armed() == {fd: READ | ONESHOT}
        assert poller.poll(0.1) == [(fd, READ)]
        assert poller.armed() == {}
        assert poller.poll(0) == []
        assert poller.poll(0) == []


def test_one_shot_covers_both_directions(poller: Poller, pair: Pair) -> None:
    near, far = pair
    fd = near.fileno()
    poller.arm(fd, BOTH | ONESHOT)
    assert poller.poll(0.1) == [(fd, WRITE)]
    far.send(b"a")
    assert poller.poll(0) == []
    assert poller.poll(0) == []
    poller.arm(fd, BOTH | ONESHOT)
    assert poller.poll(0.1) == [(fd, BOTH)]
    assert poller.poll(0) == []


def test_a_spent_one_shot_is_silent_about_errors_and_may_become_a_level(poller: Poller, pair: Pair) -> None:
    near, far = pair
    fd = near.fileno()
    poller.arm(fd, WRITE | ONESHOT)
    assert poller.poll(0.1) == [(fd, WRITE)]
    far.close()
    assert poller.poll(0) == []
    poller.arm(fd, READ)
    for _ in range(3):
        ((reported, mask),) = poller.poll(0.1)
        assert (reported, mask & BOTH) == (fd, READ)


def test_disarm_of_a_spent_one_shot(poller: Poller, pair: Pair) -> None:
    near, far = pair
    far.send(b"a")
    poller.arm(near.fileno(), READ | ONESHOT)
    poller.poll(0.1)
    poller.disarm(near.fileno())
    poller.arm(near.fileno(), READ)
    assert poller.poll(0.1) == [(near.fileno(), READ)]


def test_one_shots_and_levels_together(poller: Poller, pair: Pair) -> None:
    near, far = pair
    poller.arm(near.fileno(), WRITE | ONESHOT)
    poller.arm(far.fileno(), WRITE)
    assert sorted(poller.poll(0.1)) == sorted([(near.fileno(), WRITE), (far.fileno(), WRITE)])
    assert poller.poll(0) == [(far.fileno(), WRITE)]


def test_the_peers_end_of_stream_is_readable(poller: Poller, pair: Pair) -> None:
    near, far = pair
    poller.arm(near.fileno(), READ)
    far.shutdown(socket.SHUT_WR)
    for _ in range(2):
        assert poller.poll(0.1) == [(near.fileno(), READ)]
    assert near.recv(1) == b""


@pytest.mark.parametrize("mask", [READ, WRITE, BOTH])
def test_a_closed_peer_is_reported_in_each_armed_direction(poller: Poller, pair: Pair, mask: int) -> None:
    near, far = pair
    poller.arm(near.fileno(), mask)
    far.close()
    for _ in range(2):
        ((fd, reported),) = poller.poll(0.1)
        assert fd == near.fileno()
        assert reported & BOTH == mask


@pytest.mark.parametrize("mask", [READ, WRITE, BOTH, BOTH | ONESHOT])
def test_a_reset_connection_is_reported_in_each_armed_direction(poller: Poller, mask: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        fill_nonblocking(client)
        poller.arm(client.fileno(), mask)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        ((fd, reported),) = poller.poll(1)
        assert fd == client.fileno()
        assert reported & BOTH == mask & BOTH
        assert poller.name == "select" or reported & ERROR
        poller.disarm(fd)


def fill_nonblocking(sock: socket.socket) -> None:
    sock.setblocking(False)
    fill(sock)


def test_a_listening_socket_is_readable_with_the_exclusive_hint(poller: Poller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        poller.arm(listener.fileno(), READ | EXCLUSIVE)
        assert poller.poll(0) == []
        with socket.create_connection(listener.getsockname()):
            assert poller.poll(1) == [(listener.fileno(), READ)]
        assert poller.armed() == {listener.fileno(): READ | EXCLUSIVE}


def test_a_descriptor_closed_without_disarm_is_not_reported(poller: Poller, pair: Pair) -> None:
    near, far = pair
    poller.arm(near.fileno(), BOTH)
    poller.arm(far.fileno(), BOTH)
    poller.poll(0)
    closed = near.fileno()
    near.close()
    for _ in range(3):
        assert closed not in dict(poller.poll(0))
    ((fd, mask),) = poller.poll(0.1)
    assert (fd, mask & BOTH) == (far.fileno(), BOTH)


def test_closed_before_the_first_poll(poller: Poller, pair: Pair) -> None:
    near, _ = pair
    poller.arm(near.fileno(), BOTH)
    near.close()
    assert poller.poll(0) == []
    assert poller.poll(0) == []


@pytest.mark.parametrize("polled_between", [False, True])
@pytest.mark.parametrize("disarmed", [False, True])
@pytest.mark.parametrize("before", [BOTH, READ, BOTH | ONESHOT, READ | EXCLUSIVE])
def test_the_next_bearer_of_a_number_can_be_armed(poller: Poller, pair: Pair, polled_between: bool, disarmed: bool, before: int) -> None:
    far = pair[1]
    fd = far.fileno()
    poller.arm(fd, before)
    if polled_between:
        poller.poll(0)
    if disarmed:
        poller.disarm(fd)
    far.close()
    new, peer = socket.socketpair()
    with new, peer:
        if new.fileno() != fd:
            os.dup2(new.fileno(), fd)
            new.close()
            new = socket.socket(fileno=fd)
        with new:
            poller.arm(fd, READ)
            while poller.poll(0):
                pass
            peer.send(b"a")
            for _ in range(2):
                assert poller.poll(0.1) == [(fd, READ)]
            poller.disarm(fd)


def test_wake_ups_are_invisible_and_one_is_enough(poller: Poller, pair: Pair) -> None:
    near, far = pair
    for _ in range(1000):
        poller.wake()
    assert poller.poll(None) == []
    poller.arm(near.fileno(), READ)
    far.send(b"a")
    poller.wake()
    reported = poller.poll(None) + poller.poll(0)
    assert set(reported) == {(near.fileno(), READ)}


@pytest.mark.parametrize("waiting", WAITING, indirect=True)
def test_a_wake_up_is_used_up(waiting: Poller) -> None:
    waiting.wake()
    assert waiting.poll(5) == []
    started = time.monotonic()
    assert waiting.poll(0.005) == []
    assert time.monotonic() - started >= 0.004


@pytest.mark.parametrize("waiting", WAITING, indirect=True)
def test_wake_from_another_thread_ends_the_wait(waiting: Poller, pair: Pair) -> None:
    waiting.arm(pair[0].fileno(), READ)
    thread = threading.Timer(0.005, waiting.wake)
    thread.start()
    assert waiting.poll(None) == []
    thread.join()


@pytest.mark.parametrize("waiting", WAITING, indirect=True)
def test_readiness_ends_the_wait(waiting: Poller, pair: Pair) -> None:
    near, far = pair
    waiting.arm(near.fileno(), READ)
    thread = threading.Timer(0.005, far.send, (b"a",))
    thread.start()
    assert waiting.poll(LONGEST_WAIT * 1e6) == [(near.fileno(), READ)]
    thread.join()


@pytest.mark.parametrize("waiting", WAITING, indirect=True)
@pytest.mark.parametrize("timeout", [0.0005, 0.003])
def test_timeouts_are_waited_out_and_not_much_more(waiting: Poller, timeout: float) -> None:
    started = time.monotonic()
    assert waiting.poll(timeout) == []
    waited = time.monotonic() - started
    assert timeout * 0.9 <= waited < timeout + 0.5


def test_negative_timeouts_do_not_wait(poller: Poller) -> None:
    assert poller.poll(-1) == []


@pytest.mark.parametrize("timeout", [float("inf"), 1e300, LONGEST_WAIT * 2, 1e-9])
def test_extreme_timeouts_do_not_overflow(poller: Poller, timeout: float) -> None:
    poller.wake()
    assert poller.poll(timeout) == []


def test_many_descriptors(poller: Poller) -> None:
    pairs = [socket.socketpair() for _ in range(150)]
    try:
        for near, far in pairs:
            poller.arm(near.fileno(), READ)
            poller.arm(far.fileno(), READ | ONESHOT)
        for near, far in pairs[::2]:
            near.send(b"a")
            far.send(b"a")
        levels = [(near.fileno(), READ) for near, _ in pairs[::2]]
        shots = [(far.fileno(), READ) for _, far in pairs[::2]]
        first = [event for _ in range(5) for event in poller.poll(0.1)]  # a poller may give a part at a time
        assert set(first) == set(levels + shots)
        assert sorted(event for event in first if event in set(shots)) == sorted(shots)
        assert {event for _ in range(3) for event in poller.poll(0)} == set(levels)
    finally:
        for near, far in pairs:
            poller.disarm(near.fileno())
            poller.disarm(far.fileno())
            near.close()
            far.close()


def test_after_close_it_is_broken_but_harmless(poller: Poller, pair: Pair) -> None:
    near, far = pair
    poller.arm(near.fileno(), READ)
    poller.close()
    poller.close()
    poller.wake()
    assert poller.fileno() == -1
    assert poller.armed() == {near.fileno(): READ}
    with pytest.raises(PollerBroken):
        poller.poll(0)
    try:
        poller.arm(far.fileno(), WRITE)
    except PollerBroken:
        assert far.fileno() not in poller.armed()
    poller.disarm(near.fileno())
    poller.disarm(far.fileno())
    assert poller.armed() == {}


def test_fileno_is_the_queue_or_minus_one(poller: Poller) -> None:
    if poller.name in ("epoll", "kqueue"):
        os.fstat(poller.fileno())
    else:
        assert poller.fileno() == -1


@pytest.mark.parametrize(
    ("timeout", "expected"), [(None, None), (0, 0), (-3, 0), (1e-9, 0.001), (0.25, 0.25), (1e9, LONGEST_WAIT), (float("inf"), LONGEST_WAIT)]
)
def test_bounded_wait(timeout: float | None, expected: float | None) -> None:
    assert bounded_wait(timeout, 0.001) == expected
