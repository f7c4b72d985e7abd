# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a server owes any client by RFC 9113, RFC 7541: each kind of right and wrong octets, and how the connection or stream ends.

A wrong frame may be answered on its stream or on the connection where the RFC leaves that open; the code has to be one of those it names.
"""

from __future__ import annotations

import pytest

from sws.base.engine import BodyChunk, Ended, Refused, RequestStarted, Trailers
from tests.kit.h2_cases import (
    ANSWERED,
    DEPENDENCY,
    FORMS,
    HALF_CLOSED,
    MALFORMED,
    RIGHT,
    TAKEN_BACK,
    WRONG,
    Before,
    verdict,
)
from tests.kit.h2_peer import (
    ACK,
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    PADDED,
    PING,
    POST,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    WITH_PRIORITY,
    Field,
    Frame,
    ServerPeer,
    block,
    data,
    frame,
    goaway,
    headers,
    rst_stream,
    settings,
    window_update,
)


def prepared(before: Before) -> ServerPeer:
    """An engine that has got that far."""
    peer = ServerPeer()
    peer.send(before.octets)
    if before.is_answered:
        peer.answer(1)
    peer.frames()
    return peer


@pytest.mark.parametrize("cut", ["whole", "in pieces"])
@pytest.mark.parametrize(("before", "octets", "scope", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_octets(before: Before, octets: bytes, scope: str, code: int, cut: str) -> None:
    peer = prepared(before)
    if cut == "whole":
        peer.send(octets)
    else:
        for position in range(0, len(octets), max(1, len(octets) // 50)):
            peer.send(octets[position : position + max(1, len(octets) // 50)])
    assert verdict(peer.frames()) == (scope, code)
    assert peer.server.wants_close is (scope == "connection")
    if scope == "stream":  # the connection goes on
        peer.send(headers(101))
        peer.answer(101)
        assert [each.type for each in peer.frames() if each.stream == 101] == [HEADERS, DATA]


@pytest.mark.parametrize("fields", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_requests_are_stream_errors(fields: tuple[Field, ...]) -> None:
    """RFC 9113 §8.1.1, §8.2, §8.3."""
    peer = ServerPeer()
    assert peer.send(headers(1, fields)) == []
    assert [(each.type, each.stream, each.code) for each in peer.frames()] == [(RST_STREAM, 1, PROTOCOL_ERROR)]
    assert [type(event) for event in peer.send(headers(3))] == [RequestStarted]


REFUSED: list[tuple[str, tuple[Field, ...], int]] = [
    ("neither authority nor host", (*GET[:2], GET[3]), 400),
    ("an authority that is none", (*GET[:2], (b":authority", b"a/b"), GET[3]), 400),
    ("userinfo", (*GET[:2], (b":authority", b"u@a"), GET[3]), 400),
    ("a fragment in :path", (*GET[:3], (b":path", b"/a#b")), 400),
    ("asterisk for GET", (*GET[:3], (b":path", b"*")), 400),
    ("the other scheme", (GET[0], (b":scheme", b"https"), *GET[2:]), 421),
    ("a scheme we do not serve", (GET[0], (b":scheme", b"ftp"), *GET[2:]), 400),
    ("too many fields", (*GET, *((b"x", b"y"),) * 101), 431),
    ("too large", (*GET, *((b"x", b"y" * 120),) * 250), 431),
    ("CONNECT to no port", ((b":method", b"CONNECT"), (b":authority", b"a.example")), 400),
]


@pytest.mark.parametrize(("fields", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_well_formed_requests_that_are_refused(fields: tuple[Field, ...], status: int) -> None:
    peer = ServerPeer()
    octets = block(fields)
    first, *rest = [octets[at : at + 16384] for at in range(0, len(octets), 16384)]
    more = b"".join(frame(CONTINUATION, 0, 1, part) for part in rest)
    [event] = peer.send(
        frame(HEADERS, END_STREAM | (0 if rest else END_HEADERS), 1, first), more, frame(CONTINUATION, 4, 1) if rest else b""
    )
    assert isinstance(event, Refused)
    assert (event.stream, event.status) == (1, status)
    peer.answer(1, b"no", status)
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, END_HEADERS), (DATA, END_STREAM)]


def test_a_refused_head_whose_content_goes_on_is_answered_then_stopped() -> None:
    peer = ServerPeer()
    [event] = peer.send(headers(1, (*POST[:2], (b":authority", b"a/b"), POST[3]), 0))
    assert isinstance(event, Refused)
    peer.send(data(1, b"more"))
    peer.answer(1, b"no", 400)
    assert [(each.type, each.flags) for each in peer.frames()][:2] == [(HEADERS, END_HEADERS), (DATA, END_STREAM)]
    assert peer.send(data(1, b"and more"), headers(3)) == peer.events[-1:]  # what comes for a reset stream is dropped


# --- what is right ------------------------------------------------------------------------------------------------------


def test_the_preface_is_answered_with_settings() -> None:
    peer = ServerPeer(greet=False)
    first, *_ = peer.frames()
    assert (first.type, first.flags, first.stream) == (SETTINGS, 0, 0)
    peer.send(PREFACE)
    peer.send(settings())
    assert peer.frames() == [Frame(SETTINGS, ACK, 0, b"")]


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        PREFACE[:-1] + b"x",
        PREFACE + frame(PING, 0, 0, bytes(8)),
        PREFACE + SETTINGS_ACK,
        PREFACE + headers(1),
    ],
    ids=["HTTP/1.1", "last octet", "PING first", "ACK first", "HEADERS first"],
)
def test_what_is_no_preface(octets: bytes) -> None:
    peer = ServerPeer(greet=False)
    peer.send(octets)
    assert verdict(peer.frames()) == ("connection", PROTOCOL_ERROR)
    assert peer.server.wants_close
    assert peer.send(headers(1)) == []


@pytest.mark.parametrize("octets", [row[1] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_right_octets_are_taken_in_silence(octets: bytes) -> None:
    peer = ServerPeer()
    peer.send(octets, frame(PING, 0xFE, 0, b"stillbut"))
    assert peer.frames() == [Frame(PING, ACK, 0, b"stillbut")]
    assert [type(event) for event in peer.send(headers(1))] == [RequestStarted]


@pytest.mark.parametrize("before", [HALF_CLOSED, ANSWERED, TAKEN_BACK], ids=["half-closed", "answered", "taken back"])
@pytest.mark.parametrize(
    "octets",
    [window_update(1, 5), frame(PRIORITY, 0, 1, DEPENDENCY), rst_stream(1), rst_stream(1, 0xFF), rst_stream(1) * 2],
    ids=["WINDOW_UPDATE", "PRIORITY", "RST_STREAM", "unknown code", "twice"],
)
def test_frames_that_may_come_late(before: Before, octets: bytes) -> None:
    """§5.1, §7."""
    peer = prepared(before)
    peer.send(octets, frame(PING, 0, 0, b"still-up"))
    assert peer.frames() == [Frame(PING, ACK, 0, b"still-up")]


@pytest.mark.parametrize("octets", [row[1] for row in FORMS], ids=[row[0] for row in FORMS])
def test_one_request_in_many_forms(octets: bytes) -> None:
    peer = ServerPeer()
    for position in range(len(octets)):
        peer.send(octets[position : position + 1])
    [event] = peer.events
    assert isinstance(event, RequestStarted)
    head = event.request
    assert (head.method, head.scheme, head.authority, head.target, head.fields) == (b"GET", b"http", b"a.example", b"/", [])
    assert (head.version, head.protocol, event.ended, event.stream) == (20, None, True, 1)


def test_content_and_trailers() -> None:
    peer = ServerPeer()
    peer.send(
        headers(1, POST, 0, extra=((b"content-length", b"8"),)),
        data(1, b"con"),
        frame(DATA, PADDED, 1, b"\x03tent\0\0\0"),
        data(1, b"s"),
        headers(1, ((b"x-sum", b"9"),)),
    )
    assert peer.events[1:] == [BodyChunk(1, b"con"), BodyChunk(1, b"tent"), BodyChunk(1, b"s"), Trailers(1, [(b"x-sum", b"9")]), Ended(1)]


def test_empty_trailers_are_none() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), headers(1, ()))
    assert peer.events[1:] == [Ended(1)]


def test_cookie_crumbs_are_one_field() -> None:
    """§8.2.3"""
    peer = ServerPeer()
    peer.send(headers(1, extra=((b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3"))))
    [event] = peer.events
    assert isinstance(event, RequestStarted)
    assert event.request.fields == [(b"cookie", b"a=1; b=2; c=3"), (b"x", b"y")]
    assert event.request.index == {b"cookie": b"a=1; b=2; c=3", b"x": b"y"}


def test_host_stands_in_for_authority_and_may_agree_with_it() -> None:
    peer = ServerPeer()
    peer.send(
        headers(1, (*GET[:2], GET[3], (b"host", b"h.example"))),
        headers(3, (*GET, (b"host", b"A.example"))),
        headers(5, (*GET, (b"te", b"trailers"))),
    )
    assert [event.request.authority for event in peer.events if isinstance(event, RequestStarted)] == [
        b"h.example",
        b"a.example",
        b"a.example",
    ]


def test_connect() -> None:
    peer = ServerPeer()
    [event] = peer.send(headers(1, ((b":method", b"CONNECT"), (b":authority", b"a.example:443")), 0))
    assert isinstance(event, RequestStarted)
    assert (event.request.method, event.request.authority, event.request.target, event.ended) == (b"CONNECT", b"a.example:443", b"", False)
    peer.server.send_headers(1, 200, ())
    peer.server.send_data(1, b"there")
    assert peer.send(data(1, b"back")) == [BodyChunk(1, b"back")]
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, END_HEADERS), (DATA, 0)]
    peer.send(headers(1, ((b"x", b"y"),)))  # §8.5: only DATA and stream management
    assert verdict(peer.frames()) == ("stream", PROTOCOL_ERROR)


def test_more_streams_than_allowed_are_refused() -> None:
    peer = ServerPeer()
    peer.send(*(headers(number) for number in range(1, 203, 2)))
    assert [(each.type, each.stream, each.code) for each in peer.frames()] == [(RST_STREAM, 201, REFUSED_STREAM)]
    assert len(peer.events) == 100
    peer.answer(1)
    assert [type(event) for event in peer.send(headers(203))] == [RequestStarted]


def test_a_window_of_one() -> None:
    """§6.5.3 the last value of several counts; §6.9.1."""
    peer = ServerPeer()
    peer.send(settings((4, 100), (4, 1)), headers(1))
    assert peer.frames() == [Frame(SETTINGS, ACK, 0, b"")]
    peer.answer(1)
    assert [(each.type, each.payload) for each in peer.frames() if each.type == DATA] == [(DATA, b"h")]
    peer.send(window_update(1, 2))
    assert [each.payload for each in peer.frames()] == [b"el"]
    peer.send(window_update(1, 99))
    assert peer.frames() == [Frame(DATA, END_STREAM, 1, b"lo")]


def test_a_window_that_shrinks_below_zero() -> None:
    """§6.9.2"""
    peer = ServerPeer(own=((4, 3),))
    peer.send(headers(1))
    peer.answer(1)
    assert [each.payload for each in peer.frames() if each.type == DATA] == [b"hel"]
    peer.send(settings((4, 2)))  # the window is -1 now
    peer.send(window_update(1, 1))
    assert [each.type for each in peer.frames()] == [SETTINGS]
    peer.send(window_update(1, 1))
    assert [each.payload for each in peer.frames()] == [b"l"]
    peer.send(settings((4, 3)))
    assert [each.payload for each in peer.frames()] == [b"", b"o"]


def test_the_largest_frames() -> None:
    peer = ServerPeer(own=((4, 1 << 20), (5, 1 << 20)))
    peer.send(headers(1, POST, 0), data(1, bytes(16384)), data(1, b"", END_STREAM))
    assert [len(event.data) for event in peer.events if isinstance(event, BodyChunk)] == [16384]
    peer.answer(1, bytes(60000))
    assert [len(each.payload) for each in peer.frames() if each.type == DATA] == [60000]


def test_a_field_block_larger_than_a_frame_leaves_in_several() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.send_headers(1, 200, tuple((b"x-%d" % number, b"\xff" * 3000) for number in range(8)), ended=True)
    found = peer.frames()
    assert [(each.type, each.flags) for each in found] == [(HEADERS, END_STREAM), (CONTINUATION, END_HEADERS)]
    assert len(found[0].payload) == 16384


def test_goaway_of_the_client_lets_answers_finish() -> None:
    peer = ServerPeer()
    peer.send(headers(1), goaway(0, 0xFF))
    assert not peer.server.wants_close
    peer.answer(1)
    assert [each.type for each in peer.frames()] == [HEADERS, DATA]
    assert peer.server.wants_close


def test_goaway_without_streams_closes() -> None:
    peer = ServerPeer()
    peer.send(goaway())
    assert peer.server.wants_close


def test_two_steps_of_going_away() -> None:
    """§6.8: what is on its way is still answered, and what comes too late is told so by a number."""
    peer = ServerPeer()
    peer.server.shutdown(peer.now, 5.0)
    first, ping = peer.frames()
    assert (first.type, int.from_bytes(first.payload[:4], "big"), first.code) == (GOAWAY, (1 << 31) - 1, NO_ERROR)
    assert [type(event) for event in peer.send(headers(1))] == [RequestStarted]
    peer.send(frame(PING, ACK, 0, ping.payload))
    [second] = peer.frames()
    assert (int.from_bytes(second.payload[:4], "big"), second.code) == (1, NO_ERROR)
    assert peer.send(headers(3), data(3, b"x"), rst_stream(3), window_update(5, 1)) == []
    peer.answer(1)
    assert [each.type for each in peer.frames()] == [HEADERS, DATA]
    assert peer.server.wants_close


def test_patience_ends() -> None:
    peer = ServerPeer()
    peer.server.shutdown(peer.now, 5.0)
    peer.frames()
    peer.wait(4.0)
    assert not peer.server.wants_close
    peer.wait(2.0)
    assert peer.server.wants_close


def test_shutdown_at_once_lets_answers_finish() -> None:
    peer = ServerPeer()
    peer.send(headers(1))
    peer.server.shutdown(peer.now)
    assert [each.type for each in peer.frames()] == [GOAWAY]
    assert not peer.server.wants_close
    peer.server.reset(1, "given up")
    assert [(each.type, each.code) for each in peer.frames()] == [(RST_STREAM, 2)]
    assert peer.server.wants_close


def test_a_reset_stream_that_still_speaks_is_not_an_error() -> None:
    """§5.1 closed: frames that were on their way when we reset."""
    peer = ServerPeer()
    peer.send(headers(1, POST, 0))
    peer.server.reset(1, "enough")
    peer.send(data(1, b"x"), headers(1, ((b"x", b"y"),)), window_update(1, 1), rst_stream(1, CANCEL))
    assert [each.type for each in peer.frames()] == [RST_STREAM]


def test_undefined_flags_and_priority_flag_mean_nothing_elsewhere() -> None:
    peer = ServerPeer()
    peer.send(headers(1, POST, 0), frame(DATA, WITH_PRIORITY | 0x40, 1, b"x"))
    assert peer.events[1:] == [BodyChunk(1, b"x")]
