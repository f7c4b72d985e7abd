# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RESET_STREAM.  RFC 9000 §19.4."""

from __future__ import annotations

from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_reset_stream", "encode_reset_stream"]


def decode_reset_stream(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Behind the type: stream, application error code, final size, the offset behind.  Raises: DecodeError."""
    stream, at = read_varint(data, at)
    code, at = read_varint(data, at)
    final_size, at = read_varint(data, at)
    return stream, code, final_size, at


def encode_reset_stream(stream: int, code: int, final_size: int) -> bytes:
    """A frame."""
    return bytes((FrameType.RESET_STREAM,)) + encode_varint(stream) + encode_varint(code) + encode_varint(final_size)
