# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, UsageError
from sws.proto.http.url import (
    PATH_SAFE,
    UNRESERVED,
    Uri,
    normalise_uri,
    parse_uri,
    percent_decode,
    percent_encode,
    remove_dot_segments,
    resolve_reference,
)
from tests.kit.vectors import load_vectors


def test_resolution_examples() -> None:
    for case in load_vectors("http", "references", keys=("base", "reference")):
        base, reference = parse_uri(bytes.fromhex(case["base"])), parse_uri(bytes.fromhex(case["reference"]))
        assert bytes(resolve_reference(base, reference)) == bytes.fromhex(case["result"]), case["id"]


def test_components_of_the_rfc() -> None:
    """RFC 3986 §3."""
    assert parse_uri(b"foo://example.com:8042/over/there?name=ferret#nose") == Uri(
        b"foo", None, b"example.com", 8042, b"/over/there", b"name=ferret", b"nose"
    )
    assert parse_uri(b"urn:example:animal:ferret:nose") == Uri(b"urn", path=b"example:animal:ferret:nose")


@pytest.mark.parametrize(
    "text",  # RFC 3986 §1.1.2 and others
    [
        b"ftp://ftp.is.co.za/rfc/rfc1808.txt", b"http://www.ietf.org/rfc/rfc2396.txt", b"ldap://[2001:db8::7]/c=GB?objectClass?one",
        b"mailto:John.Doe@example.com", b"news:comp.infosystems.www.servers.unix", b"tel:+1-816-555-1212", b"telnet://192.0.2.16:80/",
        b"urn:oasis:names:specification:docbook:dtd:xml:4.1.2", b"", b"#", b"?", b"//", b"//u:p:q@h", b"/a", b"a/b:c", b"./a:b", b"x://[v1F.a:b]/",
        b"a:/.//b", b"//%41:0",
    ],
)  # fmt: skip
def test_recomposition(text: bytes) -> None:
    assert bytes(parse_uri(text)) == text


def test_recomposition_never_makes_an_authority_of_a_path() -> None:
    assert bytes(Uri(b"a", path=b"//b")) == b"a:/.//b"


def test_ports() -> None:
    assert parse_uri(b"//h:").port is None
    assert parse_uri(b"//h:00080").port == 80
    assert parse_uri(b"//h:000").port == 0
    assert parse_uri(b"//h:65535").port == 65535


@pytest.mark.parametrize(
    "text",
    [
        b":a", b"1a:b", b"a b", b"/%", b"/%4", b"/%gg", b"?%", b"#%", b"#a#b", b"/[", b"?[", b"/\\", b"/\xc3\xa9", b"//h:x", b"//h:65536",
        b"//h:999999999999999999", b"//a@b@c", b"//[::1", b"//[::1]a", b"//[1::2::3]", b"//[g::]", b"//[v.a]", b"//[::1%25a]", b"//h%",
        b"a\n", b"a^b:c",
        b"{:a",
    ],
)  # fmt: skip
def test_what_is_no_uri(text: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_uri(text)


def test_resolution_beyond_the_examples() -> None:
    assert resolve_reference(parse_uri(b"http://a?q"), parse_uri(b"g")) == Uri(b"http", host=b"a", path=b"/g")
    assert resolve_reference(parse_uri(b"urn:a:b"), parse_uri(b"g")) == Uri(b"urn", path=b"g")
    with pytest.raises(UsageError):
        resolve_reference(parse_uri(b"/a"), parse_uri(b"g"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/a/b/c/./../../g", b"/a/g"),  # RFC 3986 §5.2.4, and the next
        (b"mid/content=5/../6", b"mid/6"),
        (b"", b""), (b".", b""), (b"..", b""), (b"./", b""), (b"../", b""), (b"../../a", b"a"), (b".//a", b"/a"), (b"a/..", b"/"),
        (b"a/../b", b"/b"),
        (b"/..", b"/"), (b"/.", b"/"), (b"/../../a", b"/a"), (b"/a/.", b"/a/"), (b"/a/..", b"/"), (b"//..", b"/"),
        (b"/a//../b", b"/a/b"), (b"a/.", b"a/"),
        (b"...", b"..."), (b"/a/b", b"/a/b"), (b"./..", b""),
    ],
)  # fmt: skip
def test_dot_segments(path: bytes, expected: bytes) -> None:
    assert remove_dot_segments(path) == expected


def _remove_dot_segments_as_printed(path: bytes) -> bytes:
    """RFC 3986 §5.2.4, step by step."""
    out = b""
    while path:
        if path.startswith((b"../", b"./")):  # A
            path = path.partition(b"/")[2]
        elif path.startswith(b"/./") or path == b"/.":  # B
            path = b"/" + path[3:]
        elif path.startswith(b"/../") or path == b"/..":  # C
            path = b"/" + path[4:]
            out = out[: max(0, out.rfind(b"/"))]
        elif path in (b".", b".."):  # D
            path = b""
        else:  # E
            end = path.find(b"/", 1)
            end = len(path) if end < 0 else end
            out, path = out + path[:end], path[end:]
    return out


@given(st.lists(st.sampled_from((b"/", b".", b"..", b"a", b"/", b"bc")), max_size=12).map(b"".join))
def test_dot_segments_agree_with_the_printed_algorithm(path: bytes) -> None:
    assert remove_dot_segments(path) == _remove_dot_segments_as_printed(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"eXAMPLE://a/./b/../b/%63/%7bfoo%7d", b"example://a/b/c/%7Bfoo%7D"),  # RFC 3986 §6.2.2
        (b"HTTP://www.EXAMPLE.com/", b"http://www.example.com/"),
        (b"http://example.com", b"http://example.com/"),  # RFC 3986 §6.2.3, and the next two
        (b"http://example.com:/", b"http://example.com/"),
        (b"http://example.com:80/", b"http://example.com/"),
        (b"http://example.com:443", b"http://example.com:443/"),
        (b"foo://example.com:80", b"foo://example.com:80"),
        (b"http://%45x%c3%a9/", b"http://ex%C3%A9/"),
        (b"http://[2001:DB8:0::1]/", b"http://[2001:db8::1]/"),
        (b"http://[V1.A]/", b"http://[v1.a]/"),
        (b"a://%7eu@h/%2e%2E/b?%7E#%7e%2f", b"a://~u@h/b?~#~%2F"),
        (b"http:a", b"http:a"),
        (b"../%61", b"../a"),
    ],
)
def test_normalisation(text: bytes, expected: bytes) -> None:
    assert bytes(normalise_uri(parse_uri(text))) == expected
    assert bytes(normalise_uri(parse_uri(expected))) == expected


@given(st.binary(max_size=30))
def test_percent_encoding_agrees_with_the_standard_library(value: bytes) -> None:
    assert percent_encode(value) == quote(value, safe="").encode()
    assert percent_encode(value, PATH_SAFE) == quote(value, safe="!$&'()*+,;=:@/").encode()
    assert percent_decode(percent_encode(value)) == value
    assert percent_decode(value) == unquote_to_bytes(value)


def test_nothing_to_encode_or_decode() -> None:
    assert percent_encode(UNRESERVED) is UNRESERVED
    assert percent_decode(b"a%zz%4%41%") == b"a%zz%4A%"


_uris = st.text("ahttp:/[]%41.?#@", max_size=30).map(str.encode)


@given(st.binary(max_size=30) | _uris)
def test_only_declared_errors(text: bytes) -> None:
    try:
        uri = parse_uri(text)
    except DecodeError:
        return
    assert parse_uri(bytes(uri)) == uri
    once = normalise_uri(uri)
    assert normalise_uri(once) == once
    resolved = resolve_reference(Uri(b"http", host=b"a", path=b"/b/c"), uri)
    assert parse_uri(bytes(resolved)).host == resolved.host


@pytest.mark.parametrize("function", [parse_uri, remove_dot_segments, percent_decode])
@pytest.mark.parametrize("piece", [b"a", b"/", b"%41", b".", b"../", b"/..", b":", b"@", b"a:", b"%", b"?", b"#"])
def test_long_hostile_texts_are_read_in_linear_time(function: Callable[[bytes], object], piece: bytes) -> None:
    for start in (b"", b"//", b"/"):
        try:
            function(start + piece * 30_000 + b"\x00")
        except DecodeError:
            pass
