# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS between a stream driver and an HTTP engine: an `ExchangeEngine` that is both.

    driver ◀─ ciphertext ─▶ SecureEngine { TlsConnection ◀─ plaintext ─▶ inner engine, made when ALPN is known } ◀─ verbs ─ exchanges

- The handshake costs public-key operations, so its octets are not looked at when they come but in the loop's queue of slow work, one
  connection at a time and a slice a turn: small requests stay quick however many clients say hello.  The queue is bounded; who finds it
  full is closed.
- What a turn may seal for one connection is bounded (`TURN_OCTETS`): while more is ready `holds_output` is true, and the driver comes back
  in the next turn.  The inner engine is asked for output only when nothing of the last is left, so memory stays flat and its `credit` true.
- Files are read in parts as they are sealed; zero copy ends where encryption begins.
- Requests that come as 0-RTT data are marked `early`: they may be replays.  RFC 8470.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, final

from sws.base.engine import NO_FILE, Aborted, Event, ExchangeEngine, Fields, FileSpan, Output, RequestStarted
from sws.base.errors import LimitExceeded, UsageError
from sws.os.files import read_at
from sws.os.loop import Loop
from sws.proto.tls import TlsConnection

__all__ = ["SecureEngine"]

TURN_OCTETS: Final = 65536
_HANDSHAKE_OCTETS: Final = 1 << 17
_EARLY_OCTETS: Final = 1 << 16
_CLOSED: Final = "the connection failed"


@final
class SecureEngine:
    """One connection.

    Args:
      tls:      either role.
      make:     the inner engine, when the protocol is known.
      timeout:  seconds for the whole handshake.
      ready:    called when the inner engine was made.
    Attributes:
      wake:     set by who drives it: looks at held-back input soon.
    """

    def __init__(
        self,
        loop: Loop,
        tls: TlsConnection,
        make: Callable[[TlsConnection], ExchangeEngine],
        timeout: float,
        ready: Callable[[TlsConnection], None] = lambda _tls: None,
    ) -> None:
        self.tls = tls
        self.inner: ExchangeEngine | None = None
        self.wake: Callable[[], None] = lambda: None
        self._loop = loop
        self._make = make
        self._ready = ready
        self._deadline: float | None = loop.now + timeout
        self._waiting = bytearray()
        self._queued = False
        self._events: list[Event] = []
        self._outputs: deque[Output] = deque()
        self._turn = -1
        self._budget = 0
        self._eof = False
        self._patience = 0.0  # of a shutdown that came before there was an inner engine
        self._early_rest = False  # the inner engine still holds octets that came as 0-RTT data

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_read(self) -> bool:
        """False while more octets would only wait."""
        if self.tls.failed or self.tls.peer_closed or self._eof:
            return False
        if not self.tls.complete and len(self._waiting) >= _HANDSHAKE_OCTETS:
            return False
        return self.inner is None or self.inner.wants_read

    @property
    def holds_input(self) -> bool:
        """Something waits for `receive(b"")`."""
        return bool(self._events) or (self.inner is not None and self.inner.holds_input)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Ciphertext, or b"" for what was held back."""
        events, self._events = self._events, []
        if data and self.tls.complete and not self._waiting:
            self._take(data, now, events)
        elif data:
            self._waiting += data
            self._step_later()
        elif self.inner is not None:
            events += self._into(self.inner, b"", now)
        return events

    def _into(self, inner: ExchangeEngine, data: bytes, now: float, early: bool = False) -> list[Event]:
        """Plaintext, or b"", into the inner engine; requests that began in 0-RTT data are marked, those held back meanwhile too."""
        events = inner.receive(data, now)
        if early or self._early_rest:
            for event in events:
                if type(event) is RequestStarted:
                    event.request.early = True
            self._early_rest = inner.holds_input
        return events

    def receive_eof(self, now: float) -> list[Event]:
        """The transport's end."""
        self._eof = True
        if self._waiting or self._queued:
            return []  # the step that is queued comes to it
        return self._over(now)

    def _over(self, now: float) -> list[Event]:
        """Nothing more will come, by close_notify or by the transport's end."""
        was_open = not self.tls.peer_closed
        self.tls.receive_eof(now)
        if self.inner is None:
            self.tls.abandon()
            return []
        return self.inner.receive_eof(now) if was_open else []

    def _take(self, data: bytes, now: float, events: list[Event]) -> None:
        """Through TLS, into the inner engine."""
        tls = self.tls
        was_closed = tls.peer_closed
        early = tls.early_octets
        plain = b"".join(tls.receive(data, now))
        early = tls.early_octets - early
        if self.inner is None and tls.can_send_data and (tls.complete or tls.facts.early):
            self.inner = self._make(tls)
            self._ready(tls)
            if self._patience:
                events += self.inner.shutdown(now, self._patience)
        if tls.complete:
            self._deadline = None
        if self.inner is None:
            if tls.peer_closed:
                tls.abandon()
            return
        if early:
            events += self._into(self.inner, plain[:early], now, early=True)
            plain = plain[early:]
        if plain:
            events += self._into(self.inner, plain, now)
        if tls.failed:
            events += self._failed(now)
        elif tls.peer_closed and not was_closed:
            events += self.inner.receive_eof(now)

    def _failed(self, now: float) -> list[Event]:
        """An alert ended it: what is under way is dead."""
        self._outputs.clear()
        inner = self.inner
        if inner is None:
            return []
        found: list[Event] = [event for event in inner.receive_eof(now) if isinstance(event, Aborted)]
        inner.shutdown(now)
        return found

    def _step_later(self) -> None:
        if self._queued:
            return
        try:
            self._loop.call_slow(self._step)
        except LimitExceeded:
            self._waiting.clear()
            self.tls.abandon()
        else:
            self._queued = True

    def _step(self) -> None:
        """A step of the handshake, out of the queue of slow work."""
        self._queued = False
        data = bytes(self._waiting)
        self._waiting.clear()
        if self.tls.wants_close:
            return
        now = self._loop.now
        self._take(data, now, self._events)
        if self._eof:
            self._events += self._over(now)
        self.wake()

    # --- sending -------------------------------------------------------------------------------------------------

    @property
    def wants_close(self) -> bool:
        """Close once everything left."""
        return self.tls.wants_close

    @property
    def holds_output(self) -> bool:
        """More is ready, but not in this turn."""
        if not self.tls.can_send_data:
            return False
        return bool(self._outputs) or self.tls.pending > 0 or (self.inner is not None and self.inner.holds_output)

    def data_to_send(self, now: float) -> list[Output]:
        """Ciphertext, within the budget of the turn."""
        tls, inner = self.tls, self.inner
        tls.now = now
        if self._loop.turns != self._turn:
            self._turn = self._loop.turns
            self._budget = TURN_OCTETS
        if inner is not None and tls.can_send_data:
            if not self._outputs:
                self._outputs.extend(inner.data_to_send(now))
            self._feed()
            if not self._outputs and inner.wants_close and not tls.wants_close:
                tls.close()
        out = tls.data_to_send(TURN_OCTETS)
        return [b"".join(out)] if out else []  # in one piece: the records of a flight leave by one call

    def _feed(self) -> None:
        """Move output into TLS as far as the budget goes; part of a file that is not there any more ends the connection."""
        outputs = self._outputs
        while outputs and self._budget > 0:
            front = outputs[0]
            if isinstance(front, FileSpan):
                data = _read_span(front, min(front.length, self._budget))
                if not data:
                    outputs.clear()
                    self.tls.abandon()
                    return
                front.offset += len(data)
                front.length -= len(data)
                if not front.length:
                    outputs.popleft()
            elif len(front) > self._budget:
                data = front[: self._budget]
                outputs[0] = front[self._budget :]
            else:
                data = front
                outputs.popleft()
            self._budget -= len(data)
            self.tls.send((data,))

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """The handshake's end, or the inner engine's next."""
        inner = None if self.inner is None else self.inner.next_timeout()
        if self._deadline is None:
            return inner
        return self._deadline if inner is None else min(inner, self._deadline)

    def handle_timeout(self, now: float) -> list[Event]:
        """Give up a handshake that takes too long."""
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self.tls.abandon()
            return self._failed(now)
        return [] if self.inner is None else self.inner.handle_timeout(now)

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Finish what is under way; who has not said anything yet is not waited for."""
        if self.inner is not None:
            return self.inner.shutdown(now, patience)
        if patience > 0:  # others serve on, but this client has come to us: a request follows its handshake
            self._patience = patience
            self._deadline = min(now + patience, self._deadline or now + patience)
        elif not self._queued:
            self.tls.abandon()
        return []

    # --- the verbs: the inner engine's ---------------------------------------------------------------------------

    def _engine(self) -> ExchangeEngine:
        if self.inner is None:
            raise UsageError("no protocol is agreed on yet")
        return self.inner

    def expects_continue(self, stream: int) -> bool:
        """See ExchangeEngine."""
        return self._engine().expects_continue(stream)

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """See ExchangeEngine."""
        self._engine().send_informational(stream, status, fields)

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """See ExchangeEngine."""
        self._engine().send_headers(stream, status, fields, ended)

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """See ExchangeEngine."""
        self._engine().send_response(stream, status, fields, content)

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """See ExchangeEngine."""
        self._engine().send_data(stream, data, ended)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """See ExchangeEngine."""
        self._engine().send_trailers(stream, fields)

    def reset(self, stream: int, reason: str) -> None:
        """See ExchangeEngine."""
        self._engine().reset(stream, reason)

    def consumed(self, stream: int, octets: int) -> None:
        """See ExchangeEngine."""
        self._engine().consumed(stream, octets)

    def credit(self, stream: int) -> int:
        """See ExchangeEngine."""
        return self._engine().credit(stream)


def _read_span(span: FileSpan, octets: int) -> bytes:
    """From the front of a span; nothing if it is lost."""
    if span.fd == NO_FILE:
        return bytes(octets)
    return read_at(span.fd, octets, span.offset) if span.fd >= 0 else b""
