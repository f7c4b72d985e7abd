# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One run by one process or several, with a look at it now and then.

Each worker has its share of the connections and of the rate, the due times of all interleaved.  It is forked, makes a loop of its own,
and writes JSON lines into a pipe: how far it is, and at the end its tally.  SIGINT ends a run early; what there is counts.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, final

from sws.base.errors import SwsError
from sws.net.load.generator import Generator
from sws.net.load.lane import Endpoint
from sws.net.load.plan import LoadPlan
from sws.net.load.tally import Tally
from sws.os.loop import Loop
from sws.os.signals import on_signal, reset_signals

__all__ = ["LoadError", "Look", "run_load", "share"]

_LOOK_SECONDS: Final = 0.5
_READ: Final = 1 << 16


@final
class LoadError(SwsError):
    """The run came to nothing."""


@final
@dataclass(frozen=True, slots=True)
class Look:
    """How far a run is: seconds since it began, whole responses, requests without one."""

    seconds: float
    done: int
    failed: int


OnLook = Callable[[Look], None]


def share(plan: LoadPlan, workers: int, number: int) -> LoadPlan:
    """Worker `number`'s part of a plan."""
    connections = plan.connections // workers + (number < plan.connections % workers)
    if plan.rate is None:
        return replace(plan, connections=connections, heads={})
    return replace(plan, connections=connections, heads={}, rate=plan.rate / workers, phase=number / plan.rate)


def run_load(plan: LoadPlan, endpoint: Endpoint, workers: int, on_look: OnLook) -> Tally:
    """All of it.  Raises: LoadError if no connection came about, or a worker died."""
    if workers == 1:
        return _run_one(plan, endpoint, on_look)
    return _run_several(plan, endpoint, workers, on_look)


def _run_one(plan: LoadPlan, endpoint: Endpoint, on_look: OnLook) -> Tally:
    loop = Loop()
    generator = Generator(loop, plan, endpoint)
    before = os.times()

    def look() -> None:
        if generator.began is not None:
            tally = generator.tally
            on_look(Look(loop.now - generator.began, tally.done, tally.failed))
        loop.call_later(_LOOK_SECONDS, look)

    try:
        on_signal(loop, "SIGINT", generator.stop)
        look()
        tally = generator.run()
    finally:
        reset_signals()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.close()
    after = os.times()
    tally.cpu_seconds = after.user + after.system - before.user - before.system
    if generator.failure is not None:
        raise LoadError(generator.failure)
    return tally


# --- several -------------------------------------------------------------------------------------------------------------


def _run_several(plan: LoadPlan, endpoint: Endpoint, workers: int, on_look: OnLook) -> Tally:
    pids: list[int] = []
    pipes: list[int] = []
    for number in range(workers):
        near, far = os.pipe()
        pid = os.fork()
        if not pid:
            for fd in (near, *pipes):
                os.close(fd)
            _work(share(plan, workers, number), endpoint, far)
        os.close(far)
        pids.append(pid)
        pipes.append(near)
    with _forwarding_interrupts(pids):
        try:
            results = _collect(pipes, on_look)
        finally:
            for pid in pids:
                os.waitpid(pid, 0)
    total = Tally()
    for result in results:
        total.add(result)
    if len(results) < workers:
        raise LoadError("no connection came about" if not results else "a worker of the benchmark died")
    return total


def _work(plan: LoadPlan, endpoint: Endpoint, pipe: int) -> None:
    """A worker's life; never returns."""
    code = 1
    try:

        def say(what: dict[str, Any]) -> None:
            with open(os.dup(pipe), "w", encoding="ascii") as file:
                file.write(json.dumps(what) + "\n")

        tally = _run_one(plan, endpoint, lambda look: say({"look": [look.seconds, look.done, look.failed]}))
        say({"tally": tally.to_dict()})
        code = 0
    except (SwsError, OSError):
        pass
    finally:
        os._exit(code)


def _collect(pipes: list[int], on_look: OnLook) -> list[Tally]:
    """What the workers say, until each has closed its pipe; their looks are added up."""
    buffers = dict.fromkeys(pipes, b"")
    looks: dict[int, Look] = {}
    tallies: list[Tally] = []
    while buffers:
        readable, _, _ = select.select(list(buffers), (), ())
        for pipe in readable:
            data = os.read(pipe, _READ)
            if not data:
                os.close(pipe)
                del buffers[pipe]
                continue
            *lines, buffers[pipe] = (buffers[pipe] + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "tally" in message:
                    tallies.append(Tally.from_dict(message["tally"]))
                    continue
                looks[pipe] = Look(*message["look"])
                if pipe == min(looks):
                    every = looks.values()
                    on_look(Look(looks[pipe].seconds, sum(look.done for look in every), sum(look.failed for look in every)))
    return tallies


@contextmanager
def _forwarding_interrupts(pids: list[int]) -> Iterator[None]:
    """SIGINT is for the workers, whoever it was sent to; a terminal sends it to all, and twice is as good as once."""

    def forward(_number: int, _frame: object) -> None:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGINT)
            except ProcessLookupError:
                pass

    before = signal.signal(signal.SIGINT, forward)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
