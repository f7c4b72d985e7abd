# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Object identifiers, character strings, times, and the writer's own refusals."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.oids import decode_oid, encode_oid
from sws.crypto.asn1.strings import STRING_TAGS, decode_string, is_printable
from sws.crypto.asn1.times import EARLIEST, LATEST, decode_time, encode_time, format_time


@pytest.mark.parametrize(
    ("octets", "dotted"),
    [
        ("883703", "2.999.3"),  # X.690 §8.19.5's example
        ("2a864886f70d", "1.2.840.113549"),
        ("2b060105050703 01", "1.3.6.1.5.5.7.3.1"),
        ("00", "0.0"),
        ("27", "0.39"),
        ("28", "1.0"),
        ("4f", "1.39"),
        ("50", "2.0"),
        ("8100", "2.48"),
        ("5503", "2.5.3"),
    ],
)
def test_identifiers(octets: str, dotted: str) -> None:
    content = bytes.fromhex(octets)
    assert decode_oid(content) == dotted
    assert encode_oid(dotted) == content


@pytest.mark.parametrize("octets", ["", "80", "2a80", "2a8001", "80 01", "2a86"])
def test_identifiers_that_are_refused(octets: str) -> None:
    with pytest.raises(DecodeError, match="OBJECT IDENTIFIER"):
        decode_oid(bytes.fromhex(octets))


def test_an_identifier_of_64_octets_and_one_more() -> None:
    assert decode_oid(b"\x2a" * 64).count(".") == 64
    with pytest.raises(LimitExceeded, match="65 exceeds 64"):
        decode_oid(b"\x2a" * 65)


@pytest.mark.parametrize("dotted", ["", "1", "1.", "1.40", "3.1", "1.2.", "1.02", "1.-2", "a.b", "1.²"])
def test_text_that_is_no_identifier(dotted: str) -> None:
    with pytest.raises(UsageError):
        encode_oid(dotted)


@given(st.integers(0, 2), st.lists(st.integers(0, 2**40), min_size=1, max_size=8))
def test_identifiers_there_and_back(root: int, arcs: list[int]) -> None:
    arcs[0] = arcs[0] if root == 2 else arcs[0] % 40
    dotted = ".".join(map(str, (root, *arcs)))
    assert decode_oid(encode_oid(dotted)) == dotted


@pytest.mark.parametrize(
    ("tag", "content", "text"),
    [
        (tags.UTF8_STRING, "zażółć".encode(), "zażółć"),
        (tags.UTF8_STRING, b"\xff", None),
        (tags.UTF8_STRING, b"\xed\xa0\x80", None),  # a surrogate
        (tags.NUMERIC_STRING, b"12 3", "12 3"),
        (tags.NUMERIC_STRING, b"12a", None),
        (tags.PRINTABLE_STRING, b"Az09 '()+,-./:=?", "Az09 '()+,-./:=?"),
        (tags.PRINTABLE_STRING, b"a@b", None),
        (tags.PRINTABLE_STRING, b"a*b", None),
        (tags.PRINTABLE_STRING, b"a\n", None),
        (tags.TELETEX_STRING, b"caf\xe9", "café"),
        (tags.IA5_STRING, b"a@b\x00", "a@b\x00"),
        (tags.IA5_STRING, b"\x80", None),
        (tags.VISIBLE_STRING, b" ~", " ~"),
        (tags.VISIBLE_STRING, b"\x1f", None),
        (tags.VISIBLE_STRING, b"\x7f", None),
        (tags.UNIVERSAL_STRING, "a😀".encode("utf-32-be"), "a😀"),
        (tags.UNIVERSAL_STRING, b"\x00\x00\x00", None),
        (tags.UNIVERSAL_STRING, b"\x00\x11\x00\x00", None),
        (tags.BMP_STRING, "aé".encode("utf-16-be"), "aé"),
        (tags.BMP_STRING, b"\x00", None),
        (tags.BMP_STRING, "😀".encode("utf-16-be"), None),
        (tags.BMP_STRING, b"\xd8\x00", None),
        (tags.OCTET_STRING, b"a", None),
    ],
)
def test_strings(tag: int, content: bytes, text: str | None) -> None:
    if text is None:
        with pytest.raises(DecodeError, match=r"character string|BMPString"):
            decode_string(tag, content)
    else:
        assert decode_string(tag, content) == text


def test_every_type_of_string_is_tested() -> None:
    assert len(STRING_TAGS) == 8
    assert is_printable("a b")
    assert not is_printable("a_b")
    assert not is_printable("é")


def seconds(*when: int) -> int:
    return int(datetime.datetime(*when, tzinfo=datetime.UTC).timestamp())


@pytest.mark.parametrize(
    ("tag", "content", "value"),
    [
        (tags.UTC_TIME, b"920521000000Z", seconds(1992, 5, 21)),  # X.690 §11.8.3's good examples
        (tags.UTC_TIME, b"920622123421Z", seconds(1992, 6, 22, 12, 34, 21)),
        (tags.UTC_TIME, b"920722132100Z", seconds(1992, 7, 22, 13, 21)),
        (tags.UTC_TIME, b"500101000000Z", seconds(1950, 1, 1)),
        (tags.UTC_TIME, b"491231235959Z", seconds(2049, 12, 31, 23, 59, 59)),
        (tags.UTC_TIME, b"000229000000Z", seconds(2000, 2, 29)),
        (tags.GENERALIZED_TIME, b"20500101000000Z", seconds(2050, 1, 1)),
        (tags.GENERALIZED_TIME, b"99991231235959Z", LATEST),
        (tags.GENERALIZED_TIME, b"00000101000000Z", EARLIEST),
        (tags.GENERALIZED_TIME, b"20000229000000Z", seconds(2000, 2, 29)),
        (tags.UTC_TIME, b"920520240000Z", None),  # and its bad ones
        (tags.UTC_TIME, b"9207221321Z", None),
        (tags.UTC_TIME, b"920622123421.0Z", None),
        (tags.UTC_TIME, b"920722132100", None),
        (tags.UTC_TIME, b"920722132100z", None),
        (tags.UTC_TIME, b"920722132100+0000", None),
        (tags.UTC_TIME, b"92072213210+Z", None),
        (tags.UTC_TIME, b"920230000000Z", None),
        (tags.UTC_TIME, b"930229000000Z", None),
        (tags.UTC_TIME, b"920001000000Z", None),
        (tags.UTC_TIME, b"921301000000Z", None),
        (tags.UTC_TIME, b"920100000000Z", None),
        (tags.UTC_TIME, b"920431000000Z", None),
        (tags.UTC_TIME, b"920101006000Z", None),
        (tags.UTC_TIME, b"920101000060Z", None),
        (tags.UTC_TIME, b"19920101000000Z", None),
        (tags.GENERALIZED_TIME, b"920101000000Z", None),
        (tags.GENERALIZED_TIME, b"20210229000000Z", None),
        (tags.GENERALIZED_TIME, b"19000229000000Z", None),
        (tags.GENERALIZED_TIME, b"20500101000000.5Z", None),
    ],
)
def test_times(tag: int, content: bytes, value: int | None) -> None:
    if value is None:
        with pytest.raises(DecodeError, match="time"):
            decode_time(tag, content, 7)
    else:
        assert decode_time(tag, content) == value
        assert encode_time(value, tag == tags.GENERALIZED_TIME) == (tag, content)


@given(st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)))
def test_times_as_datetime_has_them(when: datetime.datetime) -> None:
    when = when.replace(microsecond=0, tzinfo=datetime.UTC)
    value = int((when - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)).total_seconds())
    tag, content = encode_time(value)
    assert (tag == tags.UTC_TIME) is (1950 <= when.year < 2050)  # RFC 5280 §4.1.2.5
    assert content == when.strftime("%y%m%d%H%M%SZ" if tag == tags.UTC_TIME else f"{when.year:04}%m%d%H%M%SZ").encode()
    assert decode_time(tag, content) == value
    assert format_time(value) == f"{when.replace(tzinfo=None).isoformat()}Z"


def test_times_that_cannot_be_written() -> None:
    for value in (EARLIEST - 1, LATEST + 1):
        with pytest.raises(UsageError):
            encode_time(value)
        with pytest.raises(UsageError):
            format_time(value)
    with pytest.raises(UsageError, match="1950 to 2049"):
        encode_time(LATEST, generalized=False)
    assert writer.time(0) == b"\x17\x0d700101000000Z"


def test_the_writer_refuses() -> None:
    for octets, unused in ((b"\x01", 1), (b"", 1), (b"\x00", 8), (b"\x00", -1)):
        with pytest.raises(UsageError, match="unused bits"):
            writer.bit_string(octets, unused)
    with pytest.raises(UsageError, match="PrintableString"):
        writer.printable_string("a@b")
    with pytest.raises(UsageError, match="IA5String"):
        writer.ia5_string("é")


def test_what_is_written() -> None:
    assert writer.directory_string("Ab") == b"\x13\x02Ab"
    assert writer.directory_string("é") == b"\x0c\x02\xc3\xa9"
    assert writer.ia5_string("a@b") == b"\x16\x03a@b"
    assert writer.enumerated(0) == b"\x0a\x01\x00"
    assert writer.enumerated(200) == b"\x0a\x02\x00\xc8"
    assert writer.implicit(1, writer.sequence(writer.NULL)) == b"\xa1\x02\x05\x00"
    assert writer.implicit(1, writer.integer(5)) == b"\x81\x01\x05"
    assert writer.oid("2.999.3") == b"\x06\x03\x88\x37\x03"
    assert writer.named_bits(()) == b"\x03\x01\x00"
    assert writer.named_bits((0, 8)) == b"\x03\x03\x07\x80\x80"
