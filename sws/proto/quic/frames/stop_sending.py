# SPDX-License-Identifier: Apache-2.0 OR MIT
"""STOP_SENDING.  RFC 9000 §19.5."""

from __future__ import annotations

from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_stop_sending", "encode_stop_sending"]


def decode_stop_sending(data: bytes, at: int) -> tuple[int, int, int]:
    """Behind the type: stream, application error code, the offset behind.  Raises: DecodeError."""
    stream, at = read_varint(data, at)
    code, at = read_varint(data, at)
    return stream, code, at


def encode_stop_sending(stream: int, code: int) -> bytes:
    """A frame."""
    return bytes((FrameType.STOP_SENDING,)) + encode_varint(stream) + encode_varint(code)
