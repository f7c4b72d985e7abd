# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import json
from base64 import b32decode
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, UsageError
from sws.proto.http.structured import (
    BareItem,
    Date,
    DisplayString,
    InnerList,
    Item,
    Member,
    Parameters,
    Token,
    parse_dictionary,
    parse_item,
    parse_list,
    serialise_dictionary,
    serialise_item,
    serialise_list,
)
from tests.kit.vectors import extra_vectors

# ---- the third-party cases ------------------------------------------------------------------------------------------------------------

_PARSE: dict[str, Callable[[list[bytes]], Any]] = {"item": parse_item, "list": parse_list, "dictionary": parse_dictionary}
_SERIALISE: dict[str, Callable[[Any], bytes]] = {"item": serialise_item, "list": serialise_list, "dictionary": serialise_dictionary}
_PARSING = [
    "binary", "boolean", "date", "dictionary", "display-string", "examples", "item", "key-generated", "large-generated", "list", "listlist",
    "number-generated", "number", "param-dict", "param-list", "param-listlist", "string-generated", "string", "token-generated", "token",
]  # fmt: skip
_SERIALISING = ["serialise_key-generated", "serialise_number", "serialise_string-generated", "serialise_token-generated"]


def _bare(value: Any) -> BareItem:
    """A bare item from the form that the cases write it in."""
    if not isinstance(value, dict):
        bare: BareItem = value
        return bare
    kind, text = value["__type"], value["value"]
    if kind == "binary":
        return b32decode(text)
    return {"token": Token, "date": Date, "displaystring": DisplayString}[kind](text)


def _parameters(pairs: list[Any]) -> Parameters:
    return {key: _bare(value) for key, value in pairs}


def _member(value: list[Any]) -> Member:
    inner, parameters = value
    if isinstance(inner, list):
        return InnerList([Item(_bare(bare), _parameters(pairs)) for bare, pairs in inner], _parameters(parameters))
    return Item(_bare(inner), _parameters(parameters))


def _field(kind: str, value: list[Any]) -> Any:
    if kind == "item":
        return _member(value)
    return [_member(member) for member in value] if kind == "list" else {key: _member(member) for key, member in value}


def _cases(name: str) -> list[dict[str, Any]]:
    path = extra_vectors("http", "structured-fields", f"{name}.json")
    cases: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return cases


def _check_parsing(case: dict[str, Any]) -> str | None:
    """What is wrong with how we read and write a case, or None."""
    kind = case["header_type"]
    try:
        value = _PARSE[kind]([line.encode() for line in case["raw"]])
    except DecodeError:
        return None if case.get("must_fail") or case.get("can_fail") else "refused"
    if case.get("must_fail"):
        return f"accepted as {value}"
    expected = _field(kind, case["expected"])
    if value != expected:  # True == 1 here, but they are not written alike below
        return f"{value} instead of {expected}"
    canonical = ", ".join(case.get("canonical", case["raw"])).encode()
    written = _SERIALISE[kind](value)
    return None if written == canonical else f"written as {written!r}"


def _check_serialising(case: dict[str, Any]) -> str | None:
    kind = case["header_type"]
    try:
        written = _SERIALISE[kind](_field(kind, case["expected"]))
    except UsageError:
        return None if case.get("must_fail") or case.get("can_fail") else "refused"
    if case.get("must_fail"):
        return f"written as {written!r}"
    return None if written == ", ".join(case["canonical"]).encode() else f"written as {written!r}"


@pytest.mark.parametrize("name", _PARSING)
def test_parsing_cases(name: str) -> None:
    failures = [(case["name"], wrong) for case in _cases(name) if (wrong := _check_parsing(case)) is not None]
    assert failures == []


@pytest.mark.parametrize("name", _SERIALISING)
def test_serialising_cases(name: str) -> None:
    failures = [(case["name"], wrong) for case in _cases(name) if (wrong := _check_serialising(case)) is not None]
    assert failures == []


def test_every_file_of_cases_is_run() -> None:
    present = {path.stem for path in extra_vectors("http", "structured-fields").glob("*.json")}
    assert present == {*_PARSING, *_SERIALISING}


# ---- the RFC's own examples -----------------------------------------------------------------------------------------------------------


def test_examples_of_the_rfc() -> None:
    """RFC 9651 §3.1 to §3.3."""
    assert parse_list(b"sugar, tea, rum") == [Item(Token("sugar")), Item(Token("tea")), Item(Token("rum"))]
    assert parse_list([b"sugar, tea", b"rum"]) == parse_list(b"sugar, tea, rum")
    assert parse_list(b'("foo" "bar"), ("baz"), ("bat" "one"), ()') == [
        InnerList([Item("foo"), Item("bar")]), InnerList([Item("baz")]), InnerList([Item("bat"), Item("one")]), InnerList([])
    ]  # fmt: skip
    assert parse_list(b'abc;a=1;b=2; cde_456, (ghi;jk=4 l);q="9";r=w') == [
        Item(Token("abc"), {"a": 1, "b": 2, "cde_456": True}),
        InnerList([Item(Token("ghi"), {"jk": 4}), Item(Token("l"))], {"q": "9", "r": Token("w")}),
    ]
    assert parse_dictionary(b'en="Applepie", da=:w4ZibGV0w6ZydGU=:') == {"en": Item("Applepie"), "da": Item("Æbletærte".encode())}
    assert parse_dictionary(b"a=?0, b, c; foo=bar") == {"a": Item(False), "b": Item(True), "c": Item(True, {"foo": Token("bar")})}
    assert parse_item(b'2; foourl="https://foo.example.com/"') == Item(2, {"foourl": "https://foo.example.com/"})
    assert parse_item(b"4.5") == Item(Decimal("4.5"))
    assert parse_item(b"foo123/456") == Item(Token("foo123/456"))
    assert parse_item(b":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:") == Item(b"pretend this is binary content.")
    assert parse_item(b"@1659578233") == Item(Date(1659578233))
    assert parse_item(b'%"This is intended for display to %c3%bcsers."') == Item(DisplayString("This is intended for display to üsers."))


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"a b", b"1 2", b"-", b"1.", b"1.2345", b"1234567890123.1", b"1234567890123456", b"1..2",
        b"1.2.3", b'"', b'"\\a"', b'"\x7f"', b":a:",
        b":aa=:", b":a=a:", b":aaaa", b":a!:", b"?", b"?2", b"@", b"@1.5", b"@a", b"%", b'%"%C3"', b'%"%c3"', b'%"%"', b'%"a', b"a;",
        b"a;A", b"a;b=", b"a;b= 1",
        b"a ;b", b"\ta", b"a\t", b"a,", b"\xff", b"#", b"=",
    ],
)  # fmt: skip
def test_what_is_no_item(text: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_item(text)


@pytest.mark.parametrize(
    "text", [b",", b"a,", b"a, ", b"a,,b", b"a b", b"(", b"(a", b"(a,b)", b"(a b", b'("a""b")', b"(a)b", b"()(", b"((a))", b"(a\tb)", b")"]
)
def test_what_is_no_list(text: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_list(text)


@pytest.mark.parametrize("text", [b",", b"a,", b"A", b"a=", b"a= 1", b"a =1", b"a=1 b=2", b"1", b"a=1,,b", b"a=(1", b"a;=1"])
def test_what_is_no_dictionary(text: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_dictionary(text)


def test_white_space() -> None:
    assert parse_list(b"  a \t,\t b  ") == [Item(Token("a")), Item(Token("b"))]
    assert parse_list(b"a\t") == [Item(Token("a"))]
    assert parse_list(b"(  a   b  )") == [InnerList([Item(Token("a")), Item(Token("b"))])]
    assert parse_list(b"") == []
    assert parse_dictionary(b"  ") == {}


# ---- writing --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("0.0015"), b"0.002"), (Decimal("0.0025"), b"0.002"), (Decimal("-1"), b"-1.0"), (Decimal("1E+3"), b"1000.0"),
        (Decimal("999999999999.999"), b"999999999999.999"),
        (Date(-1), b"@-1"), (True, b"?1"), (False, b"?0"), ('a"\\', b'"a\\"\\\\"'), (DisplayString('%"\x00é~'), b'%"%25%22%00%c3%a9~"'),
        (b"", b"::"),
    ],
)  # fmt: skip
def test_writing(value: BareItem, expected: bytes) -> None:
    assert serialise_item(Item(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        10**15, -(10**15), Decimal("1E12"), Decimal("999999999999.9996"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E99"), "é",
        "a\n", Token(""), Token("1"),
        Token("a b"), Date(10**15), DisplayString("\ud800"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(value: BareItem) -> None:
    with pytest.raises(UsageError):
        serialise_item(Item(value))


@pytest.mark.parametrize("key", ["", "A", "1", "a b", "é"])
def test_keys_that_cannot_be_written(key: str) -> None:
    with pytest.raises(UsageError):
        serialise_dictionary({key: Item(1)})
    with pytest.raises(UsageError):
        serialise_item(Item(1, {key: 1}))


def test_empty_containers_write_nothing() -> None:
    assert serialise_list([]) == serialise_dictionary({}) == b""


# ---- properties -----------------------------------------------------------------------------------------------------------------------

_scalar_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_bare_items = (
    st.integers(-(10**15) + 1, 10**15 - 1)
    | st.integers(-(10**15) + 1, 10**15 - 1).map(lambda number: Decimal(number).scaleb(-3))
    | st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
    | st.builds("{}{}".format, st.sampled_from("aZ*"), st.text("aZ09!#$%&'*+-.^_`|~:/", max_size=6)).map(Token)
    | st.binary(max_size=8)
    | st.booleans()
    | st.integers(-(10**15) + 1, 10**15 - 1).map(Date)
    | _scalar_texts.map(DisplayString)
)
_keys = st.builds("{}{}".format, st.sampled_from("az*"), st.text("az09_-.*", max_size=4))
_parameter_sets = st.dictionaries(_keys, _bare_items, max_size=2)
_items = st.builds(Item, _bare_items, _parameter_sets)
_members = _items | st.builds(InnerList, st.lists(_items, max_size=3), _parameter_sets)


@given(_items)
def test_items_round_trip(item: Item) -> None:
    assert parse_item(serialise_item(item)) == item


@given(st.lists(_members, max_size=4))
def test_lists_round_trip(members: list[Member]) -> None:
    assert parse_list(serialise_list(members)) == members
    assert parse_list([serialise_list([member]) for member in members]) == members


@given(st.dictionaries(_keys, _members, max_size=4))
def test_dictionaries_round_trip(members: dict[str, Member]) -> None:
    assert parse_dictionary(serialise_dictionary(members)) == members


@pytest.mark.parametrize("parse", [parse_item, parse_list, parse_dictionary])
@given(text=st.binary(max_size=30) | st.text('a1=;,() "\\:?@%.-*\t', max_size=30).map(str.encode))
def test_only_declared_errors(parse: Callable[[bytes], object], text: bytes) -> None:
    try:
        parse(text)
    except DecodeError:
        pass


@pytest.mark.parametrize("piece", [b"a", b"1", b"a,", b"a;", b"a=1,", b"(", b"( ", b'"', b"\\", b" ", b"%41", b"a\t"])
def test_long_hostile_fields_are_read_in_linear_time(piece: bytes) -> None:
    for start in (b"", b'"', b":", b'%"', b"(", b"a;"):
        for parse in (parse_item, parse_list, parse_dictionary):
            try:
                parse(start + piece * 5_000 + b"\x00")
            except DecodeError:
                pass
