# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames by themselves, against the cases of http2-frame-test-case; settings, priorities and schedulers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sws.base.errors import H2ConnectionError, H2StreamError
from sws.proto.h2 import frames as f
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import FrameHeader, FrameType
from sws.proto.h2.frames.header import decode_header
from sws.proto.h2.frames.priority import Dependency
from sws.proto.h2.priority import DependencyTree, UrgencyScheduler
from sws.proto.h2.windows import ReceiveWindow
from sws.proto.http.priority import Priority, parse_priority
from tests.kit.vectors import extra_vectors

DECODERS: dict[int, Callable[[FrameHeader, bytes], object]] = {
    0: f.decode_data,
    1: f.decode_headers,
    2: f.decode_priority,
    3: f.decode_rst_stream,
    4: f.decode_settings,
    5: f.decode_push_promise,
    6: f.decode_ping,
    7: f.decode_goaway,
    8: f.decode_window_update,
}


def cases() -> list[Any]:
    import json
    import os

    root = os.environ.get("SWS_EXTRA_VECTORS")
    if not root:
        return [pytest.param(None, id="none")]
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in sorted(extra_vectors("http2", "frames").rglob("*.json"))]


@pytest.mark.parametrize("case", cases())
def test_frame_cases(case: dict[str, Any] | None) -> None:
    if case is None:
        extra_vectors("http2", "frames")
        return
    wire = bytes.fromhex(case["wire"])
    header = decode_header(wire)
    payload = wire[9:]
    if case["error"] is not None:
        with pytest.raises((H2ConnectionError, H2StreamError)) as failure:
            _checked(header, payload)
        assert failure.value.code in case["error"]
        return
    expected = case["frame"]
    assert (header.length, header.type, header.flags, header.stream) == (
        expected["length"],
        expected["type"],
        expected["flags"],
        expected["stream_identifier"],
    )
    assert header.length == len(payload)
    said = expected["frame_payload"]
    if header.type == FrameType.CONTINUATION:
        assert payload == said["header_block_fragment"].encode("latin-1")
        return
    found = DECODERS[header.type](header, payload)
    _compare(header, found, said)


def _checked(header: FrameHeader, payload: bytes) -> object:
    if header.length != len(payload) or header.length > 16384:
        raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "as the engine does before it looks at the payload")
    return DECODERS[header.type](header, payload)


def _compare(header: FrameHeader, found: Any, said: dict[str, Any]) -> None:
    kind = header.type
    if kind == FrameType.DATA:
        assert found == said["data"].encode("latin-1")
    elif kind == FrameType.HEADERS:
        assert found[0] == said["header_block_fragment"].encode("latin-1")
        if said["stream_dependency"] is not None:
            parent, weight, exclusive = f.decode_dependency(header.stream, found[1])
            assert (parent, weight, exclusive) == (said["stream_dependency"], said["weight"], said["exclusive"])
    elif kind == FrameType.PRIORITY:
        assert found == (said["stream_dependency"], said["weight"], said["exclusive"])
    elif kind in (FrameType.RST_STREAM,):
        assert found == said["error_code"]
    elif kind == FrameType.SETTINGS:
        assert [list(each) for each in found] == [list(each) for each in said["settings"]]
    elif kind == FrameType.PUSH_PROMISE:
        assert found == (said["promised_stream_id"], said["header_block_fragment"].encode("latin-1"))
    elif kind == FrameType.PING:
        assert found == said["opaque_data"].encode("latin-1")
    elif kind == FrameType.GOAWAY:
        assert found[:2] == (said["last_stream_id"], said["error_code"])
        assert found[2] == (said["additional_debug_data"] or "").encode("latin-1")
    else:
        assert found == said["window_size_increment"]


def test_encoders_are_read_back() -> None:
    for octets, decode, expected in (
        (f.encode_data(1, b"x", padding=3), f.decode_data, b"x"),
        (f.encode_data(1, b"x", end_stream=True), f.decode_data, b"x"),
        (f.encode_headers(1, b"x", padding=0, dependency=Dependency(3, 9, True)), f.decode_headers, (b"x", b"\x80\0\0\3\x08")),
        (f.encode_priority(1, Dependency(3, 256, False)), f.decode_priority, (3, 256, False)),
        (f.encode_push_promise(1, 2, b"x", padding=1), f.decode_push_promise, (2, b"x")),
        (f.encode_push_promise(1, 2, b"x"), f.decode_push_promise, (2, b"x")),
        (f.encode_priority_update(5, b"u=1"), f.decode_priority_update, (5, b"u=1")),
    ):
        assert decode(decode_header(octets), octets[9:]) == expected  # type: ignore[operator]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", (3, True)),
        (b"u=0", (0, False)),
        (b"u=7, i", (7, True)),
        (b"i", (3, True)),
        (b"i=?0", (3, False)),
        (b"u=8", (3, False)),
        (b"u=-1, i", (3, True)),
        (b"u=1.5", (3, False)),
        (b"u=1, x=2", (1, False)),
        (b"=", (3, True)),
        (b"i=1", (3, False)),
    ],
)
def test_priority_values(value: bytes, expected: tuple[int, bool]) -> None:
    """RFC 9218 §4: what is out of range is as if it were not there; who says nothing is served in turns."""
    assert parse_priority(value) == expected
    assert parse_priority(value) == expected


def drain(scheduler: UrgencyScheduler | DependencyTree, left: dict[int, int]) -> list[int]:
    """Frames of 1000 octets until all have sent theirs."""
    order = []
    while number := scheduler.pick():
        order.append(number)
        scheduler.sent(number, 1000)
        left[number] -= 1
        if not left[number]:
            scheduler.deactivate(number)
    return order


def test_urgencies_in_order_lines_and_rings() -> None:
    scheduler = UrgencyScheduler()
    for number, priority in ((1, Priority(3, False)), (3, Priority(3, True)), (5, Priority(3, False)), (7, Priority(1, True))):
        scheduler.prioritise(number, priority)
        scheduler.activate(number)
        scheduler.activate(number)
    assert not scheduler.is_idle
    assert drain(scheduler, dict.fromkeys((1, 3, 5, 7), 2)) == [7, 7, 1, 3, 1, 3, 5, 5]
    assert scheduler.is_idle
    assert scheduler.pick() == 0


def test_nobody_starves() -> None:
    scheduler = UrgencyScheduler()
    for urgency in (0, 3, 7):
        scheduler.prioritise(urgency * 2 + 1, Priority(urgency, True))
        scheduler.activate(urgency * 2 + 1)
    order = [scheduler.pick() for _ in range(1000)]
    assert order.count(1) > 900
    assert order.count(7) > 40
    assert order.count(15) >= 3


def test_a_priority_changes_while_it_waits() -> None:
    scheduler = UrgencyScheduler()
    scheduler.activate(1)
    scheduler.activate(3)
    scheduler.prioritise(3, Priority(0, False))
    assert scheduler.priority_of(3) == (0, False)
    assert scheduler.pick() == 3
    scheduler.closed(3)
    scheduler.deactivate(99)
    assert scheduler.pick() == 1


def turns(tree: DependencyTree) -> list[int]:
    """400 frames of 1000 octets."""
    order = []
    for _ in range(400):
        order.append(tree.pick())
        tree.sent(order[-1], 1000)
    return order


def test_weights_share_and_children_wait() -> None:
    """RFC 7540 §5.3.2"""
    tree = DependencyTree()
    for number in (1, 3, 5):
        tree.opened(number)
    tree.depend(1, Dependency(0, 192, False))
    tree.depend(3, Dependency(0, 64, False))
    tree.depend(5, Dependency(1, 16, False))
    for number in (1, 3, 5):
        tree.activate(number)
    order = turns(tree)
    assert 5 not in order
    assert 2.5 < order.count(1) / order.count(3) < 3.5
    tree.deactivate(1)
    assert 5 in turns(tree)


def test_reprioritisation() -> None:
    """RFC 7540 §5.3.3, figures 5 and 6: A with children B, C; C with D, E; D with F; A becomes a child of D."""
    a, b, c, d, e, g = 1, 3, 5, 7, 9, 11

    def build() -> DependencyTree:
        tree = DependencyTree()
        for number, parent in ((a, 0), (b, a), (c, a), (d, c), (e, c), (g, d)):
            tree.opened(number)
            tree.depend(number, Dependency(parent, 16, False))
        return tree

    tree = build()
    tree.depend(a, Dependency(d, 16, False))
    assert [tree.parent_of(number) for number in (a, b, c, d, e, g)] == [d, a, a, 0, c, d]
    tree = build()
    tree.depend(a, Dependency(d, 16, True))
    assert [tree.parent_of(number) for number in (a, b, c, d, e, g)] == [d, a, a, 0, c, a]


def test_children_of_a_forgotten_stream_share_its_weight() -> None:
    """RFC 7540 §5.3.4"""
    tree = DependencyTree(0)
    for number, parent, weight in ((1, 0, 100), (3, 1, 16), (5, 1, 48)):
        tree.opened(number)
        tree.depend(number, Dependency(parent, weight, False))
    tree.closed(1)
    assert [tree.parent_of(number) for number in (3, 5)] == [0, 0]
    assert [tree.weight_of(number) for number in (3, 5)] == [25, 75]


def test_a_window_that_a_slow_consumer_does_not_fill_stays() -> None:
    window = ReceiveWindow(1000, 4000, 0.0)
    assert window.give_back(400, 0.0, 0.1) == 0
    assert window.give_back(200, 5.0, 0.1) == 600
    assert window.give_back(600, 10.0, 0.1) == 600
    assert window.size == 1000
    window.give_back(500, 10.1, 0.1)
    assert window.give_back(500, 10.1, 0.1) == 1500
    assert window.size == 2000


def test_error_names() -> None:
    assert ErrorCode.name_of(8) == "CANCEL"
    assert ErrorCode.name_of(0xFF) == "INTERNAL_ERROR"
