# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Integers of RFC 7541 §5.1."""

from __future__ import annotations

import pytest
from hpack.hpack import decode_integer as theirs_decode
from hpack.hpack import encode_integer as theirs_encode
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError
from sws.proto.hpack.integers import decode_integer, encode_integer


@given(st.integers(0, 1 << 34), st.integers(1, 8))
def test_as_another_implementation(value: int, prefix: int) -> None:
    wire = encode_integer(value, prefix, 0)
    assert wire == bytes(theirs_encode(value, prefix))
    assert decode_integer(b"\0" + wire + b"\xff", 1, prefix) == (value, 1 + len(wire))
    assert theirs_decode(wire, prefix) == (value, len(wire))


def test_the_bits_above_the_prefix_are_kept_and_ignored() -> None:
    assert encode_integer(10, 5, 0xE0) == b"\xea"  # RFC 7541 C.1.1 with the upper bits set
    assert decode_integer(b"\xea", 0, 5) == (10, 1)


@pytest.mark.parametrize("wire", [b"", b"\x1f", b"\x1f\x80", b"\x1f\xff\xff\xff\xff", b"\x1f\x80\x80\x80\x80\x80\x00"])
def test_what_does_not_end_is_refused(wire: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_integer(wire, 0, 5)


def test_five_octets_behind_the_prefix_are_the_most() -> None:
    assert decode_integer(b"\x1f\x80\x80\x80\x80\x01", 0, 5) == (31 + (1 << 28), 6)
