# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Request heads.  RFC 9112 §3, §6.3."""

from __future__ import annotations

import random

import pytest

from sws.base.engine import RequestHead
from sws.base.errors import DecodeError, Http1Error
from sws.proto.http.target import parse_target
from sws.proto.http1.limits import Http1Limits
from sws.proto.http1.request import (
    CHUNKED,
    NO_CONTENT,
    Framing,
    content_length_of,
    has_token,
    parse_request,
    parse_usual,
    transfer_codings,
)

_LIMITS = Http1Limits()


def _parse(line: bytes, section: bytes = b"Host: a\r\n", scheme: bytes = b"http") -> tuple[RequestHead, Framing]:
    return parse_request(line, section, _LIMITS, scheme)


@pytest.mark.parametrize(
    ("line", "scheme", "authority", "target"),
    [
        (b"GET /where?q=now HTTP/1.1", b"http", b"a", b"/where?q=now"),  # the examples of RFC 9112 §3.2
        (b"GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1", b"http", b"www.example.org", b"/pub/WWW/TheProject.html"),
        (b"GET HTTP://B:80 HTTP/1.1", b"http", b"b:80", b"/"),
        (b"GET http://b?q HTTP/1.1", b"http", b"b", b"/?q"),
        (b"CONNECT www.example.com:80 HTTP/1.1", b"http", b"www.example.com:80", b""),
        (b"OPTIONS * HTTP/1.1", b"http", b"a", b"*"),
        (b"OPTIONS http://www.example.org:8001 HTTP/1.1", b"http", b"www.example.org:8001", b"*"),
        (b"OPTIONS http://b/ HTTP/1.1", b"http", b"b", b"/"),
        (b"GET https://b/ HTTP/1.1", b"https", b"b", b"/"),
    ],
)
def test_target_forms(line: bytes, scheme: bytes, authority: bytes, target: bytes) -> None:
    head = _parse(line, scheme=scheme)[0]
    assert (head.scheme, head.authority, head.target) == (scheme, authority, target)


def test_the_other_scheme_is_misdirected() -> None:
    for target, scheme in ((b"https://a/", b"http"), (b"http://a/", b"https")):
        with pytest.raises(Http1Error) as caught:
            _parse(b"GET " + target + b" HTTP/1.1", scheme=scheme)
        assert caught.value.status == 421


def test_origin_forms_are_those_of_the_target_parser() -> None:
    """Two readers of one grammar: they may not differ."""
    chance = random.Random(3986)
    taken = 0
    for _ in range(20_000):
        target = b"/" + bytes(chance.choices(b'a/?%%44F.[]{}|^`"<>\\#:@\x7f~!', k=chance.randrange(6)))
        try:
            parse_target(b"GET", target)
            expected = True
        except DecodeError:
            expected = False
        try:
            assert _parse(b"GET " + target + b" HTTP/1.1")[0].target == target
            found = True
        except Http1Error:
            found = False
        assert found == expected, target
        taken += found
    assert 2_000 < taken < 18_000


def test_the_index() -> None:
    head = _parse(b"GET / HTTP/1.1", b"Host: a\r\nX: 1\r\nCookie: a=b\r\nx: 2\r\nCookie: c=d\r\n")[0]
    assert head.index == {b"host": b"a", b"x": b"1, 2", b"cookie": b"a=b; c=d"}
    assert list(head.fields) == [(b"host", b"a"), (b"x", b"1"), (b"cookie", b"a=b"), (b"x", b"2"), (b"cookie", b"c=d")]


@pytest.mark.parametrize(
    ("line", "section", "length"),
    [
        (b"GET / HTTP/1.1", b"", 0),
        (b"POST / HTTP/1.1", b"", 0),
        (b"POST / HTTP/1.1", b"Content-Length: 0\r\n", 0),
        (b"POST / HTTP/1.0", b"Content-Length: 007\r\n", 7),
        (b"GET / HTTP/1.1", b"Transfer-Encoding: Chunked\r\n", CHUNKED),
    ],
)
def test_framing(line: bytes, section: bytes, length: int) -> None:
    assert _parse(line, b"Host: a\r\n" + section)[1].length == length


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"chunked", None),
        (b"CHUNKED", None),
        (b"gzip", 400),
        (b"gzip, chunked", 501),
        (b"identity", 400),
        (b"chunked, chunked", 400),
        (b"chunked, gzip", 400),
        (b"chunked;a=b", 400),
        (b"", 400),
        (b",chunked", 400),
    ],
)
def test_transfer_codings(value: bytes, status: int | None) -> None:
    """RFC 9112 §6.1."""
    if status is None:
        transfer_codings(value)
        return
    with pytest.raises(Http1Error) as caught:
        transfer_codings(value)
    assert caught.value.status == status


def test_content_length() -> None:
    assert content_length_of(b"0") == 0
    assert content_length_of(b"9" * 18) == 10**18 - 1
    for value in (b"", b"+1", b"-1", b"1 ", b"1,1", b"0x1", b"\xb2", b"9" * 19):
        for status in (400, 502):
            with pytest.raises(Http1Error) as caught:
                content_length_of(value, status)
            assert caught.value.status == status


def test_tokens_of_a_list() -> None:
    assert has_token(b"close", b"close")
    assert has_token(b"a ,\tClose\t, b", b"close")
    assert not has_token(b"closed, not-close, clo se", b"close")
    assert not has_token(b"", b"close")


def test_flags() -> None:
    framing = _parse(b"GET / HTTP/1.1", b"Host: a\r\nConnection: a, UPGRADE\r\nUpgrade: x\r\n")[1]
    assert framing.upgrade
    assert framing.persistent
    assert not _parse(b"GET / HTTP/1.1", b"Host: a\r\nUpgrade: x\r\n")[1].upgrade
    assert not _parse(b"GET / HTTP/1.0", b"Connection: upgrade\r\nUpgrade: x\r\n")[1].upgrade


def test_many_hosts() -> None:
    """The memo of good hosts is bounded; bad ones stay bad."""
    for number in range(1100):
        name = b"h%d.example" % number
        assert _parse(b"GET / HTTP/1.1", b"Host: " + name + b"\r\n")[0].authority == name
    for _ in range(2):
        with pytest.raises(Http1Error):
            _parse(b"GET / HTTP/1.1", b"Host: a@b\r\n")


# --- the quick way ---------------------------------------------------------------------------------------------------

_BROWSER = (
    b"GET /a/b.html?q=1&r=%41 HTTP/1.1\r\nHost: a.example\r\nUser-Agent: Mozilla/5.0 (X11; rv:145.0)\r\nAccept: */*\r\n"
    b"Cookie: a=b; c=d\r\nX-New: \t v \r\nConnection: keep-alive\r\n\r\n"
)


def _slow(data: bytes) -> tuple[RequestHead, Framing] | None:
    line_end = data.find(b"\r\n")
    try:
        return parse_request(data[:line_end], data[line_end + 2 : data.find(b"\r\n\r\n") + 2], _LIMITS, b"http")
    except Http1Error:
        return None


def test_the_quick_way_takes_the_usual_request() -> None:
    head = _slow(_BROWSER)  # makes its host a good one
    assert head is not None
    assert parse_usual(_BROWSER, _LIMITS, b"http") == head[0]
    assert head[1] is NO_CONTENT


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: unseen.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n",
        b"GET /%4 HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"CONNECT /a HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n" + b"A: b\r\n" * 100 + b"\r\n",
        *(b"\r\n", b"\n", b"\r\n\r\n", b"x", b"x\n", b"\r\r\n\r\n"),
    ],
)
def test_the_quick_way_leaves_everything_else(data: bytes) -> None:
    _slow(_BROWSER)
    assert parse_usual(data, _LIMITS, b"http") is None


def test_the_quick_way_never_takes_what_the_other_does_not() -> None:
    """One or two octets of a browser's request changed, put in or taken out."""
    _slow(_BROWSER)
    chance = random.Random(9112)
    taken = 0
    for _ in range(20_000):
        data = bytearray(_BROWSER)
        for _ in range(chance.randrange(1, 3)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(2)] = bytes(chance.choices(b"\r\n: \t/%?aH1.\x00\x7f\xff", k=chance.randrange(2)))
        quick = parse_usual(bytes(data), _LIMITS, b"http")
        if quick is not None:
            assert data.find(b"\r\n\r\n") == len(data) - 4
            assert _slow(bytes(data)) == (quick, NO_CONTENT)
            taken += 1
    assert 1000 < taken < 19_000
