# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What leaves a connection: frames in order, content as far as windows go, whose turn it is.  RFC 9113 §5.2, §6.9.

    window    octets of DATA that the peer takes on the connection
    frame     largest payload that we send
    out       octets and file spans ready to leave
    queued    octets of content of all streams that wait for windows or their turn

Control frames and heads are written at once.  Content is, too, if nobody else waits and the windows have room for all of it; else it joins
its stream's queue, and `pump` lets the scheduler say whose frame is next, when there is room in the output.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final, final

from sws.base.engine import FileSpan, Output
from sws.proto.h2.frames import FrameType, encode_block
from sws.proto.h2.priority import Scheduler
from sws.proto.h2.settings import DEFAULT_FRAME, DEFAULT_WINDOW
from sws.proto.h2.states import STREAM, StreamInput, StreamState
from sws.proto.h2.stream import Stream
from sws.proto.hpack import Encoder

__all__ = ["Sender"]

_FRAME_MAXIMUM: Final = 65536
_HEAD: Final = Struct(">HBBBL").pack
_CLOSED: Final = StreamState.CLOSED
_END: Final = StreamInput.SEND_END_STREAM


@final
class Sender:
    """The sending half of a connection.

    Args:
      streams:    of the connection.
      scheduler:  who is next.
      encoder:    for trailers, whose blocks are encoded when they leave.
      ended:      called when END_STREAM was written.
    """

    __slots__ = (
        "_encoder",
        "_ended",
        "_given",
        "_peer_frame",
        "_spans",
        "_streams",
        "control",
        "frame",
        "out",
        "queued",
        "scheduler",
        "window",
    )

    def __init__(self, streams: dict[int, Stream], scheduler: Scheduler, encoder: Encoder, ended: Callable[[Stream], None]) -> None:
        self._streams = streams
        self.scheduler = scheduler
        self._encoder = encoder
        self._ended = ended
        self.window = DEFAULT_WINDOW
        self.frame = DEFAULT_FRAME
        self._peer_frame = DEFAULT_FRAME
        self.out: list[Output] = []
        self.queued = 0
        self.control = 0  # octets of frames that only answer the peer's frames
        self._spans: list[tuple[int, FileSpan]] = []  # in `out`
        self._given: list[tuple[int, FileSpan]] = []  # handed out last

    def set_frame(self, octets: int) -> None:
        """The peer's SETTINGS_MAX_FRAME_SIZE; larger frames than `_FRAME_MAXIMUM` would only make others wait."""
        self._peer_frame = octets
        self.frame = min(octets, _FRAME_MAXIMUM)

    def answer(self, octets: bytes) -> None:
        """A frame that a frame of the peer asked for."""
        self.out.append(octets)
        self.control += len(octets)

    def headers(self, stream: int, block: bytes, end_stream: bool) -> None:
        """A field block."""
        if len(block) <= self._peer_frame:
            length = len(block)
            self.out.append(_HEAD(length >> 8, length & 255, 1, 5 if end_stream else 4, stream) + block)
        else:
            self.out.append(encode_block(FrameType.HEADERS, int(end_stream), stream, block, self._peer_frame))

    def data(self, stream: Stream, data: Output, length: int, now: float) -> None:
        """Content; if `said_end` is set it is the last."""
        queued = stream.queued
        if not queued and (not length or (length <= stream.window and length <= self.window and length <= self.frame)):
            if not length or self.scheduler.is_idle:
                self._write(stream, data, length, stream.said_end and stream.trailers is None)
                return
        if length:
            if stream.queue is None:
                stream.queue = deque()
            stream.queue.append(data)
            stream.queued = queued + length
            self.queued += length
            self.wake(stream, now)

    def wake(self, stream: Stream, now: float) -> None:
        """Its queue or its window grew."""
        if stream.queued:
            if stream.window > 0:
                self.scheduler.activate(stream.number)
            if stream.blocked_since is None and (stream.window <= 0 or self.window <= 0):
                stream.blocked_since = now
                stream.sent = 0

    def _write(self, stream: Stream, data: Output, length: int, end: bool) -> None:
        """A DATA frame, or the empty one that only ends."""
        if not length and not end:
            return
        self.window -= length
        stream.window -= length
        head = _HEAD(length >> 8, length & 255, 0, 1 if end else 0, stream.number)
        if type(data) is bytes:
            self.out.append(head + data if length < 1024 else head)
            if length >= 1024:
                self.out.append(data)
        else:
            self.out.append(head)
            self.out.append(data)
            self._spans.append((stream.number, data))  # type: ignore[arg-type]
        if end:
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        state = STREAM.step((stream.state, _END))
        stream.state = _CLOSED if state is None else state
        self._ended(stream)

    def trailers(self, stream: Stream) -> None:
        """They leave now if nothing waits before them."""
        if not stream.queued and stream.trailers is not None:
            self.headers(stream.number, self._encoder.encode(stream.trailers), True)
            self._end(stream)

    def pump(self, budget: int, now: float) -> None:
        """Write DATA frames of streams that wait, about `budget` octets."""
        scheduler = self.scheduler
        while budget > 0 and self.window > 0:
            number = scheduler.pick()
            if not number:
                return
            stream = self._streams[number]
            budget -= self._next_frame(stream)
            if not stream.queued:
                scheduler.deactivate(number)
                stream.blocked_since = None
                self.trailers(stream)
            elif stream.window <= 0:
                scheduler.deactivate(number)
                if stream.blocked_since is None:
                    stream.blocked_since = now
                    stream.sent = 0

    def _next_frame(self, stream: Stream) -> int:
        """One frame of a stream's queue, from its first piece.  Returns: octets."""
        queue = stream.queue
        if queue is None:
            return 0
        piece = queue[0]
        size = len(piece) if type(piece) is bytes else piece.length  # type: ignore[union-attr]
        taken = stream.taken
        count = min(size - taken, stream.window, self.window, self.frame)
        part: Output
        if type(piece) is bytes:
            part = piece if count == size else piece[taken : taken + count]
        else:
            part = FileSpan(piece.fd, piece.offset + taken, count)  # type: ignore[union-attr]
        if taken + count == size:
            queue.popleft()
            stream.taken = 0
        else:
            stream.taken = taken + count
        stream.queued -= count
        stream.sent += count
        self.queued -= count
        self.scheduler.sent(stream.number, count)
        self._write(stream, part, count, not stream.queued and stream.said_end and stream.trailers is None)
        return count

    def forget(self, stream: Stream) -> None:
        """It is over: nothing of it leaves any more.  A span that was announced is emptied: its octets mean nothing to anybody."""
        self.queued -= stream.queued
        stream.queued = 0
        stream.queue = None
        stream.trailers = None
        self.scheduler.closed(stream.number)
        for spans in (self._given, self._spans):
            for number, span in spans:
                if number == stream.number:
                    span.fd = -1

    def take(self) -> list[Output]:
        """All that is ready, pieces of memory joined."""
        out = self.out
        self.out = []
        self.control = 0
        self._given = self._spans
        if self._spans:
            self._spans = []
            return out
        return out if len(out) < 2 else [b"".join(out)]  # type: ignore[arg-type]
