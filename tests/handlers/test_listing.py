# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The page of a directory by itself."""

from __future__ import annotations

import os
import stat

import pytest

from sws.handlers.listing import _size, listing_page


def status(mode: int, size: int = 0, mtime: float = 0.0) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, 0, 0, size, int(mtime), int(mtime), int(mtime)))


FILE = stat.S_IFREG | 0o644
FOLDER = stat.S_IFDIR | 0o755


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1 << 20, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (3 << 40, "3.0 TiB"),
        (5000 << 40, "5000.0 TiB"),
    ],
)
def test_sizes(octets: int, text: str) -> None:
    assert _size(octets) == text


def test_a_page() -> None:
    entries = [
        ("x.txt", status(FILE, 10, 86400)),
        (".hidden", status(FILE)),
        ("d", status(FOLDER)),
        ("fifo", status(stat.S_IFIFO)),
        ("dev", status(stat.S_IFCHR)),
    ]
    page = listing_page(entries, ("a", "b"), False).decode()
    assert page.index("./d/") < page.index("./x.txt")
    assert "10 B</td><td>1970-01-02 00:00" in page
    assert "fifo" not in page
    assert "./dev" not in page
    assert "hidden" not in page
    assert "<title>/a/b</title>" in page
    assert '<a href="../../">/</a> <a href="../">a</a> / <a href="./">b</a>' in page
    assert '<a href="../">../</a>' in page
    assert "2 entries" in page
    assert ".hidden" in listing_page(entries, (), True).decode()
    assert '<a href="../">../</a>' not in listing_page(entries, (), True).decode()


@pytest.mark.parametrize("mtime", [-1, 2**33, 2**40, 2**62, -(2**62)])
def test_times_that_no_calendar_has(mtime: int) -> None:
    """One file with a broken time must not hide all others."""
    assert b"./x" in listing_page([("x", status(FILE, 1, mtime))], (), False)
