# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A Node.js whose OpenSSL has ML-KEM, which that of the distribution may not have: `.ci/run` installs one from npm."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest

from tests.kit.server import ROOT

__all__ = ["node"]

_INSTALLED = ROOT / ".peers" / "node_modules" / "node" / "bin" / "node"


@functools.cache
def _find() -> str | None:
    candidates = [os.environ.get("SWS_NODE"), str(_INSTALLED), shutil.which("node")]
    for path in candidates:
        if path and os.access(path, os.X_OK):
            said = subprocess.run([path, "-p", "process.versions.openssl"], capture_output=True, text=True, timeout=30).stdout
            numbers = said.strip().split(".")
            if len(numbers) >= 2 and (int(numbers[0]), int(numbers[1])) >= (3, 5):
                return path
    return None


def node() -> str:
    """Its path, or the test skips; in CI its absence is a failure."""
    path = _find()
    if path is None:
        reason = "peer missing: a Node.js with OpenSSL >= 3.5 (npm install --prefix .peers node, or set SWS_NODE)"
        if os.environ.get("SWS_REQUIRE_PEERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
