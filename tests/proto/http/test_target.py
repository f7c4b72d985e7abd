# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import posixpath
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError
from sws.proto.http.authority import canonical_ipv6
from sws.proto.http.target import (
    AbsoluteForm,
    Authority,
    PathSegments,
    RequestTarget,
    TargetForm,
    normalise_path,
    parse_absolute_form,
    parse_authority,
    parse_authority_form,
    parse_origin_form,
    parse_target,
    path_segments,
)

_PCHAR = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@")  # RFC 3986 §3.3
_LENIENT = set(b"|^`[]{}")


def test_every_octet_in_a_path_and_a_query() -> None:
    taken = {octet for octet in range(256) if _accepted(parse_origin_form, b"/a%c" % octet)}
    assert taken == _PCHAR | _LENIENT | set(b"/?")
    taken = {octet for octet in range(256) if _accepted(parse_origin_form, b"/?%c" % octet)}
    assert taken == _PCHAR | _LENIENT | set(b"/?")


def _accepted(function: Callable[[bytes], object], value: bytes) -> bool:
    try:
        function(value)
    except DecodeError:
        return False
    return True


def test_origin_form() -> None:
    assert parse_origin_form(b"/where?q=now") == (b"/where", b"q=now")  # RFC 9112 §3.2.1
    assert parse_origin_form(b"/") == (b"/", None)
    assert parse_origin_form(b"/?") == (b"/", b"")
    assert parse_origin_form(b"//a//b?c?d=/%2F") == (b"//a//b", b"c?d=/%2F")
    assert parse_origin_form(b"/%e4%Fa/%00") == (b"/%e4%Fa/%00", None)


@pytest.mark.parametrize(
    "target", [b"", b"a", b"*", b"/ ", b"/%", b"/%2", b"/%2g", b"/%%41", b"/?%", b"/?%4", b"/#a", b"/a\n", b"/\xe4", b"?a", b"/\x7f"]
)
def test_what_is_no_origin_form(target: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_origin_form(target)


def test_absolute_form() -> None:
    assert parse_absolute_form(b"HTTP://www.Example.org:8001/pub/WWW/?q") == AbsoluteForm(
        b"http", Authority(b"www.example.org", 8001), b"/pub/WWW/", b"q"
    )
    assert parse_absolute_form(b"http://a") == AbsoluteForm(b"http", Authority(b"a"), b"", None)
    assert parse_absolute_form(b"http://a?q") == AbsoluteForm(b"http", Authority(b"a"), b"", b"q")
    assert parse_absolute_form(b"https://[::1]:443/") == AbsoluteForm(b"https", Authority(b"[::1]", 443), b"/", None)


@pytest.mark.parametrize(
    "target",
    [
        b"http:/a",
        b"http:a",
        b"http:///a",
        b"http://",
        b"urn:a:b",
        b"//a/b",
        b"http://u@a/",
        b"http://a/#f",
        b"1http://a/",
        b"http://a\\b/",
        b"http://a/ b",
    ],
)
def test_what_is_no_absolute_form(target: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_absolute_form(target)


def test_authority_form() -> None:
    assert parse_authority_form(b"www.example.com:80") == Authority(b"www.example.com", 80)
    assert parse_authority_form(b"[2001:DB8::1]:443") == Authority(b"[2001:db8::1]", 443)


@pytest.mark.parametrize("target", [b"a", b"a:", b"a:0", b":80", b"a:65536", b"http://a:80", b"a:80/", b"u@a:80", b"::1:80"])
def test_what_is_no_authority_form(target: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_authority_form(target)


def test_targets() -> None:
    host = Authority(b"www.example.org", 8001)
    assert parse_target(b"GET", b"/a?b") == RequestTarget(TargetForm.ORIGIN, b"/a", b"b")
    assert parse_target(b"OPTIONS", b"*") == RequestTarget(TargetForm.ASTERISK, b"*")
    assert parse_target(b"CONNECT", b"a:1") == RequestTarget(TargetForm.AUTHORITY, b"", None, None, Authority(b"a", 1))
    assert parse_target(b"OPTIONS", b"http://www.example.org:8001") == RequestTarget(TargetForm.ABSOLUTE, b"*", None, b"http", host)
    assert parse_target(b"OPTIONS", b"http://www.example.org:8001?") == RequestTarget(TargetForm.ABSOLUTE, b"/", b"", b"http", host)
    assert parse_target(b"GET", b"http://www.example.org:8001") == RequestTarget(TargetForm.ABSOLUTE, b"/", None, b"http", host)
    assert parse_target(b"GET", b"http://www.example.org:8001/x") == RequestTarget(TargetForm.ABSOLUTE, b"/x", None, b"http", host)


@pytest.mark.parametrize(("method", "target"), [(b"GET", b"*"), (b"CONNECT", b"/"), (b"GET", b"a:1"), (b"GET", b""), (b"options", b"*")])
def test_targets_in_the_wrong_form(method: bytes, target: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_target(method, target)


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        (b"Example.COM", b"example.com", None),
        (b"example.com:", b"example.com", None),
        (b"example.com:0080", b"example.com", 80),
        (b"a:65535", b"a", 65535),
        (b"localhost:0", b"localhost", 0),
        (b"127.0.0.1:80", b"127.0.0.1", 80),
        (b"xn--nxasmm1c.xn--p1ai", b"xn--nxasmm1c.xn--p1ai", None),
        (b"a_b.c-d.", b"a_b.c-d.", None),
        (b"1.example", b"1.example", None),
        (b"4u", b"4u", None),
        (b"ex%41mple!$&'()*+,;=~", b"ex%41mple!$&'()*+,;=~", None),
        (b"%C3%A9:1", b"%c3%a9", 1),
        (b"[::]", b"[::]", None),
        (b"[2001:DB8:0:0:1:0:0:1]:8080", b"[2001:db8::1:0:0:1]", 8080),
        (b"[::FFFF:1.2.3.4]", b"[::ffff:102:304]", None),
        (b"[1:2:3:4:5:6:7:8]:", b"[1:2:3:4:5:6:7:8]", None),
        (b"[1:0:3:4:5:6:7:8]", b"[1:0:3:4:5:6:7:8]", None),
        (b"[1:2:3:4:5:6:0:0]", b"[1:2:3:4:5:6::]", None),
    ],
)
def test_authorities(value: bytes, host: bytes, port: int | None) -> None:
    authority = parse_authority(value)
    assert authority == Authority(host, port)
    assert parse_authority(bytes(authority)) == authority


@pytest.mark.parametrize(
    "value",
    [
        b"", b":80", b"a:65536", b"a:99999", b"a:000080", b"a:-1", b"a:8 0", b"a:b", b"u@a", b"u:p@a", b"a b", b"a/b", b"a?b", b"a#b",
        b"a\\b",
        b"[::1", b"::1", b"[]", b"[::1]a", b"[::1%25eth0]", b"[v1.a]", b"[1::2::3]", b"[12345::]", b"[:::]", b"[::1.2.3.256]", b"a,b:1:2",
        b"\xc3\xa9", b"%zz", b"a%2", b"<a>", b"a\n", b'"a"', b"a^b",
        b"1", b"127.1", b"1.2.3", b"256.1.1.1", b"01.2.3.4", b"1.2.3.4.5", b"0x7f.1", b"0x7f000001", b"1.2.3.4.", b"a.1", b"a.0x",
    ],
)  # fmt: skip
def test_what_is_no_authority(value: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_authority(value)


@given(
    st.integers(0, 2**128 - 1)
    | st.lists(st.sampled_from((0, 0, 0, 1, 0xABCD)), min_size=8, max_size=8).map(lambda g: sum(x << 16 * i for i, x in enumerate(g)))
)
def test_ipv6_spelling_agrees_with_the_standard_library(number: int) -> None:
    address = IPv6Address(number)
    ours = canonical_ipv6(address.exploded.encode())
    assert canonical_ipv6(ours) == ours
    assert IPv6Address(ours.decode()) == address
    if b"." not in address.compressed.encode():
        assert ours == address.compressed.encode()


def test_ipv6_that_is_not_ascii() -> None:
    with pytest.raises(DecodeError):
        canonical_ipv6(b"\xff")


@given(st.integers(0, 2**32 - 1))
def test_every_ipv4_address_is_a_host(number: int) -> None:
    text = str(IPv4Address(number)).encode()
    assert parse_authority(text) == Authority(text)


@pytest.mark.parametrize(
    ("path", "expected", "segments", "trailing"),
    [
        (b"/", b"/", (), True),
        (b"/a", b"/a", ("a",), False),
        (b"/a/", b"/a/", ("a",), True),
        (b"/a/b.c", b"/a/b.c", ("a", "b.c"), False),
        (b"//", b"//", ("",), True),
        (b"/a//b", b"/a//b", ("a", "", "b"), False),
        (b"/%41%62", b"/Ab", ("Ab",), False),
        (b"/caf%C3%A9/", "/café/".encode(), ("café",), True),
        (b"/.", b"/", (), True),
        (b"/a/.", b"/a/", ("a",), True),
        (b"/a/..", b"/", (), True),
        (b"/a/./b", b"/a/b", ("a", "b"), False),
        (b"/a/b/../c", b"/a/c", ("a", "c"), False),
        (b"/a/%2e%2E/c", b"/c", ("c",), False),
        (b"/a/.%2e/", b"/", (), True),
        (b"/a/%2e", b"/a/", ("a",), True),
        (b"/...", b"/...", ("...",), False),
        (b"/.well-known/x", b"/.well-known/x", (".well-known", "x"), False),
        (b"/..a/b..", b"/..a/b..", ("..a", "b.."), False),
        (b"/a//..", b"/a/", ("a",), True),
        (b"/%252e%252e/", b"/%2e%2e/", ("%2e%2e",), True),
        (b"/%25", b"/%", ("%",), False),
        (b"/%20%3f%23", b"/ ?#", (" ?#",), False),
        (b"/a;b=c/|^`[]{}", b"/a;b=c/|^`[]{}", ("a;b=c", "|^`[]{}"), False),
        (b"/mid/content=5/../6", b"/mid/6", ("mid", "6"), False),  # RFC 3986 §5.2.4
        (b"/a/b/c/./../../g", b"/a/g", ("a", "g"), False),  # RFC 3986 §5.2.4
    ],
)
def test_paths(path: bytes, expected: bytes, segments: tuple[str, ...], trailing: bool) -> None:
    assert normalise_path(path) == expected
    assert path_segments(path) == PathSegments(segments, trailing)


@pytest.mark.parametrize(
    "path",
    [
        b"", b"a", b"*", b"/..", b"/a/../..", b"/%2e%2e", b"/../a", b"/a/../../b", b"/%2F", b"/a%2fb", b"/%5C", b"/a%5cb", b"/\\",
        b"/%00", b"/%1f",
        b"/%7F", b"/%c2%85", b"/%ff", b"/%c0%af", b"/%e0%80%af", b"/%ed%a0%80", b"/%f4%90%80%80", b"/%c3", b"/%c3a", b"/%", b"/%4", b"/%zz",
        b"/a?b", b"/a#b", b"/a b", b"/\xc3\xa9", b"/a\n", b"/%0a", b"/%80",
    ],
)  # fmt: skip
def test_paths_refused(path: bytes) -> None:
    for function in (normalise_path, path_segments):
        with pytest.raises(DecodeError):
            function(path)


_segments = st.lists(st.text(min_size=1, max_size=6) | st.sampled_from((".", "..", "a", "%2e", "...")), min_size=1, max_size=8)


@given(_segments)
def test_paths_agree_with_the_standard_library(segments: list[str]) -> None:
    try:
        path = ("/" + "/".join(quote(segment, safe="") for segment in segments)).encode()
        ours = normalise_path(path).decode()
    except (DecodeError, UnicodeEncodeError):
        return
    theirs = posixpath.normpath(unquote(path.decode()))
    assert ours.rstrip("/") == theirs.rstrip("/")


@given(st.text("/.a%2eEfF5cC0 \\é", max_size=30).map(lambda text: b"/" + text.encode()) | st.binary(max_size=30))
def test_a_decoded_path_is_harmless(path: bytes) -> None:
    try:
        result = path_segments(path)
    except DecodeError:
        with pytest.raises(DecodeError):
            normalise_path(path)
        return
    for segment in result.segments:
        assert segment not in (".", "..")
        assert not set(segment) & {"/", "\\", "\x00", "\n"}
    assert normalise_path(path).decode() == "/" + "/".join(result.segments) + ("/" if result.trailing_slash and result.segments else "")


@pytest.mark.parametrize(
    "function", [parse_origin_form, parse_absolute_form, parse_authority_form, parse_authority, lambda v: parse_target(b"GET", v)]
)
@given(value=st.binary(max_size=40) | st.text("ahtp:/[]%41.?#@09x", max_size=40).map(str.encode))
def test_only_declared_errors(function: Callable[[bytes], object], value: bytes) -> None:
    try:
        function(value)
    except DecodeError:
        pass


@pytest.mark.parametrize("piece", [b"a", b"/", b"%41", b".", b"/..", b"/.", b"a.", b"1.", b"0x.", b"::", b"%"])
def test_long_hostile_targets_are_read_in_linear_time(piece: bytes) -> None:
    for start in (b"", b"/", b"http://", b"["):
        for function in (parse_origin_form, parse_absolute_form, parse_authority, normalise_path):
            _accepted(function, start + piece * 30_000 + b"\x00")
            _accepted(function, start + piece * 30_000)
