# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The nine octets in front of every frame.  RFC 9113 §4.1."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

__all__ = ["HEADER_SIZE", "Flag", "FrameHeader", "FrameType", "decode_header", "encode_frame", "encode_header"]

HEADER_SIZE: Final = 9


class FrameType(IntEnum):
    """RFC 9113 §6, RFC 9218 §7.1."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9
    PRIORITY_UPDATE = 0x10


class Flag(IntFlag):
    """Each means something for some types only; others are ignored (§4.1)."""

    ACK = 0x1
    END_STREAM = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


class FrameHeader(NamedTuple):
    """Length of the payload, type, flags, stream identifier without its reserved bit."""

    length: int
    type: int
    flags: int
    stream: int


def decode_header(data: bytes, offset: int = 0) -> FrameHeader:
    """The header at `offset`, which has nine octets."""
    word = int.from_bytes(data[offset : offset + HEADER_SIZE], "big")
    return FrameHeader(word >> 48, word >> 40 & 255, word >> 32 & 255, word & 0x7FFFFFFF)


def encode_header(length: int, kind: int, flags: int, stream: int) -> bytes:
    """Nine octets."""
    return (length << 48 | kind << 40 | flags << 32 | stream).to_bytes(HEADER_SIZE, "big")


def encode_frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A whole frame."""
    return encode_header(len(payload), kind, flags, stream) + payload
