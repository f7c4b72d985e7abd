# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Domain names.  RFC 1035 §2.3.4, §3.1, §4.1.4, §5.1; RFC 4343 §3 (case).

A name is kept in its uncompressed wire form: labels behind a length octet each, and the root's zero.

    "www.example.com"  =  3 "www" 7 "example" 3 "com" 0

A length octet is at most 63 and no letter is below 65, so `bytes.lower()` on the whole folds the case of exactly the labels.

Compression: a length octet from 192 up and the one behind it point to where the rest of the name stands in the message.

    run     labels that follow each other in the message, ended by a zero or a pointer
    known   for each place where a label, zero or pointer was read as part of a name, the name that begins there

Invariants: a pointer leads to before the run that it ends, so runs go strictly backwards and no loop exists; nothing points into the
header; and as every place is read once and then known, decoding all names of a message is linear in its size, whatever points where.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded
from sws.base.reader import Reader
from sws.proto.dns.types import HEADER_OCTETS, MAX_LABEL, MAX_NAME

__all__ = ["ROOT", "NameDecoder", "fold", "is_within", "name_from_text", "name_to_text"]

ROOT: Final = b"\x00"
_POINTER: Final = 0xC0
_MAX_POINTERS: Final = 127
_PLAIN: Final = frozenset(range(0x21, 0x7F)) - frozenset(b'."$();@\\')


def fold(name: bytes) -> bytes:
    """The form in which names are compared."""
    return name.lower()


def is_within(name: bytes, zone: bytes) -> bool:
    """Whether a name is a zone's own or lies below it."""
    name, zone = fold(name), fold(zone)
    at = 0
    while len(name) - at > len(zone):
        at += 1 + name[at]
    return name[at:] == zone


def name_from_text(text: str) -> bytes:
    """The wire form of a dotted name in visible ASCII, without escapes; a final dot changes nothing.

    Raises: DecodeError for an empty label, or one of more than 63 octets; for more than 255 octets; for other characters.
    """
    dotted = text.removesuffix(".")
    if not dotted:
        if text:
            return ROOT
        raise DecodeError("domain name: empty")
    if not dotted.isascii():
        raise DecodeError("domain name: not in ASCII")
    parts: list[bytes] = []
    for label in dotted.encode("ascii").split(b"."):
        if not 1 <= len(label) <= MAX_LABEL:
            raise DecodeError(f"domain name: a label of {len(label)} octets")
        if not _PLAIN.issuperset(label):
            raise DecodeError("domain name: a character that no name has")
        parts.append(bytes((len(label),)) + label)
    name = b"".join(parts) + ROOT
    if len(name) > MAX_NAME:
        raise DecodeError(f"domain name: {len(name)} octets")
    return name


def name_to_text(name: bytes) -> str:
    r"""The dotted form with a final dot; what is not plain is escaped as \DDD.  RFC 1035 §5.1."""
    if name == ROOT:
        return "."
    parts: list[str] = []
    at = 0
    while name[at]:
        label = name[at + 1 : at + 1 + name[at]]
        parts.append("".join(chr(octet) if octet in _PLAIN else f"\\{octet:03d}" for octet in label) + ".")
        at += 1 + name[at]
    return "".join(parts)


@final
class NameDecoder:
    """Reads the names of one message.

    Args:
      message:  all of it, so that pointers can be followed.
    """

    __slots__ = ("_known", "_message")

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._known: dict[int, bytes] = {}

    def read(self, reader: Reader) -> bytes:
        """The name where `reader` stands; the reader is left behind it.

        Args:
          reader:  over the message; its bounds hold for the first run.
        Returns: the uncompressed wire form, in the message's case.
        Raises:  DecodeError, LimitExceeded.
        """
        parts: list[bytes] = []
        places: list[tuple[int, int]] = []
        size = pointers = 0
        run = reader.offset
        while True:
            at = reader.offset
            places.append((at, size))
            length = reader.u8("domain name")
            if length == 0:
                parts.append(ROOT)
                size += 1
                break
            if length <= MAX_LABEL:
                parts.append(bytes((length,)) + reader.take(length, "label"))
                size += 1 + length
                if size >= MAX_NAME:
                    raise DecodeError(f"domain name: more than {MAX_NAME} octets", at)
                continue
            if length < _POINTER:
                raise DecodeError("domain name: a reserved kind of label", at)
            target = (length & 0x3F) << 8 | reader.u8("pointer")
            if not HEADER_OCTETS <= target < run:
                raise DecodeError("domain name: a pointer that does not lead backwards", at)
            rest = self._known.get(target)
            if rest is not None:
                parts.append(rest)
                size += len(rest)
                break
            pointers += 1
            if pointers > _MAX_POINTERS:
                raise LimitExceeded("pointers in a domain name", pointers, _MAX_POINTERS)
            run = target
            reader = Reader(self._message, target)
        if size > MAX_NAME:
            raise DecodeError(f"domain name: {size} octets", run)
        name = b"".join(parts)
        for place, start in places:
            self._known[place] = name[start:]
        return name
