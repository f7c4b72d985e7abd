# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Field sections to messages and back, for the versions that have pseudo-fields.  RFC 9113 §8.2, §8.3; RFC 9114 §4.2, §4.3.

A request's pseudo-fields become the control data of a RequestHead, the same that an HTTP/1.1 request line and Host give.  What is
*malformed* (RFC 9113 §8.1.1, RFC 9114 §4.1.2) raises DecodeError, which the engine makes an error of the stream.  What is well-formed,
but a request that this server answers with an error in HTTP/1.1 too (a target outside the grammar, too many fields), raises Http1Error
with that status.

Most requests of a connection have the same fields again and again, and HPACK or QPACK gives the very same objects for them.  So an
engine keeps the last section that was checked: an equal one needs no second look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, final

from sws.base.engine import Field, RequestHead, index_fields
from sws.base.errors import DecodeError, Http1Error, UsageError
from sws.proto.http.target import ORIGIN_FORM, parse_authority, parse_authority_form

__all__ = ["CheckedSection", "RequestParser", "check_section", "check_sent", "parse_response"]

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SCHEME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*")
# RFC 9113 §8.2.1 wants NUL, CR and LF refused; the other controls, which RFC 9110 §5.5 has in no value, are refused as in HTTP/1.1.
_TEXT: Final = bytes(octet for octet in range(256) if octet == 9 or (octet >= 32 and octet != 127))
_CONNECTION_SPECIFIC: Final = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
_REQUEST_PSEUDO: Final = frozenset((b":method", b":scheme", b":authority", b":path", b":protocol"))
_ORIGIN: Final = re.compile(ORIGIN_FORM)
_HTTP3: Final = 30
_MEMO_MAXIMUM: Final = 1024
_MEMO_LENGTH: Final = 128
_LENGTH_DIGITS: Final = 18

_good_names: set[bytes] = set(
    b"accept accept-encoding accept-language authorization cache-control content-length content-type cookie date etag host origin "
    b"priority referer server user-agent".split()
)
_good_paths: set[bytes] = {b"/"}
_good_authorities: set[bytes] = set()


def _remember(memo: set[bytes], value: bytes) -> None:
    if len(memo) >= _MEMO_MAXIMUM:
        memo.clear()
    if len(value) <= _MEMO_LENGTH:
        memo.add(value)


@final
class CheckedSection:
    """Regular fields that were found well-formed.

    Attributes:
      source:          as they came, to compare others with.
      fields:          the same with cookie crumbs joined (§8.2.3).
      index:           by name.
      content_length:  what they declare, or None.
    """

    __slots__ = ("content_length", "fields", "index", "source")

    def __init__(self, source: list[Field], fields: list[Field], content_length: int | None) -> None:
        self.source = source
        self.fields = fields
        index = dict(fields)
        self.index = index if len(index) == len(fields) else index_fields(fields)
        self.content_length = content_length


def check_section(fields: list[Field]) -> CheckedSection:
    """Regular fields of a message head or trailers.  RFC 9113 §8.2, §8.1.1.

    Raises: DecodeError.
    """
    length: int | None = None
    crumbs = 0
    for name, value in fields:
        if name not in _good_names:
            if _NAME.fullmatch(name) is None:
                raise DecodeError("a pseudo-field behind fields" if name[:1] == b":" else "a field name that is not one in lower case")
            if name in _CONNECTION_SPECIFIC:
                raise DecodeError("a field that is for one connection only")
            if name == b"te":
                if value.lower() != b"trailers":
                    raise DecodeError("te that is not trailers")
            else:
                _remember(_good_names, name)
        if value.translate(None, _TEXT) or value != value.strip(b" \t"):
            raise DecodeError("a field value with a control character, or white space around it")
        if name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > _LENGTH_DIGITS:
                raise DecodeError("content-length that is not one number")
            length = int(value)
        elif name == b"cookie":
            crumbs += 1
    return CheckedSection(fields, _join_crumbs(fields) if crumbs > 1 else fields, length)


def _join_crumbs(fields: list[Field]) -> list[Field]:
    joined = (b"cookie", b"; ".join(value for name, value in fields if name == b"cookie"))
    kept: list[Field] = []
    is_first = True
    for field in fields:
        if field[0] != b"cookie":
            kept.append(field)
        elif is_first:
            kept.append(joined)
            is_first = False
    return kept


@final
class RequestParser:
    """Reads the requests of one connection.

    Args:
      scheme:            of the connection.
      maximum:           fields of a request; past it 431.
      connect_protocol:  extended CONNECT is understood (RFC 8441, RFC 9220).
      version:           20 or 30.
    """

    __slots__ = ("_connect_protocol", "_maximum", "_scheme", "_version", "last")

    def __init__(self, scheme: bytes, maximum: int, connect_protocol: bool, version: int) -> None:
        self._scheme = scheme
        self._maximum = maximum
        self._connect_protocol = connect_protocol
        self._version = version
        self.last = CheckedSection([], [], None)

    def parse(self, fields: list[Field]) -> RequestHead:
        """A request; the facts of its regular fields are in `last`.

        Raises: DecodeError for a malformed one, Http1Error for one to be answered with an error.
        """
        pseudo: dict[bytes, bytes] = {}
        count = 0
        for name, value in fields:
            if name not in _REQUEST_PSEUDO:
                break  # a pseudo-field that is none of a request's is no good name of a field either
            if name in pseudo:
                raise DecodeError("a pseudo-field twice")
            pseudo[name] = value
            count += 1
        regular = fields[count:]
        section = self.last
        if regular != section.source:
            section = self.last = check_section(regular)
        get = pseudo.get
        method, scheme, authority, path = get(b":method"), get(b":scheme"), get(b":authority"), get(b":path")
        if method is None:
            raise DecodeError("no :method")
        index = section.index.copy()
        if method == b"CONNECT":
            return self._connect(pseudo, section, index)
        if scheme is None or not path:
            raise DecodeError("no :scheme, or no :path")
        if b":protocol" in pseudo:
            raise DecodeError(":protocol without CONNECT")
        if len(regular) > self._maximum:
            raise Http1Error(431, "too many fields")
        authority = self._authority(authority, index)
        if method != b"GET" and _TOKEN.fullmatch(method) is None:
            raise DecodeError("a method that is no token")
        if path not in _good_paths:
            self._check_path(method, path)
        if scheme != self._scheme:
            self._check_scheme(scheme)
        return RequestHead(method, scheme, authority, path, section.fields, index, self._version)

    def _authority(self, authority: bytes | None, index: dict[bytes, bytes]) -> bytes:
        """RFC 9113 §8.3.1: Host stands in for :authority, and must not differ from it.

        RFC 9114 §4.3.1 wants one of them, and none that is empty; without, a request of HTTP/3 is malformed.
        """
        host = index.get(b"host")
        if not authority and not host and self._version == _HTTP3:
            raise DecodeError("neither :authority nor Host")
        if authority is None:
            if host is None:
                raise Http1Error(400, "neither :authority nor Host")
            authority = host
        elif host is not None and host.lower() != authority.lower():
            raise DecodeError(":authority and Host differ")
        if authority not in _good_authorities:
            try:
                parse_authority(authority)
            except DecodeError:
                raise Http1Error(400, "malformed :authority") from None
            _remember(_good_authorities, authority)
        return authority

    def _check_path(self, method: bytes, path: bytes) -> None:
        if path == b"*":
            if method != b"OPTIONS":
                raise Http1Error(400, "request-target: asterisk-form is for OPTIONS only")
        elif path.translate(None, _TEXT) or b" " in path or path[:1] != b"/":
            raise DecodeError("a :path that is none")
        elif _ORIGIN.fullmatch(path) is None:
            raise Http1Error(400, "request-target: not an origin-form")
        elif b"?" not in path:  # queries may be secrets, and seldom come again
            _remember(_good_paths, path)

    def _check_scheme(self, scheme: bytes) -> None:
        if _SCHEME.fullmatch(scheme) is None:
            raise DecodeError("a :scheme that is none")
        if scheme.lower() == self._scheme:
            return
        if scheme.lower() not in (b"http", b"https"):
            raise Http1Error(400, "a request-target of another scheme")
        raise Http1Error(421, "a request-target of the other scheme")

    def _connect(self, pseudo: dict[bytes, bytes], section: CheckedSection, index: dict[bytes, bytes]) -> RequestHead:
        """CONNECT (RFC 9113 §8.5) and extended CONNECT (RFC 8441 §4)."""
        authority = pseudo.get(b":authority")
        protocol = pseudo.get(b":protocol")
        if authority is None:
            raise DecodeError("CONNECT without :authority")
        if len(section.source) > self._maximum:
            raise Http1Error(431, "too many fields")
        if protocol is None:
            if b":scheme" in pseudo or b":path" in pseudo:
                raise DecodeError("CONNECT with :scheme or :path")
            try:
                parse_authority_form(authority)
            except DecodeError as error:
                raise Http1Error(400, error.what) from None
            return RequestHead(b"CONNECT", self._scheme, authority, b"", section.fields, index, self._version)
        scheme, path = pseudo.get(b":scheme"), pseudo.get(b":path")
        if not self._connect_protocol or scheme is None or not path or _TOKEN.fullmatch(protocol) is None:
            raise DecodeError("extended CONNECT that was not offered, or is not whole")
        authority = self._authority(authority, index)
        if path not in _good_paths:
            self._check_path(b"CONNECT", path)
        if scheme != self._scheme:
            self._check_scheme(scheme)
        return RequestHead(b"CONNECT", scheme, authority, path, section.fields, index, self._version, protocol)


def parse_response(fields: list[Field]) -> tuple[int, CheckedSection]:
    """The status and fields of a response.  RFC 9113 §8.3.2.  Raises: DecodeError."""
    if not fields or fields[0][0] != b":status":
        raise DecodeError("a response without :status in front")
    value = fields[0][1]
    if len(value) != 3 or not value.isdigit() or not b"100" <= value <= b"599":
        raise DecodeError("a :status that is none")
    return int(value), check_section(fields[1:])


def check_sent(fields: Iterable[Field]) -> list[Field]:
    """Fields that we are to send: without what is for one connection only.

    Raises: UsageError for a name or value that could be read as anything but itself, and for transfer-encoding.
    """
    kept: list[Field] = []
    for field in fields:
        name, value = field
        if _NAME.fullmatch(name) is None or value.translate(None, _TEXT) or value != value.strip(b" \t"):
            raise UsageError("a field that cannot be sent")
        if name in _CONNECTION_SPECIFIC:
            if name == b"transfer-encoding":
                raise UsageError("framing fields belong to the engine")
            continue
        if name != b"te" or value == b"trailers":
            kept.append(field)
    return kept
