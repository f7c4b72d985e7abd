# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's end against a client that is played: messages, errors of streams and of the connection, control, refusals, time."""

from __future__ import annotations

import os
import pathlib

import pytest

from sws.base.engine import Aborted, BodyChunk, Datagram, Ended, FileSpan, Refused, RequestStarted, Trailers
from sws.base.errors import UsageError
from sws.proto.h3 import ErrorCode, Http3Limits
from sws.proto.h3.frames import encode_frame, grease, read_varint
from sws.proto.qpack import Encoder
from sws.proto.quic.api import ConnectionClosed, DatagramReceived
from tests.kit.fake_quic import FakeQuic
from tests.kit.h3_peer import CONTROL, DECODER, ENCODER, GET, RawPeer, date, head, make_client, make_server, raw_client

POST = [(b":method", b"POST"), *GET[1:]]
CONNECT = [(b":method", b"CONNECT"), (b":authority", b"b.example:443")]
TEXT = ((b"content-type", b"text/plain"), (b"content-length", b"5"))


def data(content: bytes) -> bytes:
    """A DATA frame."""
    return encode_frame(0, content)


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


def test_early_answers_stop_the_rest_of_the_request() -> None:
    peer = raw_client()
    peer.feed(0, head(POST) + data(b"abc"))
    peer.engine.send_response(0, 200, TEXT, b"hello")
    assert peer.transport.stopped == {0: ErrorCode.H3_NO_ERROR}
    assert peer.transport.unconsumed[0] == 0
    assert peer.feed(0, data(b"more")) == []
    assert peer.transport.unconsumed[0] == 0


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


# --- errors of a stream ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        GET[1:],  # RFC 9114 §4.3.1: no :method
        GET[:1] + GET[2:],
        GET[:3],
        [*GET, (b":path", b"/")],
        [*GET, (b":status", b"200")],
        [*GET[:3], (b"x", b"y"), GET[3]],
        [*GET[:3], (b":path", b"")],
        [*GET, (b"Upper", b"x")],  # §4.2
        [*GET, (b"connection", b"close")],
        [*GET, (b"transfer-encoding", b"chunked")],
        [*GET, (b"te", b"gzip")],
        [*GET, (b"x", b"a\x00b")],
        [*GET, (b"x", b" a")],
        [*GET, (b"x y", b"a")],
        [*GET, (b"content-length", b"1")],  # and there is none
        [*GET, (b"content-length", b"0"), (b"content-length", b"0")],
        [*GET, (b"host", b"other.example")],
        [(b":method", b"CONNECT"), (b":path", b"/"), (b":authority", b"b:1")],  # §4.4
        [(b":method", b"CONNECT")],
    ],
)
def test_malformed_requests(fields: list[tuple[bytes, bytes]]) -> None:
    peer = raw_client()
    assert peer.feed(0, head(fields), True) == []
    assert peer.transport.was_reset == {0: ErrorCode.H3_MESSAGE_ERROR}
    assert isinstance(peer.feed(4, head(GET), True)[0], RequestStarted)
    assert peer.closed is None


def test_content_that_differs_from_its_length() -> None:
    for content, fin in ((b"abcd", False), (b"ab", True)):
        peer = raw_client()
        peer.feed(0, head([*POST, (b"content-length", b"3")]))
        events = peer.feed(0, data(content), fin)
        assert isinstance(events[-1], Aborted)
        assert peer.transport.was_reset == {0: ErrorCode.H3_MESSAGE_ERROR}
        assert peer.transport.unconsumed[0] == 0


def test_trailers_with_pseudo_fields() -> None:
    peer = raw_client()
    peer.feed(0, head(POST))
    assert isinstance(peer.feed(0, head([(b":path", b"/")]), True)[0], Aborted)
    assert peer.transport.was_reset == {0: ErrorCode.H3_MESSAGE_ERROR}


def test_a_stream_that_ends_before_its_head() -> None:
    """RFC 9114 §4.1: H3_REQUEST_INCOMPLETE."""
    for opening in (b"", encode_frame(grease(1), b"x")):
        peer = raw_client()
        assert peer.feed(0, opening, True) == []
        assert peer.transport.was_reset == {0: ErrorCode.H3_REQUEST_INCOMPLETE}


def test_requests_that_are_answered_with_an_error() -> None:
    for fields, status in (
        ([*GET[:3], (b":path", b"*")], 400),
        ([*GET[:1], (b":scheme", b"ftp"), *GET[2:]], 400),
        ([*GET[:1], (b":scheme", b"http"), *GET[2:]], 421),
        ([*GET, *[(b"x", b"y")] * 101], 431),
        ([*GET, (b"x", b"y" * 40000)], 431),
    ):
        peer = raw_client()
        (event,) = peer.feed(0, head(fields), True)
        assert isinstance(event, Refused)
        assert event.status == status
        peer.engine.send_response(0, status, [], b"no")
        assert peer.message(0)[1] == b"no"
        assert peer.closed is None


def test_content_that_is_refused() -> None:
    peer = raw_client(Http3Limits(body=10, require_length=True))
    assert [event.status for event in peer.feed(0, head(POST)) if isinstance(event, Refused)] == [411]
    assert peer.transport.stopped == {0: ErrorCode.H3_NO_ERROR}
    assert peer.feed(0, data(b"abc"), True) == []
    peer.engine.send_response(0, 411, [], b"")
    assert [event.status for event in peer.feed(4, head([*POST, (b"content-length", b"11")])) if isinstance(event, Refused)] == [413]
    other = raw_client(Http3Limits(body=10))
    events = other.feed(0, head(POST) + data(b"x" * 11) + data(b"more"))
    assert [type(event) for event in events] == [RequestStarted, BodyChunk, Refused]
    other.engine.send_response(0, 413, [], b"too much")
    assert other.message(0)[1] == b"too much"
    assert other.closed is None
    other.feed(4, head(POST))
    other.engine.send_headers(4, 200, [])
    assert isinstance(other.feed(4, data(b"x" * 11))[-1], Aborted)
    assert other.transport.was_reset == {4: ErrorCode.H3_REQUEST_CANCELLED}
    head_request = [(b":method", b"HEAD"), *GET[1:3], (b":path", b"*")]
    other.feed(8, head(head_request), True)
    other.engine.send_response(8, 400, [], b"no")
    assert other.message(8)[1] == b""


def test_a_reset_by_the_client() -> None:
    peer = raw_client()
    peer.feed(0, head(POST) + data(b"abc"))
    (event,) = peer.reset(0)
    assert isinstance(event, Aborted)
    assert peer.transport.was_reset == {0: ErrorCode.H3_REQUEST_CANCELLED}
    assert peer.transport.unconsumed[0] == 0
    assert peer.reset(0) == []
    assert peer.reset(4) == []  # before anything of it came
    assert peer.transport.sent(11)[1:] == b"\x40\x44"  # stream cancellations, for QPACK


def test_the_client_reads_no_more() -> None:
    peer = raw_client()
    peer.feed(0, head(GET), True)
    peer.engine.send_headers(0, 200, [])
    (event,) = peer.stop(0)
    assert isinstance(event, Aborted)
    assert peer.stop(0) == []
    peer.feed(4, head(POST)[:3])
    assert peer.stop(4) == []
    with pytest.raises(UsageError):
        peer.engine.send_data(0, b"x")


def test_giving_an_exchange_up() -> None:
    peer = raw_client()
    peer.feed(0, head(POST))
    peer.engine.reset(0, "why")
    assert peer.transport.was_reset == peer.transport.stopped == {0: ErrorCode.H3_INTERNAL_ERROR}
    peer.engine.reset(0, "again")
    peer.engine.consumed(0, 5)


# --- errors of the connection --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "octets", "fin", "code"),
    [
        (0, data(b"a"), False, ErrorCode.H3_FRAME_UNEXPECTED),  # §4.1: before HEADERS
        (0, head(POST) + head([]) + data(b"a"), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, head(POST) + head([]) + head([]), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, head(POST) + encode_frame(4, b""), False, ErrorCode.H3_FRAME_UNEXPECTED),  # §7.2.4
        (0, encode_frame(7, b"\0"), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, encode_frame(0xD, b"\0"), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, encode_frame(3, b"\0"), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, encode_frame(5, b"\0"), False, ErrorCode.H3_FRAME_UNEXPECTED),  # §7.2.5
        (0, encode_frame(0xF0700, b"\0"), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, encode_frame(2, b""), False, ErrorCode.H3_FRAME_UNEXPECTED),  # §7.2.8
        (0, encode_frame(6, b""), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, encode_frame(8, b""), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, encode_frame(9, b""), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (0, head(GET)[:-1], True, ErrorCode.H3_FRAME_ERROR),  # §7.1
        (0, head(POST) + data(b"abc")[:-1], True, ErrorCode.H3_FRAME_ERROR),
        (0, b"\x40", True, ErrorCode.H3_FRAME_ERROR),
        (0, b"\x01\x80\x01\x00\x01", False, ErrorCode.H3_EXCESSIVE_LOAD),
        (0, b"\x01\x02\xff\xff", False, 0x200),  # RFC 9204 §2.2
        (2, b"\0" + data(b""), False, ErrorCode.H3_MISSING_SETTINGS),  # §6.2.1
        (2, b"\0" + encode_frame(grease(1), b""), False, ErrorCode.H3_MISSING_SETTINGS),
        (2, b"\0\x04\x00\x04\x00", False, ErrorCode.H3_FRAME_UNEXPECTED),  # §7.2.4: twice
        (2, b"\0\x04\x00\x00\x00", False, ErrorCode.H3_FRAME_UNEXPECTED),
        (2, b"\0\x04\x00" + head(GET), False, ErrorCode.H3_FRAME_UNEXPECTED),
        (2, b"\0\x04\x00\x05\x01\x00", False, ErrorCode.H3_FRAME_UNEXPECTED),
        (2, b"\0\x04\x00\x06\x00", False, ErrorCode.H3_FRAME_UNEXPECTED),
        (2, b"\0\x04\x00", True, ErrorCode.H3_CLOSED_CRITICAL_STREAM),
        (2, b"\0\x04\x01\x06", False, ErrorCode.H3_FRAME_ERROR),
        (2, b"\0\x04\x02\x02\x00", False, ErrorCode.H3_SETTINGS_ERROR),  # §7.2.4.1
        (2, b"\0\x04\x02\x03\x00", False, ErrorCode.H3_SETTINGS_ERROR),
        (2, b"\0\x04\x02\x04\x00", False, ErrorCode.H3_SETTINGS_ERROR),
        (2, b"\0\x04\x02\x05\x00", False, ErrorCode.H3_SETTINGS_ERROR),
        (2, b"\0\x04\x04\x06\x01\x06\x01", False, ErrorCode.H3_SETTINGS_ERROR),
        (2, b"\0\x04\x02\x08\x02", False, ErrorCode.H3_SETTINGS_ERROR),
        (2, b"\0\x04\x02\x33\x02", False, ErrorCode.H3_SETTINGS_ERROR),
        (2, b"\0\x04\x00\x03\x01\x00", False, ErrorCode.H3_ID_ERROR),  # §7.2.3
        (2, b"\0\x04\x00\x03\x02\x00\x00", False, ErrorCode.H3_FRAME_ERROR),
        (2, b"\0\x04\x00\x0d\x00", False, ErrorCode.H3_FRAME_ERROR),
        (2, b"\0\x04\x00\x0d\x01\x05\x0d\x01\x04", False, ErrorCode.H3_ID_ERROR),  # §7.2.7
        (2, b"\0\x04\x00\x07\x01\x05\x07\x01\x06", False, ErrorCode.H3_ID_ERROR),  # §5.2
        (2, b"\0\x04\x00\x07\x01\x40", False, ErrorCode.H3_FRAME_ERROR),
        (2, b"\0\x04\x00" + encode_frame(0xF0700, b"\x01u=1"), False, ErrorCode.H3_ID_ERROR),  # RFC 9218 §7.2
        (2, b"\0\x04\x00" + encode_frame(0xF0700, b""), False, ErrorCode.H3_FRAME_ERROR),
        (2, b"\0\x04\x00" + encode_frame(0xF0701, b"\x00u=1"), False, ErrorCode.H3_ID_ERROR),
        (2, b"\x01\x00", False, ErrorCode.H3_STREAM_CREATION_ERROR),  # §6.2.2
        (6, b"\x02\xff", True, ErrorCode.H3_CLOSED_CRITICAL_STREAM),
        (6, b"\x02\x80", False, 0x201),
        (6, b"\x03\x00", False, 0x202),
        (6, b"\x03", True, ErrorCode.H3_CLOSED_CRITICAL_STREAM),
    ],
)
def test_errors_of_the_connection(stream: int, octets: bytes, fin: bool, code: int) -> None:
    peer = raw_client(settings=False)
    peer.feed(stream, octets, fin)
    assert peer.closed == code
    assert peer.engine.wants_close
    assert peer.engine.error is not None
    assert peer.engine.error.code == code
    again = raw_client(settings=False)
    for at in range(len(octets)):
        again.feed(stream, octets[at : at + 1])
    again.feed(stream, b"", fin)
    assert again.closed == code


@pytest.mark.parametrize("kind", [0, 2, 3])
def test_critical_streams_come_once(kind: int) -> None:
    peer = raw_client(settings=False)
    peer.feed(2, bytes((kind,)))
    peer.feed(6, bytes((kind,)))
    assert peer.closed == ErrorCode.H3_STREAM_CREATION_ERROR


def test_critical_streams_stay_open() -> None:
    for number in (3, 7, 11):
        peer = raw_client()
        peer.stop(number)
        assert peer.closed == ErrorCode.H3_CLOSED_CRITICAL_STREAM
    peer = raw_client()
    assert peer.stop(15) == []  # the one with grease
    peer.reset(2)
    assert peer.closed == ErrorCode.H3_CLOSED_CRITICAL_STREAM


def test_unknown_streams_are_not_read() -> None:
    peer = raw_client()
    assert peer.feed(14, b"\x40\x40abc") == []
    assert peer.transport.stopped == {14: ErrorCode.H3_STREAM_CREATION_ERROR}
    assert peer.feed(18, b"\x40", True) == []  # ends before its type has come
    assert peer.reset(22) == []
    assert peer.reset(14) == []
    assert peer.closed is None


def test_datagrams() -> None:
    """RFC 9297."""
    peer = raw_client(Http3Limits(datagrams=True, connect_protocol=True))
    peer.feed(0, head([(b":method", b"CONNECT"), (b":protocol", b"connect-udp"), *GET[1:]]))
    peer.transport.events.append(DatagramReceived(b"\x00hello"))
    peer.transport.events.append(DatagramReceived(b"\x01nobody"))
    assert peer.engine.receive(b"", 0.0) == [Datagram(0, b"hello")]
    assert not peer.engine.send_datagram(0, b"x")  # the client has not said that it takes them
    for payload in (b"", b"\x40", b"\xff" + b"\xff" * 7):
        other = raw_client()
        other.transport.events.append(DatagramReceived(payload))
        other.engine.receive(b"", 0.0)
        assert other.closed == ErrorCode.H3_DATAGRAM_ERROR


def test_h3_datagrams_need_quic_datagrams() -> None:
    transport = FakeQuic(False, datagrams=0)
    peer = RawPeer(make_server(transport), transport, True)
    peer.settings([(0x33, 1)])
    assert peer.closed == ErrorCode.H3_SETTINGS_ERROR


# --- control ---------------------------------------------------------------------------------------------------------------


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


# --- attacks -------------------------------------------------------------------------------------------------------------------


def test_rapid_reset() -> None:
    """CVE-2023-44487, over QUIC."""
    seen: list[str] = []
    peer = raw_client(observe=seen.append)
    for number in range(0, 4000, 4):
        peer.feed(number, head(GET), True)
        peer.stop(number)
        if peer.closed is not None:
            break
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD
    assert (number, seen) == (800, ["reset"])
    slow = raw_client()
    for number in range(0, 2000, 4):
        slow.feed(number, head(POST), now=float(number))
        slow.reset(number, now=float(number))
    assert slow.closed is None


def test_broken_requests_count_as_resets() -> None:
    peer = raw_client()
    for number in range(0, 4000, 4):
        peer.feed(number, head(GET[1:]), True)
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD


@pytest.mark.parametrize(
    ("stream", "octets"),
    [
        (0, data(b"")),
        (0, encode_frame(grease(1), b"")),
        (2, encode_frame(grease(1), b"x")),
        (2, b"\x0d\x01\x05"),
        (2, b"\x07\x01\x00"),
        (2, encode_frame(0xF0700, b"\0u=1") * 20),
    ],
)
def test_floods(stream: int, octets: bytes) -> None:
    peer = raw_client()
    peer.feed(0, head(POST))
    for _ in range(250):
        peer.feed(stream, octets)
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD


def test_a_flood_of_unknown_streams_and_datagrams() -> None:
    peer = raw_client()
    for index in range(3, 250):
        peer.feed(2 + 4 * index, b"\x40\x40")
    assert peer.closed == ErrorCode.H3_EXCESSIVE_LOAD
    other = raw_client(Http3Limits(datagrams=True))
    for _ in range(250):
        other.transport.events.append(DatagramReceived(b"\0x"))
        other.engine.receive(b"", 0.0)
    assert other.closed == ErrorCode.H3_EXCESSIVE_LOAD
    settings = raw_client(settings=False)
    settings.feed(2, b"\0" + encode_frame(4, b"".join(bytes((0x40 | n >> 8, n & 255, 0)) for n in range(100, 200))))
    assert settings.closed == ErrorCode.H3_EXCESSIVE_LOAD


def test_a_bomb_of_fields() -> None:
    """One octet of a section stands for 4 KiB: it is measured before anything is made of it."""
    peer = raw_client()
    encoder = Encoder()
    encoder.set_limits(4096, 32)
    section = encoder.encode(0, [(b"x", b"y" * 4000)] * 1)
    peer.feed(peer.uni(ENCODER), b"\x02" + encoder.data_to_send())
    bomb = encoder.encode(0, [*GET, *[(b"x", b"y" * 4000)] * 90])
    peer.feed(peer.uni(ENCODER), encoder.data_to_send())
    (event,) = peer.feed(0, encode_frame(1, bomb), True)
    assert len(bomb) < 300
    assert section
    assert isinstance(event, Refused)
    assert event.status == 431
    assert peer.transport.sent(11)[1:]  # acknowledged in spite of it


def test_streams_blocked_for_ever() -> None:
    """Streams that wait for QPACK's encoder stream: so many, what they send meanwhile stays in their windows, and not for ever."""
    peer = raw_client(Http3Limits(blocked=3))
    blocked = encode_frame(1, b"\x02\x00\x80")
    for number in (0, 4, 8):
        assert peer.feed(number, blocked + data(b"x" * 100)) == []
        assert peer.feed(number, data(b"y" * 50)) == []
        assert peer.transport.unconsumed[number] == 152 + 3  # credit is withheld
    assert peer.engine.next_timeout() == 10.0
    assert peer.engine.handle_timeout(10.0) == []
    assert peer.transport.was_reset == dict.fromkeys((0, 4, 8), ErrorCode.H3_REQUEST_CANCELLED)
    assert [peer.transport.unconsumed[number] for number in (0, 4, 8)] == [0, 0, 0]
    for number in (12, 16, 20, 24):
        peer.feed(number, blocked)
    assert peer.closed == 0x200


def test_blocked_streams_go_on() -> None:
    peer = raw_client()
    encoder = Encoder()
    encoder.set_limits(4096, 32)
    sections = [encoder.encode(0, POST), encoder.encode(0, [(b"x-sum", b"7")]), encoder.encode(4, [*GET, (b"x-sum", b"7")])]
    assert peer.feed(0, encode_frame(1, sections[0]) + data(b"abc") + encode_frame(1, sections[1]), True) == []
    assert peer.feed(4, encode_frame(1, sections[2]), True) == []
    events = peer.feed(peer.uni(ENCODER), b"\x02" + encoder.data_to_send())
    assert [type(event) for event in events] == [RequestStarted, BodyChunk, Trailers, Ended, RequestStarted]
    assert events[2] == Trailers(0, [(b"x-sum", b"7")])
    assert peer.transport.unconsumed[0] == 3
    peer.engine.data_to_send(0.0)
    encoder.receive(peer.transport.sent(11)[1:])
    assert encoder.known == encoder.inserted == 2
    assert encoder.at_risk == 0


def test_a_reset_stream_is_blocked_no_longer() -> None:
    peer = raw_client(Http3Limits(blocked=1))
    for number in (0, 4, 8):
        peer.feed(number, encode_frame(1, b"\x02\x00\x80"))
        peer.reset(number)
    assert peer.closed is None


def test_heads_that_come_too_slowly() -> None:
    seen: list[str] = []
    peer = raw_client(observe=seen.append)
    peer.feed(0, head(GET)[:-1], now=1.0)
    peer.feed(4, head(GET)[:-1], now=2.0)
    assert peer.engine.next_timeout() == 11.0
    assert peer.engine.handle_timeout(11.0) == []
    assert peer.transport.was_reset == {0: ErrorCode.H3_REQUEST_CANCELLED}
    assert peer.engine.next_timeout() == 12.0
    assert seen == ["slow_head"]


def test_content_that_comes_too_slowly() -> None:
    peer = raw_client()
    peer.feed(0, head(POST), now=0.0)
    peer.feed(4, head(POST), now=1.0)
    peer.feed(0, data(b"a"), now=20.0)
    assert peer.engine.next_timeout() == 31.0
    (event,) = peer.engine.handle_timeout(31.0)
    assert event == Refused(4, 408, "the content came too slowly")
    assert peer.engine.next_timeout() == 50.0
    assert peer.engine.handle_timeout(50.0) == []  # nobody has taken what came
    peer.engine.consumed(0, 1)
    peer.engine.send_headers(0, 200, [])
    (event,) = peer.engine.handle_timeout(80.0)
    assert isinstance(event, Aborted)


def test_the_response_uses_the_table_once_it_is_acknowledged() -> None:
    peer = raw_client(settings=False)
    peer.settings([(1, 4096), (7, 10)])
    fields = ((b"server", b"sws"), (b"content-type", b"text/x-odd"))
    sizes = []
    for number in range(0, 16, 4):
        peer.feed(number, head(GET), True)
        peer.engine.send_response(number, 200, fields, b"")
        instructions = peer.transport.sent(7)[1:]
        peer._decoder = peer._decoder if number else type(peer._decoder)(4096, 10)
        peer._decoder.receive(instructions[peer._read.get(7, 0) :])
        peer._read[7] = len(instructions)
        sections, _ = peer.message(number)
        assert set(fields) < set(sections[0])
        sizes.append(len(peer.transport.sent(number)))
        answer = peer._decoder.data_to_send()
        peer.feed(peer.uni(DECODER), (b"" if number else b"\x03") + answer)
    assert len(set(sizes[1:])) == 1
    assert peer.closed is None


def test_spans_can_be_read_at_once() -> None:
    peer = raw_client()
    peer.engine.read_span = lambda span: b"0123456789"[span.offset : span.offset + span.length]
    peer.feed(0, head(GET), True)
    peer.engine.send_headers(0, 200, [(b"content-length", b"4")])
    peer.engine.send_data(0, FileSpan(-1, 3, 4), True)
    assert peer.message(0)[1] == b"3456"
    assert 0 in peer.transport.finished


def test_data_of_streams_that_are_nobodys() -> None:
    peer = raw_client()
    assert peer.feed(1, b"x") == []  # ours, which we never opened
    assert peer.transport.unconsumed[1] == 0
    peer.feed(0, head(GET), True)
    peer.engine.send_response(0, 200, [], b"")
    assert peer.stop(0) == []
    assert peer.closed is None
