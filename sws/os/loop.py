# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The event loop: a poller, a timer wheel, and a queue of things to do next.

One *turn* is: wait until a descriptor is ready, a timer is due, or something was queued; call the handlers of the ready
descriptors; fire the due timers; run what was queued before the turn began (what it queues itself comes next turn, so descriptors are
never starved); do one slice of slow work; call the end-of-turn hooks (log flushing).

    now     the monotonic time of this turn, read once after each wait: engines and timers all see the same
    soon    callbacks for this or the next turn, in order
    slow    bounded queue of expensive work (public-key operations, table building): a slice of `SLOW_SLICE` seconds a turn

A handler is `handler(mask)` and belongs to one descriptor.  An exception in a handler, timer or callback goes to `on_error` and
never ends the loop.  If the poller breaks, the next kind takes over with all interests (`poller.choose.fallback`).
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from typing import Final, final

from sws.base.clock import Clock
from sws.base.engine import FileSpan
from sws.base.errors import LimitExceeded
from sws.os.clock import SystemClock
from sws.os.files import send_span
from sws.os.poller.base import Poller, PollerBroken
from sws.os.poller.choose import choose_poller, fallback
from sws.os.tasks import Waiter
from sws.os.timers import Timer, TimerWheel

__all__ = ["Loop"]

Handler = Callable[[int], None]
Callback = Callable[[], None]

SLOW_SLICE: Final = 0.002
SLOW_MAXIMUM: Final = 1024


def _raise(error: BaseException) -> None:
    raise error


@final
class Loop:
    """Runs everything of one worker in one thread.

    Args:
      poller:  None chooses the best one here.
      clock:   None takes the system's.
    """

    def __init__(self, poller: Poller | None = None, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._monotonic = self.clock.monotonic
        self.now = self._monotonic()
        self._poller = poller or choose_poller()
        self._poll = self._poller.poll
        self._transfers = self._poller.transfers
        #: As `files.send_span`, by the means that suits this loop's poller.
        self.send_span: Callable[[socket.socket, FileSpan], int] = self._transfers.send_span if self._transfers else send_span
        self._handlers: dict[int, Handler] = {}
        self._timers = TimerWheel(self.now)
        self._soon: deque[Callback] = deque()
        self._from_threads: deque[Callback] = deque()
        self._slow: deque[Callback] = deque()
        self._hooks: list[Callback] = []
        self._stopping = False
        self.turns = 0
        #: What happens to an exception that nobody caught.
        self.on_error: Callable[[BaseException], None] = _raise
        #: What happens when a poller broke and another took over: called with both names and the reason.
        self.on_poller_change: Callable[[str, str, str], None] = lambda _old, _new, _why: None

    @property
    def poller_name(self) -> str:
        """Which kind of poller is at work."""
        return self._poller.name

    # --- descriptors ---------------------------------------------------------------------------------------------

    def watch(self, fd: int, mask: int, handler: Handler) -> None:
        """Call `handler(ready)` whenever `fd` is ready for a part of `mask` (READ, WRITE)."""
        self._arm(fd, mask)
        self._handlers[fd] = handler

    def rewatch(self, fd: int, mask: int) -> None:
        """Change what a watched descriptor waits for; 0 pauses it."""
        if mask:
            self._arm(fd, mask)
        else:
            self._poller.disarm(fd)

    def unwatch(self, fd: int) -> None:
        """Forget a descriptor; call it before closing it."""
        if self._handlers.pop(fd, None) is not None:
            self._poller.disarm(fd)
            if self._transfers is not None:
                self._transfers.forget(fd)

    def _arm(self, fd: int, mask: int) -> None:
        try:
            self._poller.arm(fd, mask)
        except PollerBroken as why:
            self._replace_poller(why)
            self._poller.arm(fd, mask)

    def _replace_poller(self, why: PollerBroken) -> None:
        old = self._poller
        self._poller = fallback(old)
        self._poll = self._poller.poll
        self.on_poller_change(old.name, self._poller.name, str(why))

    # --- time and queue ------------------------------------------------------------------------------------------

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Call once the clock has reached `when`; `cancel()` of the result takes it back."""
        return self._timers.schedule(when, callback)

    def call_later(self, delay: float, callback: Callback) -> Timer:
        """Call after `delay` seconds."""
        return self._timers.schedule(self.now + delay, callback)

    def call_soon(self, callback: Callback) -> None:
        """Call in this turn if it has not come to its queue yet, else in the next."""
        self._soon.append(callback)

    def call_from_thread(self, callback: Callback) -> None:
        """`call_soon` for other threads and for signal handlers: wakes the loop."""
        self._from_threads.append(callback)
        self._poller.wake()

    def call_slow(self, callback: Callback) -> None:
        """Queue expensive work; a slice is done each turn.  Raises: LimitExceeded when the queue is full."""
        if len(self._slow) >= SLOW_MAXIMUM:
            raise LimitExceeded("slow work", len(self._slow) + 1, SLOW_MAXIMUM)
        self._slow.append(callback)

    def add_turn_hook(self, callback: Callback) -> None:
        """Call at the end of each turn."""
        self._hooks.append(callback)

    async def sleep(self, seconds: float) -> None:
        """Wait in a coroutine of this loop."""
        waiter: Waiter[None] = Waiter()
        timer = self.call_later(seconds, lambda: waiter.resolve(None))
        try:
            await waiter
        finally:
            timer.cancel()

    # --- running -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Turn until `stop`."""
        while not self._stopping:
            self.turn(None)
        self._stopping = False

    def stop(self) -> None:
        """Make `run` return at the end of this turn, or at once if it has not begun."""
        self._stopping = True
        self._poller.wake()

    def turn(self, longest: float | None) -> None:
        """One turn; waits at most `longest` seconds (None: until something happens)."""
        try:
            events = self._poll(self._patience(longest))
        except PollerBroken as why:
            self._replace_poller(why)
            events = []
        self.now = self._monotonic()
        self.turns += 1
        handlers = self._handlers
        for fd, mask in events:
            handler = handlers.get(fd)
            if handler is not None:
                try:
                    handler(mask)
                except Exception as error:
                    self.on_error(error)
        for timer in self._timers.advance(self.now):
            self._call(timer.fire)  # nothing if one that fired just before cancelled it
        if self._soon or self._from_threads:
            self._run_queued()
        if self._slow:
            self._run_slow()
        for hook in self._hooks:
            self._call(hook)

    def _patience(self, longest: float | None) -> float | None:
        if self._soon or self._slow or self._from_threads:
            return 0
        deadline = self._timers.next_deadline()
        if deadline is None:
            return longest
        wait = max(0.0, deadline - self._monotonic())
        return wait if longest is None else min(wait, longest)

    def _run_queued(self) -> None:
        while self._from_threads:
            self._soon.append(self._from_threads.popleft())
        soon = self._soon
        for _ in range(len(soon)):
            try:
                soon.popleft()()
            except Exception as error:
                self.on_error(error)

    def _run_slow(self) -> None:
        until = self._monotonic() + SLOW_SLICE
        while self._slow:
            self._call(self._slow.popleft())
            if self._monotonic() >= until:
                break

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as error:
            self.on_error(error)

    def close(self) -> None:
        """Release the poller; the descriptors belong to others."""
        self._handlers.clear()
        self._poller.close()
