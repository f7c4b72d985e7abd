# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.http.conditional import MAX_ETAGS, ETag, Outcome, evaluate, if_range_matches, parse_etag, parse_etag_list
from sws.proto.http.date import format_http_date
from tests.kit.vectors import load_vectors

_OUTCOMES = {"proceed": Outcome.PROCEED, 304: Outcome.NOT_MODIFIED, 412: Outcome.PRECONDITION_FAILED}
_NOW = 1_700_000_000
_opaque = st.lists(st.integers(0x21, 0xFF).filter(lambda octet: octet not in (0x22, 0x7F)), max_size=10).map(bytes)
_etags = st.builds(ETag, _opaque, st.booleans())


def test_comparison_table() -> None:
    for case in load_vectors("http", "etag_comparison", keys=("first", "second")):
        first, second = parse_etag(bytes.fromhex(case["first"])), parse_etag(bytes.fromhex(case["second"]))
        for one, other in ((first, second), (second, first)):
            assert one.strongly_matches(other) is case["result"]["strong"], case["id"]
            assert one.weakly_matches(other) is case["result"]["weak"], case["id"]


def test_precedence_vectors() -> None:
    for case in load_vectors("http", "conditional", keys=("method", "fields", "etag", "last_modified", "exists")):
        fields: dict[bytes, list[bytes]] = {}
        for name, value in case["fields"]:
            fields.setdefault(bytes.fromhex(name), []).append(bytes.fromhex(value))
        etag = None if case["etag"] is None else parse_etag(bytes.fromhex(case["etag"]))
        outcome = evaluate(
            bytes.fromhex(case["method"]),
            lambda name, fields=fields: fields.get(name, ()),
            etag,
            case["last_modified"],
            _NOW,
            case["exists"],
        )
        assert outcome is _OUTCOMES[case["result"]], case["id"]


@given(_etags)
def test_etag_round_trip(etag: ETag) -> None:
    assert parse_etag(bytes(etag)) == etag


@given(st.lists(_etags, min_size=1, max_size=8), st.sampled_from((b",", b", ", b" ,\t", b",,", b", ,")))
def test_etag_list_round_trip(etags: list[ETag], separator: bytes) -> None:
    assert parse_etag_list(separator.join(map(bytes, etags))) == etags


def test_etag_lists() -> None:
    assert parse_etag_list(b" * ") is None
    assert parse_etag_list(b'"xyzzy", "r2d2xxxx", "c3piozzzz"') == [ETag(b"xyzzy"), ETag(b"r2d2xxxx"), ETag(b"c3piozzzz")]
    assert parse_etag_list(b'W/"xyzzy", W/"r2d2xxxx"') == [ETag(b"xyzzy", True), ETag(b"r2d2xxxx", True)]


@pytest.mark.parametrize("value", [b"", b"a", b'"', b'"a', b'w/"a"', b'W"a"', b'"a" ', b'"a b"', b'"a""b"', b"*", b'"\x7f"', b'"a"\n'])
def test_what_is_no_etag(value: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_etag(value)


@pytest.mark.parametrize("value", [b"", b",", b" , ", b"a", b'"a" "b"', b'"a', b'*, "a"', b"*,", b'"a",b', b'"a b"'])
def test_what_is_no_etag_list(value: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_etag_list(value)


def test_too_many_etags() -> None:
    parse_etag_list(b'"a"' + b"," * (MAX_ETAGS - 1))
    with pytest.raises(LimitExceeded):
        parse_etag_list(b'"a",' * (MAX_ETAGS + 1))


_LAST_MODIFIED = 784_111_777
_DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("value", "etag", "last_modified", "date", "expected"),
    [
        (b'"a"', ETag(b"a"), None, _NOW, True),
        (b'"b"', ETag(b"a"), None, _NOW, False),
        (b'W/"a"', ETag(b"a"), None, _NOW, False),
        (b'"a"', ETag(b"a", True), None, _NOW, False),
        (b'"a"', None, _LAST_MODIFIED, _NOW, False),
        (_DATE, None, _LAST_MODIFIED, _NOW, True),
        (_DATE, ETag(b"a"), _LAST_MODIFIED, _NOW, True),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", None, _LAST_MODIFIED, _NOW, True),
        (_DATE, None, _LAST_MODIFIED - 1, _NOW, False),
        (_DATE, None, _LAST_MODIFIED + 1, _NOW, False),
        (_DATE, None, None, _NOW, False),
        (_DATE, None, _LAST_MODIFIED, _LAST_MODIFIED, False),
        (_DATE, None, _LAST_MODIFIED, _LAST_MODIFIED + 1, True),
        (b"", ETag(b"a"), _LAST_MODIFIED, _NOW, False),
        (b'"a", "b"', ETag(b"a"), _LAST_MODIFIED, _NOW, False),
        (b"*", ETag(b"a"), _LAST_MODIFIED, _NOW, False),
    ],
)
def test_if_range(value: bytes, etag: ETag | None, last_modified: int | None, date: int, expected: bool) -> None:
    assert if_range_matches(value, etag, last_modified, date) is expected


@given(
    st.sampled_from((b"GET", b"HEAD", b"PUT", b"OPTIONS")),
    st.dictionaries(
        st.sampled_from((b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since")),
        st.lists(st.binary(max_size=12) | st.just(_DATE) | st.text('*"aW/, ', max_size=12).map(str.encode), max_size=2),
    ),
    st.none() | _etags,
    st.none() | st.just(_LAST_MODIFIED),
    st.booleans(),
)
def test_evaluation_never_raises(
    method: bytes, fields: dict[bytes, list[bytes]], etag: ETag | None, last_modified: int | None, exists: bool
) -> None:
    outcome = evaluate(method, lambda name: fields.get(name, ()), etag, last_modified, _NOW, exists)
    assert outcome is not Outcome.NOT_MODIFIED or method in (b"GET", b"HEAD")


@given(st.binary(max_size=30), st.integers(0, _NOW))
def test_if_range_never_raises(value: bytes, last_modified: int) -> None:
    if_range_matches(value, ETag(b"a"), last_modified, _NOW)
    assert if_range_matches(format_http_date(last_modified), None, last_modified, _NOW + 1)
