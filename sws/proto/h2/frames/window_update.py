# SPDX-License-Identifier: Apache-2.0 OR MIT
"""WINDOW_UPDATE.  RFC 9113 §6.9."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError, H2StreamError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import FrameHeader, FrameType, encode_frame

__all__ = ["decode_window_update", "encode_window_update"]


def decode_window_update(header: FrameHeader, payload: bytes) -> int:
    """The increment.  Raises: H2ConnectionError; H2StreamError for an increment of 0 on a stream."""
    if len(payload) != 4:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE that has not four octets")
    increment = int.from_bytes(payload, "big") & 0x7FFFFFFF
    if increment == 0:
        if header.stream:
            raise H2StreamError(header.stream, ErrorCode.PROTOCOL_ERROR, "a window increment of 0")
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "a window increment of 0")
    return increment


def encode_window_update(stream: int, increment: int) -> bytes:
    """A frame."""
    return encode_frame(FrameType.WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))
