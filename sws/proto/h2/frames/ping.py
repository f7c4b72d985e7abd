# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PING.  RFC 9113 §6.7."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import Flag, FrameHeader, FrameType, encode_frame

__all__ = ["decode_ping", "encode_ping"]


def decode_ping(header: FrameHeader, payload: bytes) -> bytes:
    """Eight octets that mean nothing to us.  Raises: H2ConnectionError."""
    if header.stream:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
    if len(payload) != 8:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "PING that has not eight octets")
    return payload


def encode_ping(octets: bytes, *, ack: bool = False) -> bytes:
    """A frame."""
    return encode_frame(FrameType.PING, Flag.ACK if ack else 0, 0, octets)
