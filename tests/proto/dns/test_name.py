# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Domain names: RFC 1035's own example of compression, every bound, text and wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded
from sws.base.reader import Reader
from sws.proto.dns import ROOT, NameDecoder, fold, is_within, name_from_text, name_to_text
from tests.kit.vectors import load_vectors

VECTORS = load_vectors("dns", "names", keys=("message", "offset", "end"))

LABEL = st.text("abcdefghijklmnopqrstuvwxyzABCDEFXYZ0123456789-_", min_size=1, max_size=63)
NAMES = st.lists(LABEL, min_size=1, max_size=6).map(".".join).filter(lambda text: len(text) <= 253)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["id"])
def test_vectors(case: dict[str, Any]) -> None:
    message = bytes.fromhex(case["message"])
    reader = Reader(message, case["offset"])
    if case["result"] is None:
        with pytest.raises(DecodeError):
            NameDecoder(message).read(reader)
    else:
        assert name_to_text(NameDecoder(message).read(reader)) == case["result"]
        assert reader.offset == case["end"]


def test_what_is_known_already_reads_the_same() -> None:
    case = VECTORS[0]
    message = bytes.fromhex(case["message"])
    decoder = NameDecoder(message)
    found = [name_to_text(decoder.read(Reader(message, at))) for at in (20, 40, 64, 40)]
    assert found == ["F.ISI.ARPA.", "FOO.F.ISI.ARPA.", "ARPA.", "FOO.F.ISI.ARPA."]


def test_a_known_rest_counts_for_the_length() -> None:
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\x00"
    message = bytes(12) + longest + b"\x01c\xc0\x0c"
    decoder = NameDecoder(message)
    assert decoder.read(Reader(message, 12)) == longest
    with pytest.raises(DecodeError, match="257 octets"):
        decoder.read(Reader(message, 12 + 255))


def test_pointers_to_pointers_are_bounded() -> None:
    chain = bytes(12) + b"\x01a\x00" + b"".join((0xC000 | at).to_bytes(2, "big") for at in (12, *range(15, 15 + 2 * 200, 2)))
    fine = 15 + 2 * 126
    assert NameDecoder(chain).read(Reader(chain, fine)) == b"\x01a\x00"
    with pytest.raises(LimitExceeded):
        NameDecoder(chain).read(Reader(chain, fine + 2))
    decoder = NameDecoder(chain)
    for at in range(15, 15 + 2 * 200, 2):
        assert decoder.read(Reader(chain, at)) == b"\x01a\x00"


def test_the_readers_bounds_hold_for_the_first_run() -> None:
    message = bytes(12) + b"\x01a\x01b\x00"
    with pytest.raises(DecodeError):
        NameDecoder(message).read(Reader(message, 12, 14))


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("example.com", b"\x07example\x03com\x00"),
        ("example.com.", b"\x07example\x03com\x00"),
        (".", b"\x00"),
        ("A_b-1.c", b"\x05A_b-1\x01c\x00"),
        ("a" * 63, b"\x3f" + b"a" * 63 + b"\x00"),
    ],
)
def test_from_text(text: str, wire: bytes) -> None:
    assert name_from_text(text) == wire


@pytest.mark.parametrize("text", ["", "..", ".a", "a..b", "a" * 64, "é.example", "a b", "a\\.b", "a\x00", ".".join(["a" * 63] * 4), "a@b"])
def test_not_from_text(text: str) -> None:
    with pytest.raises(DecodeError):
        name_from_text(text)


def test_the_longest_name_in_text() -> None:
    text = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(name_from_text(text)) == 255
    with pytest.raises(DecodeError, match="256"):
        name_from_text(text + "b")


def test_text_escapes_what_is_not_plain() -> None:
    assert name_to_text(b"\x05a.b\x00\xff\x01\\\x00") == "a\\046b\\000\\255.\\092."
    assert name_to_text(ROOT) == "."


@given(NAMES)
def test_text_and_back(text: str) -> None:
    wire = name_from_text(text)
    assert name_to_text(wire) == text + "."
    assert NameDecoder(bytes(12) + wire).read(Reader(bytes(12) + wire, 12)) == wire
    assert fold(wire) == name_from_text(text.lower())


@pytest.mark.parametrize(
    ("name", "zone", "expected"),
    [
        ("a.example", "example", True),
        ("A.Example", "eXample", True),
        ("example", "example", True),
        ("example", "a.example", False),
        ("anexample", "example", False),
        ("a.b", ".", True),
        (".", ".", True),
        ("a.example.com", "example", False),
    ],
)
def test_is_within(name: str, zone: str, expected: bool) -> None:
    assert is_within(name_from_text(name), name_from_text(zone)) is expected


def test_a_zone_ends_at_a_label() -> None:
    assert not is_within(b"\x08x\x07example\x00"[:9] + b"\x00", b"\x07example\x00")
