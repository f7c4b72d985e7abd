# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's end against a client that is played: messages, and what cannot be said."""

from __future__ import annotations

import os
import pathlib

import pytest

from sws.base.engine import BodyChunk, Ended, FileSpan, RequestStarted, Trailers
from sws.base.errors import UsageError
from sws.proto.h3 import ErrorCode, Http3Limits
from sws.proto.h3.frames import encode_frame, grease, read_varint
from tests.kit.fake_quic import FakeQuic
from tests.kit.h3_peer import (
    CONNECT,
    CONTROL,
    GET,
    POST,
    TEXT,
    RawPeer,
    data,
    date,
    head,
    make_client,
    make_server,
    raw_client,
)

# --- messages --------------------------------------------------------------------------------------------------------


def test_a_request_and_a_whole_response() -> None:
    peer = raw_client()
    (event,) = peer.feed(0, head([*GET, (b"cookie", b"a=1"), (b"cookie", b"b=2")]), True)
    assert isinstance(event, RequestStarted)
    request = event.request
    assert (event.stream, event.ended) == (0, True)
    assert (request.method, request.scheme, request.authority, request.target, request.version) == (
        b"GET",
        b"https",
        b"a.example",
        b"/",
        30,
    )
    assert request.fields == [(b"cookie", b"a=1; b=2")]
    peer.engine.send_response(0, 200, TEXT, b"hello")
    sections, content = peer.message(0)
    assert dict(sections[0]) == {b":status": b"200", b"content-type": b"text/plain", b"content-length": b"5", b"date": date()}
    assert content == b"hello"
    assert 0 in peer.transport.finished
    assert peer.transport.unconsumed[0] == 0
    assert peer.engine.credit(0) == 0


def test_content_and_trailers_both_ways() -> None:
    peer = raw_client()
    events = peer.feed(0, head([*POST, (b"content-length", b"6")]))
    assert isinstance(events[0], RequestStarted)
    assert not events[0].ended
    assert peer.feed(0, data(b"abc")[:4]) == [BodyChunk(0, b"ab")]
    assert peer.feed(0, data(b"abc")[4:] + data(b"") + data(b"def")) == [BodyChunk(0, b"c"), BodyChunk(0, b"def")]
    assert peer.transport.unconsumed[0] == 6
    peer.engine.consumed(0, 4)
    assert peer.transport.unconsumed[0] == 2
    assert peer.feed(0, head([(b"x-sum", b"1")]), True) == [Trailers(0, [(b"x-sum", b"1")]), Ended(0)]
    peer.engine.send_informational(0, 103, [(b"link", b"</a>")])
    peer.engine.send_headers(0, 200, [(b"content-type", b"text/plain")])
    peer.engine.send_data(0, b"xy")
    peer.engine.send_trailers(0, [(b"x-sum", b"2")])
    sections, content = peer.message(0)
    assert [dict(section).get(b":status") for section in sections] == [b"103", b"200", None]
    assert sections[2] == [(b"x-sum", b"2")]
    assert content == b"xy"
    assert 0 in peer.transport.finished
    peer.engine.consumed(0, 100)
    assert peer.transport.unconsumed[0] == 0


def test_a_head_answers_with_no_content() -> None:
    peer = raw_client()
    peer.feed(0, head([(b":method", b"HEAD"), *GET[1:]]), True)
    peer.engine.send_response(0, 200, TEXT, b"hello")
    assert peer.message(0)[1] == b""
    for number, status in ((4, 204), (8, 304)):
        peer.feed(number, head(GET), True)
        peer.engine.send_headers(number, status, [])
        assert number in peer.transport.finished


def test_a_file_span_leaves_as_it_is(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    fd = os.open(path, os.O_RDONLY)
    peer = raw_client()
    peer.feed(0, head(GET), True)
    peer.engine.send_headers(0, 200, [(b"content-length", b"4")])
    peer.engine.send_data(0, FileSpan(fd, 3, 4), True)
    os.close(fd)
    assert peer.message(0)[1] == b"3456"
    peer.feed(4, head(GET), True)
    peer.engine.send_headers(4, 200, [])
    peer.engine.send_data(4, FileSpan(-1, 0, 0))
    peer.engine.send_data(4, FileSpan(-1, 0, 0), True)
    assert peer.message(4)[1] == b""


def test_no_frame_holds_more_than_others_take(tmp_path: pathlib.Path) -> None:
    """There are clients that refuse a DATA frame of more than 64 KiB."""
    content = bytes(range(256)) * 600
    (tmp_path / "file").write_bytes(b"abc" + content)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    peer = raw_client()
    for stream in (0, 4, 8):
        peer.feed(stream, head(GET), True)
    peer.engine.send_response(0, 200, [], content)
    peer.engine.send_headers(4, 200, [])
    peer.engine.send_data(4, content, True)
    peer.engine.send_headers(8, 200, [])
    peer.engine.send_data(8, FileSpan(fd, 3, len(content)), True)
    for stream in (0, 4, 8):
        pieces = [payload for kind, payload in peer.frames(stream) if kind == 0]
        assert [len(piece) for piece in pieces] == [65536, 65536, 22528]
        assert b"".join(pieces) == content
        assert stream in peer.transport.finished
    os.close(fd)


def test_early_answers_stop_the_rest_of_the_request() -> None:
    peer = raw_client()
    peer.feed(0, head(POST) + data(b"abc"))
    peer.engine.send_response(0, 200, TEXT, b"hello")
    assert peer.transport.unconsumed[0] == 0
    assert peer.feed(0, data(b"more")) == []
    assert peer.transport.unconsumed[0] == 0
    assert peer.transport.stopped == {}  # not with the answer: there are clients that miss it
    assert_a_moment_passes(peer, 3.0)
    assert peer.transport.stopped == {0: ErrorCode.H3_NO_ERROR}
    assert peer.feed(0, data(b"on its way")) == []
    assert peer.transport.unconsumed[0] == 0


@pytest.mark.parametrize("end", ["fin", "reset"])
def test_early_answers_that_need_no_stop(end: str) -> None:
    """The client ends its part before the moment is over."""
    peer = raw_client()
    for stream in (0, 4):
        peer.feed(stream, head(POST) + data(b"abc"))
        peer.engine.send_response(stream, 200, TEXT, b"hello")
    if end == "fin":
        peer.feed(0, b"", True)
    else:
        peer.reset(0)
    assert_a_moment_passes(peer, 3.0)
    assert peer.transport.stopped == {4: ErrorCode.H3_NO_ERROR}


def test_each_request_has_its_moment() -> None:
    peer = raw_client()
    for stream, now in ((0, 3.0), (4, 3.25)):
        peer.feed(stream, head(POST))
        peer.engine.send_response(stream, 200, TEXT, b"hello")
        peer.engine.handle_timeout(now)
    assert peer.engine.next_timeout() == 3.5
    peer.engine.handle_timeout(3.5)
    assert list(peer.transport.stopped) == [0]
    peer.engine.handle_timeout(3.75)
    assert list(peer.transport.stopped) == [0, 4]


def assert_a_moment_passes(peer: RawPeer, now: float) -> None:
    """From an answer, by a verb that knew no time, to half a second later."""
    assert peer.engine.next_timeout() == float("-inf")
    peer.engine.handle_timeout(now)
    assert peer.engine.next_timeout() == now + 0.5
    assert peer.transport.stopped == {}
    peer.engine.handle_timeout(now + 0.5)


def test_100_continue() -> None:
    peer = raw_client()
    peer.feed(0, head([*POST, (b"expect", b"100-Continue")]))
    assert peer.engine.expects_continue(0)
    peer.engine.send_informational(0, 100, [])
    assert not peer.engine.expects_continue(0)
    assert dict(peer.message(0)[0][0]) == {b":status": b"100"}
    peer.feed(4, head([*POST, (b"expect", b"100-continue")]) + data(b"a"))
    assert not peer.engine.expects_continue(4)
    assert not peer.engine.expects_continue(8)


def test_a_tunnel() -> None:
    peer = raw_client()
    (event,) = peer.feed(0, head(CONNECT))
    assert isinstance(event, RequestStarted)
    assert (event.request.authority, event.request.target) == (b"b.example:443", b"")
    peer.engine.send_headers(0, 200, [])
    peer.engine.send_data(0, b"up")
    assert peer.feed(0, data(b"down")) == [BodyChunk(0, b"down")]
    with pytest.raises(UsageError):
        peer.engine.send_trailers(0, [])
    assert peer.feed(0, b"", True) == [Ended(0)]
    peer.engine.send_data(0, b"", True)
    assert peer.message(0)[1] == b"up"
    with pytest.raises(UsageError, match="no stream"):
        peer.engine.send_data(0, b"x")


def test_fields_within_a_tunnel_end_the_connection() -> None:
    peer = raw_client()
    peer.feed(0, head(CONNECT))
    peer.engine.send_headers(0, 200, [])
    peer.feed(0, head([(b"x", b"y")]))
    assert peer.closed == ErrorCode.H3_FRAME_UNEXPECTED


def test_extended_connect() -> None:
    """RFC 9220."""
    extended = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]]
    peer = raw_client(Http3Limits(connect_protocol=True))
    assert (8, 1) in settings_of(peer)
    (event,) = peer.feed(0, head(extended))
    assert isinstance(event, RequestStarted)
    assert (event.request.protocol, event.request.target) == (b"websocket", b"/")
    refused = raw_client()
    refused.feed(0, head(extended))
    assert refused.transport.was_reset == {0: ErrorCode.H3_MESSAGE_ERROR}
    assert 8 not in dict(settings_of(refused))


def settings_of(peer: RawPeer) -> list[tuple[int, int]]:
    """What the engine's SETTINGS say."""
    payload = peer.frames(3)[0][1]
    offset, found = 0, []
    while offset < len(payload):
        identifier, offset = read_varint(payload, offset)
        value, offset = read_varint(payload, offset)
        found.append((identifier, value))
    return found


def test_what_the_server_says_first() -> None:
    peer = raw_client(Http3Limits(datagrams=True))
    found = settings_of(peer)
    assert {1: 4096, 6: 32768, 7: 32, 0x33: 1}.items() <= dict(found).items()
    assert [identifier for identifier, _ in found if (identifier - 0x21) % 0x1F == 0]
    assert not {identifier for identifier, _ in found} & {0, 2, 3, 4, 5}
    assert [peer.transport.sent(number)[:1] for number in (3, 7, 11)] == [b"\0", b"\x02", b"\x03"]
    assert (peer.transport.sent(15)[0] & 0xC0, 15 in peer.transport.finished) == (0x80, True)
    kinds = [kind for kind, _ in raw_client().frames(3)]
    assert kinds[0] == 4
    assert [(kind - 0x21) % 0x1F for kind in kinds[1:]] == [0]


def test_streams_that_others_wait_for_go_before_content() -> None:
    """A lost instruction of QPACK's must not wait until the file has left whose head needs it."""
    peer = raw_client()
    assert {stream: peer.transport.priorities.get(stream) for stream in (3, 7, 11)} == {
        3: (-1, False),
        7: (-1, False),
        11: (-1, False),
    }


def test_streams_are_opened_when_the_peer_lets_us() -> None:
    transport = FakeQuic(False, unidirectional=1)
    server = make_server(transport)
    peer = RawPeer(server, transport, True)
    peer.settings([(1, 4096), (7, 10)])
    assert list(transport.outgoing) == [3]
    assert isinstance(peer.feed(0, head(GET), True)[0], RequestStarted)
    server.send_response(0, 200, [(b"x-a", b"1")], b"")
    transport.allow(True, 3)
    server.receive(b"", 0.0)
    assert [transport.sent(number)[:1] for number in (7, 11)] == [b"\x02", b"\x03"]
    assert len(transport.sent(7)) > 1  # the table's capacity
    transport.allow(True, 9)
    server.receive(b"", 0.0)
    assert 15 in transport.finished


def test_requests_in_early_data_are_marked() -> None:
    transport = FakeQuic(False)
    transport.is_handshake_complete = False
    server = make_server(transport)
    transport.inject(0, head(GET), True)
    transport.complete_handshake()
    transport.inject(4, head(GET), True)
    first, second = server.receive(b"", 0.0)
    assert isinstance(first, RequestStarted)
    assert isinstance(second, RequestStarted)
    assert (first.request.early, second.request.early) == (True, False)


def test_streams_come_in_any_order() -> None:
    peer = raw_client()
    assert [event.stream for number in (8, 0, 4, 12) for event in peer.feed(number, head(GET), True)] == [8, 0, 4, 12]
    for number in (0, 4, 8, 12):
        peer.engine.send_response(number, 200, [], b"")
    assert peer.feed(4, head(GET), True) == []  # closed, so what comes is late
    peer.feed(1 << 40, head(GET))
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD


def test_unknown_frames_are_skipped_wherever_they_stand() -> None:
    peer = raw_client()
    unknown = encode_frame(grease(5), b"x" * 100)
    (event,) = peer.feed(0, unknown + head(POST))
    assert isinstance(event, RequestStarted)
    assert peer.feed(0, unknown[:50]) == []
    assert peer.feed(0, unknown[50:] + data(b"a") + unknown) == [BodyChunk(0, b"a")]
    assert peer.feed(0, head([]) + encode_frame(0x40, b""), True) == [Ended(0)]
    assert peer.transport.unconsumed[0] == 1
    assert peer.feed(peer.uni(CONTROL), unknown + encode_frame(grease(1), b"")) == []
    assert peer.closed is None


# --- usage ------------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_said() -> None:
    peer = raw_client()
    peer.feed(0, head(GET), True)
    server = peer.engine
    for wrong in (
        lambda: server.receive(b"x", 0.0),
        lambda: server.send_data(0, b"x"),
        lambda: server.send_trailers(0, []),
        lambda: server.send_informational(0, 101, []),
        lambda: server.send_informational(0, 200, []),
        lambda: server.send_headers(0, 100, []),
        lambda: server.send_response(0, 100, [], b""),
        lambda: server.send_headers(0, 200, TEXT, True),
        lambda: server.send_headers(0, 600, []),
        lambda: server.send_headers(0, 204, [(b"content-length", b"0")]),
        lambda: server.send_headers(0, 200, [(b"content-length", b"x")]),
        lambda: server.send_headers(0, 200, [(b"Upper", b"x")]),
        lambda: server.send_response(0, 200, [(b"content-length", b"1")] * 2, b"a"),
        lambda: server.send_headers(4, 200, []),
        lambda: make_client(peer.transport),
        lambda: make_server(FakeQuic(True)),
    ):
        with pytest.raises(UsageError):
            wrong()
    server.send_headers(0, 200, TEXT)
    for wrong in (
        lambda: server.send_headers(0, 200, []),
        lambda: server.send_informational(0, 103, []),
        lambda: server.send_data(0, b"123456"),
        lambda: server.send_data(0, b"1", True),
        lambda: server.send_trailers(0, []),
    ):
        with pytest.raises(UsageError):
            wrong()
    server.send_data(0, b"hello")
    server.send_trailers(0, [])
    peer.feed(4, head(GET), True)
    with pytest.raises(UsageError):
        server.send_response(4, 200, TEXT, b"123456")
    peer.feed(8, head(CONNECT))
    with pytest.raises(UsageError, match="tunnel"):
        server.send_headers(8, 200, [(b"content-length", b"5")])
