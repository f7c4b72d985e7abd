# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Both ends of TLS in memory: credentials, configurations, and the wire between them."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any, Final

from sws.base.errors import TlsAlert
from sws.crypto.keys import SigningKey, generate_private_key
from sws.crypto.system import system_entropy
from sws.crypto.x509 import Certificate, Roots, issue, new_authority
from sws.net.tls_keys import ChainPolicy, KeySigner
from sws.proto.tls import (
    ClientAuth,
    ClientConfig,
    ClientConnection,
    Credential,
    ServerConfig,
    ServerConnection,
    TicketBox,
    TicketKeys,
    TlsConnection,
    TlsHost,
)
from sws.proto.tls.constants import AlertDescription

__all__ = ["NOW", "alert_of", "authority", "client", "client_config", "credential", "deliver", "server", "server_config", "talk"]

NOW: Final = 1_790_000_000.0


@functools.cache
def credential(algorithm: str = "P-256", name: str = "localhost") -> Credential:
    """A certificate of the authority of this algorithm and name, with its key."""
    key = SigningKey(generate_private_key(algorithm))
    issuer, root = authority(algorithm, name)
    certificate = issue(root, issuer, key.public, ["localhost"], now=int(NOW), days=30, purposes=("serverAuth", "clientAuth"))
    return Credential((certificate.der,), KeySigner(key))


@functools.cache
def authority(algorithm: str, name: str) -> tuple[SigningKey, Certificate]:
    key = SigningKey(generate_private_key(algorithm))
    return key, new_authority(key, f"{name}'s authority", now=int(NOW), days=60)


@functools.cache
def policy(algorithm: str = "P-256", purpose: str = "serverAuth", name: str = "localhost") -> ChainPolicy:
    """Believes in `credential`."""
    return ChainPolicy(Roots([authority(algorithm, name)[1]]), purpose, lambda: NOW)


class Ledger:
    """Which tickets brought 0-RTT data already."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def first_use(self, ticket: bytes, _until: float) -> bool:
        """Whether it is the first time."""
        if ticket in self.seen:
            return False
        self.seen.add(ticket)
        return True


_KEYS: Final = TicketKeys(((b"n" * 16, b"k" * 32),))


def server_config(host: dict[str, Any] | None = None, **changes: Any) -> ServerConfig:
    """A server with tickets; `host` changes its one virtual host."""
    facts: dict[str, Any] = {"credentials": (credential(),), "alpn": (b"h2", b"http/1.1"), "binding": b"host"}
    facts.update(host or {})
    if facts.get("client_auth", ClientAuth.NONE) is not ClientAuth.NONE:
        facts.setdefault("policy", policy(purpose="clientAuth"))
    one = TlsHost(**facts)
    usual = ServerConfig(lambda _facts: one, lambda: NOW, tickets=TicketBox(lambda: _KEYS, system_entropy), first_use=Ledger().first_use)
    return replace(usual, **changes)


def client_config(**changes: Any) -> ClientConfig:
    """A client of localhost."""
    usual = ClientConfig(policy(), lambda: NOW, b"localhost", (b"http/1.1",))
    return replace(usual, **changes)


def server(config: ServerConfig | None = None, **options: Any) -> TlsConnection:
    """The server's end."""
    return ServerConnection(config or server_config(), 0.0, **options)


def client(config: ClientConfig | None = None, **options: Any) -> TlsConnection:
    """The client's end."""
    return ClientConnection(config or client_config(), 0.0, **options)


def deliver(data: bytes, to: TlsConnection, step: int | None = None) -> bytes:
    """Ciphertext in segments; what comes out."""
    size = step or max(1, len(data))
    return b"".join([part for start in range(0, len(data), size) for part in to.receive(data[start : start + size], to.now)])


def talk(one: TlsConnection, other: TlsConnection, step: int | None = None) -> tuple[bytes, bytes]:
    """Carry octets until both are silent; what each delivered."""
    got_one, got_other = b"", b""
    while True:
        out_one, out_other = b"".join(one.data_to_send(1 << 16)), b"".join(other.data_to_send(1 << 16))
        if not out_one and not out_other:
            return got_one, got_other
        got_other += deliver(out_one, other, step)
        got_one += deliver(out_other, one, step)


def alert_of(connection: TlsConnection) -> AlertDescription | None:
    """What it sent."""
    sent: TlsAlert | None = connection.alert_sent
    return None if sent is None else AlertDescription(sent.description)
