# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Comparison, in both forms."""

from __future__ import annotations

import pytest

from sws.crypto import constant_time


@pytest.mark.parametrize("equal", [constant_time.equal, constant_time._gathered, constant_time._load_gathered()])
def test_equal(equal: constant_time._Equal) -> None:
    assert equal(b"", b"")
    assert equal(b"\0same", b"\0same")
    assert not equal(b"\0", b"")
    assert not equal(b"a" * 16, b"a" * 15 + b"b")
    assert not equal(b"b" + b"a" * 15, b"a" * 16)
