# SPDX-License-Identifier: Apache-2.0 OR MIT
"""URIs and relative references.  RFC 3986 §3, §4, §5.2, §5.3, §6.2.

    foo://user@example.com:8042/over/there?name=ferret#nose
    scheme      authority          path        query    fragment

`parse_uri` splits a reference and refuses whatever the grammar of RFC 3986 does not allow; nothing is repaired, decoded or lower-cased.
`resolve_reference` and `normalise_uri` make new ones.  Percent-encoding works on octets, so that a text is encoded as UTF-8 first.

Invariants: `bytes(parse_uri(x)) == x` but for an empty port and for spare zeros in a port; normalising twice is normalising once.
Known limits: this is not the WHATWG URL parser of browsers; the test of its vectors lists where the two part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, final

from sws.base.errors import DecodeError, UsageError
from sws.proto.http.authority import canonical_ipv6

__all__ = [
    "FRAGMENT_SAFE",
    "PATH_SAFE",
    "QUERY_SAFE",
    "UNRESERVED",
    "Uri",
    "normalise_uri",
    "parse_uri",
    "percent_decode",
    "percent_encode",
    "remove_dot_segments",
    "resolve_reference",
]

UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
"""§2.3."""

PATH_SAFE: Final = UNRESERVED + b"!$&'()*+,;=:@/"
"""What a path holds unencoded: pchar and "/".  §3.3."""

QUERY_SAFE: Final = PATH_SAFE + b"?"
"""What a query holds unencoded.  §3.4."""

FRAGMENT_SAFE: Final = QUERY_SAFE
"""What a fragment holds unencoded.  §3.5."""

_SUB: Final = rb"A-Za-z0-9\-._~!$&'()*+,;="
_REG_NAME: Final = rb"[" + _SUB + rb"]*(?:%[0-9A-Fa-f]{2}[" + _SUB + rb"]*)*"
_USERINFO: Final = rb"[" + _SUB + rb":]*(?:%[0-9A-Fa-f]{2}[" + _SUB + rb":]*)*"
_AUTHORITY_RE: Final = re.compile(
    rb"(?:(" + _USERINFO + rb")@)?(\[(?:([0-9A-Fa-f:.]{2,45})|[Vv][0-9A-Fa-f]+\.[" + _SUB + rb":]+)\]|" + _REG_NAME + rb")(?::([0-9]*))?"
)
_PATH: Final = rb"[" + _SUB + rb":@/]*(?:%[0-9A-Fa-f]{2}[" + _SUB + rb":@/]*)*"
_QUERY: Final = rb"[" + _SUB + rb":@/?]*(?:%[0-9A-Fa-f]{2}[" + _SUB + rb":@/?]*)*"
_REFERENCE_RE: Final = re.compile(
    rb"(?:([A-Za-z][A-Za-z0-9+\-.]*):)?(?://([^/?#]*))?(" + _PATH + rb")(?:\?(" + _QUERY + rb"))?(?:#(" + _QUERY + rb"))?"
)
_ESCAPE_RE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_ESCAPES: Final = tuple(b"%%%02X" % octet for octet in range(256))
_UNRESERVED_SET: Final = frozenset(UNRESERVED)
_DEFAULT_PORTS: Final = {b"http": 80, b"https": 443, b"ws": 80, b"wss": 443, b"ftp": 21, b"file": None}


@final
@dataclass(frozen=True, slots=True)
class Uri:
    """A URI or a relative reference.  RFC 3986 §3, §4.1.

    Args:
      scheme:    None in a relative reference.
      userinfo:  without its "@"; None if absent.
      host:      with brackets if an IP literal; None without authority; may be empty.
      port:      None if absent or empty.
      path:      may be empty.
      query:     without its "?"; None if absent.
      fragment:  without its "#"; None if absent.
    """

    scheme: bytes | None = None
    userinfo: bytes | None = None
    host: bytes | None = None
    port: int | None = None
    path: bytes = b""
    query: bytes | None = None
    fragment: bytes | None = None

    def __bytes__(self) -> bytes:
        """Recomposition, RFC 3986 §5.3."""
        parts: list[bytes] = [] if self.scheme is None else [self.scheme, b":"]
        if self.host is not None:
            parts.append(b"//")
            if self.userinfo is not None:
                parts += (self.userinfo, b"@")
            parts.append(self.host)
            if self.port is not None:
                parts.append(b":%d" % self.port)
        elif self.path.startswith(b"//"):
            parts.append(b"/.")  # §3.3: without an authority a path must not look like one
        parts.append(self.path)
        if self.query is not None:
            parts += (b"?", self.query)
        if self.fragment is not None:
            parts += (b"#", self.fragment)
        return b"".join(parts)


def parse_uri(value: bytes) -> Uri:
    """Splits a URI reference.  RFC 3986 §4.1, appendix B.

    Raises:  DecodeError for anything outside the grammar, and for a port above 65535.
    """
    match = _REFERENCE_RE.fullmatch(value)
    if match is None:
        raise DecodeError("URI: malformed")
    scheme, authority, path, query, fragment = match.groups()
    if scheme is None and authority is None and b":" in path.partition(b"/")[0]:
        raise DecodeError("URI: colon in the first segment of a relative path")
    if authority is None:
        return Uri(scheme, path=path, query=query, fragment=fragment)
    userinfo, host, port = _split_authority(authority)
    return Uri(scheme, userinfo, host, port, path, query, fragment)


def resolve_reference(base: Uri, reference: Uri) -> Uri:
    """The target of a reference, strictly.  RFC 3986 §5.2.2.

    Args:
      base:       with a scheme; its fragment does not matter.
      reference:  any.
    Raises:  UsageError for a base without scheme.
    """
    if base.scheme is None:
        raise UsageError("a base URI has a scheme")
    if reference.scheme is not None:
        return replace(reference, path=remove_dot_segments(reference.path))
    if reference.host is not None:
        return replace(reference, scheme=base.scheme, path=remove_dot_segments(reference.path))
    if not reference.path:
        return replace(base, query=base.query if reference.query is None else reference.query, fragment=reference.fragment)
    path = reference.path
    if not path.startswith(b"/"):
        path = b"/" + path if base.host is not None and not base.path else base.path[: base.path.rfind(b"/") + 1] + path  # §5.2.3
    return replace(base, path=remove_dot_segments(path), query=reference.query, fragment=reference.fragment)


def remove_dot_segments(path: bytes) -> bytes:
    """Interprets "." and ".." in a path; ".." at the root is dropped.  RFC 3986 §5.2.4."""
    if b"." not in path:
        return path
    start = 0
    while path.startswith((b"./", b"../"), start):
        start = path.index(b"/", start) + 1
    first, *segments = path[start:].split(b"/")
    kept = [first] if first not in (b"", b".", b"..") else []
    for segment in segments:
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment != b".":
            kept.append(b"/" + segment)
    if segments and segments[-1] in (b".", b".."):
        kept.append(b"/")
    return b"".join(kept)


def normalise_uri(uri: Uri) -> Uri:
    """Syntax-based and, for the usual schemes, scheme-based normalisation.  RFC 3986 §6.2.2, §6.2.3.

    Scheme and host in lower case, IPv6 in RFC 5952 form, escapes of unreserved octets decoded and others in upper case, no dot segments
    (unless the reference is relative), no default port, "/" for the empty path after a host of http, https, ws, wss, ftp and file.
    """
    scheme = None if uri.scheme is None else uri.scheme.lower()
    host, port, path = uri.host, uri.port, _normalise_escapes(uri.path)
    if host is not None:
        host = _normalise_escapes(_normalise_escapes(host).lower()) if b"%" in host else host.lower()
        if host.startswith(b"[") and not host.startswith(b"[v"):
            host = b"[" + canonical_ipv6(host[1:-1]) + b"]"
    if scheme is not None:
        path = remove_dot_segments(path)
        if host is not None and scheme in _DEFAULT_PORTS:
            path = path or b"/"
            port = None if port == _DEFAULT_PORTS[scheme] else port
    userinfo = None if uri.userinfo is None else _normalise_escapes(uri.userinfo)
    query = None if uri.query is None else _normalise_escapes(uri.query)
    fragment = None if uri.fragment is None else _normalise_escapes(uri.fragment)
    return Uri(scheme, userinfo, host, port, path, query, fragment)


def percent_encode(value: bytes, safe: bytes = UNRESERVED) -> bytes:
    """Encodes every octet that is not in `safe`.  RFC 3986 §2.1.

    Args:
      value:  any octets.
      safe:   octets to leave alone; with PATH_SAFE or QUERY_SAFE a "%" is still encoded.
    """
    if not value.translate(None, safe):
        return value
    return b"".join([b"%c" % octet if octet in safe else _ESCAPES[octet] for octet in value])


def percent_decode(value: bytes) -> bytes:
    """Decodes every well-formed escape once, and leaves any other "%" alone.  RFC 3986 §2.1, §2.4."""
    return _ESCAPE_RE.sub(_decoded, value) if b"%" in value else value


def _split_authority(authority: bytes) -> tuple[bytes | None, bytes, int | None]:
    match = _AUTHORITY_RE.fullmatch(authority)
    if match is None:
        raise DecodeError("URI: malformed authority")
    userinfo, host, ipv6, digits = match.groups()
    if ipv6 is not None:
        canonical_ipv6(ipv6)
    digits = digits.lstrip(b"0") or b"0" if digits else b""
    if len(digits) > 5 or (digits and int(digits) > 65_535):
        raise DecodeError("URI: port above 65535")
    return userinfo, host, int(digits) if digits else None


def _normalise_escapes(value: bytes) -> bytes:
    return _ESCAPE_RE.sub(_normalised, value) if b"%" in value else value


def _normalised(match: re.Match[bytes]) -> bytes:
    octet = int(match.group(1), 16)
    return b"%c" % octet if octet in _UNRESERVED_SET else _ESCAPES[octet]


def _decoded(match: re.Match[bytes]) -> bytes:
    return b"%c" % int(match.group(1), 16)
