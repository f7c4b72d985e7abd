# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The manual pages are those of this very command line."""

from __future__ import annotations

import pathlib

from man.generate import pages

FOLDER = pathlib.Path(__file__).parent.parent / "man"


def test_pages_are_up_to_date() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.1")}
    assert committed == pages()
