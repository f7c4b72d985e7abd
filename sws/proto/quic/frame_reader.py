# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the frames of opened packets say, and who hears of it.  RFC 9000 §12.4, §13, §19.

A packet that was not seen before is read frame after frame, each handed to the part of the connection that it is about; then it is
acknowledged.  A frame that its kind of packet does not hold, or that cannot be decoded, ends the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias, final

from sws.base.datagrams import DatagramIn
from sws.base.errors import DecodeError, QuicTransportError
from sws.proto.quic import frames as f
from sws.proto.quic.api import DatagramReceived
from sws.proto.quic.closing import End
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames.ack import decode_ack
from sws.proto.quic.frames.names import frame_name
from sws.proto.quic.frames.padding import skip_padding
from sws.proto.quic.frames.stream import decode_stream
from sws.proto.quic.frames.types import ALLOWED, NOT_ELICITING, FrameType
from sws.proto.quic.paths import Path
from sws.proto.quic.versions import SPACES, PacketType

if TYPE_CHECKING:
    from sws.proto.quic.connection import Connection

__all__ = ["FrameReader", "Packet"]

_F: Final = FrameType
_PROBING: Final = frozenset((_F.PATH_CHALLENGE, _F.PATH_RESPONSE, _F.NEW_CONNECTION_ID, _F.PADDING))
_INITIAL, _EARLY, _HANDSHAKE, _ONE_RTT = PacketType.INITIAL, PacketType.EARLY, PacketType.HANDSHAKE, PacketType.ONE_RTT

Packet: TypeAlias = tuple[bytes, int, int, DatagramIn]
"""Octets up to the packet's end, where it starts, where its number stands, the datagram it came in."""


@final
class FrameReader:
    """Reads the packets of one connection."""

    __slots__ = ("_c",)

    def __init__(self, connection: Connection) -> None:
        self._c = connection

    def process(self, level: PacketType, number: int, reserved: int, payload: bytes, packet: Packet, now: float) -> None:
        """A packet that was opened.  Raises: QuicTransportError.

        Args:
          reserved:  the bits of its first octet that have to be zero.
        """
        c = self._c
        if c.closing.state is not End.ACTIVE:
            self._closing_packet(level, payload)
            return
        if reserved:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "reserved bits of a header that are not zero")
        received = c.received[SPACES[level]]
        if received.has(number):
            return
        if not payload:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "a packet without frames")
        c.on_activity(now)
        if level is not _ONE_RTT and not c.handshake.on_packet(level, packet):
            return
        path = self._path_of(packet) if level is _ONE_RTT else c.paths.active
        if path is None:
            return
        kinds = self._frames(level, payload, packet, path, now)
        if level is _ONE_RTT or level is _EARLY or c.read[level] is not None:  # the packet itself may have ended its level
            received.add(number, not kinds <= NOT_ELICITING, packet[3].ecn, now)
        if level is _INITIAL and not c.is_client and c.write[_HANDSHAKE] is not None and c.loss.hurry(now):
            c.sender.probes[0] = c.sender.probes[1] = 2
        if c.trace is not None:
            c.trace.packet(now, False, level, number, len(packet[0]) - packet[1], [frame_name(kind) for kind in sorted(kinds)])
        if path is not c.paths.active and number == received.largest and not kinds <= _PROBING and not c.is_client and c.is_confirmed:
            if path.is_validated or path.local == c.paths.active.local:
                c.migrate(path)
            else:  # to our preferred address: §9.6.2
                path.is_wanted = True

    def _frames(self, level: PacketType, payload: bytes, packet: Packet, path: Path, now: float) -> set[int]:
        """What the frames of a packet say; returns their types."""
        c = self._c
        allowed = ALLOWED[level]
        kinds: set[int] = set()
        at, size = 0, len(payload)
        kind = 0
        try:
            while at < size:
                kind = payload[at]
                at += 1
                if kind not in allowed:
                    raise _not_allowed(kind)
                kinds.add(kind)
                if 0x08 <= kind < 0x10:
                    stream, offset, start, at = decode_stream(kind, payload, at)
                    c.streams.on_stream(stream, offset, payload[start:at], bool(kind & 1))
                elif kind == 0:
                    at = skip_padding(payload, at)
                elif kind == 2 or kind == 3:
                    at = self._ack(level, payload, at, kind == 3, now)
                elif kind != 1:
                    at = _HANDLERS[kind](self, level, kind, payload, at, packet, path)
                    if c.closing.state is not End.ACTIVE:
                        break
        except DecodeError as error:
            raise QuicTransportError(ErrorCode.FRAME_ENCODING_ERROR, error.what, kind) from error
        return kinds

    def _ack(self, level: PacketType, payload: bytes, at: int, has_ecn: bool, now: float) -> int:
        c = self._c
        ranges, delay, counts, at = decode_ack(payload, at, has_ecn)
        space = c.loss.spaces[SPACES[level]]
        seconds = 0.0
        if level is _ONE_RTT:
            seconds = (delay << (3 if c.peer is None else c.peer.ack_delay_exponent)) * 1e-6
            if c.phases is not None:
                c.phases.on_ack(ranges[0][1])
        c.loss.on_ack(space, ranges, min(seconds, 1e6), counts, now)
        if level is not _ONE_RTT:
            c.handshake.on_ack(level)
        if c.trace is not None:
            c.trace.metrics(now, c.loss.congestion.window, c.loss.in_flight, c.loss.rtt.smoothed, c.loss.rtt.latest)
        return at

    def _crypto(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        offset, octets, at = f.decode_crypto(data, at)
        self._c.handshake.on_crypto(level, offset, octets)
        return at

    def _reset_stream(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        stream, code, size, at = f.decode_reset_stream(data, at)
        self._c.streams.on_reset(stream, code, size)
        return at

    def _stop_sending(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        stream, code, at = f.decode_stop_sending(data, at)
        self._c.streams.on_stop_sending(stream, code)
        return at

    def _new_token(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        token, at = f.decode_new_token(data, at)
        self._c.handshake.on_new_token(token)
        return at

    def _max_data(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        maximum, at = f.decode_max_data(data, at)
        self._c.streams.on_max_data(maximum)
        return at

    def _max_stream_data(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        stream, maximum, at = f.decode_max_stream_data(data, at)
        self._c.streams.on_max_stream_data(stream, maximum)
        return at

    def _max_streams(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        count, at = f.decode_max_streams(data, at)
        self._c.streams.on_max_streams(kind == _F.MAX_STREAMS_UNI, count)
        return at

    def _data_blocked(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        return f.decode_data_blocked(data, at)[1]

    def _stream_data_blocked(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        stream, _, at = f.decode_stream_data_blocked(data, at)
        self._c.streams.on_stream_data_blocked(stream)
        return at

    def _streams_blocked(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        return f.decode_streams_blocked(data, at)[1]

    def _new_connection_id(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        sequence, retire, connection_id, token, at = f.decode_new_connection_id(data, at)
        self._c.remote_ids.on_new(sequence, retire, connection_id, token)
        return at

    def _retire_connection_id(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        sequence, at = f.decode_retire_connection_id(data, at)
        octets, start, number, _ = packet
        self._c.local_ids.on_retire(sequence, octets[start + 1 : number])
        return at

    def _path_challenge(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        octets, at = f.decode_path_challenge(data, at)
        path.responses.append(octets)
        return at

    def _path_response(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        octets, at = f.decode_path_response(data, at)
        c = self._c
        validated = c.paths.on_response(octets)
        if validated is not None:
            if not validated.is_expanded:
                c.paths.challenge(validated, c.now)
            elif validated is c.paths.active:
                previous, c.paths.previous = c.paths.previous, None
                if previous is not None:
                    if previous in c.paths.candidates:
                        c.paths.candidates.remove(previous)
                    c.remote_ids.retire(previous.sequence)
            else:
                c.on_path_validated(validated)
        return at

    def _connection_close(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        code, _, reason, at = f.decode_connection_close(data, at, kind == _F.APPLICATION_CLOSE)
        self._c.drain(code, reason[:256].decode("utf-8", "replace"), kind == _F.APPLICATION_CLOSE)
        return at

    def _handshake_done(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        self._c.handshake.on_done()
        return at

    def _datagram(self, level: PacketType, kind: int, data: bytes, at: int, packet: Packet, path: Path) -> int:
        octets, end = f.decode_datagram(data, at, kind == _F.DATAGRAM_LENGTH)
        if end - at + 1 > self._c.config.datagram_frame:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "a datagram larger than allowed", kind)
        self._c.events.append(DatagramReceived(octets))
        return end

    # --- paths and the end -------------------------------------------------------------------------------------------

    def _path_of(self, packet: Packet) -> Path | None:
        """The path that a 1-RTT packet came on, a new one perhaps; None: it is to be dropped.  §9"""
        c = self._c
        datagram = packet[3]
        path = c.paths.find(datagram.local, datagram.remote)
        if path is not None:
            return path
        if c.is_client or not c.is_confirmed:
            return c.paths.active
        sequence = c.remote_ids.reserve()
        path = Path(datagram.local, datagram.remote, c.remote_ids.sequence if sequence is None else sequence)
        path.received = len(datagram.data)
        if not c.paths.add(path):
            if sequence is not None:
                c.remote_ids.retire(sequence)
            return None
        c.paths.challenge(path, c.now)
        return path

    def _closing_packet(self, level: PacketType, payload: bytes) -> None:
        """We close: a peer that does too need not be told again, all others are.  §10.2.1"""
        c = self._c
        at = 0
        while at < len(payload) and payload[at] == 0:
            at = skip_padding(payload, at)
        if at < len(payload) and payload[at] in (_F.CONNECTION_CLOSE, _F.APPLICATION_CLOSE):
            c.drain(0, "", False)
        else:
            c.closing.on_packet()


_HANDLERS: Final[dict[int, Callable[[FrameReader, PacketType, int, bytes, int, Packet, Path], int]]] = {
    int(_F.CRYPTO): FrameReader._crypto,
    int(_F.RESET_STREAM): FrameReader._reset_stream,
    int(_F.STOP_SENDING): FrameReader._stop_sending,
    int(_F.NEW_TOKEN): FrameReader._new_token,
    int(_F.MAX_DATA): FrameReader._max_data,
    int(_F.MAX_STREAM_DATA): FrameReader._max_stream_data,
    int(_F.MAX_STREAMS_BIDI): FrameReader._max_streams,
    int(_F.MAX_STREAMS_UNI): FrameReader._max_streams,
    int(_F.DATA_BLOCKED): FrameReader._data_blocked,
    int(_F.STREAM_DATA_BLOCKED): FrameReader._stream_data_blocked,
    int(_F.STREAMS_BLOCKED_BIDI): FrameReader._streams_blocked,
    int(_F.STREAMS_BLOCKED_UNI): FrameReader._streams_blocked,
    int(_F.NEW_CONNECTION_ID): FrameReader._new_connection_id,
    int(_F.RETIRE_CONNECTION_ID): FrameReader._retire_connection_id,
    int(_F.PATH_CHALLENGE): FrameReader._path_challenge,
    int(_F.PATH_RESPONSE): FrameReader._path_response,
    int(_F.CONNECTION_CLOSE): FrameReader._connection_close,
    int(_F.APPLICATION_CLOSE): FrameReader._connection_close,
    int(_F.HANDSHAKE_DONE): FrameReader._handshake_done,
    int(_F.DATAGRAM): FrameReader._datagram,
    int(_F.DATAGRAM_LENGTH): FrameReader._datagram,
}


def _not_allowed(kind: int) -> QuicTransportError:
    if kind not in ALLOWED[_ONE_RTT]:
        return QuicTransportError(ErrorCode.FRAME_ENCODING_ERROR, "a frame of a type that is not known", kind)
    return QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "a frame that this type of packet does not hold", kind)
