# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The served folder that tests of handlers share."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.kit.handlers import descriptors
from tests.kit.served_folder import Site


@pytest.fixture(params=[0, 1 << 20], ids=["disk", "hot"])
def cache(request: pytest.FixtureRequest) -> int:
    """Nothing kept in memory, and small files kept."""
    return int(request.param)


@pytest.fixture
def site(tmp_path: pathlib.Path, cache: int) -> Iterator[Site]:
    (tmp_path / "www").mkdir()
    (tmp_path / "secret").write_text("SECRET")
    before = descriptors()
    site = Site(tmp_path / "www", cache=cache)
    yield site
    site.close()
    assert descriptors() == before
