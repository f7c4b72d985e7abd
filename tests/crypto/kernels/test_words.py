# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Octets in arrays of words: there and back, filled up and overwritten, on machines of either order."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.crypto.kernels import words
from sws.crypto.kernels.words import octets_of, pad, put, words_of


def test_the_first_octet_is_lowest_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other order of octets: what such a machine reads into an array is swapped, and back."""
    octets = bytes(range(32))
    found = words_of(octets).tolist()
    assert found[0] == 0x03020100
    assert octets_of(words_of(octets)) == octets
    monkeypatch.setattr(words, "byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    assert words_of(octets).tolist() == [int.from_bytes(word.to_bytes(4, "little"), "big") for word in found]
    assert octets_of(words_of(octets)) == octets


@given(st.binary(min_size=64, max_size=64), st.integers(0, 8), st.integers(0, 32))
def test_padding(octets: bytes, start: int, size: int) -> None:
    array = words_of(octets)
    end = pad(array, start, size)
    assert end == start + 4 * -(-size // 16)
    kept = 4 * start + size
    assert octets_of(array) == octets[:kept] + bytes(4 * end - kept) + octets[4 * end :]


@given(st.binary(min_size=64, max_size=64), st.integers(0, 44), st.binary(min_size=16, max_size=16))
def test_octets_put_anywhere(octets: bytes, place: int, new: bytes) -> None:
    array = words_of(octets)
    four = [int.from_bytes(new[at : at + 4], "little") for at in range(0, 16, 4)]
    put(array, place, (four[0], four[1], four[2], four[3]))
    after = place + 16 + (-place & 3)
    changed = octets_of(array)
    assert changed[: place + 16] == octets[:place] + new
    assert changed[after:] == octets[after:]


def test_given_up_words_hold_no_memory() -> None:
    """What stood in them may be secret, and PyPy would keep the memory until its collector comes by."""
    array = words_of(bytes(range(64)))
    assert octets_of(array) == bytes(range(64))
    assert not array
