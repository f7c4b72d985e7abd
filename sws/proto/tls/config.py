# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both ends of TLS are told before a connection begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, final

from sws.crypto.system import Entropy, system_entropy
from sws.proto.tls.constants import CipherSuite, NamedGroup
from sws.proto.tls.groups import GROUPS
from sws.proto.tls.signatures import VERIFY_SCHEMES, Credential, PeerPolicy
from sws.proto.tls.tickets import Psk, Session, Tickets

__all__ = [
    "ClientAuth",
    "ClientConfig",
    "ClientHelloFacts",
    "ClientTicket",
    "KeyLog",
    "Negotiated",
    "ServerConfig",
    "TlsHost",
]

KeyLog = Callable[[str, bytes, bytes], None]
"""Label, client random, secret: a line of an SSLKEYLOGFILE.  RFC 9850.  SECRET."""

DEFAULT_SUITES: Final = tuple(CipherSuite)
PLAINTEXT_MAXIMUM: Final = 1 << 14


class ClientAuth(IntEnum):
    """Whether a server asks for a client's certificate.  RFC 9846 §4.3.2"""

    NONE = 0
    REQUEST = 1
    REQUIRE = 2


@final
@dataclass(frozen=True, slots=True)
class ClientHelloFacts:
    """What a server chooses its virtual host by."""

    server_name: bytes | None
    alpn: tuple[bytes, ...]
    schemes: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class TlsHost:
    """TLS of one virtual host.

    Attributes:
      credentials:  tried in order: the first whose key can sign with a scheme that the client takes.
      alpn:         protocols, best first; empty: the extension is ignored.
      binding:      goes into tickets: tickets of one binding are not accepted under another.
      policy:       judges client certificates; needed unless `client_auth` is NONE.
      early_data:   octets of 0-RTT data to accept; 0 for none.
      ticket_count: how many tickets are sent after a full handshake.
    """

    credentials: tuple[Credential, ...]
    alpn: tuple[bytes, ...] = ()
    binding: bytes = b""
    client_auth: ClientAuth = ClientAuth.NONE
    policy: PeerPolicy | None = None
    early_data: int = 0
    ticket_count: int = 2


def _no_psk(_identity: bytes) -> Psk | None:
    return None


def _no_replay_guard(_ticket: bytes, _until: float) -> bool:
    return False


@final
@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The server's end.

    Attributes:
      choose_host:     from the ClientHello; None refuses it with unrecognized_name.
      suites, groups:  in our order of preference, which decides.
      wall:            seconds since 1970.
      tickets:         None: no resumption.
      ticket_lifetime: seconds.
      external_psk:    identity → key.
      first_use:       (ticket, until when to remember it) → whether 0-RTT is tried with it for the first time, as far as all that share the
                       ticket keys know; False refuses 0-RTT, nothing else.  §8.1
      cookie:          send a cookie in a HelloRetryRequest.
      record_limit:    largest plaintext we take, content type not counted.
      quic:            transport parameters to send: TLS for QUIC (RFC 9001 §8), without records, compatibility mode, EndOfEarlyData.
    """

    choose_host: Callable[[ClientHelloFacts], TlsHost | None]
    wall: Callable[[], float]
    suites: tuple[int, ...] = DEFAULT_SUITES
    groups: tuple[int, ...] = GROUPS
    schemes: tuple[int, ...] = VERIFY_SCHEMES
    entropy: Entropy = system_entropy
    tickets: Tickets | None = None
    ticket_lifetime: int = 7200
    external_psk: Callable[[bytes], Psk | None] = _no_psk
    first_use: Callable[[bytes, float], bool] = _no_replay_guard
    cookie: bool = True
    compress_certificates: bool = True
    record_limit: int = PLAINTEXT_MAXIMUM
    keylog: KeyLog | None = None
    quic: bytes | None = None


@final
@dataclass(frozen=True, slots=True)
class ClientTicket:
    """What a client needs to resume a session.

    Attributes:
      psk:       SECRET.
      received:  wall time in milliseconds.
      server_name, alpn:  of the session.
      peer:      the server's chain, which was checked then.
    """

    ticket: bytes
    psk: bytes = field(repr=False)
    suite: int
    lifetime: int
    age_add: int
    early_data: int
    received: int
    server_name: bytes | None
    alpn: bytes | None
    peer: tuple[bytes, ...] = ()
    external: bool = False


@final
@dataclass(frozen=True, slots=True)
class ClientConfig:
    """The client's end.

    Attributes:
      policy:       judges the server's chain.
      shares:       the groups, out of `groups`, that key shares are sent for at once.
      credential:   shown when the server asks for a certificate.
      ticket:       to resume with.
      early:        whether to send 0-RTT data if the ticket allows it.
      post_handshake_auth:  offer to authenticate later.
    """

    policy: PeerPolicy
    wall: Callable[[], float]
    server_name: bytes | None = None
    alpn: tuple[bytes, ...] = ()
    suites: tuple[int, ...] = DEFAULT_SUITES
    groups: tuple[int, ...] = GROUPS
    shares: tuple[int, ...] = (NamedGroup.X25519,)
    schemes: tuple[int, ...] = VERIFY_SCHEMES
    entropy: Entropy = system_entropy
    credential: Credential | None = None
    ticket: ClientTicket | None = None
    early: bool = False
    post_handshake_auth: bool = False
    compress_certificates: bool = True
    record_limit: int = PLAINTEXT_MAXIMUM
    keylog: KeyLog | None = None
    quic: bytes | None = None


@final
@dataclass(slots=True)
class Negotiated:
    """The facts of a connection, filled in as the handshake goes.

    Attributes:
      peer:        the peer's chain in DER, leaf first; empty if it showed none.
      record_size: largest plaintext, content type not counted, that the peer takes.
      early:       0-RTT was accepted.
    """

    suite: int = 0
    group: int = 0
    scheme: int = 0
    server_name: bytes | None = None
    alpn: bytes | None = None
    resumed: bool = False
    retried: bool = False
    early: bool = False
    peer: tuple[bytes, ...] = ()
    record_size: int = PLAINTEXT_MAXIMUM
    session: Session | None = None
    extensions: Mapping[int, bytes] = field(default_factory=dict)
    authorities: Sequence[bytes] = ()
