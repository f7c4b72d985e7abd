# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PUSH_PROMISE.  RFC 9113 §6.6.  Nobody may send us one; it is decoded so that what is wrong with it can be named."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.header import Flag, FrameHeader, FrameType, encode_frame
from sws.proto.h2.frames.padding import pad, strip_padding

__all__ = ["decode_push_promise", "encode_push_promise"]


def decode_push_promise(header: FrameHeader, payload: bytes) -> tuple[int, bytes]:
    """The promised stream and the fragment of the field block.  Raises: H2ConnectionError."""
    if header.stream == 0:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE on stream 0")
    rest = strip_padding(payload, header.flags)
    if len(rest) < 4:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "PUSH_PROMISE without a promised stream")
    promised = int.from_bytes(rest[:4], "big") & 0x7FFFFFFF
    if promised == 0 or promised & 1:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE of a stream that is not the server's")
    return promised, rest[4:]


def encode_push_promise(stream: int, promised: int, block: bytes, *, padding: int | None = None) -> bytes:
    """A frame, for those who test others."""
    payload = promised.to_bytes(4, "big") + block
    if padding is None:
        return encode_frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, stream, payload)
    return encode_frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS | Flag.PADDED, stream, pad(payload, padding))
