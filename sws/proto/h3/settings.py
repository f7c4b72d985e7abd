# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SETTINGS: what they say, and which may not be.  RFC 9114 §7.2.4, RFC 9204 §5, RFC 9220 §3, RFC 9297 §2.1.1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

from sws.base.errors import H3ConnectionError
from sws.base.writer import encode_varint
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import read_varint

__all__ = ["PeerSettings", "Setting", "decode_settings", "encode_settings"]


class Setting(IntEnum):
    """Identifiers."""

    QPACK_MAX_TABLE_CAPACITY = 0x1
    MAX_FIELD_SECTION_SIZE = 0x6
    QPACK_BLOCKED_STREAMS = 0x7
    ENABLE_CONNECT_PROTOCOL = 0x8
    H3_DATAGRAM = 0x33


#: What HTTP/2 has and HTTP/3 has not.  RFC 9114 §7.2.4.1, §11.2.2.
_FORBIDDEN: Final = frozenset((0x0, 0x2, 0x3, 0x4, 0x5))
_BOOLEAN: Final = frozenset((Setting.ENABLE_CONNECT_PROTOCOL, Setting.H3_DATAGRAM))
_SETTINGS_MAXIMUM: Final = 64


@final
@dataclass(slots=True)
class PeerSettings:
    """The peer's, at first what RFC 9114 §7.2.4.2 has every setting be before it is said."""

    table: int = 0
    blocked: int = 0
    section: int = (1 << 62) - 1
    connect_protocol: bool = False
    datagrams: bool = False


def encode_settings(values: Iterable[tuple[int, int]]) -> bytes:
    """The payload of SETTINGS."""
    return b"".join(encode_varint(identifier) + encode_varint(value) for identifier, value in values)


def decode_settings(payload: bytes) -> PeerSettings:
    """What SETTINGS say; identifiers that nobody knows are ignored.  Raises: H3ConnectionError."""
    seen: dict[int, int] = {}
    offset = 0
    while offset < len(payload):
        try:
            identifier, offset = read_varint(payload, offset)
            value, offset = read_varint(payload, offset)
        except IndexError:
            raise H3ConnectionError(ErrorCode.H3_FRAME_ERROR, "SETTINGS that are cut short") from None
        if identifier in _FORBIDDEN:
            raise H3ConnectionError(ErrorCode.H3_SETTINGS_ERROR, "a setting of HTTP/2")
        if identifier in seen:
            raise H3ConnectionError(ErrorCode.H3_SETTINGS_ERROR, "a setting that comes twice")
        if identifier in _BOOLEAN and value > 1:
            raise H3ConnectionError(ErrorCode.H3_SETTINGS_ERROR, "a setting that is neither 0 nor 1")
        if len(seen) >= _SETTINGS_MAXIMUM:
            raise H3ConnectionError(ErrorCode.H3_EXCESSIVE_LOAD, "too many settings")
        seen[identifier] = value
    found = PeerSettings()
    found.table = seen.get(Setting.QPACK_MAX_TABLE_CAPACITY, 0)
    found.blocked = seen.get(Setting.QPACK_BLOCKED_STREAMS, 0)
    found.section = seen.get(Setting.MAX_FIELD_SECTION_SIZE, found.section)
    found.connect_protocol = seen.get(Setting.ENABLE_CONNECT_PROTOCOL) == 1
    found.datagrams = seen.get(Setting.H3_DATAGRAM) == 1
    return found
