# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Kinds of right and wrong octets that a client may send, and how a server has to take them by RFC 9113, RFC 7541 and RFC 9218.

They are put to the engine (tests/proto/h2/test_conformance.py) and to a server behind sockets (tests/server/test_h2_conformance.py).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.kit.h2_peer import (
    ACK,
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
    PADDED,
    PING,
    POST,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    Field,
    Frame,
    block,
    data,
    frame,
    goaway,
    headers,
    rst_stream,
    settings,
    window_update,
)

__all__ = [
    "ANSWERED",
    "BLOCK",
    "DEPENDENCY",
    "FORMS",
    "HALF_CLOSED",
    "IDLE",
    "MALFORMED",
    "OPEN_STREAM",
    "RIGHT",
    "TAKEN_BACK",
    "WRONG",
    "Before",
    "verdict",
]

BLOCK: Final = block(GET)
DEPENDENCY: Final = (0).to_bytes(4, "big") + b"\x0f"


class Before(NamedTuple):
    """What came before: octets, and whether stream 1 was answered then."""

    octets: bytes
    is_answered: bool = False


OPEN_STREAM: Final = Before(headers(1, POST, 0))
"""Stream 1, request not complete, nothing said."""
HALF_CLOSED: Final = Before(headers(1))
"""Stream 1, request complete, response not."""
ANSWERED: Final = Before(headers(1), True)
"""Stream 1, closed by END_STREAM from both."""
TAKEN_BACK: Final = Before(headers(1, POST, 0) + rst_stream(1))
"""Stream 1, closed by the client's RST_STREAM."""
IDLE: Final = Before(b"")
"""Stream 1, never opened."""


def verdict(found: list[Frame]) -> tuple[str, int] | None:
    """How the last frames ended it: ("connection" or "stream", code)."""
    for each in reversed(found):
        if each.type == GOAWAY:
            return "connection", each.code
        if each.type == RST_STREAM:
            return "stream", each.code
    return None


#: What, what came before, the octets, whom it ends, with which code.
WRONG: Final[list[tuple[str, Before, bytes, str, int]]] = [
    # --- §4.2, §4.3 ---
    ("DATA above the frame size", OPEN_STREAM, frame(DATA, 0, 1, bytes(16385)), "connection", FRAME_SIZE_ERROR),
    ("HEADERS above the frame size", IDLE, frame(HEADERS, 5, 1, bytes(16385)), "connection", FRAME_SIZE_ERROR),
    ("SETTINGS above the frame size", IDLE, frame(SETTINGS, 0, 0, bytes(16386)), "connection", FRAME_SIZE_ERROR),
    ("a block that is none", IDLE, frame(HEADERS, 5, 1, b"\x80"), "connection", COMPRESSION_ERROR),
    ("PRIORITY within a block", IDLE, frame(HEADERS, 1, 1, BLOCK) + frame(PRIORITY, 0, 1, DEPENDENCY), "connection", PROTOCOL_ERROR),
    ("HEADERS of another stream within a block", IDLE, frame(HEADERS, 1, 1, BLOCK) + headers(3), "connection", PROTOCOL_ERROR),
    ("the same HEADERS again within a block", IDLE, frame(HEADERS, 1, 1, BLOCK) + headers(1), "connection", PROTOCOL_ERROR),
    ("DATA within a block", IDLE, frame(HEADERS, 0, 1, BLOCK) + data(1), "connection", PROTOCOL_ERROR),
    ("an unknown type within a block", IDLE, frame(HEADERS, 1, 1, BLOCK) + frame(0xFA, 0, 0, b"12345678"), "connection", PROTOCOL_ERROR),
    # --- §5.1 idle ---
    ("DATA on idle", IDLE, data(1, b"x", END_STREAM), "connection", PROTOCOL_ERROR),
    ("RST_STREAM on idle", IDLE, rst_stream(1), "connection", PROTOCOL_ERROR),
    ("WINDOW_UPDATE on idle", IDLE, window_update(1, 100), "connection", PROTOCOL_ERROR),
    ("CONTINUATION on idle", IDLE, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    ("DATA on a server's idle stream", IDLE, data(2, b"x"), "connection", PROTOCOL_ERROR),
    ("WINDOW_UPDATE on a server's idle stream", IDLE, window_update(2, 1), "connection", PROTOCOL_ERROR),
    # --- half-closed (remote) ---
    ("DATA behind the end", HALF_CLOSED, data(1, b"x", END_STREAM), "stream", STREAM_CLOSED),
    ("HEADERS behind the end", HALF_CLOSED, headers(1), "stream", STREAM_CLOSED),
    ("CONTINUATION behind the end", HALF_CLOSED, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    # --- closed ---
    ("DATA, closed by END_STREAM", ANSWERED, data(1, b"x"), "connection", STREAM_CLOSED),
    ("HEADERS, closed by END_STREAM", ANSWERED, headers(1), "connection", STREAM_CLOSED),
    ("CONTINUATION, closed by END_STREAM", ANSWERED, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    ("DATA, closed by RST_STREAM", TAKEN_BACK, data(1, b"x"), "connection", STREAM_CLOSED),
    ("HEADERS, closed by RST_STREAM", TAKEN_BACK, headers(1), "connection", STREAM_CLOSED),
    ("CONTINUATION, closed by RST_STREAM", TAKEN_BACK, frame(CONTINUATION, END_HEADERS, 1, BLOCK), "connection", PROTOCOL_ERROR),
    # --- §5.1.1 ---
    ("an even number", IDLE, headers(2), "connection", PROTOCOL_ERROR),
    ("a number that was passed over", IDLE, headers(5) + headers(3), "connection", PROTOCOL_ERROR),
    ("DATA of a number that was passed over", IDLE, headers(5) + data(3, b"x"), "connection", PROTOCOL_ERROR),
    # --- §5.3.1 of RFC 7540 ---
    (
        "HEADERS that depend on themselves",
        IDLE,
        frame(HEADERS, 0x25, 1, (1).to_bytes(4, "big") + b"\0" + BLOCK),
        "stream",
        PROTOCOL_ERROR,
    ),
    ("PRIORITY that depends on itself", HALF_CLOSED, frame(PRIORITY, 0, 1, (1).to_bytes(4, "big") + b"\0"), "stream", PROTOCOL_ERROR),
    ("PRIORITY of an idle stream on itself", IDLE, frame(PRIORITY, 0, 7, (7).to_bytes(4, "big") + b"\0"), "connection", PROTOCOL_ERROR),
    # --- §6.1 ---
    ("DATA on stream 0", IDLE, data(0, b"x"), "connection", PROTOCOL_ERROR),
    ("padded DATA on stream 0", IDLE, frame(DATA, PADDED, 0, b"\0"), "connection", PROTOCOL_ERROR),
    ("DATA with too much padding", OPEN_STREAM, frame(DATA, PADDED, 1, b"\x05hell"), "connection", PROTOCOL_ERROR),
    ("DATA padded without a length", OPEN_STREAM, frame(DATA, PADDED, 1, b""), "connection", FRAME_SIZE_ERROR),
    # --- §6.2 ---
    ("HEADERS on stream 0", IDLE, headers(0), "connection", PROTOCOL_ERROR),
    ("HEADERS with too much padding", IDLE, frame(HEADERS, 0x0D, 1, b"\xff" + BLOCK), "connection", PROTOCOL_ERROR),
    ("HEADERS too short for priority", IDLE, frame(HEADERS, 0x25, 1, b"\0\0"), "connection", FRAME_SIZE_ERROR),
    # --- §6.3 ---
    ("PRIORITY on stream 0", IDLE, frame(PRIORITY, 0, 0, DEPENDENCY), "connection", PROTOCOL_ERROR),
    ("PRIORITY of four octets", HALF_CLOSED, frame(PRIORITY, 0, 1, DEPENDENCY[:4]), "stream", FRAME_SIZE_ERROR),
    ("PRIORITY of six octets on idle", IDLE, frame(PRIORITY, 0, 1, DEPENDENCY + b"x"), "connection", FRAME_SIZE_ERROR),
    # --- §6.4 ---
    ("RST_STREAM on stream 0", IDLE, rst_stream(0), "connection", PROTOCOL_ERROR),
    ("RST_STREAM of three octets", OPEN_STREAM, frame(RST_STREAM, 0, 1, b"\0\0\0"), "connection", FRAME_SIZE_ERROR),
    # --- §6.5 ---
    ("SETTINGS ACK with a payload", IDLE, frame(SETTINGS, ACK, 0, bytes(6)), "connection", FRAME_SIZE_ERROR),
    ("SETTINGS on a stream", IDLE, frame(SETTINGS, 0, 1), "connection", PROTOCOL_ERROR),
    ("SETTINGS of three octets", IDLE, frame(SETTINGS, 0, 0, b"abc"), "connection", FRAME_SIZE_ERROR),
    ("ENABLE_PUSH 2", IDLE, settings((2, 2)), "connection", PROTOCOL_ERROR),
    ("INITIAL_WINDOW_SIZE 2^31", IDLE, settings((4, 1 << 31)), "connection", FLOW_CONTROL_ERROR),
    ("MAX_FRAME_SIZE 16383", IDLE, settings((5, 16383)), "connection", PROTOCOL_ERROR),
    ("MAX_FRAME_SIZE 2^24", IDLE, settings((5, 1 << 24)), "connection", PROTOCOL_ERROR),
    ("ENABLE_CONNECT_PROTOCOL 2", IDLE, settings((8, 2)), "connection", PROTOCOL_ERROR),
    ("ENABLE_CONNECT_PROTOCOL taken back", IDLE, settings((8, 1)) + settings((8, 0)), "connection", PROTOCOL_ERROR),
    ("NO_RFC7540_PRIORITIES 2", IDLE, settings((9, 2)), "connection", PROTOCOL_ERROR),
    ("NO_RFC7540_PRIORITIES changed", IDLE, settings((9, 1)), "connection", PROTOCOL_ERROR),
    # --- §6.6, §6.7, §6.8 ---
    ("PUSH_PROMISE", HALF_CLOSED, frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + BLOCK), "connection", PROTOCOL_ERROR),
    ("PUSH_PROMISE on stream 0", IDLE, frame(PUSH_PROMISE, END_HEADERS, 0, b"\0\0\0\x02" + BLOCK), "connection", PROTOCOL_ERROR),
    ("PUSH_PROMISE too short", IDLE, frame(PUSH_PROMISE, END_HEADERS, 1, b"\0"), "connection", FRAME_SIZE_ERROR),
    ("PUSH_PROMISE of a client's stream", IDLE, frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x03"), "connection", PROTOCOL_ERROR),
    ("PING on a stream", IDLE, frame(PING, 0, 1, bytes(8)), "connection", PROTOCOL_ERROR),
    ("PING of six octets", IDLE, frame(PING, 0, 0, bytes(6)), "connection", FRAME_SIZE_ERROR),
    ("GOAWAY on a stream", IDLE, goaway(stream=1), "connection", PROTOCOL_ERROR),
    ("GOAWAY too short", IDLE, frame(GOAWAY, 0, 0, bytes(7)), "connection", FRAME_SIZE_ERROR),
    # --- §6.9 ---
    ("increment 0 on the connection", IDLE, window_update(0, 0), "connection", PROTOCOL_ERROR),
    ("increment 0 on a stream", HALF_CLOSED, window_update(1, 0), "stream", PROTOCOL_ERROR),
    ("WINDOW_UPDATE of three octets", IDLE, frame(WINDOW_UPDATE, 0, 0, b"abc"), "connection", FRAME_SIZE_ERROR),
    ("the connection's window above 2^31-1", IDLE, window_update(0, (1 << 31) - 1) * 2, "connection", FLOW_CONTROL_ERROR),
    ("a stream's window above 2^31-1", HALF_CLOSED, window_update(1, (1 << 31) - 1) * 2, "stream", FLOW_CONTROL_ERROR),
    (
        "a stream's window above 2^31-1 by SETTINGS",
        HALF_CLOSED,
        window_update(1, (1 << 31) - 1 - 65535) + settings((4, 65536)),
        "connection",
        FLOW_CONTROL_ERROR,
    ),
    # --- §6.10 ---
    ("CONTINUATION on stream 0", IDLE, frame(HEADERS, 1, 1, BLOCK) + frame(CONTINUATION, 4, 0), "connection", PROTOCOL_ERROR),
    ("CONTINUATION of another stream", IDLE, frame(HEADERS, 1, 1, BLOCK) + frame(CONTINUATION, 4, 3), "connection", PROTOCOL_ERROR),
    ("CONTINUATION behind END_HEADERS", HALF_CLOSED, frame(CONTINUATION, 4, 1), "connection", PROTOCOL_ERROR),
    (
        "CONTINUATION behind END_HEADERS of another",
        IDLE,
        frame(HEADERS, 1, 1, BLOCK) + frame(CONTINUATION, 4, 1) + frame(CONTINUATION, 4, 1),
        "connection",
        PROTOCOL_ERROR,
    ),
    ("CONTINUATION behind DATA", OPEN_STREAM, data(1, b"x") + frame(CONTINUATION, 4, 1, BLOCK), "connection", PROTOCOL_ERROR),
    # --- RFC 9218 §7.1 ---
    ("PRIORITY_UPDATE on a stream", IDLE, frame(16, 0, 1, b"\0\0\0\1u=1"), "connection", PROTOCOL_ERROR),
    ("PRIORITY_UPDATE of stream 0", IDLE, frame(16, 0, 0, b"\0\0\0\0u=1"), "connection", PROTOCOL_ERROR),
    ("PRIORITY_UPDATE of a server's stream", IDLE, frame(16, 0, 0, b"\0\0\0\2u=1"), "connection", PROTOCOL_ERROR),
    ("PRIORITY_UPDATE too short", IDLE, frame(16, 0, 0, b"\0\0\0"), "connection", FRAME_SIZE_ERROR),
    ("PRIORITY_UPDATE far ahead", IDLE, frame(16, 0, 0, (999).to_bytes(4, "big")), "connection", PROTOCOL_ERROR),
    # --- RFC 7541 ---
    ("HPACK: an index past the tables", IDLE, frame(HEADERS, 5, 1, b"\xfe" + BLOCK), "connection", COMPRESSION_ERROR),
    ("HPACK: a literal's name past the tables", IDLE, frame(HEADERS, 5, 1, b"\x7e\x01x"), "connection", COMPRESSION_ERROR),
    ("HPACK: a size update behind a field", IDLE, frame(HEADERS, 5, 1, BLOCK + b"\x20"), "connection", COMPRESSION_ERROR),
    ("HPACK: a size above the limit", IDLE, frame(HEADERS, 5, 1, b"\x3f\xe2\x1f" + BLOCK), "connection", COMPRESSION_ERROR),
    (
        "HPACK: padding above seven bits",
        IDLE,
        frame(HEADERS, 5, 1, BLOCK + b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff"),
        "connection",
        COMPRESSION_ERROR,
    ),
    (
        "HPACK: padding of zeros",
        IDLE,
        frame(HEADERS, 5, 1, BLOCK + b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"),
        "connection",
        COMPRESSION_ERROR,
    ),
    (
        "HPACK: EOS",
        IDLE,
        frame(HEADERS, 5, 1, BLOCK + b"\x00\x85\xf2\xb2\x4a\x84\xff\x88\x49\x50\x9f\xff\xff\xff\xff\x8f"),
        "connection",
        COMPRESSION_ERROR,
    ),
    ("HPACK: index 0", IDLE, frame(HEADERS, 5, 1, b"\x80" + BLOCK), "connection", COMPRESSION_ERROR),
    # --- §8.1 ---
    ("a second head", OPEN_STREAM, headers(1, POST, 0), "stream", PROTOCOL_ERROR),
    ("trailers with a pseudo-field", OPEN_STREAM, headers(1, ((b":method", b"GET"),)), "stream", PROTOCOL_ERROR),
    (
        "less content than declared",
        IDLE,
        headers(1, POST, 0, extra=((b"content-length", b"9"),)) + data(1, b"x", 1),
        "stream",
        PROTOCOL_ERROR,
    ),
    (
        "more content than declared",
        IDLE,
        headers(1, POST, 0, extra=((b"content-length", b"1"),)) + data(1, b"xx"),
        "stream",
        PROTOCOL_ERROR,
    ),
    (
        "less content than declared in two frames",
        IDLE,
        headers(1, POST, 0, extra=((b"content-length", b"9"),)) + data(1, b"xxx") + data(1, b"xxx", END_STREAM),
        "stream",
        PROTOCOL_ERROR,
    ),
    ("content declared, none comes", IDLE, headers(1, POST, extra=((b"content-length", b"9"),)), "stream", PROTOCOL_ERROR),
    (
        "content declared, trailers instead",
        IDLE,
        headers(1, POST, 0, extra=((b"content-length", b"9"),)) + headers(1, ((b"x", b"y"),)),
        "stream",
        PROTOCOL_ERROR,
    ),
]


#: Requests that are malformed: RFC 9113 §8.1.1, §8.2, §8.3.
MALFORMED: Final[list[tuple[str, tuple[Field, ...]]]] = [
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

#: What is taken in silence.
RIGHT: Final[list[tuple[str, bytes]]] = [
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

#: One request, GET, on stream 1.
FORMS: Final[list[tuple[str, bytes]]] = [
    ("plain", frame(HEADERS, 5, 1, BLOCK)),
    ("padded", frame(HEADERS, 0x0D, 1, b"\x04" + BLOCK + bytes(4))),
    ("priority", frame(HEADERS, 0x25, 1, b"\x80\0\0\0\xff" + BLOCK)),
    ("both", frame(HEADERS, 0x2D, 1, b"\x02" + DEPENDENCY + BLOCK + bytes(2))),
    ("CONTINUATION", frame(HEADERS, 1, 1, BLOCK[:5]) + frame(CONTINUATION, 4, 1, BLOCK[5:])),
    (
        "empty CONTINUATION",
        frame(HEADERS, 1, 1) + frame(CONTINUATION, 0, 1, BLOCK[:9]) + frame(CONTINUATION, 0, 1, BLOCK[9:]) + frame(CONTINUATION, 4, 1),
    ),
    ("all", frame(HEADERS, 0x29 | 0, 1, b"\x01" + DEPENDENCY + BLOCK[:3] + b"\0") + frame(CONTINUATION, 4, 1, BLOCK[3:])),
    ("size updates", frame(HEADERS, 5, 1, b"\x20\x3f\xe1\x1f" + BLOCK)),
    ("undefined flags", frame(HEADERS, 0xC5, 1, BLOCK)),
]
