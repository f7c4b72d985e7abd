# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The shapes of TLS engines: the handshake by itself, and records around a stream.  See base/engine.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol, TypeAlias, final

__all__ = [
    "Alert",
    "ByteFilter",
    "Direction",
    "HandshakeBytes",
    "HandshakeComplete",
    "HandshakeCore",
    "HandshakeEvent",
    "PeerParameters",
    "SecretReady",
]


class Direction(IntEnum):
    """Which half of a connection a traffic secret protects."""

    READ = 0
    WRITE = 1


class ByteFilter(Protocol):
    """A record layer: ciphertext on the one side, plaintext on the other, both bounded."""

    def receive(self, data: bytes, now: float) -> list[bytes]:
        """Ciphertext from the peer; returns plaintext in order."""

    def receive_eof(self, now: float) -> None:
        """The transport was closed; without close_notify that is a truncation."""

    def send(self, data: Sequence[bytes]) -> None:
        """Plaintext for the peer."""

    def close(self) -> None:
        """Half-close: nothing more will be sent."""

    def data_to_send(self, budget: int) -> list[bytes]:
        """Ciphertext to leave now; at most `budget` octets of plaintext are sealed in one call."""

    def export(self, label: bytes, context: bytes, length: int) -> bytes:
        """Keying material of the connection; SECRET."""


@final
@dataclass(slots=True)
class HandshakeBytes:
    """Handshake octets to carry to the peer at an encryption level."""

    level: int
    data: bytes


@final
@dataclass(slots=True)
class SecretReady:
    """A traffic secret to install.  SECRET: never shown."""

    level: int
    direction: Direction
    suite: int
    secret: bytes = field(repr=False)


@final
@dataclass(slots=True)
class PeerParameters:
    """The opaque transport parameters of the peer (QUIC)."""

    data: bytes


@final
@dataclass(slots=True)
class HandshakeComplete:
    """Both Finished messages have been verified."""

    alpn: bytes | None


@final
@dataclass(slots=True)
class Alert:
    """The alert to send before closing, and why.  `against_quic`: QUIC says PROTOCOL_VIOLATION instead."""

    description: int
    reason: str = ""
    against_quic: bool = False


HandshakeEvent: TypeAlias = HandshakeBytes | SecretReady | PeerParameters | HandshakeComplete | Alert


class HandshakeCore(Protocol):
    """The TLS handshake without records."""

    def receive(self, level: int, data: bytes, now: float) -> list[HandshakeEvent]:
        """Handshake octets in order at a level."""
