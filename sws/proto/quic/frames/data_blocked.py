# SPDX-License-Identifier: Apache-2.0 OR MIT
"""DATA_BLOCKED.  RFC 9000 §19.12."""

from __future__ import annotations

from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_data_blocked", "encode_data_blocked"]


def decode_data_blocked(data: bytes, at: int) -> tuple[int, int]:
    """Behind the type: the limit that held the sender up, the offset behind.  Raises: DecodeError."""
    limit, at = read_varint(data, at)
    return limit, at


def encode_data_blocked(limit: int) -> bytes:
    """A frame."""
    return bytes((FrameType.DATA_BLOCKED,)) + encode_varint(limit)
