# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From a request head's octets to a RequestHead and its Framing.  RFC 9112 §3, §6; RFC 9110 §7.2, §8.6, §10.1.1.

The framing decision (§6.3) for requests, in order: Transfer-Encoding with Content-Length is refused (a smuggling attempt);
Transfer-Encoding in HTTP/1.0 is refused (§6.1); its only accepted value is `chunked`, an unknown coding gets 501 and one in which
`chunked` is not last gets 400; Content-Length must be one field of digits; neither means no content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from sws.base.engine import RequestHead, index_fields
from sws.base.errors import DecodeError, Http1Error
from sws.proto.http.method import CONNECT, REGISTERED_METHODS
from sws.proto.http.target import ORIGIN_FORM, ORIGIN_OCTETS, RequestTarget, parse_authority, parse_target
from sws.proto.http1.head import parse_fields, parse_lines, parse_request_line
from sws.proto.http1.limits import Http1Limits

__all__ = ["CHUNKED", "NO_CONTENT", "Framing", "content_length_of", "has_token", "parse_request", "parse_usual", "transfer_codings"]

CHUNKED: Final = -1
"""In place of a content length: the content is chunked."""

_LENGTH_DIGITS: Final = 18
_GOOD_HOSTS_MAXIMUM: Final = 1024
_NEEDS_LENGTH_1_0: Final = frozenset((b"POST", b"PUT", b"PATCH"))
_SINGLE: Final = (b"host", b"content-length")  # the others that matter here are lists: RFC 9110 §5.3

#: A request line of 1.1 whose target is in origin-form and needs no further look.
_usual_line: Final = re.compile(rb"([A-Z]+) (" + ORIGIN_FORM + rb") HTTP/1\.1").fullmatch
_is_origin_form: Final = re.compile(ORIGIN_FORM).fullmatch
_USUAL_METHODS: Final = REGISTERED_METHODS - {CONNECT}

_good_hosts: set[bytes] = set()


@final
@dataclass(frozen=True, slots=True)
class Framing:
    """What the engine has to know of a request beside its head.

    Attributes:
      length:      octets of content to come; CHUNKED; 0 for none.
      persistent:  the connection may go on after the response.  RFC 9112 §9.3.
      expects_continue:  the client waits for 100 (Continue).
      upgrade:     the requester offers another protocol.
    """

    length: int
    persistent: bool
    expects_continue: bool
    upgrade: bool


NO_CONTENT: Final = Framing(0, True, False, False)
"""The usual one: no content, and the connection goes on."""


def has_token(value: bytes, token: bytes) -> bool:
    """Whether a list-valued field such as Connection has `token`, in any case."""
    return any(member.strip(b" \t") == token for member in value.lower().split(b","))


def content_length_of(value: bytes, status: int = 400) -> int:
    """A Content-Length.  RFC 9110 §8.6; lists of equal values are refused, as §8.6 allows.

    Raises: Http1Error `status`.
    """
    if not value.isdigit() or len(value) > _LENGTH_DIGITS:
        raise Http1Error(status, "malformed Content-Length")
    return int(value)


def transfer_codings(value: bytes, status: int = 400) -> None:
    """Accept `chunked` alone.  RFC 9112 §6.1, §6.3, §7.

    Raises: Http1Error `status` for a list that is malformed, repeats `chunked` or does not end with it, 501 for codings beneath it.
    """
    # DEVIATES RFC 9110 §5.6.1.2: empty list elements are refused here, since not everybody reads "chunked," as "chunked".
    codings = [coding.strip(b" \t").lower() for coding in value.split(b",")]
    if codings == [b"chunked"]:
        return
    if not all(re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9a-z]+", coding) for coding in codings):
        raise Http1Error(status, "malformed Transfer-Encoding")
    if codings[-1] != b"chunked" or b"chunked" in codings[:-1]:
        raise Http1Error(status, "chunked is not the last and only framing coding")
    raise Http1Error(501, "a transfer coding that is not implemented")


def parse_usual(data: bytes, limits: Http1Limits, scheme: bytes) -> RequestHead | None:
    """What most clients send most of the time, in as few steps as can be: one whole request of 1.1 that has no content.

    Args:
      data:    what arrived, shorter than `limits` let a request line or field section be.
      scheme:  of the connection.
    Returns: None for anything else, be it right or wrong: `parse_request` tells.
    """
    lines = data.split(b"\n")
    if lines.pop() or lines.pop() != b"\r" or not lines or len(lines) > limits.fields:
        return None
    words = lines[0].split(b" ")
    if len(words) != 3:
        return None
    method, target, version = words
    if version != b"HTTP/1.1\r" or method not in _USUAL_METHODS or not target.startswith(b"/"):
        return None
    if target.translate(None, ORIGIN_OCTETS) and _is_origin_form(target) is None:
        return None
    del lines[0]
    try:
        fields = parse_lines(lines)  # an empty line, where another request begins, is malformed too
    except ValueError:
        return None
    index = dict(fields)
    authority = index.get(b"host")
    if authority is None or authority not in _good_hosts or len(index) != len(fields):
        return None
    if not _has_no_content(index):
        return None
    return RequestHead(method, scheme, authority, target, fields, index, 11)


def _has_no_content(index: dict[bytes, bytes]) -> bool:
    """No field asks for more than the usual: no content, and the connection goes on."""
    return (
        index.get(b"connection", b"keep-alive") == b"keep-alive"
        and b"content-length" not in index
        and b"transfer-encoding" not in index
        and b"expect" not in index
        and b"upgrade" not in index
    )


def parse_request(line: bytes, section: bytes, limits: Http1Limits, scheme: bytes) -> tuple[RequestHead, Framing]:
    """A whole request head.

    Args:
      line:     the request line without CRLF.
      section:  the field lines, each with CRLF.
      scheme:   of the connection.
    Raises: Http1Error with the status to answer with.
    """
    usual = _usual_line(line)
    if usual is not None:
        method, target = usual.groups()
        version = 11
    else:
        method, target, version = parse_request_line(line)
    fields = parse_fields(section, limits.fields)
    index = dict(fields)
    if len(index) != len(fields):
        index = index_fields(fields)
        _refuse_repeated(fields)
    authority = index.get(b"host")
    if authority is None:
        if version >= 11:
            raise Http1Error(400, "no Host")
        authority = b""
    elif authority not in _good_hosts:
        _check_host(authority)
    if method == b"CONNECT":
        _parsed(method, target)
        authority, target = target, b""
    elif usual is None:
        scheme, authority, target = _any_form(method, target, scheme, authority)
    head = RequestHead(method, scheme, authority, target, fields, index, version)
    if usual is not None and _has_no_content(index):
        return head, NO_CONTENT
    return head, _framing(head, limits)


def _framing(head: RequestHead, limits: Http1Limits) -> Framing:
    index = head.index
    version = head.version
    connection = index.get(b"connection")
    if connection is None or connection == b"keep-alive":
        persistent = version >= 11 or connection is not None
    elif version >= 11:
        persistent = not has_token(connection, b"close")
    else:
        persistent = has_token(connection, b"keep-alive") and not has_token(connection, b"close")
    length = 0
    if b"transfer-encoding" in index or b"content-length" in index:
        length = _content(index, version, limits)
        if length and head.method == b"CONNECT":  # what follows would be content to some, tunnel to others: RFC 9110 §9.3.6
            raise Http1Error(400, "CONNECT has no content")
    elif version < 11 and head.method in _NEEDS_LENGTH_1_0:
        raise Http1Error(411, "HTTP/1.0 content needs a Content-Length")
    expects = False
    if b"expect" in index and version >= 11:  # HTTP/1.0: ignored, RFC 9110 §10.1.1
        if {member.strip(b" \t").lower() for member in index[b"expect"].split(b",")} - {b""} != {b"100-continue"}:
            raise Http1Error(417, "an expectation that cannot be met")
        expects = length != 0
    upgrade = version >= 11 and b"upgrade" in index and connection is not None and has_token(connection, b"upgrade")
    return Framing(length, persistent, expects, upgrade)


def _content(index: dict[bytes, bytes], version: int, limits: Http1Limits) -> int:
    if b"transfer-encoding" in index:
        if b"content-length" in index:
            raise Http1Error(400, "both Transfer-Encoding and Content-Length")
        if version < 11:
            raise Http1Error(400, "Transfer-Encoding in HTTP/1.0")
        transfer_codings(index[b"transfer-encoding"])
        if limits.require_length:
            raise Http1Error(411, "content without Content-Length")
        return CHUNKED
    length = content_length_of(index[b"content-length"])
    if limits.body is not None and length > limits.body:
        raise Http1Error(413, "the content is too large")
    return length


def _refuse_repeated(fields: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in fields]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise Http1Error(400, "a field that may stand once stands twice")


def _check_host(value: bytes) -> None:
    """Refuse what is no authority; remember a bounded number of good ones, as a server is asked for few."""
    try:
        parse_authority(value)
    except DecodeError:
        raise Http1Error(400, "malformed Host") from None
    if len(_good_hosts) >= _GOOD_HOSTS_MAXIMUM:
        _good_hosts.clear()
    _good_hosts.add(value)


def _parsed(method: bytes, target: bytes) -> RequestTarget:
    try:
        return parse_target(method, target)
    except DecodeError as error:
        raise Http1Error(400, error.what) from None


def _any_form(method: bytes, target: bytes, scheme: bytes, authority: bytes) -> tuple[bytes, bytes, bytes]:
    """origin-form, asterisk-form, absolute-form.  RFC 9112 §3.2; the target's authority wins over Host."""
    parsed = _parsed(method, target)
    if parsed.authority is None:
        return scheme, authority, target
    if parsed.scheme not in (b"http", b"https"):
        raise Http1Error(400, "a request-target of another scheme")
    if parsed.scheme != scheme:
        raise Http1Error(421, "a request-target of the other scheme")
    return scheme, bytes(parsed.authority), parsed.path if parsed.query is None else parsed.path + b"?" + parsed.query
