# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One HTTP/3 connection of the load: as `net.load.lane`, one request at a time, over a QUIC connection and a UDP socket of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, final

from sws.base.engine import Aborted, BodyChunk, Ended, Event, ResponseStarted
from sws.base.errors import LimitExceeded
from sws.net.load.lane import Lane, LaneState
from sws.net.load.plan import PlannedRequest
from sws.net.quic import ClientDriver
from sws.os.datagrams import QuicSocket, open_quic_socket
from sws.proto.h3 import ClientConnection, Http3Limits
from sws.proto.quic.api import ConnectionClosed, HandshakeDone, QuicEvent
from sws.proto.quic.client import ClientConnection as QuicConnection
from sws.proto.quic.config import QuicConfig

if TYPE_CHECKING:
    import socket

__all__ = ["Http3Lane"]

_LIMITS: Final = Http3Limits(body=None, head_timeout=1e9, body_timeout=1e9)  # time-outs are the plan's
_QUIC: Final = QuicConfig(idle_timeout=30.0)


def _make_id() -> tuple[bytes, bytes]:
    return os.urandom(8), os.urandom(16)


@final
class Http3Lane(Lane):
    """One connection."""

    __slots__ = ("_driver", "_http3", "_quic", "_udp")

    _http3: ClientConnection | None
    _quic: QuicConnection
    _driver: ClientDriver
    _udp: socket.socket

    def open(self) -> None:
        """Connect: the handshake is part of it."""
        loop = self._loop
        address = self._endpoint[1]
        assert isinstance(address, tuple)
        self.state = LaneState.CONNECTING
        self.sent = self._monotonic()
        self._carried = 0
        self._udp = open_quic_socket("::" if ":" in address[0] else "0.0.0.0", 0)  # noqa: S104 - a client's
        remote = (address[0], address[1])
        self._udp.connect(remote)
        io = QuicSocket(self._udp)
        assert self._tls is not None
        self._quic = QuicConnection(_QUIC, self._tls, io.local, remote, os.urandom(8), _make_id, lambda _id: None, os.urandom, loop.now)
        self._http3 = ClientConnection(self._quic, loop.now, limits=_LIMITS)
        self._driver = ClientDriver(loop, io, self._quic, self)

    def on_events(self, events: list[QuicEvent], now: float) -> None:
        """What the transport says."""
        engine = self._http3
        if engine is None:
            return
        found = engine.take(events, now)
        for event in events:
            if type(event) is HandshakeDone:
                self._yard.connections += 1
                self.state = LaneState.READY
                if self._request is not None:
                    self._send(self._request)
                else:
                    self._yard.opened(self)
            elif type(event) is ConnectionClosed and self._http3 is engine:
                if self._request is None and self.state is not LaneState.CONNECTING:
                    self.close()
                else:
                    self._lost("connect" if self.state is LaneState.CONNECTING else "closed")
                return
        self._followed(engine, found)

    def _send(self, request: PlannedRequest) -> None:
        engine = self._http3
        assert engine is not None
        if not engine.is_idle:  # the server has said GOAWAY, and nobody asked meanwhile
            self.close()
            self.open()
            return
        now = self._loop.now
        self.state = LaneState.BUSY
        self._carried += 1
        try:
            stream = engine.send_request(request.method, request.target, request.fields, now, ended=request.body is None)
        except LimitExceeded:
            self._lost("protocol")
            return
        if request.body is not None:
            engine.send_data(stream, request.body, ended=True)
        self._driver.touch(self._quic)

    def _followed(self, engine: ClientConnection, events: list[Event]) -> None:
        for event in events:
            ended = False
            if type(event) is ResponseStarted:
                self._status = event.status
                ended = event.ended
            elif type(event) is BodyChunk:
                self._yard.octets += len(event.data)
                engine.consumed(event.stream, len(event.data))
            elif type(event) is Ended:
                ended = True
            elif type(event) is Aborted:
                self._lost("protocol")
                return
            if ended:
                self._complete(self._status, engine.is_idle)

    def close(self) -> None:
        """Close the connection; the datagram that says so leaves at once."""
        super().close()
        if self._http3 is not None:
            self._http3 = None
            self._quic.close(0x100)
            self._driver.shut()
            for out in self._quic.datagrams_to_send(self._loop.now, 65536):
                try:
                    self._udp.send(out.data[: out.segment])
                except OSError:
                    break
            self._udp.close()
