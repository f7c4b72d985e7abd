# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GeneralName: the nine kinds of names that certificates have for anything.  RFC 5280 §4.2.1.6, §7.2 to §7.5.

Names of hosts and mail boxes are ASCII: an international name stands there in its A-label form, and whoever has another form converts
it first.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias, final

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.oids import decode_oid, encode_oid
from sws.crypto.asn1.reader import DerReader
from sws.crypto.x509.names import Name

__all__ = [
    "GeneralName",
    "Kind",
    "OtherName",
    "address_text",
    "dns",
    "encode_general_names",
    "ip",
    "read_general_name",
    "read_general_names",
]

_MAXIMUM: Final = 4096


@final
class Kind(IntEnum):
    """Kinds of names, by their tags."""

    OTHER_NAME = 0
    RFC822_NAME = 1
    DNS_NAME = 2
    X400_ADDRESS = 3
    DIRECTORY_NAME = 4
    EDI_PARTY_NAME = 5
    URI = 6
    IP_ADDRESS = 7
    REGISTERED_ID = 8


@final
class OtherName(NamedTuple):
    """A name of a kind that an identifier says.

    Attributes:
      value:  the element whole.
    """

    oid: str
    value: bytes


Value: TypeAlias = "str | bytes | Name | OtherName"


@final
class GeneralName(NamedTuple):
    """One name.

    Attributes:
      kind:   see `Kind`.
      value:  text of a mail box, host or URI, and a dotted identifier; a `Name`; an `OtherName`; octets of an address (in a name constraint
              address and mask) and of the two kinds that nobody uses.
    """

    kind: Kind
    value: Value

    def __str__(self) -> str:
        kind, value = self
        if kind is Kind.IP_ADDRESS and isinstance(value, bytes):
            return f"IP:{address_text(value)}"
        prefix = {Kind.DNS_NAME: "DNS", Kind.RFC822_NAME: "email", Kind.DIRECTORY_NAME: "DirName", Kind.REGISTERED_ID: "RID"}
        text = value.hex() if isinstance(value, bytes) else f"{value.oid}=#{value.value.hex()}" if isinstance(value, OtherName) else value
        return f"{prefix.get(kind, kind.name.lower())}:{text}"


def dns(name: str) -> GeneralName:
    """A host's name."""
    return GeneralName(Kind.DNS_NAME, name)


def ip(address: str) -> GeneralName:
    """An address.  Raises: UsageError if it is none."""
    import ipaddress

    try:
        return GeneralName(Kind.IP_ADDRESS, ipaddress.ip_address(address).packed)
    except ValueError:
        raise UsageError(f"{address!r} is no IP address") from None


def address_text(octets: bytes) -> str:
    """An address of 4 or 16 octets, or a network of 8 or 32."""
    import ipaddress

    if len(octets) in (4, 16):
        return str(ipaddress.ip_address(octets))
    half = len(octets) // 2
    if half in (4, 16) and len(octets) == 2 * half:
        return f"{ipaddress.ip_address(octets[:half])}/{int.from_bytes(octets[half:], 'big').bit_count()}"
    return octets.hex()


def read_general_name(reader: DerReader) -> GeneralName:
    """The GeneralName that comes next.  Raises: DecodeError."""
    what = "GeneralName"
    at, tag = reader.at, reader.tag
    number = tag & 0x1F
    if tag < 0 or tag & 0xC0 != 0x80 or number > Kind.REGISTERED_ID:
        raise DecodeError(f"{what}: none of the nine kinds", at)
    if bool(tag & 0x20) is not (number in (0, 3, 4, 5)):
        raise DecodeError(f"{what}: primitive where constructed is wanted, or the reverse", at)
    kind = Kind(number)
    if kind is Kind.DIRECTORY_NAME:
        inner = reader.enter(tag, what)
        name = Name.from_der(inner.raw(tags.SEQUENCE, what))
        inner.finish(what)
        return GeneralName(kind, name)
    if kind is Kind.OTHER_NAME:
        inner = reader.enter(tag, what)
        oid = inner.oid(what)
        wrapped = inner.enter(tags.constructed(0), what)
        other = OtherName(oid, wrapped.any(what))
        wrapped.finish(what)
        inner.finish(what)
        return GeneralName(kind, other)
    content = reader.take(tag, what)
    if kind in (Kind.DNS_NAME, Kind.RFC822_NAME, Kind.URI):
        if not content.isascii():
            raise DecodeError(f"{what}: characters that are not ASCII", at)
        return GeneralName(kind, content.decode("ascii"))
    if kind is Kind.REGISTERED_ID:
        return GeneralName(kind, decode_oid(content))
    return GeneralName(kind, content)


def read_general_names(reader: DerReader, what: str) -> tuple[GeneralName, ...]:
    """All that the reader holds, one at least.  Raises: DecodeError, LimitExceeded."""
    names: list[GeneralName] = []
    for each in reader.elements(what, 1):
        if len(names) >= _MAXIMUM:
            raise LimitExceeded(f"names of {what}", len(names) + 1, _MAXIMUM)
        names.append(read_general_name(each))
    return tuple(names)


def encode_general_name(name: GeneralName) -> bytes:
    """One name.  Raises: UsageError for a value that is not of its kind."""
    kind, value = name
    if isinstance(value, Name):
        return writer.explicit(kind, value.der)
    if isinstance(value, OtherName):
        return writer.element(tags.constructed(kind), writer.oid(value.oid) + writer.explicit(0, value.value))
    if isinstance(value, bytes):
        return writer.element(tags.constructed(kind) if kind in (3, 5) else tags.context(kind), value)
    if not value.isascii():
        raise UsageError(f"{value!r}: convert an international name to A-labels first")
    return writer.element(tags.context(kind), encode_oid(value) if kind is Kind.REGISTERED_ID else value.encode())


def encode_general_names(names: tuple[GeneralName, ...]) -> bytes:
    """GeneralNames, a SEQUENCE OF."""
    return writer.sequence(*map(encode_general_name, names))
