# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What connections of all versions do with the events of their engine: each begins an exchange, or goes to one that is under way.

A handler runs at once up to its first wait, which for most is their end; one that waits becomes a task (os.tasks).  When it is through,
what it left undone is reset, and the connection hears of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Coroutine
from functools import partial
from typing import Any, ClassVar

from sws.base.engine import Aborted, BodyChunk, Ended, Event, ExchangeEngine, Refused, RequestHead, RequestStarted, Trailers
from sws.base.errors import Http1Error
from sws.exchange.exchange import Exchange, PeerFacts
from sws.net.service import Service
from sws.os.loop import Loop
from sws.os.tasks import adopt

__all__ = ["ExchangeCarrier", "without_stillborn"]


def without_stillborn(events: list[Event], known: Container[int]) -> list[Event]:
    """Events less the beginnings of requests that what came behind them gave up: no handler could say anything on their streams.

    Args:
      known:  streams whose requests had begun before.
    """
    if Aborted not in map(type, events):
        return events
    gone = {event.stream for event in events if type(event) is Aborted and event.stream not in known}
    return [event for event in events if event.stream not in gone or (type(event) is not RequestStarted and type(event) is not Refused)]


class ExchangeCarrier(ABC):
    """A connection with its exchanges.

    Attributes:
      handling:    events are being given to exchanges: what they say leaves when all have been.
      idle_since:  when the last exchange ended, while there is none.
    """

    __slots__ = ("_exchanges", "_service", "engine", "facts", "handling", "idle_since", "loop")

    #: What stands for the head of a request that could not be read.
    _unread: ClassVar = RequestHead(b"", b"http", b"", b"", (), {}, 11)

    def __init__(self, loop: Loop, engine: ExchangeEngine, service: Service, facts: PeerFacts) -> None:
        self.loop = loop
        self.engine = engine
        self.facts = facts
        self.handling = False
        self.idle_since = loop.now
        self._service = service
        self._exchanges: dict[int, Exchange] = {}

    @property
    def exchanges(self) -> int:
        """How many exchanges are under way."""
        return len(self._exchanges)

    @abstractmethod
    def output_soon(self) -> None:
        """Send at the end of this turn."""

    @abstractmethod
    def input_soon(self) -> None:
        """Look at the engine's held-back input once the handler waits again."""

    @abstractmethod
    def flush(self) -> bool:
        """Send what can leave; True if everything left."""

    @abstractmethod
    def abort(self) -> None:
        """Close at once, whatever is under way."""

    @abstractmethod
    def _over(self, exchange: Exchange) -> None:
        """An exchange is no longer under way."""

    def _request(self, event: RequestStarted) -> None:
        exchange = Exchange(self, event.stream, event.request, event.ended)
        self._begin(exchange, self._service.handle(exchange))

    def _dispatch(self, event: Event) -> None:
        """Any other event than RequestStarted."""
        kind = type(event)
        if kind is Refused:
            self._refuse(event)  # type: ignore[arg-type]
            return
        known = self._exchanges.get(event.stream)
        if known is None:
            if kind is BodyChunk:
                self.engine.consumed(event.stream, len(event.data))  # type: ignore[union-attr]
        elif kind is BodyChunk:
            known.arrived(event.data)  # type: ignore[union-attr]
        elif kind is Ended:
            known.input_over()
        elif kind is Trailers:
            known.trailers = event.fields  # type: ignore[union-attr]
        elif kind is Aborted:
            known.died()

    def _refuse(self, event: Refused) -> None:
        known = self._exchanges.get(event.stream)
        if known is not None:
            known.input_over(Http1Error(event.status, event.reason))
            return
        exchange = Exchange(self, event.stream, self._unread, True)
        self._begin(exchange, self._service.refuse(exchange, event.status, event.reason))

    def _begin(self, exchange: Exchange, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a handler up to its first wait, which for most is their end: then it costs no task.  See os.tasks.start."""
        self._exchanges[exchange.stream] = exchange
        try:
            waiter = coroutine.send(None)
        except StopIteration:
            self._finished(exchange, None)
        except BaseException as error:
            self._finished(exchange, error)
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
        else:
            exchange.task = task = adopt(self.loop, coroutine, waiter, partial(self._finished, exchange))
            if exchange.is_dead:  # died in its first step, when there was no task to cancel
                task.cancel()

    def _finished(self, exchange: Exchange, error: BaseException | None) -> None:
        exchange.task = None
        del self._exchanges[exchange.stream]
        try:
            self._service.finished(exchange, error)
        except BaseException:
            self.abort()
            raise
        if not exchange.finished and not exchange.is_dead:
            self.engine.reset(exchange.stream, "the handler ended without completing its response or tunnel")
        self.idle_since = self.loop.now
        self._over(exchange)
