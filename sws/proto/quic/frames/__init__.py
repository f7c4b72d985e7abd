# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames, one a file: `decode_x(data, at)` stands behind the type and gives values and the offset behind; `encode_x` makes octets.

What a frame means in the state a connection is in is the connection's affair.  RFC 9000 §19, RFC 9221.
"""

from sws.proto.quic.frames.ack import decode_ack, encode_ack
from sws.proto.quic.frames.connection_close import decode_connection_close, encode_connection_close
from sws.proto.quic.frames.crypto import decode_crypto, encode_crypto
from sws.proto.quic.frames.data_blocked import decode_data_blocked, encode_data_blocked
from sws.proto.quic.frames.datagram import decode_datagram, encode_datagram
from sws.proto.quic.frames.handshake_done import HANDSHAKE_DONE
from sws.proto.quic.frames.max_data import decode_max_data, encode_max_data
from sws.proto.quic.frames.max_stream_data import decode_max_stream_data, encode_max_stream_data
from sws.proto.quic.frames.max_streams import decode_max_streams, encode_max_streams
from sws.proto.quic.frames.new_connection_id import decode_new_connection_id, encode_new_connection_id
from sws.proto.quic.frames.new_token import decode_new_token, encode_new_token
from sws.proto.quic.frames.padding import skip_padding
from sws.proto.quic.frames.path_challenge import decode_path_challenge, encode_path_challenge
from sws.proto.quic.frames.path_response import decode_path_response, encode_path_response
from sws.proto.quic.frames.ping import PING
from sws.proto.quic.frames.reset_stream import decode_reset_stream, encode_reset_stream
from sws.proto.quic.frames.retire_connection_id import decode_retire_connection_id, encode_retire_connection_id
from sws.proto.quic.frames.stop_sending import decode_stop_sending, encode_stop_sending
from sws.proto.quic.frames.stream import decode_stream, encode_stream
from sws.proto.quic.frames.stream_data_blocked import decode_stream_data_blocked, encode_stream_data_blocked
from sws.proto.quic.frames.streams_blocked import decode_streams_blocked, encode_streams_blocked
from sws.proto.quic.frames.types import ALLOWED, NOT_ELICITING, FrameType

__all__ = [
    "ALLOWED",
    "HANDSHAKE_DONE",
    "NOT_ELICITING",
    "PING",
    "FrameType",
    "decode_ack",
    "decode_connection_close",
    "decode_crypto",
    "decode_data_blocked",
    "decode_datagram",
    "decode_max_data",
    "decode_max_stream_data",
    "decode_max_streams",
    "decode_new_connection_id",
    "decode_new_token",
    "decode_path_challenge",
    "decode_path_response",
    "decode_reset_stream",
    "decode_retire_connection_id",
    "decode_stop_sending",
    "decode_stream",
    "decode_stream_data_blocked",
    "decode_streams_blocked",
    "encode_ack",
    "encode_connection_close",
    "encode_crypto",
    "encode_data_blocked",
    "encode_datagram",
    "encode_max_data",
    "encode_max_stream_data",
    "encode_max_streams",
    "encode_new_connection_id",
    "encode_new_token",
    "encode_path_challenge",
    "encode_path_response",
    "encode_reset_stream",
    "encode_retire_connection_id",
    "encode_stop_sending",
    "encode_stream",
    "encode_stream_data_blocked",
    "encode_streams_blocked",
    "skip_padding",
]
