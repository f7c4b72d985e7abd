# SPDX-License-Identifier: Apache-2.0 OR MIT
"""asyncio as a guest's host: an asyncio loop that turns ours.

ASGI applications and libraries need a running asyncio loop.  Ours does not imitate one; instead the worker runs a stock
`asyncio.SelectorEventLoop` whose *selector* is `LoopSelector`: when asyncio would wait for its descriptors, the selector makes one
turn of our loop with the same patience, and asyncio's descriptors are watched by our poller.  So both loops share one thread and one
wait, only public interfaces of asyncio are used, and a worker without such applications pays nothing (docs/adr/0002).

    asyncio.run_forever ─▶ LoopSelector.select(timeout) ─▶ Loop.turn(timeout) ─▶ poller
                                    │ ready asyncio descriptors ◀─ handlers of watch()

`AsyncioHost.run(coroutine)` is the bridge the other way: a coroutine of asyncio awaited by a handler of our loop.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar, final

from sws.os.loop import Loop
from sws.os.poller.base import READ, WRITE
from sws.os.tasks import Waiter

__all__ = ["AsyncioHost", "LoopSelector"]

T = TypeVar("T")


@final
class LoopSelector(selectors.BaseSelector):
    """A selector whose `select` is a turn of our loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._ready: dict[int, int] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a descriptor for asyncio."""
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd in self._keys:
            raise KeyError(f"{fd} is already registered")
        key = selectors.SelectorKey(fileobj, fd, events, data)
        mask = (READ if events & selectors.EVENT_READ else 0) | (WRITE if events & selectors.EVENT_WRITE else 0)
        self._loop.watch(fd, mask, lambda ready: self._note(fd, ready))
        self._keys[fd] = key
        return key

    def _note(self, fd: int, ready: int) -> None:
        self._ready[fd] = (selectors.EVENT_READ if ready & READ else 0) | (selectors.EVENT_WRITE if ready & WRITE else 0)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Stop watching."""
        key = self.get_key(fileobj)
        del self._keys[key.fd]
        self._ready.pop(key.fd, None)
        self._loop.unwatch(key.fd)
        return key

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """The key of a descriptor, or of an object that may have been closed meanwhile.  Raises: KeyError."""
        if isinstance(fileobj, int):
            return self._keys[fileobj]
        for key in self._keys.values():
            if key.fileobj is fileobj:
                return key
        return self._keys[fileobj.fileno()]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """All keys by descriptor."""
        return dict(self._keys)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """One turn of our loop; returns what became ready for asyncio."""
        self._loop.turn(timeout)
        if not self._ready:
            return []
        ready, self._ready = self._ready, {}
        return [(self._keys[fd], mask & self._keys[fd].events) for fd, mask in ready.items() if fd in self._keys]


@final
class AsyncioHost:
    """Runs our loop inside an asyncio loop of its own."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.asyncio_loop = asyncio.SelectorEventLoop(LoopSelector(loop))

    def run_forever(self) -> None:
        """Turn both loops until `stop`."""
        self.asyncio_loop.run_forever()

    def stop(self) -> None:
        """Make `run_forever` return."""
        self.asyncio_loop.call_soon_threadsafe(self.asyncio_loop.stop)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine of asyncio in a coroutine of our loop; cancelling the one cancels the other."""
        waiter: Waiter[T] = Waiter()
        task = self.asyncio_loop.create_task(coroutine)

        def done(finished: asyncio.Task[T]) -> None:
            if finished.cancelled():
                waiter.reject(asyncio.CancelledError())
            elif (error := finished.exception()) is not None:
                waiter.reject(error)
            else:
                waiter.resolve(finished.result())

        task.add_done_callback(done)
        try:
            return await waiter
        finally:
            task.cancel()

    def close(self) -> None:
        """Close the asyncio loop; ours stays with its owner."""
        self.asyncio_loop.close()
