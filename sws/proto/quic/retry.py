# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Retry packets and their integrity tag.  RFC 9000 §17.2.5, RFC 9001 §5.8.

    tag = AES-128-GCM(fixed key, fixed nonce, "", aad = odcid length, odcid, Retry packet without tag)

It shows that whoever made the packet saw the client's Initial; it does not authenticate the server.
"""

from __future__ import annotations

from sws.crypto.aead import AESGCM
from sws.crypto.constant_time import equal
from sws.proto.quic.versions import VERSIONS, PacketType, Version

__all__ = ["encode_retry", "is_genuine_retry"]


def _tag(version: Version, original: bytes, packet: bytes) -> bytes:
    return AESGCM(version.retry_key).seal(version.retry_nonce, b"", bytes((len(original),)) + original + packet)


def encode_retry(version: Version, destination: bytes, source: bytes, original: bytes, token: bytes, chance: int = 0) -> bytes:
    """A Retry packet.

    Args:
      destination:  the client's source connection ID.
      source:       the connection ID that the client is to use.
      original:     the destination connection ID that the client used.
      chance:       four bits that mean nothing.
    """
    packet = b"".join(
        (
            bytes((0xC0 | version.bits[PacketType.RETRY] << 4 | chance & 0x0F,)),
            version.number.to_bytes(4, "big"),
            bytes((len(destination),)),
            destination,
            bytes((len(source),)),
            source,
            token,
        )
    )
    return packet + _tag(version, original, packet)


def is_genuine_retry(packet: bytes, version: int, original: bytes) -> bool:
    """Whether the tag verifies for the destination connection ID that the client used."""
    return equal(_tag(VERSIONS[version], original, packet[:-16]), packet[-16:])
