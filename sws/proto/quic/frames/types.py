# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The types of frames, and which packets may hold them.  RFC 9000 §12.4, table 3; RFC 9221 §4."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["ALLOWED", "NOT_ELICITING", "FrameType"]


class FrameType(IntEnum):
    """IANA's numbers; STREAM, ACK, DATAGRAM and some others have several, told apart by low bits."""

    PADDING = 0x00
    PING = 0x01
    ACK = 0x02
    ACK_ECN = 0x03
    RESET_STREAM = 0x04
    STOP_SENDING = 0x05
    CRYPTO = 0x06
    NEW_TOKEN = 0x07
    STREAM = 0x08  # .. 0x0f
    MAX_DATA = 0x10
    MAX_STREAM_DATA = 0x11
    MAX_STREAMS_BIDI = 0x12
    MAX_STREAMS_UNI = 0x13
    DATA_BLOCKED = 0x14
    STREAM_DATA_BLOCKED = 0x15
    STREAMS_BLOCKED_BIDI = 0x16
    STREAMS_BLOCKED_UNI = 0x17
    NEW_CONNECTION_ID = 0x18
    RETIRE_CONNECTION_ID = 0x19
    PATH_CHALLENGE = 0x1A
    PATH_RESPONSE = 0x1B
    CONNECTION_CLOSE = 0x1C
    APPLICATION_CLOSE = 0x1D
    HANDSHAKE_DONE = 0x1E
    DATAGRAM = 0x30
    DATAGRAM_LENGTH = 0x31


_F = FrameType
_HANDSHAKE: Final = frozenset((_F.PADDING, _F.PING, _F.ACK, _F.ACK_ECN, _F.CRYPTO, _F.CONNECTION_CLOSE))
_ALL: Final = frozenset(_F) | frozenset(range(0x08, 0x10))
_NOT_EARLY: Final = frozenset((_F.ACK, _F.ACK_ECN, _F.CRYPTO, _F.NEW_TOKEN, _F.RETIRE_CONNECTION_ID, _F.PATH_RESPONSE, _F.HANDSHAKE_DONE))

#: By PacketType: Initial, 0-RTT, Handshake, 1-RTT.
ALLOWED: Final[tuple[frozenset[int], ...]] = (_HANDSHAKE, _ALL - _NOT_EARLY, _HANDSHAKE, _ALL)

#: Packets that hold nothing else are not acknowledged by themselves.  §13.2, RFC 9002 §2.
NOT_ELICITING: Final = frozenset((_F.PADDING, _F.ACK, _F.ACK_ECN, _F.CONNECTION_CLOSE, _F.APPLICATION_CLOSE))
