# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One turn after another: what is called, in which order, and what happens when something fails."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sws.base.errors import LimitExceeded, UsageError
from sws.os.clock import SystemClock
from sws.os.loop import SLOW_MAXIMUM, SLOW_SLICE, Loop
from sws.os.poller.base import ERROR, READ, WRITE, PollerBroken
from sws.os.poller.stub import StubPoller
from sws.os.tasks import start
from tests.kit.clock import FakeClock


class World:
    """A loop on a stub and a fake clock, and a diary."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.poller = StubPoller()
        self.loop = Loop(self.poller, self.clock)
        self.diary: list[str] = []
        self.errors: list[BaseException] = []
        self.loop.on_error = self.errors.append

    def note(self, text: str) -> None:
        self.diary.append(text)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    yield near, far
    near.close()
    far.close()


def test_handlers_get_what_is_ready(world: World) -> None:
    world.loop.watch(5, READ | WRITE, lambda mask: world.note(f"5:{mask}"))
    world.loop.watch(6, READ, lambda mask: world.note(f"6:{mask}"))
    world.poller.inject(5, READ)
    world.poller.inject(6, READ | WRITE)
    world.loop.turn(None)
    world.loop.rewatch(5, WRITE)
    world.loop.rewatch(6, 0)
    world.poller.inject(5, ERROR)
    world.loop.turn(None)
    world.loop.unwatch(5)
    world.loop.unwatch(5)
    world.loop.unwatch(99)
    world.loop.rewatch(6, READ)
    world.loop.turn(None)
    assert world.diary == ["5:1", "6:1", f"5:{WRITE | ERROR}", "6:1"]


def test_a_handler_that_another_removed_is_not_called(world: World) -> None:
    world.loop.watch(5, READ, lambda _: world.loop.unwatch(6))
    world.loop.watch(6, READ, lambda _: world.note("no"))
    world.poller.inject(5, READ)
    world.poller.inject(6, READ)
    world.loop.turn(None)
    assert world.diary == []


def test_timers_fire_in_order_and_one_may_cancel_a_later_one(world: World) -> None:
    loop = world.loop
    loop.call_later(2, lambda: world.note("2"))
    loop.call_later(1, lambda: world.note("1"))
    loop.call_at(loop.now + 1, lambda: world.note("1 again"))
    victim = loop.call_later(3, lambda: world.note("never"))
    loop.call_later(2.5, victim.cancel)
    loop.turn(None)
    assert world.poller.timeouts[-1] == pytest.approx(1, abs=0.01)
    world.clock.advance(0.999)
    loop.turn(None)
    assert world.diary == []
    world.clock.advance(5)
    loop.turn(None)
    assert world.diary == ["1", "1 again", "2"]
    loop.turn(None)
    assert world.poller.timeouts[-1] is None


def test_the_wait_is_bounded_by_the_caller_and_by_the_first_timer(world: World) -> None:
    loop = world.loop
    loop.turn(7)
    loop.call_later(3, lambda: None)
    loop.turn(7)
    loop.turn(1)
    world.clock.advance(10)
    loop.turn(7)
    assert world.poller.timeouts == [7, pytest.approx(3, abs=0.01), 1, 0]


def test_now_is_read_once_a_turn(world: World) -> None:
    seen: list[float] = []

    def first(_mask: int) -> None:
        seen.append(world.loop.now)
        world.clock.advance(1)

    world.loop.watch(5, READ, first)
    world.loop.watch(6, READ, lambda _: seen.append(world.loop.now))
    world.poller.inject(5, READ)
    world.poller.inject(6, READ)
    world.clock.advance(4)
    world.loop.turn(None)
    assert seen == [1004.0, 1004.0]
    assert world.loop.turns == 1


def test_soon_keeps_its_order_and_does_not_wait(world: World) -> None:
    loop = world.loop
    for name in "abc":
        loop.call_soon(lambda name=name: world.note(name))  # type: ignore[misc]
    loop.turn(None)
    assert world.diary == ["a", "b", "c"]
    assert world.poller.timeouts == [0]


def test_a_callback_that_queues_itself_does_not_starve_descriptors(world: World) -> None:
    loop = world.loop

    def again() -> None:
        world.note("soon")
        loop.call_soon(again)

    again()
    loop.watch(5, READ, lambda _: world.note("descriptor"))
    loop.call_at(loop.now, lambda: world.note("timer"))
    world.poller.inject(5, READ)
    loop.turn(None)
    loop.turn(None)
    assert world.diary == ["soon", "descriptor", "timer", "soon", "descriptor", "soon"]


def test_what_a_handler_queues_runs_in_the_same_turn(world: World) -> None:
    world.loop.watch(5, READ, lambda _: world.loop.call_soon(lambda: world.note("soon")))
    world.poller.inject(5, READ)
    world.loop.turn(None)
    assert world.diary == ["soon"]


def test_slow_work_in_slices(world: World) -> None:
    def work() -> None:
        world.note("work")
        world.clock.advance(SLOW_SLICE * 0.6)

    for _ in range(5):
        world.loop.call_slow(work)
    counts = []
    for _ in range(4):
        world.diary.clear()
        world.loop.turn(None)
        counts.append(len(world.diary))
    assert counts == [2, 2, 1, 0]
    assert world.poller.timeouts == [0, 0, 0, None]


def test_slow_work_is_bounded(world: World) -> None:
    for _ in range(SLOW_MAXIMUM):
        world.loop.call_slow(lambda: None)
    with pytest.raises(LimitExceeded, match="slow work"):
        world.loop.call_slow(lambda: None)


def test_hooks_end_every_turn(world: World) -> None:
    world.loop.add_turn_hook(lambda: world.note("hook"))
    world.loop.call_soon(lambda: world.note("soon"))
    world.loop.turn(None)
    world.loop.turn(None)
    assert world.diary == ["soon", "hook", "hook"]


def test_an_exception_goes_to_on_error_and_the_others_still_run(world: World) -> None:
    loop = world.loop

    def fail(*_: object) -> None:
        raise ValueError("x")

    loop.watch(5, READ, fail)
    loop.watch(6, READ, lambda _: world.note("handler"))
    world.poller.inject(5, READ)
    world.poller.inject(6, READ)
    loop.call_at(loop.now, fail)
    loop.call_at(loop.now, lambda: world.note("timer"))
    loop.call_soon(fail)
    loop.call_soon(lambda: world.note("soon"))
    loop.call_slow(fail)
    loop.call_slow(lambda: world.note("slow"))
    loop.add_turn_hook(fail)
    loop.add_turn_hook(lambda: world.note("hook"))
    loop.turn(None)
    assert world.diary == ["handler", "timer", "soon", "slow", "hook"]
    assert [type(error) for error in world.errors] == [ValueError] * 5


def test_without_on_error_exceptions_go_through() -> None:
    def fail() -> None:
        raise IndexError

    loop = Loop(StubPoller())
    loop.call_soon(fail)
    with pytest.raises(IndexError):
        loop.turn(0)


def test_keyboard_interrupt_goes_through(world: World) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    world.loop.call_soon(interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.loop.turn(None)


def test_from_a_thread_the_loop_wakes() -> None:
    loop = Loop()
    try:
        ran: list[int] = []
        main = threading.get_ident()

        def other() -> None:
            time.sleep(0.005)
            loop.call_from_thread(lambda: ran.append(threading.get_ident()))

        thread = threading.Thread(target=other)
        thread.start()
        began = time.monotonic()
        while not ran:
            loop.turn(5)
        assert time.monotonic() - began < 4
        assert ran == [main]
        thread.join()
    finally:
        loop.close()


def test_from_a_thread_comes_before_the_wait(world: World) -> None:
    world.loop.call_from_thread(lambda: world.note("thread"))
    world.loop.turn(None)
    assert world.diary == ["thread"]
    assert world.poller.timeouts == [0]
    assert world.poller.wakes == 1


def test_run_until_stop(world: World) -> None:
    def count() -> None:
        world.note("x")
        if len(world.diary) == 3:
            world.loop.stop()
        world.loop.call_soon(count)

    world.loop.call_soon(count)
    world.loop.run()
    assert len(world.diary) == 3
    assert world.poller.wakes == 1


def test_sleep(world: World) -> None:
    async def sleeper() -> None:
        await world.loop.sleep(2)
        world.note("awake")

    start(world.loop, sleeper(), lambda error: world.note(str(error)))
    world.loop.turn(None)
    world.clock.advance(2)
    world.loop.turn(None)
    assert world.diary == ["awake", "None"]


def test_sleep_cancelled_leaves_no_timer(world: World) -> None:
    task = start(world.loop, world.loop.sleep(1000), lambda error: world.note(type(error).__name__))
    assert task is not None
    assert len(world.loop._timers) == 1
    task.cancel()
    world.loop.turn(None)
    assert world.diary == ["Cancelled"]
    assert len(world.loop._timers) == 0


def test_a_descriptor_that_cannot_be_watched_leaves_nothing_behind(tmp_path: os.PathLike[str]) -> None:
    loop = Loop()
    try:
        if loop.poller_name != "epoll":
            pytest.skip("only epoll refuses regular files")
        fd = os.open(os.path.join(tmp_path, "x"), os.O_CREAT | os.O_RDWR)
        with pytest.raises(UsageError):
            loop.watch(fd, READ, lambda _: None)
        assert loop._handlers == {}
        os.close(fd)
    finally:
        loop.close()


# --- pollers that break ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="this system has no epoll")
@pytest.mark.parametrize("met", ["poll", "arm"])
def test_a_broken_poller_is_replaced_with_all_interests(pair: tuple[socket.socket, socket.socket], met: str) -> None:
    near, far = pair
    other, _far = socket.socketpair()
    loop = Loop()
    changes: list[tuple[str, str, str]] = []
    loop.on_poller_change = lambda old, new, why: changes.append((old, new, why))
    seen: list[tuple[str, int]] = []
    try:
        loop.watch(near.fileno(), READ, lambda mask: seen.append(("near", mask)))
        loop.watch(far.fileno(), WRITE, lambda mask: seen.append(("far", mask)))
        loop.watch(other.fileno(), WRITE, lambda mask: seen.append(("other", mask)))
        loop.rewatch(other.fileno(), 0)  # paused, and stays so
        os.close(loop._poller.fileno())  # somebody closed a wrong number: EBADF from epoll_wait
        if met == "arm":
            loop.rewatch(near.fileno(), READ)
        far.send(b"x")
        loop.turn(0)
        loop.turn(0)
        assert changes[0][:2] == ("epoll", "select")
        assert changes[0][2]
        assert loop.poller_name == "select"
        assert ("near", READ) in seen
        assert ("far", WRITE) in seen
        assert not any(name == "other" for name, _ in seen)
        loop.call_from_thread(lambda: seen.append(("thread", 0)))
        loop.turn(5)
        assert seen[-1] == ("thread", 0)
    finally:
        try:
            loop.close()
        finally:
            other.close()
            _far.close()


def test_a_closed_poller_breaks() -> None:
    poller = StubPoller()
    poller.close()
    with pytest.raises(PollerBroken):
        poller.poll(0)


def test_the_system_clock() -> None:
    clock = SystemClock()
    assert abs(clock.wall() - time.time()) < 5
    assert clock.monotonic() <= clock.monotonic()
    loop = Loop(StubPoller())
    assert isinstance(loop.clock, SystemClock)
