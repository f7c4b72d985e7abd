# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Recodings give their scalar back and keep their digits' bounds; inverses are inverses."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sws.crypto.curves import P256
from sws.crypto.kernels.field import invert_all, recode, wnaf

scalars = st.integers(0, 2**256 - 1) | st.sampled_from([0, 1, 2**256 - 1, P256.n, P256.n - 1])


@given(scalars, st.sampled_from([(5, 52), (8, 32), (9, 29)]))
def test_recoded_scalars_have_only_odd_digits(k: int, form: tuple[int, int]) -> None:
    window, count = form
    odd = k | 1
    digits = [2 * value - (1 << window) + 1 for value in recode(odd, window, count)]
    assert len(digits) == count
    assert all(digit & 1 and abs(digit) < 1 << window for digit in digits)
    assert sum(digit << window * index for index, digit in enumerate(digits)) == odd


@given(scalars, st.integers(2, 10))
def test_non_adjacent_forms(k: int, width: int) -> None:
    digits = wnaf(k, width)
    assert sum(digit << position for digit, position in digits) == k
    assert all(digit & 1 and abs(digit) < 1 << (width - 1) for digit, _ in digits)
    positions = [position for _, position in digits]
    assert all(later - earlier >= width for earlier, later in pairwise(positions))


@given(st.lists(st.integers(1, P256.p - 1), max_size=5))
def test_inverses(values: list[int]) -> None:
    assert invert_all(values, P256.p) == [pow(value, -1, P256.p) for value in values]
