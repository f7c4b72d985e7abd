# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One connection of the load, which carries one request at a time.

    CLOSED ─open─▶ CONNECTING ─▶ READY ─ask─▶ BUSY ─response─▶ READY
       ▲                                        │ the server closes, or the connection has carried enough
       └────────────────────────────────────────┘

For an https URL the handshake of TLS is part of connecting, and a `SecurePipe` stands for the socket from then on.

The usual response comes in one piece behind a simple head (`plan.LoadPlan`): one recv, one look-up, one send of what is ready.  Everything
else (a head in pieces, chunked content, 1xx, the end of the connection) is given, from the response's first octet, to the client
engine, which judges it as for any other client.

A lane that is asked while it is not connected opens first, and the request's latency includes that.
"""

from __future__ import annotations

import os
import socket
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from sws.base.engine import Aborted, BodyChunk, Ended, Event, ResponseStarted
from sws.net.load.plan import LIMITS, LoadPlan, PlannedRequest
from sws.os.loop import Loop
from sws.os.poller.base import READ, WRITE
from sws.proto.http1 import ClientConnection

if TYPE_CHECKING:
    from sws.net.load.secured import SecurePipe
    from sws.proto.tls import ClientConfig

__all__ = ["Endpoint", "Lane", "LaneState", "Yard"]

READ_SIZE: Final = 65536

Endpoint: TypeAlias = "tuple[int, str | tuple[str, int] | tuple[str, int, int, int]]"
"""Address family and what connect(2) takes."""


class LaneState(IntEnum):
    """See the module."""

    CLOSED = 0
    CONNECTING = 1
    READY = 2
    BUSY = 3


class Yard(Protocol):
    """Who gives lanes their requests."""

    octets: int
    connections: int

    def opened(self, lane: Lane) -> None:
        """A lane without a request is connected."""

    def answered(self, lane: Lane, status: int) -> None:
        """A whole response is there; ask again."""

    def failed(self, lane: Lane, kind: str) -> None:
        """The lane, which is closed now, has lost its request, or could not connect."""


class Lane:
    """One connection.

    Args:
      tls:  what is said in handshakes, None for TCP alone.
    Attributes:
      intended:  when the request under way was to be sent.
      sent:      when it was.
      trouble:   why it could not connect, if more is known than that.
    """

    __slots__ = (
        "_carried",
        "_endpoint",
        "_engine",
        "_fd",
        "_heads",
        "_left",
        "_loop",
        "_monotonic",
        "_plan",
        "_request",
        "_sock",
        "_status",
        "_tls",
        "_unsent",
        "_yard",
        "intended",
        "sent",
        "state",
        "trouble",
    )

    def __init__(self, loop: Loop, plan: LoadPlan, endpoint: Endpoint, yard: Yard, tls: ClientConfig | None = None) -> None:
        self._loop = loop
        self._monotonic = loop.clock.monotonic
        self._plan = plan
        self._heads = plan.heads
        self._endpoint = endpoint
        self._yard = yard
        self._tls = tls
        self._sock: socket.socket | SecurePipe | None = None
        self._fd = -1
        self._request: PlannedRequest | None = None
        self._engine: ClientConnection | None = None
        self._left = 0
        self._status = 0
        self._unsent = 0
        self._carried = 0
        self.intended = 0.0
        self.sent = 0.0
        self.trouble = ""
        self.state = LaneState.CLOSED

    # --- connecting ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect."""
        family, address = self._endpoint
        self.state = LaneState.CONNECTING
        self.sent = self._monotonic()
        try:
            self._sock = sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setblocking(False)
            if family != getattr(socket, "AF_UNIX", -1):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._fd = sock.fileno()
            sock.connect(address)
        except BlockingIOError:
            pass
        except OSError:
            self._loop.call_soon(self._connect_failed)
            return
        self._loop.watch(self._fd, WRITE, self._on_connected)

    def _connect_failed(self) -> None:
        if self.state is LaneState.CONNECTING:  # else it was closed meanwhile
            self._lost("connect")

    def _on_connected(self, _mask: int) -> None:
        sock = self._sock
        assert isinstance(sock, socket.socket)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            if code:
                raise OSError(code, os.strerror(code))
            sock.getpeername()
        except OSError:
            self._connect_failed()
            return
        if self._tls is None:
            self._connected()
            return
        from sws.net.load.secured import SecurePipe  # here: who asks over TCP alone does not pay for it at the start

        self._sock = SecurePipe(sock, self._tls, self._monotonic)
        self._loop.watch(self._fd, READ, self._on_shake)
        self._on_shake(READ)

    def _on_shake(self, _mask: int) -> None:
        """A step of the handshake."""
        pipe = self._sock
        assert pipe is not None
        assert not isinstance(pipe, socket.socket)
        try:
            is_over = pipe.shake()
        except OSError as error:
            self.trouble = str(error)
            self._connect_failed()
            return
        if not is_over:
            self._loop.rewatch(self._fd, READ | WRITE if pipe.holds_output else READ)
            return
        self._connected()
        if pipe.holds_input and self._sock is pipe:
            self._on_ready(READ)

    def _connected(self) -> None:
        self._loop.watch(self._fd, READ, self._on_ready)
        self._carried = 0
        self._yard.connections += 1
        self.state = LaneState.READY
        if self._request is not None:
            self._send(self._request)
        else:
            self._yard.opened(self)

    # --- asking ----------------------------------------------------------------------------------------------------

    def ask(self, request: PlannedRequest, intended: float, now: float) -> None:
        """Send a request, on a new connection if there is none."""
        self.intended = intended
        self._request = request
        if self.state is LaneState.READY:
            self.sent = now
            self._send(request)
        else:
            self.open()

    def _send(self, request: PlannedRequest) -> None:
        self.state = LaneState.BUSY
        self._carried += 1
        self._left = 0
        data = request.octets
        try:
            count = self._sock.send(data)  # type: ignore[union-attr]
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError:
            self._lost("reset")
            return
        if count != len(data):
            self._unsent = len(data) - count
            self._loop.rewatch(self._fd, READ | WRITE)

    def _send_more(self) -> None:
        assert self._request is not None
        assert self._sock is not None
        data = self._request.octets
        try:
            self._unsent -= self._sock.send(memoryview(data)[len(data) - self._unsent :])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # an answer may have come all the same: the next recv tells
            self._loop.rewatch(self._fd, READ)
            return
        if not self._unsent:
            self._loop.rewatch(self._fd, READ)

    # --- answers ---------------------------------------------------------------------------------------------------

    def _on_ready(self, mask: int) -> None:
        if mask & WRITE and self._unsent:
            self._send_more()
        if not mask & READ:
            return
        try:
            data = self._sock.recv(READ_SIZE)  # type: ignore[union-attr]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._broken()
            return
        length = len(data)
        self._yard.octets += length
        if self._engine is not None or not length or self.state is not LaneState.BUSY:
            self._unusual(data)
            return
        left = self._left
        if left:
            left -= length
        else:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._unusual(data)
                return
            head = data[:end]
            facts = self._heads.get(head)
            if facts is None:
                facts = self._plan.learn(head)
            self._status, content = facts
            left = content + end + 4 - length
            if content < 0 or left < 0:
                self._unusual(data)
                return
        if left > 0:
            self._left = left
        else:
            self._left = 0
            self._complete(self._status, left == 0)

    def _complete(self, status: int, goes_on: bool) -> None:
        """The response is whole."""
        self._request = None
        if self._unsent or self._carried == self._plan.per_connection or not goes_on:
            self.close()  # a request that has not left whole can be followed by no other
        else:
            self.state = LaneState.READY
        self._yard.answered(self, status)

    def _unusual(self, data: bytes) -> None:
        """What the engine has to look at: from the first octet of a response, or to its end."""
        if self.state is not LaneState.BUSY or self._request is None:
            self.close()  # the end of an idle connection, or octets that nobody asked for
            return
        if not data and self._left:
            self._lost("closed")
            return
        now = self._loop.now
        engine = self._engine
        if engine is None:
            engine = self._engine = ClientConnection(now, limits=LIMITS)
            self._request.begin(engine, now)
        events = engine.receive(data, now) if data else engine.receive_eof(now)
        self._follow(engine, events, is_end=not data)

    def _follow(self, engine: ClientConnection, events: list[Event], *, is_end: bool) -> None:
        ended = False
        for event in events:
            if type(event) is ResponseStarted:
                self._status = event.status
                ended = event.ended
            elif type(event) is BodyChunk:
                engine.consumed(event.stream, len(event.data))
            elif type(event) is Ended:
                ended = True
            elif type(event) is Aborted and not ended:
                self._lost("closed" if is_end else "protocol")
                return
        if ended:
            self._engine = None
            self._complete(self._status, not engine.wants_close)

    # --- the end ---------------------------------------------------------------------------------------------------

    def _broken(self) -> None:
        """The connection failed under a request, or idle, which costs nobody anything."""
        if self._request is None:
            self.close()
        else:
            self._lost("reset")

    def _lost(self, kind: str) -> None:
        self.close()
        self._request = None
        self._yard.failed(self, kind)

    def expire(self) -> None:
        """The request under way, or the connection, took too long."""
        self._lost("connect" if self.state is LaneState.CONNECTING else "timeout")

    @property
    def is_asked(self) -> bool:
        """A request is under way, or waits for the connection."""
        return self._request is not None

    def close(self) -> None:
        """Close the connection."""
        self.state = LaneState.CLOSED
        self._engine = None
        self._left = 0
        self._unsent = 0
        if self._sock is not None:
            self._loop.unwatch(self._fd)
            self._sock.close()
            self._sock = None
