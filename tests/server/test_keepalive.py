# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The idle time-out under load."""

from __future__ import annotations

import pytest

from sws.proto.http1 import IdlePolicy
from sws.server.keepalive import KeepAliveTuner


def tuner(maximum: int = 100, memory: int = 0, longest: float = 64.0, shortest: float = 4.0) -> KeepAliveTuner:
    return KeepAliveTuner(IdlePolicy(), longest=longest, shortest=shortest, max_connections=maximum, memory=memory)


@pytest.mark.parametrize(("connections", "seconds"), [(0, 64), (50, 64), (70, 16), (90, 4), (100, 4), (200, 4)])
def test_the_time_out_follows_the_load_geometrically(connections: int, seconds: float) -> None:
    tuned = tuner()
    assert tuned.policy.seconds == 64
    tuned.update(connections, 0, 0)
    assert tuned.policy.seconds == pytest.approx(seconds)


def test_it_comes_back() -> None:
    tuned = tuner()
    tuned.update(100, 0, 0)
    tuned.update(10, 0, 0)
    assert tuned.policy.seconds == 64


@pytest.mark.parametrize(
    ("maximum", "connections", "idle", "surplus"),
    [
        (100, 50, 50, 0),
        (100, 90, 90, 0),
        (100, 91, 91, 1),
        (100, 100, 100, 10),
        (100, 100, 40, 10),
        (100, 100, 5, 5),
        (100, 100, 0, 0),
        (10, 10, 10, 1),
        (1, 1, 1, 1),
    ],
)
def test_a_reserve_for_newcomers(maximum: int, connections: int, idle: int, surplus: int) -> None:
    assert tuner(maximum).update(connections, idle, 0) == surplus


def test_memory_counts_as_load() -> None:
    tuned = tuner(memory=1000)
    assert tuned.update(10, 10, 500) == 0
    assert tuned.policy.seconds == 64
    assert tuned.update(10, 10, 700) == 0
    assert tuned.policy.seconds == pytest.approx(16)
    assert tuned.update(10, 10, 1000) == 5
    assert tuned.policy.seconds == pytest.approx(4)
    assert tuned.update(10, 0, 2000) == 0


def test_the_shortest_is_never_longer_than_the_longest() -> None:
    tuned = tuner(longest=1, shortest=5)
    tuned.update(100, 0, 0)
    assert tuned.policy.seconds == pytest.approx(1)
