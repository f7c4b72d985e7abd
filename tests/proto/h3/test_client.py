# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's end against a server that is played: requests, responses, pushes that were never allowed, GOAWAY, time."""

from __future__ import annotations

import pytest

from sws.base.engine import Aborted, BodyChunk, Ended, Informational, ResponseStarted, Trailers, TunnelOpened
from sws.base.errors import LimitExceeded, UsageError
from sws.proto.h3 import ClientConnection, ErrorCode, Http3Limits
from sws.proto.h3.frames import encode_frame, grease
from sws.proto.quic.api import ConnectionClosed, EarlyDataRejected
from tests.kit.fake_quic import FakeQuic
from tests.kit.h3_peer import CONTROL, RawPeer, head, make_client, make_server, raw_server

HOST = (b"host", b"a.example")
OK = [(b":status", b"200")]


def client_of(peer: RawPeer) -> ClientConnection:
    """The engine under test."""
    assert isinstance(peer.engine, ClientConnection)
    return peer.engine


def get(peer: RawPeer, now: float = 0.0) -> int:
    """Send a request; its stream."""
    return client_of(peer).send_request(b"GET", b"/", [HOST], now, True)


def data(content: bytes) -> bytes:
    """A DATA frame."""
    return encode_frame(0, content)


def test_a_request_and_its_response() -> None:
    peer = raw_server()
    client = client_of(peer)
    number = client.send_request(b"POST", b"/p?q", [HOST, (b"content-length", b"3"), (b"te", b"trailers")], 0.0)
    client.send_data(number, b"abc")
    client.send_trailers(number, [(b"x-sum", b"1")])
    sections, content = peer.message(number)
    assert sections[0][:4] == [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"a.example"), (b":path", b"/p?q")]
    assert sections[0][4:] == [(b"content-length", b"3"), (b"te", b"trailers")]
    assert (sections[1], content) == ([(b"x-sum", b"1")], b"abc")
    events = peer.feed(number, head([(b":status", b"103"), (b"link", b"</a>")]))
    assert events == [Informational(number, 103, [(b"link", b"</a>")])]
    unknown = encode_frame(grease(3), b"abc")
    events = peer.feed(number, head([*OK, (b"content-length", b"4")]) + unknown + data(b"wxyz") + head([(b"x", b"y")]), True)
    assert events == [
        ResponseStarted(number, 200, [(b"content-length", b"4")], False),
        BodyChunk(number, b"wxyz"),
        Trailers(number, [(b"x", b"y")]),
        Ended(number),
    ]
    assert client.credit(number) == 0


def test_a_response_without_content() -> None:
    peer = raw_server()
    number = client_of(peer).send_request(b"HEAD", b"/", [HOST], 0.0, True)
    assert peer.feed(number, head([*OK, (b"content-length", b"4")]), True) == [
        ResponseStarted(number, 200, [(b"content-length", b"4")], True)
    ]
    upload = client_of(peer).send_request(b"POST", b"/", [HOST], 0.0)
    assert peer.feed(upload, head(OK), True) == [ResponseStarted(upload, 200, [], True)]
    client_of(peer).send_data(upload, b"x", True)
    assert client_of(peer).credit(upload) == 0


@pytest.mark.parametrize(
    ("octets", "fin"),
    [
        (head([(b":status", b"20")]), False),
        (head([(b"x", b"y")]), False),
        (head([*OK, (b":path", b"/")]), False),
        (head([*OK, (b"Upper", b"y")]), False),
        (head([(b":status", b"101")]), False),
        (head([(b":status", b"103")]), True),
        (head([*OK, (b"content-length", b"1")]), True),
        (head([*OK, (b"content-length", b"1")]) + data(b"ab"), False),
        (head(OK) + head([(b":status", b"200")]), False),
    ],
)
def test_malformed_responses(octets: bytes, fin: bool) -> None:
    peer = raw_server()
    number = get(peer)
    assert isinstance(peer.feed(number, octets, fin)[-1], Aborted)
    assert peer.transport.stopped.get(number, ErrorCode.H3_MESSAGE_ERROR) == ErrorCode.H3_MESSAGE_ERROR
    assert peer.closed is None


def test_responses_that_are_too_large() -> None:
    for octets in (
        head([*OK, (b"x", b"y" * 40000)]),
        head([*OK, *[(b"x", b"y")] * 101]),
        head(OK) + head([(b"x", b"y")] * 101),
        head(OK) + data(b"x" * 11),
        head([(b":status", b"103")]) * 65,
    ):
        peer = raw_server(Http3Limits(body=10))
        number = get(peer)
        assert isinstance(peer.feed(number, octets)[-1], Aborted)
        assert number in peer.transport.stopped


def test_a_response_that_ends_before_it_begins() -> None:
    peer = raw_server()
    number = get(peer)
    assert isinstance(peer.feed(number, b"", True)[0], Aborted)


def test_a_tunnel() -> None:
    peer = raw_server()
    client = client_of(peer)
    number = client.send_request(b"CONNECT", b"b.example:443", [HOST], 0.0)
    with pytest.raises(UsageError):
        client.send_data(number, b"too early")
    assert peer.message(number)[0] == [[(b":method", b"CONNECT"), (b":authority", b"b.example:443")]]
    assert peer.feed(number, head(OK)) == [ResponseStarted(number, 200, [], False), TunnelOpened(number)]
    client.send_data(number, b"up")
    assert peer.feed(number, data(b"down"), True) == [BodyChunk(number, b"down"), Ended(number)]
    client.send_data(number, b"", True)
    refused = client.send_request(b"CONNECT", b"b.example:443", [HOST], 0.0)
    assert peer.feed(refused, head([(b":status", b"403")]), True) == [ResponseStarted(refused, 403, [], True)]
    assert refused in peer.transport.finished


def test_extended_connect() -> None:
    """RFC 9220 §3: only if the server has said so."""
    plain = raw_server()
    with pytest.raises(UsageError, match="no extended CONNECT"):
        client_of(plain).send_request(b"CONNECT", b"/chat", [HOST], 0.0, protocol=b"websocket")
    peer = raw_server(settings=[(8, 1)])
    number = client_of(peer).send_request(b"CONNECT", b"/chat", [HOST], 0.0, protocol=b"websocket")
    assert peer.message(number)[0][0][3:] == [(b":path", b"/chat"), (b":protocol", b"websocket")]


def test_what_cannot_be_requested() -> None:
    peer = raw_server(settings=[(6, 200), (8, 1)])
    client = client_of(peer)
    for method, target, fields, ended, protocol in (
        (b"G T", b"/", [HOST], True, None),
        (b"GET", b"/ x", [HOST], True, None),
        (b"GET", b"/", [], True, None),
        (b"GET", b"/", [HOST, HOST], True, None),
        (b"GET", b"/", [HOST], True, b"websocket"),
        (b"CONNECT", b"a:1", [HOST], True, None),
        (b"POST", b"/", [HOST, (b"content-length", b"1")], True, None),
        (b"POST", b"/", [HOST, (b"content-length", b"x")], False, None),
        (b"GET", b"/", [HOST, (b"A", b"b")], True, None),
    ):
        with pytest.raises(UsageError):
            client.send_request(method, target, fields, 0.0, ended, protocol)
    with pytest.raises(LimitExceeded):  # RFC 9114 §4.2.2
        client.send_request(b"GET", b"/", [HOST, (b"x", b"y" * 100)], 0.0)
    for wrong in (
        lambda: client.send_informational(0, 100, []),
        lambda: client.send_headers(0, 200, []),
        lambda: client.send_response(0, 200, [], b""),
        lambda: make_client(FakeQuic(False)),
        lambda: make_server(FakeQuic(True)),
    ):
        with pytest.raises(UsageError):
            wrong()
    assert not client.expects_continue(0)
    full = FakeQuic(True, bidirectional=0)
    with pytest.raises(LimitExceeded):
        make_client(full).send_request(b"GET", b"/", [HOST], 0.0)


@pytest.mark.parametrize(
    ("stream", "octets", "code"),
    [
        (0, encode_frame(5, b"\0\0\0"), ErrorCode.H3_ID_ERROR),  # RFC 9114 §7.2.5: a push nobody allowed
        (3, b"\0\x04\x00\x0d\x01\x05", ErrorCode.H3_FRAME_UNEXPECTED),
        (3, b"\0\x04\x00\x03\x01\x05", ErrorCode.H3_ID_ERROR),
        (3, b"\0\x04\x00" + encode_frame(0xF0700, b"\0u=1"), ErrorCode.H3_FRAME_UNEXPECTED),
        (3, b"\0\x04\x00\x07\x01\x01", ErrorCode.H3_ID_ERROR),
        (3, b"\0\x04\x00\x07\x01\x04\x07\x01\x08", ErrorCode.H3_ID_ERROR),
        (3, b"\x01\x00", ErrorCode.H3_ID_ERROR),  # §4.6: a push stream
        (1, b"\0", ErrorCode.H3_STREAM_CREATION_ERROR),  # §6.1
        (0, data(b"x"), ErrorCode.H3_FRAME_UNEXPECTED),
    ],
)
def test_errors_of_the_connection(stream: int, octets: bytes, code: int) -> None:
    peer = raw_server(settings=None)
    get(peer)
    events = peer.feed(stream, octets)
    assert peer.closed == code
    assert isinstance(events[-1], Aborted)
    assert not client_of(peer).is_idle


def test_the_server_goes_away() -> None:
    """RFC 9114 §5.2: what it did not process may be sent again."""
    peer = raw_server()
    first, second = get(peer), get(peer)
    assert peer.feed(peer.uni(CONTROL), b"\x07\x08\x80\x00\x00\x00\x00\x00\x00\x00"[:1] + b"\x01\x08") == []
    events = peer.feed(peer.uni(CONTROL), b"\x07\x01\x04")
    assert [event.stream for event in events] == [second]
    assert isinstance(events[0], Aborted)
    assert "sent again" in events[0].reason
    with pytest.raises(UsageError):
        get(peer)
    assert peer.closed is None
    peer.feed(first, head(OK), True)
    assert peer.closed == ErrorCode.H3_NO_ERROR


def test_the_client_goes_away() -> None:
    peer = raw_server()
    peer.frames(2)
    number = get(peer)
    client_of(peer).shutdown(0.0, 5.0)
    assert peer.frames(2) == [(7, b"\0")]
    assert peer.closed is None
    peer.feed(number, head(OK), True)
    assert peer.closed == ErrorCode.H3_NO_ERROR
    assert peer.engine.next_timeout() is None


def test_the_server_takes_back() -> None:
    peer = raw_server()
    number = get(peer)
    (event,) = peer.reset(number, ErrorCode.H3_REQUEST_REJECTED)
    assert isinstance(event, Aborted)
    assert "H3_REQUEST_REJECTED" in event.reason
    assert peer.reset(number) == []
    assert peer.reset(400) == []
    assert peer.feed(number, b"late") == []


def test_the_server_reads_no_more() -> None:
    """RFC 9114 §4.1.1: with H3_NO_ERROR the response counts."""
    peer = raw_server()
    client = client_of(peer)
    number = client.send_request(b"POST", b"/", [HOST], 0.0)
    assert peer.stop(number, ErrorCode.H3_NO_ERROR) == []
    with pytest.raises(UsageError):
        client.send_data(number, b"x")
    assert [type(event) for event in peer.feed(number, head(OK), True)] == [ResponseStarted]
    other = client.send_request(b"POST", b"/", [HOST], 0.0)
    (event,) = peer.stop(other, ErrorCode.H3_REQUEST_REJECTED)
    assert isinstance(event, Aborted)
    assert "sent again" in event.reason


def test_priorities_are_told() -> None:
    peer = raw_server()
    number = get(peer)
    peer.frames(2)
    client_of(peer).prioritise(number, b"u=1")
    assert peer.frames(2) == [(0xF0700, b"\0u=1")]
    closed = FakeQuic(True, unidirectional=0)
    client = make_client(closed)
    client.prioritise(client.send_request(b"GET", b"/", [HOST], 0.0), b"u=1")
    assert list(closed.outgoing) == [0]


def test_early_data_that_was_rejected() -> None:
    peer = raw_server(settings=None)
    number = get(peer)
    peer.transport.events.append(EarlyDataRejected())
    peer.transport.opened = {True: 0, False: 0}
    peer.transport.outgoing.clear()
    peer.transport.finished.clear()
    (event,) = peer.engine.receive(b"", 0.0)
    assert event == Aborted(number, "0-RTT was not accepted: it may be sent again")
    assert peer.transport.sent(2)[:2] == b"\0\x04"
    assert get(peer) == 0


def test_time() -> None:
    peer = raw_server()
    slow, silent, full = get(peer, 0.0), get(peer, 1.0), get(peer, 2.0)
    peer.feed(silent, head(OK), now=5.0)
    peer.feed(full, head(OK) + data(b"x"), now=6.0)
    assert peer.engine.next_timeout() == 10.0
    (event,) = peer.engine.handle_timeout(10.0)
    assert event == Aborted(slow, "the head came too slowly")
    assert peer.engine.next_timeout() == 35.0
    (event,) = peer.engine.handle_timeout(40.0)
    assert event == Aborted(silent, "the content came too slowly")
    assert peer.engine.next_timeout() == 70.0


def test_the_connection_closes() -> None:
    peer = raw_server()
    number = get(peer)
    peer.transport.events.append(ConnectionClosed(0x999, "", True, True))
    assert peer.engine.receive(b"", 0.0) == [Aborted(number, "the connection closed: H3_NO_ERROR")]
