# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS 1.3, RFC 9846, both roles, without I/O.

Reading order: `constants`, `hello`, `extensions`, `messages` (the wire) → `schedule`, `groups`, `signatures`, `tickets` (the cryptography)
→ `core` (what a state is) → `server`, `server_hello`, `server_auth` | `client`, `client_hello`, `client_auth` → `records`, `connection`.
"""

from __future__ import annotations

from sws.proto.tls.config import ClientAuth, ClientConfig, ClientHelloFacts, ClientTicket, Negotiated, ServerConfig, TlsHost
from sws.proto.tls.connection import ClientConnection, ServerConnection, TlsConnection
from sws.proto.tls.signatures import Credential, PeerKey, PeerPolicy, Signer
from sws.proto.tls.tickets import Psk, Session, TicketBox, TicketKeys, Tickets

__all__ = [
    "ClientAuth",
    "ClientConfig",
    "ClientConnection",
    "ClientHelloFacts",
    "ClientTicket",
    "Credential",
    "Negotiated",
    "PeerKey",
    "PeerPolicy",
    "Psk",
    "ServerConfig",
    "ServerConnection",
    "Session",
    "Signer",
    "TicketBox",
    "TicketKeys",
    "Tickets",
    "TlsConnection",
    "TlsHost",
]
