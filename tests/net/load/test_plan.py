# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests made ready, and which heads are simple; the oracle of the latter is the client engine.  RFC 9112 §6.3."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.engine import BodyChunk, Ended, ResponseStarted
from sws.base.errors import UsageError
from sws.net.load.plan import LIMITS, LoadPlan, plan_requests
from sws.proto.http1 import ClientConnection

HOST = ((b"host", b"a"),)


def plan(method: bytes = b"GET", body: bytes | None = None) -> LoadPlan:
    """One for a single request."""
    return LoadPlan(plan_requests(method, [b"/"], HOST, body), 1, 1.0)


def test_octets() -> None:
    one, other = plan_requests(b"GET", [b"/a", b"/b?c"], HOST, None)
    assert one.octets == b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n"
    assert other.octets == b"GET /b?c HTTP/1.1\r\nhost: a\r\n\r\n"
    (with_body,) = plan_requests(b"POST", [b"/"], HOST, b"hello")
    assert with_body.octets == b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
    (same,) = plan_requests(b"POST", [b"/"], (*HOST, (b"content-length", b"5")), b"hello")
    assert same.octets == with_body.octets
    (empty,) = plan_requests(b"POST", [b"/"], HOST, b"")
    assert empty.octets.endswith(b"content-length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "fields", "body"),
    [
        (b"CONNECT", HOST, None),
        (b"GET", (*HOST, (b"upgrade", b"websocket")), None),
        (b"GET", (), None),
        (b"G T", HOST, None),
        (b"GET", (*HOST, (b"a", b"b\r\nc: d")), None),
        (b"POST", (*HOST, (b"content-length", b"4")), b"hello"),
    ],
)
def test_what_cannot_be_sent(method: bytes, fields: tuple[tuple[bytes, bytes], ...], body: bytes | None) -> None:
    with pytest.raises(UsageError):
        plan_requests(method, [b"/"], fields, body)


@pytest.mark.parametrize(
    ("head", "facts"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10", (200, 10)),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nA: b", (404, 0)),
        (b"HTTP/1.1 204 No Content", (204, 0)),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 7", (304, 0)),
        (b"HTTP/1.1 200 OK", (0, -1)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", (0, -1)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive, Close", (0, -1)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1", (0, -1)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x", (0, -1)),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 1", (0, -1)),
        (b"HTTP/1.1 100 Continue", (0, -1)),
        (b"HTTP/2 200", (0, -1)),
        (b"", (0, -1)),
    ],
)
def test_simple_heads(head: bytes, facts: tuple[int, int]) -> None:
    made = plan()
    assert made.learn(head) == facts
    assert made.heads == {head: facts}


def test_head_has_no_content() -> None:
    assert plan(b"HEAD").learn(b"HTTP/1.1 200 OK\r\ncontent-length: 10") == (200, 0)
    assert plan(b"HEAD").learn(b"HTTP/1.1 200 OK") == (200, 0)


def test_what_is_remembered_is_bounded() -> None:
    made = plan()
    for number in range(5000):
        made.learn(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\na: %d" % number)
    assert len(made.heads) <= 1024
    made.heads.clear()
    made.learn(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\na: " + b"x" * 5000)
    assert made.heads == {}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([b"GET", b"HEAD", b"POST"]),
    st.sampled_from([b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/1.9 ", b"http/1.1 "]),
    st.sampled_from([b"100", b"200", b"204", b"304", b"404", b"599", b"600"]),
    st.lists(
        st.sampled_from(
            [
                b"content-length: 3", b"Content-Length:3", b"content-length: 3, 3", b"content-length: 4", b"content-length: -1",
                b"transfer-encoding: chunked", b"connection: close", b"connection: keep-alive", b"a: b", b" folded", b"bad name: x",
            ]
        ),
        max_size=4,
    ),
)  # fmt: skip
def test_simple_is_what_the_engine_says(method: bytes, version: bytes, status: bytes, lines: list[bytes]) -> None:
    """Where a head is simple, the engine takes exactly that many octets, is idle afterwards, and says the same status."""
    made = plan(method, b"x" if method == b"POST" else None)
    head = b"\r\n".join([version + status + b" Reason", *lines])
    found, length = made.learn(head)
    engine = ClientConnection(0.0, limits=LIMITS)
    made.requests[0].begin(engine, 0.0)
    events = engine.receive(head + b"\r\n\r\n" + b"c" * max(0, length), 0.0)
    started = [event for event in events if isinstance(event, ResponseStarted)]
    whole = bool(started and started[0].ended) or any(isinstance(event, Ended) for event in events)
    if length >= 0:
        assert [event.status for event in started] == [found]
        assert whole
        assert sum(len(event.data) for event in events if isinstance(event, BodyChunk)) == length
        assert engine.is_idle
    elif whole and engine.is_idle:  # nothing else is taken for complicated that is not
        odd = (b"3, 3", b"\r\n folded", b"HTTP/1.0", b"HTTP/1.9")
        assert head.lower().count(b"content-length") > 1 or any(part in head for part in odd)
