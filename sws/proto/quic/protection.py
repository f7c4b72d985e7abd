# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packet protection, many packets a call.  RFC 9001 §5; RFC 9369 §3.3.

    nonce   = iv XOR packet number
    sealed  = AEAD(key, nonce, payload, aad = header)                               §5.3
    sample  = sealed[4 - n : 20 - n]       n: octets of the packet number            §5.4.2
    mask    = five octets from the sample under the header-protection key
    header's first octet ^= mask[0] & (0x0f long, 0x1f short);  packet number ^= mask[1:]

A `PacketCipher` is one AEAD key with its IV; a `HeaderCipher` lives longer, since key updates leave it alone (§6).  What comes in is
unmasked in one call for all packets of a batch, then opened in one call: `unmask`, `open_many`.  Nothing between the two depends on
what the octets say, so that timing tells nothing of headers that were not authenticated (§9.5).
Packets of several levels that leave together are sealed together, and opened together when they come so: `seal_levels`, `open_levels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack
from typing import Final, TypeAlias, final

from sws.crypto.aead import Group, open_groups, seal_groups
from sws.crypto.header_protection import mask_groups, masks
from sws.crypto.hkdf import Expander, expand_label, expander, extract
from sws.proto.quic.versions import Version
from sws.proto.tls.constants import CipherSuite
from sws.proto.tls.suites import SUITES

__all__ = [
    "CONFIDENTIALITY_LIMIT",
    "INTEGRITY_LIMIT",
    "TAG",
    "HeaderCipher",
    "PacketCipher",
    "PacketKeys",
    "Place",
    "Sealable",
    "Unmasked",
    "initial_secrets",
    "next_secret",
    "open_levels",
    "seal_levels",
    "seal_packets",
    "unmask_levels",
]

TAG: Final = 16
_SAMPLE: Final = 16

Sealable: TypeAlias = tuple[bytes, int, bytes]
"""A header that ends with a packet number of four octets, the packet number, a payload."""

Place: TypeAlias = tuple[bytes, int, int]
"""A datagram, where a packet starts, where its number stands."""

Unmasked: TypeAlias = tuple[int, int, int]
"""A packet's first octet, the octets of its number, the number's low part."""

_HEADER_SUITES: Final[dict[int, str]] = {
    CipherSuite.TLS_AES_128_GCM_SHA256: "aes-128-gcm",
    CipherSuite.TLS_AES_256_GCM_SHA384: "aes-256-gcm",
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256: "chacha20-poly1305",
}

#: Packets that may be sealed under one key; that many that fail to open end the connection.  RFC 9001 §6.6.
CONFIDENTIALITY_LIMIT: Final = {
    int(CipherSuite.TLS_AES_128_GCM_SHA256): 1 << 23,
    int(CipherSuite.TLS_AES_256_GCM_SHA384): 1 << 23,
    int(CipherSuite.TLS_CHACHA20_POLY1305_SHA256): 1 << 62,
}
INTEGRITY_LIMIT: Final = {
    int(CipherSuite.TLS_AES_128_GCM_SHA256): 1 << 52,
    int(CipherSuite.TLS_AES_256_GCM_SHA384): 1 << 52,
    int(CipherSuite.TLS_CHACHA20_POLY1305_SHA256): 1 << 36,
}


def initial_secrets(version: Version, destination: bytes) -> tuple[bytes, bytes]:
    """The client's and the server's secret of Initial packets.  §5.2.

    Args:
      destination:  the connection ID that the client's first Initial went to.
    """
    expand = expander("sha256", extract("sha256", version.salt, destination))
    return expand(b"client in", b"", 32), expand(b"server in", b"", 32)


def next_secret(version: Version, suite: int, secret: bytes) -> bytes:
    """The traffic secret after a key update; SECRET.  §6.1."""
    known = SUITES[suite]
    return expand_label(known.hash_name, secret, version.label + b"ku", b"", known.hash_length)


@final
class PacketCipher:
    """One direction's AEAD under one key.

    Args:
      secret:  of the direction and epoch; SECRET.
      expand:  of that secret, if it is there.
    """

    __slots__ = ("_aead", "_iv")

    def __init__(self, version: Version, suite: int, secret: bytes, expand: Expander | None = None) -> None:
        known = SUITES[suite]
        expand = expand or expander(known.hash_name, secret)
        self._aead = known.aead(expand(version.label + b"key", b"", known.key_length))
        self._iv = int.from_bytes(expand(version.label + b"iv", b"", 12), "big")

    def group(self, items: Sequence[Sealable]) -> Group:
        """What is to be sealed or opened, and with what."""
        iv = self._iv
        return self._aead, [((iv ^ number).to_bytes(12, "big"), payload, header) for header, number, payload in items]

    def seal_many(self, items: Sequence[Sealable]) -> list[bytes]:
        """The payloads sealed, in one call."""
        aead, prepared = self.group(items)
        return aead.seal_many(prepared)

    def open_many(self, items: Sequence[Sealable]) -> list[bytes | None]:
        """The payloads opened, in one call; None for what was not sealed so."""
        aead, prepared = self.group(items)
        return aead.open_many(prepared)


@final
class HeaderCipher:
    """One direction's header protection.

    Args:
      secret:  of the direction and level, before any key update; SECRET.
      expand:  of that secret, if it is there.
    """

    __slots__ = ("_key", "_suite")

    def __init__(self, version: Version, suite: int, secret: bytes, expand: Expander | None = None) -> None:
        known = SUITES[suite]
        expand = expand or expander(known.hash_name, secret)
        self._suite = _HEADER_SUITES[suite]
        self._key = expand(version.label + b"hp", b"", known.key_length)

    def to_mask(self, sealed: Sequence[bytes]) -> tuple[str, bytes, list[bytes]]:
        """What the masks of packets that leave are made from."""
        return self._suite, self._key, [text[:_SAMPLE] for text in sealed]

    def unmask(self, packets: Sequence[Place]) -> list[Unmasked]:
        """What the headers of packets say; each has at least 20 octets from its packet number on."""
        return _unmasked(packets, masks(*self.to_unmask(packets)))

    def to_unmask(self, packets: Sequence[Place]) -> tuple[str, bytes, list[bytes]]:
        """What the masks of packets that came are made from."""
        return self._suite, self._key, [data[at + 4 : at + 4 + _SAMPLE] for data, _, at in packets]


@final
class PacketKeys:
    """Both ciphers of one direction at one level."""

    __slots__ = ("header", "packet", "suite")

    def __init__(self, version: Version, suite: int, secret: bytes) -> None:
        self.suite = suite
        expand = expander(SUITES[suite].hash_name, secret)
        self.packet = PacketCipher(version, suite, secret, expand)
        self.header = HeaderCipher(version, suite, secret, expand)


def seal_packets(keys: PacketKeys, items: Sequence[Sealable]) -> list[bytes]:
    """Whole protected packets, in two calls."""
    sealed = keys.packet.seal_many(items)
    return _masked(items, sealed, masks(*keys.header.to_mask(sealed)))


def seal_levels(levels: Sequence[tuple[PacketKeys, Sequence[Sealable]]]) -> list[list[bytes]]:
    """`seal_packets` for each level, in two calls for all that have one suite."""
    if len(levels) == 1:
        return [seal_packets(*levels[0])]
    packets: list[list[bytes]] = [[]] * len(levels)
    for suite in {keys.suite for keys, _ in levels}:
        alike = [(place, keys, items) for place, (keys, items) in enumerate(levels) if keys.suite == suite]
        sealed = seal_groups([keys.packet.group(items) for _, keys, items in alike])
        found = mask_groups([keys.header.to_mask(texts) for (_, keys, _), texts in zip(alike, sealed, strict=True)])
        for (place, _, items), texts, some in zip(alike, sealed, found, strict=True):
            packets[place] = _masked(items, texts, some)
    return packets


def unmask_levels(levels: Sequence[tuple[HeaderCipher, Sequence[Place]]]) -> list[list[Unmasked]]:
    """`unmask` for each level, with as few calls as the ciphers can do with."""
    found = mask_groups([header.to_unmask(packets) for header, packets in levels])
    return [_unmasked(packets, some) for (_, packets), some in zip(levels, found, strict=True)]


def open_levels(levels: Sequence[tuple[PacketCipher, Sequence[Sealable]]]) -> list[list[bytes | None]]:
    """`open_many` for each level, likewise."""
    return open_groups([cipher.group(items) for cipher, items in levels])


def _unmasked(packets: Sequence[Place], found: Sequence[bytes]) -> list[Unmasked]:
    opened = []
    for (data, start, at), mask in zip(packets, found, strict=True):
        first = data[start]
        first ^= mask[0] & (0x0F if first & 0x80 else 0x1F)
        octets = (first & 3) + 1
        number = (int.from_bytes(data[at : at + 4], "big") ^ int.from_bytes(mask[1:], "big")) >> 8 * (4 - octets)
        opened.append((first, octets, number))
    return opened


def _masked(items: Sequence[Sealable], sealed: Sequence[bytes], found: Sequence[bytes]) -> list[bytes]:
    """Headers, which end with a packet number of four octets, masked, and what was sealed behind them."""
    packets = []
    for (header, _, _), text, mask in zip(items, sealed, found, strict=True):
        first = header[0]
        at = len(header) - 4
        a, b, c, d = header[at] ^ mask[1], header[at + 1] ^ mask[2], header[at + 2] ^ mask[3], header[at + 3] ^ mask[4]
        masked = pack("B", first ^ mask[0] & (0x0F if first & 0x80 else 0x1F))  # small numbers: PyPy compiles them, large ones it calls
        packets.append(masked + header[1:at] + pack("4B", a, b, c, d) + text)
    return packets
