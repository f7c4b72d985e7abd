# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Streams and datagrams in memory, in the shape of `sws.proto.quic.api.StreamTransport`: two ends, and chance between them.

What one end sends waits in its `outgoing`; `deliver` moves it to the other end, cut where a source of chance says and with the streams in
any order, each in its own.  Windows of streams are kept: an end delivers no more than `window` octets of a stream that were not given
back.  A test that plays a peer by hand uses one end without an engine.
"""

from __future__ import annotations

import os
import random
from collections import deque
from typing import Final

from sws.base.engine import FileSpan
from sws.base.errors import LimitExceeded
from sws.proto.quic.api import (
    ConnectionClosed,
    DatagramReceived,
    HandshakeDone,
    QuicEvent,
    SendData,
    StopSending,
    StreamData,
    StreamReset,
    StreamsAvailable,
)

__all__ = ["FakeQuic", "linked"]

_FIN: Final = object()


class FakeQuic:
    """One end.

    Args:
      is_client:  the role.
      window:     octets of a stream that may be on their way or unconsumed.
      unidirectional, bidirectional:  how many streams may be opened.
      datagrams:  the largest datagram, 0 for none.
    """

    def __init__(
        self, is_client: bool, *, window: int = 1 << 20, unidirectional: int = 10, bidirectional: int = 1 << 20, datagrams: int = 1200
    ) -> None:
        self.is_client = is_client
        self.is_handshake_complete = True
        self.is_closed = False
        self.closed_with: tuple[int, str] | None = None
        self.peer: FakeQuic | None = None
        self.window = window
        self.allowed = {True: unidirectional, False: bidirectional}
        self.opened = {True: 0, False: 0}
        self.datagrams = datagrams
        self.bound = 1 << 18
        self.events: deque[QuicEvent] = deque()
        self.outgoing: dict[int, deque[object]] = {}  # stream -> octets, code of a reset, _FIN
        self.unconsumed: dict[int, int] = {}
        self.given_back: dict[int, int] = {}
        self.stopped: dict[int, int] = {}  # streams that we stopped, with the code
        self.was_reset: dict[int, int] = {}  # streams whose sending part we reset
        self.finished: set[int] = set()
        self.priorities: dict[int, tuple[int, bool]] = {}

    # --- StreamTransport ---------------------------------------------------------------------------------------------

    def take_events(self) -> list[QuicEvent]:
        found = list(self.events)
        self.events.clear()
        return found

    def open_stream(self, unidirectional: bool) -> int:
        if self.opened[unidirectional] >= self.allowed[unidirectional]:
            raise LimitExceeded("streams", self.opened[unidirectional] + 1, self.allowed[unidirectional])
        number = self.opened[unidirectional] * 4 + (2 if unidirectional else 0) + (0 if self.is_client else 1)
        self.opened[unidirectional] += 1
        return number

    def send_stream_data(self, stream: int, data: SendData, fin: bool = False) -> None:
        if self.is_closed or stream in self.was_reset or (self.peer is not None and stream in self.peer.stopped):
            return
        assert stream not in self.finished, f"data behind the end of stream {stream}"
        queue = self.outgoing.setdefault(stream, deque())
        octets = os.pread(data.fd, data.length, data.offset) if isinstance(data, FileSpan) else bytes(data)
        if octets:
            queue.append(octets)
        if fin:
            queue.append(_FIN)
            self.finished.add(stream)

    def stream_credit(self, stream: int) -> int:
        waiting = sum(len(part) for part in self.outgoing.get(stream, ()) if isinstance(part, bytes))
        return max(0, self.bound - waiting)

    def reset_stream(self, stream: int, code: int) -> None:
        if not self.is_closed and stream not in self.was_reset:
            self.was_reset[stream] = int(code)
            self.outgoing[stream] = deque([int(code)])

    def stop_sending(self, stream: int, code: int) -> None:
        if not self.is_closed:
            self.stopped.setdefault(stream, int(code))
            if self.peer is not None:
                self.peer.events.append(StopSending(stream, int(code)))
                if stream not in self.peer.finished:
                    self.peer.was_reset.setdefault(stream, int(code))
                self.peer.outgoing.pop(stream, None)

    def consumed(self, stream: int, octets: int) -> None:
        assert octets >= 0
        left = self.unconsumed.get(stream, 0) - octets
        assert left >= 0, f"stream {stream}: more given back than came"
        self.unconsumed[stream] = left

    def set_priority(self, stream: int, urgency: int, incremental: bool) -> None:
        self.priorities[stream] = (urgency, incremental)

    def datagram_limit(self) -> int:
        return self.datagrams

    def send_datagram(self, data: bytes) -> bool:
        if len(data) > self.datagrams or self.peer is None:
            return False
        self.peer.events.append(DatagramReceived(data))
        return True

    def close(self, code: int, reason: str = "", application: bool = True) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.closed_with = (int(code), reason)
            self.events.append(ConnectionClosed(int(code), reason, False, application))
            if self.peer is not None and not self.peer.is_closed:
                self.peer.is_closed = True
                self.peer.closed_with = (int(code), reason)
                self.peer.events.append(ConnectionClosed(int(code), reason, True, application))

    # --- the test's side ---------------------------------------------------------------------------------------------

    def allow(self, unidirectional: bool, count: int) -> None:
        """The peer lets us open so many streams altogether."""
        self.allowed[unidirectional] = count
        self.events.append(StreamsAvailable(unidirectional))

    def complete_handshake(self) -> None:
        """For an end that began with `is_handshake_complete` False."""
        self.is_handshake_complete = True
        self.events.append(HandshakeDone(b"h3"))

    def inject(self, stream: int, data: bytes, fin: bool = False) -> None:
        """Octets that arrive at this end."""
        self.unconsumed[stream] = self.unconsumed.get(stream, 0) + len(data)
        self.events.append(StreamData(stream, data, fin))

    def sent(self, stream: int) -> bytes:
        """Octets that wait to leave on a stream."""
        return b"".join(part for part in self.outgoing.get(stream, ()) if isinstance(part, bytes))

    def deliver(self, chance: random.Random | None = None) -> bool:
        """Move something to the peer: all of it, or with chance a piece of one stream.  False: there was nothing that could go."""
        peer = self.peer
        assert peer is not None
        moved = False
        streams = [stream for stream, queue in self.outgoing.items() if queue]
        if chance is not None and streams:
            chance.shuffle(streams)
            streams = streams[: chance.randint(1, len(streams))]
        for stream in streams:
            queue = self.outgoing[stream]
            while queue:
                part = queue[0]
                if isinstance(part, int):
                    queue.popleft()
                    if stream not in peer.stopped:
                        peer.events.append(StreamReset(stream, part))
                    moved = True
                elif part is _FIN:
                    queue.popleft()
                    if stream not in peer.stopped:
                        peer.events.append(StreamData(stream, b"", True))
                    moved = True
                else:
                    assert isinstance(part, bytes)
                    room = peer.window - peer.unconsumed.get(stream, 0)
                    count = min(room, len(part) if chance is None else chance.randint(1, len(part)))
                    if count <= 0:
                        break
                    queue.popleft()
                    if count < len(part):
                        queue.appendleft(part[count:])
                    ends = count == len(part) and bool(queue) and queue[0] is _FIN and (chance is None or chance.random() < 0.7)
                    if ends:
                        queue.popleft()
                    moved = True
                    if stream not in peer.stopped:
                        peer.unconsumed[stream] = peer.unconsumed.get(stream, 0) + count
                        peer.events.append(StreamData(stream, part[:count], ends))
                if chance is not None:
                    break
        return moved


def linked(**options: int) -> tuple[FakeQuic, FakeQuic]:
    """A client's end and a server's."""
    client, server = FakeQuic(True, **options), FakeQuic(False, **options)
    client.peer, server.peer = server, client
    return client, server
