# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A short run of every fuzz target of public-key code."""

from __future__ import annotations

import pytest

from tests.crypto.other import needs_other
from tests.fuzz.fuzz_public_key import TARGETS
from tests.fuzz.kit import Target, fuzz

EXECUTIONS = {"signature": 200}


@needs_other
@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_smoke(target: Target) -> None:
    executions = EXECUTIONS.get(target.name, 1000)
    report = fuzz(target, executions=executions, seconds=30.0, seed=1)
    assert report.executions == executions
    assert len(report.outcomes) >= 2, "it does not get anywhere"
