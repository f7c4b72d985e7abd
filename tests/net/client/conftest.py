# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client's driver at the end of a scripted server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.kit.client import ClientRig


@pytest.fixture
def rig() -> Iterator[ClientRig]:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with ClientRig() as rig:
        yield rig
        assert rig.errors == []
    assert (len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0) == before
