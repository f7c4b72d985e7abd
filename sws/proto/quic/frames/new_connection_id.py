# SPDX-License-Identifier: Apache-2.0 OR MIT
"""NEW_CONNECTION_ID.  RFC 9000 §19.15.

18 | sequence number | retire prior to | length (1) | connection ID (1..20) | stateless reset token (16)
"""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_new_connection_id", "encode_new_connection_id"]


def decode_new_connection_id(data: bytes, at: int) -> tuple[int, int, bytes, bytes, int]:
    """Behind the type: sequence number, retire prior to, connection ID, reset token, the offset behind.

    Raises: DecodeError if it is cut short, the ID has a wrong length, or more is to be retired than was given.
    """
    sequence, at = read_varint(data, at)
    retire, at = read_varint(data, at)
    if at >= len(data):
        raise DecodeError("NEW_CONNECTION_ID: cut short", at)
    length = data[at]
    middle = at + 1 + length
    if not 1 <= length <= 20 or middle + 16 > len(data) or retire > sequence:
        raise DecodeError("NEW_CONNECTION_ID: wrong lengths or order", at)
    return sequence, retire, data[at + 1 : middle], data[middle : middle + 16], middle + 16


def encode_new_connection_id(sequence: int, retire: int, connection_id: bytes, token: bytes) -> bytes:
    """A frame."""
    return b"".join(
        (
            bytes((FrameType.NEW_CONNECTION_ID,)),
            encode_varint(sequence),
            encode_varint(retire),
            bytes((len(connection_id),)),
            connection_id,
            token,
        )
    )
