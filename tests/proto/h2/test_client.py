# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's end against a scripted server."""

from __future__ import annotations

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, Informational, ResponseStarted, Trailers, TunnelOpened
from sws.base.errors import UsageError
from sws.proto.h2 import Http2Limits
from tests.kit.h2_peer import (
    CANCEL,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    ClientPeer,
    Field,
    data,
    frame,
    goaway,
    headers,
    respond,
    rst_stream,
    settings,
    window_update,
)


def faults(peer: ClientPeer) -> list[tuple[int, int]]:
    return [(each.type, each.code) for each in peer.frames() if each.type in (RST_STREAM, GOAWAY)]


def test_the_greeting() -> None:
    first, window = ClientPeer().greeting
    assert (first.type, window.type, window.stream) == (SETTINGS, WINDOW_UPDATE, 0)
    values = {first.payload[at : at + 2]: first.payload[at + 2 : at + 6] for at in range(0, len(first.payload), 6)}
    assert values[b"\0\2"] == bytes(4)  # no push
    assert b"\0\3" not in values


def test_a_response_with_everything() -> None:
    peer = ClientPeer()
    number = peer.ask()
    assert number == 1
    assert [(each.type, each.flags, each.stream) for each in peer.frames()] == [(HEADERS, END_HEADERS | END_STREAM, 1)]
    peer.send(
        respond(1, 103, extra=((b"link", b"</a>"),)),
        respond(1, 200, extra=((b"content-length", b"5"),)),
        data(1, b"hel"),
        data(1, b"lo"),
        headers(1, ((b"x-sum", b"1"),)),
    )
    assert peer.events == [
        Informational(1, 103, [(b"link", b"</a>")]),
        ResponseStarted(1, 200, [(b"content-length", b"5")], False),
        BodyChunk(1, b"hel"),
        BodyChunk(1, b"lo"),
        Trailers(1, [(b"x-sum", b"1")]),
        Ended(1),
    ]
    assert peer.ask() == 3


@pytest.mark.parametrize(
    ("method", "status", "extra"),
    [(b"HEAD", 200, ((b"content-length", b"5"),)), (b"GET", 304, ((b"content-length", b"5"),)), (b"GET", 204, ()), (b"GET", 200, ())],
)
def test_responses_without_content(method: bytes, status: int, extra: tuple[Field, ...]) -> None:
    peer = ClientPeer()
    peer.ask(method)
    assert peer.send(respond(1, status, END_STREAM, extra)) == [ResponseStarted(1, status, list(extra), True)]


WRONG: list[tuple[str, bytes, int, int]] = [
    ("DATA before the head", data(1, b"x"), RST_STREAM, PROTOCOL_ERROR),
    ("no :status", headers(1, ((b"x", b"y"),), 0), RST_STREAM, PROTOCOL_ERROR),
    (":status 99", respond(1, 99), RST_STREAM, PROTOCOL_ERROR),
    (":status twice", headers(1, ((b":status", b"200"),) * 2, 0), RST_STREAM, PROTOCOL_ERROR),
    ("101", respond(1, 101), RST_STREAM, PROTOCOL_ERROR),
    ("an interim response that ends", respond(1, 103, END_STREAM), RST_STREAM, PROTOCOL_ERROR),
    ("interim responses without end", respond(1, 103) * 65, RST_STREAM, PROTOCOL_ERROR),
    ("a second head", respond(1) * 2, RST_STREAM, PROTOCOL_ERROR),
    ("less content than declared", respond(1, extra=((b"content-length", b"2"),)) + data(1, b"x", 1), RST_STREAM, PROTOCOL_ERROR),
    ("content declared, none comes", respond(1, 200, 1, ((b"content-length", b"2"),)), RST_STREAM, PROTOCOL_ERROR),
    ("content behind a HEAD-like 304", respond(1, 304) + data(1, b"x"), RST_STREAM, PROTOCOL_ERROR),
    ("too many fields", headers(1, ((b":status", b"200"), *((b"x", b"y"),) * 101), 0), RST_STREAM, ENHANCE_YOUR_CALM),
    ("connection-specific", respond(1, extra=((b"connection", b"close"),)), RST_STREAM, PROTOCOL_ERROR),
    ("a push", frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2"), GOAWAY, PROTOCOL_ERROR),
    ("HEADERS on a server's stream", respond(2), GOAWAY, PROTOCOL_ERROR),
    ("HEADERS on an idle stream", respond(3), GOAWAY, PROTOCOL_ERROR),
    ("DATA behind the end", respond(1, 200, END_STREAM) + data(1, b"x"), GOAWAY, STREAM_CLOSED),
    ("PRIORITY_UPDATE", frame(16, 0, 0, b"\0\0\0\1u=1"), GOAWAY, PROTOCOL_ERROR),
    ("ENABLE_PUSH from a server", settings((2, 1)), GOAWAY, PROTOCOL_ERROR),
]


@pytest.mark.parametrize(("octets", "kind", "code"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_octets(octets: bytes, kind: int, code: int) -> None:
    peer = ClientPeer()
    peer.ask()
    peer.frames()
    peer.send(octets)
    assert faults(peer) == [(kind, code)]
    assert peer.client.wants_close is (kind == GOAWAY)
    if "behind the end" not in str(octets) and kind == RST_STREAM:
        assert isinstance(peer.events[-1], Aborted)


def test_requests_with_content_wait_for_windows() -> None:
    peer = ClientPeer(own=((4, 3),))
    peer.ask(b"POST", ended=False)
    peer.client.send_data(1, b"hello", True)
    assert [(each.type, each.payload) for each in peer.frames()][1:] == [(DATA, b"hel")]
    peer.send(window_update(1, 10))
    assert [(each.flags, each.payload) for each in peer.frames()] == [(END_STREAM, b"lo")]
    peer.send(respond(1, 200, END_STREAM))
    assert peer.events == [ResponseStarted(1, 200, [], True)]


def test_a_server_stops_the_rest_of_a_request() -> None:
    """§8.1: the response counts."""
    peer = ClientPeer()
    peer.ask(b"POST", ended=False)
    peer.send(respond(1, 413, END_STREAM), rst_stream(1, 0))
    assert peer.events[0] == ResponseStarted(1, 413, [], True)
    assert peer.client.is_idle


def test_trailers_of_a_request() -> None:
    peer = ClientPeer()
    peer.ask(b"POST", ended=False)
    peer.client.send_data(1, b"x")
    peer.client.send_trailers(1, ((b"a", b"b"),))
    assert [(each.type, each.flags) for each in peer.frames()] == [(HEADERS, 4), (DATA, 0), (HEADERS, 5)]


def test_connect_and_extended_connect() -> None:
    peer = ClientPeer(own=((8, 1),))
    assert peer.client.takes_protocols
    assert peer.client.send_request(b"CONNECT", b"b.example:1", ((b"host", b"b.example:1"),), peer.now) == 1
    assert peer.client.send_request(b"CONNECT", b"/chat", ((b"host", b"a"),), peer.now, protocol=b"websocket") == 3
    assert peer.send(respond(1), data(1, b"in"), data(1, b"", END_STREAM)) == [
        ResponseStarted(1, 200, [], False),
        TunnelOpened(1),
        BodyChunk(1, b"in"),
        Ended(1),
    ]
    peer.client.send_data(1, b"out", True)
    assert peer.send(respond(3, 200, END_STREAM)) == [ResponseStarted(3, 200, [], False), TunnelOpened(3), Ended(3)]


def test_what_cannot_be_asked() -> None:
    peer = ClientPeer()
    host = ((b"host", b"a"),)
    for method, target, fields, ended, protocol in (
        (b"G T", b"/", host, True, None),
        (b"GET", b"/ x", host, True, None),
        (b"GET", b"/", (), True, None),
        (b"GET", b"/", host * 2, True, None),
        (b"GET", b"/", (*host, (b"content-length", b"1")), True, None),
        (b"POST", b"/", (*host, (b"content-length", b"x")), False, None),
        (b"POST", b"/", (*host, (b"transfer-encoding", b"chunked")), False, None),
        (b"CONNECT", b"a:1", host, True, None),
        (b"CONNECT", b"/", host, False, b"websocket"),
    ):
        with pytest.raises(UsageError):
            peer.client.send_request(method, target, fields, peer.now, ended, protocol)
    for verb in (peer.client.send_informational, peer.client.send_headers):
        with pytest.raises(UsageError):
            verb(1, 100, ())
    with pytest.raises(UsageError):
        peer.client.send_response(1, 200, (), b"")
    assert not peer.client.expects_continue(1)
    assert not peer.client.output_ended


def test_as_many_at_once_as_the_server_allows() -> None:
    peer = ClientPeer(own=((3, 2),))
    assert (peer.ask(), peer.ask()) == (1, 3)
    assert not peer.client.is_idle
    with pytest.raises(UsageError):
        peer.ask()
    peer.send(respond(1, 200, END_STREAM))
    assert peer.client.is_idle


def test_goaway_aborts_what_was_not_processed() -> None:
    peer = ClientPeer()
    peer.ask()
    peer.ask()
    assert [event.stream for event in peer.send(goaway(1)) if isinstance(event, Aborted)] == [3]
    assert not peer.client.is_idle
    assert not peer.client.wants_close
    peer.send(respond(1, 200, END_STREAM))
    assert peer.client.wants_close


def test_goaway_with_an_error_is_kept() -> None:
    peer = ClientPeer()
    peer.send(goaway(0, ENHANCE_YOUR_CALM))
    assert peer.client.error is not None
    assert peer.client.error.code == ENHANCE_YOUR_CALM


def test_a_server_that_is_silent() -> None:
    peer = ClientPeer()
    peer.ask()
    peer.ask()
    peer.send(respond(3, 200), data(3, b"x"))
    assert [event.stream for event in peer.wait(12.0) if isinstance(event, Aborted)] == [1]
    assert [event.stream for event in peer.wait(30.0) if isinstance(event, Aborted)] == [3]
    assert peer.client.is_idle


def test_content_that_is_too_large() -> None:
    peer = ClientPeer(Http2Limits(body=3))
    peer.ask()
    peer.send(respond(1), data(1, b"four"))
    assert isinstance(peer.events[-1], Aborted)
    assert (RST_STREAM, CANCEL) in faults(peer)


def test_reset_prioritise_shutdown() -> None:
    peer = ClientPeer()
    peer.ask()
    peer.ask()
    peer.frames()
    peer.client.prioritise(1, b"u=1")
    peer.client.reset(3, "not wanted")
    update, reset = peer.frames()
    assert (update.type, update.payload) == (16, b"\0\0\0\1u=1")
    assert (reset.type, reset.code) == (RST_STREAM, CANCEL)
    peer.client.shutdown(peer.now)
    assert [each.type for each in peer.frames()] == [GOAWAY]
    peer.send(respond(1, 200, END_STREAM))
    assert peer.client.wants_close
