# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's end of a QUIC connection.  RFC 9000 §5.2.1, §6, §7, §9.6, §17.2.5; RFC 9001 §4.6; RFC 9368.

Before anything is authenticated, a server may send Version Negotiation or Retry, each once: the first flight then begins anew, with
another version, or with a token and under other keys.  Both are held against the transport parameters afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import final

from sws.base.datagrams import Address, DatagramIn
from sws.base.errors import DecodeError, QuicTransportError
from sws.base.handshake import Direction, SecretReady
from sws.crypto.system import Entropy
from sws.proto.quic.api import EarlyDataRejected, HandshakeDone
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.connection import Connection, MakeId
from sws.proto.quic.crypto import CryptoStream
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.handshake import Handshaking, bad_parameters, our_parameters
from sws.proto.quic.packets import LongHeader, decode_version_negotiation
from sws.proto.quic.parameters import TransportParameters, VersionInformation, encode_parameters, remembered
from sws.proto.quic.paths import Path
from sws.proto.quic.retry import is_genuine_retry
from sws.proto.quic.versions import QUIC_V1, VERSIONS, PacketType
from sws.proto.tls.client import ClientHandshake
from sws.proto.tls.config import ClientConfig, ClientTicket
from sws.proto.tls.core import EarlyData

__all__ = ["ClientConnection", "Resumption"]

_EARLY_LIMITS = (
    "initial_max_data",
    "initial_max_stream_data_bidi_local",
    "initial_max_stream_data_bidi_remote",
    "initial_max_stream_data_uni",
    "initial_max_streams_bidi",
    "initial_max_streams_uni",
    "active_connection_id_limit",
    "max_datagram_frame_size",
)


@final
@dataclass(frozen=True, slots=True)
class Resumption:
    """What a client keeps for its next connection to a server.

    Attributes:
      ticket:      SECRET; None: only the token.
      parameters:  the server's, for 0-RTT.
      token:       of NEW_TOKEN.
      version:     that they came in, and may be used in alone (RFC 9369 §5); None if it is not known.
    """

    ticket: ClientTicket | None = field(default=None, repr=False)
    parameters: TransportParameters | None = None
    token: bytes = b""
    version: int | None = None


@final
class ClientConnection(Connection):
    """The client's end.

    Args:
      tls:         of this connection; `quic`, `ticket` and `early` are filled in.
      resumption:  of an earlier connection; 0-RTT data is sent if the ticket allows it.
      version:     of the first flight; if it is not given, that of `resumption`, else version 1 or the first of `config.versions`.
      others:      as for `Connection`.
    """

    is_client = True

    def __init__(
        self,
        config: QuicConfig,
        tls: ClientConfig,
        local: Address,
        remote: Address,
        first_id: bytes,
        make_id: MakeId,
        retire_id: Callable[[bytes], None],
        entropy: Entropy,
        now: float,
        resumption: Resumption | None = None,
        version: int | None = None,
    ) -> None:
        self.tls = tls
        kept = Resumption() if resumption is None else resumption
        number = version if version is not None else _first_version(config, kept)
        self.resumption = kept if kept.version in (None, number) else Resumption()
        self.original = entropy(8)
        super().__init__(config, VERSIONS[number], local, remote, first_id, make_id, retire_id, entropy, now)
        self.token = self.resumption.token
        self.paths.active.is_validated = True
        self.remote_ids.set_first(self.original)
        self.install_initial(self.version, self.original)
        self._client.start()

    def make_handshake(self) -> _ClientHandshaking:
        """TLS of the role."""
        self._client = _ClientHandshaking(self)
        return self._client

    def peer_or_remembered(self) -> TransportParameters | None:
        """The server's parameters, or those of an earlier connection while 0-RTT is sent."""
        return self.peer if self.peer is not None else self.resumption.parameters

    def take_resumptions(self) -> Sequence[Resumption]:
        """What came for later connections since the last call; SECRET."""
        return self._client.take_resumptions()

    @property
    def sends_early_data(self) -> bool:
        """Streams may be opened before the handshake is complete."""
        return self.write[PacketType.EARLY] is not None

    def probe(self, local: Address, remote: Address | None = None) -> bool:
        """Move to another address pair once it is validated.  RFC 9000 §9

        Returns: False if there is no connection ID for it, or the server forbids it.
        """
        is_same = remote is None or remote == self.paths.active.remote
        if not self.is_confirmed or self.peer is None or (self.peer.disable_active_migration and is_same):
            return False
        sequence = self.remote_ids.reserve()
        if sequence is None:
            return False
        path = Path(local, self.paths.active.remote if remote is None else remote, sequence)
        path.is_validated = True  # as far as amplification goes: a client need not fear it
        if not self.paths.add(path):
            return False
        self.paths.challenge(path, self.now)
        return True

    def rebind(self, local: Address) -> None:
        """Our address changed under us: what is sent leaves from there now."""
        self.paths.active.local = local

    def on_path_validated(self, path: Path) -> None:
        """Move there."""
        self.migrate(path)


class _ClientHandshaking:
    """TLS in the client's role."""

    def __init__(self, connection: ClientConnection) -> None:
        self._c = connection
        self._common = Handshaking(connection)
        self._retry_id: bytes | None = None
        self._negotiated = False
        self._heard = False
        self._server_id = b""
        self._tokens: list[bytes] = []
        self._announced: TransportParameters | None = None
        self._tls: ClientHandshake | None = None

    def start(self) -> None:
        """The first flight."""
        c = self._c
        kept = c.resumption
        early = kept.ticket is not None and kept.parameters is not None and not self._negotiated
        versions = VersionInformation(c.version.number, tuple(c.config.versions))
        config = replace(c.tls, quic=encode_parameters(our_parameters(c, versions)), ticket=kept.ticket, early=early)
        self._tls = ClientHandshake(config)
        events = self._tls.start(c.now)
        if any(isinstance(event, SecretReady) and event.direction is Direction.WRITE for event in events) and kept.parameters is not None:
            c.streams.use_peer(kept.parameters)
            c.alpn = (kept.ticket.alpn if kept.ticket is not None else None) or b""
        self._common.apply(events)

    # --- packets -----------------------------------------------------------------------------------------------------

    def accepts(self, header: LongHeader, data: bytes) -> bool:
        """Packets to our ID, from the server's once it is known."""
        c = self._c
        if header.destination != c.first_id:
            return False
        if header.kind >= PacketType.RETRY:
            if header.start == 0:  # behind an Initial it comes too late: §6.2, §17.2.5.2
                (self._on_retry if header.kind is PacketType.RETRY else self._on_versions)(header, data)
            return False
        if (self._heard and header.source != self._server_id) or (header.kind is PacketType.INITIAL and header.token):
            return False  # servers send no tokens: §17.2.2
        if header.version != c.version.number:
            has_switched = c.version is not c.origin or c.read[PacketType.HANDSHAKE] is not None
            if header.kind is not PacketType.INITIAL or has_switched or header.version not in c.config.versions:
                return False
            version = VERSIONS[header.version]  # the server has chosen another, compatible one: RFC 9368 §2.3, proved by its parameters
            c.version = version
            c.install_initial(version, c.original if self._retry_id is None else self._retry_id)
        return True

    def on_packet(self, level: PacketType, packet: tuple[bytes, int, int, DatagramIn]) -> bool:
        """The server's ID is that of its first packet; one with another is dropped.  §7.2"""
        c = self._c
        data, start, _, _ = packet
        middle = start + 6 + data[start + 5]
        source = data[middle + 1 : middle + 1 + data[middle]]
        if self._heard:
            return source == self._server_id
        self._server_id = source
        self._heard = True
        c.remote_ids.set_first(source)
        return True

    def on_ack(self, level: PacketType) -> None:
        """An acknowledgement of a Handshake packet: the server has validated our address.  RFC 9002 §6.2.2.1"""
        if level is PacketType.HANDSHAKE:
            self._c.loss.peer_validated = True

    def on_new_token(self, token: bytes) -> None:
        """For a later connection."""
        if len(self._tokens) < 4 and len(token) <= 1024:
            self._tokens.append(token)

    def on_done(self) -> None:
        """The handshake is confirmed."""
        c = self._c
        c.confirm()
        peer = c.peer
        if peer is not None and peer.preferred_address is not None:
            self._move(peer)

    def _move(self, peer: TransportParameters) -> None:
        """To the preferred address, if it is of our kind.  §9.6"""
        c = self._c
        preferred = peer.preferred_address
        if preferred is None:
            return
        active = c.paths.active
        if ":" in active.remote[0]:
            octets, port = preferred.ipv6, preferred.ipv6_port
            host = ":".join([octets[at : at + 2].hex() for at in range(0, 16, 2)])
        else:
            octets, port = preferred.ipv4, preferred.ipv4_port
            host = ".".join(map(str, octets))
        if port and any(octets):
            c.probe(active.local, (host, port))

    def _on_versions(self, header: LongHeader, data: bytes) -> None:
        """Version Negotiation: begin anew.  §6.2"""
        c = self._c
        if self._heard or self._negotiated or self._retry_id is not None or header.source != c.original:
            return
        try:
            offered = decode_version_negotiation(data, header)
        except DecodeError:
            return
        if c.origin.number in offered:
            return
        for number in c.config.versions:
            if number in offered:
                break
        else:
            c.fail(QuicTransportError(ErrorCode.VERSION_NEGOTIATION_ERROR, "no version in common"))
            c.closing.wants_to_send = False
            return
        self._negotiated = True
        c.origin = c.version = VERSIONS[number]
        c.loss.forget(0)
        if c.sends_early_data:
            self._forget_early()
        if c.resumption.version is not None:
            c.resumption = Resumption()
            c.token = b""
        c.crypto = (CryptoStream(), c.crypto[1], c.crypto[2])
        c.install_initial(c.version, c.original)
        self.start()

    def _on_retry(self, header: LongHeader, data: bytes) -> None:
        """Retry: the same again, to another ID and with a token.  §17.2.5"""
        c = self._c
        if self._heard or self._retry_id is not None or header.version != c.version.number or not header.token:
            return
        if not is_genuine_retry(data[header.start :], header.version, c.original) or header.source == c.original:
            return
        self._retry_id = header.source
        c.token = header.token
        c.remote_ids.set_first(header.source)
        c.install_initial(c.version, header.source)
        c.loss.lose_all(0)
        c.loss.lose_all(2)

    # --- TLS ---------------------------------------------------------------------------------------------------------

    def on_crypto(self, level: PacketType, offset: int, data: bytes) -> None:
        """CRYPTO."""
        tls = self._tls
        ready = self._common.in_order(level, offset, data)
        if not ready or tls is None:
            return
        c = self._c
        events = tls.receive(level, ready, c.now)
        peer = self._common.parameters_of(events, False)
        if peer is not None:
            self._check(peer)
            self._early_data(peer, tls)
            self._announced = peer
            if not c.sends_early_data:
                self._common.use_peer(peer)
            if peer.stateless_reset_token is not None:
                c.remote_ids.set_first_token(peer.stateless_reset_token)
            if peer.preferred_address is not None:
                preferred = peer.preferred_address
                c.remote_ids.on_new(1, 0, preferred.connection_id, preferred.reset_token)
        complete = self._common.apply(events)
        if complete is not None:
            c.is_handshake_complete = True
            c.write[PacketType.EARLY] = None
            if c.peer is None and self._announced is not None:  # 0-RTT packets kept to what was remembered: §7.4.1
                self._common.use_peer(self._announced)
            c.alpn = complete.alpn or b""
            c.events.append(HandshakeDone(complete.alpn or b"", tls.core.facts.early))
        c.receiver.retry_waiting(c.now)

    def _early_data(self, peer: TransportParameters, tls: ClientHandshake) -> None:
        """0-RTT data was taken, or never was.  RFC 9001 §4.6.2, RFC 9000 §7.4.1"""
        c = self._c
        if c.write[PacketType.EARLY] is None and tls.early_data is EarlyData.NONE:
            return
        kept = c.resumption.parameters
        if tls.core.facts.early:
            if kept is not None and any(getattr(peer, name) < getattr(kept, name) for name in _EARLY_LIMITS):
                raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "limits below those that 0-RTT data relied on", FrameType.CRYPTO)
            return
        self._forget_early()

    def _forget_early(self) -> None:
        """0-RTT data never was."""
        c = self._c
        c.write[PacketType.EARLY] = None
        c.loss.forget(2)
        c.streams.forget_all()
        c.outgoing_datagrams.clear()
        c.events.append(EarlyDataRejected())

    def _check(self, peer: TransportParameters) -> None:
        """§7.3, RFC 9368 §4"""
        c = self._c
        if peer.initial_source_connection_id != self._server_id:
            raise bad_parameters("initial_source_connection_id is not the server's ID")
        if peer.original_destination_connection_id != c.original:
            raise bad_parameters("original_destination_connection_id is not what was sent to")
        if peer.retry_source_connection_id != self._retry_id:
            raise bad_parameters("retry_source_connection_id does not fit")
        if peer.preferred_address is not None and not self._server_id:
            raise bad_parameters("a preferred address from a server without ID")
        versions = peer.version_information
        if versions is None and self._negotiated and c.version is c.origin and c.version.number == QUIC_V1:
            versions = VersionInformation(QUIC_V1, (QUIC_V1,))  # a server of version 1 alone need not know of negotiation: RFC 9368 §8
        if versions is None:
            if c.version is not c.origin or self._negotiated:
                raise QuicTransportError(ErrorCode.VERSION_NEGOTIATION_ERROR, "a version was negotiated without proof")
            return
        if versions.chosen != c.version.number:
            raise QuicTransportError(ErrorCode.VERSION_NEGOTIATION_ERROR, "another version than the packets'")
        if self._negotiated and next((number for number in c.config.versions if number in versions.available), 0) != c.origin.number:
            raise QuicTransportError(ErrorCode.VERSION_NEGOTIATION_ERROR, "a better version was hidden")

    def take_resumptions(self) -> Sequence[Resumption]:
        """Tickets and tokens, as they go together."""
        c = self._c
        tickets = [] if self._tls is None else list(self._tls.take_tickets())
        parameters = None if c.peer is None else remembered(c.peer)
        return [Resumption(ticket, parameters, self._tokens.pop(0) if self._tokens else b"", c.version.number) for ticket in tickets]


def _first_version(config: QuicConfig, kept: Resumption) -> int:
    if kept.version is not None and kept.version in config.versions:
        return kept.version
    return QUIC_V1 if QUIC_V1 in config.versions else config.versions[0]
