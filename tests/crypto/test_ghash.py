# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GHASH, over all kernels."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.crypto.ghash import ghash
from sws.crypto.kernels import ghash_kronecker, ghash_lanes
from sws.crypto.ref import ghash as ref
from tests.crypto.aes_kernels import FAST, HASHERS

_ELEMENTS = st.one_of(
    st.sampled_from([0, 1, 1 << 127, (1 << 128) - 1, 0xE1 << 120, (1 << 64) - 1]),
    st.integers(0, (1 << 128) - 1),
)


@given(_ELEMENTS, _ELEMENTS)
def test_products_and_squares(a: int, b: int) -> None:
    assert ghash_kronecker.multiply(a, b) == ref.multiply(a, b)
    assert ghash_kronecker.square(a) == ref.multiply(a, a)


def test_multiplication_is_that_of_a_field() -> None:
    one = 1 << 127
    chance = random.Random(0)
    for _ in range(20):
        a, b, c = (chance.getrandbits(128) for _ in range(3))
        assert ref.multiply(a, one) == a
        assert ref.multiply(a, b) == ref.multiply(b, a)
        assert ref.multiply(a, b ^ c) == ref.multiply(a, b) ^ ref.multiply(a, c)
        assert ref.multiply(ref.multiply(a, b), c) == ref.multiply(a, ref.multiply(b, c))


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 9, 11, 12, 13, 24, 25, 41, 87, 96, 97, 140, 141, 300])
def test_one_message(name: str, count: int) -> None:
    chance = random.Random(count)
    h, message = chance.randbytes(16), chance.randbytes(16 * count)
    hasher = HASHERS[name](h)
    expected = [ref.ghash(h, message)]
    for _ in range(6):  # keys learn more powers, and get larger tables, as they are used
        assert hasher.many([message]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", FAST)
def test_a_long_message(name: str) -> None:
    chance = random.Random(name)
    h, message = chance.randbytes(16), chance.randbytes(16 * 1026)
    assert HASHERS[name](h).many([message]) == [ref.ghash(h, message)]


@pytest.mark.parametrize("name", FAST)
def test_extreme_keys_and_blocks(name: str) -> None:
    for h in (bytes(16), b"\xff" * 16, b"\x80" + bytes(15), bytes(15) + b"\x01"):
        for block in (bytes(16), b"\xff" * 16, b"\x80" + bytes(15), bytes(15) + b"\x01"):
            for count in (1, 13, 50):
                assert HASHERS[name](h).many([block * count] * 3) == [ref.ghash(h, block * count)] * 3


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("seed", range(12))
def test_messages_of_all_lengths_at_once(name: str, seed: int) -> None:
    chance = random.Random(seed)
    h = chance.randbytes(16)
    messages = [chance.randbytes(16 * chance.choice((1, 2, 5, 6, 6, 30, 87))) for _ in range(chance.choice((2, 3, 5, 20, 40)))]
    assert HASHERS[name](h).many(messages) == [ref.ghash(h, message) for message in messages]


def test_what_a_key_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ghash_lanes, "_REMEMBERED", 6)
    chance = random.Random(3)
    h = chance.randbytes(16)
    hasher = ghash_lanes.GhashKey(h)
    for count in (*range(13, 400, 9), 900):
        message = bytes(16 * (count - 1)) + chance.randbytes(16)
        assert hasher.many([message]) == [ref.ghash(h, message[-16:])]
        assert len(hasher._choices) <= 6
        assert len(hasher._powers) <= 40


def test_lanes_are_the_same_without_strided_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ghash_lanes, "IS_PYPY", True)
    chance = random.Random(8)
    h, message = chance.randbytes(16), chance.randbytes(16 * 50)
    assert ghash_lanes.GhashKey(h).many([message] * 2) == [ref.ghash(h, message)] * 2


def test_the_public_function() -> None:
    h = bytes.fromhex("66e94bd4ef8a2c3b884cfa59ca342b2e")  # test case 2 of the GCM specification
    blocks = bytes.fromhex("0388dace60b6a392f328c2b971b2fe7800000000000000000000000000000080")
    assert ghash(h, blocks).hex() == "f38cbb1ad69223dcc3457ae5b6b0f885"
    assert ref.ghash(h, blocks).hex() == "f38cbb1ad69223dcc3457ae5b6b0f885"
    assert ghash(h, b"") == bytes(16)
    for wrong in ((bytes(15), bytes(16)), (bytes(16), bytes(17))):
        with pytest.raises(UsageError, match="GHASH"):
            ghash(*wrong)


@pytest.mark.parametrize("count", [2, 4, 5])
def test_long_messages_side_by_side(count: int) -> None:
    """So many powers of H at once that they are a plan; the first call makes it, the third finds it."""
    chance = random.Random(count)
    messages = [chance.randbytes(16 * (1026 - 3 * number)) for number in range(count)]
    hasher = ghash_lanes.GhashKey(chance.randbytes(16))
    singly = [hasher.many([message])[0] for message in messages]
    for _ in range(3):
        assert hasher.many(messages) == singly
