# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RST_STREAM.  RFC 9113 §6.4."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import FrameHeader, FrameType, encode_frame

__all__ = ["decode_rst_stream", "encode_rst_stream"]


def decode_rst_stream(header: FrameHeader, payload: bytes) -> int:
    """The error code.  Raises: H2ConnectionError for a wrong length or stream 0."""
    if len(payload) != 4:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM that has not four octets")
    if header.stream == 0:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM on stream 0")
    return int.from_bytes(payload, "big")


def encode_rst_stream(stream: int, code: int) -> bytes:
    """A frame."""
    return encode_frame(FrameType.RST_STREAM, 0, stream, code.to_bytes(4, "big"))
