# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS inside QUIC: what both roles do alike.  RFC 9001 §4, §8; RFC 9000 §7.

CRYPTO octets of a level go to the TLS core in order; its events become CRYPTO octets, keys and facts.  A TLS alert is a QUIC error of
0x100 and the alert (§4.8), so that a missing ALPN is 0x178 and a TLS KeyUpdate, which no state of TLS in QUIC expects, 0x10a.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from sws.base.datagrams import DatagramIn
from sws.base.errors import QuicTransportError
from sws.base.handshake import (
    Alert,
    Direction,
    HandshakeBytes,
    HandshakeComplete,
    HandshakeEvent,
    PeerParameters,
    SecretReady,
)
from sws.proto.quic.errors import ErrorCode, crypto_error
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.ids import ACTIVE_LIMIT
from sws.proto.quic.keyphase import KeyPhases
from sws.proto.quic.packets import LongHeader
from sws.proto.quic.parameters import TransportParameters, VersionInformation, decode_parameters
from sws.proto.quic.protection import PacketKeys
from sws.proto.quic.versions import SPACES, PacketType

if TYPE_CHECKING:
    from sws.proto.quic.connection import Connection

__all__ = ["Handshake", "Handshaking", "bad_parameters", "our_parameters"]

POST_HANDSHAKE_MAXIMUM: Final = 1 << 20


class Handshake(Protocol):
    """The handshake of a role, as the connection's other parts see it."""

    def accepts(self, header: LongHeader, data: bytes) -> bool:
        """Whether a packet with a long header may be for us; Retry and Version Negotiation are dealt with at once."""

    def on_packet(self, level: PacketType, packet: tuple[bytes, int, int, DatagramIn]) -> bool:
        """A packet with a long header was authenticated.  False: it is to be dropped all the same."""

    def on_crypto(self, level: PacketType, offset: int, data: bytes) -> None:
        """CRYPTO."""

    def on_ack(self, level: PacketType) -> None:
        """An acknowledgement came at a level other than 1-RTT."""

    def on_new_token(self, token: bytes) -> None:
        """NEW_TOKEN."""

    def on_done(self) -> None:
        """HANDSHAKE_DONE."""


def bad_parameters(why: str) -> QuicTransportError:
    """TRANSPORT_PARAMETER_ERROR."""
    return QuicTransportError(ErrorCode.TRANSPORT_PARAMETER_ERROR, why)


def our_parameters(c: Connection, versions: VersionInformation) -> TransportParameters:
    """What both roles say of themselves."""
    config, limits = c.config, c.config.limits
    return TransportParameters(
        max_idle_timeout=int(config.idle_timeout * 1000),
        initial_max_data=limits.connection_window,
        initial_max_stream_data_bidi_local=limits.stream_window,
        initial_max_stream_data_bidi_remote=limits.stream_window,
        initial_max_stream_data_uni=limits.stream_window,
        initial_max_streams_bidi=limits.bidirectional,
        initial_max_streams_uni=limits.unidirectional,
        disable_active_migration=config.disable_migration,
        active_connection_id_limit=ACTIVE_LIMIT,
        initial_source_connection_id=c.first_id,
        version_information=versions,
        max_datagram_frame_size=config.datagram_frame,
        grease_quic_bit=True,
    )


class Handshaking:
    """The common half: CRYPTO octets to TLS, TLS's events to the connection.

    The roles hold one of these; it calls back into them for what they do differently.
    """

    __slots__ = ("_c", "_post", "_reading")

    def __init__(self, connection: Connection) -> None:
        self._c = connection
        self._post = 0
        self._reading = 0  # the highest packet number space that there were ever keys to read for

    def in_order(self, level: PacketType, offset: int, data: bytes) -> bytes:
        """CRYPTO octets that are next.  Raises: QuicTransportError CRYPTO_BUFFER_EXCEEDED, PROTOCOL_VIOLATION."""
        space = SPACES[level]
        crypto = self._c.crypto[space]
        if space < self._reading and crypto.is_new(offset + len(data)):
            raise _level_over()
        ready = crypto.receive(offset, data)
        if level is PacketType.ONE_RTT:
            self._post += len(ready)
            if self._post > POST_HANDSHAKE_MAXIMUM:
                raise QuicTransportError(ErrorCode.CRYPTO_BUFFER_EXCEEDED, "CRYPTO octets without end", FrameType.CRYPTO)
        return ready

    def apply(self, events: list[HandshakeEvent]) -> HandshakeComplete | None:
        """What TLS says; returns the end of the handshake if it is among it.  Raises: QuicTransportError for an alert."""
        c = self._c
        complete = None
        for event in events:
            if isinstance(event, HandshakeBytes):
                c.crypto[SPACES[event.level]].write(event.data)
            elif isinstance(event, SecretReady):
                self._install(event)
            elif isinstance(event, HandshakeComplete):
                complete = event
            elif isinstance(event, Alert):
                code = ErrorCode.PROTOCOL_VIOLATION if event.against_quic else crypto_error(event.description)
                raise QuicTransportError(code, event.reason, FrameType.CRYPTO)
        return complete

    @staticmethod
    def parameters_of(events: list[HandshakeEvent], from_client: bool) -> TransportParameters | None:
        """The peer's parameters, if they are among TLS's events."""
        for event in events:
            if isinstance(event, PeerParameters):
                return decode_parameters(event.data, from_client)
        return None

    def _install(self, event: SecretReady) -> None:
        c = self._c
        level = PacketType(event.level)
        if event.direction is Direction.READ and level is not PacketType.EARLY:
            self._reading = SPACES[level]
            if any(crypto.has_gap for crypto in c.crypto[: self._reading]):
                raise _level_over()
        if level is PacketType.ONE_RTT:
            if c.phases is None:
                c.phases = KeyPhases(c.version, event.suite)
            if event.direction is Direction.READ:
                c.phases.set_read(event.secret)
            else:
                c.phases.set_write(event.secret)
            return
        version = c.origin if level is PacketType.EARLY else c.version
        keys = PacketKeys(version, event.suite, event.secret)
        if level is PacketType.HANDSHAKE:
            c.loss.has_handshake_keys = True
        (c.read if event.direction is Direction.READ else c.write)[level] = keys

    def use_peer(self, peer: TransportParameters) -> None:
        """The peer's parameters hold from here on."""
        c = self._c
        c.peer = peer
        c.streams.use_peer(peer)
        c.loss.rtt.max_ack_delay = peer.max_ack_delay / 1000
        c.loss.mtu.limit(peer.max_udp_payload_size)


def _level_over() -> QuicTransportError:
    """Octets that TLS cannot want any more.  RFC 9001 §4.1.3"""
    return QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "CRYPTO octets of a level that is over", FrameType.CRYPTO)
