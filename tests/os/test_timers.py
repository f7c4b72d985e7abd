# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The timer wheel against a sorted list, and its promises one by one."""

from __future__ import annotations

import gc
import math
import weakref

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sws.base.errors import UsageError
from sws.os.timers import Timer, TimerWheel

TICK = 1 / 128
HORIZON = 64**5 * TICK


def nothing() -> None:
    """A callback."""


def times(timers: list[Timer]) -> list[float]:
    return [timer.when for timer in timers]


@pytest.mark.parametrize("delay", [0.001, TICK, 0.3, 0.5, 1, 31.9, 32, 60, 3600, 86400 * 30, HORIZON, HORIZON * 3.7])
def test_due_exactly_at_its_time_and_never_before(delay: float) -> None:
    wheel = TimerWheel(1000.3)
    when = 1000.3 + delay
    wheel.schedule(when, nothing)
    assert wheel.advance(math.nextafter(when, 0)) == []
    assert len(wheel) == 1
    assert times(wheel.advance(when)) == [when]
    assert len(wheel) == 0
    assert wheel.next_deadline() is None


def test_order_is_by_time_and_then_by_scheduling() -> None:
    wheel = TimerWheel(0)
    delays = [5.0, 0.1, 3000.0, 0.1, 70.0, 5.0, 0.1001, 0.0]
    made = [wheel.schedule(delay, nothing) for delay in delays]
    due = wheel.advance(4000)
    assert [made.index(timer) for timer in due] == [7, 1, 3, 6, 0, 5, 4, 2]


def test_times_that_have_passed_are_due_at_the_next_advance() -> None:
    wheel = TimerWheel(50)
    for when in (-math.inf, -3.0, 0.0, 49.9, 50.0):
        wheel.schedule(when, nothing)
    assert wheel.next_deadline() == -math.inf
    assert times(wheel.advance(50)) == [-math.inf, -3.0, 0.0, 49.9, 50.0]


def test_a_clock_that_goes_back_is_ignored() -> None:
    wheel = TimerWheel(100)
    wheel.advance(200)
    wheel.schedule(150, nothing)
    assert wheel.advance(120) == []
    assert times(wheel.advance(150)) == [150]
    wheel.schedule(250, nothing)
    assert wheel.advance(90) == []
    assert times(wheel.advance(250)) == [250]


def test_never_is_a_time_too() -> None:
    wheel = TimerWheel(0)
    timer = wheel.schedule(math.inf, nothing)
    now = 0.0
    for _ in range(20):
        now += HORIZON / 3
        assert wheel.advance(now) == []
    wheel.schedule(now + 1, nothing)
    assert times(wheel.advance(now + 2)) == [now + 1]
    timer.cancel()
    assert len(wheel) == 0


def test_beyond_the_horizon_from_its_very_last_tick() -> None:
    wheel = TimerWheel(HORIZON - TICK)
    wheel.schedule(HORIZON + 5, nothing)
    wheel.schedule(HORIZON - TICK / 2, nothing)
    assert times(wheel.advance(HORIZON + 1)) == [HORIZON - TICK / 2]
    wheel.schedule(HORIZON + 2, nothing)
    deadline = wheel.next_deadline()
    assert deadline is not None
    assert deadline <= HORIZON + 2
    assert times(wheel.advance(HORIZON + 6)) == [HORIZON + 2, HORIZON + 5]


def test_not_a_number_is_refused() -> None:
    with pytest.raises(UsageError):
        TimerWheel(0).schedule(math.nan, nothing)


@pytest.mark.parametrize(("now", "tick"), [(-1, 0.008), (math.nan, 0.008), (0, 0), (0, -1), (0, math.inf), (0, math.nan), (0, 1e-7)])
def test_impossible_wheels_are_refused(now: float, tick: float) -> None:
    with pytest.raises(UsageError):
        TimerWheel(now, tick)


@pytest.mark.parametrize("tick", [0.001, 0.008, 1.0, 3.0])
def test_the_tick_is_no_bound_on_precision(tick: float) -> None:
    wheel = TimerWheel(7, tick)
    wheel.schedule(7.0001, nothing)
    wheel.schedule(7.0002, nothing)
    assert wheel.next_deadline() == 7.0001
    assert times(wheel.advance(7.0001)) == [7.0001]
    assert wheel.next_deadline() == 7.0002


def test_fire_calls_back_once_and_what_is_raised_loses_no_other() -> None:
    wheel = TimerWheel(0)
    seen: list[str] = []

    def fail() -> None:
        seen.append("fail")
        raise RuntimeError

    wheel.schedule(1, fail)
    wheel.schedule(2, lambda: seen.append("after"))
    for timer in wheel.advance(3):
        try:
            timer.fire()
        except RuntimeError:
            timer.fire()
    assert seen == ["fail", "after"]


@pytest.mark.parametrize("delay", [-1.0, 0.001, 0.2, 40.0, HORIZON * 2])
def test_cancel_is_for_good_and_lets_the_callback_go(delay: float) -> None:
    class Callback:
        def __call__(self) -> None:
            raise AssertionError("cancelled")

    wheel = TimerWheel(10)
    callback = Callback()
    reference = weakref.ref(callback)
    timer = wheel.schedule(10 + delay, callback)
    del callback
    timer.cancel()
    timer.cancel()
    gc.collect()
    assert reference() is None
    assert timer.cancelled
    assert len(wheel) == 0
    assert wheel.next_deadline() is None
    timer.fire()
    assert wheel.advance(10 + HORIZON * 3) == []


def test_cancel_between_due_and_fired_prevents_it_and_changes_no_count() -> None:
    wheel = TimerWheel(0)
    wheel.schedule(1, nothing)
    wheel.schedule(9, nothing)
    (timer,) = wheel.advance(1)
    timer.cancel()
    assert timer.cancelled
    assert len(wheel) == 1


def test_cancel_after_firing_says_fired() -> None:
    wheel = TimerWheel(0)
    wheel.schedule(1, nothing)
    (timer,) = wheel.advance(1)
    timer.fire()
    timer.cancel()
    assert not timer.cancelled


def test_repr_tells_the_state() -> None:
    wheel = TimerWheel(0)
    timer = wheel.schedule(1.5, nothing)
    assert repr(timer) == "<Timer pending at 1.500>"
    wheel.advance(2)
    assert repr(timer) == "<Timer due at 1.500>"
    timer.fire()
    assert repr(timer) == "<Timer fired at 1.500>"
    other = wheel.schedule(2, nothing)
    other.cancel()
    assert repr(other) == "<Timer cancelled at 2.000>"


def test_deadline_follows_cancelling() -> None:
    wheel = TimerWheel(0)
    early = wheel.schedule(0.1, nothing)
    wheel.schedule(0.2, nothing)
    assert wheel.next_deadline() == 0.1
    early.cancel()
    assert wheel.next_deadline() == 0.2


def test_deadline_passes_dead_timers_in_the_heap() -> None:
    wheel = TimerWheel(0)
    early = wheel.schedule(0.001, nothing)
    wheel.schedule(0.002, nothing)
    early.cancel()
    assert wheel.next_deadline() == 0.002


@pytest.mark.parametrize("delay", [0.005, 0.4, 20.0, 1000.0, 86400.0 * 60, HORIZON * 2.5])
def test_sleeping_until_the_deadline_wakes_once_per_level_at_most(delay: float) -> None:
    wheel = TimerWheel(12345.678)
    when = 12345.678 + delay
    wheel.schedule(when, nothing)
    due: list[Timer] = []
    wake_ups = 0
    while not due:
        deadline = wheel.next_deadline()
        assert deadline is not None
        assert deadline <= when
        due = wheel.advance(deadline)
        wake_ups += 1
    assert wake_ups <= 6 + math.ceil(delay / HORIZON) * 5
    assert times(due) == [when]


@pytest.mark.parametrize("delay", [0.001, 0.3, 60.0, HORIZON * 2])
def test_schedule_and_cancel_for_ever_does_not_grow(delay: float) -> None:
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy does not trace memory")
    wheel = TimerWheel(5)
    wheel.schedule(5 + delay, nothing)

    def churn(times: int) -> None:
        for _ in range(times):
            wheel.schedule(5 + delay, nothing).cancel()

    churn(200)
    gc.collect()
    tracemalloc.start()
    try:
        churn(4_000)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 40_000
    assert len(wheel) == 1


def test_a_jump_of_a_day_with_many_timers() -> None:
    wheel = TimerWheel(0)
    whens = [(n * 7919 % 20_011) * 4.3 for n in range(20_011)]
    for when in whens:
        wheel.schedule(when, nothing)
    assert times(wheel.advance(86_400)) == sorted(when for when in whens if when <= 86_400)
    assert times(wheel.advance(90_000)) == sorted(when for when in whens if when > 86_400)


class WheelAgainstSortedList(RuleBasedStateMachine):
    """Any order of operations gives what a sorted list gives."""

    @initialize(now=st.floats(0, 10 * HORIZON), tick=st.sampled_from([0.008, 0.001, 0.1]))
    def start(self, now: float, tick: float) -> None:
        self.now = now
        self.wheel = TimerWheel(now, tick)
        self.model: list[Timer] = []

    delays = st.one_of(
        st.floats(-1, 2), st.floats(0, 100), st.floats(0, 1e5), st.floats(0, 5 * HORIZON), st.integers(0, 200).map(lambda n: n * TICK)
    )

    @rule(delay=delays)
    def schedule(self, delay: float) -> None:
        self.model.append(self.wheel.schedule(self.now + delay, nothing))

    @rule(delay=delays)
    def advance(self, delay: float) -> None:
        self.advance_to(self.now + delay)

    @precondition(lambda self: self.model)
    @rule()
    def advance_to_deadline(self) -> None:
        deadline = self.wheel.next_deadline()
        assert deadline is not None
        self.advance_to(deadline)
        if self.model:
            after = self.wheel.next_deadline()
            assert after is not None
            assert after > deadline or after > self.now

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.model.pop(data.draw(st.integers(0, len(self.model) - 1))).cancel()

    def advance_to(self, now: float) -> None:
        expected = sorted((timer for timer in self.model if timer.when <= now), key=lambda timer: timer.when)
        assert self.wheel.advance(now) == expected
        self.model = [timer for timer in self.model if timer.when > now]
        self.now = max(self.now, now)

    @invariant()
    def counts_and_bounds(self) -> None:
        if not hasattr(self, "wheel"):
            return
        assert len(self.wheel) == len(self.model)
        deadline = self.wheel.next_deadline()
        if self.model:
            assert deadline is not None
            assert deadline <= min(times(self.model))
        else:
            assert deadline is None


TestWheelAgainstSortedList = pytest.mark.slow(WheelAgainstSortedList.TestCase)
TestWheelAgainstSortedList.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
