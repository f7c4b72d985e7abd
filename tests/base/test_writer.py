# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import LimitExceeded, UsageError
from sws.base.reader import Reader
from sws.base.writer import Writer, encode_varint


@pytest.mark.parametrize(
    ("value", "data"),
    [  # RFC 9000 §A.1, and the bounds of §16
        (151288809941952652, "c2197c5eff14e88c"),
        (494878333, "9d7f3e7d"),
        (15293, "7bbd"),
        (37, "25"),
        (0, "00"),
        (63, "3f"),
        (64, "4040"),
        (16383, "7fff"),
        (16384, "80004000"),
        (2**30 - 1, "bfffffff"),
        (2**30, "c000000040000000"),
        (2**62 - 1, "ffffffffffffffff"),
    ],
)
def test_variable_length_integers(value: int, data: str) -> None:
    assert encode_varint(value).hex() == data


@pytest.mark.parametrize("value", [-1, 2**62])
def test_what_no_variable_length_integer_holds(value: int) -> None:
    with pytest.raises(UsageError):
        encode_varint(value)


@given(st.integers(0, 2**62 - 1), st.binary(max_size=300), st.integers(0, 2**24 - 1))
def test_what_is_written_is_read(number: int, data: bytes, uint: int) -> None:
    writer = Writer()
    writer.varint(number)
    writer.vector(data, 2)
    writer.uint(uint, 3)
    writer.write(data)
    reader = Reader(writer.finish())
    assert len(writer) == reader.remaining
    assert (reader.varint(), reader.vector(2), reader.u24(), reader.rest()) == (number, data, uint, data)


def test_bounds() -> None:
    writer = Writer(maximum=4)
    writer.write(b"abc")
    with pytest.raises(LimitExceeded):
        writer.write(b"de")
    assert writer.finish() == b"abc"
    writer.write(b"d")
    for value, octets in ((256, 1), (-1, 1), (1, 0)):
        with pytest.raises(UsageError):
            writer.uint(value, octets)
    with pytest.raises(UsageError):
        Writer().vector(b"x" * 256, 1)
