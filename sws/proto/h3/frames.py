# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames: type, length, payload; types of unidirectional streams; grease.  RFC 9114 §6.2, §7, RFC 9218 §7.2.

A frame may be cut anywhere by QUIC.  `FrameReader` is fed a stream's octets and gives (type, payload) for whole frames, with two
exceptions: DATA comes in whatever pieces it arrives in, and what nobody knows is skipped without being kept.  A frame that has to be
whole and is larger than its bound is an error before it has come.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, final

from sws.base.errors import DecodeError, H3ConnectionError
from sws.base.reader import Reader
from sws.base.writer import encode_varint
from sws.proto.h3.errors import ErrorCode

__all__ = [
    "FRAME_UNEXPECTED_TYPES",
    "FrameReader",
    "FrameType",
    "StreamType",
    "decode_id",
    "decode_priority_update",
    "encode_frame",
    "encode_frame_head",
    "grease",
    "read_varint",
]


class FrameType(IntEnum):
    """RFC 9114 §11.2.1, RFC 9218 §10.2."""

    DATA = 0x0
    HEADERS = 0x1
    CANCEL_PUSH = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    GOAWAY = 0x7
    MAX_PUSH_ID = 0xD
    PRIORITY_UPDATE = 0xF0700
    PRIORITY_UPDATE_PUSH = 0xF0701


class StreamType(IntEnum):
    """Of a unidirectional stream, its first integer.  RFC 9114 §11.2.4, RFC 9204 §4.2."""

    CONTROL = 0x0
    PUSH = 0x1
    QPACK_ENCODER = 0x2
    QPACK_DECODER = 0x3


#: Types that HTTP/2 has and HTTP/3 has not.  RFC 9114 §7.2.8.
FRAME_UNEXPECTED_TYPES: Final = frozenset((0x2, 0x6, 0x8, 0x9))
_WHOLE: Final = frozenset(int(kind) for kind in FrameType if kind != FrameType.DATA) | FRAME_UNEXPECTED_TYPES
_HEAD_MAXIMUM: Final = 16
_MASKS: Final = (0x3F, 0x3FFF, 0x3FFFFFFF, 0x3FFFFFFFFFFFFFFF)


def grease(number: int) -> int:
    """A type, setting or error code that is reserved to be ignored.  RFC 9114 §7.2.8, §7.2.4.1, §6.2.3."""
    return 0x1F * (number % 0x1000000) + 0x21


def read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """The integer at an offset and the offset behind it.  Raises: IndexError if the octets end before it does.  RFC 9000 §16."""
    first = data[offset]
    if first < 0x40:
        return first, offset + 1
    power = first >> 6
    end = offset + (1 << power)
    if end > len(data):
        raise IndexError
    return int.from_bytes(data[offset:end], "big") & _MASKS[power], end


def encode_frame_head(kind: int, length: int) -> bytes:
    """What stands before a payload.  RFC 9114 §7.1."""
    if kind < 0x40 and length < 0x40:
        return bytes((kind, length))
    return encode_varint(kind) + encode_varint(length)


def encode_frame(kind: int, payload: bytes) -> bytes:
    """A whole frame.  RFC 9114 §7.1."""
    return encode_frame_head(kind, len(payload)) + payload


def decode_id(payload: bytes) -> int:
    """The payload of GOAWAY, MAX_PUSH_ID, CANCEL_PUSH: one integer and nothing else.  Raises: H3ConnectionError."""
    reader = Reader(payload)
    try:
        value = reader.varint()
    except DecodeError:
        raise H3ConnectionError(ErrorCode.H3_FRAME_ERROR, "a frame that is cut short") from None
    if reader.remaining:
        raise H3ConnectionError(ErrorCode.H3_FRAME_ERROR, "octets behind the end of a frame's field")
    return value


def decode_priority_update(payload: bytes) -> tuple[int, bytes]:
    """The prioritised element and its Priority field value.  RFC 9218 §7.2.  Raises: H3ConnectionError."""
    try:
        element, offset = read_varint(payload, 0)
    except IndexError:
        raise H3ConnectionError(ErrorCode.H3_FRAME_ERROR, "PRIORITY_UPDATE that is cut short") from None
    return element, payload[offset:]


@final
class FrameReader:
    """Cuts one stream into frames.

    Args:
      maximum:  octets that a frame may have that has to be whole.
    """

    __slots__ = ("_kind", "_left", "_maximum", "_rest")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._rest = b""
        self._kind = -1  # of the frame whose payload is not complete
        self._left = 0

    @property
    def is_between(self) -> bool:
        """No frame has begun: the stream may end here.  RFC 9114 §7.1."""
        return self._kind < 0 and not self._rest

    @property
    def is_inside(self) -> bool:
        """The payload of DATA or of an unknown frame is not complete."""
        return self._kind >= 0

    def feed(self, data: bytes) -> None:
        """More octets of the stream."""
        self._rest = self._rest + data if self._rest else data

    @property
    def waiting(self) -> int:
        """Octets that were fed and not read."""
        return len(self._rest)

    def read(self) -> tuple[int, bytes | None] | None:
        """The next piece, type and payload; None until more has come.

        A payload of None: a frame that nobody knows has begun.
        Raises: H3ConnectionError.
        """
        rest = self._rest
        kind = self._kind
        offset = 0
        if kind < 0:
            if not rest:
                return None
            try:
                kind, offset = read_varint(rest, 0)
                length, offset = read_varint(rest, offset)
            except IndexError:
                return None
            if kind in _WHOLE:
                end = offset + length
                if length > self._maximum:
                    raise H3ConnectionError(ErrorCode.H3_EXCESSIVE_LOAD, "a frame that is too large")
                if len(rest) < end:
                    return None
                self._rest = rest[end:]
                return kind, rest[offset:end]
            self._kind = kind
            self._left = length
        count = len(rest) - offset
        if count > self._left:
            count = self._left
        end = offset + count
        if not end and self._left:
            return None
        self._left -= count
        if not self._left:
            self._kind = -1
        self._rest = rest[end:]
        if kind == 0:
            return 0, rest[offset:end]
        return kind, None if offset else b""
