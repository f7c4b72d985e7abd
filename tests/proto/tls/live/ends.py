# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Configurations of our engine's ends for live tests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sws.crypto.system import system_entropy
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
from sws.proto.tls.constants import CipherSuite, NamedGroup
from tests.kit.tls_pki import Pki

__all__ = ["GROUPS", "SUITES", "client", "server", "ticket_box"]

SUITES = tuple(CipherSuite)
GROUPS = (NamedGroup.X25519, NamedGroup.SECP256R1, NamedGroup.SECP384R1)


def client(pki: Pki, name: bytes | None = b"p256.example", **options: Any) -> TlsConnection:
    """Our client's end; options are those of ClientConfig."""
    config = ClientConfig(pki.policy("serverAuth"), time.time, server_name=name)
    return ClientConnection(replace(config, **options), 0.0)


def ticket_box() -> TicketBox:
    """Under a key of its own."""
    keys = TicketKeys(((system_entropy(16), system_entropy(32)),))
    return TicketBox(lambda: keys, system_entropy)


def server(
    pki: Pki,
    credentials: Sequence[Credential],
    *,
    auth: ClientAuth = ClientAuth.NONE,
    early: int = 0,
    alpn: tuple[bytes, ...] = (),
    **options: Any,
) -> TlsConnection:
    """Our server's end; further options are those of ServerConfig."""
    host = TlsHost(tuple(credentials), alpn, client_auth=auth, policy=pki.policy("clientAuth"), early_data=early)
    config = ServerConfig(choose_host=lambda _facts: host, wall=time.time)
    return ServerConnection(replace(config, **options), 0.0)
