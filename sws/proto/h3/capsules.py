# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Capsules: type, length, value, in the content of a tunnel of any HTTP version; and the HTTP datagrams of QUIC.  RFC 9297."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, final

from sws.base.errors import DecodeError, H3ConnectionError, LimitExceeded
from sws.base.writer import encode_varint
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import read_varint

__all__ = ["CapsuleDecoder", "CapsuleType", "decode_datagram", "encode_capsule", "encode_datagram"]

_QUARTER_MAXIMUM: Final = (1 << 60) - 1


class CapsuleType(IntEnum):
    """RFC 9297 §5.4."""

    DATAGRAM = 0x0


def encode_capsule(kind: int, value: bytes) -> bytes:
    """RFC 9297 §3.2."""
    return encode_varint(kind) + encode_varint(len(value)) + value


@final
class CapsuleDecoder:
    """Cuts a tunnel's octets into capsules; what nobody asked for is skipped (RFC 9297 §3.2).

    Args:
      maximum:  octets that a capsule's value may have.
      kinds:    the types that are wanted.
    """

    __slots__ = ("_kinds", "_maximum", "_rest", "_skip")

    def __init__(self, maximum: int = 65536, kinds: frozenset[int] = frozenset((CapsuleType.DATAGRAM,))) -> None:
        self._maximum = maximum
        self._kinds = kinds
        self._rest = b""
        self._skip = 0

    def receive(self, data: bytes) -> list[tuple[int, bytes]]:
        """Type and value of each capsule that is complete now.  Raises: LimitExceeded."""
        found: list[tuple[int, bytes]] = []
        rest = self._rest + data
        while rest:
            if self._skip:
                count = min(self._skip, len(rest))
                self._skip -= count
                rest = rest[count:]
                continue
            try:
                kind, offset = read_varint(rest, 0)
                length, offset = read_varint(rest, offset)
            except IndexError:
                break
            if kind not in self._kinds:
                self._skip = length
                rest = rest[offset:]
                continue
            if length > self._maximum:
                raise LimitExceeded("capsule", length, self._maximum)
            if len(rest) < offset + length:
                break
            found.append((kind, rest[offset : offset + length]))
            rest = rest[offset + length :]
        self._rest = rest
        return found

    def finish(self) -> None:
        """The tunnel's half is closed.  Raises: DecodeError if that was in the middle of a capsule (RFC 9297 §3.3)."""
        if self._rest or self._skip:
            raise DecodeError("a capsule that is cut short", 0)


def encode_datagram(stream: int, data: bytes) -> bytes:
    """The payload of a QUIC datagram.  RFC 9297 §2.1."""
    return encode_varint(stream >> 2) + data


def decode_datagram(payload: bytes) -> tuple[int, bytes]:
    """The request stream and what was said.  Raises: H3ConnectionError H3_DATAGRAM_ERROR.  RFC 9297 §2.1."""
    try:
        quarter, offset = read_varint(payload, 0)
    except IndexError:
        raise H3ConnectionError(ErrorCode.H3_DATAGRAM_ERROR, "a datagram without a stream") from None
    if quarter > _QUARTER_MAXIMUM:
        raise H3ConnectionError(ErrorCode.H3_DATAGRAM_ERROR, "a datagram of a stream that cannot be")
    return quarter << 2, payload[offset:]
