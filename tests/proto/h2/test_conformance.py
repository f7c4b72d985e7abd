# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a server owes any client by RFC 9113, RFC 7541: each kind of right and wrong octets, and how the connection or stream ends.

A wrong frame may be answered on its stream or on the connection where the RFC leaves that open; the code has to be one of those it names.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sws.base.engine import BodyChunk, Ended, Refused, RequestStarted, Trailers
from tests.kit.h2_peer import (
    ACK,
    CANCEL,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
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
    PUSH_PROMISE,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    STREAM_CLOSED,
    WINDOW_UPDATE,
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

BLOCK = block(GET)
DEPENDENCY = (0).to_bytes(4, "big") + b"\x0f"


def verdict(found: list[Frame]) -> tuple[str, int] | None:
    """How the last frames ended it: ("connection" or "stream", code)."""
    for each in reversed(found):
        if each.type == GOAWAY:
            return "connection", each.code
        if each.type == RST_STREAM:
            return "stream", each.code
    return None


def open_stream(peer: ServerPeer) -> None:
    """Stream 1, request not complete, nothing said."""
    peer.send(headers(1, POST, 0))


def half_closed(peer: ServerPeer) -> None:
    """Stream 1, request complete, response not."""
    peer.send(headers(1))


def answered(peer: ServerPeer) -> None:
    """Stream 1, closed by END_STREAM from both."""
    peer.send(headers(1))
    peer.answer(1)


def taken_back(peer: ServerPeer) -> None:
    """Stream 1, closed by the client's RST_STREAM."""
    peer.send(headers(1, POST, 0), rst_stream(1))


def idle(peer: ServerPeer) -> None:
    """Stream 1, never opened."""


WRONG: list[tuple[str, Callable[[ServerPeer], None], bytes, str, int]] = [
    # --- §4.2, §4.3 ---
    ("DATA above the frame size", open_stream, frame(DATA, 0, 1, bytes(16385)), "connection", FRAME_SIZE_ERROR),
    ("HEADERS above the frame size", idle, frame(HEADERS, 5, 1, bytes(16385)), "connection", FRAME_SIZE_ERROR),
    ("SETTINGS above the frame size", idle, frame(SETTINGS, 0, 0, bytes(16386)), "connection", FRAME_SIZE_ERROR),
    ("a block that is none", idle, frame(HEADERS, 5, 1, b"\x80"), "connection", COMPRESSION_ERROR),
    ("PRIORITY within a block", idle, frame(HEADERS, 1, 1, BLOCK) + frame(PRIORITY, 0, 1, DEPENDENCY), "connection", PROTOCOL_ERROR),
    ("HEADERS of another stream within a block", idle, frame(HEADERS, 1, 1, BLOCK) + headers(3), "connection", PROTOCOL_ERROR),
    ("the same HEADERS again within a block", idle, frame(HEADERS, 1, 1, BLOCK) + headers(1), "connection", PROTOCOL_ERROR),
    ("DATA within a block", idle, frame(HEADERS, 0, 1, BLOCK) + data(1), "connection", PROTOCOL_ERROR),
    ("an unknown type within a block", idle, frame(HEADERS, 1, 1, BLOCK) + frame(0xFA, 0, 0, b"12345678"), "connection", PROTOCOL_ERROR),
    # --- §5.1 idle ---
    ("DATA on idle", idle, data(1, b"x", END_STREAM), "connection", PROTOCOL_ERROR),
    ("RST_STREAM on idle", idle, rst_stream(1), "connection", PROTOCOL_ERROR),
    ("WINDOW_UPDATE on idle", idle, window_update(1, 100), "connection", PROTOCOL_ERROR),
    ("CONTINUATION on idle", idle, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    ("DATA on a server's idle stream", idle, data(2, b"x"), "connection", PROTOCOL_ERROR),
    ("WINDOW_UPDATE on a server's idle stream", idle, window_update(2, 1), "connection", PROTOCOL_ERROR),
    # --- half-closed (remote) ---
    ("DATA behind the end", half_closed, data(1, b"x", END_STREAM), "stream", STREAM_CLOSED),
    ("HEADERS behind the end", half_closed, headers(1), "stream", STREAM_CLOSED),
    ("CONTINUATION behind the end", half_closed, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    # --- closed ---
    ("DATA, closed by END_STREAM", answered, data(1, b"x"), "connection", STREAM_CLOSED),
    ("HEADERS, closed by END_STREAM", answered, headers(1), "connection", STREAM_CLOSED),
    ("CONTINUATION, closed by END_STREAM", answered, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    ("DATA, closed by RST_STREAM", taken_back, data(1, b"x"), "connection", STREAM_CLOSED),
    ("HEADERS, closed by RST_STREAM", taken_back, headers(1), "connection", STREAM_CLOSED),
    ("CONTINUATION, closed by RST_STREAM", taken_back, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    # --- §5.1.1 ---
    ("an even number", idle, headers(2), "connection", PROTOCOL_ERROR),
    ("a number that was passed over", idle, headers(5) + headers(3), "connection", PROTOCOL_ERROR),
    ("DATA of a number that was passed over", idle, headers(5) + data(3, b"x"), "connection", PROTOCOL_ERROR),
    # --- §5.3.1 of RFC 7540 ---
    (
        "HEADERS that depend on themselves",
        idle,
        frame(HEADERS, 0x25, 1, (1).to_bytes(4, "big") + b"\0" + BLOCK),
        "stream",
        PROTOCOL_ERROR,
    ),
    ("PRIORITY that depends on itself", half_closed, frame(PRIORITY, 0, 1, (1).to_bytes(4, "big") + b"\0"), "stream", PROTOCOL_ERROR),
    ("PRIORITY of an idle stream on itself", idle, frame(PRIORITY, 0, 7, (7).to_bytes(4, "big") + b"\0"), "connection", PROTOCOL_ERROR),
    # --- §6.1 ---
    ("DATA on stream 0", idle, data(0, b"x"), "connection", PROTOCOL_ERROR),
    ("padded DATA on stream 0", idle, frame(DATA, PADDED, 0, b"\0"), "connection", PROTOCOL_ERROR),
    ("DATA with too much padding", open_stream, frame(DATA, PADDED, 1, b"\x05hell"), "connection", PROTOCOL_ERROR),
    ("DATA padded without a length", open_stream, frame(DATA, PADDED, 1, b""), "connection", FRAME_SIZE_ERROR),
    # --- §6.2 ---
    ("HEADERS on stream 0", idle, headers(0), "connection", PROTOCOL_ERROR),
    ("HEADERS with too much padding", idle, frame(HEADERS, 0x0D, 1, b"\xff" + BLOCK), "connection", PROTOCOL_ERROR),
    ("HEADERS too short for priority", idle, frame(HEADERS, 0x25, 1, b"\0\0"), "connection", FRAME_SIZE_ERROR),
    # --- §6.3 ---
    ("PRIORITY on stream 0", idle, frame(PRIORITY, 0, 0, DEPENDENCY), "connection", PROTOCOL_ERROR),
    ("PRIORITY of four octets", half_closed, frame(PRIORITY, 0, 1, DEPENDENCY[:4]), "stream", FRAME_SIZE_ERROR),
    ("PRIORITY of six octets on idle", idle, frame(PRIORITY, 0, 1, DEPENDENCY + b"x"), "connection", FRAME_SIZE_ERROR),
    # --- §6.4 ---
    ("RST_STREAM on stream 0", idle, rst_stream(0), "connection", PROTOCOL_ERROR),
    ("RST_STREAM of three octets", open_stream, frame(RST_STREAM, 0, 1, b"\0\0\0"), "connection", FRAME_SIZE_ERROR),
    # --- §6.5 ---
    ("SETTINGS ACK with a payload", idle, frame(SETTINGS, ACK, 0, bytes(6)), "connection", FRAME_SIZE_ERROR),
    ("SETTINGS on a stream", idle, frame(SETTINGS, 0, 1), "connection", PROTOCOL_ERROR),
    ("SETTINGS of three octets", idle, frame(SETTINGS, 0, 0, b"abc"), "connection", FRAME_SIZE_ERROR),
    ("ENABLE_PUSH 2", idle, settings((2, 2)), "connection", PROTOCOL_ERROR),
    ("INITIAL_WINDOW_SIZE 2^31", idle, settings((4, 1 << 31)), "connection", FLOW_CONTROL_ERROR),
    ("MAX_FRAME_SIZE 16383", idle, settings((5, 16383)), "connection", PROTOCOL_ERROR),
    ("MAX_FRAME_SIZE 2^24", idle, settings((5, 1 << 24)), "connection", PROTOCOL_ERROR),
    ("ENABLE_CONNECT_PROTOCOL 2", idle, settings((8, 2)), "connection", PROTOCOL_ERROR),
    ("ENABLE_CONNECT_PROTOCOL taken back", idle, settings((8, 1)) + settings((8, 0)), "connection", PROTOCOL_ERROR),
    ("NO_RFC7540_PRIORITIES 2", idle, settings((9, 2)), "connection", PROTOCOL_ERROR),
    ("NO_RFC7540_PRIORITIES changed", idle, settings((9, 1)), "connection", PROTOCOL_ERROR),
    # --- §6.6, §6.7, §6.8 ---
    ("PUSH_PROMISE", half_closed, frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + BLOCK), "connection", PROTOCOL_ERROR),
    ("PUSH_PROMISE on stream 0", idle, frame(PUSH_PROMISE, END_HEADERS, 0, b"\0\0\0\x02" + BLOCK), "connection", PROTOCOL_ERROR),
    ("PUSH_PROMISE too short", idle, frame(PUSH_PROMISE, END_HEADERS, 1, b"\0"), "connection", FRAME_SIZE_ERROR),
    ("PUSH_PROMISE of a client's stream", idle, frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x03"), "connection", PROTOCOL_ERROR),
    ("PING on a stream", idle, frame(PING, 0, 1, bytes(8)), "connection", PROTOCOL_ERROR),
    ("PING of six octets", idle, frame(PING, 0, 0, bytes(6)), "connection", FRAME_SIZE_ERROR),
    ("GOAWAY on a stream", idle, goaway(stream=1), "connection", PROTOCOL_ERROR),
    ("GOAWAY too short", idle, frame(GOAWAY, 0, 0, bytes(7)), "connection", FRAME_SIZE_ERROR),
    # --- §6.9 ---
    ("increment 0 on the connection", idle, window_update(0, 0), "connection", PROTOCOL_ERROR),
    ("increment 0 on a stream", half_closed, window_update(1, 0), "stream", PROTOCOL_ERROR),
    ("WINDOW_UPDATE of three octets", idle, frame(WINDOW_UPDATE, 0, 0, b"abc"), "connection", FRAME_SIZE_ERROR),
    ("the connection's window above 2^31-1", idle, window_update(0, (1 << 31) - 1) * 2, "connection", FLOW_CONTROL_ERROR),
    ("a stream's window above 2^31-1", half_closed, window_update(1, (1 << 31) - 1) * 2, "stream", FLOW_CONTROL_ERROR),
    (
        "a stream's window above 2^31-1 by SETTINGS",
        half_closed,
        window_update(1, (1 << 31) - 1 - 65535) + settings((4, 65536)),
        "connection",
        FLOW_CONTROL_ERROR,
    ),
    # --- §6.10 ---
    ("CONTINUATION on stream 0", idle, frame(HEADERS, 1, 1, BLOCK) + frame(CONTINUATION, 4, 0), "connection", PROTOCOL_ERROR),
    ("CONTINUATION of another stream", idle, frame(HEADERS, 1, 1, BLOCK) + frame(CONTINUATION, 4, 3), "connection", PROTOCOL_ERROR),
    ("CONTINUATION behind END_HEADERS", half_closed, frame(CONTINUATION, 4, 1), "connection", PROTOCOL_ERROR),
    (
        "CONTINUATION behind END_HEADERS of another",
        idle,
        frame(HEADERS, 1, 1, BLOCK) + frame(CONTINUATION, 4, 1) + frame(CONTINUATION, 4, 1),
        "connection",
        PROTOCOL_ERROR,
    ),
    ("CONTINUATION behind DATA", open_stream, data(1, b"x") + frame(CONTINUATION, 4, 1, BLOCK), "connection", PROTOCOL_ERROR),
    # --- RFC 9218 §7.1 ---
    ("PRIORITY_UPDATE on a stream", idle, frame(16, 0, 1, b"\0\0\0\1u=1"), "connection", PROTOCOL_ERROR),
    ("PRIORITY_UPDATE of stream 0", idle, frame(16, 0, 0, b"\0\0\0\0u=1"), "connection", PROTOCOL_ERROR),
    ("PRIORITY_UPDATE of a server's stream", idle, frame(16, 0, 0, b"\0\0\0\2u=1"), "connection", PROTOCOL_ERROR),
    ("PRIORITY_UPDATE too short", idle, frame(16, 0, 0, b"\0\0\0"), "connection", FRAME_SIZE_ERROR),
    ("PRIORITY_UPDATE far ahead", idle, frame(16, 0, 0, (999).to_bytes(4, "big")), "connection", PROTOCOL_ERROR),
    # --- RFC 7541 ---
    ("HPACK: an index past the tables", idle, frame(HEADERS, 5, 1, b"\xfe" + BLOCK), "connection", COMPRESSION_ERROR),
    ("HPACK: a literal's name past the tables", idle, frame(HEADERS, 5, 1, b"\x7e\x01x"), "connection", COMPRESSION_ERROR),
    ("HPACK: a size update behind a field", idle, frame(HEADERS, 5, 1, BLOCK + b"\x20"), "connection", COMPRESSION_ERROR),
    ("HPACK: a size above the limit", idle, frame(HEADERS, 5, 1, b"\x3f\xe2\x1f" + BLOCK), "connection", COMPRESSION_ERROR),
    (
        "HPACK: padding above seven bits",
        idle,
        frame(HEADERS, 5, 1, BLOCK + b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"),
        "connection",
        COMPRESSION_ERROR,
    ),
    (
        "HPACK: padding of zeros",
        idle,
        frame(HEADERS, 5, 1, BLOCK + b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"),
        "connection",
        COMPRESSION_ERROR,
    ),
    (
        "HPACK: EOS",
        idle,
        frame(HEADERS, 5, 1, BLOCK + b"\x00\x85\xf2\xb2\x4a\x84\xff\x88\x49\x50\x9f\xff\xff\xff\xff\x8f"),
        "connection",
        COMPRESSION_ERROR,
    ),
    ("HPACK: index 0", idle, frame(HEADERS, 5, 1, b"\x80" + BLOCK), "connection", COMPRESSION_ERROR),
    # --- §8.1 ---
    ("a second head", open_stream, headers(1, POST, 0), "stream", PROTOCOL_ERROR),
    ("trailers with a pseudo-field", open_stream, headers(1, ((b":method", b"GET"),)), "stream", PROTOCOL_ERROR),
    (
        "less content than declared",
        idle,
        headers(1, POST, 0, extra=((b"content-length", b"9"),)) + data(1, b"x", 1),
        "stream",
        PROTOCOL_ERROR,
    ),
    (
        "more content than declared",
        idle,
        headers(1, POST, 0, extra=((b"content-length", b"1"),)) + data(1, b"xx"),
        "stream",
        PROTOCOL_ERROR,
    ),
    (
        "less content than declared in two frames",
        idle,
        headers(1, POST, 0, extra=((b"content-length", b"9"),)) + data(1, b"xxx") + data(1, b"xxx", END_STREAM),
        "stream",
        PROTOCOL_ERROR,
    ),
    ("content declared, none comes", idle, headers(1, POST, extra=((b"content-length", b"9"),)), "stream", PROTOCOL_ERROR),
    (
        "content declared, trailers instead",
        idle,
        headers(1, POST, 0, extra=((b"content-length", b"9"),)) + headers(1, ((b"x", b"y"),)),
        "stream",
        PROTOCOL_ERROR,
    ),
]


@pytest.mark.parametrize("cut", ["whole", "in pieces"])
@pytest.mark.parametrize(("prepare", "octets", "scope", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_octets(prepare: Callable[[ServerPeer], None], octets: bytes, scope: str, code: int, cut: str) -> None:
    peer = ServerPeer()
    prepare(peer)
    peer.frames()
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


MALFORMED: list[tuple[str, tuple[Field, ...]]] = [
    ("a name in upper case", (*GET, (b"X-Test", b"ok"))),
    ("an empty name", (*GET, (b"", b"ok"))),
    ("a name with a space", (*GET, (b"a b", b"ok"))),
    ("a name with a colon", (*GET, (b"a:b", b"ok"))),
    ("an unknown pseudo-field", (*GET, (b":test", b"ok"))),
    ("an unknown pseudo-field in front", ((b":test", b"ok"), *GET)),
    ("a response's pseudo-field", (*GET, (b":status", b"200"))),
    ("a pseudo-field behind fields", (*GET[:3], (b"x", b"y"), GET[3])),
    ("connection", (*GET, (b"connection", b"keep-alive"))),
    ("keep-alive", (*GET, (b"keep-alive", b"1"))),
    ("proxy-connection", (*GET, (b"proxy-connection", b"keep-alive"))),
    ("transfer-encoding", (*GET, (b"transfer-encoding", b"chunked"))),
    ("upgrade", (*GET, (b"upgrade", b"x"))),
    ("te of another kind", (*GET, (b"te", b"trailers, deflate"))),
    ("an empty :path", (*GET[:3], (b":path", b""))),
    (":path that does not begin with a slash", (*GET[:3], (b":path", b"x"))),
    (":path with a space", (*GET[:3], (b":path", b"/a b"))),
    ("no :method", GET[1:]),
    ("no :scheme", (GET[0], *GET[2:])),
    ("no :path", GET[:3]),
    (":method twice", (GET[0], *GET)),
    (":scheme twice", (*GET[:2], *GET[1:])),
    (":path twice", (*GET, GET[3])),
    (":authority twice", (*GET, GET[2])),
    ("a method that is no token", ((b":method", b"G T"), *GET[1:])),
    ("an empty method", ((b":method", b""), *GET[1:])),
    ("a scheme that is none", (GET[0], (b":scheme", b"1"), *GET[2:])),
    ("NUL in a value", (*GET, (b"x", b"a\0b"))),
    ("LF in a value", (*GET, (b"x", b"a\nb"))),
    ("CR in a value", (*GET, (b"x", b"a\rb"))),
    ("space in front of a value", (*GET, (b"x", b" a"))),
    ("a tab behind a value", (*GET, (b"x", b"a\t"))),
    ("content-length that is no number", (*GET, (b"content-length", b"+1"))),
    ("content-length twice", (*GET, (b"content-length", b"0"), (b"content-length", b"0"))),
    ("host of another name", (*GET, (b"host", b"b.example"))),
    ("CONNECT with :path", ((b":method", b"CONNECT"), *GET[1:])),
    ("CONNECT without :authority", ((b":method", b"CONNECT"),)),
    (":protocol without CONNECT", (*GET, (b":protocol", b"websocket"))),
    ("extended CONNECT that was not offered", ((b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:])),
]


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


RIGHT: list[tuple[str, bytes]] = [
    ("an unknown type", frame(0xFA, 0xFF, 0, bytes(8))),
    ("an unknown type on a stream", frame(0xFA, 0, 77, b"")),
    ("undefined flags of PING", b""),
    ("the reserved bit", frame(WINDOW_UPDATE, 0, 1 << 31, (1).to_bytes(4, "big"))),
    ("the reserved bit of an increment", frame(WINDOW_UPDATE, 0, 0, ((1 << 31) + 1).to_bytes(4, "big"))),
    ("PRIORITY on idle", frame(PRIORITY, 0, 1, DEPENDENCY)),
    ("PRIORITY, weight 256", frame(PRIORITY, 0, 1, bytes(4) + b"\xff")),
    ("PRIORITY, exclusive", frame(PRIORITY, 0, 3, b"\x80\0\0\1\x0f")),
    ("PRIORITY_UPDATE of an idle stream", frame(16, 0, 0, b"\0\0\0\1u=1, i")),
    ("PRIORITY_UPDATE that is none", frame(16, 0, 0, b"\0\0\0\1=")),
    ("PING with ACK", frame(PING, ACK, 0, b"whatever")),
    ("SETTINGS with ACK again", SETTINGS_ACK),
    ("WINDOW_UPDATE", window_update(0, 1)),
]


@pytest.mark.parametrize("octets", [row[1] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_right_octets_are_taken_in_silence(octets: bytes) -> None:
    peer = ServerPeer()
    peer.send(octets, frame(PING, 0xFE, 0, b"stillbut"))
    assert peer.frames() == [Frame(PING, ACK, 0, b"stillbut")]
    assert [type(event) for event in peer.send(headers(1))] == [RequestStarted]


@pytest.mark.parametrize("prepare", [half_closed, answered, taken_back], ids=lambda prepare: prepare.__doc__)
@pytest.mark.parametrize(
    "octets",
    [window_update(1, 5), frame(PRIORITY, 0, 1, DEPENDENCY), rst_stream(1), rst_stream(1, 0xFF), rst_stream(1) * 2],
    ids=["WINDOW_UPDATE", "PRIORITY", "RST_STREAM", "unknown code", "twice"],
)
def test_frames_that_may_come_late(prepare: Callable[[ServerPeer], None], octets: bytes) -> None:
    """§5.1, §7."""
    peer = ServerPeer()
    prepare(peer)
    peer.frames()
    peer.send(octets, frame(PING, 0, 0, b"still-up"))
    assert peer.frames() == [Frame(PING, ACK, 0, b"still-up")]


@pytest.mark.parametrize(
    "octets",
    [
        frame(HEADERS, 5, 1, BLOCK),
        frame(HEADERS, 0x0D, 1, b"\x04" + BLOCK + bytes(4)),
        frame(HEADERS, 0x25, 1, b"\x80\0\0\0\xff" + BLOCK),
        frame(HEADERS, 0x2D, 1, b"\x02" + DEPENDENCY + BLOCK + bytes(2)),
        frame(HEADERS, 1, 1, BLOCK[:5]) + frame(CONTINUATION, 4, 1, BLOCK[5:]),
        frame(HEADERS, 1, 1) + frame(CONTINUATION, 0, 1, BLOCK[:9]) + frame(CONTINUATION, 0, 1, BLOCK[9:]) + frame(CONTINUATION, 4, 1),
        frame(HEADERS, 0x29 | 0, 1, b"\x01" + DEPENDENCY + BLOCK[:3] + b"\0") + frame(CONTINUATION, 4, 1, BLOCK[3:]),
        frame(HEADERS, 5, 1, b"\x20\x3f\xe1\x1f" + BLOCK),
        frame(HEADERS, 0xC5, 1, BLOCK),
    ],
    ids=["plain", "padded", "priority", "both", "CONTINUATION", "empty CONTINUATION", "all", "size updates", "undefined flags"],
)
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
