# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SETTINGS.  RFC 9113 §6.5."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import Flag, FrameHeader, FrameType, encode_frame

__all__ = ["SETTINGS_ACK", "decode_settings", "encode_settings"]

_SETTING: Final = Struct(">HI")

SETTINGS_ACK: Final = encode_frame(FrameType.SETTINGS, Flag.ACK, 0, b"")


def decode_settings(header: FrameHeader, payload: bytes) -> list[tuple[int, int]] | None:
    """Identifiers and values in order, or None for an acknowledgement.  Raises: H2ConnectionError."""
    if header.stream:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
    if header.flags & Flag.ACK:
        if payload:
            raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS with a payload")
        return None
    if len(payload) % _SETTING.size:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS that are not a multiple of six octets")
    return list(_SETTING.iter_unpack(payload))


def encode_settings(values: Iterable[tuple[int, int]]) -> bytes:
    """A frame."""
    return encode_frame(FrameType.SETTINGS, 0, 0, b"".join(_SETTING.pack(*each) for each in values))
