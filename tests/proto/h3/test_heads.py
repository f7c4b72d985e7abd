# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads that are kept ready: their memories have bounds, and what is kept is what would be made anew."""

from __future__ import annotations

import pytest

from sws.proto.h3 import heads
from sws.proto.h3.heads import HeadSections, plan_head
from sws.proto.qpack import Decoder, Encoder

DATE = b"Tue, 15 Nov 1994 08:12:31 GMT"


def test_what_responses_share_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_shared", {})
    monkeypatch.setattr(heads, "_SHARED_MAXIMUM", 8)
    for number in range(30):
        plan = plan_head(200, ((b"x-shared", b"%d" % number), (b"content-length", b"5")))
        assert plan_head(200, ((b"x-shared", b"%d" % number), (b"content-length", b"6"))).shared is plan.shared
    assert len(heads._shared) <= 8


def test_sections_are_kept_once_they_are_settled() -> None:
    encoder, decoder = Encoder(), Decoder(4096, 10)
    encoder.set_limits(4096, 10)
    dates = [DATE]
    sections = HeadSections(encoder, lambda: dates[0])
    plan = plan_head(200, ((b"server", b"sws"), (b"x-odd", b"1"), (b"content-length", b"5")))
    wires = []
    for number in range(0, 20, 4):
        wires.append(sections.section(number, plan))
        decoder.receive(encoder.data_to_send())
        fields = decoder.decode(number, wires[-1])
        assert fields == [(b":status", b"200"), (b"server", b"sws"), (b"x-odd", b"1"), (b"content-length", b"5"), (b"date", dates[0])]
        encoder.receive(decoder.data_to_send())
    assert wires[0] != wires[1] == wires[2]
    assert plan.shared in sections._sections
    dates[0] = b"Tue, 15 Nov 1994 08:12:32 GMT"
    assert sections.section(20, plan) != wires[-1]
    dates[0] = b"Tue, 15 Nov 1994 08:12:33 GMT"
    assert decoder.decode(24, sections.section(24, plan)) is not None
    own = plan_head(200, ((b"date", DATE),))
    assert decoder.decode(28, sections.section(28, own)) == [(b":status", b"200"), (b"date", DATE)]


def test_sections_are_kept_within_bounds() -> None:
    sections = HeadSections(Encoder(), lambda: DATE)
    for number in range(200):
        sections.section(0, plan_head(200, ((b"x-a", b"%d" % number),)))
    assert len(sections._sections) <= 64
