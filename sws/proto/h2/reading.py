# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Octets to frames and whole field blocks.  RFC 9113 §3.4, §4.1, §4.3, §6.10.

    rest     what is not a whole frame yet
    _block   the field block that is being put together, until its END_HEADERS; nothing else may come meanwhile
    partial  since when the frame or field block that is not whole has been awaited

What was read goes to a `FrameTaker`, frames that carry no message to `control`.  They raise H2StreamError for a fault that is one
stream's, which goes to the taker as `take_failure`.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final, Protocol, TypeAlias, final

from sws.base.engine import Event
from sws.base.errors import H2ConnectionError, H2StreamError
from sws.proto.h2.blocks import BlockAssembly
from sws.proto.h2.budgets import Budgets
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import Flag, FrameHeader, FrameType, decode_headers
from sws.proto.h2.life import Life
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.states import ConnectionInput, ConnectionState

__all__ = ["PREFACE", "FrameReader", "FrameTaker"]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client's first octets are.  RFC 9113 §3.4."""

_AT_PREFACE: Final = ConnectionState.PREFACE
_OVER: Final = ConnectionState.CLOSED
_Control: TypeAlias = Callable[[FrameHeader, bytes, float, list[Event]], None]
_header: Final = Struct(">HBBBL").unpack_from


class FrameTaker(Protocol):
    """What becomes of messages."""

    def take_section(self, number: int, block: bytes, flags: int, priority: bytes | None, now: float, events: list[Event]) -> None:
        """A whole field block, with the flags of its HEADERS frame."""

    def take_data(self, number: int, flags: int, payload: bytes, now: float, events: list[Event]) -> None:
        """A DATA frame."""

    def take_failure(self, error: H2StreamError, now: float, events: list[Event]) -> None:
        """One of the above was an error of its stream."""


@final
class FrameReader:
    """The reading half of a connection.

    Args:
      client:   our role: a client's peer sends no preface but SETTINGS.
      taker:    of messages.
      control:  takes any other frame.
    """

    __slots__ = ("_block", "_budgets", "_client", "_control", "_life", "_limits", "_taker", "partial", "rest")

    def __init__(self, client: bool, limits: Http2Limits, budgets: Budgets, life: Life, taker: FrameTaker, control: _Control) -> None:
        self._client = client
        self._limits = limits
        self._budgets = budgets
        self._life = life
        self._taker = taker
        self._control = control
        self._block: BlockAssembly | None = None
        self.rest = b""
        self.partial: float | None = None

    def read(self, data: bytes, now: float, events: list[Event]) -> None:
        """Octets from the peer.  Raises: H2ConnectionError."""
        if self.rest:
            data = self.rest + data
        offset = self._begin(data) if self._life.state is _AT_PREFACE else 0
        if offset >= 0:
            offset = self._read_frames(data, offset, now, events)
        self.rest = data[max(offset, 0) :]
        if not self.rest and self._block is None:
            self.partial = None
        elif self.partial is None:
            self.partial = now

    def stop(self) -> None:
        """Nothing is awaited any more."""
        self.rest = b""
        self._block = None
        self.partial = None

    def is_within_data_of(self, number: int) -> bool:
        """What is not whole is content of this stream."""
        rest = self.rest
        return len(rest) >= 9 and rest[3] == 0 and int.from_bytes(rest[5:9], "big") & 0x7FFFFFFF == number

    def _begin(self, data: bytes) -> int:
        """Where frames begin, -1 if that is not known yet; the first must be SETTINGS.  RFC 9113 §3.4."""
        offset = 0 if self._client else len(PREFACE)
        if not self._client and data[:offset] != PREFACE[: len(data)]:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "not the preface of HTTP/2")
        if len(data) < offset + 9:
            return -1
        if data[offset + 3] != FrameType.SETTINGS or data[offset + 4] & Flag.ACK:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if len(data) < offset + 9 + int.from_bytes(data[offset : offset + 3], "big") <= offset + 9 + self._limits.frame:
            return -1
        self._life.step(ConnectionInput.SETTINGS)
        return offset

    def _read_frames(self, data: bytes, offset: int, now: float, events: list[Event]) -> int:
        end = len(data)
        maximum = self._limits.frame
        taker = self._taker
        life = self._life
        while end - offset >= 9:
            high, low, kind, flags, number = _header(data, offset)
            length = high << 8 | low
            if length > maximum:
                raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a frame larger than SETTINGS_MAX_FRAME_SIZE")
            stop = offset + 9 + length
            if stop > end:
                break
            payload = data[offset + 9 : stop]
            offset = stop
            number &= 0x7FFFFFFF
            try:
                if kind == 1 and flags & 0x2C == 4 and self._block is None and number:
                    taker.take_section(number, payload, flags, None, now, events)
                elif kind == 0 and self._block is None:
                    taker.take_data(number, flags, payload, now, events)
                else:
                    self._frame(FrameHeader(length, kind, flags, number), payload, now, events)
            except H2StreamError as error:
                taker.take_failure(error, now, events)
            if self._block is None:
                self.partial = None
            if life.state is _OVER:
                return end
        return offset

    def _frame(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        """Any frame but a DATA frame or a HEADERS frame with nothing special."""
        if self._block is not None:
            self._on_continuation(self._block, header, payload, now, events)
        elif header.type == FrameType.HEADERS:
            fragment, priority = decode_headers(header, payload)
            if header.flags & Flag.END_HEADERS:
                self._taker.take_section(header.stream, fragment, header.flags, priority, now, events)
            else:
                self._block = BlockAssembly(header, fragment, priority, self._limits)
        elif header.type == FrameType.CONTINUATION:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without a field block")
        else:
            self._control(header, payload, now, events)

    def _on_continuation(self, block: BlockAssembly, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        if header.type != FrameType.CONTINUATION or header.stream != block.head.stream:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "another frame within a field block")
        if not block.add(payload):
            raise self._budgets.exceeded("continuation")
        if header.flags & Flag.END_HEADERS:
            self._block = None
            self._taker.take_section(block.head.stream, block.joined(), block.head.flags, block.priority, now, events)
        elif not payload:
            self._budgets.spend("empty", now)
