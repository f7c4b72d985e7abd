# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames, one a file: `decode_x(header, payload)` checks what the frame by itself can be wrong about, `encode_x` makes octets.

What a frame means in the state its stream and connection are in is the engine's affair.  RFC 9113 §4, §6.
"""

from sws.proto.h2.frames.continuation import decode_continuation, encode_block, encode_continuation
from sws.proto.h2.frames.data import decode_data, encode_data
from sws.proto.h2.frames.goaway import GoAway, decode_goaway, encode_goaway
from sws.proto.h2.frames.header import HEADER_SIZE, Flag, FrameHeader, FrameType, decode_header, encode_frame, encode_header
from sws.proto.h2.frames.headers import decode_headers, encode_headers
from sws.proto.h2.frames.ping import decode_ping, encode_ping
from sws.proto.h2.frames.priority import Dependency, decode_dependency, decode_priority, encode_dependency, encode_priority
from sws.proto.h2.frames.priority_update import decode_priority_update, encode_priority_update
from sws.proto.h2.frames.push_promise import decode_push_promise, encode_push_promise
from sws.proto.h2.frames.rst_stream import decode_rst_stream, encode_rst_stream
from sws.proto.h2.frames.settings import SETTINGS_ACK, decode_settings, encode_settings
from sws.proto.h2.frames.window_update import decode_window_update, encode_window_update

__all__ = [
    "HEADER_SIZE",
    "SETTINGS_ACK",
    "Dependency",
    "Flag",
    "FrameHeader",
    "FrameType",
    "GoAway",
    "decode_continuation",
    "decode_data",
    "decode_dependency",
    "decode_goaway",
    "decode_header",
    "decode_headers",
    "decode_ping",
    "decode_priority",
    "decode_priority_update",
    "decode_push_promise",
    "decode_rst_stream",
    "decode_settings",
    "decode_window_update",
    "encode_block",
    "encode_continuation",
    "encode_data",
    "encode_dependency",
    "encode_frame",
    "encode_goaway",
    "encode_header",
    "encode_headers",
    "encode_ping",
    "encode_priority",
    "encode_priority_update",
    "encode_push_promise",
    "encode_rst_stream",
    "encode_settings",
    "encode_window_update",
]
