# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One exchange as the client's code sees it: a request that is sent, a response that is read.  RFC 9110 §3.4, §9.3.6, §10.1.1, §15.2.

    with await connection.request(Request(b"GET", b"/", ((b"host", b"a.example"),))) as response:
        while data := await response.read():
            …

The head is there when `request` returns; content comes by `read`, which holds the server back when nobody reads.  `trailers` are known when
`read` has returned b"".  After a 101, or a 2xx to CONNECT, `is_tunnel` is True, and `read`, `send` and `finish` carry raw octets.

The request's content is sent by a task of its own, so an early response is seen while it still leaves: one that is an error, or that comes
before the 100 (Continue) that was waited for, ends the sending (RFC 9112 §9.5); any other response does not.  Once the response is
complete, content that was not sent yet is given up, and so is the connection where that cannot be told otherwise.

Whoever does not read a response to its end must `close` it: `with` does.  Everything that the network can do ends in a `RequestError`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Final, Protocol, TypeAlias, final

from sws.base.engine import ExchangeEngine, Fields, FileSpan, Output
from sws.base.errors import LimitExceeded, PeerError, UsageError
from sws.os.loop import Loop
from sws.os.tasks import Cancelled, Task, Waiter, start

__all__ = ["Content", "OnInformational", "Request", "RequestError", "RequestErrorKind", "Response"]

Content: TypeAlias = bytes | FileSpan | AsyncIterable[Output] | None
OnInformational: TypeAlias = Callable[[int, Fields], None]

_NO_FIELDS: Final[Fields] = ()
_FIRST_ERROR: Final = 400


class RequestErrorKind(Enum):
    """Why a request came to nothing."""

    CLOSED = "the server closed the connection"
    RESET = "the connection was reset"
    TIMEOUT = "the server was silent for too long"
    PROTOCOL = "the server broke the protocol"
    ABANDONED = "given up here"


@final
class RequestError(PeerError):
    """A request without a whole response.

    Attributes:
      kind:           what happened.
      is_unanswered:  no octet came on the connection since the request began to leave: RFC 9112 §9.3.1 lets a client try again then.
    """

    def __init__(self, kind: RequestErrorKind, reason: str = "", *, is_unanswered: bool = False) -> None:
        super().__init__(reason or kind.value)
        self.kind = kind
        self.is_unanswered = is_unanswered


@final
@dataclass(frozen=True, slots=True)
class Request:
    """What to ask.

    Attributes:
      method, target:  as they are to stand on the wire (RFC 9112 §3.2); the target usually in origin-form.
      fields:    lower-case names, with host; no transfer-encoding.  For octets and file spans content-length is added.
      content:   octets, a part of an open file, or an asynchronous iterable of such; None for none.  An iterable is sent chunked
                 unless the fields have a content-length.  A file stays open until the response is over.
      trailers:  sent behind content that is chunked; asked for when the content has been.
    """

    method: bytes
    target: bytes
    fields: Fields
    content: Content = None
    trailers: Callable[[], Fields] | None = None

    @property
    def is_repeatable(self) -> bool:
        """The same content can be sent again."""
        return self.content is None or isinstance(self.content, bytes | FileSpan)


class Carrier(Protocol):
    """The connection, as an exchange sees it."""

    @property
    def engine(self) -> ExchangeEngine:
        """Of the negotiated protocol."""

    @property
    def loop(self) -> Loop:
        """Where it runs."""

    def output_soon(self) -> None:
        """The engine may have something to send."""

    def input_soon(self) -> None:
        """Receive credit was given back."""

    def release(self, response: Response) -> None:
        """The exchange is over."""


@final
class Response:
    """Made by the connection; see the module.

    Attributes:
      status, fields:  the final response's.
      informational:   the 1xx responses that came before, (status, fields) each.
      trailers:        complete once `read` has returned b"".
      is_tunnel:       raw octets both ways.
    """

    def __init__(self, carrier: Carrier, stream: int, received_before: int, on_informational: OnInformational | None) -> None:
        self._carrier = carrier
        self._engine = carrier.engine
        self._on_informational = on_informational
        self.stream = stream
        self.status = 0
        self.fields: Fields = _NO_FIELDS
        self.informational: list[tuple[int, Fields]] = []
        self.trailers: Fields = _NO_FIELDS
        self.is_tunnel = False
        self.received_before = received_before
        self.is_over = False
        self._chunks: deque[bytes] = deque()
        self._outstanding = 0
        self._unreturned = 0
        self._ended = False
        self._owed: int | None = None
        self._sent_all = False
        self._failure: BaseException | None = None
        self._sending: Task | None = None
        self._awaits_continue = False
        self._head: Waiter[None] = Waiter()
        self._readable: Waiter[None] | None = None
        self._writable: Waiter[None] | None = None
        self._go_on: Waiter[None] | None = None

    # --- the request's content -------------------------------------------------------------------------------------

    def begin(self, content: Content, length: int | None, trailers: Callable[[], Fields] | None, continue_timeout: float) -> None:
        """Send the content, what is small at once.

        Args:
          length:  octets of it, where they are declared.
        """
        if content is None:
            self._sent_all = True
            return
        self._owed = length
        self._awaits_continue = self._engine.expects_continue(self.stream)
        if type(content) is bytes and len(content) == length and not self._awaits_continue and length <= self._engine.credit(self.stream):
            self._send_part(content)
            return
        task = start(self._carrier.loop, self._send_content(content, trailers, continue_timeout), self._sending_over)
        if task is not None:
            self._sending = task

    async def _send_content(self, content: Content, trailers: Callable[[], Fields] | None, continue_timeout: float) -> None:
        if self._awaits_continue:
            await self._wait_for_continue(continue_timeout)
        if isinstance(content, bytes | FileSpan):
            await self._send(content)
        elif content is not None:
            async for part in content:
                await self._send(part)
        if trailers is not None:
            self._engine.send_trailers(self.stream, trailers())
        elif not self._sent_all:
            self._engine.send_data(self.stream, b"", ended=True)
        self._sent_all = True
        self._carrier.output_soon()

    async def _wait_for_continue(self, seconds: float) -> None:
        """Until 100 (Continue), but not for ever: RFC 9110 §10.1.1."""
        self._go_on = waiter = Waiter[None]()
        timer = self._carrier.loop.call_later(seconds, lambda: waiter.resolve(None))
        try:
            await waiter
        finally:
            timer.cancel()
        self._awaits_continue = False

    async def _send(self, data: Output) -> None:
        """All of it, as fast as the server takes it."""
        if isinstance(data, FileSpan):
            offset, end = data.offset, data.offset + data.length
            while offset < end:
                span = FileSpan(data.fd, offset, min(await self._room(), end - offset))
                offset += span.length
                self._send_part(span)
            return
        offset = 0
        while offset < len(data):
            room = await self._room()
            part = data if offset == 0 and len(data) <= room else data[offset : offset + room]
            offset += len(part)
            self._send_part(part)

    def _send_part(self, part: Output) -> None:
        """The last octet of a declared length ends the message together with itself: the server may answer that very moment."""
        if self._owed is not None:
            self._owed -= part.length if isinstance(part, FileSpan) else len(part)
        is_last = self._owed == 0
        self._engine.send_data(self.stream, part, ended=is_last)
        self._sent_all = self._sent_all or is_last
        self._carrier.output_soon()

    async def _room(self) -> int:
        """How much may be sent, once that is not nothing."""
        while True:
            if self.is_over:
                raise self._failure or RequestError(RequestErrorKind.ABANDONED)
            room = self._engine.credit(self.stream)
            if room > 0:
                return room
            self._writable = Waiter()
            self._carrier.output_soon()
            await self._writable

    def _sending_over(self, error: BaseException | None) -> None:
        """The content is sent, or its source failed: then so does the request."""
        self._sending = None
        if error is not None and not isinstance(error, Cancelled) and not self.is_over:
            self._give_up(error)

    def stop_sending(self) -> None:
        """Whatever of the content has not been sent stays here."""
        if self._sending is not None:
            task, self._sending = self._sending, None
            task.cancel()

    # --- the response ----------------------------------------------------------------------------------------------

    async def wait_head(self) -> None:
        """Until the final response's head is there.  Raises: RequestError, or what the request's content raised."""
        try:
            await self._head
        except BaseException:
            self.close()
            raise

    async def read(self) -> bytes:
        """The next part of the content, b"" at its end.

        Raises: RequestError if it broke off; what had arrived before is returned first.
        """
        if self._unreturned:
            self._return(self._unreturned)
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            if self._readable is not None:
                raise UsageError("a response has one reader")
            self._readable = Waiter()
            try:
                await self._readable
            finally:
                self._readable = None
        data = self._chunks.popleft()
        self._unreturned = len(data) if self._outstanding else 0
        return data

    async def read_all(self, maximum: int) -> bytes:
        """All content.  Raises: RequestError; LimitExceeded past `maximum` octets, and the response is closed then."""
        parts: list[bytes] = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > maximum:
                self.close()
                raise LimitExceeded("response content", size, maximum)
            parts.append(data)
        return b"".join(parts)

    def _return(self, octets: int) -> None:
        self._unreturned = 0
        self._outstanding -= octets
        self._engine.consumed(self.stream, octets)
        self._carrier.input_soon()

    # --- a tunnel --------------------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Octets into the tunnel; waits while the server is slower than we are.  Raises: RequestError when it is closed."""
        if not self.is_tunnel or self._sent_all:
            raise UsageError("there is no tunnel to send into")
        await self._send(data)

    def finish(self) -> None:
        """Nothing more will be sent into the tunnel; what comes out of it is still to be read."""
        if self.is_tunnel and not self._sent_all and not self.is_over:
            self._sent_all = True
            self._engine.send_data(self.stream, b"", ended=True)
            self._release_if_over()
            self._carrier.output_soon()

    # --- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Give up what is not complete yet; a connection that carries nothing else is closed with it."""
        if not self.is_over:
            self._give_up(RequestError(RequestErrorKind.ABANDONED))
            self._chunks.clear()

    def _give_up(self, error: BaseException) -> None:
        self._engine.reset(self.stream, "given up by the client")
        self.failed(error)
        self._carrier.output_soon()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- for the connection ----------------------------------------------------------------------------------------

    def informed(self, status: int, fields: Fields) -> None:
        """A 1xx response."""
        self.informational.append((status, fields))
        if status == 100:
            self._awaits_continue = False
            if self._go_on is not None:
                self._go_on.resolve(None)
        if self._on_informational is not None:
            self._on_informational(status, fields)

    def started(self, status: int, fields: Fields, ended: bool) -> None:
        """The final response's head."""
        self.status = status
        self.fields = fields
        if status >= _FIRST_ERROR or self._awaits_continue:
            self.stop_sending()
        self._head.resolve(None)
        if ended:
            self.input_over()

    def tunnel_opened(self) -> None:
        """Raw octets from here on."""
        self.is_tunnel = True
        self._owed = None
        self._sent_all = False

    def arrived(self, data: bytes) -> None:
        """Content."""
        self._chunks.append(data)
        self._outstanding += len(data)
        self._wake_reader()

    def input_over(self) -> None:
        """The response is complete; what its reader has not taken yet holds nobody back any more."""
        self._ended = True
        if self._outstanding:
            self._return(self._outstanding)
        self._wake_reader()
        if not self.is_tunnel and not self._sent_all:
            self.stop_sending()
            self._engine.reset(self.stream, "the response came before the whole request had left")
            self._sent_all = True
        self._release_if_over()

    def _release_if_over(self) -> None:
        if self._ended and self._sent_all:
            self.is_over = True
            self._carrier.release(self)

    def writable(self) -> None:
        """Everything queued has left."""
        if self._writable is not None and self._engine.credit(self.stream) > 0:
            waiter, self._writable = self._writable, None
            waiter.resolve(None)

    def failed(self, error: BaseException) -> None:
        """The exchange is dead."""
        self.is_over = True
        self._failure = error
        if self._outstanding:
            self._return(self._outstanding)  # the connection may go on without this stream
        self.stop_sending()
        self._carrier.release(self)
        self._head.reject(error)
        self._wake_reader()
        if self._writable is not None:
            waiter, self._writable = self._writable, None
            waiter.reject(error)

    def _wake_reader(self) -> None:
        if self._readable is not None:
            self._readable.resolve(None)
