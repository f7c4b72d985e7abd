# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Timers for the loop: a hierarchical wheel, on which scheduling and cancelling cost the same with ten timers or a million.

A server sets a timer for nearly everything and cancels nearly all of them, so those two must be cheap; the order of those
that do fire is only found out when they are near.

    tick       the wheel's grain in seconds, a power of two, so that multiplying by it is exact and rounding cannot err
    index      of a time: floor(time / tick), the tick that it lies in
    position   the index that the wheel has advanced to; it never goes back
    near       a heap of (when, sequence, timer): all timers whose index is not after the position
    level      0..4: a timer's is the highest base-64 digit in which its index and the position differ
    slot       that digit of the timer's index; levels[level][slot] is a set of timers
    start      of a slot: the first index that belongs in it, the position's digits above, the slot's own, zeros below
    occupied   for each level, a bit for each slot that may have timers
    bound      a time that no timer is before: the answer of next_deadline() until something changes it

Why it works.  All timers of a level agree with the position in every digit above, and are greater in the level's own.  So
whatever is on a lower level is earlier than all on a higher one, and the earliest slot is the lowest bit of the lowest level
that has any.  When the position comes to a slot's start, its timers agree in that digit too, and move down: to a lower level,
or into the heap.  Each moves at most once per level.  The other slots stay right: the position did not pass their start.

Invariants:

- A timer is never due early: what leaves the heap has when <= now, in exact comparison of the floats given.
- The heap gives the order within one advance(): by `when`, then by scheduling.
- next_deadline() is never after the first timer's time.  It is exact when that timer is in the heap or on level 0; otherwise
  it is the start of its slot, and the wake-up there moves it down a level; so no timer causes more than five early ones.
- A cancelled timer leaves its set at once, and its callback is let go; one in the heap is counted, and the heap is swept
  when more than half of it is dead.

Known limitations: a timer more than 64**5 ticks ahead (97 days) is kept in the last slot before the position's 64**5 ticks are
over, and placed again when it gets there; in the very last of these ticks it goes into the heap, which is always right.  All
times after 1e12 s share one index.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, final

from sws.base.errors import UsageError

__all__ = ["Timer", "TimerWheel"]

_DIGIT: Final = 6
_SLOTS: Final = 1 << _DIGIT
_LEVELS: Final = 5
_HORIZON: Final = 1 << _DIGIT * _LEVELS
_LATEST: Final = 1e12
_FINEST: Final = 1e-6
_SWEEP_AT: Final = 64


@final
class Timer:
    """What schedule() gave: it can be cancelled, and, once due, fired."""

    __slots__ = ("_callback", "_home", "_sequence", "_wheel", "cancelled", "when")

    def __init__(self, when: float, callback: Callable[[], object], wheel: TimerWheel, sequence: int) -> None:
        self.when: Final = when
        self.cancelled = False
        self._callback: Callable[[], object] | None = callback
        self._wheel: TimerWheel | None = wheel  # None once due or cancelled
        self._sequence: Final = sequence
        self._home: set[Timer] | None = None  # the slot; None in the heap and afterwards

    def cancel(self) -> None:
        """Make sure that it does not fire (any more), and let the callback go.  O(1), and again is fine."""
        if self._callback is None:
            return
        self._callback = None
        self.cancelled = True
        wheel = self._wheel
        if wheel is not None:
            self._wheel = None
            wheel.forget(self)

    def fire(self) -> None:
        """Call back, unless cancelled or fired before; what the callback raises goes through."""
        callback = self._callback
        if callback is not None:
            self._callback = None
            callback()

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled else "pending" if self._wheel else "due" if self._callback else "fired"
        return f"<Timer {state} at {self.when:.3f}>"


@final
class TimerWheel:
    """The timers of one loop.

    Args:
      now:   the loop's clock, in seconds from any origin, not negative.
      tick:  the grain in seconds; the next lower power of two is taken (0.008 is 1/128 s).  It is no bound on precision.
    Raises:  UsageError for a negative clock, or a tick below a microsecond.
    """

    __slots__ = ("_bound", "_count", "_dead", "_levels", "_near", "_occupied", "_position", "_rate", "_sequence", "_tick")

    def __init__(self, now: float, tick: float = 0.008) -> None:
        if not now >= 0 or not _FINEST <= tick < math.inf:
            raise UsageError(f"a timer wheel needs a clock from 0 up and a tick from 1e-6 up, not {now!r} and {tick!r}")
        self._tick: Final = math.ldexp(1.0, math.frexp(tick)[1] - 1)
        self._rate: Final = 1 / self._tick
        self._position = self._index(now)
        self._near: list[tuple[float, int, Timer]] = []
        self._levels: Final[list[list[set[Timer]]]] = [[set() for _ in range(_SLOTS)] for _ in range(_LEVELS)]
        self._occupied: Final = [0] * _LEVELS
        self._bound: float | None = None
        self._count = 0
        self._dead = 0
        self._sequence: Final = count()

    def __len__(self) -> int:
        """How many timers are neither due nor cancelled."""
        return self._count

    def schedule(self, when: float, callback: Callable[[], object]) -> Timer:
        """A new timer; one for a time that has passed is due at the next advance().  O(1).

        Raises: UsageError if `when` is not a number.
        """
        timer = Timer(when, callback, self, next(self._sequence))
        self._place(timer, self._position)
        self._count += 1
        if self._bound is not None and when < self._bound:
            self._bound = when
        return timer

    def advance(self, now: float) -> list[Timer]:
        """All timers with when <= now, by time and then by scheduling, which are the wheel's no longer; the loop fires them.

        An earlier callback of the same list may still cancel a later one.  A `now` before an earlier one moves nothing back.
        """
        bound = self._bound
        if bound is not None and now < bound:
            return []
        self._bound = None
        target = self._index(now)
        if target > self._position:
            self._move(target)
        due = []
        near = self._near
        while near and near[0][0] <= now:
            timer = heappop(near)[2]
            if timer.cancelled:
                self._dead -= 1
            else:
                timer._wheel = None
                due.append(timer)
        self._count -= len(due)
        return due

    def next_deadline(self) -> float | None:
        """Until when the loop may sleep: never after the first timer's time, and after the last advance(); None without timers."""
        if not self._count:
            return None
        if self._bound is None:
            self._bound = self._find_bound()
        return self._bound

    def forget(self, timer: Timer) -> None:
        """Timer.cancel()'s other half."""
        self._count -= 1
        if timer.when == self._bound:
            self._bound = None
        if timer._home is not None:
            timer._home.discard(timer)
            timer._home = None
            return
        self._dead += 1
        if self._dead > _SWEEP_AT and self._dead * 2 > len(self._near):
            self._near = [entry for entry in self._near if not entry[2].cancelled]
            heapify(self._near)
            self._dead = 0

    def _index(self, time: float) -> int:
        if 0 <= time < _LATEST:
            return int(time * self._rate)
        if time != time:
            raise UsageError("NaN is no time")
        return int(_LATEST * self._rate) if time > 0 else 0

    def _place(self, timer: Timer, target: int) -> None:
        """Put a timer where it belongs as seen from the position; into the heap at once if its index is not after `target`."""
        index = self._index(timer.when)
        position = self._position
        if index > target:
            distance = index ^ position
            if distance >= _HORIZON:
                index = position | _HORIZON - 1
                distance = index ^ position
            if distance:
                level = (distance.bit_length() - 1) // _DIGIT
                slot = index >> level * _DIGIT & _SLOTS - 1
                timer._home = self._levels[level][slot]
                timer._home.add(timer)
                self._occupied[level] |= 1 << slot
                return
        timer._home = None
        heappush(self._near, (timer.when, timer._sequence, timer))

    def _first_slot(self) -> tuple[int, int, int] | None:
        """The earliest slot that has timers: level, slot and start.  Clears the bits of those that cancelling has emptied."""
        for level, slots in enumerate(self._levels):
            while occupied := self._occupied[level]:
                slot = (occupied & -occupied).bit_length() - 1
                if slots[slot]:
                    above = self._position >> (level + 1) * _DIGIT
                    return level, slot, (above << _DIGIT | slot) << level * _DIGIT
                self._clear(level, slot)
        return None

    def _clear(self, level: int, slot: int) -> set[Timer]:
        """Take a slot's set, leaving a new one (an emptied set would keep its table)."""
        taken = self._levels[level][slot]
        self._levels[level][slot] = set()
        self._occupied[level] &= ~(1 << slot)
        return taken

    def _move(self, target: int) -> None:
        """Bring the position to `target`, stopping at each slot's start on the way to move its timers down."""
        while (first := self._first_slot()) is not None and first[2] <= target:
            level, slot, self._position = first
            for timer in self._clear(level, slot):
                self._place(timer, target)
        self._position = target

    def _find_bound(self) -> float:
        near = self._near
        while near and near[0][2].cancelled:
            heappop(near)
            self._dead -= 1
        bound = near[0][0] if near else math.inf
        first = self._first_slot()
        if first is not None:
            level, slot, start = first
            bound = min(bound, start * self._tick if level else min(timer.when for timer in self._levels[0][slot]))
        return bound
