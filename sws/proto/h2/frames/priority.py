# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PRIORITY, and the same five octets in HEADERS.  RFC 9113 §6.3; RFC 7540 §5.3, §6.3."""

from __future__ import annotations

from typing import NamedTuple

from sws.base.errors import H2ConnectionError, H2StreamError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import FrameHeader, FrameType, encode_frame

__all__ = ["Dependency", "decode_dependency", "decode_priority", "encode_dependency", "encode_priority"]


class Dependency(NamedTuple):
    """What a stream depends on, its weight of 1..256, and whether it takes the place of its new siblings."""

    parent: int
    weight: int
    exclusive: bool


def decode_dependency(stream: int, octets: bytes) -> Dependency:
    """Five octets.  Raises: H2StreamError for a stream that depends on itself (RFC 7540 §5.3.1)."""
    word = int.from_bytes(octets[:4], "big")
    if word & 0x7FFFFFFF == stream:
        raise H2StreamError(stream, ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself")
    return Dependency(word & 0x7FFFFFFF, octets[4] + 1, bool(word >> 31))


def decode_priority(header: FrameHeader, payload: bytes) -> Dependency:
    """A PRIORITY frame.  Raises: H2ConnectionError for stream 0, H2StreamError for a wrong length or a self-dependency."""
    if header.stream == 0:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
    if len(payload) != 5:
        raise H2StreamError(header.stream, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY that has not five octets")
    return decode_dependency(header.stream, payload)


def encode_dependency(dependency: Dependency) -> bytes:
    """Five octets."""
    return (dependency.exclusive << 31 | dependency.parent).to_bytes(4, "big") + bytes((dependency.weight - 1,))


def encode_priority(stream: int, dependency: Dependency) -> bytes:
    """A frame."""
    return encode_frame(FrameType.PRIORITY, 0, stream, encode_dependency(dependency))
