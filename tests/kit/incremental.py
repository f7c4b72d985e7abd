# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every decoder gives the same result however its input was cut: whole, octet by octet, at random places, with octets behind it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

__all__ = ["Feed", "assert_incremental", "begins_with", "cut_at_random", "octets"]

T = TypeVar("T")
Item = TypeVar("Item")


class Feed(Protocol[T]):  # type: ignore[misc]  # T is only a result here
    """Gives the segments, in order, to a new decoder and returns all that came out of it."""

    def __call__(self, segments: Sequence[bytes], /) -> T: ...


def octets(data: bytes) -> list[bytes]:
    """One segment for each octet."""
    return [data[at : at + 1] for at in range(len(data))]


def cut_at_random(data: bytes, chance: random.Random, cuts: int = 4) -> list[bytes]:
    """A few segments, none of them empty."""
    if len(data) < 2:
        return [data]
    places = sorted({chance.randrange(1, len(data)) for _ in range(cuts)})
    return [data[start:stop] for start, stop in zip([0, *places], [*places, len(data)], strict=True)]


def begins_with(longer: Sequence[Item], shorter: Sequence[Item]) -> bool:
    """What came out for `shorter` is the beginning of what came out for `longer`."""
    return list(longer[: len(shorter)]) == list(shorter)


def assert_incremental(
    feed: Feed[T],
    data: bytes,
    *,
    trailing: Iterable[bytes] = (),
    extends: Callable[[T, T], bool] | None = None,
    rounds: int = 3,
    seed: int = 0,
) -> T:
    """Holds a decoder to one result.

    Args:
      feed:      runs a fresh decoder over segments.
      data:      the input.
      trailing:  octets that may follow; what comes out with them must extend what comes out without, and be the same cut or whole.
      extends:   (result with trailing octets, result without) -> whether they agree; equality by default.
      rounds:    how many random segmentations, from `seed`.
    Returns: the result.
    """
    whole = feed([data])
    assert feed(octets(data)) == whole, f"octet by octet differs: {data[:200]!r}"
    chance = random.Random(f"{seed}:{len(data)}")
    for _ in range(rounds):
        segments = cut_at_random(data, chance)
        assert feed(segments) == whole, f"cut differs: {segments!r}"
    for tail in trailing:
        joined = feed([data + tail])
        assert feed([data, tail]) == joined, f"trailing octets cut off differ: {data[:200]!r} + {tail!r}"
        assert joined == whole if extends is None else extends(joined, whole), f"trailing octets change it: {data[:200]!r} + {tail!r}"
    return whole
