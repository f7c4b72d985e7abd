# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Media types the way browsers read them: WHATWG MIME Sniffing §4, Fetch "extract a MIME type" and data: URLs, Infra base64.

A browser repairs what `media_type` refuses: it drops malformed parameters, keeps the first of two, and joins several Content-Type
fields into one answer.  The server needs the same reading wherever a wrong guess is a hole: to know whether a browser will
take an answer for HTML or a script.  Texts are `str` holding the octets as code points (isomorphic decoding), as in those standards;
"failure" there is None here.

Invariants: nothing is raised for any text; `parse_mime_type(serialise_mime_type(m)) == m`.
Known limits: content is not sniffed; character encoding labels are not resolved.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

from sws.base.errors import DecodeError
from sws.proto.http.url import parse_uri, percent_decode

__all__ = [
    "DataUrl",
    "MimeType",
    "extract_mime_type",
    "forgiving_base64_decode",
    "parse_data_url",
    "parse_mime_type",
    "serialise_mime_type",
    "split_field_values",
]

_HTTP_SPACE: Final = "\t\n\r "
_ASCII_SPACE: Final = "\t\n\f\r "
_TOKEN_RE: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_QUOTED_TOKEN_RE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_QUOTED_RE: Final = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)(\\?)"?', re.DOTALL)  # the second group: a "\" that ends the input
_QUOTE_OR_COMMA_RE: Final = re.compile('[",]')
_QUOTED_PAIR_RE: Final = re.compile(r"\\(.)", re.DOTALL)
_BASE64_RE: Final = re.compile(r"[A-Za-z0-9+/]*")
_BASE64_MARK_RE: Final = re.compile(r"; *[Bb][Aa][Ss][Ee]64\Z")
_REMOVE_SPACE: Final = str.maketrans("", "", _ASCII_SPACE)
_C0_AND_SPACE: Final = "".join(map(chr, range(0x21)))
_OUTSIDE_OPAQUE_PATH_RE: Final = re.compile(r"[^\x20-\x7e]")
_OUTSIDE_QUERY_RE: Final = re.compile(r"[^\x21\x23-\x3b\x3d\x3f-\x7e]")


@final
@dataclass(frozen=True, slots=True)
class MimeType:
    """A MIME type record.  WHATWG MIME Sniffing §4.1.

    Args:
      type, subtype:  in lower case.
      parameters:     by lower-case name, in order.
    """

    type: str
    subtype: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def essence(self) -> str:
        """`type/subtype`."""
        return f"{self.type}/{self.subtype}"


@final
@dataclass(frozen=True, slots=True)
class DataUrl:
    """What a data: URL holds.  WHATWG Fetch, "data: URL struct"."""

    mime_type: MimeType
    body: bytes


def parse_mime_type(text: str) -> MimeType | None:
    """Parses a MIME type.  WHATWG MIME Sniffing §4.4.

    Returns: the record, or None where the standard says failure.
    """
    text = text.strip(_HTTP_SPACE)
    kind, slash, rest = text.partition("/")
    subtype, semicolon, _ = rest.partition(";")
    subtype = subtype.rstrip(_HTTP_SPACE)
    if not slash or _TOKEN_RE.fullmatch(kind) is None or _TOKEN_RE.fullmatch(subtype) is None:
        return None
    mime_type = MimeType(_ascii_lower(kind), _ascii_lower(subtype))
    if semicolon:
        _parse_parameters(text, text.index(";") + 1, mime_type.parameters)
    return mime_type


def serialise_mime_type(mime_type: MimeType) -> str:
    """Writes a MIME type.  WHATWG MIME Sniffing §4.5."""
    parts = [mime_type.essence]
    for name, value in mime_type.parameters.items():
        if _TOKEN_RE.fullmatch(value) is None:
            value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        parts.append(f"{name}={value}")
    return ";".join(parts)


def extract_mime_type(values: Sequence[str]) -> MimeType | None:
    """The one MIME type that several Content-Type fields come to.  WHATWG Fetch, "extract a MIME type".

    Args:
      values:  of every Content-Type line, in order.
    """
    found: MimeType | None = None
    charset: str | None = None
    for value in split_field_values(values) if values else ():
        mime_type = parse_mime_type(value)
        if mime_type is None or mime_type.essence == "*/*":
            continue
        if found is None or mime_type.essence != found.essence:
            charset = mime_type.parameters.get("charset")
        elif charset is not None:
            mime_type.parameters.setdefault("charset", charset)
        found = mime_type
    return found


def split_field_values(values: Sequence[str]) -> list[str]:
    """Joins the lines of a field and splits them at unquoted commas.  WHATWG Fetch, "get, decode, and split"."""
    text = ", ".join(values)
    found: list[str] = []
    start = position = 0
    while (match := _QUOTE_OR_COMMA_RE.search(text, position)) is not None:
        position = match.end()
        if match.group() == '"':
            position = _quoted(text, match.start())[1]
        else:
            found.append(text[start : match.start()].strip("\t "))
            start = position
    found.append(text[start:].strip("\t "))
    return found


def forgiving_base64_decode(text: str) -> bytes | None:
    """Decodes base64 with or without padding, white space removed.  WHATWG Infra, "forgiving-base64 decode".

    Returns: the octets, or None where the standard says failure.
    """
    text = text.translate(_REMOVE_SPACE)
    if len(text) % 4 == 0:
        text = text[:-2] + text[-2:].removesuffix("=").removesuffix("=")
    if len(text) % 4 == 1 or _BASE64_RE.fullmatch(text) is None:
        return None
    return a2b_base64(text + "=" * (-len(text) % 4))


def parse_data_url(url: str) -> DataUrl | None:
    """Reads a data: URL.  WHATWG Fetch, "data: URL processor", with the URL parsing that comes before it.

    Returns: type and content, or None where the standard says failure or for another scheme.
    """
    url = url.strip(_C0_AND_SPACE).translate(str.maketrans("", "", "\t\n\r"))
    url = url.partition("#")[0]
    scheme, _, rest = url.partition(":")
    if _ascii_lower(scheme) != "data" or not _is_opaque_or_has_authority(rest):
        return None
    path, mark, query = rest.partition("?")
    path = _OUTSIDE_OPAQUE_PATH_RE.sub(_percent_encoded, path)
    rest = path + mark + _OUTSIDE_QUERY_RE.sub(_percent_encoded, query)
    text, comma, encoded = rest.partition(",")
    if not comma:
        return None
    text = text.strip(_ASCII_SPACE)
    body: bytes | None = percent_decode(encoded.encode("ascii"))
    base64 = _BASE64_MARK_RE.search(text)
    if base64 is not None and body is not None:
        body = forgiving_base64_decode(body.decode("latin-1"))
        text = text[: base64.start()]
    if body is None:
        return None
    mime_type = parse_mime_type("text/plain" + text if text.startswith(";") else text)
    return DataUrl(mime_type or MimeType("text", "plain", {"charset": "US-ASCII"}), body)


def _parse_parameters(text: str, position: int, parameters: dict[str, str]) -> None:
    """Reads the parameters from `position` on, and leaves out the malformed ones."""
    end = len(text)
    while position < end:
        stop = _find(text, ";", position)
        equals = text.find("=", position, stop)
        if equals < 0:
            position = stop + 1
            continue
        name = _ascii_lower(text[position:equals].lstrip(_HTTP_SPACE))
        if text.startswith('"', equals + 1):
            value, position = _quoted(text, equals + 1)
            position = _find(text, ";", position) + 1
        else:
            value, position = text[equals + 1 : stop].rstrip(_HTTP_SPACE), stop + 1
            if not value:
                continue
        if _TOKEN_RE.fullmatch(name) is not None and _QUOTED_TOKEN_RE.fullmatch(value) is not None:
            parameters.setdefault(name, value)


def _quoted(text: str, position: int) -> tuple[str, int]:
    """Collects an HTTP quoted string that starts at `position`.  WHATWG Fetch: its value, and where it ends."""
    match = _QUOTED_RE.match(text, position)
    assert match is not None  # the caller has seen the quotation mark, and everything after it is optional
    return _QUOTED_PAIR_RE.sub(r"\1", match.group(1)) + match.group(2), match.end()


def _find(text: str, character: str, position: int) -> int:
    """Where `character` comes next, or the end."""
    found = text.find(character, position)
    return len(text) if found < 0 else found


def _ascii_lower(text: str) -> str:
    """Lower case of A to Z only."""
    return text.lower() if text.isascii() else "".join(c.lower() if c < "\x80" else c for c in text)


def _is_opaque_or_has_authority(rest: str) -> bool:
    """Whether what follows `data:` is a path, or has an authority that a URL can have."""
    if not rest.startswith("//"):
        return True
    authority = _OUTSIDE_OPAQUE_PATH_RE.sub(_percent_encoded, re.split(r"[/?]", rest[2:], maxsplit=1)[0])
    try:
        parse_uri(b"data://" + authority.encode("ascii"))
    except DecodeError:
        return False
    return True


def _percent_encoded(match: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in match.group().encode("utf-8", "replace"))
