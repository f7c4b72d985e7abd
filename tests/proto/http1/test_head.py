# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Start lines and field sections.  RFC 9112 §2 to §5."""

from __future__ import annotations

import random
import time

import pytest

from sws.base.errors import Http1Error
from sws.proto.http1.head import check_partial_head, parse_fields, parse_request_line, parse_status_line, unfold

_TOKEN = set(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")  # RFC 9110 §5.6.2


def _fields_or_none(section: bytes) -> list[tuple[bytes, bytes]] | None:
    try:
        return parse_fields(section, 100)
    except Http1Error:
        return None


def test_every_octet_in_a_name_and_a_value() -> None:
    taken = {octet for octet in range(256) if _fields_or_none(b"a%c: b\r\n" % octet) == [((b"a%c" % octet).lower(), b"b")]}
    assert taken == _TOKEN
    taken = {octet for octet in range(256) if _fields_or_none(b"a: b%cc\r\n" % octet) == [(b"a", b"b%cc" % octet)]}
    assert taken == {0x09} | set(range(0x20, 0x7F)) | set(range(0x80, 0x100))  # RFC 9110 §5.5


def test_every_octet_in_a_start_line() -> None:
    def line(octet: int, form: bytes) -> bool:
        try:
            parse_request_line(form % octet)
        except Http1Error:
            return False
        return True

    assert {octet for octet in range(256) if line(octet, b"G%cT / HTTP/1.1")} == _TOKEN
    assert {octet for octet in range(256) if line(octet, b"GET /%c HTTP/1.1")} == set(range(0x21, 0x7F))
    assert {octet for octet in range(256) if line(octet, b"GET / HTTP/1.%c")} == set(b"0123456789")


def test_start_lines() -> None:
    assert parse_request_line(b"GET /x HTTP/1.0") == (b"GET", b"/x", 10)
    assert parse_request_line(b"a * HTTP/1.7") == (b"a", b"*", 11)
    assert parse_status_line(b"HTTP/1.1 200 OK") == (11, 200, b"OK")
    assert parse_status_line(b"HTTP/1.0 404 ") == (10, 404, b"")
    assert parse_status_line(b"HTTP/1.1 599") == (11, 599, b"")
    for line in (b"HTTP/1.1 099 x", b"HTTP/1.1 20 x", b"HTTP/1.1 200x", b"HTTP/1.1 200 a\x7fb", b"HTTP/2 200 OK", b""):
        with pytest.raises(Http1Error) as caught:
            parse_status_line(line)
        assert caught.value.status == 502


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        (b"GET / HTTP/2.0", 505, "version"),
        (b"GET / HTTP/1.1\r", 400, "bare CR"),
        (b"GET\n/ HTTP/1.1", 400, "bare CR"),
        (b"G(T / HTTP/1.1", 400, "method"),
        (b"GET /", 400, "without version"),
        (b"GET /\xff HTTP/1.1", 400, "request-target"),
        (b"GET  / HTTP/1.1", 400, "malformed request line"),
        (b"GET /  HTTP/1.1", 400, "malformed request line"),
        (b"GET / x HTTP/1.1", 400, "malformed request line"),
        (b"GET / HTTX/1.1", 400, "malformed request line"),
    ],
)
def test_what_is_wrong_with_a_request_line(line: bytes, status: int, words: str) -> None:
    with pytest.raises(Http1Error, match=words) as caught:
        parse_request_line(line)
    assert caught.value.status == status
    assert caught.value.reason.isascii()


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (b"a: b\nc: d\r\n", "bare CR or LF"),
        (b"a: b\rc: d\r\n", "bare CR or LF"),
        (b" a: b\r\n", "begins with white space"),
        (b"a: b\r\n\tc\r\n", "begins with white space"),
        (b"a\r\n", "without a colon"),
        (b"a : b\r\n", "before the colon"),
        (b"a b: c\r\n", "not a token"),
        (b": c\r\n", "not a token"),
        (b"a: \x00\r\n", "control character"),
    ],
)
def test_what_is_wrong_with_a_field_section(section: bytes, words: str) -> None:
    for status in (400, 502):
        with pytest.raises(Http1Error, match=words) as caught:
            parse_fields(section, 100, status)
        assert caught.value.status == status


def test_fields() -> None:
    assert parse_fields(b"", 0) == []
    assert parse_fields(b"A:b\r\nA:  c\t \r\nD:\r\nE: \r\nF:\tg\r\n", 5) == [
        (b"a", b"b"),
        (b"a", b"c"),
        (b"d", b""),
        (b"e", b""),
        (b"f", b"g"),
    ]
    with pytest.raises(Http1Error) as caught:
        parse_fields(b"a: b\r\n" * 3, 2)
    assert caught.value.status == 431


def test_the_quick_path_takes_exactly_the_grammar() -> None:
    """Against a reader that goes line by line; random octets of the kind that matters."""

    def slow(section: bytes) -> list[tuple[bytes, bytes]] | None:
        found = []
        for line in section.split(b"\r\n")[:-1]:
            name, colon, value = line.partition(b":")
            if not colon or not name or not set(name) <= _TOKEN or set(value) & (set(range(32)) - {9} | {127}):
                return None
            found.append((name.lower(), value.strip(b" \t")))
        return found

    chance = random.Random(9112)
    taken = 0
    for _ in range(20_000):
        section = bytes(chance.choices(b"aB:: \t\r\n\x00\xff", k=chance.randrange(12))) + chance.choice((b"\r\n", b":\r\n"))
        expected = slow(section)
        assert _fields_or_none(section) == expected
        taken += expected is not None
    assert taken > 300


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (b"a: b\r\n", b"a: b\r\n"),
        (b"a: b \r\n\t c\r\n", b"a: b  c\r\n"),
        (b"a \t: b\r\nc : d\r\n", b"a: b\r\nc: d\r\n"),
        (b" a: b\r\n c\r\n", b" a: b\r\n c\r\n"),
        (b"a\r\n : b\r\n", b"a : b\r\n"),
        (b"a: b : c\r\n", b"a: b : c\r\n"),
    ],
)
def test_unfold(section: bytes, expected: bytes) -> None:
    assert unfold(section) == expected


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (b"GET / HTTP/1.1\r\nA: b", None),
        (b"GET", None),
        (b"GET / HTTP/1.1\r", None),
        (b"GET / HTTP/1.1\r\nA: b\r", None),
        (b"GET / HTTP/1.1\r\nA: b\rc", 400),
        (b"GET / HTTP/1.1\n", 400),
        (b"G T", None),
        (b"G\tT", 400),
        (b" GET", 400),
        (b"/" * 3, 400),
        (b"GET /" + b"x" * 30, 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10, 431),
        (b"GET /" + b"x" * 30 + b"\n", 414),
        (b"GET /\n" + b"x" * 30, 400),
        (b"\x16\x03" + b"x" * 100, 400),
    ],
)
def test_partial_heads(part: bytes, status: int | None) -> None:
    for data in (part, bytearray(part)):
        if status is None:
            check_partial_head(data, 0, 30, 40)
        else:
            with pytest.raises(Http1Error) as caught:
                check_partial_head(data, 0, 30, 40)
            assert caught.value.status == status


def test_unfolding_is_linear() -> None:
    """A search that begins anew at each octet of white space takes seconds here, in place of a millisecond."""
    section = b"x" + b"\t" * 40_000 + b"\r\n"
    started = time.process_time()
    assert unfold(section) == section
    assert time.process_time() - started < 0.5


def test_more_names_than_are_remembered() -> None:
    """The memo of names is bounded, in number and in length; what is not in it is read all the same."""
    for _ in range(2):
        for number in range(1100):
            assert parse_fields(b"N%d: v\r\n" % number, 1) == [(b"n%d" % number, b"v")]
        assert parse_fields(b"L" * 100 + b": v\r\n", 1) == [(b"l" * 100, b"v")]
        with pytest.raises(Http1Error):
            parse_fields(b"N1099\r\n", 1)
