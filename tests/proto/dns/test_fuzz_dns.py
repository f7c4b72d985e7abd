# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A few thousand executions of the fuzz targets."""

from __future__ import annotations

import pytest

from tests.fuzz.fuzz_dns import TARGETS
from tests.fuzz.kit import Target, fuzz


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_smoke(target: Target) -> None:
    report = fuzz(target, executions=1500, seconds=30.0, seed=1)
    assert report.executions == 1500
    assert len(report.outcomes) >= 3, "it does not get anywhere"
