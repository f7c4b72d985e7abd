# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Punycode: the samples of RFC 3492 §7.1, Python's own codec as a second opinion, and hostile input."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError
from sws.proto.http.punycode import MAX_PUNYCODE, decode_punycode, encode_punycode
from tests.kit.vectors import load_vectors

_SCALARS = st.characters(exclude_categories=["Cs"])
_DIGIT_LIKE = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", max_size=40).map(str.encode)


def test_samples() -> None:
    for test in load_vectors("http", "punycode", keys=("text",)):
        text, encoded = bytes.fromhex(test["text"]).decode(), bytes.fromhex(test["result"])
        assert decode_punycode(encoded) == text, test["id"]
        basic, delimiter, deltas = encoded.rpartition(b"-")
        assert encode_punycode(text) == basic + delimiter + deltas.lower(), test["id"]  # (I) has the mixed-case annotation


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", b""),
        ("a", b"a-"),
        ("-", b"--"),
        ("a-", b"a--"),
        ("\x80", b"a"),
        ("ü", b"tda"),
        ("bücher", b"bcher-kva"),
    ],
)
def test_small_ones(text: str, encoded: bytes) -> None:
    assert encode_punycode(text) == encoded
    assert decode_punycode(encoded) == text


def test_digits_in_either_case() -> None:
    assert decode_punycode(b"bcher-KVA") == decode_punycode(b"bcher-kva") == "bücher"


@pytest.mark.parametrize(
    ("encoded", "what"),
    [
        (b"-", "not a digit"),  # no basic code point before it, so it is no delimiter
        (b"-a", "not a digit"),
        (b"a_", "not a digit"),
        (b"ls8h=", "not a digit"),
        (b"ab-z", "ends inside"),
        (b"\xc3\xbc", "above 0x7F"),
        (b"a\xff-a", "above 0x7F"),
        (b"99999999", "overflow"),
        (b"9" * MAX_PUNYCODE, "overflow"),
        (b"a" * (MAX_PUNYCODE + 1), "too long"),
    ],
)
def test_refused(encoded: bytes, what: str) -> None:
    with pytest.raises(DecodeError, match=what):
        decode_punycode(encoded)


@pytest.mark.parametrize("code", [0xD800, 0xDFFF, 0x110000])
def test_no_code_point(code: int) -> None:
    """One insertion into the empty label: the delta is code - 0x80, in digits by RFC 3492 §3.3."""
    delta, position, digits = code - 0x80, 36, ""
    while delta >= (threshold := min(max(position - 72, 1), 26)):
        delta, digit = divmod(delta - threshold, 36 - threshold)
        digits += "abcdefghijklmnopqrstuvwxyz0123456789"[threshold + digit]
        position += 36
    digits += "abcdefghijklmnopqrstuvwxyz0123456789"[delta]
    with pytest.raises(DecodeError, match="not a code point"):
        decode_punycode(digits.encode())


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "ü" * (MAX_PUNYCODE + 1)])
def test_not_encoded(text: str) -> None:
    with pytest.raises(DecodeError):
        encode_punycode(text)


@given(st.text(alphabet=_SCALARS, max_size=70))
def test_as_python_encodes(text: str) -> None:
    assert encode_punycode(text) == text.encode("punycode")
    assert decode_punycode(encode_punycode(text)) == text


@given(_DIGIT_LIKE | st.binary(max_size=70))
def test_whatever_decodes_is_encoded_alike(value: bytes) -> None:
    try:
        text = decode_punycode(value)
    except DecodeError:
        return
    basic, delimiter, deltas = value.rpartition(b"-")
    assert encode_punycode(text) == basic + delimiter + deltas.lower()


def test_long_labels_take_no_long_time() -> None:
    """A walk over the label for each code point, as in RFC 3492 §6.3, would take seconds here."""
    text = "".join(chr(0x4E00 + (index * 7919) % 20_000) for index in range(MAX_PUNYCODE))
    start = time.process_time()
    encoded = encode_punycode(text)
    assert time.process_time() - start < 1.0
    with pytest.raises(DecodeError, match="too long"):
        decode_punycode(encoded)
    assert decode_punycode(encode_punycode(text[:500])) == text[:500]
