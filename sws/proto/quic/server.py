# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's end of a QUIC connection.  RFC 9000 §7, §8.1; RFC 9001 §4; RFC 9368 §2.

TLS begins once the whole ClientHello is there, however many Initial packets it came in and in whatever order: before, a connection holds
its CRYPTO octets and nothing else.  The ClientHello is looked into first for the versions that the client could speak, since the transport
parameters in our answer, and its keys, depend on which of them is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, final

from sws.base.datagrams import Address, DatagramIn
from sws.base.errors import QuicTransportError
from sws.base.handshake import HandshakeEvent, PeerParameters
from sws.crypto.hashes import digest
from sws.crypto.system import Entropy
from sws.proto.quic.api import HandshakeDone
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.connection import Connection, MakeId
from sws.proto.quic.errors import ErrorCode, crypto_error
from sws.proto.quic.frames import HANDSHAKE_DONE, encode_new_token
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.handshake import Handshaking, bad_parameters, our_parameters
from sws.proto.quic.packets import INITIAL_MINIMUM, LongHeader
from sws.proto.quic.parameters import (
    PreferredAddress,
    TransportParameters,
    VersionInformation,
    decode_parameters,
    encode_identity,
    encode_parameters,
    remembered,
)
from sws.proto.quic.paths import Path
from sws.proto.quic.protection import PacketKeys
from sws.proto.quic.versions import VERSIONS, PacketType, Version
from sws.proto.tls.config import ClientHelloFacts, ServerConfig, TlsHost
from sws.proto.tls.constants import AlertDescription, ExtensionType
from sws.proto.tls.hello import find_extension
from sws.proto.tls.server import ServerHandshake

__all__ = ["Acceptance", "ServerConnection"]

_HELLO_MAXIMUM: Final = 1 << 16
_HELLO_PATIENCE: Final = 0.005
"""Seconds that the rest of a ClientHello of several datagrams may take before the first parts are acknowledged without an answer.

DEVIATES RFC 9000 §13.2.1: "immediately".  The rest follows at once; a client that hears of the first part alone takes the way there and
back for as short as it is, and then, while the answer is computed, for broken: it asks again, and OpenSSL 3.5 never gets over that.
"""
_BOUND_MAXIMUM: Final = 256
_PREPARED_MAXIMUM: Final = 16


@final
@dataclass(frozen=True, slots=True)
class _Prepared:
    """What all connections of a listener in one version share.

    Attributes:
      of, config:  of TLS and QUIC: what it was made from.
      tls:         the same under QUIC's.
      said:        encoded parameters, without what belongs to one connection.
    """

    of: ServerConfig
    config: QuicConfig
    tls: ServerConfig
    said: bytes


_prepared: Final[dict[tuple[int, int, int], _Prepared]] = {}


@final
@dataclass(frozen=True, slots=True)
class Acceptance:
    """How a connection came to be.

    Attributes:
      original:   destination ID of the client's very first Initial.
      current:    destination ID of the Initial that is answered: another than `original` after a Retry.
      client_id:  the client's source ID.
      is_validated: a token showed that the client is at its address.
      reset_token: of our first ID.
      new_token:  makes a token for a later connection.
      preferred:  an address to move to: IPv4 (4 octets) and port, IPv6 (16 octets) and port.
    """

    original: bytes
    current: bytes
    client_id: bytes
    is_validated: bool
    reset_token: bytes = field(repr=False)
    new_token: Callable[[Address, int], bytes] | None = None
    preferred: tuple[bytes, int, bytes, int] | None = None

    @property
    def is_retried(self) -> bool:
        """Whether there was a Retry."""
        return self.original != self.current


@final
class ServerConnection(Connection):
    """The server's end.

    Args:
      tls:         of the listener; its `quic` is filled in.
      acceptance:  how the connection came to be.
      others:      as for `Connection`.
    """

    is_client = False

    def __init__(
        self,
        config: QuicConfig,
        tls: ServerConfig,
        acceptance: Acceptance,
        version: Version,
        local: Address,
        remote: Address,
        first_id: bytes,
        make_id: MakeId,
        retire_id: Callable[[bytes], None],
        entropy: Entropy,
        now: float,
    ) -> None:
        self.tls = tls
        self.acceptance = acceptance
        super().__init__(config, version, local, remote, first_id, make_id, retire_id, entropy, now)
        self.remote_ids.set_first(acceptance.client_id)
        self.install_initial(version, acceptance.current)
        self.paths.active.is_validated = acceptance.is_validated
        self.received[0].patience = _HELLO_PATIENCE

    def make_handshake(self) -> _ServerHandshaking:
        """TLS of the role."""
        self._handshaking = _ServerHandshaking(self)
        return self._handshaking

    def on_path_validated(self, path: Path) -> None:
        """Move there if the client has; else it is kept, and gives way to others that are tried later."""
        if path.is_wanted:
            self.migrate(path)
            return
        unused = self.paths.make_room(path)
        if unused is not None:
            self.remote_ids.retire(unused.sequence)

    @property
    def is_costly(self) -> bool:
        """Whether public-key operations follow in the handshake: the ClientHello is not whole yet, or the client shows a certificate."""
        tls = self._handshaking.tls
        return tls is None or tls.awaits_certificate

    def release(self) -> None:
        """TLS and its states, too."""
        super().release()
        self._handshaking.release()
        del self._handshaking

    @property
    def tls_handshake(self) -> ServerHandshake | None:
        """TLS itself, once the ClientHello has come."""
        return self._handshaking.tls


class _ServerHandshaking:
    """TLS in the server's role."""

    def __init__(self, connection: ServerConnection) -> None:
        self._c = connection
        self._common = Handshaking(connection)
        self._hello = b""
        self._tls: ServerHandshake | None = None
        self._others: PacketKeys | None = None
        self._peer: tuple[bytes, TransportParameters | None] = b"", None
        connection.control.register(FrameType.HANDSHAKE_DONE, lambda _: HANDSHAKE_DONE)
        connection.control.register(FrameType.NEW_TOKEN, self._new_token)

    @property
    def tls(self) -> ServerHandshake | None:
        """TLS itself, once the ClientHello has come."""
        return self._tls

    def release(self) -> None:
        """The connection is over: TLS and its states refer to one another."""
        if self._tls is not None:
            self._tls.feed.release()

    # --- packets -----------------------------------------------------------------------------------------------------

    def accepts(self, header: LongHeader, data: bytes) -> bool:
        """Packets of the client's first version, and of the negotiated one, that go to our ID or, at first, to the client's choice.

        An Initial in a datagram below 1200 octets is not looked at, and closes nothing: whoever saw the first can make such (§14.1).
        """
        c = self._c
        kind = header.kind
        if kind > PacketType.HANDSHAKE or header.version not in (c.origin.number, c.version.number):
            return False
        if kind is PacketType.INITIAL and len(data) < INITIAL_MINIMUM:
            return False
        if header.destination not in (c.first_id, c.acceptance.current) or header.source != c.acceptance.client_id:
            return False
        if kind is PacketType.INITIAL and header.version == c.origin.number and c.version is not c.origin:
            self._use_initial(c.origin)
        elif kind is PacketType.INITIAL:
            self._use_initial(c.version)
        return True

    def _use_initial(self, version: Version) -> None:
        """Initial packets come in the first version until the client has heard of the other.  RFC 9369 §4.1"""
        c = self._c
        current = c.read[PacketType.INITIAL]
        if current is None or self._others is None or self._read_version is version:
            return
        self._read_version = version
        c.read[PacketType.INITIAL], self._others = self._others, current

    _read_version: Version | None = None

    def on_packet(self, level: PacketType, packet: tuple[bytes, int, int, DatagramIn]) -> bool:
        """A Handshake packet shows that the client is at its address, and needs Initial packets no more.  §8.1, RFC 9001 §4.9.1"""
        c = self._c
        if level is PacketType.HANDSHAKE:
            c.paths.active.is_validated = True
            c.discard(PacketType.INITIAL)
        return True

    def on_ack(self, level: PacketType) -> None:
        """Nothing follows from it."""

    def on_new_token(self, token: bytes) -> None:
        """Only servers send it."""
        raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "NEW_TOKEN from a client", FrameType.NEW_TOKEN)

    def on_done(self) -> None:
        """Only servers send it."""
        raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "HANDSHAKE_DONE from a client", FrameType.HANDSHAKE_DONE)

    # --- TLS ---------------------------------------------------------------------------------------------------------

    def on_crypto(self, level: PacketType, offset: int, data: bytes) -> None:
        """CRYPTO."""
        ready = self._common.in_order(level, offset, data)
        if not ready:
            return
        if self._tls is None:
            self._hello += ready
            if not self._begin():
                return
            ready, self._hello = self._hello, b""
        tls = self._tls
        if tls is None:
            return
        c = self._c
        events = tls.receive(level, ready, c.now)
        c.alpn = tls.core.facts.alpn or b""
        peer = self._parameters_of(events)
        if peer is not None:
            self._check(peer)
            self._common.use_peer(peer)
        complete = self._common.apply(events)
        if complete is not None:
            c.is_handshake_complete = True
            c.events.append(HandshakeDone(complete.alpn or b"", tls.core.facts.early))
            c.read[PacketType.EARLY] = None
            c.confirm()
            c.control.want(FrameType.HANDSHAKE_DONE)
            if c.acceptance.new_token is not None:
                c.control.want(FrameType.NEW_TOKEN)
        elif c.phases is not None and c.phases.ready is None and tls.secrets[0]:
            c.phases.prepare_read(tls.secrets[0])
        c.receiver.retry_waiting(c.now)

    def _parameters_of(self, events: list[HandshakeEvent]) -> TransportParameters | None:
        """The client's parameters, if TLS tells them; as a rule they were decoded when the version was chosen."""
        for event in events:
            if isinstance(event, PeerParameters):
                body, known = self._peer
                return known if known is not None and body == event.data else decode_parameters(event.data, True)
        return None

    def _begin(self) -> bool:
        """TLS begins with the first message whole, whatever it is."""
        hello = self._hello
        size = 4 + int.from_bytes(hello[1:4], "big") if len(hello) >= 4 else 4
        if size > _HELLO_MAXIMUM:
            raise QuicTransportError(crypto_error(AlertDescription.DECODE_ERROR), "a ClientHello that is too long", FrameType.CRYPTO)
        if len(hello) < size:
            return False
        self._c.received[0].patience = 0.0
        if hello[0] == 1:
            self._choose_version(hello[:size])
        self._tls = ServerHandshake(self._prepare().tls, self._parameters())
        return True

    def _choose_version(self, hello: bytes) -> None:
        """Compatible version negotiation.  RFC 9368 §2.3

        Once we have said something in the client's version, that stays: there are clients that hear us no more in another, Java's library
        (JDK 26, 27) after a Retry, lsquic after an acknowledgement of a part of its ClientHello.
        """
        c = self._c
        body = find_extension(hello, ExtensionType.QUIC_TRANSPORT_PARAMETERS)
        if body is None:
            return  # TLS says what is wrong with it
        self._peer = body, decode_parameters(body, True)
        versions = self._peer[1].version_information
        if versions is None:
            return
        if versions.chosen != c.origin.number:
            raise QuicTransportError(ErrorCode.VERSION_NEGOTIATION_ERROR, "another version than the packet's was chosen")
        if versions.chosen not in versions.available:
            raise bad_parameters("the chosen version is not among the available ones")
        if c.acceptance.is_retried or c.loss.spaces[0].next_number:
            return
        for number in c.config.versions:
            if number in versions.available:
                self._switch(VERSIONS[number])
                return

    def _switch(self, version: Version) -> None:
        c = self._c
        if version is c.version:
            return
        first = c.read[PacketType.INITIAL]
        c.version = version
        c.install_initial(version, c.acceptance.current)
        self._others, c.read[PacketType.INITIAL] = c.read[PacketType.INITIAL], first
        self._read_version = c.origin

    def _parameters(self) -> bytes:
        """Ours, of which most is the same for every connection."""
        c = self._c
        acceptance = c.acceptance
        preferred = None if acceptance.preferred is None else PreferredAddress(*acceptance.preferred, *c.local_ids.add_preferred())
        retried = acceptance.current if acceptance.is_retried else None
        return self._prepare().said + encode_identity(acceptance.original, retried, c.first_id, acceptance.reset_token, preferred)

    def _prepare(self) -> _Prepared:
        """The listener's configuration of TLS, as it is under QUIC's and in the version that was negotiated."""
        c = self._c
        place = id(c.tls), id(c.config), c.version.number
        known = _prepared.get(place)
        if known is None or known.of is not c.tls or known.config is not c.config:
            ours = our_parameters(c, VersionInformation(c.version.number, tuple(c.config.versions)))
            terms = c.version.number.to_bytes(4, "big") + encode_parameters(remembered(ours))
            if len(_prepared) >= _PREPARED_MAXIMUM:
                _prepared.clear()
            tls = replace(c.tls, quic=b"", choose_host=_binding(c.tls.choose_host, terms))
            said = encode_parameters(replace(ours, initial_source_connection_id=None))
            known = _prepared[place] = _Prepared(c.tls, c.config, tls, said)
        return known

    def _check(self, peer: TransportParameters) -> None:
        """§7.3"""
        if peer.initial_source_connection_id != self._c.acceptance.client_id:
            raise bad_parameters("initial_source_connection_id is not the client's ID")

    def _new_token(self, _: int) -> bytes | None:
        c = self._c
        make = c.acceptance.new_token
        return None if make is None else encode_new_token(make(c.paths.active.remote, c.version.number))


def _binding(choose: Callable[[ClientHelloFacts], TlsHost | None], terms: bytes) -> Callable[[ClientHelloFacts], TlsHost | None]:
    """Tickets hold in the version, and for 0-RTT under the limits, that they were given out with.  RFC 9369 §5, RFC 9000 §7.4.1"""
    bound: dict[int, tuple[TlsHost, TlsHost]] = {}

    def choose_bound(facts: ClientHelloFacts) -> TlsHost | None:
        """The host as it was chosen, under a binding of its own."""
        host = choose(facts)
        if host is None:
            return None
        known = bound.get(id(host))
        if known is None or known[0] is not host:
            if len(bound) >= _BOUND_MAXIMUM:
                bound.clear()
            binding = digest("sha256", host.binding + terms) + host.binding[-32:]
            known = bound[id(host)] = host, replace(host, binding=binding)
        return known[1]

    return choose_bound
