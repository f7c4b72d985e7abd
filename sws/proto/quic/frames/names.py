# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The names of the frames in a payload of ours, for traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sws.proto.quic.frames.ack import decode_ack
from sws.proto.quic.frames.connection_close import decode_connection_close
from sws.proto.quic.frames.crypto import decode_crypto
from sws.proto.quic.frames.data_blocked import decode_data_blocked
from sws.proto.quic.frames.datagram import decode_datagram
from sws.proto.quic.frames.max_data import decode_max_data
from sws.proto.quic.frames.max_stream_data import decode_max_stream_data
from sws.proto.quic.frames.max_streams import decode_max_streams
from sws.proto.quic.frames.new_connection_id import decode_new_connection_id
from sws.proto.quic.frames.new_token import decode_new_token
from sws.proto.quic.frames.padding import skip_padding
from sws.proto.quic.frames.path_challenge import decode_path_challenge
from sws.proto.quic.frames.reset_stream import decode_reset_stream
from sws.proto.quic.frames.retire_connection_id import decode_retire_connection_id
from sws.proto.quic.frames.stop_sending import decode_stop_sending
from sws.proto.quic.frames.stream import decode_stream
from sws.proto.quic.frames.stream_data_blocked import decode_stream_data_blocked
from sws.proto.quic.frames.streams_blocked import decode_streams_blocked
from sws.proto.quic.frames.types import FrameType

__all__ = ["frame_name", "frame_names"]

_F = FrameType
_ENDS: Final[dict[int, Callable[[bytes, int], int]]] = {
    _F.PADDING: skip_padding,
    _F.PING: lambda data, at: at,
    _F.HANDSHAKE_DONE: lambda data, at: at,
    _F.ACK: lambda data, at: decode_ack(data, at, False)[-1],
    _F.ACK_ECN: lambda data, at: decode_ack(data, at, True)[-1],
    _F.RESET_STREAM: lambda data, at: decode_reset_stream(data, at)[-1],
    _F.STOP_SENDING: lambda data, at: decode_stop_sending(data, at)[-1],
    _F.CRYPTO: lambda data, at: decode_crypto(data, at)[-1],
    _F.NEW_TOKEN: lambda data, at: decode_new_token(data, at)[-1],
    _F.MAX_DATA: lambda data, at: decode_max_data(data, at)[-1],
    _F.MAX_STREAM_DATA: lambda data, at: decode_max_stream_data(data, at)[-1],
    _F.MAX_STREAMS_BIDI: lambda data, at: decode_max_streams(data, at)[-1],
    _F.MAX_STREAMS_UNI: lambda data, at: decode_max_streams(data, at)[-1],
    _F.DATA_BLOCKED: lambda data, at: decode_data_blocked(data, at)[-1],
    _F.STREAM_DATA_BLOCKED: lambda data, at: decode_stream_data_blocked(data, at)[-1],
    _F.STREAMS_BLOCKED_BIDI: lambda data, at: decode_streams_blocked(data, at)[-1],
    _F.STREAMS_BLOCKED_UNI: lambda data, at: decode_streams_blocked(data, at)[-1],
    _F.NEW_CONNECTION_ID: lambda data, at: decode_new_connection_id(data, at)[-1],
    _F.RETIRE_CONNECTION_ID: lambda data, at: decode_retire_connection_id(data, at)[-1],
    _F.PATH_CHALLENGE: lambda data, at: decode_path_challenge(data, at)[-1],
    _F.PATH_RESPONSE: lambda data, at: decode_path_challenge(data, at)[-1],
    _F.CONNECTION_CLOSE: lambda data, at: decode_connection_close(data, at, False)[-1],
    _F.APPLICATION_CLOSE: lambda data, at: decode_connection_close(data, at, True)[-1],
    _F.DATAGRAM: lambda data, at: len(data),
    _F.DATAGRAM_LENGTH: lambda data, at: decode_datagram(data, at, True)[-1],
}


def frame_name(kind: int) -> str:
    """As qlog has it."""
    return "stream" if 0x08 <= kind < 0x10 else FrameType(kind).name.lower()


def frame_names(payload: bytes) -> list[str]:
    """Of all frames, in order.  Raises: DecodeError for what is no payload."""
    names: list[str] = []
    at = 0
    while at < len(payload):
        kind = payload[at]
        names.append(frame_name(kind))
        at = decode_stream(kind, payload, at + 1)[-1] if 0x08 <= kind < 0x10 else _ENDS[kind](payload, at + 1)
    return names
