# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The bounded store of plans."""

from __future__ import annotations

import gc

import pytest

from sws.crypto.kernels import plans
from sws.crypto.kernels.plans import LIMIT_OCTETS, SMALL, Plans, kept


class _Maker:
    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, size: int) -> object:
        self.made.append(size)
        return object()


def test_a_small_plan_is_kept_from_its_first_use() -> None:
    make = _Maker()
    some: Plans[object] = Plans(make, lambda size: size)
    assert some.get(SMALL) is some.get(SMALL)
    assert make.made == [SMALL]


def test_a_large_plan_is_kept_from_its_second_use() -> None:
    make = _Maker()
    some: Plans[object] = Plans(make, lambda size: size)
    first, second, third = (some.get(SMALL + 1) for _ in range(3))
    assert first is not second
    assert second is third
    assert make.made == [SMALL + 1] * 2


def test_sizes_asked_for_once_are_forgotten_in_time() -> None:
    make = _Maker()
    some: Plans[object] = Plans(make, lambda size: size)
    for size in (*range(SMALL + 1, SMALL + 6), SMALL + 1):
        some.get(size)
    assert some.get(SMALL + 1) is some.get(SMALL + 1)
    assert make.made.count(SMALL + 1) == 3


def test_the_plan_unused_for_longest_goes_first() -> None:
    before = kept()
    make = _Maker()
    third = LIMIT_OCTETS // 3
    some: Plans[object] = Plans(make, lambda size: third)
    for size in (1, 1, 2, 2, 3, 3):
        some.get(size)
    some.get(1)
    for size in (4, 4):
        some.get(size)
    assert kept()[1] <= LIMIT_OCTETS
    kept_one = some.get(1)
    assert make.made.count(1) == 2
    some.get(2)
    assert make.made.count(2) == 3
    assert some.get(1) is kept_one
    del some
    gc.collect()
    assert kept()[1] <= before[1]


def test_the_number_of_plans_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "LIMIT_ENTRIES", 10)
    some: Plans[object] = Plans(_Maker(), lambda size: 1)
    for size in range(30):
        some.get(size)
        assert kept()[0] <= 10
