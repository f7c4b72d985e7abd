# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Integers up to 62 bits (RFC 9204 §4.1.1), the examples of RFC 7541 C.1, and what is cut short or too large."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError
from sws.proto.qpack.integers import decode_integer, encode_integer


@pytest.mark.parametrize(("data", "bits", "value"), [("0a", 5, 10), ("1f9a0a", 5, 1337), ("2a", 8, 42), ("ff00", 8, 255)])
def test_examples(data: str, bits: int, value: int) -> None:
    assert decode_integer(bytes.fromhex(data), 0, bits) == (value, len(data) // 2)


@given(st.integers(0, (1 << 62) - 1), st.integers(1, 8))
def test_all_of_62_bits(value: int, bits: int) -> None:
    data = encode_integer(value, bits, 0)
    assert decode_integer(b"x" + data + b"x", 1, bits) == (value, 1 + len(data))
    for end in range(len(data)):
        with pytest.raises(IndexError):
            decode_integer(data[:end], 0, bits)


@pytest.mark.parametrize("value", [1 << 62, (1 << 63) + 5, 1 << 80])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_more_is_refused(value: int, bits: int) -> None:
    with pytest.raises(DecodeError, match="62 bits"):
        decode_integer(encode_integer(value, bits, 0), 0, bits)


def test_zeros_without_end() -> None:
    assert decode_integer(b"\xff" + b"\x80" * 9 + b"\x00", 0, 8) == (255, 11)
    with pytest.raises(DecodeError):
        decode_integer(b"\xff" + b"\x80" * 50, 0, 8)
