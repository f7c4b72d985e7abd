# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One stream: its parts with their states.  RFC 9000 §3."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from sws.base.errors import UsageError
from sws.proto.quic.streams.receive import Reassembly
from sws.proto.quic.streams.send import SendBuffer
from sws.proto.quic.streams.states import RECEIVING, SENDING, Receive, ReceiveInput, Send, SendInput
from sws.proto.quic.streams.window import ReceiveWindow

if TYPE_CHECKING:
    from sws.proto.quic.streams.manager import Streams

__all__ = ["ReceivePart", "SendPart", "Stream"]


@final
class SendPart:
    """A sending part: an owner of STREAM frames.

    Attributes:
      max_data:     what the peer allows.
      prefix:       the stream's identifier as in frames.
      is_full:      `stream_credit` was used up: StreamWritable is owed.
      code:         of RESET_STREAM.
      final_size:   of RESET_STREAM.
    """

    __slots__ = ("buffer", "code", "final_size", "is_full", "max_data", "prefix", "state", "stream", "streams")

    def __init__(self, streams: Streams, stream: Stream, buffer: SendBuffer, prefix: bytes, max_data: int) -> None:
        self.streams = streams
        self.stream = stream
        self.buffer = buffer
        self.prefix = prefix
        self.max_data = max_data
        self.state = Send.READY
        self.is_full = False
        self.code = 0
        self.final_size = 0

    def step(self, given: SendInput) -> None:
        """The state after an input.  Raises: UsageError for one that cannot be; our own frames are never refused."""
        state = SENDING.step((self.state, given))
        if state is None:
            raise UsageError(f"{given.name} in {self.state.name}")
        self.state = state

    @property
    def is_terminal(self) -> bool:
        """Nothing is left to be done."""
        return self.state in (Send.DATA_RECVD, Send.RESET_RECVD)

    def acknowledged(self, first: int, second: int, third: int) -> None:
        """Octets arrived."""
        if self.state > Send.DATA_SENT:
            return
        buffer = self.buffer
        buffer.on_acked(first, second, bool(third))
        if buffer.fin_acked and self.state is Send.DATA_SENT and buffer.is_acked:
            self.step(SendInput.ALL_ACKED)
            self.streams.settle(self.stream)

    def lost(self, first: int, second: int, third: int) -> None:
        """Octets have to be sent again."""
        if self.state > Send.DATA_SENT:
            return
        self.buffer.on_lost(first, second, bool(third))
        self.streams.outflow.make_ready(self.stream)


@final
class ReceivePart:
    """A receiving part.

    Attributes:
      is_unwanted:  we asked the peer to stop: octets are counted and dropped.
      stop_code:    of STOP_SENDING.
    """

    __slots__ = ("is_unwanted", "reassembly", "state", "stop_code", "window")

    def __init__(self, window: ReceiveWindow) -> None:
        self.reassembly = Reassembly()
        self.window = window
        self.state = Receive.RECV
        self.is_unwanted = False
        self.stop_code = 0

    def step(self, given: ReceiveInput) -> bool:
        """The state after an input; False, and no change, for a frame that comes after its state was left."""
        state = RECEIVING.step((self.state, given))
        if state is None:
            return False
        self.state = state
        return True

    @property
    def is_terminal(self) -> bool:
        """The end went up, and every octet was given back."""
        if self.state is Receive.RESET_READ:
            return True
        return self.state is Receive.DATA_READ and self.window.consumed >= (self.reassembly.final_size or 0)


@final
class Stream:
    """Both parts; a unidirectional stream has one.

    Attributes:
      level, incremental:  order among streams that have something to send: 0 first, then 1 to 8 for the urgencies of RFC 9218.
    """

    __slots__ = ("identifier", "incremental", "level", "receive", "send")

    def __init__(self, identifier: int) -> None:
        self.identifier = identifier
        self.send: SendPart | None = None
        self.receive: ReceivePart | None = None
        self.level = 4
        self.incremental = False

    @property
    def is_terminal(self) -> bool:
        """It can be forgotten."""
        return (self.send is None or self.send.is_terminal) and (self.receive is None or self.receive.is_terminal)
