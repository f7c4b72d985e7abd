# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Real peer programs: found, or the test skips; in CI their absence is a failure."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["peer"]


def peer(*names: str) -> str:
    """The path of the first of these programs that is installed."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    if os.environ.get("SWS_REQUIRE_PEERS"):
        pytest.fail(f"peer missing: {names[0]}, and SWS_REQUIRE_PEERS is set")
    pytest.skip(f"peer missing: {names[0]}")
