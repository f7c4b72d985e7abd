# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Coroutines without a framework: starting, waiting, waking, cancelling at every point."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Generator

import pytest

from sws.base.errors import UsageError
from sws.os.tasks import Cancelled, Task, Waiter, start


class Queue:
    """A scheduler without a loop."""

    def __init__(self) -> None:
        self.soon: deque[Callable[[], None]] = deque()
        self.ended: list[BaseException | None] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def run(self) -> None:
        while self.soon:
            self.soon.popleft()()


@pytest.fixture
def queue() -> Queue:
    return Queue()


def only(ended: list[BaseException | None]) -> BaseException | None:
    assert len(ended) == 1
    return ended[0]


def test_what_never_waits_is_over_at_once(queue: Queue) -> None:
    async def quick() -> str:
        return "result"

    assert start(queue, quick(), queue.ended.append) is None
    assert queue.ended == [None]
    assert not queue.soon


@pytest.mark.parametrize("error", [ValueError("x"), Cancelled(), GeneratorExit()])
def test_what_fails_at_once_is_told(queue: Queue, error: BaseException) -> None:
    async def failing() -> None:
        raise error

    assert start(queue, failing(), queue.ended.append) is None
    assert queue.ended == [error]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("waits", [False, True])
def test_the_end_of_the_program_goes_through(queue: Queue, kind: type[BaseException], waits: bool) -> None:
    waiter: Waiter[None] = Waiter()

    async def failing() -> None:
        if waits:
            await waiter
        raise kind

    def begin() -> None:
        start(queue, failing(), queue.ended.append)
        waiter.resolve(None)
        queue.run()

    with pytest.raises(kind):
        begin()
    assert isinstance(only(queue.ended), kind)


def test_waiting_and_waking_is_never_re_entrant(queue: Queue) -> None:
    waiter: Waiter[int] = Waiter()
    got: list[int] = []

    async def waiting() -> None:
        got.append(await waiter)

    task = start(queue, waiting(), queue.ended.append)
    assert task is not None
    assert not task.done
    waiter.resolve(7)
    assert got == []
    waiter.resolve(8)
    waiter.reject(ValueError())
    queue.run()
    assert got == [7]
    assert queue.ended == [None]
    assert task.done


def test_rejecting(queue: Queue) -> None:
    waiter: Waiter[int] = Waiter()
    error = ValueError("x")

    async def waiting() -> None:
        await waiter

    start(queue, waiting(), queue.ended.append)
    waiter.reject(error)
    waiter.reject(ValueError("second"))
    queue.run()
    assert queue.ended == [error]


def test_what_is_done_before_costs_no_wait(queue: Queue) -> None:
    good: Waiter[int] = Waiter()
    good.resolve(1)
    bad: Waiter[int] = Waiter()
    bad.reject(KeyError("k"))

    async def waiting() -> None:
        assert await good == 1
        assert await good == 1
        await bad

    assert start(queue, waiting(), queue.ended.append) is None
    assert isinstance(only(queue.ended), KeyError)


def test_a_waiter_that_is_done_when_it_is_attached_wakes(queue: Queue) -> None:
    waiter: Waiter[int] = Waiter()

    @types.coroutine
    def odd() -> Generator[object, None, None]:
        waiter.resolve(1)
        yield waiter

    async def waiting() -> None:
        await odd()

    start(queue, waiting(), queue.ended.append)
    queue.run()
    assert queue.ended == [None]


def test_cancelled_while_waiting(queue: Queue) -> None:
    waiter: Waiter[None] = Waiter()
    task = start(queue, _wait(waiter), queue.ended.append)
    assert task is not None
    task.cancel()
    task.cancel()
    assert queue.ended == []
    queue.run()
    assert isinstance(only(queue.ended), Cancelled)
    waiter.resolve(None)  # nobody is there any more
    queue.run()
    assert len(queue.ended) == 1


def test_cancelled_while_its_next_step_is_queued(queue: Queue) -> None:
    waiter: Waiter[None] = Waiter()
    task = start(queue, _wait(waiter), queue.ended.append)
    assert task is not None
    waiter.resolve(None)
    task.cancel()
    queue.run()
    assert isinstance(only(queue.ended), Cancelled)


@pytest.mark.parametrize("waits_again", [False, True])
def test_cancelled_while_it_runs(queue: Queue, waits_again: bool) -> None:
    first: Waiter[None] = Waiter()
    second: Waiter[None] = Waiter()
    tasks: list[Task] = []

    async def running() -> None:
        await first
        tasks[0].cancel()
        if waits_again:
            await second

    task = start(queue, running(), queue.ended.append)
    assert task is not None
    tasks.append(task)
    first.resolve(None)
    queue.run()
    assert isinstance(only(queue.ended), Cancelled) if waits_again else queue.ended == [None]


def test_cancelled_after_its_end(queue: Queue) -> None:
    waiter: Waiter[None] = Waiter()
    task = start(queue, _wait(waiter), queue.ended.append)
    assert task is not None
    waiter.resolve(None)
    queue.run()
    task.cancel()
    assert not queue.soon
    assert queue.ended == [None]


def test_cancelled_with_an_error_of_ones_own(queue: Queue) -> None:
    error = ValueError("deadline")
    task = start(queue, _wait(Waiter()), queue.ended.append)
    assert task is not None
    task.cancel(error)
    queue.run()
    assert queue.ended == [error]


def test_except_exception_does_not_swallow_it(queue: Queue) -> None:
    async def careless() -> None:
        try:
            await Waiter[None]()
        except Exception:
            pass

    task = start(queue, careless(), queue.ended.append)
    assert task is not None
    task.cancel()
    queue.run()
    assert isinstance(only(queue.ended), Cancelled)


def test_one_that_cleans_up_may_wait_again(queue: Queue) -> None:
    cleaned: Waiter[None] = Waiter()

    async def careful() -> None:
        try:
            await Waiter[None]()
        finally:
            await cleaned

    task = start(queue, careful(), queue.ended.append)
    assert task is not None
    task.cancel()
    queue.run()
    assert queue.ended == []
    cleaned.resolve(None)
    queue.run()
    assert isinstance(only(queue.ended), Cancelled)


def test_two_for_one_waiter_is_a_usage_error_of_the_second(queue: Queue) -> None:
    waiter: Waiter[None] = Waiter()
    first: list[BaseException | None] = []
    start(queue, _wait(waiter), first.append)
    task = start(queue, _wait(waiter), queue.ended.append)
    assert task is not None
    queue.run()
    assert isinstance(only(queue.ended), UsageError)
    assert first == []
    waiter.resolve(None)
    queue.run()
    assert first == [None]


@pytest.mark.parametrize("foreign", [None, 1, "x"])
def test_awaiting_what_the_loop_does_not_offer(queue: Queue, foreign: object) -> None:
    @types.coroutine
    def alien() -> Generator[object, None, None]:
        yield foreign

    caught: list[str] = []

    async def waiting() -> None:
        try:
            await alien()
        except UsageError as error:
            caught.append(str(error))
        await waiter

    waiter: Waiter[None] = Waiter()
    start(queue, waiting(), queue.ended.append)
    queue.run()
    assert "may only await" in caught[0]
    waiter.resolve(None)
    queue.run()
    assert queue.ended == [None]


def test_many_waits(queue: Queue) -> None:
    waiters = [Waiter[int]() for _ in range(1000)]

    async def waiting() -> None:
        for number, waiter in enumerate(waiters):
            assert await waiter == number

    start(queue, waiting(), queue.ended.append)
    for number, waiter in enumerate(waiters):
        waiter.resolve(number)
        queue.run()
    assert queue.ended == [None]


async def _wait(waiter: Waiter[None]) -> None:
    await waiter
