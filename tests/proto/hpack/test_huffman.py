# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Huffman code of RFC 7541 §5.2: the code list of another implementation, round trips, and strictness at the end of a string."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError
from sws.proto.hpack import huffman
from sws.proto.hpack._tables import CODE_LENGTHS
from sws.proto.hpack.huffman import CODES, MEMO_MAXIMUM, MEMO_OCTETS, decode_huffman, encode_huffman, encode_string


def bits(*parts: str) -> bytes:
    """Octets from text of bits."""
    text = "".join(parts)
    assert len(text) % 8 == 0
    return int("0" + text, 2).to_bytes(len(text) // 8, "big")


def code(symbol: int) -> str:
    return f"{REQUEST_CODES[symbol]:0{REQUEST_CODES_LENGTH[symbol]}b}"


def test_the_codes_are_those_of_appendix_b() -> None:
    assert list(CODES) == list(REQUEST_CODES)
    assert list(CODE_LENGTHS) == list(REQUEST_CODES_LENGTH)


@given(st.binary(max_size=200))
def test_what_is_encoded_is_decoded(text: bytes) -> None:
    assert decode_huffman(encode_huffman(text)) == text


@pytest.mark.parametrize("octet", range(256))
def test_every_octet_at_every_place(octet: int) -> None:
    for shift in range(8):  # "0" has five bits: all offsets within an octet
        text = b"0" * shift + bytes((octet,)) + b"a"
        wire = "".join(code(each) for each in text)
        wire += "1" * (-len(wire) % 8)
        assert encode_huffman(text) == bits(wire)
        assert decode_huffman(bits(wire)) == text


@pytest.mark.parametrize("padding", range(8))
def test_up_to_seven_bits_of_ones_are_padding(padding: int) -> None:
    text = b"0" * next(length for length in range(8) if -5 * length % 8 == padding)
    assert decode_huffman(bits("00000" * len(text) + "1" * padding)) == text


@pytest.mark.parametrize(
    "wire",
    [
        bits("00000", "000"),  # padded with zeros
        bits("00000", "110"),
        bits("1" * 8),  # a whole octet of padding
        bits("00000", "1" * 11),
        bits("0" * 40, "1" * 8),
        bits("1" * 24),
        bits("1" * 30, "11"),  # EOS
        bits(code(256), "00000", "00000", "00000", "00000", "00000", "00000", "1111"),
        bits("00000", code(256), "00000"),
        bits("00000", code(256)[:27]),
    ],
)
def test_bad_ends_are_refused(wire: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_huffman(wire)


def test_the_empty_string() -> None:
    assert encode_huffman(b"") == b""
    assert decode_huffman(b"") == b""


@given(st.binary(max_size=200))
def test_a_literal_has_the_shorter_form(text: bytes) -> None:
    code = encode_huffman(text)
    literal = encode_string(text)
    body = literal[-len(code) :] if literal[0] & 0x80 else literal[len(literal) - len(text) :]
    coded = len(code) < len(text) and len(text) > 5
    assert body == (code if coded else text)
    assert bool(literal[0] & 0x80) is coded
    assert coded or len(text) - len(code) <= 1


@pytest.mark.parametrize(("text", "front"), [(b"0" * 203, "ff00"), (b"0" * 201, "fe"), (b"", "00"), (b"\0" * 127, "7f00")])
def test_lengths_of_literals(text: bytes, front: str) -> None:
    code = encode_huffman(text)
    assert encode_string(text) == bytes.fromhex(front) + (code if front[0] in "ef" else text)  # 5 bits for a "0": 127 and 126 octets


@pytest.mark.parametrize("pick", [huffman._picker, itemgetter], ids=["by a loop", "by itemgetter"])
def test_each_way_to_look_codes_up(pick: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [b"", b"a", b"www.example.com", bytes(range(256)), b"0" * 300]
    expected = [(encode_huffman(text), encode_string(text)) for text in texts]
    monkeypatch.setattr(huffman, "_pick", pick)
    assert [(encode_huffman(text), encode_string(text)) for text in texts] == expected


def test_memos_are_bounded_in_number_and_in_octets() -> None:
    literals: dict[bytes, bytes] = {}
    strings: dict[bytes, bytes] = {}
    for number in range(2 * MEMO_MAXIMUM + 1):
        text = b"value %d" % number
        assert decode_huffman(encode_huffman(text), strings) == text
        assert encode_string(text, literals) == encode_string(text)
        assert strings[encode_huffman(text)] == text
        assert literals[text] == encode_string(text)
        assert len(strings) == len(literals) <= MEMO_MAXIMUM
    assert len(strings) == 1
    for octets in (MEMO_OCTETS, MEMO_OCTETS + 1):
        text = b"0" * (octets * 8 // 5)
        assert len(encode_huffman(text)) == octets
        encode_string(text, literals)
        decode_huffman(encode_huffman(text), strings)
    assert len(strings) == len(literals) == 2
