# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Character strings: octets to text, checked against the alphabet of their type.  X.680 §41, X.690 §8.23.

TeletexString is read as ISO 8859-1, as everybody does: T.61 with its escapes is in no certificate.
"""

from __future__ import annotations

import re
from typing import Final

from sws.base.errors import DecodeError
from sws.crypto.asn1 import tags

__all__ = ["STRING_TAGS", "decode_string", "is_printable"]

_PRINTABLE: Final = re.compile(rb"[A-Za-z0-9 '()+,\-./:=?]*").fullmatch
_NUMERIC: Final = re.compile(rb"[0-9 ]*").fullmatch
_VISIBLE: Final = re.compile(rb"[ -~]*").fullmatch

_CODECS: Final = {
    tags.UTF8_STRING: "utf-8",
    tags.NUMERIC_STRING: "ascii",
    tags.PRINTABLE_STRING: "ascii",
    tags.TELETEX_STRING: "latin-1",
    tags.IA5_STRING: "ascii",
    tags.VISIBLE_STRING: "ascii",
    tags.UNIVERSAL_STRING: "utf-32-be",
    tags.BMP_STRING: "utf-16-be",
}
STRING_TAGS: Final = frozenset(_CODECS)
_ALPHABETS: Final = {tags.PRINTABLE_STRING: _PRINTABLE, tags.NUMERIC_STRING: _NUMERIC, tags.VISIBLE_STRING: _VISIBLE}


def decode_string(tag: int, content: bytes, offset: int = 0) -> str:
    """The text.

    Args:
      tag:     of a character string type.
      offset:  for the error.
    Raises: DecodeError for another tag, and for octets that are not of the type's alphabet.
    """
    codec = _CODECS.get(tag)
    if codec is None:
        raise DecodeError("not a character string", offset)
    alphabet = _ALPHABETS.get(tag)
    if alphabet is not None and not alphabet(content):
        raise DecodeError("a character string with a character that its type does not have", offset)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        raise DecodeError(f"a character string that is not {codec}", offset) from None
    if tag == tags.BMP_STRING and len(text) * 2 != len(content):
        raise DecodeError("a BMPString with surrogates", offset)
    return text


def is_printable(text: str) -> bool:
    """Whether a PrintableString can hold it."""
    return text.isascii() and _PRINTABLE(text.encode()) is not None
