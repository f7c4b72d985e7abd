# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.http.fields import (
    MAX_CONTENT_LENGTH,
    connection_options,
    content_length,
    is_field_value,
    is_token,
    parse_accept_list,
    parse_list,
    parse_parameters,
    parse_q_value,
    quote,
    unquote,
)
from tests.kit.vectors import extra_json

_TCHAR = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_tokens = st.text(_TCHAR.decode(), min_size=1, max_size=12).map(str.encode)
_texts = st.text("\t" + "".join(map(chr, range(0x20, 0x7F))) + "é", max_size=20).map(str.encode)


def test_every_octet_as_a_token() -> None:
    assert bytes(octet for octet in range(256) if is_token(bytes((octet,)))) == bytes(sorted(_TCHAR))
    assert not is_token(b"")
    assert not is_token(b"a b")


def test_every_octet_inside_a_field_value() -> None:
    inside = {octet for octet in range(256) if is_field_value(b"a%cb" % octet)}
    assert inside == {0x09} | set(range(0x20, 0x7F)) | set(range(0x80, 0x100))


@pytest.mark.parametrize("value", [b" a", b"a ", b"\ta", b"a\t", b" ", b"a\n", b"a\r\n b", b"a\x00"])
def test_values_that_are_no_field_values(value: bytes) -> None:
    assert not is_field_value(value)


@pytest.mark.parametrize("value", [b"", b"a", b"a b", b"a \t b", b"\xff"])
def test_values_that_are_field_values(value: bytes) -> None:
    assert is_field_value(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"foo,bar", [b"foo", b"bar"]),  # RFC 9110 §5.6.1.2, and the next two
        (b"foo ,bar,", [b"foo", b"bar"]),
        (b"foo , ,bar,charlie", [b"foo", b"bar", b"charlie"]),
        (b"", []),
        (b",", []),
        (b",   ,", []),
        (b" a\t", [b"a"]),
        (b'"a,b", c', [b'"a,b"', b"c"]),
        (b'x="a,\\",b";y , c="d"', [b'x="a,\\",b";y', b'c="d"']),
        (b'W/"x", "y"', [b'W/"x"', b'"y"']),
        (b'"a"', [b'"a"']),
    ],
)
def test_lists(value: bytes, expected: list[bytes]) -> None:
    assert parse_list(value) == expected


@pytest.mark.parametrize("value", [b'"', b'a,"b', b'"a\\"', b'"a\x00"', b'"a" "b'])
def test_a_quoted_string_that_does_not_end(value: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_list(value)


@pytest.mark.parametrize("value", [b",,,", b'"a",b,c,d'])
def test_too_many_elements(value: bytes) -> None:
    assert parse_list(value, 4) is not None
    with pytest.raises(LimitExceeded):
        parse_list(value, 3)


@given(st.lists(_tokens | _texts.map(quote), max_size=8))
def test_a_joined_list_splits_again(elements: list[bytes]) -> None:
    assert parse_list(b" ,\t".join(elements)) == elements


@given(_texts)
def test_quoting_round_trip(text: bytes) -> None:
    assert unquote(quote(text)) == text


def test_quoting_refuses_control_characters() -> None:
    for octet in {*range(0x20), 0x7F} - {0x09}:
        with pytest.raises(DecodeError):
            quote(b"a%c" % octet)


@pytest.mark.parametrize("value", [b"", b"a", b'"', b'"a', b'a"', b'"a"b', b'"a"b"', b'"\\"', b'"\x7f"', b'"\\\n"'])
def test_what_is_no_quoted_string(value: bytes) -> None:
    with pytest.raises(DecodeError):
        unquote(value)


def test_parameters() -> None:
    assert parse_parameters(b"") == []
    assert parse_parameters(b'; Charset="utf-8" ;a=b;; ;A=C \t') == [(b"charset", b"utf-8"), (b"a", b"b"), (b"a", b"C")]
    assert parse_parameters(b';x="a\\"b;c"') == [(b"x", b'a"b;c')]
    assert parse_parameters(b';x=""') == [(b"x", b"")]


@pytest.mark.parametrize("value", [b"x", b";x", b";x=", b";x =y", b";x= y", b";=y", b';x="y', b';x="y"z', b";x=y z", b";x=y\x00", b";x=y,"])
def test_malformed_parameters(value: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_parameters(value)


def test_too_many_parameters() -> None:
    assert parse_parameters(b";a=b" * 64) == [(b"a", b"b")] * 64
    with pytest.raises(LimitExceeded):
        parse_parameters(b";" * 65)


def test_content_length() -> None:
    assert content_length([b"0"]) == 0
    assert content_length([b"030"]) == 30
    assert content_length([b"9223372036854775807"]) == MAX_CONTENT_LENGTH


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b""],
        [b"1", b"1"],
        [b"1,1"],
        [b"1, 1"],
        [b"+1"],
        [b"-1"],
        [b" 1"],
        [b"1 "],
        [b"0x1"],
        [b"1_0"],
        [b"1e3"],
        ["١".encode()],
        [b"1\n"],
    ],
)
def test_content_length_refused(values: list[bytes]) -> None:
    with pytest.raises(DecodeError):
        content_length(values)


@pytest.mark.parametrize("value", [b"9223372036854775808", b"9" * 19, b"0" * 20, b"1" * 10_000])
def test_content_length_too_large(value: bytes) -> None:
    with pytest.raises(LimitExceeded):
        content_length([value])


def test_content_length_vectors() -> None:
    """The cases are a browser's expectations of a response; a server takes one plain number and refuses everything else."""
    cases = extra_json("http", "wpt-mime", "content-lengths.json")
    for case in cases:
        values = [line.split(":", 1)[1].strip(" \t").encode() for line in case["input"].split("\r\n")]
        if len(values) == 1 and values[0].isdigit():
            assert content_length(values) == case["output"], case["input"]
        else:
            with pytest.raises(DecodeError):
                content_length(values)


def test_q_values() -> None:
    for millis in range(1001):
        text = f"{millis // 1000}.{millis % 1000:03}"
        assert parse_q_value(text.encode()) == millis
        assert parse_q_value(text.rstrip("0").encode()) == millis
        assert parse_q_value(text.rstrip("0").rstrip(".").encode() or b"0") == millis


@pytest.mark.parametrize("value", [b"", b"1.001", b"2", b"0.1234", b".5", b"-0", b"00", b"1.0000", b" 1", b"0,5", b"01", b"1e0"])
def test_what_is_no_q_value(value: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_q_value(value)


def test_accept_lists_of_the_rfc() -> None:
    assert parse_accept_list(b"audio/*; q=0.2, audio/basic") == [(b"audio/*", [], 200), (b"audio/basic", [], 1000)]
    assert parse_accept_list(b"text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5") == [
        (b"text/*", [], 300),
        (b"text/plain", [], 700),
        (b"text/plain", [(b"format", b"flowed")], 1000),
        (b"text/plain", [(b"format", b"fixed")], 400),
        (b"*/*", [], 500),
    ]
    assert parse_accept_list(b"gzip;q=1.0, identity; q=0.5, *;q=0") == [(b"gzip", [], 1000), (b"identity", [], 500), (b"*", [], 0)]
    assert parse_accept_list(b"da, en-GB;Q=0.8, en;q=0.7") == [(b"da", [], 1000), (b"en-gb", [], 800), (b"en", [], 700)]
    assert parse_accept_list(b"a/b;x=y;q=0.5;ext=1") == [(b"a/b", [(b"x", b"y")], 500)]
    assert parse_accept_list(b"") == []


@pytest.mark.parametrize("value", [b"/", b"a/", b"a;q=2", b"a b", b"a;q", b"@", b'"a"', b"a/b/c"])
def test_malformed_accept_lists(value: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_accept_list(value)


def test_connection_options() -> None:
    assert connection_options([]) == frozenset()
    assert connection_options([b"keep-alive"]) == {b"keep-alive"}
    assert connection_options([b"close", b"Upgrade"]) == {b"close", b"upgrade"}
    assert connection_options([b"Keep-Alive, HTTP2-Settings", b"", b"TE"]) == {b"keep-alive", b"http2-settings", b"te"}
    with pytest.raises(DecodeError):
        connection_options([b"close", b"a b"])


@pytest.mark.parametrize(
    "function",
    [
        parse_list,
        unquote,
        quote,
        parse_parameters,
        parse_q_value,
        parse_accept_list,
        lambda v: content_length([v]),
        lambda v: connection_options([v]),
    ],
)
@given(value=st.binary(max_size=40) | st.text('a,";\\/=q01. \t', max_size=40).map(str.encode))
def test_only_declared_errors(function: Callable[[bytes], object], value: bytes) -> None:
    try:
        function(value)
    except (DecodeError, LimitExceeded):
        pass


@pytest.mark.parametrize("function", [parse_list, unquote, parse_parameters, parse_accept_list, is_field_value])
@pytest.mark.parametrize("piece", [b"\\", b'"', b'\\"', b" ", b"a", b'a"', b";a", b'a"b",', b" \t"])
def test_long_hostile_values_are_read_in_linear_time(function: Callable[[bytes], object], piece: bytes) -> None:
    for value in (piece * 40_000, b'"' + piece * 40_000, b'a;x="' + piece * 40_000 + b"\x00"):
        try:
            function(value)
        except (DecodeError, LimitExceeded):
            pass
