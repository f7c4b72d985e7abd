# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The peer's content and the credit for it.  RFC 9113 §5.2, §6.1, §6.9.

    window       what the peer may still send on the connection
    unconsumed   octets of content delivered and not given back, of all streams
    withheld     octets whose connection credit waits until less is unconsumed
    initial      what the window of a new stream is, as far as the peer has acknowledged it

Connection credit is given back as DATA arrives, so that content nobody reads does not stop other streams; only when `connection_window`
octets lie unread altogether does it wait until they are consumed.  Stream credit is given back as content is consumed.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import H2ConnectionError, H2StreamError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import encode_window_update
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.sending import Sender
from sws.proto.h2.settings import DEFAULT_WINDOW
from sws.proto.h2.stream import Stream
from sws.proto.h2.windows import ReceiveWindow

__all__ = ["ContentIntake"]

_ROUND_TRIP: Final = 0.1  # until it is measured


@final
class ContentIntake:
    """Receive credit of one connection.

    Args:
      sender:  of the WINDOW_UPDATE frames.
    Attributes:
      round_trip:  seconds, of the acknowledgement of our SETTINGS.
    """

    __slots__ = ("_initial", "_limits", "_sender", "_unconsumed", "_withheld", "round_trip", "window")

    def __init__(self, limits: Http2Limits, sender: Sender, now: float) -> None:
        self._limits = limits
        self._sender = sender
        size = max(limits.connection_window, DEFAULT_WINDOW)
        self.window = ReceiveWindow(size, size, now)
        self._unconsumed = 0
        self._withheld = 0
        self._initial = DEFAULT_WINDOW
        self.round_trip = _ROUND_TRIP

    @property
    def greeting(self) -> bytes:
        """WINDOW_UPDATE for what the connection's window has beyond its initial value, or nothing."""
        more = self.window.size - DEFAULT_WINDOW
        return encode_window_update(0, more) if more else b""

    def arrived(self, length: int) -> None:
        """A DATA frame's payload.  Raises: H2ConnectionError if it is more than the connection's window."""
        self.window.granted -= length
        if self.window.granted < 0:
            raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window")

    def on_stream(self, stream: Stream, length: int, now: float) -> None:
        """The same for a stream that is open.  Raises: H2StreamError."""
        receive = stream.receive
        if receive is None:
            receive = stream.receive = ReceiveWindow(self._initial, self._limits.window_maximum, now)
        receive.granted -= length
        if receive.granted < 0:
            raise H2StreamError(stream.number, ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the stream's window")

    def delivered(self, stream: Stream, size: int, length: int, now: float) -> None:
        """Content that was given to whoever consumes it; the padding among `length` is consumed already."""
        self._unconsumed += size
        stream.unconsumed += size
        if self._unconsumed <= self._limits.connection_window:
            self.return_connection(length, now)
        else:
            self._withheld += length
        if length > size:
            self.return_stream(stream, length - size, now)

    def return_connection(self, octets: int, now: float) -> None:
        """The connection's credit for them goes back."""
        increment = self.window.give_back(octets, now, self.round_trip)
        if increment:
            self._sender.answer(encode_window_update(0, increment))

    def return_stream(self, stream: Stream, octets: int, now: float) -> None:
        """The stream's credit for them goes back."""
        if stream.receive is not None:
            increment = stream.receive.give_back(octets, now, self.round_trip)
            if increment:
                self._sender.answer(encode_window_update(stream.number, increment))

    def consumed(self, stream: Stream, octets: int, now: float) -> int:
        """Content was consumed.  Returns: how much of it was owed."""
        octets = min(octets, stream.unconsumed)
        stream.unconsumed -= octets
        self._unconsumed -= octets
        if self._withheld and self._unconsumed <= self._limits.connection_window:
            withheld, self._withheld = self._withheld, 0
            self.return_connection(withheld, now)
        return octets

    def forget(self, stream: Stream, now: float) -> None:
        """Nobody will consume what is left of a stream."""
        if stream.unconsumed:
            self.consumed(stream, stream.unconsumed, now)

    def is_shut(self, stream: Stream) -> bool:
        """The silence is ours: the peer has no credit to send more."""
        return self.window.granted <= 0 or (stream.receive is not None and stream.receive.granted <= 0)

    def acknowledged(self, round_trip: float, streams: dict[int, Stream]) -> None:
        """The peer knows our SETTINGS_INITIAL_WINDOW_SIZE now, and applies it to open streams too.  RFC 9113 §6.9.2."""
        self.round_trip = max(round_trip, 0.001)
        difference = self._limits.window - self._initial
        self._initial = self._limits.window
        for stream in streams.values():
            if stream.receive is not None:
                stream.receive.granted += difference
                stream.receive.size = max(stream.receive.size + difference, 1)
