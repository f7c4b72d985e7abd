# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.http.media_type import MediaType, parse_media_type
from sws.proto.http.mimesniff import parse_mime_type
from sws.proto.http.types import CONTENT_TYPES, DEFAULT_CONTENT_TYPE, content_type_for

_tokens = st.text("abcxyz019!#-.+", min_size=1, max_size=8).map(str.encode)
_values = st.text('aB "\\;,=/\té', max_size=8).map(lambda text: text.encode("latin-1"))


@pytest.mark.parametrize(
    "text",  # RFC 9110 §8.3.1: all equivalent
    [b"text/html;charset=utf-8", b'Text/HTML;Charset="utf-8"', b'text/html; charset="utf-8"', b"text/html ;; charset=utf-8;"],
)
def test_spellings_of_the_same_type(text: bytes) -> None:
    media_type = parse_media_type(text)
    assert media_type == MediaType(b"text", b"html", ((b"charset", b"utf-8"),))
    assert media_type.essence == b"text/html"
    assert media_type.parameter(b"charset") == b"utf-8"
    assert media_type.parameter(b"boundary") is None
    assert bytes(media_type) == b"text/html;charset=utf-8"


def test_without_parameters() -> None:
    assert parse_media_type(b"Application/JSON") == MediaType(b"application", b"json")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"text",
        b"text/",
        b"/html",
        b"text /html",
        b"text/ html",
        b"text/html,",
        b"text/html;a",
        b"text/html;a=b;A=c",
        b" text/html",
        b"text/html x",
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_media_type(text)


@given(_tokens, _tokens, st.dictionaries(_tokens, _values, max_size=4))
def test_round_trip(kind: bytes, subtype: bytes, parameters: dict[bytes, bytes]) -> None:
    media_type = MediaType(kind, subtype, tuple(parameters.items()))
    assert parse_media_type(bytes(media_type)) == media_type


@given(st.binary(max_size=30) | st.text('ab/;="\\, ', max_size=30).map(str.encode))
def test_only_declared_errors_and_agreement_with_browsers(text: bytes) -> None:
    try:
        strict = parse_media_type(text)
    except (DecodeError, LimitExceeded):
        return
    lenient = parse_mime_type(text.decode("latin-1"))
    assert lenient is not None
    assert lenient.essence.encode() == strict.essence
    assert {name.decode(): value.decode("latin-1") for name, value in strict.parameters if value} == {
        k: v for k, v in lenient.parameters.items() if v
    }


def test_the_table() -> None:
    assert 110 <= len(CONTENT_TYPES) <= 200
    for extension, value in CONTENT_TYPES.items():
        media_type = parse_media_type(value)
        assert extension == extension.lower()
        assert (media_type.parameter(b"charset") == b"utf-8") == (media_type.type == b"text")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("index.html", b"text/html; charset=utf-8"), ("a/b.c/x.JS", b"text/javascript; charset=utf-8"),
        ("m.mjs", b"text/javascript; charset=utf-8"),
        ("x.Png", b"image/png"), ("app.wasm", b"application/wasm"), ("f.woff2", b"font/woff2"),
        ("site.webmanifest", b"application/manifest+json"),
        ("a.tar.gz", b"application/gzip"), ("favicon.ico", b"image/vnd.microsoft.icon"), ("x.svg", b"image/svg+xml"),
        ("d.json", b"application/json"),
        ("README", DEFAULT_CONTENT_TYPE), (".html", DEFAULT_CONTENT_TYPE), ("a/.css", DEFAULT_CONTENT_TYPE),
        ("a.b/c", DEFAULT_CONTENT_TYPE),
        ("x.", DEFAULT_CONTENT_TYPE), ("x.unknown", DEFAULT_CONTENT_TYPE), ("", DEFAULT_CONTENT_TYPE),
    ],
)  # fmt: skip
def test_names(name: str, expected: bytes) -> None:
    assert content_type_for(name) == expected


def test_the_table_is_the_callers_to_extend() -> None:
    assert content_type_for("a.X", {**CONTENT_TYPES, "x": b"a/b"}) == b"a/b"
    assert content_type_for("a.y", {}, b"text/plain") == b"text/plain"
