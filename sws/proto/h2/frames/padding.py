# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Padding of DATA, HEADERS and PUSH_PROMISE.  RFC 9113 §6.1, §6.2, §10.7."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import Flag

__all__ = ["pad", "strip_padding"]


def strip_padding(payload: bytes, flags: int) -> bytes:
    """The payload without its pad length and padding.  Raises: H2ConnectionError PROTOCOL_ERROR if the padding does not fit."""
    if not flags & Flag.PADDED:
        return payload
    if not payload:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a padded frame without pad length")
    if payload[0] >= len(payload):
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "more padding than there is payload")
    return payload[1 : len(payload) - payload[0]]


def pad(payload: bytes, padding: int) -> bytes:
    """The payload with its pad length in front and `padding` octets of zeros behind it, 0..255."""
    return bytes((padding,)) + payload + bytes(padding)
