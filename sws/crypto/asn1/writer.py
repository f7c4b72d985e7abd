# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writing DER: every function gives one element whole, and the constructed types take elements.  X.690 §8, §10, §11."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sws.base.errors import UsageError
from sws.crypto.asn1 import tags
from sws.crypto.asn1.oids import encode_oid
from sws.crypto.asn1.strings import is_printable
from sws.crypto.asn1.times import encode_time

__all__ = [
    "NULL",
    "bit_string",
    "boolean",
    "directory_string",
    "element",
    "enumerated",
    "explicit",
    "generalized_time",
    "ia5_string",
    "implicit",
    "integer",
    "named_bits",
    "octet_string",
    "oid",
    "printable_string",
    "sequence",
    "set_of",
    "time",
    "utf8_string",
]

NULL: Final = b"\x05\x00"


def element(tag: int, content: bytes) -> bytes:
    """Identifier, the shortest length, content."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE; an empty part stands for an element that is left out."""
    return element(tags.SEQUENCE, b"".join(parts))


def set_of(parts: Iterable[bytes]) -> bytes:
    """SET OF: the elements in ascending order."""
    return element(tags.SET, b"".join(sorted(parts)))


def explicit(number: int, inner: bytes) -> bytes:
    """[number] EXPLICIT."""
    return element(tags.constructed(number), inner)


def implicit(number: int, inner: bytes) -> bytes:
    """[number] IMPLICIT: the element with another identifier."""
    return bytes((0x80 | inner[0] & 0x20 | number,)) + inner[1:]


def boolean(value: bool) -> bytes:
    """BOOLEAN."""
    return b"\x01\x01\xff" if value else b"\x01\x01\x00"


def integer(value: int) -> bytes:
    """INTEGER."""
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return element(tags.INTEGER, value.to_bytes(bits // 8 + 1, "big", signed=True))


def enumerated(value: int) -> bytes:
    """ENUMERATED, for values that are not negative."""
    return element(tags.ENUMERATED, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bit_string(octets: bytes, unused: int = 0) -> bytes:
    """BIT STRING of all bits of `octets` but the last `unused`, which must be zero."""
    if not 0 <= unused < 8 or (unused and (not octets or octets[-1] & (1 << unused) - 1)):
        raise UsageError("BIT STRING: unused bits that are not zero")
    return element(tags.BIT_STRING, bytes((unused,)) + octets)


def named_bits(bits: Iterable[int]) -> bytes:
    """BIT STRING of a set of bit numbers, as short as can be."""
    numbers = sorted(bits)
    if not numbers:
        return bit_string(b"")
    count = numbers[-1] + 1
    value = sum(1 << (count - 1 - number) for number in numbers)
    unused = -count % 8
    return bit_string((value << unused).to_bytes((count + unused) // 8, "big"), unused)


def octet_string(octets: bytes) -> bytes:
    """OCTET STRING."""
    return element(tags.OCTET_STRING, octets)


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    return element(tags.OID, encode_oid(dotted))


def utf8_string(text: str) -> bytes:
    """UTF8String."""
    return element(tags.UTF8_STRING, text.encode())


def printable_string(text: str) -> bytes:
    """PrintableString.  Raises: UsageError for characters that it does not have."""
    if not is_printable(text):
        raise UsageError("PrintableString: letters, digits, space and ' ( ) + , - . / : = ? only")
    return element(tags.PRINTABLE_STRING, text.encode())


def ia5_string(text: str) -> bytes:
    """IA5String.  Raises: UsageError for characters that are not ASCII."""
    if not text.isascii():
        raise UsageError("IA5String: ASCII only")
    return element(tags.IA5_STRING, text.encode())


def directory_string(text: str) -> bytes:
    """PrintableString where that is enough, else UTF8String.  RFC 5280 §4.1.2.4."""
    return printable_string(text) if is_printable(text) else utf8_string(text)


def time(seconds: int) -> bytes:
    """UTCTime up to 2049, then GeneralizedTime.  RFC 5280 §4.1.2.5."""
    return element(*encode_time(seconds))


def generalized_time(seconds: int) -> bytes:
    """GeneralizedTime."""
    return element(*encode_time(seconds, generalized=True))
