# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writing structured fields.  RFC 9651 §4.1.

Values come from our own code, so a value that has no serialisation is a UsageError, not a DecodeError.

Invariants: what is written reads back as the same value, but for Decimals, which are rounded to three places.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

from sws.base.errors import UsageError
from sws.proto.http.structured.model import BareItem, Date, Dictionary, DisplayString, InnerList, Item, List, Member, Parameters, Token

__all__ = ["serialise_dictionary", "serialise_item", "serialise_list"]

_MAX_INTEGER: Final = 999_999_999_999_999
_THOUSANDTH: Final = Decimal("0.001")
_MAX_DECIMAL: Final = 10**12
_KEY_RE: Final = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_STRING_RE: Final = re.compile(r"[\x20-\x7e]*")
_TOKEN_RE: Final = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_DISPLAY_OCTETS: Final = tuple(b"%%%02x" % octet if octet in b'%"' or not 0x20 <= octet <= 0x7E else b"%c" % octet for octet in range(256))


def serialise_item(item: Item) -> bytes:
    """Writes an Item.  RFC 9651 §4.1.3.

    Raises:  UsageError for a value that the type cannot hold.
    """
    return _bare_item(item.value) + _parameters(item.parameters)


def serialise_list(members: List) -> bytes:
    """Writes a List; nothing for an empty one, whose field must then be left out.  RFC 9651 §4.1.1.

    Raises:  UsageError for a value that the type cannot hold.
    """
    return b", ".join([_member(member) for member in members])


def serialise_dictionary(members: Dictionary) -> bytes:
    """Writes a Dictionary; nothing for an empty one, whose field must then be left out.  RFC 9651 §4.1.2.

    Raises:  UsageError for a key that is none, or a value that the type cannot hold.
    """
    parts: list[bytes] = []
    for key, member in members.items():
        if isinstance(member, Item) and member.value is True:
            parts.append(_key(key) + _parameters(member.parameters))
        else:
            parts.append(_key(key) + b"=" + _member(member))
    return b", ".join(parts)


def _member(member: Member) -> bytes:
    if isinstance(member, InnerList):
        return b"(" + b" ".join([serialise_item(item) for item in member.items]) + b")" + _parameters(member.parameters)
    return serialise_item(member)


def _parameters(parameters: Parameters) -> bytes:
    """§4.1.1.2."""
    parts: list[bytes] = []
    for key, value in parameters.items():
        parts.append(b";" + _key(key))
        if value is not True:
            parts.append(b"=" + _bare_item(value))
    return b"".join(parts)


def _key(key: str) -> bytes:
    """§4.1.1.3."""
    if _KEY_RE.fullmatch(key) is None:
        raise UsageError("structured field: not a key")
    return key.encode("ascii")


def _bare_item(value: BareItem) -> bytes:
    """§4.1.3.1."""
    if isinstance(value, bool):
        return b"?1" if value else b"?0"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Token):
        if _TOKEN_RE.fullmatch(value.text) is None:
            raise UsageError("structured field: not a token")
        return value.text.encode("ascii")
    if isinstance(value, bytes):
        return b":" + b2a_base64(value, newline=False) + b":"
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, Date):
        return b"@" + _integer(value.seconds)
    return _display_string(value)


def _integer(value: int) -> bytes:
    """§4.1.4."""
    if not -_MAX_INTEGER <= value <= _MAX_INTEGER:
        raise UsageError("structured field: integer has more than 15 digits")
    return b"%d" % value


def _decimal(value: Decimal) -> bytes:
    """§4.1.5."""
    try:
        rounded = value.quantize(_THOUSANDTH, ROUND_HALF_EVEN)
    except InvalidOperation:
        raise UsageError("structured field: decimal out of range") from None
    if not rounded.is_finite() or abs(rounded) >= _MAX_DECIMAL:
        raise UsageError("structured field: decimal has more than 12 integer digits")
    whole, _, fraction = f"{rounded:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}".encode("ascii")


def _string(value: str) -> bytes:
    """§4.1.6."""
    if _STRING_RE.fullmatch(value) is None:
        raise UsageError("structured field: string is not printable ASCII")
    return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'


def _display_string(value: DisplayString) -> bytes:
    """§4.1.11."""
    try:
        octets = value.text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError("structured field: display string holds a surrogate") from None
    return b'%"' + b"".join([_DISPLAY_OCTETS[octet] for octet in octets]) + b'"'
