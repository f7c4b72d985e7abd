# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From datagrams to packets.  RFC 9000 §12, §5.2, §13; RFC 9001 §5.7.

    datagrams ─▶ Receiver: packets of a level ─▶ Opener: frames ─▶ FrameReader ─▶ the connection's other parts

A batch of datagrams is cut into packets, and neighbours of one encryption level are handled together.  Then, in the order of arrival: is it
new, what do its frames say, acknowledge it.  Packets whose keys are not there yet wait, at most ten of them; whatever cannot be opened or
has another connection ID is dropped without having made anything grow (CVE-2025-54939 was such growth).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from sws.base.datagrams import DatagramIn
from sws.base.errors import DecodeError
from sws.proto.quic.frame_reader import Packet
from sws.proto.quic.opening import Opener
from sws.proto.quic.packets import decode_long_header
from sws.proto.quic.versions import PacketType

if TYPE_CHECKING:
    from sws.proto.quic.connection import Connection

__all__ = ["Receiver"]

_HANDSHAKE, _ONE_RTT = PacketType.HANDSHAKE, PacketType.ONE_RTT


@final
class Receiver:
    """The receiving half of one connection."""

    __slots__ = ("_c", "opener")

    def __init__(self, connection: Connection) -> None:
        self._c = connection
        self.opener = Opener(connection)

    @property
    def opened(self) -> int:
        """1-RTT packets that were what they seemed."""
        return self.opener.opened

    @property
    def dropped(self) -> int:
        """Packets that nobody heard of."""
        return self.opener.dropped

    def retry_waiting(self, now: float) -> None:
        """Keys came: open what waited for them.  Raises: QuicTransportError."""
        self.opener.retry_waiting(now)

    def receive(self, datagrams: Sequence[DatagramIn], now: float) -> None:
        """A batch.  Raises: QuicTransportError."""
        c = self._c
        opener = self.opener
        batch = _Batch(opener)
        number = 1 + len(c.first_id)
        known = c.local_ids.known
        for datagram in datagrams:
            data = datagram.data
            path = c.paths.find(datagram.local, datagram.remote)
            if path is None:
                if c.is_client and not c.paths.has_remote(datagram.remote):  # from nobody that we have to do with: §9
                    opener.dropped += 1
                    continue
            elif not path.is_validated:
                path.received += len(data)
            if data and data[0] < 0x80:
                batch.turn_to(_ONE_RTT, now)
                if data[1:number] in known:
                    batch.group.append((data, 0, number, datagram))
                else:
                    opener.dropped += 1
                    opener.look_for_reset(data)
                continue
            if c.is_client and c.received[0].largest < 0:  # the first packet decides what may follow it: §6.2, §7.2, §17.2.5.2
                batch.flush(now)
            found = self._cut(datagram)
            if not found:
                opener.look_for_reset(data)
            elif len(found) > 1 and not c.is_client and c.read[_HANDSHAKE] is not None:
                found.sort(key=_handshake_first)
            for level, packet in found:
                batch.turn_to(level, now)
                batch.group.append(packet)
        batch.flush(now)

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
                self.opener.dropped += 1
                break
            if first_id is None:
                first_id = header.destination
            if header.destination == first_id and c.handshake.accepts(header, data):
                packet = (data if header.end == len(data) else data[: header.end], at, header.number_offset, datagram)
                found.append((header.kind, packet))
            at = header.end
        return found


@final
class _Batch:
    """Packets that follow each other at one level, to be opened together; and the Handshake packets in front of 1-RTT packets.

    Attributes:
      group:  packets of the present level.
    """

    __slots__ = ("_in_front", "_level", "_opener", "group")

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._level = _ONE_RTT
        self._in_front: list[Packet] = []
        self.group: list[Packet] = []

    def turn_to(self, level: PacketType, now: float) -> None:
        """Packets of a level follow."""
        if level is self._level:
            return
        if self.group and self._level is _HANDSHAKE and level is _ONE_RTT and self._opener.opens_together(len(self.group) + 1):
            self._in_front, self.group = self.group, []
        else:
            self.flush(now)
        self._level = level

    def flush(self, now: float) -> None:
        """Open what there is."""
        first, self._in_front = self._in_front, []
        packets, self.group = self.group, []
        if not first:
            self._opener.open(self._level, packets, now)
        elif self._opener.opens_together(len(first) + len(packets)):
            self._opener.open_together(first, packets, now)
        else:
            self._opener.open(_HANDSHAKE, first, now)
            self._opener.open(_ONE_RTT, packets, now)


def _handshake_first(found: tuple[PacketType, Packet]) -> tuple[bool, bool]:
    """An order: what opens ends the Initial packets (RFC 9001 §4.9.1), and spares us those in front; 1-RTT packets are opened with it."""
    return found[0] is not _HANDSHAKE, found[0] is not _ONE_RTT
