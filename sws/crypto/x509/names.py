# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Distinguished names: octets, attributes, comparison, text.  RFC 5280 §4.1.2.4 and §7.1, RFC 4514.

    Name ::= SEQUENCE OF RelativeDistinguishedName      RelativeDistinguishedName ::= SET OF { type OID, value ANY }

Two names are the same if their octets are, or if their attributes are the same one by one: of character strings the text without regard
to letter case, type of string, leading, trailing and repeated spaces (§7.1, of RFC 4518 the steps that change anything in practice:
NFKC, case folding, spaces); of other values the octets.

A name is text in the order of RFC 4514: the last relative name first, as `CN=a.example,O=Example,C=NZ`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.asn1.strings import STRING_TAGS, decode_string

__all__ = ["ATTRIBUTES", "Attribute", "Name"]

ATTRIBUTES: Final = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "serialNumber": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "title": "2.5.4.12",
    "postalCode": "2.5.4.17",
    "givenName": "2.5.4.42",
    "initials": "2.5.4.43",
    "generationQualifier": "2.5.4.44",
    "dnQualifier": "2.5.4.46",
    "pseudonym": "2.5.4.65",
    "organizationIdentifier": "2.5.4.97",
    "UID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "emailAddress": "1.2.840.113549.1.9.1",
}
"""Short names of RFC 4514 §3, and further ones that LDAP has registered."""
_SHORT: Final = {oid: short for short, oid in ATTRIBUTES.items()}
_PRINTABLE_ONLY: Final = frozenset((ATTRIBUTES["C"], ATTRIBUTES["serialNumber"], ATTRIBUTES["dnQualifier"]))
_IA5_ONLY: Final = frozenset((ATTRIBUTES["DC"], ATTRIBUTES["emailAddress"]))
_MAXIMUM_ATTRIBUTES: Final = 4096


@final
class Attribute(NamedTuple):
    """One attribute.

    Attributes:
      oid:    of the type.
      value:  the element whole.
      text:   of a character string; else None.
    """

    oid: str
    value: bytes
    text: str | None

    @property
    def key(self) -> tuple[str, str | bytes]:
        """What is compared.  RFC 5280 §7.1."""
        if self.text is None:
            return self.oid, self.value
        return self.oid, " ".join(unicodedata.normalize("NFKC", self.text).casefold().split())

    def __str__(self) -> str:
        """RFC 4514 §2.3 and §2.4."""
        short = _SHORT.get(self.oid)
        if short is None or self.text is None:
            return f"{short or self.oid}=#{self.value.hex()}"
        return f"{short}={_escape(self.text)}"


def _escape(text: str) -> str:
    """RFC 4514 §2.4; control characters in hexadecimal, too, so that a name is one line."""
    escaped = "".join("\\" + c if c in '"+,;<>\\' else f"\\{ord(c):02x}" if c < " " or c == "\x7f" else c for c in text)
    if text[:1] in (" ", "#"):
        escaped = "\\" + escaped
    if len(text) > 1 and text[-1] == " ":
        escaped = escaped[:-1] + "\\ "
    return escaped


@final
class Name:
    """A distinguished name.

    Attributes:
      der:   the SEQUENCE whole.
      rdns:  relative names, each of one or more attributes.
    """

    __slots__ = ("_key", "der", "rdns")

    def __init__(self, der: bytes, rdns: tuple[tuple[Attribute, ...], ...]) -> None:
        self.der = der
        self.rdns = rdns
        self._key: tuple[frozenset[tuple[str, str | bytes]], ...] | None = None

    @staticmethod
    def from_der(der: bytes) -> Name:
        """A name from its octets; issuers, which come again and again, are remembered.  Raises: DecodeError, LimitExceeded."""
        return _decode(der)

    @classmethod
    def build(cls, attributes: Iterable[tuple[str, str]]) -> Name:
        """A name of single attributes, from the most general one to the most special.

        Args:
          attributes:  (short name or dotted identifier, text).
        Raises: UsageError for an attribute that is not known, empty, or has characters that its type forbids.
        """
        rdns = []
        for name, text in attributes:
            oid = ATTRIBUTES.get(name, name)
            if not text:
                raise UsageError(f"name: {name} is empty")
            if oid == ATTRIBUTES["C"] and len(text) != 2:
                raise UsageError("name: a country is two letters")
            encode = writer.printable_string if oid in _PRINTABLE_ONLY else writer.ia5_string if oid in _IA5_ONLY else writer.utf8_string
            rdns.append(writer.set_of([writer.sequence(writer.oid(oid), encode(text))]))
        return cls.from_der(writer.sequence(*rdns))

    @property
    def key(self) -> tuple[frozenset[tuple[str, str | bytes]], ...]:
        """What is compared."""
        if self._key is None:
            self._key = tuple(frozenset(attribute.key for attribute in rdn) for rdn in self.rdns)
        return self._key

    def values(self, attribute: str) -> tuple[str, ...]:
        """Texts of the attributes of a short name or identifier."""
        oid = ATTRIBUTES.get(attribute, attribute)
        return tuple(found.text for rdn in self.rdns for found in rdn if found.oid == oid and found.text is not None)

    def is_within(self, base: Name) -> bool:
        """Whether the name is `base` or below it.  RFC 5280 §7.1."""
        return self.key[: len(base.rdns)] == base.key

    def __bool__(self) -> bool:
        return bool(self.rdns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and (self.der == other.der or self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        """RFC 4514 §2.1."""
        return ",".join("+".join(map(str, rdn)) for rdn in reversed(self.rdns))

    def __repr__(self) -> str:
        return f"Name({str(self)!r})"


@lru_cache(maxsize=256)
def _decode(der: bytes) -> Name:
    reader = DerReader(der)
    name = _read(reader)
    reader.finish("Name")
    return name


def _read(outer: DerReader) -> Name:
    begin = outer.at
    reader = outer.sequence("Name")
    rdns = []
    count = 0
    for rdn in reader.elements("Name"):
        attributes = _relative(rdn.set_of("RelativeDistinguishedName"))
        count += len(attributes)
        if count > _MAXIMUM_ATTRIBUTES:
            raise LimitExceeded("attributes of a name", count, _MAXIMUM_ATTRIBUTES)
        rdns.append(attributes)
    return Name(outer.data[begin : outer.at], tuple(rdns))


def _relative(reader: DerReader) -> tuple[Attribute, ...]:
    what = "AttributeTypeAndValue"
    attributes = []
    for each in reader.elements(what, 1):
        inner = each.sequence(what)
        oid = inner.oid(what)
        at, tag = inner.at, inner.tag
        if tag in STRING_TAGS:
            content = inner.take(tag, what)
            attributes.append(Attribute(oid, inner.data[at : inner.at], decode_string(tag, content, at)))
        else:
            attributes.append(Attribute(oid, inner.any(what), None))
        inner.finish(what)
    if len(attributes) > 1 and len({attribute.oid for attribute in attributes}) != len(attributes):
        raise DecodeError("RelativeDistinguishedName: a type twice", reader.at)
    return tuple(attributes)


def read_relative(outer: DerReader, tag: int = tags.SET) -> tuple[Attribute, ...]:
    """A RelativeDistinguishedName by itself, as distribution points have it.  Raises: DecodeError."""
    return _relative(outer.enter(tag, "RelativeDistinguishedName"))
