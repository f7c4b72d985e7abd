# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Request targets and the paths inside them.  RFC 9112 §3.2, RFC 3986 §3.3, §3.4, §5.2.4, §6.2.2.

    origin-form     /where?q=now                    every usual request
    absolute-form   http://www.example.org/where    to a proxy, and to any server that is sent one
    authority-form  www.example.org:80              CONNECT
    asterisk-form   *                               OPTIONS for the server as a whole

A target is split first, with its octets untouched (`parse_origin_form` and its siblings); only who needs names of things decodes
(`path_segments`, `normalise_path`), once, and in the order decode, refuse, remove dot segments, so that no later step can meet an
encoded "/" or "..".  A path of plain octets without dot at the start of a segment is recognised in one match.

Invariants: a decoded segment holds no "/", "\\", NUL or control character and is never "." or "..".
Known limits: empty segments ("//") are kept, the caller decides about them; no Unicode normalisation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final, final

from sws.base.errors import DecodeError
from sws.proto.http.authority import Authority, parse_authority

__all__ = [
    "ORIGIN_FORM",
    "ORIGIN_OCTETS",
    "AbsoluteForm",
    "Authority",
    "PathSegments",
    "RequestTarget",
    "TargetForm",
    "normalise_path",
    "parse_absolute_form",
    "parse_authority",
    "parse_authority_form",
    "parse_origin_form",
    "parse_target",
    "path_segments",
]

# DEVIATES RFC 3986 §3.3: "|", "^", "`", "[", "]", "{" and "}" are taken raw in path and query, because browsers send most of them
# unencoded and other servers take them; none of them ends a component or means anything to a file system.
_PLAIN: Final = rb"A-Za-z0-9\-._~!$&'()*+,;=:@|^`\[\]{}"
_PATH: Final = rb"[" + _PLAIN + rb"/]*(?:%[0-9A-Fa-f]{2}[" + _PLAIN + rb"/]*)*"
_QUERY: Final = rb"[" + _PLAIN + rb"/?]*(?:%[0-9A-Fa-f]{2}[" + _PLAIN + rb"/?]*)*"

#: What an origin-form that begins with "/" may be made of in any order; only "%" asks for a closer look.
ORIGIN_OCTETS: Final = bytes(octet for octet in range(33, 127) if re.match(rb"[" + _PLAIN + rb"/?]", bytes((octet,))))
#: The expression of origin-form, without groups, for larger ones that contain it.  RFC 9112 §3.2.1.
ORIGIN_FORM: Final = rb"/" + _PATH + rb"(?:\?" + _QUERY + rb")?"
_ORIGIN_RE: Final = re.compile(rb"(/" + _PATH + rb")(?:\?(" + _QUERY + rb"))?")
_ABSOLUTE_RE: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+\-.]*)://([^/?#@]*)((?:/" + _PATH + rb")?)(?:\?(" + _QUERY + rb"))?")
_PATH_RE: Final = re.compile(rb"/" + _PATH)
_USUAL_PATH_RE: Final = re.compile(rb"(?:/(?:[" + _PLAIN.replace(b".", b"") + rb"][" + _PLAIN + rb"]*)?)+")
_FORBIDDEN_RE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")

_HEX_DIGITS: Final = b"0123456789ABCDEFabcdef"
_OCTETS: Final = {bytes((high, low)): bytes.fromhex(chr(high) + chr(low)) for high in _HEX_DIGITS for low in _HEX_DIGITS}


@final
@unique
class TargetForm(Enum):
    """The four forms of a request target.  RFC 9112 §3.2."""

    ORIGIN = "origin"
    ABSOLUTE = "absolute"
    AUTHORITY = "authority"
    ASTERISK = "asterisk"


@final
@dataclass(frozen=True, slots=True)
class AbsoluteForm:
    """An absolute-form split into components.  RFC 9112 §3.2.2.

    Args:
      scheme:     in lower case.
      authority:  host and port.
      path:       as sent; empty if absent.
      query:      as sent, without its "?"; None if absent.
    """

    scheme: bytes
    authority: Authority
    path: bytes
    query: bytes | None


@final
@dataclass(slots=True)  # not frozen: one is made per request, and freezing triples its cost
class RequestTarget:
    """Any request target.  RFC 9112 §3.2.

    Args:
      form:       which of the four.
      path:       starts with "/"; `*` for the asterisk-form (and for OPTIONS with an absolute-form without path and query,
                  RFC 9112 §3.2.4); empty for the authority-form.
      query:      without its "?"; None if absent.
      scheme:     in lower case; None unless absolute-form.
      authority:  None in origin-form and asterisk-form.
    """

    form: TargetForm
    path: bytes
    query: bytes | None = None
    scheme: bytes | None = None
    authority: Authority | None = None


@final
@dataclass(slots=True)  # not frozen: one is made per request, and freezing triples its cost
class PathSegments:
    """A decoded path.

    Args:
      segments:        between the slashes, decoded, without dot segments; an empty one stands for "//".
      trailing_slash:  whether the path names a directory; true for "/".
    """

    segments: tuple[str, ...]
    trailing_slash: bool


def parse_origin_form(target: bytes) -> tuple[bytes, bytes | None]:
    """Splits an origin-form.  RFC 9112 §3.2.1.

    Returns: the path, which starts with "/", and the query without "?" (None if absent), both as sent.
    Raises:  DecodeError for any octet outside the grammar, "#" and raw non-ASCII included, or a "%" without two hex digits.
    """
    match = _ORIGIN_RE.fullmatch(target)
    if match is None:
        raise DecodeError("request-target: not an origin-form")
    return match.group(1), match.group(2)


def parse_absolute_form(target: bytes) -> AbsoluteForm:
    """Splits an absolute-form with an authority.  RFC 9112 §3.2.2.

    Raises:  DecodeError for a URI without "//", with user information, with a fragment, or outside the grammar.
    """
    match = _ABSOLUTE_RE.fullmatch(target)
    if match is None:
        raise DecodeError("request-target: not an absolute-form")
    scheme, authority, path, query = match.groups()
    return AbsoluteForm(scheme.lower(), parse_authority(authority), path, query)


def parse_authority_form(target: bytes) -> Authority:
    """Reads the target of CONNECT.  RFC 9112 §3.2.3, RFC 9110 §9.3.6.

    Raises:  DecodeError unless there is a host and a port of 1 to 65535.
    """
    authority = parse_authority(target)
    if not authority.port:
        raise DecodeError("request-target: authority-form without usable port")
    return authority


def parse_target(method: bytes, target: bytes) -> RequestTarget:
    """Reads the target of a request, in the form that its method and first octets ask for.  RFC 9112 §3.2.

    Raises:  DecodeError if it is not in that form.
    """
    if method == b"CONNECT":
        return RequestTarget(TargetForm.AUTHORITY, b"", authority=parse_authority_form(target))
    if target.startswith(b"/"):
        path, query = parse_origin_form(target)
        return RequestTarget(TargetForm.ORIGIN, path, query)
    if target == b"*":
        if method != b"OPTIONS":
            raise DecodeError("request-target: asterisk-form is for OPTIONS only")
        return RequestTarget(TargetForm.ASTERISK, b"*")
    absolute = parse_absolute_form(target)
    path = absolute.path
    if not path:
        path = b"*" if method == b"OPTIONS" and absolute.query is None else b"/"
    return RequestTarget(TargetForm.ABSOLUTE, path, absolute.query, absolute.scheme, absolute.authority)


def path_segments(path: bytes) -> PathSegments:
    """Decodes a path once and takes it apart, for routing and for files.  RFC 3986 §5.2.4, §6.2.2.

    Args:
      path:  absolute, percent-encoded, as `parse_origin_form` returns it.
    Raises:  DecodeError if malformed, if an escape stands for "/", "\\" or a control character, if the decoded octets are not
      UTF-8, or if ".." leads above the root.
    """
    if _USUAL_PATH_RE.fullmatch(path) is not None:
        segments = path.decode("ascii").split("/")
        del segments[0]
    else:
        segments = _without_dots(_decode(path).split("/")[1:])
    if segments[-1]:
        return PathSegments(tuple(segments), False)
    del segments[-1]
    return PathSegments(tuple(segments), True)


def normalise_path(path: bytes) -> bytes:
    """The decoded path without dot segments, in UTF-8.  RFC 3986 §5.2.4, §6.2.2.

    Two paths that name the same resource here have the same result; nothing but dot segments is removed.
    Args:
      path:  absolute, percent-encoded, as `parse_origin_form` returns it.
    Raises:  DecodeError as `path_segments` does.
    """
    if _USUAL_PATH_RE.fullmatch(path) is not None:
        return path
    return "/".join(("", *_without_dots(_decode(path).split("/")[1:]))).encode()


def _decode(path: bytes) -> str:
    """Replaces every escape, and refuses what a decoded path must not hold."""
    if _PATH_RE.fullmatch(path) is None:
        raise DecodeError("path: malformed")
    head, *rest = path.split(b"%")
    parts = [head]
    for part in rest:
        octet = _OCTETS[part[:2]]
        if octet == b"/":
            raise DecodeError("path: encoded slash")
        parts.append(octet)
        parts.append(part[2:])
    try:
        text = b"".join(parts).decode("utf-8")
    except UnicodeDecodeError:
        raise DecodeError("path: escapes are not UTF-8") from None
    if _FORBIDDEN_RE.search(text) is not None:
        raise DecodeError("path: control character or backslash")
    return text


def _without_dots(segments: list[str]) -> list[str]:
    """Removes "." and ".." segments; a path that ends in one keeps its final slash, as an empty last segment."""
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if not kept:
                raise DecodeError("path: leads above the root")
            kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return kept
