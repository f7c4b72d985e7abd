# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a test clock has to have to be one; mypy holds the assignment."""

from __future__ import annotations

from sws.base.clock import Clock


class _Stopped:
    def monotonic(self) -> float:
        return 1.0

    def wall(self) -> float:
        return 2.0


def test_a_stopped_clock_is_a_clock() -> None:
    clock: Clock = _Stopped()
    assert (clock.monotonic(), clock.wall()) == (1.0, 2.0)
