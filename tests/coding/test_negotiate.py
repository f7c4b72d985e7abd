# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Accept-Encoding against what is at hand.  RFC 9110 §12.5.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.coding.negotiate import Negotiator

ALL = (b"br", b"zstd", b"gzip")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        (b"", ()),
        (b"gzip", (b"gzip",)),
        (b"gzip, deflate, br", (b"br", b"gzip")),
        (b"gzip, br, zstd", ALL),
        (b"GZIP;Q=1.0", (b"gzip",)),
        (b"x-gzip", (b"gzip",)),
        (b"br;q=0.5, gzip", (b"gzip", b"br")),
        (b"br;q=0, gzip", (b"gzip",)),
        (b"*", ALL),
        (b"*;q=0", ()),
        (b"*;q=0, gzip;q=0.1", (b"gzip",)),
        (b"*;q=0.5, br;q=0", (b"zstd", b"gzip")),
        (b"identity", ()),
        (b"gzip;q=0.5, identity", ()),
        (b"gzip, identity;q=0.5", (b"gzip",)),
        (b"gzip;q=0.5, *;q=0.7", (b"br", b"zstd")),
        (b"gzip;q=2, br", (b"br",)),
        (b"gzip;q=, br;q=0.0001", ()),
        (b"compress;q=0.5, gzip;q=1.0", (b"gzip",)),
        (b",, gzip ,,", (b"gzip",)),
        (b"gzip;level=9", ()),
    ],
)
def test_ranking(value: bytes | None, expected: tuple[bytes, ...]) -> None:
    negotiator = Negotiator(ALL)
    assert negotiator.acceptable(value) == expected
    assert negotiator.acceptable(value) == expected


def test_the_servers_order_decides_among_equals() -> None:
    assert Negotiator((b"gzip", b"br")).acceptable(b"br, gzip") == (b"gzip", b"br")


def test_the_memo_is_bounded() -> None:
    negotiator = Negotiator(ALL)
    for number in range(2000):
        negotiator.acceptable(b"x%d" % number)
    assert len(negotiator._memo) <= 512


@given(st.binary(max_size=60))
def test_any_octets(value: bytes) -> None:
    assert set(Negotiator(ALL).acceptable(value)) <= set(ALL)
