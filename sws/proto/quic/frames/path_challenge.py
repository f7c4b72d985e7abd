# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PATH_CHALLENGE.  RFC 9000 §19.17."""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.proto.quic.frames.types import FrameType

__all__ = ["decode_path_challenge", "encode_path_challenge"]


def decode_path_challenge(data: bytes, at: int) -> tuple[bytes, int]:
    """Behind the type: eight octets, the offset behind.  Raises: DecodeError."""
    if at + 8 > len(data):
        raise DecodeError("PATH_CHALLENGE: cut short", at)
    return data[at : at + 8], at + 8


def encode_path_challenge(octets: bytes) -> bytes:
    """A frame."""
    return bytes((FrameType.PATH_CHALLENGE,)) + octets
