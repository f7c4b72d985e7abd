# SPDX-License-Identifier: Apache-2.0 OR MIT
"""DATA.  RFC 9113 §6.1."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import Flag, FrameHeader, FrameType, encode_frame
from sws.proto.h2.frames.padding import pad, strip_padding

__all__ = ["decode_data", "encode_data"]


def decode_data(header: FrameHeader, payload: bytes) -> bytes:
    """The content.  Raises: H2ConnectionError for stream 0 or padding that does not fit."""
    if header.stream == 0:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "DATA on stream 0")
    return strip_padding(payload, header.flags)


def encode_data(stream: int, content: bytes, *, end_stream: bool = False, padding: int | None = None) -> bytes:
    """A frame.  Padding hides lengths (§10.7): None is none, 0 is an octet that says so."""
    flags = Flag.END_STREAM if end_stream else 0
    if padding is None:
        return encode_frame(FrameType.DATA, flags, stream, content)
    return encode_frame(FrameType.DATA, flags | Flag.PADDED, stream, pad(content, padding))
