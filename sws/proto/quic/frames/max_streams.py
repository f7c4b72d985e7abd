# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MAX_STREAMS.  RFC 9000 §19.11."""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_max_streams", "encode_max_streams"]

_COUNT_MAXIMUM: Final = 1 << 60


def decode_max_streams(data: bytes, at: int) -> tuple[int, int]:
    """Behind the type: how many streams of the kind may be opened in all, the offset behind.

    Raises: DecodeError if the frame is cut short, or the number more than stream identifiers can count.
    """
    count, end = read_varint(data, at)
    if count > _COUNT_MAXIMUM:
        raise DecodeError("MAX_STREAMS: more than 2**60", at)
    return count, end


def encode_max_streams(unidirectional: bool, count: int) -> bytes:
    """A frame."""
    return bytes((FrameType.MAX_STREAMS_BIDI + unidirectional,)) + encode_varint(count)
