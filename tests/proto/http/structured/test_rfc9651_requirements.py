# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RFC 9651's sizes and other sentences that the cases do not hold: see docs/requirements/rfc9651.yaml."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest

from sws.base.errors import DecodeError
from sws.proto.http.structured import (
    Date,
    InnerList,
    Item,
    Token,
    parse_dictionary,
    parse_item,
    parse_list,
    serialise_dictionary,
    serialise_item,
)


def test_3_1_lists_of_1024_members() -> None:
    members = parse_list(b", ".join(b"%d" % number for number in range(1024)))
    assert members == [Item(number) for number in range(1024)]


def test_3_1_1_inner_lists_of_256_members() -> None:
    (member,) = parse_list(b"(" + b" ".join(b"%d" % number for number in range(256)) + b")")
    assert member == InnerList([Item(number) for number in range(256)])


def test_3_1_2_256_parameters_and_keys_of_64_characters() -> None:
    keys = [b"k" * 61 + b"%03d" % number for number in range(256)]
    text = b"".join(b";%b=%d" % (key, number) for number, key in enumerate(keys))
    for member in (parse_item(b"a" + text), parse_list(b"(a)" + text)[0]):
        assert list(member.parameters.items()) == [(key.decode(), number) for number, key in enumerate(keys)]


def test_3_1_2_and_3_2_by_index_and_by_key() -> None:
    """A dict keeps its order; a key that comes again keeps its first place."""
    assert list(parse_item(b"a;y=1;x=2;y=3").parameters.items()) == [("y", 3), ("x", 2)]
    assert list(parse_dictionary(b"y=1, x=2, y=3").items()) == [("y", Item(3)), ("x", Item(2))]


def test_3_1_2_and_3_2_true_is_left_out() -> None:
    assert serialise_item(Item(Token("a"), {"b": True, "c": False})) == b"a;b;c=?0"
    assert serialise_dictionary({"a": Item(True), "b": Item(True, {"c": True}), "d": Item(False)}) == b"a, b;c, d=?0"


def test_3_2_dictionaries_of_1024_members_and_keys_of_64_characters() -> None:
    keys = [b"k" * 60 + b"%04d" % number for number in range(1024)]
    members = parse_dictionary(b",".join(b"%b=%d" % (key, number) for number, key in enumerate(keys)))
    assert list(members.items()) == [(key.decode(), Item(number)) for number, key in enumerate(keys)]


@pytest.mark.parametrize("octet", sorted({*range(256)} - set(b'"\\')))
def test_3_3_3_only_quotes_and_backslashes_are_escaped(octet: int) -> None:
    with pytest.raises(DecodeError):
        parse_item(b'"\\%c"' % octet)


def test_3_3_3_strings_of_1024_characters() -> None:
    assert parse_item(b'"' + b'\\"' * 1024 + b'"') == Item('"' * 1024)


def test_3_3_4_tokens_of_512_characters() -> None:
    assert parse_item(b"t" * 512) == Item(Token("t" * 512))


def test_3_3_5_byte_sequences_of_16384_octets() -> None:
    value = bytes(range(256)) * 64
    assert parse_item(b":" + b64encode(value) + b":") == Item(value)


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_3_3_7_every_day_of_the_years_1_to_9999(moment: datetime) -> None:
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    assert parse_item(b"@%d" % seconds) == Item(Date(seconds))


def test_4_2_the_lines_of_a_field_are_one() -> None:
    assert parse_list([b"a;x", b"b"]) == [Item(Token("a"), {"x": True}), Item(Token("b"))]
    assert parse_dictionary([b"a=1, b=2", b"a=3"]) == {"a": Item(3), "b": Item(2)}
    with pytest.raises(DecodeError):
        parse_item([b"a", b"b"])


@pytest.mark.parametrize("text", [b"a, b, \x00", b"a, (b", b"a, b,"])
def test_4_2_a_field_that_fails_gives_nothing_at_all(text: bytes) -> None:
    for parse in (parse_list, parse_dictionary):
        with pytest.raises(DecodeError):
            parse(text)


@pytest.mark.parametrize("text", [b"aGVs\nbG8=", b"aGVs bG8=", b"aGVsbG8-", b"aGVsbG8_", b"aGVsbG8*", b"aGVs\r\nbG8="])
def test_4_2_7_what_is_no_base64_fails(text: bytes) -> None:
    assert parse_item(b":aGVsbG8=:") == Item(b"hello")
    with pytest.raises(DecodeError):
        parse_item(b":" + text + b":")
