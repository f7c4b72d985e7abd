# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Steps one `ExchangeEngine` over one stream socket, server role.

    readable ─▶ recv ─▶ engine.receive ─▶ events ─▶ exchanges and their handlers
                                                         │ verbs
    writable ◀─ send ◀─ backlog ◀─ engine.data_to_send ◀─┘

- One `recv` and, where everything fits, one `send` per wake-up.  What a turn's events lead to leaves at the end of the turn, that of all
  connections together: whoever reads it on another core is then woken once and not for each, which costs less on both sides.
- What the kernel did not take waits in the outlet (net.outlet); meanwhile the engine keeps its own output, so `credit` says the truth.
- One timer per connection.  It is armed for the earliest deadline and, when that moves back, just fires early and arms itself
  again: keeping a connection alive costs no timer operation per request.
- A client that sends requests and reads no responses is read no further once `HOLD_OCTETS` of answers wait for it.
- Closing is in two steps (RFC 9112 §9.6): our half first, then what still arrives is thrown away (net.linger).
"""

from __future__ import annotations

import socket
from enum import IntEnum
from typing import Final, final

from sws.base.engine import (
    Event,
    ExchangeEngine,
    RequestStarted,
)
from sws.exchange.exchange import Exchange, PeerFacts
from sws.net.carrier import ExchangeCarrier, without_stillborn
from sws.net.linger import Linger
from sws.net.outlet import Outlet, SendLimits
from sws.net.service import Service
from sws.os.loop import Loop
from sws.os.poller.base import READ, WRITE
from sws.os.timers import Timer

__all__ = ["StreamDriver"]

READ_SIZE: Final = 65536
FIRST_READ_SIZE: Final = 2048  # most heads fit; PyPy fills its nursery with what is asked for, not with what came
HOLD_OCTETS: Final = 1 << 18
HEAD_OCTETS: Final = 512  # what a response's head is taken for


class _Phase(IntEnum):
    OPEN = 0
    LINGER = 1
    CLOSED = 2


_OPEN: Final = _Phase.OPEN


@final
class StreamDriver(ExchangeCarrier):
    """One accepted connection.

    Args:
      sock:     non-blocking; the driver owns it from here on.
      engine:   of the negotiated protocol.
      service:  answers the exchanges.
    """

    __slots__ = (
        "__weakref__",
        "_broken",
        "_fd",
        "_flushing",
        "_input_again",
        "_linger",
        "_mask",
        "_outlet",
        "_peer_closed",
        "_phase",
        "_read_size",
        "_settling",
        "_sock",
        "_timer",
        "_unflushed",
    )

    def __init__(
        self, loop: Loop, sock: socket.socket, engine: ExchangeEngine, service: Service, facts: PeerFacts, limits: SendLimits
    ) -> None:
        super().__init__(loop, engine, service, facts)
        self._sock = sock
        self._fd = sock.fileno()
        self._outlet = Outlet(loop, sock, limits)
        self._mask = READ
        self._phase = _OPEN
        self._read_size = FIRST_READ_SIZE
        self._peer_closed = False
        self._input_again = False
        self._settling = False
        self._flushing = False
        self._timer: Timer | None = None
        self._linger: Linger | None = None
        self._unflushed = 0
        self._broken = False
        loop.watch(self._fd, READ, self._on_ready)
        self._arm_timer()

    # --- the Carrier of exchanges --------------------------------------------------------------------------------

    def output_soon(self) -> None:
        """Send at the end of this turn, or of the next if this one is over."""
        if not self.handling and not self._settling:
            self._settling = True
            self.loop.call_soon(self._settle)

    def input_soon(self) -> None:
        """Look at the engine's held-back input once the handler waits again."""
        self._input_again = True
        self.output_soon()

    def _settle(self) -> None:
        """What events and handlers left to do: go on with held-back input, send, see what to wait for."""
        self._settling = False
        if self._input_again and self._phase is _OPEN:
            self._process([])
        if self._phase is _OPEN:
            self.flush()
            if self._phase is _OPEN:
                self._update_interest()

    # --- readiness -----------------------------------------------------------------------------------------------

    def _on_ready(self, mask: int) -> None:
        if mask & READ:
            if self._phase is _OPEN:
                try:
                    data = self._sock.recv(self._read_size)
                except BlockingIOError:
                    pass
                except OSError:
                    self._lost()
                else:
                    if len(data) == self._read_size < READ_SIZE:
                        self._read_size *= 2
                    self._handle(self.engine.receive(data, self.loop.now) if data else self._eof())
            elif self._linger is not None:
                self._linger.read()
        if mask & WRITE and not self._settling:
            self._settle()

    def _eof(self) -> list[Event]:
        """The client closed its half; what is still owed to it goes on."""
        self._peer_closed = True
        self._set_mask(self._mask & ~READ)
        return self.engine.receive_eof(self.loop.now)

    def _handle(self, events: list[Event]) -> None:
        self._process(events)
        if not self._settling:
            self._settling = True
            self.loop.call_soon(self._settle)

    def _process(self, events: list[Event]) -> None:
        """Give events to exchanges until the engine has no more."""
        self.handling = True
        try:
            if len(events) == 1 and type(event := events[0]) is RequestStarted and self._phase is _OPEN:
                self._request(event)  # the usual turn needs no loop, and PyPy makes one trace of what has none
            else:
                self._dispatch_all(events)
            if self._input_again:
                self._go_on()
        except BaseException:  # a fault of ours: this connection cannot be trusted any more, the others can
            self.handling = False
            self.abort()
            raise
        self.handling = False

    def _dispatch_all(self, events: list[Event]) -> None:
        for event in without_stillborn(events, self._exchanges):
            if type(event) is not RequestStarted:
                self._dispatch(event)
            elif self._phase is _OPEN:  # else an earlier event of these ended the connection
                self._request(event)

    def _go_on(self) -> None:
        """Look at input that the engine held back, for as long as there is some."""
        while self._input_again and self._phase is _OPEN:
            if self._unflushed > HOLD_OCTETS and not self.flush():
                break  # `_input_again` stays, and is looked at when the client has taken what waits for it
            self._input_again = False
            self._dispatch_all(self.engine.receive(b"", self.loop.now))

    def _over(self, exchange: Exchange) -> None:
        if not exchange.finished:
            self._note_broken(exchange)
        self._unflushed += exchange.sent + HEAD_OCTETS
        if self.engine.holds_input:
            self._input_again = True
        if not self.handling:
            self.output_soon()

    # --- sending -------------------------------------------------------------------------------------------------

    def flush(self) -> bool:
        """Send what the socket takes; True if everything left."""
        if self._flushing or self._phase is not _OPEN:
            return False
        backlog = self._outlet.backlog
        if not backlog:
            out = self.engine.data_to_send(self.loop.now)
            if len(out) == 1 and type(data := out[0]) is bytes:  # the usual: one whole response, and room for it
                try:
                    count = self._sock.send(data)
                except (BlockingIOError, InterruptedError):
                    count = 0
                except OSError:
                    self._lost()
                    return False
                if count == len(data) and not self.engine.holds_output:
                    self._unflushed = 0
                    if self._exchanges or self.engine.wants_close:
                        self._all_left()
                    return True
                if count < len(data):
                    backlog.append(memoryview(data)[count:])
            else:
                backlog.extend(out)
        return self._send_backlog()

    def _send_backlog(self) -> bool:
        """Send what waits and what the engine has beyond that, as far as the turn's budget goes; True if everything left."""
        self._flushing = True
        try:
            all_left = self._outlet.send(self.engine.data_to_send)
        except OSError:
            self._lost()
            return False
        finally:
            self._flushing = False
        if not all_left:
            return False
        if self.engine.holds_output:
            self.output_soon()
            return False
        self._all_left()
        return True

    def _all_left(self) -> None:
        """Nothing waits any more: wake who waited for that, and close if it was the last."""
        self._unflushed = 0
        if self._exchanges:
            for exchange in tuple(self._exchanges.values()):
                exchange.writable()
        if self.engine.wants_close:
            self._close_ours()

    def _update_interest(self) -> None:
        engine = self.engine
        mask = READ if engine.wants_read and self._unflushed <= HOLD_OCTETS else 0
        if self._outlet.backlog:
            mask |= WRITE
        if mask != self._mask:
            self._set_mask(mask)
        deadline = engine.next_timeout()
        if self._outlet.deadline is not None or self._timer is None or (deadline is not None and deadline < self._timer.when):
            self._arm_timer()

    def _set_mask(self, mask: int) -> None:
        self._mask = mask
        self.loop.rewatch(self._fd, mask)

    # --- time ----------------------------------------------------------------------------------------------------

    def _deadline(self) -> float | None:
        deadline = self.engine.next_timeout()
        if self._outlet.deadline is not None and (deadline is None or self._outlet.deadline < deadline):
            return self._outlet.deadline
        return deadline

    def _arm_timer(self) -> None:
        deadline = self._deadline()
        if deadline is None:
            return
        timer = self._timer
        if timer is not None:
            if timer.when <= deadline:
                return
            timer.cancel()
        self._timer = self.loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self.loop.now
        if self._outlet.deadline is not None and now >= self._outlet.deadline:
            self._lost()
            return
        self._handle(self.engine.handle_timeout(now))

    # --- closing -------------------------------------------------------------------------------------------------

    def shutdown(self, patience: float = 0.0) -> None:
        """Finish what is under way and close; an idle connection may send one more request for `patience` seconds."""
        if self._phase is _OPEN:
            self._handle(self.engine.shutdown(self.loop.now, patience))

    def _close_ours(self) -> None:
        """Our half is closed; linger until the peer has seen it.  RFC 9112 §9.6."""
        self._kill_exchanges()
        if self._peer_closed or self._broken:
            self._destroy(reset=self._broken)
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._destroy()
            return
        self._phase = _Phase.LINGER
        self._set_mask(READ)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._linger = Linger(self.loop, self._sock, self._destroy)

    def _lost(self) -> None:
        """The connection is gone or given up: a reset says that what the client has is not the whole."""
        self._outlet.clear()
        self._kill_exchanges()
        self._destroy(reset=True)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self._phase is not _Phase.CLOSED:
            self._lost()

    def _kill_exchanges(self) -> None:
        for exchange in tuple(self._exchanges.values()):
            self._note_broken(exchange)
            exchange.died()

    def _note_broken(self, exchange: Exchange) -> None:
        """To a client of HTTP/1.0 the end of the connection may be the end of the content: only a reset tells.  RFC 9112 §8."""
        if exchange.status >= 200 and not exchange.finished and exchange.request.version < 11:
            self._broken = True

    def _destroy(self, reset: bool = False) -> None:
        self._phase = _Phase.CLOSED
        self.loop.unwatch(self._fd)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._linger is not None:
            self._linger.stop()
            self._linger = None
        if reset:
            try:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            except OSError:
                pass
        self._sock.close()
        self._service.closed(self)

    def _is_closed(self) -> bool:
        return self._phase is _Phase.CLOSED
