# SPDX-License-Identifier: Apache-2.0 OR MIT
"""DATAGRAM.  RFC 9221 §4.

30 | octets to the end of the packet          31 | length | octets
"""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_datagram", "encode_datagram"]


def decode_datagram(data: bytes, at: int, has_length: bool) -> tuple[bytes, int]:
    """Behind the type: octets, the offset behind.  Raises: DecodeError."""
    if not has_length:
        return data[at:], len(data)
    length, at = read_varint(data, at)
    if at + length > len(data):
        raise DecodeError("DATAGRAM: cut short", at)
    return data[at : at + length], at + length


def encode_datagram(octets: bytes) -> bytes:
    """A frame with its length."""
    return bytes((FrameType.DATAGRAM_LENGTH,)) + encode_varint(len(octets)) + octets
