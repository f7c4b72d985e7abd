# SPDX-License-Identifier: Apache-2.0 OR MIT
"""CONTINUATION, and field blocks cut into frames.  RFC 9113 §4.3, §6.10."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import Flag, FrameHeader, FrameType, encode_frame

__all__ = ["decode_continuation", "encode_block", "encode_continuation"]


def decode_continuation(header: FrameHeader, payload: bytes) -> bytes:
    """The fragment.  Raises: H2ConnectionError for stream 0."""
    if header.stream == 0:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION on stream 0")
    return payload


def encode_continuation(stream: int, fragment: bytes, *, end_headers: bool) -> bytes:
    """A frame."""
    return encode_frame(FrameType.CONTINUATION, Flag.END_HEADERS if end_headers else 0, stream, fragment)


def encode_block(kind: int, flags: int, stream: int, block: bytes, frame_size: int) -> bytes:
    """A block as a frame of `kind` and as many CONTINUATION frames as it needs."""
    if len(block) <= frame_size:
        return encode_frame(kind, flags | Flag.END_HEADERS, stream, block)
    frames = [encode_frame(kind, flags, stream, block[:frame_size])]
    for start in range(frame_size, len(block), frame_size):
        end = start + frame_size
        frames.append(encode_continuation(stream, block[start:end], end_headers=end >= len(block)))
    return b"".join(frames)
