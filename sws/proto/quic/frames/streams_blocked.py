# SPDX-License-Identifier: Apache-2.0 OR MIT
"""STREAMS_BLOCKED.  RFC 9000 §19.14."""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_streams_blocked", "encode_streams_blocked"]

_COUNT_MAXIMUM: Final = 1 << 60


def decode_streams_blocked(data: bytes, at: int) -> tuple[int, int]:
    """Behind the type: the limit that held the sender up, the offset behind.

    Raises: DecodeError if the frame is cut short, or the number more than stream identifiers can count.
    """
    count, end = read_varint(data, at)
    if count > _COUNT_MAXIMUM:
        raise DecodeError("STREAMS_BLOCKED: more than 2**60", at)
    return count, end


def encode_streams_blocked(unidirectional: bool, count: int) -> bytes:
    """A frame."""
    return bytes((FrameType.STREAMS_BLOCKED_BIDI + unidirectional,)) + encode_varint(count)
