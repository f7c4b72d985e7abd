# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packet headers.  RFC 9000 §17, RFC 8999; RFC 9287 for the fixed bit.

    long    1 1 type(2) reserved(2) pn length(2) | version (4) | dcid length, dcid | scid length, scid | …
              Initial      token length, token | length | packet number | payload
              0-RTT, Handshake                   length | packet number | payload
              Retry        token | integrity tag (16)
    short   0 1 spin reserved(2) key phase pn length(2) | dcid | packet number | payload
    version negotiation   1 … | 0 (4) | dcid length, dcid | scid length, scid | versions

What stands from the packet number on is protected (`protection`).  A datagram may hold several packets (§12.2); a length that reaches
beyond the datagram, or a header that is cut short, makes the rest of the datagram worthless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from sws.base.errors import DecodeError
from sws.proto.quic.varint import encode_varint, read_varint
from sws.proto.quic.versions import VERSIONS, PacketType, Version

__all__ = [
    "CONNECTION_ID_MAXIMUM",
    "INITIAL_MINIMUM",
    "LONG_LENGTH_MAXIMUM",
    "LongHeader",
    "decode_long_header",
    "decode_version_negotiation",
    "encode_long_header",
    "encode_version_negotiation",
    "invariant_ids",
]

CONNECTION_ID_MAXIMUM: Final = 20
INITIAL_MINIMUM: Final = 1200
"""Octets of a datagram with an Initial packet that asks for acknowledgement.  §14.1"""
LONG_LENGTH_MAXIMUM: Final = 0x3FFF
"""What the length of our long headers, always of two octets, can say."""


@final
@dataclass(slots=True)
class LongHeader:
    """A long header, as far as it is not protected.

    Attributes:
      version:        0 in Version Negotiation.
      token:          of an Initial; the Retry Token of a Retry.
      start:          of the packet in the datagram.
      number_offset:  where the packet number stands; in Retry where the tag does, in Version Negotiation where the versions do.
      end:            of the packet.
    """

    kind: PacketType
    version: int
    destination: bytes
    source: bytes
    token: bytes
    start: int
    number_offset: int
    end: int


def invariant_ids(data: bytes, at: int) -> tuple[int, bytes, bytes, int]:
    """What all versions have: version, destination and source connection ID, and the offset behind them.  RFC 8999 §5.1.

    Raises: DecodeError if the header is cut short.
    """
    size = len(data)
    if at + 7 > size:
        raise DecodeError("long header: cut short", at)
    version = int.from_bytes(data[at + 1 : at + 5], "big")
    middle = at + 6 + data[at + 5]
    if middle >= size:
        raise DecodeError("destination connection ID: cut short", at)
    end = middle + 1 + data[middle]
    if end > size:
        raise DecodeError("source connection ID: cut short", middle)
    return version, data[at + 6 : middle], data[middle + 1 : end], end


def decode_long_header(data: bytes, at: int = 0) -> LongHeader:
    """The header of the packet at an offset, whose first bit is set.

    Raises: DecodeError for a version that is not known (see `invariant_ids`), or anything cut short or too long.
    """
    version, destination, source, end = invariant_ids(data, at)
    if version == 0:
        return LongHeader(PacketType.VERSION_NEGOTIATION, 0, destination, source, b"", at, end, len(data))
    known = VERSIONS.get(version)
    if known is None:
        raise DecodeError("long header: a version not known", at + 1)
    if len(destination) > CONNECTION_ID_MAXIMUM or len(source) > CONNECTION_ID_MAXIMUM:
        raise DecodeError("connection ID: more than 20 octets", at + 5)
    kind = known.types[data[at] >> 4 & 3]
    token = b""
    if kind is PacketType.RETRY:
        if end + 16 > len(data):
            raise DecodeError("Retry: cut short", end)
        return LongHeader(kind, version, destination, source, data[end:-16], at, len(data) - 16, len(data))
    if kind is PacketType.INITIAL:
        length, end = read_varint(data, end)
        if end + length > len(data):
            raise DecodeError("token: cut short", end)
        token = data[end : end + length]
        end += length
    length, end = read_varint(data, end)
    if end + length > len(data):
        raise DecodeError("long header: a length beyond the datagram", end)
    return LongHeader(kind, version, destination, source, token, at, end, end + length)


def encode_long_header(
    version: Version, kind: PacketType, destination: bytes, source: bytes, token: bytes, payload: int, number: int, number_octets: int = 4
) -> bytes:
    """The header of an Initial, 0-RTT or Handshake packet, its packet number included, not protected yet.

    Args:
      payload:  octets behind the packet number, the tag included; at most LONG_LENGTH_MAXIMUM less the packet number.
    """
    length = payload + number_octets
    return b"".join(
        (
            bytes((0xC0 | version.bits[kind] << 4 | number_octets - 1,)),
            version.number.to_bytes(4, "big"),
            bytes((len(destination),)),
            destination,
            bytes((len(source),)),
            source,
            encode_varint(len(token)) + token if kind is PacketType.INITIAL else b"",
            (0x4000 | length).to_bytes(2, "big"),
            (number & (1 << 8 * number_octets) - 1).to_bytes(number_octets, "big"),
        )
    )


def encode_version_negotiation(destination: bytes, source: bytes, versions: Sequence[int], chance: int) -> bytes:
    """A Version Negotiation packet.  §17.2.1.

    Args:
      destination, source:  of this packet: the source and the destination of the one it answers.
      chance:               seven bits that mean nothing.
    """
    return b"".join(
        (
            bytes((0xC0 | chance & 0x3F,)),  # the bit that other protocols on this port look at is set, as §17.2.1 advises
            bytes(4),
            bytes((len(destination),)),
            destination,
            bytes((len(source),)),
            source,
            *[version.to_bytes(4, "big") for version in versions],
        )
    )


def decode_version_negotiation(data: bytes, header: LongHeader) -> tuple[int, ...]:
    """The versions of a Version Negotiation packet.  Raises: DecodeError if there is none or a part of one."""
    octets = data[header.number_offset :]
    if not octets or len(octets) % 4:
        raise DecodeError("Version Negotiation: no whole number of versions", header.number_offset)
    return tuple([int.from_bytes(octets[at : at + 4], "big") for at in range(0, len(octets), 4)])
