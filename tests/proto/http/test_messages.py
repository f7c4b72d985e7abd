# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pseudo-fields and fields of versions 2 and 3: requests, responses, what may be sent, the Priority field."""

from __future__ import annotations

import pytest

from sws.base.errors import DecodeError, Http1Error, UsageError
from sws.proto.http import messages
from sws.proto.http.idle import IdlePolicy
from sws.proto.http.messages import RequestParser, check_section, check_sent, parse_response
from sws.proto.http.priority import DEFAULT, Priority, parse_priority

GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/")]


def parser(connect_protocol: bool = False, version: int = 30) -> RequestParser:
    """Of a connection with TLS."""
    return RequestParser(b"https", 4, connect_protocol, version)


def test_a_request() -> None:
    found = parser(version=20).parse([*GET, (b"a", b"1"), (b"cookie", b"x"), (b"cookie", b"y"), (b"a", b"2")])
    assert (found.method, found.scheme, found.authority, found.target, found.version) == (b"GET", b"https", b"a.example", b"/", 20)
    assert found.fields == [(b"a", b"1"), (b"cookie", b"x; y"), (b"a", b"2")]
    assert found.index == {b"a": b"1, 2", b"cookie": b"x; y"}


def test_host_stands_in_for_authority() -> None:
    assert parser().parse([*GET[:2], GET[3], (b"host", b"b.example")]).authority == b"b.example"
    assert parser().parse([*GET, (b"host", b"A.example")]).authority == b"a.example"
    with pytest.raises(Http1Error, match="400"):
        parser(version=20).parse([*GET[:2], GET[3]])
    with pytest.raises(DecodeError):  # RFC 9114 §4.3.1
        parser(version=30).parse([*GET[:2], GET[3]])


@pytest.mark.parametrize(
    "fields",
    [
        [],
        GET[1:],
        [GET[0], *GET[2:]],
        GET[:3],
        [*GET, GET[0]],
        [*GET, (b":other", b"x")],
        [*GET, (b":protocol", b"websocket")],
        [*GET[:3], (b":path", b"")],
        [*GET[:3], (b":path", b"x")],
        [*GET[:3], (b":path", b"/ x")],
        [*GET[:3], (b":path", b"/\x01")],
        [GET[0], (b":scheme", b"1x"), *GET[2:]],
        [(b":method", b"G T"), *GET[1:]],
        [*GET, (b"host", b"b.example")],
        [*GET, (b"x", b"y"), (b":path", b"/")],
        [*GET, (b"X", b"y")],
        [*GET, (b"", b"y")],
        [*GET, (b"x", b"y ")],
        [*GET, (b"x", b"\n")],
        [*GET, (b"keep-alive", b"1")],
        [*GET, (b"te", b"deflate")],
        [*GET, (b"content-length", b"-1")],
        [*GET, (b"content-length", b"1"), (b"content-length", b"1")],
        [(b":method", b"CONNECT"), (b":authority", b"a:1"), (b":scheme", b"https")],
        [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":authority", b"a:1"), (b":path", b"/")],
        [(b":method", b"CONNECT"), (b":protocol", b"web socket"), *GET[1:]],
    ],
)
def test_malformed_requests(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(DecodeError):
        parser(True).parse(fields)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([*GET[:3], (b":path", b"/%zz")], 400),
        ([*GET[:3], (b":path", b"*")], 400),
        ([*GET[:2], (b":authority", b"a b"), GET[3]], 400),
        ([GET[0], (b":scheme", b"ftp"), *GET[2:]], 400),
        ([GET[0], (b":scheme", b"http"), *GET[2:]], 421),
        ([*GET, *[(b"x", b"y")] * 5], 431),
        ([(b":method", b"CONNECT"), (b":authority", b"a"), *[(b"x", b"y")] * 5], 431),
        ([(b":method", b"CONNECT"), (b":authority", b"a")], 400),
    ],
)
def test_requests_to_be_answered_with_an_error(fields: list[tuple[bytes, bytes]], status: int) -> None:
    with pytest.raises(Http1Error) as caught:
        parser().parse(fields)
    assert caught.value.status == status


def test_other_targets() -> None:
    assert parser().parse([(b":method", b"OPTIONS"), *GET[1:3], (b":path", b"*")]).target == b"*"
    assert parser().parse([GET[0], (b":scheme", b"HTTPS"), *GET[2:]]).scheme == b"HTTPS"
    found = parser(True).parse([(b":method", b"CONNECT"), (b":protocol", b"websocket"), GET[1], GET[2], (b":path", b"/chat?x")])
    assert (found.protocol, found.target) == (b"websocket", b"/chat?x")
    connect = parser().parse([(b":method", b"CONNECT"), (b":authority", b"a.example:1")])
    assert (connect.authority, connect.target, connect.protocol) == (b"a.example:1", b"", None)


def test_an_equal_section_is_looked_at_once() -> None:
    one = parser()
    fields = [*GET, (b"a", b"1"), (b"content-length", b"7")]
    first = one.parse(fields)
    second = one.parse(list(fields))
    assert second.fields is first.fields
    assert one.last.content_length == 7
    first.index[b"a"] = b"changed"
    assert one.parse(fields).index[b"a"] == b"1"


def test_responses() -> None:
    status, section = parse_response([(b":status", b"204"), (b"a", b"1")])
    assert (status, section.fields) == (204, [(b"a", b"1")])
    for wrong in (
        [],
        [(b"a", b"1")],
        [(b":status", b"99")],
        [(b":status", b"600")],
        [(b":status", b"2x0")],
        [(b":status", b"200"), (b":status", b"200")],
    ):
        with pytest.raises(DecodeError):
            parse_response(wrong)


def test_what_may_be_sent() -> None:
    assert check_sent([(b"connection", b"close"), (b"te", b"gzip"), (b"te", b"trailers"), (b"a", b"b")]) == [
        (b"te", b"trailers"),
        (b"a", b"b"),
    ]
    for wrong in ((b"A", b"b"), (b"a", b"\r"), (b"a", b" b"), (b":path", b"/"), (b"transfer-encoding", b"chunked")):
        with pytest.raises(UsageError):
            check_sent([wrong])


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_good_names", set())
    for number in range(1500):
        check_section([(b"x-%d" % number, b"")])
    assert 0 < len(messages._good_names) <= 1024


def test_priorities() -> None:
    """RFC 9218 §4, §5."""
    assert parse_priority(b"u=1, i") == Priority(1, True)
    assert parse_priority(b"u=0") == Priority(0, False)
    assert parse_priority(b"i") == Priority(3, True)
    assert parse_priority(b"u=9, i=?0") == Priority(3, False)
    assert parse_priority(b"u=x;") in (DEFAULT, Priority(3, False))
    assert parse_priority(b"") == DEFAULT == parse_priority(b"\xff")
    for number in range(100):
        assert parse_priority(b"u=%d, x=%d" % (number % 8, number)) == Priority(number % 8, False)


def test_idle() -> None:
    assert IdlePolicy().seconds == 60.0
