# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Priorities, going away and the end of connections at the server's end."""

from __future__ import annotations

from sws.base.engine import Aborted, RequestStarted
from sws.proto.h3 import ErrorCode, Http3Limits
from sws.proto.h3.frames import encode_frame
from sws.proto.quic.api import ConnectionClosed
from tests.kit.h3_peer import (
    GET,
    head,
    raw_client,
)


def test_priorities() -> None:
    """RFC 9218: the field, PRIORITY_UPDATE before and during the request."""
    peer = raw_client()
    peer.feed(2, encode_frame(0xF0700, b"\x08u=1"))
    peer.feed(0, head([*GET, (b"priority", b"u=5, i")]), True)
    peer.feed(4, head(GET), True)
    peer.feed(8, head([*GET, (b"priority", b"u=5, i")]), True)
    peer.feed(2, encode_frame(0xF0700, b"\x04u=0"))
    peer.feed(2, encode_frame(0xF0700, b"\x00u=7"))
    assert {number: value for number, value in peer.transport.priorities.items() if not number & 3} == {
        8: (1, False),
        0: (7, False),
        4: (0, False),
    }
    for number in range(12, 1200, 4):
        peer.feed(2, encode_frame(0xF0700, bytes((0x40 | number >> 8, number & 255)) + b"u=1"))
    assert len(peer.engine._early_priorities) <= 128
    peer.engine.send_response(0, 200, [], b"")
    peer.feed(2, encode_frame(0xF0700, b"\x00u=7"))
    assert peer.closed is None


def test_push_is_never_used() -> None:
    peer = raw_client()
    assert peer.feed(2, b"\x0d\x01\x05\x0d\x01\x05\x07\x01\x05\x07\x01\x03") == []
    assert peer.closed is None


def test_going_away_in_two_steps() -> None:
    """RFC 9114 §5.2."""
    peer = raw_client()
    peer.frames(3)
    peer.feed(0, head(GET), True)
    assert peer.engine.shutdown(0.0, 3.0) == []
    assert peer.frames(3) == [(7, b"\xff" * 7 + b"\xfc")]
    assert isinstance(peer.feed(4, head(GET), True)[0], RequestStarted)
    assert peer.engine.next_timeout() == 3.0
    peer.engine.handle_timeout(3.0)
    assert peer.frames(3) == [(7, b"\x08")]
    assert peer.feed(8, head(GET), True, now=3.0) == []
    assert peer.transport.was_reset == {8: ErrorCode.H3_REQUEST_REJECTED}
    for number in (0, 4):
        peer.engine.send_response(number, 200, [], b"")
    assert not peer.engine.wants_close
    assert peer.engine.next_timeout() == 5.0
    peer.engine.handle_timeout(4.9)
    assert peer.closed is None
    peer.engine.handle_timeout(5.0)
    assert peer.closed == ErrorCode.H3_NO_ERROR
    assert peer.engine.wants_close
    assert peer.engine.next_timeout() is None
    assert peer.engine.handle_timeout(9.0) == []
    assert peer.engine.shutdown(9.0) == []


def test_so_many_requests_and_no_more() -> None:
    peer = raw_client(Http3Limits(requests=2))
    peer.frames(3)
    for number in (0, 4):
        peer.feed(number, head(GET), True)
    assert peer.frames(3) == [(7, b"\x08")]


def test_a_connection_without_requests_ends() -> None:
    peer = raw_client(idle=10.0)
    peer.frames(3)
    assert peer.engine.next_timeout() == 10.0
    peer.feed(0, head(GET), True, now=5.0)
    assert peer.engine.next_timeout() is None
    peer.engine.data_to_send(6.0)
    peer.engine.send_response(0, 200, [], b"")
    assert peer.engine.next_timeout() == 16.0
    peer.engine.handle_timeout(16.0)
    assert peer.frames(3) == [(7, b"\x04")]
    peer.engine.handle_timeout(18.0)
    assert peer.closed == ErrorCode.H3_NO_ERROR


def test_the_transport_ends() -> None:
    peer = raw_client()
    peer.feed(0, head(GET), True)
    peer.transport.events.append(ConnectionClosed(0x100, "", True, True))
    (event,) = peer.engine.receive(b"", 0.0)
    assert isinstance(event, Aborted)
    assert not peer.engine.wants_read
    assert peer.feed(4, head(GET), True) == []
    other = raw_client()
    other.feed(0, head(GET), True)
    assert [type(event) for event in other.engine.receive_eof(0.0)] == [Aborted]
    assert other.engine.data_to_send(0.0) == []
    assert not other.engine.holds_input
    assert not other.engine.holds_output
