# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MAX_STREAM_DATA.  RFC 9000 §19.10."""

from __future__ import annotations

from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_max_stream_data", "encode_max_stream_data"]


def decode_max_stream_data(data: bytes, at: int) -> tuple[int, int, int]:
    """Behind the type: stream, its largest offset, the offset behind.  Raises: DecodeError."""
    stream, at = read_varint(data, at)
    maximum, at = read_varint(data, at)
    return stream, maximum, at


def encode_max_stream_data(stream: int, maximum: int) -> bytes:
    """A frame."""
    return bytes((FrameType.MAX_STREAM_DATA,)) + encode_varint(stream) + encode_varint(maximum)
