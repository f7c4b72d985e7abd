# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading DER: X.690's rules one by one, each with the octets that break it; values from X.690's own examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import MAX_DEPTH, MAX_OCTETS, DerReader, check_der


def reader(text: str) -> DerReader:
    return DerReader(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        ("", "is missing"),
        ("30", "is missing"),
        ("3001", "1 octets wanted, 0 left"),
        ("3080", "indefinite"),
        ("3085", "indefinite or too long"),
        ("30850000000001", "indefinite or too long"),
        ("3081", "indefinite or too long"),
        ("308200", "indefinite or too long"),
        ("30817f" + "00" * 127, "not the shortest"),
        ("30820080" + "00" * 128, "not the shortest"),
        ("3081ff", "255 octets wanted, 0 left"),
        ("3084ffffffff", "4294967295 octets wanted"),
        ("1f0100", "not used here"),
        ("bf8101 00", "not used here"),
        ("0000", "not used here"),
    ],
)
def test_headers_that_are_refused(octets: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message) as caught:
        reader(octets).any("thing")
    assert caught.value.what.startswith("thing")


def test_headers_that_are_taken() -> None:
    for length in (0, 1, 127, 128, 255, 256, 65535, 65536):
        data = writer.octet_string(bytes(length))
        cursor = DerReader(data)
        assert cursor.header("x") == (4, len(data) - length, len(data))
        assert cursor.take(4, "x") == bytes(length)
        assert cursor.tag == -1
        cursor.finish("x")


def test_errors_say_where_in_the_whole() -> None:
    """The offset is that of the outermost octets, however deep the reader stands."""
    inner = DerReader(bytes.fromhex("300530030201" + "0001")[:7]).sequence("outer").sequence("inner")
    assert inner.integer("number") == 0
    inner.finish("inner")
    short = DerReader(bytes.fromhex("30053003020201")).sequence("outer").sequence("inner")
    with pytest.raises(DecodeError, match="number: 2 octets wanted, 1 left at offset 4") as caught:
        short.integer("number")
    assert (caught.value.offset, caught.value.what) == (4, "number: 2 octets wanted, 1 left")
    more = DerReader(bytes.fromhex("3006300402010000")).sequence("outer").sequence("inner")
    more.integer("number")
    with pytest.raises(DecodeError, match="inner: 1 octets too many at offset 7"):
        more.finish("inner")


def test_limits() -> None:
    with pytest.raises(LimitExceeded, match="octets of DER"):
        DerReader(bytes(MAX_OCTETS + 1))
    with pytest.raises(LimitExceeded, match="octets of DER: 3 exceeds 2"):
        DerReader(b"\x05\x00\x00", maximum=2)
    deep = b""
    for _ in range(MAX_DEPTH):
        deep = writer.sequence(deep)
    check_der(deep, 0, len(deep))
    DerReader(deep).any("deep")
    deeper = writer.sequence(deep)
    with pytest.raises(LimitExceeded, match="depth of DER"):
        check_der(deeper, 0, len(deeper))
    with pytest.raises(LimitExceeded, match="depth of DER"):
        DerReader(deeper).any("deep")
    with pytest.raises(LimitExceeded, match="octets of an INTEGER"):
        DerReader(writer.element(2, b"\x01" * 2101)).integer("x")


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("020100", 0),
        ("02017f", 127),
        ("02020080", 128),
        ("02020100", 256),
        ("020180", -128),
        ("0202ff7f", -129),
        ("0200", None),
        ("02020001", None),
        ("0202007f", None),
        ("0202ff80", None),
        ("0202ffff", None),
        ("0a0100", None),
    ],
)
def test_integers(octets: str, value: int | None) -> None:
    """X.690 §8.3."""
    if value is None:
        with pytest.raises(DecodeError):
            reader(octets).integer("x")
        return
    assert reader(octets).integer("x") == value
    assert writer.integer(value) == bytes.fromhex(octets)
    if value < 0:
        with pytest.raises(DecodeError, match="negative"):
            reader(octets).natural("x")
    else:
        assert reader(octets).natural("x") == value


@pytest.mark.parametrize(("octets", "value"), [("0101ff", True), ("010100", False), ("010101", None), ("0100", None), ("0102ffff", None)])
def test_booleans(octets: str, value: bool | None) -> None:
    """X.690 §8.2, §11.1: one octet, FF or 00."""
    if value is None:
        with pytest.raises(DecodeError, match="neither 00 nor FF"):
            reader(octets).boolean("x")
    else:
        assert reader(octets).boolean("x") is value
        assert writer.boolean(value) == bytes.fromhex(octets)


def test_a_default_is_left_out() -> None:
    """X.690 §11.5."""
    assert reader("0101ff").default_false("x") is True
    assert reader("020100").default_false("x") is False
    assert reader("").default_false("x") is False
    with pytest.raises(DecodeError, match="the default value is written out"):
        reader("010100").default_false("x")


def test_null() -> None:
    """X.690 §8.8."""
    reader("0500").null("x")
    with pytest.raises(DecodeError, match="with content"):
        reader("050100").null("x")


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        ("0304066e5dc0", (bytes.fromhex("6e5dc0"), 6)),  # X.690 §8.6.4.2's string 011011100101110111, in DER
        ("030100", (b"", 0)),
        ("0300", None),
        ("030101", None),
        ("03020801", None),
        ("03020101", None),
        ("0304066e5de0", None),  # that example of §8.6.4.2 with unused bits that are not zero
    ],
)
def test_bit_strings(octets: str, found: tuple[bytes, int] | None) -> None:
    """X.690 §8.6, §11.2.1."""
    if found is None:
        with pytest.raises(DecodeError, match="wrong unused bits"):
            reader(octets).bit_string("x")
        return
    value = reader(octets).bit_string("x")
    assert (value.octets, value.unused) == found
    assert writer.bit_string(*found) == bytes.fromhex(octets)


def test_named_and_whole_bits() -> None:
    assert reader("0304066e5dc0").bit_string("x").bits() == frozenset((1, 2, 4, 5, 6, 9, 11, 12, 13, 15, 16, 17))
    assert reader("03020780").named_bits("x") == frozenset((0,))
    assert reader("03020080").named_bits("x") == frozenset((0,))  # zero bits at the end: the deviation
    assert reader("030300abcd").whole_bits("x") == b"\xab\xcd"
    with pytest.raises(DecodeError, match="not whole octets"):
        reader("03020780").whole_bits("x")
    assert reader("81020780").named_bits("x", tags.context(1)) == frozenset((0,))


def test_identifiers() -> None:
    assert reader("06062a864886f70d").oid("x") == "1.2.840.113549"
    with pytest.raises(DecodeError, match="x: OBJECT IDENTIFIER: without end"):
        reader("060180").oid("x")
    with pytest.raises(LimitExceeded, match="object identifier"):
        DerReader(writer.element(6, b"\x01" * 65)).oid("x")


def test_strings_and_times() -> None:
    assert reader("0c02c3a9").string("x") == "é"
    assert reader("1604613b623c").string("x") == "a;b<"
    with pytest.raises(DecodeError, match="not a character string"):
        reader("0402c3a9").string("x")
    assert DerReader(writer.element(tags.UTC_TIME, b"700101000000Z")).time("x") == 0
    assert DerReader(writer.generalized_time(0)).time("x") == 0
    assert DerReader(writer.generalized_time(1)).generalized_time("x") == 1
    with pytest.raises(DecodeError, match="not a time"):
        reader("0500").time("x")
    with pytest.raises(DecodeError, match="18 wanted"):
        DerReader(writer.element(tags.UTC_TIME, b"700101000000Z")).generalized_time("x")


def test_structure() -> None:
    data = writer.sequence(writer.integer(1), writer.explicit(0, writer.NULL), writer.octet_string(b"ab"))
    outer = DerReader(data)
    inner = outer.sequence("s")
    outer.finish("s")
    assert inner.depth == 1
    assert inner.raw(tags.INTEGER, "i") == b"\x02\x01\x01"
    assert inner.optional(tags.constructed(1), "o") is None
    wrapped = inner.optional(tags.constructed(0), "o")
    assert wrapped is not None
    wrapped.null("n")
    assert inner.octet_string("o") == b"ab"
    with pytest.raises(DecodeError, match="identifier 02, 30 wanted"):
        DerReader(writer.integer(1)).sequence("s")
    assert [each.integer("i") for each in DerReader(writer.integer(1) + writer.integer(2)).elements("e", 2)] == [1, 2]
    with pytest.raises(DecodeError, match="e: empty"):
        list(DerReader(b"").elements("e", 1))


def test_set_of() -> None:
    """X.690 §11.6: ascending, compared as octets."""
    assert [each.integer("i") for each in reader("3106020101020102").set_of("s").elements("s")] == [1, 2]
    assert [each.integer("i") for each in reader("3106020101020101").set_of("s").elements("s")] == [1, 1]
    with pytest.raises(DecodeError, match="not in order at offset 5"):
        reader("3106020102020101").set_of("s")
    with pytest.raises(DecodeError, match="s: empty"):
        reader("3100").set_of("s")
    assert writer.set_of([writer.integer(2), writer.integer(1)]) == bytes.fromhex("3106020101020102")


@pytest.mark.parametrize(
    "octets",
    [
        "0101ff",
        "020101",
        "0a0101",
        "0500",
        "06022a03",
        "03020780",
        "3100",
        "3103020101",
        "a003020101",
        "8001ff",
        "a000",
        "4001aa",
        "7003020101",
        "a00430020500",
    ],
)
def test_check_der_takes(octets: str) -> None:
    data = bytes.fromhex(octets)
    check_der(data, 0, len(data))
    assert DerReader(data).any("x") == data


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        ("010101", "BOOLEAN"),
        ("02020001", "INTEGER"),
        ("0a020001", "INTEGER"),
        ("050100", "NULL"),
        ("060180", "OBJECT IDENTIFIER"),
        ("03020101", "BIT STRING"),
        ("1000", "primitive SEQUENCE or SET"),
        ("1100", "primitive SEQUENCE or SET"),
        ("2403040100", "constructed form"),
        ("a003010101", "BOOLEAN"),
        ("3106020102020101", "not in order"),
        ("30020105", "left"),
    ],
)
def test_check_der_refuses(octets: str, message: str) -> None:
    data = bytes.fromhex(octets)
    with pytest.raises(DecodeError, match=message):
        check_der(data, 0, len(data))


der = st.recursive(
    st.one_of(
        st.integers(-(2**80), 2**80).map(writer.integer),
        st.booleans().map(writer.boolean),
        st.binary(max_size=300).map(writer.octet_string),
        st.just(writer.NULL),
        st.text(max_size=20).map(writer.utf8_string),
        st.sets(st.integers(0, 20)).map(writer.named_bits),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(lambda parts: writer.sequence(*parts)),
        st.lists(inner, min_size=1, max_size=5).map(writer.set_of),
        inner.map(lambda one: writer.explicit(3, one)),
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(der, st.binary(max_size=3))
def test_what_is_written_is_der(data: bytes, tail: bytes) -> None:
    check_der(data, 0, len(data))
    cursor = DerReader(data + tail)
    assert cursor.any("x") == data
    assert cursor.at == len(data)


@pytest.mark.slow
@given(der, st.data())
def test_a_cut_is_never_der(data: bytes, source: st.DataObject) -> None:
    cut = data[: source.draw(st.integers(0, len(data) - 1))]
    with pytest.raises((DecodeError, LimitExceeded)):
        DerReader(cut).any("x")


@given(st.binary(max_size=60))
def test_whatever_comes_only_declared_errors(data: bytes) -> None:
    try:
        check_der(data, 0, len(data))
    except (DecodeError, LimitExceeded):
        pass


@given(st.integers(-(2**300), 2**300))
def test_integers_there_and_back(value: int) -> None:
    assert DerReader(writer.integer(value)).integer("x") == value


@given(st.sets(st.integers(0, 100)))
def test_named_bits_there_and_back(bits: set[int]) -> None:
    written = writer.named_bits(bits)
    assert DerReader(written).named_bits("x") == bits
    assert not bits or DerReader(written).bit_string("x").octets[-1]  # X.690 §11.2.2: no zero bits at the end
