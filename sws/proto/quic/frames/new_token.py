# SPDX-License-Identifier: Apache-2.0 OR MIT
"""NEW_TOKEN.  RFC 9000 §19.7."""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_new_token", "encode_new_token"]


def decode_new_token(data: bytes, at: int) -> tuple[bytes, int]:
    """Behind the type: the token, the offset behind.  Raises: DecodeError if it is cut short or empty."""
    length, at = read_varint(data, at)
    if not length or at + length > len(data):
        raise DecodeError("NEW_TOKEN: empty or cut short", at)
    return data[at : at + length], at + length


def encode_new_token(token: bytes) -> bytes:
    """A frame."""
    return bytes((FrameType.NEW_TOKEN,)) + encode_varint(len(token)) + token
