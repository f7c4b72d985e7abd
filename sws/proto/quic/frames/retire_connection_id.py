# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RETIRE_CONNECTION_ID.  RFC 9000 §19.16."""

from __future__ import annotations

from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_retire_connection_id", "encode_retire_connection_id"]


def decode_retire_connection_id(data: bytes, at: int) -> tuple[int, int]:
    """Behind the type: sequence number, the offset behind.  Raises: DecodeError."""
    sequence, at = read_varint(data, at)
    return sequence, at


def encode_retire_connection_id(sequence: int) -> bytes:
    """A frame."""
    return bytes((FrameType.RETIRE_CONNECTION_ID,)) + encode_varint(sequence)
