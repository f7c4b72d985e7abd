# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The cache: time to live, clamps, bounds, stale answers; and against a naive twin."""

from __future__ import annotations

import random
from dataclasses import astuple

import pytest

from sws.base.errors import UsageError
from sws.net.resolver_cache import STALE_TTL, CacheCounters, Lookup, ResolverCache


def cache(maximum: int = 100, **options: float) -> ResolverCache[str]:
    return ResolverCache(random.Random(0).randbytes, maximum, **options)  # type: ignore[arg-type]


def test_a_value_holds_for_its_ttl() -> None:
    known = cache(stale_while_refresh=0, stale_on_error=0)
    assert known.get("a", 0.0) is None
    known.put("a", "one", 10, 0.0)
    assert known.get("a", 0.0) == Lookup("one", 10)
    assert known.get("a", 4.5) == Lookup("one", 5)
    assert known.get("a", 9.9) == Lookup("one", 1)
    assert known.get("a", 10.0) is None
    assert known.counters == CacheCounters(hits=3, misses=2)
    known.put("b", "two", 1, 10.0)
    assert len(known) == 1
    assert known.counters.expired == 1


def test_a_value_takes_the_place_of_another() -> None:
    known = cache()
    known.put("a", "one", 10, 0.0)
    known.put("a", "two", 20, 0.0)
    assert known.get("a", 15.0) == Lookup("two", 5)
    known.put("a", "three", 0, 0.0)
    assert known.get("a", 0.0) is None
    assert len(known) == 0
    known.put("b", "x", -1, 0.0)
    assert len(known) == 0


def test_clamps() -> None:
    known = cache(minimum_ttl=5, maximum_ttl=100, maximum_negative_ttl=50)
    known.put("short", "x", 1, 0.0)
    known.put("long", "x", 1000, 0.0)
    known.put("no", "x", 1000, 0.0, negative=True)
    assert [known.get(key, 0.0) for key in ("short", "long", "no")] == [Lookup("x", 5), Lookup("x", 100), Lookup("x", 50)]


@pytest.mark.parametrize(
    "options",
    [{"maximum": 0}, {"minimum_ttl": 0}, {"minimum_ttl": 5, "maximum_ttl": 4}, {"minimum_ttl": 20_000}, {"stale_while_refresh": 90_000}],
)
def test_bounds_that_contradict_each_other(options: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        cache(**options)


def test_the_soonest_to_expire_makes_room() -> None:
    known = cache(3)
    for key, ttl in (("a", 30), ("b", 10), ("c", 20), ("d", 40)):
        known.put(key, key, ttl, 0.0)
    assert [key for key in "abcd" if known.get(key, 0.0)] == ["a", "c", "d"]
    known.put("n", "n", 100, 0.0, negative=True)  # is never stale, so it goes before the others
    known.put("e", "e", 1, 0.0)
    assert [key for key in "acdne" if known.get(key, 0.0)] == ["a", "d", "e"]
    assert known.counters.evicted == 3


def test_stale_while_one_refreshes() -> None:
    known = cache(stale_while_refresh=30, stale_on_error=100)
    known.put("a", "old", 10, 0.0)
    assert known.get("a", 10.0) == Lookup("old", STALE_TTL, stale=True, refresh=True)
    assert known.get("a", 11.0) == Lookup("old", STALE_TTL, stale=True, refresh=False)
    known.put("a", "new", 10, 12.0)
    assert known.get("a", 12.0) == Lookup("new", 10)
    assert known.counters.stale == 2


def test_a_refresh_that_failed_is_not_repeated_at_once() -> None:
    known = cache(stale_while_refresh=30, stale_on_error=100)
    known.put("a", "old", 10, 0.0)
    assert known.get("a", 39.0) is not None
    assert known.failed("a", 39.5) == Lookup("old", STALE_TTL, stale=True)
    assert known.get("a", 69.4) == Lookup("old", STALE_TTL, stale=True)
    assert known.get("a", 69.5) is None  # past the bound for answers given out at once
    assert known.failed("a", 70.0) == Lookup("old", STALE_TTL, stale=True)
    assert known.get("a", 99.9) == Lookup("old", STALE_TTL, stale=True)
    assert known.failed("a", 110.0) is None
    assert known.get("a", 110.0) is None
    assert known.failed("b", 0.0) is None


def test_after_a_failure_within_the_bound_the_next_refresh_has_its_turn() -> None:
    known = cache(stale_while_refresh=90, stale_on_error=100)
    known.put("a", "old", 10, 0.0)
    assert known.get("a", 20.0) == Lookup("old", STALE_TTL, stale=True, refresh=True)
    known.failed("a", 20.0)
    assert known.get("a", 49.0) == Lookup("old", STALE_TTL, stale=True)
    assert known.get("a", 50.0) == Lookup("old", STALE_TTL, stale=True, refresh=True)


def test_negative_answers_are_never_stale() -> None:
    known = cache(stale_while_refresh=30, stale_on_error=100)
    known.put("a", "none", 10, 0.0, negative=True)
    assert known.get("a", 9.0) == Lookup("none", 1)
    assert known.get("a", 10.0) is None
    assert known.failed("a", 10.0) is None


def test_forgetting() -> None:
    known = cache()
    for key in "abc":
        known.put(key, key, 10, 0.0)
    known.discard("b")
    known.discard("x")
    assert [key for key in "abc" if known.get(key, 0.0)] == ["a", "c"]
    known.clear()
    assert len(known) == 0
    known.put("d", "d", 10, 0.0)
    assert known.get("d", 0.0) is not None


@pytest.mark.parametrize("seed", range(6))
def test_against_a_naive_twin(seed: int) -> None:
    chance = random.Random(seed)
    known: ResolverCache[int] = ResolverCache(chance.randbytes, 20, stale_while_refresh=0, stale_on_error=0)
    twin: dict[int, tuple[float, int, int]] = {}
    now = 0.0
    for step in range(3000):
        now += chance.random() / 5
        key = chance.randrange(40)
        kind = chance.randrange(4)
        if kind == 0:
            found = known.get(key, now)
            entry = twin.get(key)
            assert (found.value if found else None) == (entry[2] if entry and entry[0] > now else None)
        elif kind == 1:
            known.discard(key)
            twin.pop(key, None)
        else:
            ttl = chance.choice((1, 2, 5, 20, 20, 60))
            twin.pop(key, None)
            twin = {other: entry for other, entry in twin.items() if entry[0] > now}
            if len(twin) == 20:
                del twin[min(twin, key=lambda other: twin[other][:2])]
            twin[key] = now + ttl, step, step
            known.put(key, step, ttl, now)
            assert len(known) == len(twin) <= 20
    assert known.counters.evicted > 50
    assert known.counters.expired > 50


@pytest.mark.parametrize("octets", [b"\x00\x00", b"\xff\xff", b"\xff\x7f"])
def test_any_heights_will_do(octets: bytes) -> None:
    known: ResolverCache[int] = ResolverCache(lambda _count: octets, 50)
    for number in range(100):
        known.put(number, number, 1 + number * 7 % 100, 0.0)
    assert len(known) == 50
    assert astuple(known.counters)[3] == 50
