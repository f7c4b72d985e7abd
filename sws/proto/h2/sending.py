# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What leaves a connection: frames in order, content as far as windows go, whose turn it is.  RFC 9113 §5.2, §6.9.

    window    octets of DATA that the peer takes on the connection
    frame     largest payload that we send
    out       octets and file spans ready to leave
    queued    octets of content of all streams that wait for windows or their turn
    ready     octets of content in `out`

Control frames and heads are written at once.  Content is, too, if nobody else waits and the windows have room for all of it; else it joins
its stream's queue, and `pump` lets the scheduler say whose frame is next, when there is room in the output.

A file span in a queue is shortened from its front as its parts are announced, so whoever made it sees in its length what has not been.
The parts are spans of their own.  When their stream is over before they have left, their place in the frame is filled with zeros
(`NO_FILE`): the peer throws them away, and the frames of other streams behind them are whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final, final

from sws.base.engine import NO_FILE, FileSpan, Output
from sws.base.errors import H2ConnectionError, H2StreamError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import FrameType, encode_block
from sws.proto.h2.priority import Scheduler
from sws.proto.h2.settings import DEFAULT_FRAME, DEFAULT_WINDOW, MAXIMUM_WINDOW
from sws.proto.h2.states import STREAM, Message, StreamInput, StreamState
from sws.proto.h2.stream import Stream
from sws.proto.hpack import Encoder

__all__ = ["FRAME_HEAD", "Sender"]

_FRAME_MAXIMUM: Final = 65536
FRAME_HEAD: Final = Struct(">HBBBL").pack
"""Nine octets: length >> 8, length & 255, type, flags, stream."""
_CLOSED: Final = StreamState.CLOSED
_END: Final = StreamInput.SEND_END_STREAM
_ENDED: Final = Message.ENDED


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
        "ready",
        "scheduler",
        "sent",
        "shut_since",
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
        self.ready = 0
        self.sent = 0  # octets since the connection's window was found shut
        self.shut_since: float | None = None
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
        length = len(block)
        if length <= self._peer_frame:
            self.out.append(FRAME_HEAD(length >> 8, length & 255, 1, 5 if end_stream else 4, stream) + block)
        else:
            self.out.append(encode_block(FrameType.HEADERS, int(end_stream), stream, block, self._peer_frame))

    def data(self, stream: Stream, data: Output, length: int, end: bool, now: float) -> None:
        """Content; if `end` it is the last, and no trailers follow."""
        queued = stream.queued
        if not queued and (not length or self._has_room(stream, length)):
            self._write(stream, data, length, end)
            return
        if length:
            if stream.queue is None:
                stream.queue = deque()
            stream.queue.append(data)
            stream.queued = queued + length
            self.queued += length
            self.wake(stream, now)

    def _has_room(self, stream: Stream, length: int) -> bool:
        """It can leave in one frame, and nobody waits."""
        return length <= stream.window and length <= self.window and length <= self.frame and self.scheduler.is_idle

    def add_window(self, number: int, increment: int, now: float) -> None:
        """The peer makes room, on the connection (0) or a stream.  RFC 9113 §6.9.1.  Raises: H2ConnectionError, H2StreamError."""
        if not number:
            self.window += increment
            if self.window > MAXIMUM_WINDOW:
                raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a connection window above 2^31-1")
            return
        stream = self._streams.get(number)
        if stream is not None:
            stream.window += increment
            if stream.window > MAXIMUM_WINDOW:
                raise H2StreamError(number, ErrorCode.FLOW_CONTROL_ERROR, "a stream window above 2^31-1")
            self.wake(stream, now)

    def change_windows(self, difference: int, now: float) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE changes the windows of all streams.  RFC 9113 §6.9.2.  Raises: H2ConnectionError."""
        for stream in self._streams.values():
            stream.window += difference
            if stream.window > MAXIMUM_WINDOW:
                raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a stream window above 2^31-1")
            if stream.window <= 0:
                self.scheduler.deactivate(stream.number)
            self.wake(stream, now)

    def wake(self, stream: Stream, now: float) -> None:
        """Its queue or its window grew."""
        if stream.queued:
            if stream.window > 0:
                self.scheduler.activate(stream.number)
            elif stream.blocked_since is None:
                self._blocked(stream, now)

    @staticmethod
    def _blocked(stream: Stream, now: float) -> None:
        stream.blocked_since = now
        stream.sent = 0

    def _write(self, stream: Stream, data: Output, length: int, end: bool) -> None:
        """A DATA frame, or the empty one that only ends."""
        if not length and not end:
            return
        self.window -= length
        stream.window -= length
        self.ready += length
        self.sent += length
        head = FRAME_HEAD(length >> 8, length & 255, 0, 1 if end else 0, stream.number)
        self.out.append(head)
        if length:
            self.out.append(data)
            if type(data) is FileSpan:
                self._spans.append((stream.number, data))
        if end:
            self.end(stream)

    def end(self, stream: Stream) -> None:
        """END_STREAM was written."""
        state = STREAM.step((stream.state, _END))
        stream.state = _CLOSED if state is None else state
        self._ended(stream)

    def trailers(self, stream: Stream) -> None:
        """They leave now if nothing waits before them."""
        if not stream.queued and stream.trailers is not None:
            self.headers(stream.number, self._encoder.encode(stream.trailers), True)
            self.end(stream)

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
                if stream.blocked_since is None or stream.sent >= DEFAULT_FRAME:
                    self._blocked(stream, now)

    def _next_frame(self, stream: Stream) -> int:
        """One frame of a stream's queue.  Returns: octets."""
        queue = stream.queue
        if not queue:
            return 0
        limit = min(stream.window, self.window, self.frame)
        piece = queue[0]
        part: Output
        if type(piece) is FileSpan:
            count = min(piece.length, limit)
            part = FileSpan(piece.fd, piece.offset, count)
            piece.offset += count
            piece.length -= count
            is_whole = not piece.length
        else:
            part, count, is_whole = self._cut(queue, limit)
        if is_whole:
            queue.popleft()
        stream.queued -= count
        stream.sent += count
        self.queued -= count
        self.scheduler.sent(stream.number, count)
        said_all = not stream.queued and stream.said is _ENDED and stream.trailers is None
        self._write(stream, part, count, said_all)
        return count

    @staticmethod
    def _cut(queue: deque[Output | memoryview], limit: int) -> tuple[bytes, int, bool]:
        """Octets from the front piece, and whether that is all of it.  The rest is a view, so that no octet is copied twice."""
        piece = queue[0]
        size = len(piece)  # type: ignore[arg-type]
        if size <= limit:
            return bytes(piece), size, True  # type: ignore[arg-type]
        view = memoryview(piece)  # type: ignore[arg-type]
        queue[0] = view[limit:]
        return bytes(view[:limit]), limit, False

    def is_stalled(self, now: float, patience: float, rate: int) -> bool:
        """Content has waited for the connection's window too long, or gets out of it in drops.  To be asked once in a while."""
        if not self.queued or self.window > 0:
            self.shut_since = None
            return False
        if self.shut_since is None or self.sent >= DEFAULT_FRAME:
            self.shut_since = now
            self.sent = 0
            return False
        return now - self.shut_since >= patience + self.sent / rate

    def break_off(self, stream: Stream) -> None:
        """It is over before its end: nothing of it leaves any more, and zeros in place of what was announced."""
        self.queued -= stream.queued
        stream.queued = 0
        stream.queue = None
        stream.trailers = None
        if self._given or self._spans:
            for spans in (self._given, self._spans):
                for number, span in spans:
                    if number == stream.number:
                        span.fd = NO_FILE

    def take(self) -> list[Output]:
        """All that is ready, pieces of memory joined."""
        out = self.out
        self.out = []
        self.control = 0
        self.ready = 0
        self._given = self._spans
        if not self._spans:
            return out if len(out) < 2 else [b"".join(out)]  # type: ignore[arg-type]
        self._spans = []
        return _join(out)


def _join(pieces: list[Output]) -> list[Output]:
    """Pieces of memory between file spans, each joined."""
    found: list[Output] = []
    run: list[bytes] = []
    for piece in pieces:
        if type(piece) is FileSpan:
            found.append(b"".join(run))
            found.append(piece)
            run = []
        else:
            run.append(piece)
    if run:
        found.append(b"".join(run))
    return found
