# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Primes and composites: all small ones, Wycheproof's traps, and the bases that are used."""

from __future__ import annotations

import random

import pytest

from sws.crypto.primality import SMALL_PRIMES, is_probable_prime
from tests.crypto.wycheproof import cases


@pytest.mark.slow
def test_wycheproof() -> None:
    outcomes = {"valid": 0, "invalid": 0, "acceptable": 0}
    for _, test in cases("primality_test_test"):
        octets = bytes.fromhex(test["value"])
        found = is_probable_prime(int.from_bytes(octets, "big", signed=True))
        if test["result"] != "acceptable":
            assert found is (test["result"] == "valid"), (test["tcId"], test["comment"])
        outcomes[test["result"]] += 1
    assert outcomes["valid"] > 20
    assert outcomes["invalid"] > 80


def test_small_numbers_by_trial_division() -> None:
    primes = [n for n in range(2, 6000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    assert [n for n in range(-10, 6000) if is_probable_prime(n, 8)] == primes
    assert list(SMALL_PRIMES) == [n for n in primes if n < 2048]


@pytest.mark.parametrize("prime", [2**61 - 1, 2**127 - 1, 2**255 - 19, 2**521 - 1])
def test_known_primes_and_their_products(prime: int) -> None:
    assert is_probable_prime(prime)
    assert not is_probable_prime(prime * prime)
    assert not is_probable_prime(prime * (2**89 - 1))


def test_a_strong_pseudoprime_is_seen_by_chance_not_by_luck() -> None:
    """Jaeschke's 341550071728321 passes for the bases 2 … 17; a base that tells is among the random ones."""
    n = 341550071728321
    for base in (2, 3, 5, 7, 11, 13, 17):
        assert is_probable_prime(n, 1, lambda count, base=base: (base - 2).to_bytes(count, "big"))  # type: ignore[misc]
    assert not is_probable_prime(n, 64, random.Random(1).randbytes)


def test_bases_come_from_the_entropy() -> None:
    asked: list[int] = []

    def entropy(count: int) -> bytes:
        asked.append(count)
        return b"\x55" * count

    assert is_probable_prime(2**127 - 1, 5, entropy)
    assert asked == [24] * 5
