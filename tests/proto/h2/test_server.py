# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's verbs, windows, clocks and defences."""

from __future__ import annotations

import os
import pathlib

import pytest

from sws.base.engine import NO_FILE, Aborted, BodyChunk, Ended, FileSpan, Refused, RequestStarted
from sws.base.errors import UsageError
from sws.proto.h2 import Http2Limits
from tests.kit.h2_peer import (
    CANCEL,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    GET,
    GOAWAY,
    HEADERS,
    INTERNAL_ERROR,
    NO_ERROR,
    PING,
    POST,
    PREFACE,
    PRIORITY,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    SETTINGS_TIMEOUT,
    WINDOW_UPDATE,
    ServerPeer,
    data,
    frame,
    headers,
    joined,
    parse,
    rst_stream,
    settings,
    window_update,
)

DEPENDENCY = bytes(4) + b"\x0f"


def goaway_code(peer: ServerPeer) -> int | None:
    return next((each.code for each in reversed([*peer.frames(), *parse(joined(peer.kept))]) if each.type == GOAWAY), None)


# --- responses ----------------------------------------------------------------------------------------------------------


def test_a_batch_of_responses_is_one_piece_of_octets() -> None:
    peer = ServerPeer()
    peer.send(*(headers(number) for number in range(1, 21, 2)))
    for number in range(1, 21, 2):
        peer.answer(number)
    [octets] = peer.server.data_to_send(peer.now)
    assert isinstance(octets, bytes)
    assert [(each.type, each.stream) for each in parse(octets)] == [
        (kind, number) for number in range(1, 21, 2) for kind in (HEADERS, DATA)
    ]


def test_interim_responses() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.send_informational(1, 103, ((b"link", b"</a>"),))
    peer.answer(1)
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, 4), (HEADERS, 4), (DATA, 1)]


@pytest.mark.parametrize("status", [101, 200, 99])
def test_what_is_no_interim_response(status: int) -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    with pytest.raises(UsageError):
        peer.server.send_informational(1, status, ())


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304)])
def test_responses_that_have_no_content(method: bytes, status: int) -> None:
    peer = ServerPeer()
    peer.send(headers(1, ((b":method", method), *GET[1:])))
    fields = () if status == 204 else ((b"content-length", b"5"),)
    peer.server.send_response(1, status, fields, b"hello")
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, END_HEADERS | END_STREAM)]
    with pytest.raises(UsageError):
        peer.server.send_data(1, b"x")


def test_trailers_leave_behind_the_content() -> None:
    peer = ServerPeer(own=((4, 2),))
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, b"hello")
    peer.server.send_trailers(1, ((b"grpc-status", b"0"),))
    assert [each.type for each in peer.frames()] == [HEADERS, DATA]
    peer.send(window_update(1, 100))
    assert [(each.type, each.flags) for each in peer.frames()] == [(DATA, 0), (HEADERS, END_HEADERS | END_STREAM)]


def test_trailers_at_once_and_none_at_all() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    for number, fields in ((1, ((b"a", b"b"),)), (3, ())):
        peer.server.send_headers(number, 200, ())
        peer.server.send_trailers(number, fields)
    assert [(each.type, each.flags, each.stream) for each in peer.frames()] == [(1, 4, 1), (1, 5, 1), (1, 4, 3), (0, 1, 3)]


def test_no_trailers_while_content_is_owed() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ((b"content-length", b"5"),))
    with pytest.raises(UsageError):
        peer.server.send_trailers(1, ())


@pytest.mark.parametrize(("content", "ended"), [(b"hello!", False), (b"hell", True)])
def test_content_and_declared_length_must_agree(content: bytes, ended: bool) -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ((b"content-length", b"5"),))
    with pytest.raises(UsageError):
        peer.server.send_data(1, content, ended)


def test_a_declared_length_without_content() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    with pytest.raises(UsageError):
        peer.server.send_headers(1, 200, ((b"content-length", b"5"),), ended=True)
    peer.answer(1)


@pytest.mark.parametrize("fields", [((b"transfer-encoding", b"chunked"),), ((b"a b", b"x"),), ((b"x", b"a\nb"),), ((b":status", b"1"),)])
def test_fields_that_cannot_be_sent(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    with pytest.raises(UsageError):
        peer.server.send_headers(1, 200, fields)


def test_fields_of_one_connection_are_dropped() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    peer.server.send_headers(1, 200, ((b"connection", b"close"), (b"date", b"x")), ended=True)
    peer.server.send_headers(3, 200, ((b"date", b"x"),), ended=True)
    first, second = peer.frames()
    assert first.payload == second.payload == b"\x88\x0f\x12\x01x"


def test_no_stream_no_verb() -> None:
    peer = ServerPeer()
    for verb in (
        lambda: peer.server.send_headers(1, 200, ()),
        lambda: peer.server.send_data(1, b""),
        lambda: peer.server.send_trailers(1, ()),
        lambda: peer.server.send_response(1, 200, ((b"content-length", b"1"),), b"x"),
    ):
        with pytest.raises(UsageError):
            verb()
    assert peer.server.credit(1) == 0
    assert not peer.server.expects_continue(1)
    peer.server.consumed(1, 5)
    peer.server.reset(1, "")
    assert peer.frames() == []


def test_reset_says_internal_error() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.reset(1, "a fault")
    assert [(each.type, each.code) for each in peer.frames()] == [(RST_STREAM, INTERNAL_ERROR)]


def test_credit_is_bounded_for_a_stream_and_for_all() -> None:
    peer = ServerPeer(Http2Limits(queue=1000, connection_queue=1500), own=((4, 0),))
    peer.send(headers(1), headers(3))
    for number in (1, 3):
        peer.server.send_headers(number, 200, ())
    assert peer.server.credit(1) == 1000
    peer.server.send_data(1, bytes(800))
    assert (peer.server.credit(1), peer.server.credit(3)) == (200, 700)


def test_what_is_ready_counts_until_it_has_left() -> None:
    peer = ServerPeer(Http2Limits(queue=20000), own=((4, 1 << 20),))
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, bytes(16000))
    assert peer.server.credit(1) == 4000
    peer.frames()
    assert peer.server.credit(1) == 20000


def test_turns_are_fair() -> None:
    """Responses of one urgency share frame by frame, however long one of them is."""
    peer = ServerPeer(own=((4, 1 << 20),))
    peer.send(window_update(0, 1 << 20), headers(1), headers(3))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, bytes(160000), True)
    peer.server.send_headers(3, 200, ())
    peer.server.send_data(3, bytes(30000), True)
    order = [each.stream for each in peer.frames() if each.type == DATA]
    assert order[:4] in ([1, 3, 1, 3], [3, 1, 3, 1])
    assert order.count(3) == 2


@pytest.mark.parametrize("how", ["field", "update", "early update"])
def test_urgency(how: str) -> None:
    """RFC 9218: what is urgent goes first; PRIORITY_UPDATE counts more than the field."""
    peer = ServerPeer(own=((4, 1 << 20),))
    update = frame(16, 0, 0, (3).to_bytes(4, "big") + b"u=0")
    extra = ((b"priority", b"u=0"),) if how == "field" else ((b"priority", b"u=7"),) if how == "early update" else ()
    peer.send(window_update(0, 1 << 20), update if how == "early update" else b"", headers(1), headers(3, extra=extra))
    for number in (1, 3):
        peer.server.send_headers(number, 200, ())
        peer.server.send_data(number, bytes(60000), True)
    if how == "update":
        peer.send(update)
    order = [each.stream for each in peer.frames() if each.type == DATA]
    assert order == [3, 3, 3, 3, 1, 1, 1, 1]


def test_the_dependency_tree_by_configuration() -> None:
    """RFC 7540 §5.3; announced by SETTINGS_NO_RFC7540_PRIORITIES = 0, and urgencies mean nothing then."""
    peer = ServerPeer(Http2Limits(priority_tree=True), greet=False)
    greeting = peer.frames()[0]
    assert b"\0\x09\0\0\0\0" in greeting.payload
    peer.send(PREFACE, settings((4, 1 << 20)), window_update(0, 1 << 20))
    parent = frame(HEADERS, 0x25, 3, bytes(4) + b"\xff" + headers(3)[9:])
    child = frame(HEADERS, 0x25, 5, (3).to_bytes(4, "big") + b"\xff" + headers(5, extra=((b"priority", b"u=0"),))[9:])
    peer.send(parent, child, frame(16, 0, 0, b"\0\0\0\5u=0"), frame(PRIORITY, 0, 7, DEPENDENCY))
    for number in (5, 3):
        peer.server.send_headers(number, 200, ())
        peer.server.send_data(number, bytes(40000), True)
    assert [each.stream for each in peer.frames() if each.type == DATA] == [3, 3, 3, 5, 5, 5]


# --- files --------------------------------------------------------------------------------------------------------------


def test_a_file_span_is_cut_into_frames_and_shortened(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 200)
    fd = os.open(path, os.O_RDONLY)
    peer = ServerPeer(own=((4, 20000),))
    peer.send(headers(1))
    peer.server.send_headers(1, 200, ())
    span = FileSpan(fd, 256, 40000)
    peer.server.send_data(1, span, True)
    first = b"".join(each.payload for each in peer.frames() if each.type == DATA)
    assert (len(first), span.length, span.offset) == (20000, 20000, 20256)
    peer.send(window_update(1, 30000))
    found = peer.frames()
    assert first + b"".join(each.payload for each in found) == path.read_bytes()[256:40256]
    assert (found[-1].flags, span.length) == (END_STREAM, 0)
    os.close(fd)


def test_what_was_announced_of_a_file_is_filled_up_when_its_stream_is_over() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, FileSpan(99, 0, 5000))
    out = peer.server.data_to_send(peer.now)
    [span] = [each for each in out if isinstance(each, FileSpan)]
    peer.send(rst_stream(1))
    assert (span.fd, span.length) == (NO_FILE, 5000)
    peer.server.send_headers(3, 200, ())
    peer.server.send_data(3, FileSpan(98, 0, 5000), True)  # complete, and not touched by what comes late
    [span] = [each for each in peer.server.data_to_send(peer.now) if isinstance(each, FileSpan)]
    peer.send(rst_stream(3))
    assert span.fd == 98


# --- content of requests ------------------------------------------------------------------------------------------------


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
    assert goaway_code(peer) == FLOW_CONTROL_ERROR


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
    peer.send(headers(5, POST, 0))
    peer.answer(5)
    peer.send(data(5, bytes(16384)) * 3)
    peer.frames()
    peer.send(data(5, bytes(16384)) * 3)
    assert (RST_STREAM, 5, NO_ERROR) in [(each.type, each.stream, each.code) for each in peer.frames() if each.type == RST_STREAM]


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
    assert goaway_code(peer) == NO_ERROR
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
    assert goaway_code(peer) == SETTINGS_TIMEOUT


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
    assert goaway_code(peer) == ENHANCE_YOUR_CALM
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
    assert goaway_code(peer) == ENHANCE_YOUR_CALM
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


# --- defences -----------------------------------------------------------------------------------------------------------


def flood(peer: ServerPeer, octets: bytes, count: int = 2000, seconds: float = 0.001) -> int | None:
    """Send again and again; the code of the GOAWAY that it led to."""
    for _ in range(count):
        peer.send(octets)
        peer.now += seconds
        code = goaway_code(peer)
        if code is not None:
            return code
    return None


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("settings", settings((3, 1))),
        ("ping", frame(PING, 0, 0, bytes(8))),
        ("priority", frame(PRIORITY, 0, 1, DEPENDENCY)),
        ("priority", frame(16, 0, 0, b"\0\0\0\1u=1")),
        ("unknown", frame(0xFA, 0, 0, bytes(8))),
        ("window_update", window_update(0, 1)),
    ],
)
def test_floods(kind: str, octets: bytes) -> None:
    peer = ServerPeer()
    assert flood(peer, octets, 6000, 0.0002) == ENHANCE_YOUR_CALM
    assert peer.defended == [kind]


@pytest.mark.parametrize(
    ("octets", "seconds"), [(settings((3, 1)), 0.06), (frame(PING, 0, 0, bytes(8)), 0.06), (window_update(0, 1), 0.003)]
)
def test_what_comes_at_a_bearable_rate_is_borne(octets: bytes, seconds: float) -> None:
    assert flood(ServerPeer(), octets, 3000, seconds) is None


def test_rapid_reset() -> None:
    """CVE-2023-44487"""
    peer = ServerPeer()
    for number in range(1, 2001, 2):
        peer.send(headers(number), rst_stream(number))
        if peer.server.wants_close:
            break
    assert number < 500
    assert peer.defended == ["rapid_reset"]


def test_resets_that_we_are_made_to_send() -> None:
    """CVE-2025-8671, "MadeYouReset": each way to make the server reset a stream whose request is complete."""
    ways = (
        lambda number: window_update(number, 0),
        lambda number: window_update(number, (1 << 31) - 1) * 2,
        lambda number: data(number, b"x"),
        headers,
        lambda number: frame(PRIORITY, 0, number, b"x"),
        lambda number: frame(PRIORITY, 0, number, number.to_bytes(4, "big") + b"\0"),
    )
    for way in ways:
        peer = ServerPeer()
        for number in range(1, 2001, 2):
            peer.send(headers(number), way(number))
            if peer.server.wants_close:
                break
        assert number < 500
        assert peer.defended[0] in ("broken_stream", "priority")


def test_requests_beyond_the_limit_again_and_again() -> None:
    peer = ServerPeer()
    for number in range(1, 2001, 2):
        peer.send(headers(number))
    assert peer.defended == ["refused_stream"]
    assert peer.server.wants_close


def test_who_has_not_seen_our_settings_is_refused_patiently() -> None:
    peer = ServerPeer(greet=False)
    peer.send(PREFACE, settings(), *(headers(number) for number in range(1, 1001, 2)))
    assert sum(each.type == RST_STREAM and each.code == REFUSED_STREAM for each in peer.frames()) == 400
    assert peer.defended == []


def test_continuation_flood() -> None:
    """CVE-2024-27316 and its like: by count and by octets."""
    peer = ServerPeer()
    peer.send(frame(HEADERS, 1, 1, b"\x00"), *(frame(9, 0, 1, b"\x00") for _ in range(33)))
    assert goaway_code(peer) == ENHANCE_YOUR_CALM
    peer = ServerPeer()
    peer.send(frame(HEADERS, 1, 1, bytes(16384)), *(frame(9, 0, 1, bytes(16384)) for _ in range(4)))
    assert goaway_code(peer) == ENHANCE_YOUR_CALM
    assert peer.defended == ["continuation"]


def test_empty_frames() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    assert flood(peer, data(1)) == ENHANCE_YOUR_CALM
    assert peer.defended == ["empty"]
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    assert flood(peer, frame(DATA, 8, 1, b"\x04" + bytes(4))) == ENHANCE_YOUR_CALM


def test_hpack_bomb() -> None:
    """4 KiB in the table, named again and again: refused by its decoded size, and nothing was copied."""
    peer = ServerPeer()
    value = b"\x7f\xa1\x1e" + b"a" * 4000  # 127 + 3873
    entry = b"\x40\x01x" + value
    peer.send(frame(HEADERS, 5, 1, headers(1)[9:] + entry))
    assert [type(event) for event in peer.events] == [RequestStarted]
    octets = headers(3)[9:] + b"\xbe" * 16000
    [event] = peer.send(frame(HEADERS, 5, 3, octets))
    assert isinstance(event, Refused)
    assert event.status == 431


def test_a_peer_that_does_not_read_gets_no_more_answers() -> None:
    peer = ServerPeer(Http2Limits(controls=100000))
    assert peer.server.wants_read
    for _ in range(5000):
        peer.send(frame(PING, 0, 0, bytes(8)))
    assert not peer.server.wants_read
    peer.frames()
    assert peer.server.wants_read


def test_trailers_that_are_too_large() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), headers(1, ((b"x", b"y"),) * 101))
    assert [(each.type, each.code) for each in peer.frames()] == [(RST_STREAM, ENHANCE_YOUR_CALM)]


def test_a_connection_carries_so_many_requests() -> None:
    peer = ServerPeer(Http2Limits(requests=2))
    peer.send(headers(1), headers(3), headers(5))
    assert [event.stream for event in peer.events] == [1, 3]
    assert [each.type for each in peer.frames()] == [GOAWAY]


def test_the_table_and_settings_are_changed_by_the_peer_at_any_time() -> None:
    peer = ServerPeer()
    peer.send(settings((1, 0), (6, 100), (3, 7), (0xFF, 1)), headers(1))
    peer.answer(1)
    ack, head, _ = peer.frames()
    assert (ack.type, head.payload[:1]) == (SETTINGS, b"\x20")


def test_rst_stream_with_any_code_is_told() -> None:
    peer = ServerPeer()
    peer.send(headers(1), headers(3))
    assert peer.send(rst_stream(1, CANCEL), rst_stream(3, 0xFF)) == [
        Aborted(1, "reset by the peer: CANCEL"),
        Aborted(3, "reset by the peer: INTERNAL_ERROR"),
    ]


def test_more_than_a_turn_gives_is_held_and_told() -> None:
    peer = ServerPeer(own=((4, 1 << 20),))
    peer.send(window_update(0, 1 << 20), headers(1))
    assert not peer.server.holds_output
    peer.answer(1, bytes(300_000))
    peer.server.data_to_send(peer.now)
    assert peer.server.holds_output
    peer.frames()
    assert not peer.server.holds_output
    peer = ServerPeer()
    peer.send(headers(1))
    peer.answer(1, bytes(300_000))
    peer.frames()
    assert not peer.server.holds_output  # the windows hold it, not we
