# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From datagrams to frames.  RFC 9000 §12, §5.2, §13; RFC 9001 §5.4, §5.5, §5.7, §9.5.

A batch of datagrams is cut into packets, and neighbours of one encryption level are handled together: one call unmasks their headers, one
call a key opens them.  Then, in the order of arrival: is it new, what do its frames say, acknowledge it.

Packets whose keys are not there yet wait, at most ten of them; whatever cannot be opened or has another connection ID is dropped without
having made anything grow (CVE-2025-54939 was such growth).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, final

from sws.base.datagrams import DatagramIn
from sws.base.errors import DecodeError, QuicTransportError
from sws.crypto.constant_time import equal
from sws.proto.quic import frames as f
from sws.proto.quic.api import DatagramReceived
from sws.proto.quic.closing import End
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames.ack import decode_ack
from sws.proto.quic.frames.names import frame_name
from sws.proto.quic.frames.padding import skip_padding
from sws.proto.quic.frames.stream import decode_stream
from sws.proto.quic.frames.types import ALLOWED, NOT_ELICITING, FrameType
from sws.proto.quic.packet_number import decode_packet_number
from sws.proto.quic.packets import decode_long_header
from sws.proto.quic.paths import Path
from sws.proto.quic.protection import PacketCipher, Sealable
from sws.proto.quic.versions import PacketType

if TYPE_CHECKING:
    from sws.proto.quic.connection import Connection

__all__ = ["Receiver"]

_F: Final = FrameType
_WAITING_MAXIMUM: Final = 10
_BATCH_MAXIMUM: Final = 64
_PROBING: Final = frozenset((_F.PATH_CHALLENGE, _F.PATH_RESPONSE, _F.NEW_CONNECTION_ID, _F.PADDING))
_SPACES: Final = (0, 2, 1, 2)  # by PacketType
_INITIAL, _EARLY, _HANDSHAKE, _ONE_RTT = PacketType.INITIAL, PacketType.EARLY, PacketType.HANDSHAKE, PacketType.ONE_RTT

Packet: TypeAlias = tuple[bytes, int, int, DatagramIn]
"""Octets up to the packet's end, where it starts, where its number stands, the datagram it came in."""


@final
class Receiver:
    """The receiving half of one connection."""

    __slots__ = ("_c", "_waiting", "dropped", "opened")

    def __init__(self, connection: Connection) -> None:
        self._c = connection
        self._waiting: list[tuple[PacketType, Packet]] = []
        self.opened = 0
        self.dropped = 0

    # --- cutting -----------------------------------------------------------------------------------------------------

    def receive(self, datagrams: Sequence[DatagramIn], now: float) -> None:
        """A batch.  Raises: QuicTransportError."""
        c = self._c
        group: list[Packet] = []
        group_level = _ONE_RTT
        number = 1 + len(c.first_id)
        known = c.local_ids.known
        for datagram in datagrams:
            data = datagram.data
            path = c.paths.find(datagram.local, datagram.remote)
            if path is None:
                if c.is_client and not c.paths.has_remote(datagram.remote):  # from nobody that we have to do with: §9
                    self.dropped += 1
                    continue
            elif not path.is_validated:
                path.received += len(data)
            if data and data[0] < 0x80:
                if group_level is not _ONE_RTT and group:
                    self._flush(group_level, group, now)
                    group = []
                group_level = _ONE_RTT
                if data[1:number] in known:
                    group.append((data, 0, number, datagram))
                else:
                    self.dropped += 1
                    self._look_for_reset(data)
                continue
            if group and c.is_client and c.received[0].largest < 0:  # the first packet decides what may follow it: §6.2, §7.2, §17.2.5.2
                self._flush(group_level, group, now)
                group = []
            found = self._cut(datagram)
            if not found:
                self._look_for_reset(data)
            elif len(found) > 1 and not c.is_client and c.read[_HANDSHAKE] is not None:
                found.sort(key=_handshake_first)
            for level, packet in found:
                if level is not group_level and group:
                    self._flush(group_level, group, now)
                    group = []
                group_level = level
                group.append(packet)
        if group:
            self._flush(group_level, group, now)

    def _cut(self, datagram: DatagramIn) -> list[tuple[PacketType, Packet]]:
        """The packets of a datagram that begins with a long header.  §12.2"""
        c = self._c
        data = datagram.data
        at = 0
        found: list[tuple[PacketType, Packet]] = []
        first_id: bytes | None = None
        while at < len(data):
            if data[at] < 0x80:
                number = at + 1 + len(c.first_id)
                if first_id is None or data[at + 1 : number] == first_id:
                    found.append((_ONE_RTT, (data, at, number, datagram)))
                break
            try:
                header = decode_long_header(data, at)
            except DecodeError:
                self.dropped += 1
                break
            if first_id is None:
                first_id = header.destination
            if header.destination == first_id and c.handshake.accepts(header, data):
                packet = (data if header.end == len(data) else data[: header.end], at, header.number_offset, datagram)
                found.append((header.kind, packet))
            at = header.end
        return found

    # --- opening -----------------------------------------------------------------------------------------------------

    def _flush(self, level: PacketType, packets: list[Packet], now: float) -> None:
        for start in range(0, len(packets), _BATCH_MAXIMUM):
            self._open(level, packets[start : start + _BATCH_MAXIMUM], now)

    def _open(self, level: PacketType, packets: Sequence[Packet], now: float) -> None:
        c = self._c
        keys = None if level is _ONE_RTT else c.read[level]
        header_cipher = (None if c.phases is None else c.phases.read_header) if level is _ONE_RTT else None if keys is None else keys.header
        if header_cipher is None:
            self._wait(level, packets)
            return
        whole = [packet for packet in packets if len(packet[0]) - packet[2] >= 20]
        if len(whole) < len(packets):
            self._short(level, packets)
        if not whole:
            return
        unmasked = header_cipher.unmask([(data, start, at) for data, start, at, _ in whole])
        largest = c.received[_SPACES[level]].largest
        items: list[Sealable] = []
        for (data, start, at, _), (first, octets, truncated) in zip(whole, unmasked, strict=True):
            end = at + octets
            number = decode_packet_number(largest, truncated, octets)
            header = bytes((first,)) + data[start + 1 : at] + truncated.to_bytes(octets, "big")
            items.append((header, number, data[end:]))
        if level is _ONE_RTT:
            self._open_one_rtt(whole, items, now)
            return
        if keys is None:
            return
        for packet, item, payload in zip(whole, items, keys.packet.open_many(items), strict=True):
            if payload is None:
                self.dropped += 1
                if c.phases is not None:
                    c.phases.on_forgery()
                if not packet[1]:
                    self._look_for_reset(packet[3].data)
            elif c.read[level] is keys:  # an earlier packet of the batch may have ended the level
                self._process(level, item[1], item[0][0] & 0x0C, payload, packet, now)

    def _open_one_rtt(self, packets: Sequence[Packet], items: Sequence[Sealable], now: float) -> None:
        """1-RTT packets: of one phase mostly, and then in one call."""
        c = self._c
        phases = c.phases
        if phases is None:
            return
        at = 0
        while at < len(items):
            cipher, is_next = phases.choose(items[at][0][0] >> 2 & 1, items[at][1], now)
            end = at + 1
            while end < len(items) and phases.choose(items[end][0][0] >> 2 & 1, items[end][1], now)[0] is cipher:
                end += 1
            self._open_phase(cipher, is_next, packets[at:end], items[at:end], now)
            at = end

    def _open_phase(
        self, cipher: PacketCipher | None, is_next: bool, packets: Sequence[Packet], items: Sequence[Sealable], now: float
    ) -> None:
        c = self._c
        phases = c.phases
        if phases is None:
            return
        opened = [None] * len(items) if cipher is None else cipher.open_many(items)
        for packet, (header, number, _), payload in zip(packets, items, opened, strict=True):
            if payload is None:
                self.dropped += 1
                phases.on_forgery()
                self._look_for_reset(packet[3].data)
                continue
            self.opened += 1
            if is_next:
                phases.on_next_opened(number, now, c.pto(), c.loss.spaces[2].next_number)
                is_next = False
            elif header[0] >> 2 & 1 == phases.phase:
                phases.on_current_opened(number, now, c.pto())
            self._process(_ONE_RTT, number, header[0] & 0x18, payload, packet, now)

    def _wait(self, level: PacketType, packets: Sequence[Packet]) -> None:
        """Keys may come yet: §5.7 of RFC 9001, §5.2.2.  0-RTT at a client, and levels that are over, never."""
        c = self._c
        if (
            level is _INITIAL
            or (level is _EARLY and (c.is_client or c.is_handshake_complete))
            or (level is _HANDSHAKE and c.is_handshake_complete)
        ):
            self.dropped += len(packets)
            for _, start, _, datagram in packets:
                if not start:
                    self._look_for_reset(datagram.data)
            return
        room = _WAITING_MAXIMUM - len(self._waiting)
        self._waiting += [(level, packet) for packet in packets[:room]]
        self.dropped += max(0, len(packets) - room)

    def retry_waiting(self, now: float) -> None:
        """Keys came: open what waited for them."""
        waiting, self._waiting = self._waiting, []
        for level, packet in waiting:
            self._open(level, [packet], now)

    def _short(self, level: PacketType, packets: Sequence[Packet]) -> None:
        for packet in packets:
            if len(packet[0]) - packet[2] < 20:
                self.dropped += 1
                if level is _ONE_RTT:
                    self._look_for_reset(packet[3].data)

    def _look_for_reset(self, data: bytes) -> None:
        """A datagram that cannot be opened may be a stateless reset, whatever header it seems to have.  §10.3, §10.3.1"""
        c = self._c
        if len(data) >= 21:
            found = False
            for token in c.remote_ids.tokens():
                found |= equal(token, data[-16:])
            if found:
                c.drain(ErrorCode.NO_ERROR, "stateless reset", False)

    # --- frames ------------------------------------------------------------------------------------------------------

    def _process(self, level: PacketType, number: int, reserved: int, payload: bytes, packet: Packet, now: float) -> None:
        c = self._c
        if c.closing.state is not End.ACTIVE:
            self._closing_packet(level, payload)
            return
        if reserved:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "reserved bits of a header that are not zero")
        received = c.received[_SPACES[level]]
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
        space = c.loss.spaces[_SPACES[level]]
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


_HANDLERS: Final[dict[int, Callable[[Receiver, PacketType, int, bytes, int, Packet, Path], int]]] = {
    int(_F.CRYPTO): Receiver._crypto,
    int(_F.RESET_STREAM): Receiver._reset_stream,
    int(_F.STOP_SENDING): Receiver._stop_sending,
    int(_F.NEW_TOKEN): Receiver._new_token,
    int(_F.MAX_DATA): Receiver._max_data,
    int(_F.MAX_STREAM_DATA): Receiver._max_stream_data,
    int(_F.MAX_STREAMS_BIDI): Receiver._max_streams,
    int(_F.MAX_STREAMS_UNI): Receiver._max_streams,
    int(_F.DATA_BLOCKED): Receiver._data_blocked,
    int(_F.STREAM_DATA_BLOCKED): Receiver._stream_data_blocked,
    int(_F.STREAMS_BLOCKED_BIDI): Receiver._streams_blocked,
    int(_F.STREAMS_BLOCKED_UNI): Receiver._streams_blocked,
    int(_F.NEW_CONNECTION_ID): Receiver._new_connection_id,
    int(_F.RETIRE_CONNECTION_ID): Receiver._retire_connection_id,
    int(_F.PATH_CHALLENGE): Receiver._path_challenge,
    int(_F.PATH_RESPONSE): Receiver._path_response,
    int(_F.CONNECTION_CLOSE): Receiver._connection_close,
    int(_F.APPLICATION_CLOSE): Receiver._connection_close,
    int(_F.HANDSHAKE_DONE): Receiver._handshake_done,
    int(_F.DATAGRAM): Receiver._datagram,
    int(_F.DATAGRAM_LENGTH): Receiver._datagram,
}


def _handshake_first(found: tuple[PacketType, Packet]) -> bool:
    """An order: what opens ends the client's Initial packets (RFC 9001 §4.9.1), and spares us those in front of it."""
    return found[0] is not _HANDSHAKE


def _not_allowed(kind: int) -> QuicTransportError:
    if kind not in ALLOWED[_ONE_RTT]:
        return QuicTransportError(ErrorCode.FRAME_ENCODING_ERROR, "a frame of a type that is not known", kind)
    return QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "a frame that this type of packet does not hold", kind)
