# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which host a request is for.  RFC 9110 §7.2, §7.4."""

from __future__ import annotations

import pytest

from sws.server import hosts as module
from sws.server.hosts import HostTable

TABLE = [
    (("a.example", "B.example."), "exact"),
    (("*.example",), "wild"),
    (("*.a.example",), "longer"),
    (("[2001:db8::1]", "192.0.2.1"), "address"),
]


@pytest.mark.parametrize(
    ("authority", "target"),
    [
        (b"a.example", "exact"),
        (b"A.EXAMPLE:8080", "exact"),
        (b"a.example.", "exact"),
        (b"a.example.:80", "exact"),
        (b"b.example", "exact"),
        (b"c.example", "wild"),
        (b"x.y.z.example", "wild"),
        (b"x.a.example", "longer"),
        (b"x.y.A.example:1", "longer"),
        (b"example", "default"),
        (b".example", "default"),
        (b"notexample", "default"),
        (b"a.example.evil", "default"),
        (b"[2001:db8::1]", "address"),
        (b"[2001:DB8::1]:8443", "address"),
        (b"[2001:db8::2]", "default"),
        (b"192.0.2.1:80", "address"),
        (b"", "default"),
        (b":80", "default"),
        (b"\xff\xfe", "default"),
    ],
)
def test_names(authority: bytes, target: str) -> None:
    table = HostTable(TABLE, "default")
    assert table[authority] == target
    assert table[authority] == target


def test_the_memo_is_bounded() -> None:
    table = HostTable(TABLE, "default")
    for number in range(3000):
        assert table[b"x%d.test" % number] == "default"
        assert len(table) <= module._MEMO_MAXIMUM
    assert table[b"a.example"] == "exact"
