# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads taken apart, and the bounds of what is remembered of them."""

from __future__ import annotations

import pytest

from sws.base.errors import UsageError
from sws.proto.http import heads
from sws.proto.http.heads import HeadParts, PlanMemo, split_head


def test_what_is_shared_and_what_is_a_response_s_own() -> None:
    parts = split_head(200, ((b"server", b"sws"), (b"etag", b'"x"'), (b"content-length", b"5"), (b"connection", b"close")))
    assert parts == HeadParts(((b":status", b"200"), (b"server", b"sws")), ((b"etag", b'"x"'), (b"content-length", b"5")), True, 5)
    assert not split_head(200, ((b"date", b"today"),)).dated
    assert not split_head(103, ()).dated


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (99, ()),
        (600, ()),
        (200, ((b"content-length", b"x"),)),
        (200, ((b"content-length", b"1"), (b"content-length", b"1"))),
        (204, ((b"content-length", b"0"),)),
        (103, ((b"content-length", b"0"),)),
        (200, ((b"transfer-encoding", b"chunked"),)),
        (200, ((b"x", b"a\r\nb"),)),
    ],
)
def test_heads_that_cannot_be_sent(status: int, fields: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(UsageError):
        split_head(status, fields)


def test_plans_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_MEMO_SIZE", 8)
    memo: PlanMemo[list[HeadParts]] = PlanMemo(lambda parts: [parts])
    kept = [((b"x-a", b"%d" % number),) for number in range(30)]
    for fields in kept:
        plan = memo.find(200, fields)
        assert memo.find(200, fields) is plan
        assert memo.find(404, fields) is not plan
        assert memo.find(200, list(fields)) is plan
    assert max(len(memo._memo), len(memo._by_identity)) <= 9
