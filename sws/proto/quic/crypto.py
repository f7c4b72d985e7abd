# SPDX-License-Identifier: Apache-2.0 OR MIT
"""CRYPTO octets of one encryption level, both ways.  RFC 9000 §7.5, §19.6."""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import QuicTransportError
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames.crypto import encode_crypto
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.recovery.loss import FrameRecord
from sws.proto.quic.streams.receive import Reassembly
from sws.proto.quic.streams.send import SendBuffer

__all__ = ["CRYPTO_MAXIMUM", "CryptoStream"]

CRYPTO_MAXIMUM: Final = 1 << 16
"""Octets that may come ahead of a gap; §7.5 asks for 4096 at least."""


@final
class CryptoStream:
    """One level's; an owner of CRYPTO frames."""

    __slots__ = ("_in", "_out")

    def __init__(self) -> None:
        self._in = Reassembly()
        self._out = SendBuffer()

    @property
    def has_gap(self) -> bool:
        """Octets came that could not be handed on yet."""
        return self._in.held > 0

    def is_new(self, end: int) -> bool:
        """Whether octets up to an offset go beyond all that came."""
        return end > self._in.highest

    @property
    def held(self) -> int:
        """Octets in memory, both ways."""
        return self._in.held + self._out.held

    def receive(self, offset: int, data: bytes) -> bytes:
        """Octets; returns those that are next.  Raises: QuicTransportError CRYPTO_BUFFER_EXCEEDED."""
        if offset + len(data) - self._in.delivered > CRYPTO_MAXIMUM:
            raise QuicTransportError(ErrorCode.CRYPTO_BUFFER_EXCEEDED, "too many CRYPTO octets ahead of a gap", FrameType.CRYPTO)
        return self._in.receive(offset, data)

    def write(self, data: bytes) -> None:
        """Octets to send."""
        self._out.write(data)

    @property
    def is_pending(self) -> bool:
        """Something is to be sent."""
        return self._out.is_pending

    def fill(self, parts: list[bytes], records: list[FrameRecord], room: int) -> int:
        """Puts CRYPTO frames into a packet; returns the room left."""
        while room > 16 and self._out.is_pending:
            piece = self._out.piece(room - 12, 1 << 62)
            if piece is None:
                return room
            offset, data, _ = piece
            frame = encode_crypto(offset, data)
            parts.append(frame)
            records.append((self, offset, offset + len(data), 0))
            room -= len(frame)
        return room

    def acknowledged(self, first: int, second: int, third: int) -> None:
        """Octets arrived."""
        self._out.on_acked(first, second, False)

    def lost(self, first: int, second: int, third: int) -> None:
        """Octets have to be sent again."""
        self._out.on_lost(first, second, False)

    def drop(self) -> None:
        """The level is over."""
        self._in.drop()
        self._out.drop()
