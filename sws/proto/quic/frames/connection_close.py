# SPDX-License-Identifier: Apache-2.0 OR MIT
"""CONNECTION_CLOSE.  RFC 9000 §19.19.

1c | error code | frame type | length, reason          of the transport
1d | error code | length, reason                       of the application
"""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_connection_close", "encode_connection_close"]


def decode_connection_close(data: bytes, at: int, application: bool) -> tuple[int, int, bytes, int]:
    """Behind the type: code, frame type (0 for the application's), reason, the offset behind.  Raises: DecodeError."""
    code, at = read_varint(data, at)
    frame_type = 0
    if not application:
        frame_type, at = read_varint(data, at)
    length, at = read_varint(data, at)
    if at + length > len(data):
        raise DecodeError("CONNECTION_CLOSE: cut short", at)
    return code, frame_type, data[at : at + length], at + length


def encode_connection_close(code: int, frame_type: int, reason: bytes, application: bool) -> bytes:
    """A frame."""
    return b"".join(
        (
            bytes((FrameType.APPLICATION_CLOSE if application else FrameType.CONNECTION_CLOSE,)),
            encode_varint(code),
            b"" if application else encode_varint(frame_type),
            encode_varint(len(reason)),
            reason,
        )
    )
