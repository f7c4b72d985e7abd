# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GOAWAY.  RFC 9113 §6.8."""

from __future__ import annotations

from typing import NamedTuple

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import FrameHeader, FrameType, encode_frame

__all__ = ["GoAway", "decode_goaway", "encode_goaway"]


class GoAway(NamedTuple):
    """The last stream that was or may be processed, the error code, and text for people."""

    last_stream: int
    code: int
    debug_data: bytes


def decode_goaway(header: FrameHeader, payload: bytes) -> GoAway:
    """A frame.  Raises: H2ConnectionError."""
    if header.stream:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
    if len(payload) < 8:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY that is too short")
    return GoAway(int.from_bytes(payload[:4], "big") & 0x7FFFFFFF, int.from_bytes(payload[4:8], "big"), payload[8:])


def encode_goaway(last_stream: int, code: int, debug_data: bytes = b"") -> bytes:
    """A frame."""
    return encode_frame(FrameType.GOAWAY, 0, 0, (last_stream << 32 | code).to_bytes(8, "big") + debug_data)
