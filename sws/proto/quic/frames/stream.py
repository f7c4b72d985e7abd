# SPDX-License-Identifier: Apache-2.0 OR MIT
"""STREAM.  RFC 9000 §19.8.

00001OLF | stream | (O: offset) | (L: length) | octets, to the end of the packet without L
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_stream", "encode_stream"]

FIN: Final = 0x01
LENGTH: Final = 0x02
OFFSET: Final = 0x04
_LAST: Final = (1 << 62) - 1


def decode_stream(kind: int, data: bytes, at: int) -> tuple[int, int, int, int]:
    """Behind the type: stream, offset of the first octet in the stream, where the octets begin and end in `data`.

    Raises: DecodeError for a frame that is cut short, or reaches beyond 2**62 - 1.
    """
    stream, at = read_varint(data, at)
    offset = 0
    if kind & OFFSET:
        offset, at = read_varint(data, at)
    end = len(data)
    if kind & LENGTH:
        length, at = read_varint(data, at)
        if at + length > end:
            raise DecodeError("STREAM: cut short", at)
        end = at + length
    if offset + end - at > _LAST:
        raise DecodeError("STREAM: beyond the largest offset", at)
    return stream, offset, at, end


def encode_stream(stream: int, offset: int, data: bytes, fin: bool, last: bool = False) -> bytes:
    """A frame; `last`: nothing follows in the packet, so no length is needed."""
    kind = 0x08 | (OFFSET if offset else 0) | (0 if last else LENGTH) | (FIN if fin else 0)
    return b"".join(
        (
            bytes((kind,)),
            encode_varint(stream),
            encode_varint(offset) if offset else b"",
            b"" if last else encode_varint(len(data)),
            data,
        )
    )
