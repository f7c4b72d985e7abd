# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The best poller that can be had, and its successor when it breaks."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable

import pytest

from sws.base.errors import LimitExceeded, UsageError
from sws.os.poller.base import ONESHOT, READ, WRITE, Poller, PollerBroken, PollerUnavailable
from sws.os.poller.choose import ORDER, NoPollerLeft, choose_poller, fallback
from sws.os.poller.epoll import EpollPoller
from sws.os.poller.select import SelectPoller
from sws.os.poller.stub import StubPoller

needs_epoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="this system has no epoll")


class Refusing:
    """A stub whose arm() raises."""

    def __init__(self, error: Exception) -> None:
        self._stub = StubPoller()
        self._error = error
        self.closed = False
        self.name = "stub"
        self.disarm = self._stub.disarm
        self.poll = self._stub.poll
        self.wake = self._stub.wake
        self.fileno = self._stub.fileno
        self.armed = self._stub.armed

    def arm(self, fd: int, mask: int) -> None:
        raise self._error

    def close(self) -> None:
        self.closed = True


def from_table(table: dict[str, Callable[[], Poller]], asked: list[str]) -> Callable[[str], Poller]:
    def create(name: str) -> Poller:
        asked.append(name)
        if name not in table:
            raise PollerUnavailable(f"no {name} here")
        return table[name]()

    return create


@needs_epoll
def test_the_best_of_this_system() -> None:
    poller = choose_poller()
    assert isinstance(poller, EpollPoller)
    poller.close()


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="what is missing is known of Linux only")
def test_kinds_that_this_system_lacks_are_passed_over() -> None:
    poller = choose_poller(["kqueue", "iocp", "select", "epoll"])
    assert isinstance(poller, SelectPoller)
    poller.close()
    with pytest.raises(NoPollerLeft, match=r"iocp: this system has no completion ports; kqueue: this system has no kqueue"):
        choose_poller(["iocp", "kqueue"])


def test_the_preference_is_obeyed() -> None:
    poller = choose_poller(["stub", "epoll"])
    assert isinstance(poller, StubPoller)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="'uring'"):
        choose_poller(["uring"])


def test_no_preference_at_all() -> None:
    with pytest.raises(NoPollerLeft, match="none was asked for"):
        choose_poller([])


def test_the_default_order_is_asked_in_turn() -> None:
    asked: list[str] = []
    with pytest.raises(NoPollerLeft) as caught:
        choose_poller(create=from_table({}, asked))
    assert tuple(asked) == ORDER == ("epoll", "kqueue", "iocp", "select")
    assert all(f"{name}: no {name} here" in str(caught.value) for name in ORDER)


@needs_epoll
def test_a_loop_goes_on_after_its_queue_was_closed() -> None:
    poller = choose_poller()
    near, far = socket.socketpair()
    gone, peer = socket.socketpair()
    with near, far, peer:
        poller.arm(near.fileno(), READ | ONESHOT)
        poller.arm(far.fileno(), WRITE)
        poller.arm(gone.fileno(), READ)
        gone.close()
        far.send(b"a")
        os.close(poller.fileno())
        with pytest.raises(PollerBroken):
            poller.poll(0)
        successor = fallback(poller)
        assert successor.name == "select"
        assert successor.armed() == {near.fileno(): READ | ONESHOT, far.fileno(): WRITE}
        assert sorted(successor.poll(0)) == sorted([(near.fileno(), READ), (far.fileno(), WRITE)])
        successor.close()


@pytest.mark.parametrize("error", [LimitExceeded("select descriptor", 2000, 1023), PollerBroken("broken too")])
def test_a_successor_without_room_is_closed_and_passed_over(error: Exception) -> None:
    broken = StubPoller()
    broken.arm(2000, READ)
    refusing = Refusing(error)
    asked: list[str] = []
    table: dict[str, Callable[[], Poller]] = {"select": lambda: refusing, "stub": StubPoller}
    successor = fallback(broken, ["stub", "kqueue", "select"], from_table(table, asked))
    assert asked == ["kqueue", "select", "stub"], "those after the broken one, then a new one of its kind"
    assert refusing.closed
    assert successor is not broken
    assert successor.armed() == {2000: READ}
    with pytest.raises(PollerBroken):
        broken.poll(0)


def test_a_broken_poller_from_outside_the_order_has_all_of_it_as_successors() -> None:
    asked: list[str] = []
    with pytest.raises(NoPollerLeft, match=r"epoll: no epoll here.*stub: no stub here"):
        fallback(StubPoller(), create=from_table({}, asked))
    assert asked == [*ORDER, "stub"]
