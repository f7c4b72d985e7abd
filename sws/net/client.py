# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Steps one client-role engine over one stream socket.  RFC 9112 §9, RFC 9110 §7.5.

    request ─▶ engine.send_request ─▶ outlet ─▶ socket
    socket ─▶ recv ─▶ engine.receive ─▶ events ─▶ responses and those who read them

It does for the client's end what `net.driver` does for the server's: one `recv` and, where everything fits, one `send` a wake-up; one
timer, which fires early and arms itself again rather than being moved; interest in reading only while the engine has room.  Exchanges
are `net.response.Response`; several at once where the engine multiplexes.

- Silence of the server before and within its response is the engine's to judge (`next_timeout`), slowness in taking the request
  the outlet's.
- A connection on which nothing can be sent any more may still hold the response that explains why (413, then a reset): the rest of the
  request is thrown away, and the response is waited for, `reply_grace` at most.
- The end of the connection, orderly or not, reaches each exchange as a `RequestError`, with the kind of end; the engine knows whether the
  end was that of the content.  The owner (a pool) hears of it by `closed`, and by `available` when another request can be sent.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol, final

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Ended,
    Event,
    ExchangeEngine,
    Fields,
    FileSpan,
    Informational,
    ResponseStarted,
    Trailers,
    TunnelOpened,
)
from sws.base.errors import UsageError
from sws.net.outlet import Outlet, SendLimits
from sws.net.response import Content, OnInformational, Request, RequestError, RequestErrorKind, Response
from sws.os.loop import Loop
from sws.os.poller.base import READ, WRITE
from sws.os.timers import Timer

__all__ = ["ClientDriver", "ClientEngine", "ClientLimits", "ConnectionOwner"]

READ_SIZE: Final = 65536


class ClientEngine(ExchangeEngine, Protocol):
    """An engine in the client's role."""

    @property
    def is_idle(self) -> bool:
        """Another request may be sent now."""

    @property
    def output_ended(self) -> bool:
        """Nothing will be sent any more, though the connection stays (a tunnel of which our half is closed)."""

    def send_request(self, method: bytes, target: bytes, fields: Fields, now: float, ended: bool = False) -> int:
        """A request head; the stream's number."""


class ConnectionOwner(Protocol):
    """Who is told what becomes of a connection."""

    def available(self, connection: ClientDriver) -> None:
        """Another request can be sent."""

    def closed(self, connection: ClientDriver) -> None:
        """The connection is gone."""


@final
@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Bounds of a connection beside the engine's; times in seconds.

    Attributes:
      sending:           how slow a server may take a request.
      continue_timeout:  how long 100 (Continue) is waited for before the content is sent anyway.
      reply_grace:       how long a response is waited for once the request can no longer be sent.
    """

    sending: SendLimits = SendLimits()
    continue_timeout: float = 1.0
    reply_grace: float = 2.0


class _Phase(IntEnum):
    OPEN = 0
    DEAF = 1  # the server takes nothing any more
    CLOSED = 2


@final
class ClientDriver:
    """One connection to a server.

    Args:
      sock:    connected, non-blocking; the driver owns it from here on.
      engine:  of the negotiated protocol.
      owner:   None if nobody keeps it.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        engine: ClientEngine,
        *,
        limits: ClientLimits = ClientLimits(),
        owner: ConnectionOwner | None = None,
    ) -> None:
        self.engine = engine
        self.loop = loop
        #: Octets that came so far.
        self.received = 0
        #: When the last exchange ended, while there is none.
        self.idle_since = loop.now
        self._sock = sock
        self._fd = sock.fileno()
        self._limits = limits
        self._owner = owner
        self._responses: dict[int, Response] = {}
        self._outlet = Outlet(loop, sock, limits.sending)
        self._phase = _Phase.OPEN
        self._mask = READ
        self._handling = False
        self._input_again = False
        self._output_queued = False
        self._peer_closed = False
        self._is_doomed = False
        self._is_half_closed = False
        self._offered = True
        self._timer: Timer | None = None
        self._reply_deadline: float | None = None
        loop.watch(self._fd, READ, self._on_ready)
        self._arm_timer()

    # --- for those who ask -----------------------------------------------------------------------------------------

    @property
    def is_available(self) -> bool:
        """Another request can be sent now."""
        return self._phase is _Phase.OPEN and not self._peer_closed and not self._is_doomed and self.engine.is_idle

    @property
    def is_closed(self) -> bool:
        """It is gone."""
        return self._phase is _Phase.CLOSED

    @property
    def exchanges(self) -> int:
        """How many exchanges are under way."""
        return len(self._responses)

    async def request(self, request: Request, on_informational: OnInformational | None = None) -> Response:
        """Ask, and wait for the head of the final response.

        Args:
          on_informational:  called with each 1xx response as it comes.
        Raises: RequestError for whatever the server or the network does; UsageError for a request that cannot be sent, or that
                is not possible now; and what the iterable raises that is the request's content.
        """
        if self._phase is not _Phase.OPEN or self._peer_closed or self._is_doomed or self.engine.wants_close:
            raise RequestError(RequestErrorKind.CLOSED, is_unanswered=True)
        if not self.engine.is_idle:
            raise UsageError("the connection carries as many requests as it can")
        content, fields, length = _framed(request)
        self._offered = False
        try:
            stream = self.engine.send_request(request.method, request.target, fields, self.loop.now, ended=content is None)
        except BaseException:
            self._offer()
            raise
        response = self._responses[stream] = Response(self, stream, self.received, on_informational)
        response.begin(content, length, request.trailers, self._limits.continue_timeout)
        self.output_soon()
        await response.wait_head()
        return response

    def has_died(self) -> bool:
        """Whether an idle connection is known to the kernel to be at its end, though the loop has not been told yet."""
        try:
            data = self._sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return not data or not self._responses

    def shutdown(self) -> None:
        """Close when what is under way is over; at once when idle."""
        if self._phase is not _Phase.CLOSED:
            self._handle(self.engine.shutdown(self.loop.now))

    def abort(self) -> None:
        """Close at once; what is under way fails."""
        self._end(RequestErrorKind.ABANDONED)

    # --- the Carrier of responses ----------------------------------------------------------------------------------

    def output_soon(self) -> None:
        """Send at the end of the event handling under way, or else in the loop's queue."""
        if not self._handling and not self._output_queued:
            self._output_queued = True
            self.loop.call_soon(self._on_output)

    def input_soon(self) -> None:
        """Look at the engine's held-back input."""
        self._input_again = True
        self.output_soon()

    def release(self, response: Response) -> None:
        """An exchange is over."""
        if self._responses.pop(response.stream, None) is not None:
            self.idle_since = self.loop.now
            if self.engine.wants_close and not response.is_tunnel:
                self._is_doomed = True  # nothing that still waits to leave matters to anyone
            if self.engine.holds_input:
                self._input_again = True

    def _on_output(self) -> None:
        self._output_queued = False
        if self._phase is not _Phase.CLOSED:
            self._handle([])

    # --- readiness -------------------------------------------------------------------------------------------------

    def _on_ready(self, mask: int) -> None:
        events: list[Event] = []
        if mask & READ:
            try:
                data = self._sock.recv(READ_SIZE)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError:
                self._end(RequestErrorKind.RESET)
                return
            else:
                self.received += len(data)
                events = self.engine.receive(data, self.loop.now) if data else self._eof()
        self._handle(events)

    def _eof(self) -> list[Event]:
        self._peer_closed = True
        return self.engine.receive_eof(self.loop.now)

    def _handle(self, events: list[Event], kind: RequestErrorKind | None = None) -> None:
        """Give events to responses until the engine has no more, then send, then see what to wait for."""
        self._handling = True
        try:
            while True:
                for event in events:
                    self._dispatch(event, kind)
                if not self._input_again:
                    break
                self._input_again = False
                events = self.engine.receive(b"", self.loop.now)
        except BaseException:  # a fault of ours, or of an on_informational: nobody may wait for ever for it
            self._handling = False
            self.abort()
            raise
        self._handling = False
        self._flush()
        if self._phase is not _Phase.CLOSED:
            self._update_interest()
            self._offer()

    def _dispatch(self, event: Event, kind: RequestErrorKind | None) -> None:
        response = self._responses.get(event.stream)
        if response is None:
            return
        if type(event) is BodyChunk:
            response.arrived(event.data)
        elif type(event) is ResponseStarted:
            response.started(event.status, event.fields, event.ended)
        elif type(event) is Ended:
            response.input_over()
        elif type(event) is Informational:
            response.informed(event.status, event.fields)
        elif type(event) is Trailers:
            response.trailers = event.fields
        elif type(event) is TunnelOpened:
            response.tunnel_opened()
        elif type(event) is Aborted:
            kind = kind or (RequestErrorKind.CLOSED if self._peer_closed else RequestErrorKind.PROTOCOL)
            self._fail(response, kind, event.reason)

    def _fail(self, response: Response, kind: RequestErrorKind, reason: str = "") -> None:
        response.failed(RequestError(kind, reason, is_unanswered=response.received_before == self.received))

    def _offer(self) -> None:
        if not self._offered and self.is_available:
            self._offered = True
            if self._owner is not None:
                self._owner.available(self)

    # --- sending ---------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Send, and close what is to be closed behind it."""
        if self._phase is _Phase.DEAF:
            self.engine.data_to_send(self.loop.now)
            all_left = True
        else:
            try:
                all_left = self._outlet.send(self.engine.data_to_send)
            except OSError:
                self._go_deaf()
                all_left = True
        is_useless = self._is_doomed or (self._phase is _Phase.DEAF and not self._responses)
        if is_useless or (all_left and self.engine.wants_close):
            self._end(RequestErrorKind.CLOSED)
            return
        if all_left:
            for response in tuple(self._responses.values()):
                response.writable()
            if self.engine.output_ended and not self._is_half_closed and self._phase is _Phase.OPEN:
                self._half_close()

    def _go_deaf(self) -> None:
        """Nothing can be sent any more; a response may have come all the same."""
        self._phase = _Phase.DEAF
        self._outlet.clear()
        self.engine.data_to_send(self.loop.now)
        self._reply_deadline = self.loop.now + self._limits.reply_grace
        for response in self._responses.values():
            response.stop_sending()

    def _half_close(self) -> None:
        self._is_half_closed = True
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(RequestErrorKind.RESET)

    def _update_interest(self) -> None:
        mask = READ if self.engine.wants_read and not self._peer_closed else 0
        if self._outlet.backlog:
            mask |= WRITE
        if mask != self._mask:
            self._mask = mask
            self.loop.rewatch(self._fd, mask)
        self._arm_timer()

    # --- time ------------------------------------------------------------------------------------------------------

    def _arm_timer(self) -> None:
        deadlines = (self.engine.next_timeout(), self._outlet.deadline, self._reply_deadline)
        deadline = min((each for each in deadlines if each is not None), default=None)
        if deadline is None:
            return
        timer = self._timer
        if timer is not None:
            if timer.when <= deadline:
                return
            timer.cancel()
        self._timer = self.loop.call_at(max(deadline, self.loop.now), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self.loop.now
        for deadline in (self._outlet.deadline, self._reply_deadline):
            if deadline is not None and now >= deadline:
                self._end(RequestErrorKind.TIMEOUT if self._phase is _Phase.OPEN else RequestErrorKind.RESET)
                return
        self._handle(self.engine.handle_timeout(now), RequestErrorKind.TIMEOUT)

    # --- the end ---------------------------------------------------------------------------------------------------

    def _end(self, kind: RequestErrorKind) -> None:
        """The connection is over; so is, as a failure, what was under way on it."""
        if self._phase is _Phase.CLOSED:
            return
        self._phase = _Phase.CLOSED
        self._outlet.clear()
        self.loop.unwatch(self._fd)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sock.close()
        for response in tuple(self._responses.values()):
            self._fail(response, kind)
        if self._owner is not None:
            self._owner.closed(self)


def _framed(request: Request) -> tuple[Content, Fields, int | None]:
    """Content that there is, the fields that go with it, and its length where that is declared.  RFC 9110 §8.6."""
    content = request.content
    declared = next((value for name, value in request.fields if name == b"content-length"), None)
    if declared is not None or request.trailers is not None or not isinstance(content, bytes | FileSpan):
        length = int(declared) if declared is not None and declared.isdigit() else None
        return content, request.fields, length
    length = content.length if isinstance(content, FileSpan) else len(content)
    return content if length else None, (*request.fields, (b"content-length", b"%d" % length)), length
