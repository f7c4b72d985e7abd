# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys of 1-RTT packets: updates, their timing, and the limits of the AEAD.  RFC 9001 §6.

Both directions change together, and the key phase bit says to what.  Three read keys exist at a time:

    previous   for packets that were delayed, for three probe time-outs after an update; then it is forgotten
    current
    next       made beforehand, so that an update takes no longer to open than any other packet (§6.3, §9.5).  The first of
               all is made when a connection settles (`Connection._settle`)

An update of ours waits until the handshake is confirmed and a packet of the current phase was acknowledged (§6.1), and, as §6.5 advises,
three probe time-outs have gone by since the last.  We update before the confidentiality limit is reached; packets that do not open are
counted over all keys, and end the connection at the integrity limit (§6.6).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import final

from sws.base.errors import QuicTransportError
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.packet_number import PACKET_NUMBER_MAXIMUM
from sws.proto.quic.protection import (
    CONFIDENTIALITY_LIMIT,
    INTEGRITY_LIMIT,
    HeaderCipher,
    PacketCipher,
    PacketKeys,
    next_secret,
)
from sws.proto.quic.versions import Version

__all__ = ["KeyPhases"]


@final
class KeyPhases:
    """1-RTT keys of both directions.

    Attributes:
      phase:  the key phase bit of what we send.
      ready:  a server's keys for what the client sends once the handshake is complete; not in use before.
    """

    __slots__ = (
        "_forgeries",
        "_next_read",
        "_next_secret",
        "_phase_start",
        "_previous",
        "_previous_until",
        "_read",
        "_read_secret",
        "_sealed",
        "_sent_start",
        "_suite",
        "_updated_at",
        "_version",
        "_write_secret",
        "acked",
        "phase",
        "read_header",
        "ready",
        "updates",
        "write",
    )

    def __init__(self, version: Version, suite: int) -> None:
        self._version = version
        self._suite = suite
        self.phase = 0
        self.write: PacketKeys | None = None
        self.read_header: HeaderCipher | None = None
        self.ready: PacketKeys | None = None
        self._read: PacketCipher | None = None
        self._next_read: PacketCipher | None = None
        self._previous: PacketCipher | None = None
        self._previous_until = 0.0
        self._read_secret = self._next_secret = self._write_secret = b""
        self._phase_start = 0
        self._sent_start = 0
        self._updated_at = 0.0
        self._sealed = 0
        self._forgeries = 0
        self.acked = False
        self.updates = 0

    def prepare_read(self, secret: bytes) -> None:
        """The peer's application traffic secret, ahead of the end of the handshake; SECRET.  RFC 9001 §5.7"""
        self.ready = PacketKeys(self._version, self._suite, secret)

    def set_read(self, secret: bytes) -> None:
        """The peer's application traffic secret; SECRET."""
        keys = self.ready or PacketKeys(self._version, self._suite, secret)
        self.ready = None
        self.read_header, self._read = keys.header, keys.packet
        self._read_secret = secret

    def set_write(self, secret: bytes) -> None:
        """Ours; SECRET."""
        self._write_secret = secret
        self.write = PacketKeys(self._version, self._suite, secret)

    def prepare(self) -> PacketCipher:
        """The next read key is there from here on."""
        if self._next_read is None:
            self._next_secret = next_secret(self._version, self._suite, self._read_secret)
            self._next_read = PacketCipher(self._version, self._suite, self._next_secret)
        return self._next_read

    # --- sending -----------------------------------------------------------------------------------------------------

    def keys_for(self, count: int) -> PacketKeys | None:
        """What so many packets are to be sealed with, which this counts.

        Raises: QuicTransportError AEAD_LIMIT_REACHED if no key update came in time.
        """
        self._sealed += count
        if self._sealed > CONFIDENTIALITY_LIMIT[self._suite]:
            raise QuicTransportError(ErrorCode.AEAD_LIMIT_REACHED, "no more packets may be sealed under this key")
        return self.write

    @property
    def wants_update(self) -> bool:
        """Half of the packets that a key may protect were sealed."""
        return self._sealed > CONFIDENTIALITY_LIMIT[self._suite] // 2

    def is_due(self, after: int) -> bool:
        """More than so many packets were sealed under this key, if that is a wish at all."""
        return 0 < after <= self._sealed

    def can_update(self, now: float, pto: float) -> bool:
        """Whether an update is allowed: what was sent under the current keys was acknowledged, and the last is long ago."""
        return self.acked and (not self.updates or now >= self._updated_at + 3 * pto)

    def on_ack(self, largest: int) -> None:
        """The peer acknowledged a packet."""
        if largest >= self._sent_start:
            self.acked = True

    def update(self, now: float, pto: float, next_number: int, received: int = PACKET_NUMBER_MAXIMUM) -> None:
        """New keys both ways.

        Args:
          next_number:  of the packets that we send.
          received:     the first packet under the new keys; ours is the update, and none came yet, if it is not given.
        """
        write = self.write
        if write is None:
            return
        self._write_secret = next_secret(self._version, self._suite, self._write_secret)
        write.packet = PacketCipher(self._version, self._suite, self._write_secret)
        self._previous, self._previous_until = self._read, inf if received == PACKET_NUMBER_MAXIMUM else now + 3 * pto
        self._read = self.prepare()
        self._read_secret, self._next_read = self._next_secret, None
        self.prepare()
        self.phase ^= 1
        self._phase_start = received
        self._sent_start = next_number
        self._sealed = 0
        self._updated_at = now
        self.acked = False
        self.updates += 1

    # --- receiving ---------------------------------------------------------------------------------------------------

    def choose(self, bit: int, number: int, now: float) -> tuple[PacketCipher | None, bool]:
        """The key for a packet, and whether it is the next one.  §6.3, §6.5"""
        if bit == self.phase:
            return self._read, False
        if self.updates and number < self._phase_start:
            if now > self._previous_until:
                self._previous = None
            return self._previous, False
        return self.prepare(), True

    def on_next_opened(self, number: int, now: float, pto: float, next_number: int) -> None:
        """A packet opened under the next key: the peer updates, or answers no update of ours.

        Raises: QuicTransportError KEY_UPDATE_ERROR if nothing was sent yet under the keys of the last update.
        """
        if self.updates and not self._sealed:
            raise QuicTransportError(ErrorCode.KEY_UPDATE_ERROR, "a second key update before the first was answered")
        self.update(now, pto, next_number, number)

    def on_current_opened(self, number: int, now: float, pto: Callable[[], float]) -> None:
        """A packet of the current phase: the lowest tells where the phase began, the first that the peer followed our update."""
        if number < self._phase_start:
            if self._previous_until == inf:
                self._previous_until = now + 3 * pto()
            self._phase_start = number

    def on_forgery(self) -> None:
        """A packet did not open.  Raises: QuicTransportError AEAD_LIMIT_REACHED after too many."""
        self._forgeries += 1
        if self._read is not None:
            self.prepare()  # as for a packet of the other phase: the time that it takes does not tell which one this was (§6.3)
        if self._forgeries >= INTEGRITY_LIMIT[self._suite]:
            raise QuicTransportError(ErrorCode.AEAD_LIMIT_REACHED, "too many packets that cannot be opened")
