# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The timing harness sees a leak that is there, and the statistics are Welch's."""

from __future__ import annotations

import pytest

from bench.timing import CONTROL, LEAKS, measure, targets, welch


def test_welchs_t() -> None:
    assert welch([1, 2, 3, 4], [3, 4, 5, 6]) == pytest.approx(-2.190890230020664)
    assert welch([5, 5], [5, 5]) == 0.0


@pytest.mark.slow
@pytest.mark.xdist_group("timing")
def test_the_control_leaks_and_more_than_what_we_compare_with() -> None:
    control, ours = targets()[:2]
    assert control.name == CONTROL
    assert ours.name == "constant_time.equal"
    leak = abs(measure(control, 0.5).t)
    assert leak > LEAKS
    assert leak > 3 * abs(measure(ours, 0.5).t)
