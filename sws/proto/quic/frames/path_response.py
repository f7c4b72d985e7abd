# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PATH_RESPONSE.  RFC 9000 §19.18."""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType

__all__ = ["decode_path_response", "encode_path_response"]


def decode_path_response(data: bytes, at: int) -> tuple[bytes, int]:
    """Behind the type: eight octets, the offset behind.  Raises: DecodeError."""
    if at + 8 > len(data):
        raise DecodeError("PATH_RESPONSE: cut short", at)
    return data[at : at + 8], at + 8


def encode_path_response(octets: bytes) -> bytes:
    """A frame."""
    return bytes((FrameType.PATH_RESPONSE,)) + octets
