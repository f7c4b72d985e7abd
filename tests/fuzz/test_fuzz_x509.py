# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A few hundred executions of the targets for DER, certificates and OCSP."""

from __future__ import annotations

import pytest

from tests.fuzz import fuzz_x509
from tests.fuzz.kit import Target, fuzz


@pytest.mark.parametrize("target", fuzz_x509.TARGETS, ids=lambda target: target.name)
def test_smoke(target: Target) -> None:
    report = fuzz(target, executions=300, seconds=30.0, seed=1)
    assert report.executions == 300
    assert len(report.outcomes) >= 3, "it does not get anywhere"
