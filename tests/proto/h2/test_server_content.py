# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Content of requests, and the clocks: what is awaited, and for how long."""

from __future__ import annotations

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, Refused, RequestStarted
from sws.base.errors import UsageError
from sws.proto.h2 import Http2Limits
from tests.kit.h2_peer import (
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    GET,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    POST,
    PREFACE,
    RST_STREAM,
    SETTINGS_TIMEOUT,
    WINDOW_UPDATE,
    ServerPeer,
    data,
    headers,
    joined,
    parse,
    settings,
    window_update,
)


def test_credit_comes_back_as_content_is_consumed() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), data(1, bytes(16384)) * 3)
    assert [(each.type, each.stream) for each in peer.frames()] == []
    peer.server.consumed(1, 49152)
    [update] = peer.frames()
    assert (update.type, update.stream, int.from_bytes(update.payload, "big")) == (WINDOW_UPDATE, 1, 49152)


def test_a_window_grows_when_a_whole_one_is_consumed_within_two_round_trips() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    granted = []
    for _ in range(8):
        peer.send(data(1, bytes(16384)) * 2)
        peer.server.consumed(1, 32768)
        granted += [int.from_bytes(each.payload, "big") for each in peer.frames() if each.type == WINDOW_UPDATE and each.stream == 1]
    assert max(granted) > 65535


def test_more_than_the_windows() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), data(1, bytes(16384)) * 4)
    assert [(each.type, each.code) for each in peer.frames() if each.type in (RST_STREAM, GOAWAY)] == [(RST_STREAM, FLOW_CONTROL_ERROR)]
    peer = ServerPeer(Http2Limits(connection_window=65535, window=1 << 20))
    peer.send(headers(1, POST, 0), data(1, bytes(16384)) * 9)
    assert peer.goaway_code() == FLOW_CONTROL_ERROR


def test_content_nobody_reads_does_not_stop_other_streams_until_there_is_too_much() -> None:
    peer = ServerPeer(Http2Limits(connection_window=65536, window=1 << 20))
    peer.send(headers(1, POST, 0), data(1, bytes(16384)) * 4)
    assert sum(int.from_bytes(each.payload, "big") for each in peer.frames() if each.stream == 0) == 65536
    peer.send(data(1, bytes(16384)) * 4)  # more than a window lies unread now
    assert peer.frames() == []
    peer.server.consumed(1, 131072)
    assert sum(int.from_bytes(each.payload, "big") for each in peer.frames() if each.stream == 0) == 65536


def test_expect_continue() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0, extra=((b"expect", b"100-continue"),)))
    assert peer.server.expects_continue(1)
    peer.server.send_informational(1, 100, ())
    assert not peer.server.expects_continue(1)
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, END_HEADERS)]
    peer.send(data(1, b"x", END_STREAM))
    assert peer.events[1:] == [BodyChunk(1, b"x"), Ended(1)]


def test_an_answer_instead_of_100_stops_the_content() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0, extra=((b"expect", b"100-continue"),)))
    peer.answer(1, status=413)
    assert [each.type for each in peer.frames()] == [HEADERS, DATA]
    assert [(each.type, each.code) for each in peer.frames_after(2.0)] == [(RST_STREAM, NO_ERROR)]


def test_content_that_comes_without_waiting_for_100() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0, extra=((b"expect", b"100-continue"),)), data(1, b"x"))
    assert not peer.server.expects_continue(1)


def test_an_early_answer_drains_a_little_and_stops_much() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0, extra=((b"content-length", b"10"),)))
    peer.answer(1)
    assert [each.type for each in peer.frames()] == [HEADERS, DATA]
    assert peer.send(data(1, bytes(10), END_STREAM)) == []
    peer.send(headers(3, POST, 0, extra=((b"content-length", b"1000000"),)))
    peer.answer(3)
    assert [each.type for each in peer.frames()] == [HEADERS, DATA]
    peer.send(data(3, bytes(16384)) * 3)
    assert peer.frames() == []  # and no more credit
    assert [(each.type, each.code) for each in peer.frames_after(2.0)] == [(RST_STREAM, NO_ERROR)]


def test_a_declared_rest_is_drained_whatever_came_before_it() -> None:
    peer = ServerPeer(Http2Limits(drain=20000))
    peer.send(headers(1, POST, 0, extra=((b"content-length", b"60000"),)), data(1, bytes(16384)) * 3)
    peer.answer(1)
    peer.send(data(1, bytes(10000)))
    peer.send(data(1, bytes(848), END_STREAM))
    assert [each for each in peer.frames() + peer.frames_after(2.0) if each.type == RST_STREAM] == []


def test_a_rest_of_unknown_length_is_stopped_a_moment_after_it_is_too_much() -> None:
    """Not with the answer: Java's client misses one that comes with RST_STREAM."""
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    peer.answer(1)
    for _ in range(2):
        peer.send(data(1, bytes(16384)) * 3)
        assert [each for each in peer.frames() if each.type == RST_STREAM] == []
    peer.send(data(1, bytes(16384)))
    assert [(each.type, each.code) for each in peer.frames_after(2.0)] == [(RST_STREAM, NO_ERROR)]


def test_content_that_is_too_large() -> None:
    peer = ServerPeer(Http2Limits(body=10))
    [event] = peer.send(headers(1, POST, 0, extra=((b"content-length", b"11"),)))
    assert isinstance(event, Refused)
    assert event.status == 413
    peer.send(headers(3, POST, 0), data(3, bytes(11)))
    assert [event.status for event in peer.events if isinstance(event, Refused)] == [413, 413]
    peer.answer(3, b"", 413)
    assert [(each.type, each.stream) for each in peer.frames_after(2.0)][-1] == (RST_STREAM, 3)
    peer.send(headers(5, POST, 0))
    peer.server.send_headers(5, 200, ())
    [*_, event] = peer.send(data(5, bytes(11)))
    assert isinstance(event, Aborted)


def test_length_required() -> None:
    peer = ServerPeer(Http2Limits(require_length=True))
    [event] = peer.send(headers(1, POST, 0))
    assert isinstance(event, Refused)
    assert event.status == 411


def test_extended_connect() -> None:
    """RFC 8441."""
    peer = ServerPeer(Http2Limits(connect_protocol=True))
    fields = ((b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:])
    [event] = peer.send(headers(1, fields, 0))
    assert isinstance(event, RequestStarted)
    assert (event.request.protocol, event.request.target, event.request.scheme) == (b"websocket", b"/", b"http")
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, b"x", True)
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, END_HEADERS), (DATA, END_STREAM)]
    peer.send(headers(3, fields, 0))
    with pytest.raises(UsageError):
        peer.server.send_headers(3, 200, ((b"content-length", b"1"),))


# --- clocks -------------------------------------------------------------------------------------------------------------


def test_idle_connections_are_told_to_go() -> None:
    peer = ServerPeer(idle=30.0)
    peer.send(headers(1))
    peer.answer(1)
    peer.frames()
    assert peer.server.next_timeout() == peer.now + 30
    peer.wait(29.0)
    assert not peer.server.wants_close
    peer.wait(2.0)
    assert peer.goaway_code() == NO_ERROR
    assert peer.server.wants_close


def test_a_stream_under_way_is_no_idleness() -> None:
    peer = ServerPeer(idle=2.0)
    peer.send(headers(1))
    peer.wait(20.0)
    assert not peer.server.wants_close


def test_settings_that_are_not_acknowledged() -> None:
    peer = ServerPeer(greet=False)
    peer.send(PREFACE, settings())
    peer.frames()
    peer.wait(11.0)
    assert peer.goaway_code() == SETTINGS_TIMEOUT


def test_a_preface_that_does_not_come() -> None:
    peer = ServerPeer(greet=False)
    peer.send(PREFACE[:10])
    peer.wait(11.5)
    assert peer.server.wants_close


def test_a_frame_in_drops() -> None:
    peer = ServerPeer()
    octets = headers(1)
    for position in range(11):
        peer.send(octets[position : position + 1])
        peer.wait(1.0)
    assert peer.goaway_code() == ENHANCE_YOUR_CALM
    assert peer.defended == ["slow_frame"]


def test_content_that_does_not_come() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), data(1, bytes(9000)))
    found = peer.wait(32.0)
    assert [(event.stream, event.status) for event in found if isinstance(event, Refused)] == [(1, 408)]
    assert peer.defended == ["slow_body"]


def test_content_in_drops_behind_the_head_of_a_response() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    peer.server.send_headers(1, 200, ())
    for _ in range(15):
        peer.send(data(1, b"x"))
        peer.wait(1.0)
    assert [type(event) for event in peer.events if not isinstance(event, BodyChunk)] == [RequestStarted, Aborted]


def test_our_own_silence_is_not_counted() -> None:
    """A full window, or a 100 (Continue) that has not been sent."""
    peer = ServerPeer()
    peer.send(headers(1, POST, 0, extra=((b"expect", b"100-continue"),)), headers(3, POST, 0))
    peer.send(data(3, bytes(16384)) * 3, data(3, bytes(16383)))
    assert peer.wait(100.0) == []
    peer.server.consumed(3, 65535)
    assert [type(event) for event in peer.wait(40.0)] == [Refused]


def test_a_large_frame_that_comes_slowly_is_heard() -> None:
    peer = ServerPeer()
    octets = data(1, bytes(16000))
    peer.send(headers(1, POST, 0))
    for position in range(0, 12000, 300):
        peer.send(octets[position : position + 300])
        peer.wait(1.0)
    assert len(peer.events) == 1


def test_a_response_without_room() -> None:
    """A window that stays shut: the stream is reset, the others go on."""
    peer = ServerPeer(own=((4, 3),))
    peer.send(headers(1))
    peer.answer(1)
    found = peer.wait(32.0)
    assert [type(event) for event in found] == [Aborted]
    assert (RST_STREAM, 1) in [(each.type, each.stream) for each in parse(joined(peer.kept))]
    assert peer.defended == ["stall"]
    assert not peer.server.wants_close


def test_a_window_that_opens_in_drops_is_a_stall_too() -> None:
    peer = ServerPeer(own=((4, 0),))
    peer.send(headers(1))
    peer.answer(1, bytes(5000))
    for _ in range(40):
        peer.send(window_update(1, 1))
        peer.wait(1.0)
    assert peer.defended == ["stall"]


def test_a_connection_window_that_stays_shut() -> None:
    peer = ServerPeer(own=((4, 1 << 20),))
    peer.send(headers(1))
    peer.answer(1, bytes(100000))
    peer.wait(35.0)
    assert peer.goaway_code() == ENHANCE_YOUR_CALM
    assert peer.defended == ["stall"]


def test_a_slow_download_goes_on() -> None:
    peer = ServerPeer(own=((4, 0),))
    peer.send(headers(1))
    peer.answer(1, bytes(50000))
    for _ in range(90):
        peer.send(window_update(1, 400))
        peer.wait(1.0)
    assert peer.defended == []


def test_timeouts_that_come_early_do_nothing() -> None:
    peer = ServerPeer()
    assert peer.server.handle_timeout(peer.now) == []
    peer.server.receive_eof(peer.now)
    assert peer.server.next_timeout() is None
    assert peer.server.handle_timeout(peer.now + 1e6) == []


def test_the_end_of_the_transport_ends_all() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3, POST, 0))
    assert [event.stream for event in peer.server.receive_eof(peer.now) if isinstance(event, Aborted)] == [1, 3]
    assert peer.server.wants_close
    assert not peer.server.wants_read
