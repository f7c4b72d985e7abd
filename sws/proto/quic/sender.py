# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From frames to datagrams.  RFC 9000 §12.2, §13, §14; RFC 9002 §7.7; RFC 9001 §5.

A call builds as many datagrams as window, pacer, amplification limit and budget allow, in the clear, and seals them in one call for each
cipher suite.  Neighbours of one size and address leave together, ready for segmentation offload.

What goes into a packet, in this order: acknowledgement, CRYPTO, control frames, datagrams, STREAM.
Acknowledgements alone need no window; probes neither (RFC 9002 §7.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeAlias, final

from sws.base.datagrams import DatagramOut
from sws.base.errors import UsageError
from sws.proto.quic.closing import End
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames import (
    PING,
    encode_connection_close,
    encode_datagram,
    encode_path_challenge,
    encode_path_response,
)
from sws.proto.quic.frames.names import frame_names
from sws.proto.quic.packet_number import PACKET_NUMBER_MAXIMUM
from sws.proto.quic.packets import INITIAL_MINIMUM, encode_long_header
from sws.proto.quic.paths import Path
from sws.proto.quic.protection import TAG, PacketKeys, Sealable, seal_levels, seal_packets
from sws.proto.quic.recovery.loss import ELICITING, IN_FLIGHT, MARKED, PROBE, FrameRecord
from sws.proto.quic.varint import varint_size
from sws.proto.quic.versions import SPACES, PacketType

if TYPE_CHECKING:
    from sws.proto.quic.connection import Connection

__all__ = ["Sender"]

_INITIAL, _EARLY, _HANDSHAKE, _ONE_RTT = PacketType.INITIAL, PacketType.EARLY, PacketType.HANDSHAKE, PacketType.ONE_RTT
_SEGMENTS_MAXIMUM: Final = 64
_OFFLOAD_MAXIMUM: Final = 65507  # what UDP takes over IPv4: 45 datagrams of 1452 octets, which is all of a turn
_SKIP_FIRST: Final = 64
_SKIP_MAXIMUM: Final = 8192
_SILENT_MAXIMUM: Final = 32
_LEAST: Final = 100  # octets that an address not validated must be good for
_NUMBERS_END: Final = PACKET_NUMBER_MAXIMUM - (1 << 16)  # more than leave in one call
_PROBE_AFTER: Final = 1 << 14  # octets on a path from which on larger datagrams are worth a search

Content: TypeAlias = tuple[PacketType, list[bytes], list[FrameRecord], bool]
"""Level, frames, records, whether it asks for acknowledgement."""


@final
class Sender:
    """The sending half of one connection.

    Attributes:
      probes:    packets to send in each space, window or not.
      ready_at:  when the pacer lets the next packet leave; None: it is not what holds us up.
      is_held:   challenges and responses of paths wait for the window.
    """

    __slots__ = ("_c", "_silent", "_skip_at", "_skip_gap", "is_held", "packets", "probes", "ready_at", "seals")

    def __init__(self, connection: Connection) -> None:
        self._c = connection
        self.probes = [0, 0, 0]
        self.ready_at: float | None = None
        self.is_held = False
        self._skip_gap = _SKIP_FIRST
        self._skip_at = _SKIP_FIRST + connection.entropy(1)[0] % _SKIP_FIRST
        self._silent = 0
        self.packets = 0
        self.seals = 0

    def datagrams(self, now: float, budget: int) -> list[DatagramOut]:
        """At most `budget` octets that may leave now.  Raises: QuicTransportError."""
        c = self._c
        self.ready_at = None
        state = c.closing.state
        if state is not End.ACTIVE:
            return self._closing_datagram() if state is End.CLOSING and c.closing.wants_to_send else []
        if c.loss.spaces[2].next_number >= _NUMBERS_END:  # RFC 9000 §12.3
            c.vanish(ErrorCode.INTERNAL_ERROR, "no packet numbers left")
            return []
        self._update_keys(now)
        leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]] = []
        if c.phases is not None and c.phases.write is not None:
            budget = self._path_datagrams(now, budget, leaving)
        self._fill(now, budget, leaving)
        if not leaving:
            return []
        return self._join(leaving)

    def _update_keys(self, now: float) -> None:
        c = self._c
        phases = c.phases
        if phases is None or not c.is_confirmed:
            return
        if (phases.wants_update or phases.is_due(c.config.key_update_after)) and phases.can_update(now, c.pto()):
            phases.update(now, c.pto(), c.loss.spaces[2].next_number)

    # --- what may leave ----------------------------------------------------------------------------------------------

    def _fill(self, now: float, budget: int, leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]]) -> None:
        c = self._c
        loss, path = c.loss, c.paths.active
        loss.is_blocked = False
        held_up = False
        left_initial_keys = False
        if c.is_confirmed and path.sent > _PROBE_AFTER:
            budget -= self._probe_mtu(now, budget, leaving)
        while budget >= INITIAL_MINIMUM:
            allowance = path.allowance()
            if allowance < (_LEAST if c.is_confirmed else INITIAL_MINIMUM):
                loss.is_blocked = True
                break
            size = min(loss.mtu.size, allowance, budget)
            may_send = loss.in_flight + size <= loss.congestion.window or not loss.in_flight
            if may_send and loss.pacer.allowance(now) < size:
                may_send = False
                if c.streams.outflow.ready_mask or c.control.wishes or c.outgoing_datagrams:
                    self.ready_at = loss.pacer.ready_at(now, size)
                held_up = True
            elif not may_send:
                held_up = True
            packets, octets, ecn = self._datagram(now, size, may_send)
            if not packets:
                break
            if (c.is_client and packets[-1][0] is _HANDSHAKE) or (packets[0][0] is _HANDSHAKE and c.is_client):
                left_initial_keys = True
            leaving.append((path, ecn, packets))
            path.sent += octets
            budget -= octets
            if may_send and c.is_confirmed and c.streams.outflow.ready_mask and self._is_only_streams():
                budget -= self._bulk(now, budget, path, leaving)
        loss.is_limited = held_up and bool(c.streams.outflow.ready_mask)
        if left_initial_keys:
            leaving[:] = self._seal_early(leaving)
            c.discard(_INITIAL)

    def _is_only_streams(self) -> bool:
        """Nothing but STREAM frames is waiting."""
        c = self._c
        return not (
            c.control.wishes
            or c.outgoing_datagrams
            or c.received[2].ack_at is not None
            or c.crypto[2].is_pending
            or c.trace
            or self.probes[2]
        )

    def _bulk(self, now: float, budget: int, path: Path, leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]]) -> int:
        """Packets with STREAM frames only, as `_datagram` would make them, in one loop; returns their octets."""
        c = self._c
        loss, streams = c.loss, c.streams.outflow
        space = loss.spaces[2]
        size = loss.mtu.size
        free = min(budget, path.allowance(), loss.congestion.window - loss.in_flight, loss.pacer.allowance(now))
        number = space.next_number
        count = min(free // size, self._skip_at - number)
        room = size - self._overhead(_ONE_RTT)
        ecn = loss.ecn.codepoint()
        flags = ELICITING | IN_FLIGHT | (MARKED if ecn else 0)
        prefix = self._short_header(c.remote_ids.current, 0)[:-4]
        sent = space.sent
        overhead = len(prefix) + 4 + TAG
        total = made = 0
        while made < count and streams.ready_mask and not c.control.wishes:
            parts: list[bytes] = []
            records: list[FrameRecord] = []
            streams.fill(parts, records, room, True)
            if not parts:
                break
            payload = b"".join(parts)
            octets = overhead + len(payload)
            sent[number] = (now, octets, flags, records)
            header = prefix + (number & 0xFFFFFFFF).to_bytes(4, "big")
            leaving.append((path, ecn, [(_ONE_RTT, (header, number, payload))]))
            number += 1
            total += octets
            made += 1
        if made:
            space.next_number = number
            space.last_eliciting = now
            space.eliciting += made
            loss.in_flight += total
            loss.pacer.spend(total)
            path.sent += total
            if ecn:
                loss.ecn.on_sent(made)
        return total

    def _seal_early(
        self, leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]]
    ) -> list[tuple[Path, int, list[tuple[PacketType, Sealable]]]]:
        """Initial packets are sealed before their keys go (RFC 9001 §4.9.1): what is sealed has number -1."""
        keys = self._c.write[_INITIAL]
        if keys is None:
            return leaving
        return [
            (
                path,
                ecn,
                [
                    (level, (seal_packets(keys, [item])[0], -1, b"")) if level is _INITIAL and item[1] >= 0 else (level, item)
                    for level, item in packets
                ],
            )
            for path, ecn, packets in leaving
        ]

    def _datagram(self, now: float, room: int, may_send: bool) -> tuple[list[tuple[PacketType, Sealable]], int, int]:
        """One datagram: its packets in the clear, its size, its ECN field."""
        c = self._c
        total = 0
        contents: list[Content] = []
        if c.is_confirmed:
            content = self._content(_ONE_RTT, room, now, may_send)
            if content is not None:
                contents.append(content)
        else:
            for level in (_INITIAL, _EARLY, _HANDSHAKE, _ONE_RTT):
                if not self._has_keys(level) or room - total < 64:
                    continue
                content = self._content(level, room - total, now, may_send)
                if content is not None:
                    contents.append(content)
                    total += self._overhead(level) + sum(map(len, content[1]))
        if not contents:
            return [], 0, 0
        if contents[0][0] is _INITIAL and (c.is_client or contents[0][3]) and total < INITIAL_MINIMUM:
            contents[-1][1].append(bytes(INITIAL_MINIMUM - total))
        return self._number(contents, now)

    def _has_keys(self, level: PacketType) -> bool:
        c = self._c
        if level is _ONE_RTT:
            return c.phases is not None and c.phases.write is not None
        if level is _EARLY and c.phases is not None and c.phases.write is not None:
            return False
        return c.write[level] is not None

    def _overhead(self, level: PacketType) -> int:
        """Octets of header and tag."""
        c = self._c
        if level is _ONE_RTT:
            return 5 + len(c.remote_ids.current) + TAG
        size = 7 + len(c.remote_ids.current) + len(c.first_id) + 2 + 4 + TAG
        return size + varint_size(len(c.token)) + len(c.token) if level is _INITIAL else size

    # --- packets -----------------------------------------------------------------------------------------------------

    def _content(self, level: PacketType, room: int, now: float, may_send: bool) -> Content | None:
        """The frames of one packet."""
        c = self._c
        index = SPACES[level]
        room -= self._overhead(level)
        parts: list[bytes] = []
        records: list[FrameRecord] = []
        received = c.received[index]
        is_probe = self.probes[index] > 0 and level is not _EARLY
        if received.ack_at is not None and level is not _EARLY:
            wants = received.ack_at <= now or is_probe or (may_send and self._has_data(level))
            frame = received.frame(now, room) if wants else None
            if frame is not None:
                parts.append(frame)
                records.append((received, received.largest, 0, 0))
                room -= len(frame)
        acks = len(parts)
        if may_send or is_probe:
            if level is not _EARLY:
                room = c.crypto[index].fill(parts, records, room)
            if index == 2:
                room = self._application(level, parts, records, room)
            if is_probe and len(parts) == acks:
                parts.append(PING)
        is_eliciting = len(parts) > acks
        if is_eliciting:
            if is_probe:
                self.probes[index] -= 1
            self._silent = 0
        elif acks:
            self._silent += 1
            if (
                self._silent > _SILENT_MAXIMUM and level is _ONE_RTT and may_send
            ):  # or acknowledgements would never be acknowledged: §13.2.4
                self._silent = 0
                parts.append(PING)
                is_eliciting = True
        return (level, parts, records, is_eliciting) if parts else None

    def _has_data(self, level: PacketType) -> bool:
        c = self._c
        if level is not _ONE_RTT:
            return c.crypto[SPACES[level]].is_pending
        return bool(c.streams.outflow.ready_mask or c.control.wishes or c.outgoing_datagrams or c.crypto[2].is_pending)

    def _application(self, level: PacketType, parts: list[bytes], records: list[FrameRecord], room: int) -> int:
        c = self._c
        if c.control.wishes:
            room = c.control.fill(parts, records, room)
        while c.outgoing_datagrams:
            frame = encode_datagram(c.outgoing_datagrams[0])
            if len(frame) > room:
                if not parts:
                    c.outgoing_datagrams.popleft()  # the path has become too narrow for it
                    continue
                break
            c.outgoing_datagrams.popleft()
            parts.append(frame)
            room -= len(frame)
        if c.streams.outflow.ready_mask:
            room = c.streams.outflow.fill(parts, records, room, level is _ONE_RTT and c.is_confirmed)
        return room

    def _number(self, contents: list[Content], now: float) -> tuple[list[tuple[PacketType, Sealable]], int, int]:
        """Numbers and headers; loss detection hears of the packets."""
        c = self._c
        loss = c.loss
        packets: list[tuple[PacketType, Sealable]] = []
        total = 0
        ecn = loss.ecn.codepoint() if c.is_confirmed else 0
        padded = contents[0][0] is _INITIAL
        for level, parts, records, is_eliciting in contents:
            space = loss.spaces[SPACES[level]]
            if level is _ONE_RTT and space.next_number >= self._skip_at:
                space.skip()
                self._skip_gap = min(2 * self._skip_gap, _SKIP_MAXIMUM)
                self._skip_at = space.next_number + self._skip_gap + int.from_bytes(c.entropy(2), "big") % self._skip_gap
            number = space.next_number
            space.next_number = number + 1
            payload = b"".join(parts)
            header = self._header(level, len(payload) + TAG, number)
            size = len(header) + len(payload) + TAG
            total += size
            if is_eliciting or padded:
                flags = (ELICITING if is_eliciting else 0) | IN_FLIGHT | (MARKED if ecn else 0)
                loss.on_sent(space, number, now, size, flags, records)
                loss.pacer.spend(size)
                if is_eliciting:
                    c.on_eliciting_sent(now)
            if ecn:
                loss.ecn.on_sent(1)
            if c.trace is not None:
                c.trace.packet(now, True, level, number, size, frame_names(payload))
            packets.append((level, (header, number, payload)))
        return packets, total, ecn

    def _header(self, level: PacketType, payload: int, number: int) -> bytes:
        c = self._c
        if level is _ONE_RTT:
            return self._short_header(c.remote_ids.current, number)
        version = c.origin if level is _EARLY else c.version
        return encode_long_header(version, level, c.remote_ids.current, c.first_id, c.token, payload, number)

    def _short_header(self, destination: bytes, number: int) -> bytes:
        c = self._c
        phases = c.phases
        first = 0x43 if phases is None or not phases.phase else 0x47
        if c.peer is not None and c.peer.grease_quic_bit and number & 7 == 5:  # RFC 9287 §3.1: not always set
            first &= 0x3F | c.first_id[-1:].ljust(1, b"\0")[0] & 0x40
        return bytes((first,)) + destination + (number & 0xFFFFFFFF).to_bytes(4, "big")

    # --- other datagrams ---------------------------------------------------------------------------------------------

    def _path_datagrams(self, now: float, budget: int, leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]]) -> int:
        """Challenges and responses, each path by itself.  RFC 9000 §8.2: padded to 1200 octets where the limit allows it.

        They count as in flight and wait for the window like everything else (RFC 9002 §7).
        """
        c = self._c
        loss = c.loss
        self.is_held = False
        for path in (c.paths.active, *c.paths.candidates):
            if not path.wants_to_send or budget < INITIAL_MINIMUM:
                continue
            if loss.in_flight and loss.in_flight + INITIAL_MINIMUM > loss.congestion.window:
                self.is_held = True
                break
            destination = c.remote_ids.current if path is c.paths.active else c.remote_ids.get(path.sequence)
            overhead = 5 + TAG + (0 if destination is None else len(destination))
            room = min(INITIAL_MINIMUM, path.allowance())
            parts = []
            challenge = c.paths.take_challenge(path, now, c.pto())
            if destination is None or room < overhead + 9 * 5:
                continue  # it counts as lost
            if challenge is not None:
                parts.append(encode_path_challenge(challenge))
                path.is_expanded &= room == INITIAL_MINIMUM
            while path.responses:
                parts.append(encode_path_response(path.responses.popleft()))
            if not parts:
                continue
            payload = b"".join(parts)
            payload += bytes(max(0, room - overhead - len(payload)))
            budget -= self._single(path, destination, payload, now, leaving, ELICITING | IN_FLIGHT)
        return budget

    def _probe_mtu(self, now: float, budget: int, leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]]) -> int:
        """A larger datagram than is known to come through, if one is to be tried; returns its octets.  RFC 9000 §14.4"""
        c = self._c
        loss = c.loss
        path = c.paths.active
        size = loss.mtu.next_probe(now) if path.is_validated else None
        if size is None or size > budget or loss.in_flight + size > loss.congestion.window:
            return 0
        destination = c.remote_ids.current
        payload = PING + bytes(size - 5 - TAG - len(destination) - 1)
        loss.mtu.on_probe_sent(size)
        return self._single(path, destination, payload, now, leaving, ELICITING | IN_FLIGHT | PROBE)

    def _single(
        self,
        path: Path,
        destination: bytes,
        payload: bytes,
        now: float,
        leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]],
        flags: int,
    ) -> int:
        """A datagram with one 1-RTT packet; returns its octets."""
        c = self._c
        space = c.loss.spaces[2]
        number = space.next_number
        space.next_number = number + 1
        header = self._short_header(destination, number)
        size = len(header) + len(payload) + TAG
        c.loss.on_sent(space, number, now, size, flags, ())
        c.on_eliciting_sent(now)
        path.sent += size
        leaving.append((path, 0, [(_ONE_RTT, (header, number, payload))]))
        return size

    def _closing_datagram(self) -> list[DatagramOut]:
        """CONNECTION_CLOSE in every kind of packet that the peer may be able to read.  RFC 9000 §10.2.3"""
        c = self._c
        closing = c.closing
        closing.wants_to_send = False
        if not closing.is_told:
            closing.is_told = True
            closing.until = c.now + 3 * c.pto()  # verbs know no time: it may be later than when we decided to close
        contents: list[Content] = []
        total = 0
        for level in (_INITIAL, _HANDSHAKE, _ONE_RTT):
            if not self._has_keys(level) or (level is _ONE_RTT and not c.is_handshake_complete and not contents):
                continue
            code, application, reason = closing.code, closing.application, closing.reason
            if application and level is not _ONE_RTT:
                code, application, reason = ErrorCode.APPLICATION_ERROR, False, b""
            frame = encode_connection_close(code, closing.frame_type, reason, application)
            contents.append((level, [frame], [], False))
            total += self._overhead(level) + len(frame)
        allowance = c.paths.active.allowance()
        if not contents or total > allowance:
            return []
        if contents[0][0] is _INITIAL and c.is_client and total < INITIAL_MINIMUM:
            contents[-1][1].append(bytes(INITIAL_MINIMUM - total))
        packets, size, _ = self._number(contents, c.now)
        c.paths.active.sent += size
        return self._join([(c.paths.active, 0, packets)])

    # --- sealing -----------------------------------------------------------------------------------------------------

    def _join(self, leaving: list[tuple[Path, int, list[tuple[PacketType, Sealable]]]]) -> list[DatagramOut]:
        """Seals all packets, and puts datagrams of one size together."""
        by_level: dict[PacketType, list[Sealable]] = {}
        for _, _, packets in leaving:
            for level, item in packets:
                if item[1] >= 0:
                    by_level.setdefault(level, []).append(item)
        sealed = self._sealed(by_level)
        out: list[DatagramOut] = []
        group: list[bytes] = []
        segment = octets = 0
        last: tuple[Path, int] | None = None
        for path, ecn, packets in leaving:
            if len(packets) == 1 and packets[0][1][1] >= 0:
                data = next(sealed[packets[0][0]])
            else:
                data = b"".join([item[0] if item[1] < 0 else next(sealed[level]) for level, item in packets])
            size = len(data)
            fits = size <= segment and len(group) < _SEGMENTS_MAXIMUM and octets + size <= _OFFLOAD_MAXIMUM
            if last == (path, ecn) and fits and len(group[-1]) == segment:
                group.append(data)
                octets += size
                continue
            if last is not None:
                out.append(DatagramOut(b"".join(group), segment, last[0].local, last[0].remote, last[1]))
            group, segment, octets, last = [data], size, size, (path, ecn)
        if last is not None:
            out.append(DatagramOut(b"".join(group), segment, last[0].local, last[0].remote, last[1]))
        return out

    def _sealed(self, by_level: dict[PacketType, list[Sealable]]) -> dict[PacketType, Iterator[bytes]]:
        """The packets of each level, whole."""
        c = self._c
        levels: list[tuple[PacketKeys, list[Sealable]]] = []
        for level, items in by_level.items():
            keys = c.write[level] if level is not _ONE_RTT else None if c.phases is None else c.phases.keys_for(len(items))
            if keys is None:
                raise UsageError("packets of a level without keys")
            levels.append((keys, items))
            self.packets += len(items)
            self.seals += 1
        return {level: iter(packets) for level, packets in zip(by_level, seal_levels(levels), strict=True)}
