# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What one process adds, all have seen; bounds and ends."""

from __future__ import annotations

import os

import pytest

from sws.os.sharedset import SharedSet


def test_an_item_is_new_once_until_its_time_is_over() -> None:
    seen = SharedSet(64)
    assert seen.add(b"ticket", until=100, now=50)
    assert not seen.add(b"ticket", until=200, now=60)
    assert seen.add(b"other", until=100, now=60)
    assert seen.add(b"ticket", until=300, now=101)
    seen.close()


def test_a_full_bucket_refuses_rather_than_forgets() -> None:
    seen = SharedSet(8)
    taken = [seen.add(b"%d" % number, until=100, now=0) for number in range(20)]
    assert taken == [True] * 8 + [False] * 12
    assert not seen.add(b"0", until=100, now=99)
    assert seen.add(b"new", until=200, now=100)
    seen.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_share_it() -> None:
    seen = SharedSet(1024)
    read, write = os.pipe()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os.write(write, b"".join(b"%d" % seen.add(b"%d" % number, until=100, now=0) for number in range(50)) + b"\n")
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        lines = file.read().split()
    won = [sum(int(line[at : at + 1]) for line in lines) for at in range(50)]
    assert won == [1] * 50
    assert not seen.add(b"7", until=100, now=0)
    seen.close()
