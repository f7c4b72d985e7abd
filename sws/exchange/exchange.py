# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One request and its response, whatever the protocol: what stages and handlers see.

A handler is `async def handler(exchange)`.  It may read content (`read`), must answer once, and may do so in one go (`respond`) or in
steps (`start`, `send` …, `finish`).  Whatever it does is turned into the verbs of the connection's engine; nothing here knows
which one that is.

    request   a RequestHead; `path` and `query` are split from its target on first use
    status    0 until a final response head was sent
    sent      octets of content handed to the engine
    facts     who is at the other end (address, TLS)

Back-pressure: `send` returns at once while the engine gives credit and waits otherwise; `read` gives receive credit back for
what it returned before.  When the exchange dies (reset, connection lost, shutdown) the handler gets `Cancelled` at its next wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, final

from sws.base.engine import ExchangeEngine, Fields, FileSpan, RequestHead
from sws.base.errors import Http1Error
from sws.os.loop import Loop
from sws.os.tasks import Cancelled, Task, Waiter

__all__ = ["Carrier", "ErrorPages", "Exchange", "Handler", "PeerFacts"]


@final
@dataclass(frozen=True, slots=True)
class PeerFacts:
    """What is known of a connection's other end.

    Attributes:
      address:   textual IP address, or "unix".
      port:      0 for unix sockets.
      local:     our address and port as text.
      protocol:  "http/1.1", "h2", "h3".
      tls:       cipher suite and group as text, or None.
      policy:    the client authentication that the handshake met, to compare.
    """

    address: str
    port: int
    local: str
    protocol: str = "http/1.1"
    tls: str | None = None
    policy: bytes | None = None


class Carrier(Protocol):
    """The connection an exchange runs on: net.driver implements it."""

    engine: ExchangeEngine
    facts: PeerFacts
    loop: Loop
    #: Events are being handled, and what has to leave leaves afterwards anyway.
    handling: bool

    def output_soon(self) -> None:
        """The engine may have something to send."""

    def flush(self) -> bool:
        """Send now what can be sent; True if everything left."""

    def input_soon(self) -> None:
        """Receive credit was given back."""


class ErrorPages(Protocol):
    """A host's own pages for error statuses."""

    def find(self, status: int) -> tuple[bytes, bytes] | None:
        """Media type and content, or None."""


Handler: TypeAlias = "Callable[[Exchange], Coroutine[Any, Any, None]]"

_NO_FIELDS: Final[Fields] = ()


@final
class Exchange:
    """Made by the driver when a request starts."""

    # What most exchanges never change stands here once, and in an exchange only after it changed.
    trailers: Fields = _NO_FIELDS
    pages: ErrorPages | None = None
    extra: Fields = _NO_FIELDS  # that every response has
    content_maximum: int | None = None
    _received: int = 0
    _chunks: deque[bytes] | None = None
    _failure: Http1Error | None = None
    _unreturned: int = 0
    _readable: Waiter[None] | None = None
    _writable: Waiter[None] | None = None

    def __init__(self, carrier: Carrier, stream: int, request: RequestHead, ended: bool) -> None:
        self._carrier = carrier
        self._engine = carrier.engine
        self.stream = stream
        self.request = request
        self.started = carrier.loop.now
        self.status = 0
        self.sent = 0
        self.finished = False
        self.is_dead = False  # nothing can be sent any more
        self.task: Task | None = None
        self._input_ended = ended

    # --- the request ---------------------------------------------------------------------------------------------

    @property
    def facts(self) -> PeerFacts:
        """Who is at the other end."""
        return self._carrier.facts

    @property
    def path(self) -> bytes:
        """The target's path, percent-encoded as sent."""
        return self.request.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        """The target's query without its question mark."""
        return self.request.target.partition(b"?")[2]

    def field_lines(self, name: bytes) -> list[bytes]:
        """The values of all lines of a request field, in order."""
        return [value for known, value in self.request.fields if known == name]

    @property
    def now(self) -> float:
        """Monotonic time of this turn."""
        return self._carrier.loop.now

    @property
    def elapsed(self) -> float:
        """Seconds since the request's head was read."""
        return self._carrier.loop.clock.monotonic() - self.started

    @property
    def wall(self) -> float:
        """Seconds since 1970."""
        return self._carrier.loop.clock.wall()

    @property
    def has_content(self) -> bool:
        """Whether the request came with content."""
        return not self._input_ended or bool(self._chunks) or self._unreturned > 0

    async def read(self) -> bytes:
        """The next part of the content, b"" at its end.  Sends 100 (Continue) when the client waits for it.

        Raises: Http1Error when the content cannot be accepted (too large, malformed): answer with its status.
        """
        if self._unreturned:
            self._engine.consumed(self.stream, self._unreturned)
            self._unreturned = 0
            self._carrier.input_soon()
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self._input_ended:
                return b""
            self._check_alive()
            if self._engine.expects_continue(self.stream):
                self._engine.send_informational(self.stream, 100, _NO_FIELDS)
                self._carrier.output_soon()
            self._readable = Waiter()
            await self._readable
        data = self._chunks.popleft()
        self._unreturned = len(data)
        return data

    async def read_all(self, maximum: int) -> bytes:
        """All content.  Raises: Http1Error 413 past `maximum` octets."""
        parts: list[bytes] = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > maximum:
                raise Http1Error(413, "the content is too large")
            parts.append(data)
        return b"".join(parts)

    # --- the response --------------------------------------------------------------------------------------------

    def _check_alive(self) -> None:
        if self.is_dead:
            raise Cancelled

    def inform(self, status: int, fields: Fields) -> None:
        """A 1xx response, such as 103 (Early Hints)."""
        self._check_alive()
        self._engine.send_informational(self.stream, status, fields)
        self._carrier.output_soon()

    def respond(self, status: int, fields: Fields, content: bytes = b"") -> None:
        """The whole response in one go; for HEAD the content only gives its length.

        Args:
          fields:  without content-length, which is added where the status allows one.
        """
        self._check_alive()
        if status not in (204, 304):
            fields = (*fields, (b"content-length", b"%d" % len(content)))
        if not content or self.request.method == b"HEAD" or status in (204, 304):
            self.start(status, fields, ended=True)
        else:
            self.respond_prepared(status, fields, content)

    def respond_prepared(self, status: int, fields: Fields, content: bytes) -> None:
        """`respond` to a GET with content, for fields that have their content-length already: the quick way for what is kept ready."""
        if self.is_dead:
            raise Cancelled
        if self.extra:
            fields = (*fields, *self.extra)
        self._engine.send_response(self.stream, status, fields, content)
        self.status = status
        self.sent = len(content)
        self.finished = True
        if not self._carrier.handling:
            self._carrier.output_soon()

    def start(self, status: int, fields: Fields, ended: bool = False) -> None:
        """The response head.

        Args:
          ended:  no content follows; so it is for HEAD, 204 and 304 in any case.
        """
        self._check_alive()
        if self.extra:
            fields = (*fields, *self.extra)
        self._engine.send_headers(self.stream, status, fields, ended)
        self.status = status
        self.finished = ended or status in (204, 304) or self.request.method == b"HEAD"
        self._carrier.output_soon()

    async def send(self, data: bytes) -> None:
        """A part of the content; waits while the client is slower than we are.  Dropped where the response has none (HEAD, 204, 304)."""
        if self.finished:
            return
        offset = 0
        while offset < len(data):
            room = self._engine.credit(self.stream) if not self.is_dead else 0
            if room <= 0:
                await self._wait_writable()
                continue
            part = data if offset == 0 and len(data) <= room else data[offset : offset + room]
            self._engine.send_data(self.stream, part, False)
            offset += len(part)
            self.sent += len(part)
            self._carrier.output_soon()

    async def send_file(self, fd: int, offset: int, length: int, ended: bool = True) -> None:
        """A part of an open file as content, by zero copy where the connection can; ends the response if `ended`.

        Returns when the last octet has left, so the caller may close `fd` then; it keeps it open until then.
        """
        end = offset + length
        span: FileSpan | None = None
        if length == 0 and ended and not self.finished:
            await self.finish()
        while offset < end:
            room = self._engine.credit(self.stream) if not self.is_dead else 0
            if room > 0:
                part = min(room, end - offset)
                span = FileSpan(fd, offset, part)
                last = ended and offset + part == end
                self._engine.send_data(self.stream, span, last)
                offset += part
                self.sent += part
                self.finished = last
            if not self._carrier.flush() or room <= 0:
                try:
                    await self._wait_writable()
                except BaseException:
                    if span is not None:
                        span.fd = -1  # the caller closes it now, and its number's next bearer is not for this client
                    raise

    async def _wait_writable(self) -> None:
        self._check_alive()
        self._writable = Waiter()
        self._carrier.output_soon()
        await self._writable

    async def finish(self, trailers: Fields = _NO_FIELDS) -> None:
        """End a response begun with `start`."""
        if self.finished:
            return
        self._check_alive()
        if trailers:
            self._engine.send_trailers(self.stream, trailers)
        else:
            self._engine.send_data(self.stream, b"", True)
        self.finished = True
        self._carrier.output_soon()

    def upgrade(self, fields: Fields) -> None:
        """Accept the offered upgrade: from here on `read` and `send` carry raw octets.  RFC 9110 §7.8."""
        self._check_alive()
        self._engine.send_informational(self.stream, 101, fields)
        self.status = 101
        self.content_maximum = None  # of the request, which is complete
        self._input_ended = False
        self._carrier.input_soon()
        self._carrier.output_soon()

    def abort(self, reason: str) -> None:
        """Give up a response that cannot be completed: the client must not take it for whole."""
        if not self.is_dead:
            self._engine.reset(self.stream, reason)
            self.died()
            self._carrier.output_soon()

    # --- for the driver ------------------------------------------------------------------------------------------

    def arrived(self, data: bytes) -> None:
        """Content arrived."""
        if self._chunks is None:
            self._chunks = deque()
        self._chunks.append(data)
        self._received += len(data)
        if self.content_maximum is not None and self._received > self.content_maximum:
            self._chunks.clear()
            self._failure = Http1Error(413, "the content is too large")
        self._wake_reader()

    def input_over(self, failure: Http1Error | None = None) -> None:
        """The content is complete, or has failed."""
        self._input_ended = True
        self._failure = self._failure or failure
        self._wake_reader()

    def writable(self) -> None:
        """Everything queued has left."""
        if self._writable is not None and (self.is_dead or self.finished or self._engine.credit(self.stream) > 0):
            waiter, self._writable = self._writable, None
            waiter.resolve(None)

    def died(self) -> None:
        """The exchange is over for the engine: cancel the handler at its next wait."""
        self.is_dead = True
        if self.task is not None:
            self.task.cancel()

    def _wake_reader(self) -> None:
        if self._readable is not None:
            waiter, self._readable = self._readable, None
            waiter.resolve(None)
