# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Exchanges over HTTP/3, server role: what net.driver is for a stream socket, for one QUIC connection.

    net.quic.ServerDriver ─ on_events ─▶ Http3Driver ─▶ engine ─▶ events ─▶ exchanges and their handlers
                          ◀─ touch ────              ◀──────── verbs ──────┘

QUIC queues, orders and sends, so this driver has no backlog: whoever used a verb has the connection looked at again at the end of the turn.
Files are read when they are handed over, at most a stream's credit ahead, so that a handler may close them as it likes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final, final

from sws.base.engine import Event, FileSpan, RequestHead, RequestStarted
from sws.exchange.exchange import Exchange, PeerFacts
from sws.net.carrier import ExchangeCarrier, without_stillborn
from sws.net.service import Service
from sws.os.loop import Loop
from sws.os.timers import Timer
from sws.proto.h3 import ErrorCode, ServerConnection
from sws.proto.quic.api import ConnectionClosed, HandshakeDone, QuicEvent, StreamTransport, StreamWritable

__all__ = ["Http3Driver", "read_span"]

_FIRST_REQUEST_SECONDS: Final = 0.5


def read_span(span: FileSpan) -> bytes:
    """The octets of a span; fewer if the file became shorter.  Raises: OSError."""
    parts: list[bytes] = []
    offset, left = span.offset, span.length
    while left:
        part = os.pread(span.fd, left, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        left -= len(part)
    return b"".join(parts)


@final
class Http3Driver(ExchangeCarrier):
    """One accepted connection.

    Args:
      transport:  the QUIC connection.
      touch:      has the transport looked at again at the end of the turn.
      engine:     over that transport.
      service:    answers the exchanges.
      facts:      who is at the other end.
      ready:      called when the handshake is complete.
    """

    _unread: ClassVar = RequestHead(b"", b"https", b"", b"", (), {}, 30)

    def __init__(
        self,
        loop: Loop,
        transport: StreamTransport,
        touch: Callable[[], None],
        engine: ServerConnection,
        service: Service,
        facts: PeerFacts,
        ready: Callable[[Http3Driver], None],
    ) -> None:
        super().__init__(loop, engine, service, facts)
        self._engine = engine
        self._transport = transport
        self._touch = touch
        self._ready = ready
        self._timer: Timer | None = None
        self._farewell = 0.0  # patience of a shutdown that came before the handshake was complete
        self._is_complete = False
        self._is_closed = False
        engine.read_span = self._read_span

    # --- the Carrier of exchanges --------------------------------------------------------------------------------

    def output_soon(self) -> None:
        """Send at the end of this turn."""
        if not self.handling:
            self._touch()

    def flush(self) -> bool:
        """All that was said is the transport's: there is nothing to wait for but credit."""
        self.output_soon()
        return True

    def input_soon(self) -> None:
        """Receive credit was given back."""
        self.output_soon()

    def _read_span(self, span: FileSpan) -> bytes:
        data = read_span(span)
        if len(data) != span.length:
            raise OSError("the file became shorter while it was sent")
        span.offset += span.length  # whoever sends it waits until it is empty
        span.length = 0
        return data

    # --- events --------------------------------------------------------------------------------------------------

    def on_events(self, events: list[QuicEvent], now: float) -> None:
        """What the transport says."""
        for event in events:
            if type(event) is HandshakeDone:
                self._is_complete = True
                self._ready(self)
                if self._farewell:
                    self.loop.call_later(min(_FIRST_REQUEST_SECONDS, self._farewell), partial(self.shutdown, self._farewell))
        self._process(self._engine.take(events, now))
        for event in events:
            if type(event) is StreamWritable:
                exchange = self._exchanges.get(event.stream)
                if exchange is not None:
                    exchange.writable()
            elif type(event) is ConnectionClosed:
                self._gone()
        self._arm()

    def _process(self, events: list[Event]) -> None:
        self.handling = True
        try:
            for event in without_stillborn(events, self._exchanges):
                if type(event) is RequestStarted:
                    self._request(event)
                else:
                    self._dispatch(event)
        except BaseException:  # a fault of ours: this connection cannot be trusted any more, the others can
            self.handling = False
            self.abort()
            raise
        self.handling = False
        if self._engine.wants_close and not self._transport.is_closed:
            self._transport.close(ErrorCode.H3_NO_ERROR)

    def _over(self, exchange: Exchange) -> None:
        self.output_soon()
        if not self.handling:
            self._arm()  # the last exchange's end is the beginning of the connection's idle time, or of its end

    # --- time, the end -------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        due = None if self._is_closed else self._engine.next_timeout()
        timer = self._timer
        if due is None or (timer is not None and timer.when <= due):
            return
        if timer is not None:
            timer.cancel()
        self._timer = self.loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        due = self._engine.next_timeout()
        if due is not None and due <= self.loop.now:
            self._process(self._engine.handle_timeout(self.loop.now))
            self._touch()
        self._arm()

    def shutdown(self, patience: float = 0.0) -> None:
        """Finish what is under way and close.  With patience, a client that is just coming has time for a request."""
        if patience and not self._is_complete:
            self._farewell = patience
        elif not self._is_closed:
            self._process(self._engine.shutdown(self.loop.now, patience))
            self._touch()
            self._arm()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if not self._is_closed:
            self._transport.close(ErrorCode.H3_NO_ERROR)
            self._touch()
            self._gone()

    def _gone(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for exchange in tuple(self._exchanges.values()):
            exchange.died()
        self._service.closed(self)
        self._engine.read_span = None  # which refers to us: all is freed without the collector
