# SPDX-License-Identifier: Apache-2.0 OR MIT
"""STREAM_DATA_BLOCKED.  RFC 9000 §19.13."""

from __future__ import annotations

from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_stream_data_blocked", "encode_stream_data_blocked"]


def decode_stream_data_blocked(data: bytes, at: int) -> tuple[int, int, int]:
    """Behind the type: stream, the limit that held the sender up, the offset behind.  Raises: DecodeError."""
    stream, at = read_varint(data, at)
    limit, at = read_varint(data, at)
    return stream, limit, at


def encode_stream_data_blocked(stream: int, limit: int) -> bytes:
    """A frame."""
    return bytes((FrameType.STREAM_DATA_BLOCKED,)) + encode_varint(stream) + encode_varint(limit)
