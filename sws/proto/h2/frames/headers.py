# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HEADERS.  RFC 9113 §6.2."""

from __future__ import annotations

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames.continuation import encode_block
from sws.proto.h2.frames.header import Flag, FrameHeader, FrameType, encode_frame
from sws.proto.h2.frames.padding import pad, strip_padding
from sws.proto.h2.frames.priority import Dependency, encode_dependency

__all__ = ["decode_headers", "encode_headers"]


def decode_headers(header: FrameHeader, payload: bytes) -> tuple[bytes, bytes | None]:
    """The fragment of the field block, and the five octets of a dependency if there are any.

    The dependency is not looked at: a fault in it is the stream's alone, and the block has to be decoded first (§4.3).
    Raises: H2ConnectionError.
    """
    if header.stream == 0:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 0")
    fragment = strip_padding(payload, header.flags)
    if not header.flags & Flag.PRIORITY:
        return fragment, None
    if len(fragment) < 5:
        code = ErrorCode.PROTOCOL_ERROR if header.flags & Flag.PADDED else ErrorCode.FRAME_SIZE_ERROR
        raise H2ConnectionError(code, "HEADERS without room for its priority")
    return fragment[5:], fragment[:5]


def encode_headers(
    stream: int,
    block: bytes,
    *,
    end_stream: bool = False,
    frame_size: int = 16384,
    padding: int | None = None,
    dependency: Dependency | None = None,
) -> bytes:
    """The frames of a field block: HEADERS, and CONTINUATION where it is longer than a frame may be.

    Args:
      padding, dependency:  for a block that fits one frame with them.
    """
    flags = Flag.END_STREAM if end_stream else 0
    if padding is None and dependency is None:
        return encode_block(FrameType.HEADERS, flags, stream, block, frame_size)
    if dependency is not None:
        flags |= Flag.PRIORITY
        block = encode_dependency(dependency) + block
    if padding is not None:
        flags |= Flag.PADDED
        block = pad(block, padding)
    return encode_frame(FrameType.HEADERS, flags | Flag.END_HEADERS, stream, block)
