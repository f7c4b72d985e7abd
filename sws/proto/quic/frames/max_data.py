# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MAX_DATA.  RFC 9000 §19.9."""

from __future__ import annotations

from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_max_data", "encode_max_data"]


def decode_max_data(data: bytes, at: int) -> tuple[int, int]:
    """Behind the type: the largest sum of offsets, the offset behind.  Raises: DecodeError."""
    maximum, at = read_varint(data, at)
    return maximum, at


def encode_max_data(maximum: int) -> bytes:
    """A frame."""
    return bytes((FrameType.MAX_DATA,)) + encode_varint(maximum)
