# SPDX-License-Identifier: Apache-2.0 OR MIT
"""CRYPTO.  RFC 9000 §19.6.

06 | offset | length | octets
"""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.proto.quic.varint import VARINT_MAXIMUM, encode_varint, read_varint

__all__ = ["decode_crypto", "encode_crypto"]


def decode_crypto(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Behind the type: offset, octets, the offset behind.  Raises: DecodeError."""
    offset, at = read_varint(data, at)
    length, at = read_varint(data, at)
    if at + length > len(data) or offset + length > VARINT_MAXIMUM:
        raise DecodeError("CRYPTO: cut short or beyond the largest offset", at)
    return offset, data[at : at + length], at + length


def encode_crypto(offset: int, data: bytes) -> bytes:
    """A frame."""
    return b"".join((b"\6", encode_varint(offset), encode_varint(len(data)), data))
