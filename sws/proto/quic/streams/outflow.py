# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the streams of a connection send, in which order, within the peer's limits.  RFC 9000 §4.1, §19.8, §19.12; RFC 9218 §10.

    ready      has octets, or its end, and credit for them: one ordered dict for each level, the lowest level first
    starved    has octets, and credit of its own, but the connection has none

What waits for its own credit is in neither.  Of a level the stream that is longest ready goes on until it has nothing left, or, if it is
incremental, takes turns with the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.proto.quic.api import QuicEvent, StreamWritable
from sws.proto.quic.control import ControlFrames
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.recovery.loss import FrameRecord
from sws.proto.quic.streams.states import Send, SendInput
from sws.proto.quic.streams.stream import Stream
from sws.proto.quic.varint import encode_varint, varint_size

__all__ = ["SEND_BOUND", "Outflow"]

SEND_BOUND: Final = 1 << 17
"""Octets of one stream that may wait to be sent, for those who obey `stream_credit`."""

_KINDS: Final = tuple(bytes((kind,)) for kind in range(16))


@final
class Outflow:
    """Of one connection.

    Args:
      control:    where BLOCKED frames are wanted.
      emit:       takes events.
      lost_file:  told of a stream whose file ended too early; resets it.
    Attributes:
      ready_mask:  a bit for each level at which something is ready.
      max_data:    what the peer allows on all streams together.
      sent:        octets of that used.
    """

    __slots__ = ("_blocked_at", "_control", "_emit", "_lost_file", "_ready", "_starved", "max_data", "ready_mask", "sent")

    def __init__(self, control: ControlFrames, emit: Callable[[QuicEvent], None], lost_file: Callable[[int], None]) -> None:
        self._control = control
        self._emit = emit
        self._lost_file = lost_file
        self._ready: tuple[dict[int, Stream], ...] = tuple([{} for _ in range(9)])
        self._starved: dict[int, Stream] = {}
        self._blocked_at = -1
        self.ready_mask = 0
        self.max_data = 0
        self.sent = 0

    @property
    def is_starved(self) -> bool:
        """Some stream waits for the connection's credit."""
        return bool(self._starved)

    def allow(self, maximum: int) -> None:
        """The peer's limit for all streams together; it never falls."""
        if maximum > self.max_data:
            self.max_data = maximum
            starved, self._starved = self._starved, {}
            for stream in starved.values():
                self.make_ready(stream)

    def forget_all(self) -> None:
        """Nothing of what was sent ever was."""
        self._clear()
        self.ready_mask = 0
        self.max_data = 0
        self.sent = 0

    def release(self) -> None:
        """The connection is over: let go of the streams, and of who is told."""
        self._clear()
        del self._lost_file

    def _clear(self) -> None:
        self._starved.clear()
        for ready in self._ready:
            ready.clear()

    # --- who may send ------------------------------------------------------------------------------------------------

    def make_ready(self, stream: Stream) -> None:
        """Something may be there to send."""
        part = stream.send
        if part is None or part.state > Send.DATA_SENT or not part.buffer.is_pending:
            return
        buffer = part.buffer
        if not buffer.has_lost and buffer.unsent and buffer.next >= part.max_data:
            if part.max_data or buffer.next:
                self._control.want(FrameType.STREAM_DATA_BLOCKED, stream.identifier)
            return
        if not buffer.has_lost and buffer.unsent and self.sent >= self.max_data:
            self._starve(stream)
            return
        self._ready[stream.level][stream.identifier] = stream
        self.ready_mask |= 1 << stream.level

    def unready(self, stream: Stream) -> bool:
        """Out of its level's queue; whether it was there."""
        ready = self._ready[stream.level]
        if ready.pop(stream.identifier, None) is None:
            return False
        if not ready:
            self.ready_mask &= ~(1 << stream.level)
        return True

    def drop(self, stream: Stream) -> None:
        """It sends nothing any more."""
        self.unready(stream)
        self._starved.pop(stream.identifier, None)

    def _starve(self, stream: Stream) -> None:
        self._starved[stream.identifier] = stream
        if self._blocked_at != self.max_data:
            self._blocked_at = self.max_data
            if self.max_data:
                self._control.want(FrameType.DATA_BLOCKED)

    # --- STREAM frames -----------------------------------------------------------------------------------------------

    def fill(self, parts: list[bytes], records: list[FrameRecord], room: int, may_be_last: bool = True) -> int:
        """Puts STREAM frames into a packet; returns the room left, 0 once a frame without length was put."""
        while self.ready_mask and room > 12:
            level = (self.ready_mask & -self.ready_mask).bit_length() - 1
            ready = self._ready[level]
            stream = next(iter(ready.values()))
            left = self._fill_from(stream, parts, records, room, may_be_last)
            part = stream.send
            if (
                left == room
                or part is None
                or not part.buffer.is_pending
                or part.buffer.next >= part.max_data
                or self.sent >= self.max_data
            ):
                self.unready(stream)
                self.make_ready(stream)
                if left == room and stream.identifier in ready:
                    return room
            elif stream.incremental and len(ready) > 1:
                ready[stream.identifier] = ready.pop(stream.identifier)
            room = left
        return room

    def _fill_from(self, stream: Stream, parts: list[bytes], records: list[FrameRecord], room: int, may_be_last: bool) -> int:
        part = stream.send
        if part is None:
            return room
        buffer, prefix = part.buffer, part.prefix
        start = buffer.next
        space = room - 1 - len(prefix) - (varint_size(start) if start else 0)
        if not may_be_last or buffer.has_lost:
            space = room - 4 - len(prefix) - 8
        if space <= 0:
            return room
        try:
            piece = buffer.piece(space, min(part.max_data - start, self.max_data - self.sent))
        except EOFError:
            self._lost_file(stream.identifier)
            return room
        if piece is None:
            return room
        offset, data, fin = piece
        stop = offset + len(data)
        if stop > start:
            self.sent += stop - start
        part.step(SendInput.FIN if fin else SendInput.STREAM)
        records.append((part, offset, stop, fin))
        if part.is_full and SEND_BOUND - buffer.unsent >= SEND_BOUND // 2 and not buffer.fin:
            part.is_full = False
            self._emit(StreamWritable(stream.identifier))
        position = encode_varint(offset) if offset else b""
        size = len(data)
        kind = 0x08 | (4 if offset else 0) | fin
        left = room - 1 - len(prefix) - len(position) - size
        if may_be_last and left < 3:
            parts.append(_KINDS[kind] + prefix + position)
            parts.append(data)
            return 0
        length = encode_varint(size)
        parts.append(_KINDS[kind | 2] + prefix + position + length)
        parts.append(data)
        return left - len(length)
