# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From protected packets to frames: unmasked in one call, opened in one.  RFC 9001 §5.4, §5.5, §5.7, §6.3, §9.5; RFC 9000 §10.3.

    packets of a level ─▶ headers unmasked ─▶ numbers ─▶ opened ─▶ FrameReader
                   └▶ no keys yet: at most ten of them wait

A client's last flight is the end of its handshake and, behind it, what it asks for.  A server has the keys of both beforehand and opens
both in the same two calls; what was behind is looked at only once the handshake is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, final

from sws.crypto.constant_time import equal
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frame_reader import FrameReader, Packet
from sws.proto.quic.packet_number import decode_packet_number
from sws.proto.quic.protection import PacketCipher, PacketKeys, Sealable, open_levels, unmask_levels
from sws.proto.quic.versions import SPACES, PacketType

if TYPE_CHECKING:
    from sws.proto.quic.connection import Connection

__all__ = ["Opener"]

_WAITING_MAXIMUM: Final = 10
_BATCH_MAXIMUM: Final = 64
_LEAST: Final = 20  # octets from the packet number on: a number of four and a sample
_OTHER_PHASE: Final = 4
_INITIAL, _EARLY, _HANDSHAKE, _ONE_RTT = PacketType.INITIAL, PacketType.EARLY, PacketType.HANDSHAKE, PacketType.ONE_RTT


@final
class Opener:
    """Opens the packets of one connection.

    Attributes:
      waiting:          packets whose keys are not there yet.
      opened, dropped:  how many there were.
    """

    __slots__ = ("_c", "_reader", "dropped", "opened", "waiting")

    def __init__(self, connection: Connection) -> None:
        self._c = connection
        self._reader = FrameReader(connection)
        self.waiting: list[tuple[PacketType, Packet]] = []
        self.opened = 0
        self.dropped = 0

    def open(self, level: PacketType, packets: list[Packet], now: float) -> None:
        """Packets of a level, in the order in which they came.  Raises: QuicTransportError."""
        for start in range(0, len(packets), _BATCH_MAXIMUM):
            self._open(level, packets[start : start + _BATCH_MAXIMUM], now)

    def opens_together(self, count: int) -> bool:
        """Whether Handshake packets and 1-RTT packets behind them, so many in all, can be opened in the same calls."""
        c = self._c
        ready = None if c.phases is None else c.phases.ready
        return ready is not None and c.read[_HANDSHAKE] is not None and count <= _BATCH_MAXIMUM

    def open_together(self, first: list[Packet], behind: list[Packet], now: float) -> None:
        """Handshake packets, and 1-RTT packets behind them, if `opens_together` says so.  Raises: QuicTransportError."""
        c = self._c
        keys, phases = c.read[_HANDSHAKE], c.phases
        first, whole = self._whole(_HANDSHAKE, first), self._whole(_ONE_RTT, behind)
        ready = None if phases is None else phases.ready
        if keys is None or phases is None or ready is None or not first or not whole:
            self.open(_HANDSHAKE, first, now)
            self.open(_ONE_RTT, whole, now)
            return
        levels = ((_HANDSHAKE, keys, first), (_ONE_RTT, ready, whole))
        unmasked = unmask_levels([(keys.header, _places(packets)) for _, keys, packets in levels])
        items = [self._items(level, packets, some) for (level, _, packets), some in zip(levels, unmasked, strict=True)]
        opened = open_levels([(keys.packet, some) for (_, keys, _), some in zip(levels, items, strict=True)])
        self._read(_HANDSHAKE, keys, first, items[0], opened[0], now)
        if phases.read_header is None:
            self._wait(_ONE_RTT, whole)
        elif any(header[0] & _OTHER_PHASE for header, _, _ in items[1]):
            self._open_one_rtt(whole, items[1], now)
        else:
            self._read_phase(False, whole, items[1], opened[1], now)

    def _open(self, level: PacketType, packets: Sequence[Packet], now: float) -> None:
        c = self._c
        keys = None if level is _ONE_RTT else c.read[level]
        header_cipher = (None if c.phases is None else c.phases.read_header) if level is _ONE_RTT else None if keys is None else keys.header
        if header_cipher is None:
            self._wait(level, packets)
            return
        whole = self._whole(level, packets)
        if not whole:
            return
        items = self._items(level, whole, header_cipher.unmask(_places(whole)))
        if level is _ONE_RTT:
            self._open_one_rtt(whole, items, now)
        elif keys is not None:
            self._read(level, keys, whole, items, keys.packet.open_many(items), now)

    def _items(self, level: PacketType, packets: Sequence[Packet], unmasked: Sequence[tuple[int, int, int]]) -> list[Sealable]:
        """Headers as they were before protection, numbers, what is sealed."""
        largest = self._c.received[SPACES[level]].largest
        items: list[Sealable] = []
        for (data, start, at, _), (first, octets, truncated) in zip(packets, unmasked, strict=True):
            end = at + octets
            number = decode_packet_number(largest, truncated, octets)
            header = bytes((first,)) + data[start + 1 : at] + truncated.to_bytes(octets, "big")
            items.append((header, number, data[end:]))
        return items

    def _read(
        self,
        level: PacketType,
        keys: PacketKeys,
        packets: Sequence[Packet],
        items: Sequence[Sealable],
        opened: Sequence[bytes | None],
        now: float,
    ) -> None:
        """Packets with long headers."""
        c = self._c
        for packet, item, payload in zip(packets, items, opened, strict=True):
            if payload is None:
                self.dropped += 1
                if c.phases is not None:
                    c.phases.on_forgery()
                if not packet[1]:
                    self.look_for_reset(packet[3].data)
            elif c.read[level] is keys:  # an earlier packet of the batch may have ended the level
                self._reader.process(level, item[1], item[0][0] & 0x0C, payload, packet, now)

    def _open_one_rtt(self, packets: Sequence[Packet], items: Sequence[Sealable], now: float) -> None:
        """1-RTT packets: of one phase mostly, and then in one call."""
        phases = self._c.phases
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
        opened: Sequence[bytes | None] = [None] * len(items) if cipher is None else cipher.open_many(items)
        self._read_phase(is_next, packets, items, opened, now)

    def _read_phase(
        self, is_next: bool, packets: Sequence[Packet], items: Sequence[Sealable], opened: Sequence[bytes | None], now: float
    ) -> None:
        c = self._c
        phases = c.phases
        if phases is None:
            return
        for packet, (header, number, _), payload in zip(packets, items, opened, strict=True):
            if payload is None:
                self.dropped += 1
                phases.on_forgery()
                self.look_for_reset(packet[3].data)
                continue
            self.opened += 1
            if is_next:
                phases.on_next_opened(number, now, c.pto(), c.loss.spaces[2].next_number)
                is_next = False
            elif header[0] >> 2 & 1 == phases.phase:
                phases.on_current_opened(number, now, c.pto)
            self._reader.process(_ONE_RTT, number, header[0] & 0x18, payload, packet, now)

    # --- packets that cannot be opened -----------------------------------------------------------------------------------

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
                    self.look_for_reset(datagram.data)
            return
        room = _WAITING_MAXIMUM - len(self.waiting)
        self.waiting += [(level, packet) for packet in packets[:room]]
        self.dropped += max(0, len(packets) - room)

    def retry_waiting(self, now: float) -> None:
        """Keys came: open what waited for them."""
        waiting, self.waiting = self.waiting, []
        for level, packet in waiting:
            self._open(level, [packet], now)

    def _whole(self, level: PacketType, packets: Sequence[Packet]) -> list[Packet]:
        """Those that are long enough to be unmasked; the others are dropped."""
        whole = [packet for packet in packets if len(packet[0]) - packet[2] >= _LEAST]
        if len(whole) < len(packets):
            for packet in packets:
                if len(packet[0]) - packet[2] < _LEAST:
                    self.dropped += 1
                    if level is _ONE_RTT:
                        self.look_for_reset(packet[3].data)
        return whole

    def look_for_reset(self, data: bytes) -> None:
        """A datagram that cannot be opened may be a stateless reset, whatever header it seems to have.  §10.3, §10.3.1"""
        c = self._c
        if len(data) >= 21:
            found = False
            for token in c.remote_ids.tokens():
                found |= equal(token, data[-16:])
            if found:
                c.drain(ErrorCode.NO_ERROR, "stateless reset", False)


def _places(packets: Sequence[Packet]) -> list[tuple[bytes, int, int]]:
    """Octets, where the packet starts, where its number stands."""
    return [(data, start, at) for data, start, at, _ in packets]
