# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import base64
import codecs
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.proto.http.mimesniff import (
    DataUrl,
    MimeType,
    extract_mime_type,
    forgiving_base64_decode,
    parse_data_url,
    parse_mime_type,
    serialise_mime_type,
    split_field_values,
)
from tests.kit.vectors import extra_json

_texts = st.text('ab/;="\\, \t\n\x00\x7fé', max_size=30) | st.text(max_size=20)


def _serialised(mime_type: MimeType | None) -> str | None:
    return None if mime_type is None else serialise_mime_type(mime_type)


def _codec(label: str | None) -> str | None:
    """The standard library's name of an encoding label (WHATWG Encoding: white space around a label does not count)."""
    label = (label or "").strip("\t\n\f\r ")
    try:
        return codecs.lookup(label).name if re.fullmatch(r"[A-Za-z0-9]+(?:[-_:.][A-Za-z0-9]+)*", label) else None
    except LookupError:
        return None


def _encoding_agrees(mime_type: MimeType | None, case: dict[str, Any]) -> bool:
    return "encoding" not in case or _codec(mime_type.parameters.get("charset") if mime_type else None) == _codec(case["encoding"])


@pytest.mark.parametrize("name", ["mime-types.json", "generated-mime-types.json"])
def test_mime_type_cases(name: str) -> None:
    for case in extra_json("http", "wpt-mime", name):
        if isinstance(case, dict):
            mime_type = parse_mime_type(case["input"])
            assert _serialised(mime_type) == case["output"], case
            assert _encoding_agrees(mime_type, case), case


def test_content_type_cases() -> None:
    for case in extra_json("http", "wpt-mime", "content-types.json"):
        mime_type = extract_mime_type(case["input"])
        assert _serialised(mime_type) == case["mimeType"], case
        assert _encoding_agrees(mime_type, case), case


def test_base64_cases() -> None:
    for text, octets in extra_json("http", "wpt-mime", "base64.json"):
        assert forgiving_base64_decode(text) == (None if octets is None else bytes(octets)), text


def test_data_url_cases() -> None:
    for url, mime_type, *body in extra_json("http", "wpt-mime", "data-urls.json"):
        data = parse_data_url(url)
        if mime_type is None:
            assert data is None, url
        else:
            assert data is not None, url
            assert (serialise_mime_type(data.mime_type), data.body) == (mime_type, bytes(body[0])), url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text/html", "text/html"), ("TEXT/HTML;A=B", "text/html;a=B"), (" text/html ; a=b ", "text/html;a=b"),
        ("text/html;a", "text/html"),
        ("text/html;a=", "text/html"), ('text/html;a=""', 'text/html;a=""'), ('text/html;a="b"c;d=e', "text/html;a=b;d=e"),
        ('text/html;a="\\', 'text/html;a="\\\\"'), ('text/html;a="b', "text/html;a=b"), ("text/html;a=b;a=c", "text/html;a=b"),
        ("text/html;a=\u0100", "text/html"), ("text/html;é=b", "text/html"), ("K/\u212a", None), ("a", None), ("", None), ("/b", None),
        ("a/", None),
    ],
)  # fmt: skip
def test_parsing(text: str, expected: str | None) -> None:
    assert _serialised(parse_mime_type(text)) == expected


def test_lower_case_is_of_ascii_only() -> None:
    assert parse_mime_type("a/b;\u212a=c;K=d") == MimeType("a", "b", {"k": "d"})


def test_extraction() -> None:
    assert extract_mime_type([]) is None
    assert extract_mime_type(["*/*", "bad"]) is None
    assert _serialised(extract_mime_type(["text/html;charset=a", "text/html;charset=b"])) == "text/html;charset=b"
    assert _serialised(extract_mime_type(["text/html", "text/html;x=y"])) == "text/html;x=y"
    assert _serialised(extract_mime_type(["text/html;charset=a, text/html;x=y"])) == "text/html;x=y;charset=a"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a,,b"], ["a", "", "b"]),
        ([""], [""]),
        (['"a,b" , c'], ['"a,b"', "c"]),
        (['"a,b'], ['"a,b']),
        ([","], ["", ""]),
        (['"\\",",a'], ['"\\","', "a"]),
    ],
)
def test_splitting(values: list[str], expected: list[str]) -> None:
    assert split_field_values(values) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http:,a", None), ("data", None), ("data:;base64,!", None), ("data:;base64,A", None), ("data://h/,X", b"X"),
        ("data://[::1]:1/,X", b"X"),
        ("data://[::1/,X", None), ("data://h:x,X", None), ("data:text/plain,a?b c", b"a?b c"), (" DATA:,a\tb\nc ", b"abc"),
        ("data:,é", "é".encode()),
        ("data:,a?é#x", "a?é".encode()), ("data:,\ud800", b"?"),
    ],
)  # fmt: skip
def test_data_urls(url: str, expected: bytes | None) -> None:
    data = parse_data_url(url)
    assert (None if data is None else data.body) == expected


def test_data_url_with_base64() -> None:
    assert parse_data_url("data:image/png ;  base64 ,aGk") == DataUrl(MimeType("image", "png"), b"hi")
    assert parse_data_url("data:image/png; Base64,a%47k=") == DataUrl(MimeType("image", "png"), b"hi")


@given(st.binary(max_size=20), st.booleans())
def test_base64_round_trip(octets: bytes, padded: bool) -> None:
    text = base64.b64encode(octets).decode()
    assert forgiving_base64_decode(text if padded else text.rstrip("=")) == octets


@given(_texts)
def test_no_text_raises_and_serialising_is_stable(text: str) -> None:
    forgiving_base64_decode(text)
    parse_data_url("data:" + text)
    split_field_values([text])
    mime_type = parse_mime_type(text)
    if mime_type is not None:
        assert parse_mime_type(serialise_mime_type(mime_type)) == mime_type
        assert extract_mime_type([text]) is not None or mime_type.essence == "*/*" or "," in text


@pytest.mark.parametrize("piece", ['"', "\\", '\\"', ";", "a=", ',"', "a/b;", '";', " ", "%41", "="])
def test_long_hostile_texts_are_read_in_linear_time(piece: str) -> None:
    for text in (piece * 20_000, 'a/b;c="' + piece * 20_000, "a/b;" + piece * 20_000):
        parse_mime_type(text)
        extract_mime_type([text])
        forgiving_base64_decode(text)
        parse_data_url("data:" + text + ",")
