# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Representations that touch no dynamic table: of the static table, and literals.  RFC 9204 §3.1, §4.5.2, §4.5.4, §4.5.6, §7.1.3.

What is encoded here is good on any connection.
"""

from __future__ import annotations

from typing import Final

from sws.base.engine import Field
from sws.proto.hpack.encoder import encode_string
from sws.proto.hpack.huffman import encode_huffman
from sws.proto.qpack._tables import NAME_INDEX, STATIC_INDEX
from sws.proto.qpack.integers import encode_integer

__all__ = [
    "INDEXED_STATIC",
    "INSERT_STATIC_NAME",
    "SECRETS",
    "STATIC_NAME",
    "STATIC_NUMBERS",
    "encode_literal",
    "literal_name",
    "name_literals",
]

SECRETS: Final = frozenset((b"authorization", b"cookie", b"proxy-authorization"))
#: Static fields by what `_numbers` has for them, ~index.
STATIC_NUMBERS: Final[dict[Field, int]] = {field: ~index for field, index in STATIC_INDEX.items()}
INDEXED_STATIC: Final = tuple(encode_integer(index, 6, 0xC0) for index in range(99))
STATIC_NAME: Final = {name: encode_integer(index, 4, 0x50) for name, index in NAME_INDEX.items()}
INSERT_STATIC_NAME: Final = {name: encode_integer(index, 6, 0xC0) for name, index in NAME_INDEX.items()}
_MEMO_LENGTH: Final = 64
_NAMES_MAXIMUM: Final = 512
_NEVER: Final = 0x10  # in a literal with its name; one bit higher in one with a name's index
_names: dict[bytes, tuple[bytes, bytes]] = {}


def name_literals(name: bytes) -> tuple[bytes, bytes]:
    """A name as it stands in a section (001NHxxx) and on the encoder stream (01Hxxxxx); names are no secrets, so they are remembered."""
    known = _names.get(name)
    if known is None:
        code = encode_huffman(name)
        if len(code) < len(name):
            known = encode_integer(len(code), 3, 0x28) + code, encode_integer(len(code), 5, 0x60) + code
        else:
            known = encode_integer(len(name), 3, 0x20) + name, encode_integer(len(name), 5, 0x40) + name
        if len(_names) < _NAMES_MAXIMUM and len(name) <= _MEMO_LENGTH:
            _names[name] = known
    return known


def encode_literal(field: Field) -> bytes:
    """A field that touches no dynamic table, so that its octets are good on any connection.  RFC 9204 §4.5.2, §4.5.4, §4.5.6."""
    number = STATIC_NUMBERS.get(field)
    if number is not None:
        return INDEXED_STATIC[~number]
    name, value = field
    return literal_name(name, name in SECRETS) + encode_string(value)


def literal_name(name: bytes, secret: bool) -> bytes:
    static = NAME_INDEX.get(name)
    if static is not None:
        return encode_integer(static, 4, 0x70) if secret else STATIC_NAME[name]
    code = name_literals(name)[0]
    return bytes((code[0] | _NEVER,)) + code[1:] if secret else code
