# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The versions of QUIC, and all in which they differ.  RFC 9000 §15, RFC 9001 §5.2, §5.8; RFC 9369 §3.

| | version 1 | version 2 |
|---|---|---|
| types of long headers | Initial 0, 0-RTT 1, Handshake 2, Retry 3 | Retry 0, Initial 1, 0-RTT 2, Handshake 3 |
| HKDF labels | quic key, quic iv, quic hp, quic ku | quicv2 key, … |
| salt of Initial secrets, key and nonce of Retry | each has its own |

Both speak the same frames and the same TLS, and are compatible (RFC 9368 §2.2): a server may answer a first flight of one in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

__all__ = ["DEFAULT_VERSIONS", "QUIC_V1", "QUIC_V2", "SPACES", "VERSIONS", "PacketType", "Version", "is_reserved"]

QUIC_V1: Final = 0x00000001
QUIC_V2: Final = 0x6B3343CF


class PacketType(IntEnum):
    """Kinds of packets; the first four are numbered like TLS's encryption levels."""

    INITIAL = 0
    EARLY = 1
    HANDSHAKE = 2
    ONE_RTT = 3
    RETRY = 4
    VERSION_NEGOTIATION = 5


SPACES: Final = (0, 2, 1, 2)
"""Packet number spaces, by the first four kinds of packets.  RFC 9000 §12.3"""


@final
@dataclass(frozen=True, slots=True)
class Version:
    """One version.

    Attributes:
      salt:        of Initial secrets.
      label:       what HKDF labels begin with.
      types:       bits of the long header's type → kind of packet.
      bits:        the other way.
      retry_key, retry_nonce:  of the Retry Integrity Tag.
    """

    number: int
    salt: bytes
    label: bytes
    types: tuple[PacketType, PacketType, PacketType, PacketType]
    bits: dict[PacketType, int]
    retry_key: bytes
    retry_nonce: bytes


def _version(number: int, salt: str, label: bytes, types: tuple[PacketType, ...], retry_key: str, retry_nonce: str) -> Version:
    first, second, third, fourth = types
    return Version(
        number,
        bytes.fromhex(salt),
        label,
        (first, second, third, fourth),
        {kind: bits for bits, kind in enumerate(types)},
        bytes.fromhex(retry_key),
        bytes.fromhex(retry_nonce),
    )


_T = PacketType

VERSIONS: Final[dict[int, Version]] = {
    QUIC_V1: _version(
        QUIC_V1,
        "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
        b"quic ",
        (_T.INITIAL, _T.EARLY, _T.HANDSHAKE, _T.RETRY),
        "be0c690b9f66575a1d766b54e368c84e",
        "461599d35d632bf2239825bb",
    ),
    QUIC_V2: _version(
        QUIC_V2,
        "0dede3def700a6db819381be6e269dcbf9bd2ed9",
        b"quicv2 ",
        (_T.RETRY, _T.INITIAL, _T.EARLY, _T.HANDSHAKE),
        "8fb4b01b56ac48e260fbcbcead7ccc92",
        "d86969bc2d7c6d9990efb04a",
    ),
}

DEFAULT_VERSIONS: Final = (QUIC_V2, QUIC_V1)
"""What both roles take, best first."""


def is_reserved(number: int) -> bool:
    """Whether a version exists only to exercise negotiation.  RFC 9000 §15."""
    return number & 0x0F0F0F0F == 0x0A0A0A0A
