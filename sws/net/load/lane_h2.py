# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One HTTP/2 connection of the load: as `net.load.lane`, one request at a time, every one through the client engine.

The engine lives as long as the connection, so that its HPACK tables and windows are those of a real client.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.engine import Aborted, BodyChunk, Ended, Event, FileSpan, ResponseStarted
from sws.net.load.lane import READ_SIZE, Lane, LaneState
from sws.net.load.plan import PlannedRequest
from sws.os.poller.base import READ, WRITE
from sws.proto.h2 import ClientConnection, Http2Limits

__all__ = ["Http2Lane"]

#: Time-outs are the plan's; windows are wide, since the load is to be the server's.
_LIMITS: Final = Http2Limits(
    body=None, window=1 << 20, connection_window=1 << 24, queue=1 << 30, connection_queue=1 << 30, head_timeout=1e9, body_timeout=1e9
)


@final
class Http2Lane(Lane):
    """One connection."""

    __slots__ = ("_http2", "_out")

    _http2: ClientConnection | None
    _out: bytes

    def _connected(self) -> None:
        self._http2 = ClientConnection(self._loop.now, limits=_LIMITS, scheme=b"http" if self._tls is None else b"https")
        self._out = b""
        super()._connected()

    def _send(self, request: PlannedRequest) -> None:
        now = self._loop.now
        engine = self._http2
        assert engine is not None
        self.state = LaneState.BUSY
        self._carried += 1
        stream = engine.send_request(request.method, request.target, request.fields, now, ended=request.body is None)
        if request.body is not None:
            engine.send_data(stream, request.body, ended=True)
        self._flush()

    def _flush(self) -> None:
        """Send what the socket takes."""
        engine, sock = self._http2, self._sock
        assert engine is not None
        assert sock is not None
        while True:
            if not self._out:
                self._out = b"".join(part for part in engine.data_to_send(self._loop.now) if not isinstance(part, FileSpan))
                if not self._out:
                    break
            try:
                self._out = self._out[sock.send(self._out) :]
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self._broken()
                return
        self._unsent = len(self._out)
        self._loop.rewatch(self._fd, READ | WRITE if self._out else READ)

    def _on_ready(self, mask: int) -> None:
        if mask & READ and not self._read():
            return
        if self._sock is not None and self._http2 is not None:
            self._flush()

    def _read(self) -> bool:
        """False if the connection is over."""
        assert self._sock is not None
        try:
            data = self._sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            self._broken()
            return False
        self._yard.octets += len(data)
        engine = self._http2
        if engine is None or (not data and self._request is None):
            self.close()
            return False
        events = engine.receive(data, self._loop.now) if data else engine.receive_eof(self._loop.now)
        return self._followed(engine, events, is_end=not data)

    def _followed(self, engine: ClientConnection, events: list[Event], *, is_end: bool) -> bool:
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
                return False
        if ended:
            self._complete(self._status, engine.is_idle)
        return self._sock is not None

    def close(self) -> None:
        """Close the connection."""
        super().close()
        self._http2 = None
        self._out = b""
