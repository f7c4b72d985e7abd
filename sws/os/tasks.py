# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Coroutines without a framework: what a handler may wait for, and how it goes on.

    Waiter   one value that will be there later; `await waiter` in a coroutine
    Task     a coroutine that is waiting, and what to call when it is over

A coroutine that never waits costs one `send(None)`: `start` steps it and makes a Task only if it did not finish.  Waking is never
re-entrant: `Waiter.resolve` puts the coroutine's next step into the loop's queue, so code that resolves a waiter is not
surprised by what the awakened coroutine does.

Cancellation is an exception thrown into the coroutine at its next step; `Cancelled` derives from BaseException so that an
`except Exception` in a handler does not swallow it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, Protocol, TypeVar, final

from sws.base.errors import UsageError

__all__ = ["Cancelled", "Scheduler", "Task", "Waiter", "adopt", "start"]

T = TypeVar("T")


class Cancelled(BaseException):
    """The exchange or task that this coroutine works for is over."""


class Scheduler(Protocol):
    """The part of the loop that tasks need."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call at the next opportunity, in order."""


@final
class Waiter(Generic[T]):
    """A value that comes once, for one coroutine."""

    __slots__ = ("_error", "_value", "_wake", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._wake: Callable[[], None] | None = None

    def resolve(self, value: T) -> None:
        """Set the value; a second one is ignored."""
        if not self.done:
            self.done = True
            self._value = value
            if self._wake is not None:
                self._wake()

    def reject(self, error: BaseException) -> None:
        """Raise `error` in the one who waits."""
        if not self.done:
            self.done = True
            self._error = error
            if self._wake is not None:
                self._wake()

    def _attach(self, wake: Callable[[], None] | None) -> None:
        self._wake = wake
        if wake is not None and self.done:
            wake()

    def __await__(self) -> Generator[Waiter[T], None, T]:
        if not self.done:
            yield self
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


OnDone = Callable[[BaseException | None], None]


@final
class Task:
    """A coroutine that waits.  Made by `start`.

    Args:
      scheduler:  the loop.
      coroutine:  suspended, or new when `waiting_for` is None.
      on_done:    called once with None or the exception that ended it (`Cancelled` included).
    """

    __slots__ = ("_coroutine", "_on_done", "_pending", "_scheduler", "_throw", "_waiting_for", "done")

    def __init__(self, scheduler: Scheduler, coroutine: Coroutine[Any, Any, object], on_done: OnDone) -> None:
        self._scheduler = scheduler
        self._coroutine = coroutine
        self._on_done = on_done
        self._waiting_for: Waiter[Any] | None = None
        self._throw: BaseException | None = None
        self._pending = False
        self.done = False

    def cancel(self, error: BaseException | None = None) -> None:
        """Throw `error` (or Cancelled) into the coroutine at its next step; nothing if it is over."""
        if self.done:
            return
        self._throw = error or Cancelled()
        if self._waiting_for is not None:
            self._waiting_for._attach(None)
            self._waiting_for = None
        self._wake()

    def _wait(self, waiter: object) -> None:
        if not isinstance(waiter, Waiter):
            self._throw = UsageError("a coroutine of this loop may only await what the loop offers")
            self._wake()
        elif waiter._wake is not None:
            self._throw = self._throw or UsageError("two coroutines wait for one Waiter")
            self._wake()
        elif self._throw is not None:  # cancelled while it ran
            self._wake()
        else:
            self._waiting_for = waiter
            waiter._attach(self._wake)

    def _wake(self) -> None:
        if not self._pending:
            self._pending = True
            self._scheduler.call_soon(self._step)

    def _step(self) -> None:
        self._pending = False
        self._waiting_for = None
        if self.done:
            return
        error, self._throw = self._throw, None
        try:
            waiter = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration:
            self._finish(None)
        except BaseException as caught:
            self._finish(caught)
            if isinstance(caught, (KeyboardInterrupt, SystemExit)):
                raise
        else:
            self._wait(waiter)

    def _finish(self, error: BaseException | None) -> None:
        self.done = True
        self._on_done(error)


def start(scheduler: Scheduler, coroutine: Coroutine[Any, Any, object], on_done: OnDone) -> Task | None:
    """Run a new coroutine up to its first wait.

    Returns: None if it is over (then `on_done` has been called), else the Task that goes on with it.
    """
    try:
        waiter = coroutine.send(None)
    except StopIteration:
        on_done(None)
        return None
    except BaseException as caught:
        on_done(caught)
        if isinstance(caught, (KeyboardInterrupt, SystemExit)):
            raise
        return None
    return adopt(scheduler, coroutine, waiter, on_done)


def adopt(scheduler: Scheduler, coroutine: Coroutine[Any, Any, object], waiter: object, on_done: OnDone) -> Task:
    """The Task that goes on with a coroutine whose first step, made elsewhere, came to wait for `waiter`."""
    task = Task(scheduler, coroutine, on_done)
    task._wait(waiter)
    return task
