# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a client does wrong to a stream or the connection, met by the server's end."""

from __future__ import annotations

import pytest

from sws.base.engine import Aborted, BodyChunk, Datagram, Refused, RequestStarted
from sws.base.errors import UsageError
from sws.proto.h3 import ErrorCode, Http3Limits
from sws.proto.h3.frames import encode_frame, grease
from sws.proto.quic.api import DatagramReceived
from tests.kit.fake_quic import FakeQuic
from tests.kit.h3_peer import (
    GET,
    POST,
    RawPeer,
    data,
    head,
    make_server,
    raw_client,
)

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
        [*GET[:2], GET[3]],  # neither :authority nor Host
        [*GET[:2], (b":authority", b""), GET[3]],
        [*GET[:2], GET[3], (b"host", b"")],
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
    assert peer.feed(0, data(b"abc")) == []
    assert peer.transport.unconsumed[0] == 0
    peer.engine.send_response(0, 411, [], b"")
    peer.engine.handle_timeout(1.0)
    assert peer.transport.stopped == {}
    peer.engine.handle_timeout(1.5)
    assert peer.transport.stopped == {0: ErrorCode.H3_NO_ERROR}
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


@pytest.mark.parametrize("code", [ErrorCode.H3_NO_ERROR, ErrorCode.H3_REQUEST_CANCELLED])
def test_a_refused_request_that_is_reset(code: ErrorCode) -> None:
    """With H3_NO_ERROR the client still wants the answer."""
    peer = raw_client(Http3Limits(body=10))
    assert isinstance(peer.feed(0, head([*POST, (b"content-length", b"11")]))[0], Refused)
    events = peer.reset(0, code)
    if code != ErrorCode.H3_NO_ERROR:
        assert isinstance(events[0], Aborted)
        return
    assert events == []
    peer.engine.send_response(0, 413, [], b"too much")
    assert peer.message(0)[1] == b"too much"
    assert peer.engine.next_timeout() != float("-inf")  # there is nothing left to stop


@pytest.mark.parametrize("whose", ["ours", "the client's"])
def test_a_refused_request_whose_answer_is_given_up(whose: str) -> None:
    """Then both parts end at once: there is no answer to be missed."""
    peer = raw_client(Http3Limits(body=10))
    assert isinstance(peer.feed(0, head([*POST, (b"content-length", b"11")]))[0], Refused)
    if whose == "ours":
        peer.engine.reset(0, "the handler failed")
    else:
        assert isinstance(peer.stop(0)[0], Aborted)
    code = ErrorCode.H3_INTERNAL_ERROR if whose == "ours" else ErrorCode.H3_REQUEST_CANCELLED
    assert peer.transport.was_reset == peer.transport.stopped == {0: code}


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
