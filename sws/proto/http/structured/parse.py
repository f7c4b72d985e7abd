# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading structured fields.  RFC 9651 §4.2.

The first octet of a bare item tells its type, so one look-up picks the reader, and each reader is one linear regular expression at
the current position.  Every function takes the data and a position and returns what it read and the next position.

Invariants: DecodeError for anything that §4.2 makes fail, and no other exception for any input.
Known limits: base64 without padding and with non-zero pad bits is accepted (§4.2.7: SHOULD NOT fail); sizes are bounded by the field
section limits of the message, not here.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from sws.base.errors import DecodeError
from sws.proto.http.structured.model import BareItem, Date, Dictionary, DisplayString, InnerList, Item, List, Member, Parameters, Token

__all__ = ["parse_dictionary", "parse_item", "parse_list"]

_KEY_RE: Final = re.compile(rb"[a-z*][a-z0-9_\-.*]*")
_NUMBER_RE: Final = re.compile(rb"-?(?:([0-9]{1,12}\.[0-9]{1,3})|[0-9]{1,15})(?![0-9.])")
_STRING_RE: Final = re.compile(rb'"([\x20-\x21\x23-\x5b\x5d-\x7e]*(?:\\["\\][\x20-\x21\x23-\x5b\x5d-\x7e]*)*)"')
_ESCAPED_RE: Final = re.compile(rb"\\(.)")
_TOKEN_RE: Final = re.compile(rb"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_BYTES_RE: Final = re.compile(rb":([A-Za-z0-9+/]*)(={0,2}):")
_BOOLEAN_RE: Final = re.compile(rb"\?([01])")
_DATE_RE: Final = re.compile(rb"@(-?[0-9]{1,15})(?![0-9.])")
_DISPLAY_RE: Final = re.compile(rb'%"([\x20-\x21\x23\x24\x26-\x7e]*(?:%[0-9a-f]{2}[\x20-\x21\x23\x24\x26-\x7e]*)*)"')
_ESCAPE_RE: Final = re.compile(rb"%([0-9a-f]{2})")
_PARAMETER_RE: Final = re.compile(rb"; *([a-z*][a-z0-9_\-.*]*)(=?)")
_COMMA_RE: Final = re.compile(rb"[ \t]*,[ \t]*")
_SPACES_RE: Final = re.compile(rb" *")


def parse_item(lines: bytes | Sequence[bytes]) -> Item:
    """Reads a field that is an Item.  RFC 9651 §4.2, §4.2.3.

    Args:
      lines:  the field value, or the values of its lines in order.
    Raises:  DecodeError if malformed or empty.
    """
    data = _combined(lines)
    item, position = _item(data, 0)
    if position != len(data):
        raise DecodeError("structured field: something follows the item", position)
    return item


def parse_list(lines: bytes | Sequence[bytes]) -> List:
    """Reads a field that is a List.  RFC 9651 §4.2.1.

    Args:
      lines:  the field value, or the values of its lines in order; empty for an empty list.
    Raises:  DecodeError if malformed.
    """
    data = _combined(lines)
    members: List = []
    position, end = 0, len(data)
    while position < end:
        member, position = _member(data, position)
        members.append(member)
        position = _after_comma(data, position)
    return members


def parse_dictionary(lines: bytes | Sequence[bytes]) -> Dictionary:
    """Reads a field that is a Dictionary.  RFC 9651 §4.2.2.

    Args:
      lines:  the field value, or the values of its lines in order; empty for an empty dictionary.
    Returns: the members by key; a key that comes twice has its last value at its first place.
    Raises:  DecodeError if malformed.
    """
    data = _combined(lines)
    members: Dictionary = {}
    position, end = 0, len(data)
    while position < end:
        match = _KEY_RE.match(data, position)
        if match is None:
            raise DecodeError("structured field: malformed key", position)
        position = match.end()
        if data.startswith(b"=", position):
            member, position = _member(data, position + 1)
        else:
            parameters, position = _parameters(data, position)
            member = Item(True, parameters)
        members[match.group().decode("ascii")] = member
        position = _after_comma(data, position)
    return members


def _combined(lines: bytes | Sequence[bytes]) -> bytes:
    """The lines of a field as one, without spaces around."""
    return (lines if isinstance(lines, bytes) else b", ".join(lines)).strip(b" ")


def _after_comma(data: bytes, position: int) -> int:
    """Steps over the comma before the next member; at the end there is none."""
    match = _COMMA_RE.match(data, position)
    if match is None:
        if data[position:].strip(b" \t"):
            raise DecodeError("structured field: comma expected", position)
        return len(data)
    if match.end() == len(data):
        raise DecodeError("structured field: trailing comma", position)
    return match.end()


def _member(data: bytes, position: int) -> tuple[Member, int]:
    return _inner_list(data, position) if data.startswith(b"(", position) else _item(data, position)


def _inner_list(data: bytes, position: int) -> tuple[InnerList, int]:
    """§4.2.1.2; `position` is at the opening parenthesis."""
    items: list[Item] = []
    position = _skip_spaces(data, position + 1)
    while not data.startswith(b")", position):
        item, position = _item(data, position)
        items.append(item)
        after = _skip_spaces(data, position)
        if after == position and not data.startswith(b")", position):
            raise DecodeError("structured field: inner list does not end", position)
        position = after
    parameters, position = _parameters(data, position + 1)
    return InnerList(items, parameters), position


def _item(data: bytes, position: int) -> tuple[Item, int]:
    """§4.2.3."""
    value, position = _bare_item(data, position)
    if data.startswith(b";", position):
        parameters, position = _parameters(data, position)
        return Item(value, parameters), position
    return Item(value), position


def _parameters(data: bytes, position: int) -> tuple[Parameters, int]:
    """§4.2.3.2."""
    parameters: Parameters = {}
    while data.startswith(b";", position):
        match = _PARAMETER_RE.match(data, position)
        if match is None:
            raise DecodeError("structured field: malformed parameter key", position)
        position = match.end()
        value: BareItem = True
        if match.group(2):
            value, position = _bare_item(data, position)
        parameters[match.group(1).decode("ascii")] = value
    return parameters, position


def _bare_item(data: bytes, position: int) -> tuple[BareItem, int]:
    """§4.2.3.1."""
    reader = _READERS.get(data[position : position + 1])
    if reader is not None:
        pattern, convert = reader
        match = pattern.match(data, position)
        if match is not None:
            return convert(match), match.end()
    raise DecodeError("structured field: malformed bare item", position)


def _skip_spaces(data: bytes, position: int) -> int:
    match = _SPACES_RE.match(data, position)
    return position if match is None else match.end()


def _number(match: re.Match[bytes]) -> int | Decimal:
    return int(match.group()) if match.group(1) is None else Decimal(match.group().decode("ascii"))


def _string(match: re.Match[bytes]) -> str:
    octets: bytes = match.group(1)
    return (_ESCAPED_RE.sub(rb"\1", octets) if b"\\" in octets else octets).decode("ascii")


def _token(match: re.Match[bytes]) -> Token:
    return Token(match.group().decode("ascii"))


def _octets(match: re.Match[bytes]) -> bytes:
    text, padding = match.groups()
    if len(text) % 4 == 1 or (padding and (len(text) + len(padding)) % 4):
        raise DecodeError("structured field: malformed base64", match.start())
    return a2b_base64(text + b"=" * (-len(text) % 4))


def _boolean(match: re.Match[bytes]) -> bool:
    return match.group(1) == b"1"


def _date(match: re.Match[bytes]) -> Date:
    return Date(int(match.group(1)))


def _display_string(match: re.Match[bytes]) -> DisplayString:
    octets = _ESCAPE_RE.sub(lambda escape: bytes((int(escape.group(1), 16),)), match.group(1))
    try:
        return DisplayString(octets.decode("utf-8"))
    except UnicodeDecodeError:
        raise DecodeError("structured field: display string is not UTF-8", match.start()) from None


_Reader = tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], BareItem]]
_READERS: Final[dict[bytes, _Reader]] = {
    **dict.fromkeys((b"%c" % octet for octet in b"-0123456789"), (_NUMBER_RE, _number)),
    **dict.fromkeys((b"%c" % octet for octet in b"*ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), (_TOKEN_RE, _token)),
    b'"': (_STRING_RE, _string),
    b":": (_BYTES_RE, _octets),
    b"?": (_BOOLEAN_RE, _boolean),
    b"@": (_DATE_RE, _date),
    b"%": (_DISPLAY_RE, _display_string),
}
