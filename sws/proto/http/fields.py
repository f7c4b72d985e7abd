# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The common syntax of field names and field values.  RFC 9110 §5.1, §5.5, §5.6, then §8.6, §12.4.2 and §7.6.1.

A field value is a run of octets.  Most fields are built from a few shapes: *token*, *quoted-string*, a comma-separated *list*
(`#element`), *parameters* (`;name=value`) and a *weight* (`;q=0.5`).  Each shape is one regular expression, and each expression
is linear: a repeated group always starts with an octet that cannot continue the run before it.  Values without quotes take a
path of `bytes.split` alone.

Invariants: only DecodeError and LimitExceeded leave this module for any input; `unquote(quote(x)) == x`.
Known limits: comments (§5.6.5) are not split; entity tags have their own list reader in `conditional`, since a backslash is
an ordinary octet there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from sws.base.errors import DecodeError, LimitExceeded

__all__ = [
    "MAX_CONTENT_LENGTH",
    "MAX_LIST_ELEMENTS",
    "TOKEN_RE",
    "connection_options",
    "content_length",
    "is_field_value",
    "is_token",
    "parse_accept_list",
    "parse_list",
    "parse_parameters",
    "parse_q_value",
    "quote",
    "unquote",
]

MAX_LIST_ELEMENTS: Final = 1024
"""How many elements of a list are read, empty ones included; §5.6.1.2 asks for "a reasonable number"."""

MAX_CONTENT_LENGTH: Final = 2**63 - 1
"""The largest Content-Length taken; every file system and peer agrees on signed 64 bits."""

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = rb'"[\t !\x23-\x5b\x5d-\x7e\x80-\xff]*(?:\\[\t \x21-\x7e\x80-\xff][\t !\x23-\x5b\x5d-\x7e\x80-\xff]*)*"'

TOKEN_RE: Final = re.compile(_TOKEN)
"""`token`, RFC 9110 §5.6.2; use with `fullmatch`."""

_FIELD_VALUE_RE: Final = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_QUOTED_RE: Final = re.compile(_QUOTED)
_QUOTED_PAIR_RE: Final = re.compile(rb"\\(.)", re.DOTALL)
_QUOTABLE_RE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_ELEMENT_RE: Final = re.compile(rb'[^",]*(?:' + _QUOTED + rb'[^",]*)*')
_PARAMETER_RE: Final = re.compile(rb"[ \t]*;[ \t]*(?:(" + _TOKEN + rb")=(?:(" + _TOKEN + rb")|(" + _QUOTED + rb")))?")
_RANGE_RE: Final = re.compile(_TOKEN + rb"(?:/" + _TOKEN + rb")?")
_DIGITS_RE: Final = re.compile(rb"[0-9]{1,19}")

# Every qvalue of §12.4.2 in thousandths: 0, 0., 0.d, 0.dd, 0.ddd and 1, 1., 1.0, 1.00, 1.000.
_Q_MILLIS: Final[dict[bytes, int]] = {b"0": 0, b"0.": 0} | {
    b"0.%0*d" % (places, number): number * 10 ** (3 - places) for places in (1, 2, 3) for number in range(10**places)
} | {b"1": 1000, b"1.": 1000, b"1.0": 1000, b"1.00": 1000, b"1.000": 1000}  # fmt: skip

_COMMON_CONNECTION: Final[dict[bytes, frozenset[bytes]]] = {
    b"keep-alive": frozenset((b"keep-alive",)),
    b"Keep-Alive": frozenset((b"keep-alive",)),
    b"close": frozenset((b"close",)),
    b"Upgrade": frozenset((b"upgrade",)),
    b"upgrade": frozenset((b"upgrade",)),
}


def is_token(value: bytes) -> bool:
    """Whether `value` is a token: a field name, a method, a coding name.  RFC 9110 §5.6.2."""
    return TOKEN_RE.fullmatch(value) is not None


def is_field_value(value: bytes) -> bool:
    """Whether `value` is a field value without white space around it.  RFC 9110 §5.5.

    Horizontal tab, space, visible characters and obs-text; every other control character is refused, not only CR, LF and NUL.
    """
    return _FIELD_VALUE_RE.fullmatch(value) is not None


def parse_list(value: bytes, maximum: int = MAX_LIST_ELEMENTS) -> list[bytes]:
    """Splits a comma-separated list.  RFC 9110 §5.6.1.

    Args:
      value:    one field value, or several joined by a comma (§5.3).
      maximum:  how many elements, empty ones included, are read.
    Returns: the elements in order, without white space around them, without empty ones.
    Raises:  DecodeError for a quoted string that does not end; LimitExceeded for more than `maximum` elements.
    """
    if b"," not in value and b'"' not in value:
        value = value.strip(b" \t")
        return [value] if value else []
    elements = value.split(b",") if b'"' not in value else _split_quoted(value)
    if len(elements) > maximum:
        raise LimitExceeded("list elements", len(elements), maximum)
    return [stripped for element in elements if (stripped := element.strip(b" \t"))]


def quote(value: bytes) -> bytes:
    """Writes a quoted-string.  RFC 9110 §5.6.4.

    Raises:  DecodeError for octets that no quoted-string can hold (control characters).
    """
    if _QUOTABLE_RE.fullmatch(value) is None:
        raise DecodeError("quoted-string: control character")
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def unquote(value: bytes) -> bytes:
    """Reads one whole quoted-string.  RFC 9110 §5.6.4.

    Args:
      value:  with its quotes and nothing around them.
    Returns: the text, every quoted-pair replaced by its octet.
    Raises:  DecodeError if `value` is not exactly one quoted-string.
    """
    if _QUOTED_RE.fullmatch(value) is None:
        raise DecodeError("quoted-string: malformed")
    return _QUOTED_PAIR_RE.sub(rb"\1", value[1:-1]) if b"\\" in value else value[1:-1]


def parse_parameters(value: bytes, maximum: int = 64) -> list[tuple[bytes, bytes]]:
    """Reads `*( OWS ";" OWS [ name "=" value ] )`.  RFC 9110 §5.6.6.

    Args:
      value:    what follows the parametrised thing, from the white space before the first ";" on; may be empty.
      maximum:  how many parameters, empty ones included, are read.
    Returns: (name in lower case, value without quotes), in order; a repeated name stays repeated.
    Raises:  DecodeError if malformed; LimitExceeded for more than `maximum`.
    """
    found: list[tuple[bytes, bytes]] = []
    position, end, count = 0, len(value.rstrip(b" \t")), 0
    while position < end:
        match = _PARAMETER_RE.match(value, position)
        if match is None:
            raise DecodeError("parameters: malformed", position)
        count += 1
        if count > maximum:
            raise LimitExceeded("parameters", count, maximum)
        name, plain, quoted = match.groups()
        if name is not None:
            found.append((name.lower(), unquote(quoted) if plain is None else plain))
        position = match.end()
    return found


def content_length(values: Sequence[bytes]) -> int:
    """The number that the Content-Length of a message gives.  RFC 9110 §8.6.

    Args:
      values:  the value of every Content-Length line of the message, at least one.
    Returns: octets, at most MAX_CONTENT_LENGTH.
    Raises:  DecodeError unless there is exactly one line holding digits only: a repeated value, even an identical one, is a
      sign of request smuggling and is refused, as §8.6 allows; LimitExceeded for a number past MAX_CONTENT_LENGTH.
    """
    if len(values) != 1:
        raise DecodeError("Content-Length: not exactly one line")
    value = values[0]
    if _DIGITS_RE.fullmatch(value) is None:
        if value.isdigit():
            raise LimitExceeded("Content-Length digits", len(value), 19)
        raise DecodeError("Content-Length: not a decimal number")
    number = int(value)
    if number > MAX_CONTENT_LENGTH:
        raise LimitExceeded("Content-Length", number, MAX_CONTENT_LENGTH)
    return number


def parse_q_value(value: bytes) -> int:
    """A quality value in thousandths, 0 to 1000.  RFC 9110 §12.4.2.

    Raises:  DecodeError if `value` is not a qvalue.
    """
    millis = _Q_MILLIS.get(value)
    if millis is None:
        raise DecodeError("weight: not a qvalue")
    return millis


def parse_accept_list(value: bytes, maximum: int = 256) -> list[tuple[bytes, list[tuple[bytes, bytes]], int]]:
    """Reads Accept, Accept-Encoding, Accept-Language and their like.  RFC 9110 §12.4.2, §12.5.

    Args:
      value:    the field value, several lines joined by a comma.
      maximum:  how many elements are read.
    Returns: for each element in order (token or media range in lower case, its parameters before the weight, its weight in
      thousandths, 1000 without one).  What follows the weight is read and dropped: RFC 9110 has no accept-ext any more.
    Raises:  DecodeError if malformed; LimitExceeded for too many elements or parameters.
    """
    found: list[tuple[bytes, list[tuple[bytes, bytes]], int]] = []
    for element in parse_list(value, maximum):
        match = _RANGE_RE.match(element)
        if match is None:
            raise DecodeError("accept list: no token")
        name = match.group().lower()
        if match.end() == len(element):
            found.append((name, [], 1000))
            continue
        parameters = parse_parameters(element[match.end() :])
        weight = 1000
        for index, (key, text) in enumerate(parameters):
            if key == b"q":
                weight = parse_q_value(text)
                del parameters[index:]
                break
        found.append((name, parameters, weight))
    return found


def connection_options(values: Iterable[bytes]) -> frozenset[bytes]:
    """The options of the Connection field, in lower case.  RFC 9110 §7.6.1.

    Args:
      values:  the value of every Connection line.
    Raises:  DecodeError for an option that is no token; LimitExceeded for too many.
    """
    options: frozenset[bytes] = frozenset()
    for value in values:
        common = _COMMON_CONNECTION.get(value)
        if common is None:
            elements = parse_list(value)
            for element in elements:
                if TOKEN_RE.fullmatch(element) is None:
                    raise DecodeError("Connection: option is no token")
            common = frozenset(element.lower() for element in elements)
        options = options | common if options else common
    return options


def _split_quoted(value: bytes) -> list[bytes]:
    """Splits at the commas outside quoted strings."""
    elements: list[bytes] = []
    position, end = 0, len(value)
    while True:
        match = _ELEMENT_RE.match(value, position)
        stop = position if match is None else match.end()
        elements.append(value[position:stop])
        if stop == end:
            return elements
        if value[stop] != 0x2C:
            raise DecodeError("list: quoted-string does not end", stop)
        position = stop + 1
