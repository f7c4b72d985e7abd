# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PRIORITY_UPDATE.  RFC 9218 §7.1."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import FrameHeader, FrameType, encode_frame

__all__ = ["decode_priority_update", "encode_priority_update"]


def decode_priority_update(header: FrameHeader, payload: bytes) -> tuple[int, bytes]:
    """The prioritized stream and its Priority field value.  Raises: H2ConnectionError."""
    if header.stream:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE on a stream")
    if len(payload) < 4:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY_UPDATE without a stream")
    stream = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
    if stream == 0 or not stream & 1:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE of a stream that is not the client's")
    return stream, payload[4:]


def encode_priority_update(stream: int, value: bytes) -> bytes:
    """A frame."""
    return encode_frame(FrameType.PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + value)
