# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Responses that come, and how they are read.  RFC 9110 §15; RFC 9112 §6, §9.3"""

from __future__ import annotations

from sws.base.errors import LimitExceeded, UsageError
from sws.net.response import RequestErrorKind
from sws.proto.http1 import Http1Limits
from tests.kit.client import EMPTY, OK, ClientRig, Owner, failure, get, whole


def test_a_request_and_its_response(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    running = rig.begin(connection.request(get(b"/x", (b"a", b"b"))))
    assert peer.received == b"GET /x HTTP/1.1\r\nhost: a.example\r\na: b\r\n\r\n"
    assert (connection.is_available, connection.exchanges, owner.told) == (False, 1, [])
    peer.send(OK + b"Content-Length: 5\r\nX: y\r\n\r\nhello")
    response = running.finish()
    assert (response.status, response.fields) == (200, [(b"content-length", b"5"), (b"x", b"y")])
    assert rig.run(response.read()) == b"hello"
    assert rig.run(response.read()) == b""
    assert rig.run(response.read()) == b""
    assert (response.is_over, connection.is_available, connection.exchanges, owner.told) == (True, True, 0, ["available"])
    response.close()
    assert connection.is_available


def test_one_after_another_on_one_connection(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    for number in range(5):
        running = rig.begin(whole(connection, get(b"/%d" % number)))
        peer.send(OK + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: %d\r\n\r\n" % number)
        assert running.finish() == (200, b"abc", ((b"t", b"%d" % number),))
    assert owner.told == ["available"] * 5


def test_octet_by_octet(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, get()))
    for octet in b"HTTP/1.1 103 Early\r\na: b\r\n\r\n" + OK + b"content-length: 3\r\n\r\nxyz":
        peer.send(bytes((octet,)))
        rig.settle(2)
    assert running.finish() == (200, b"xyz", ())


def test_informational_responses(rig: ClientRig) -> None:
    seen: list[int] = []
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get(), lambda status, fields: seen.append(status)))
    peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
    rig.settle()
    assert (seen, running.done) == ([103], False)
    peer.send(b"HTTP/1.1 102 Processing\r\n\r\n" + EMPTY)
    assert running.finish().informational == [(103, [(b"link", b"</a>")]), (102, [])]


def test_head_and_no_content_statuses(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, get(method=b"HEAD")))
    peer.send(OK + b"content-length: 1000\r\n\r\n")
    assert running.finish() == (200, b"", ())
    running = rig.begin(whole(connection, get()))
    peer.send(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    assert running.finish() == (304, b"", ())
    assert connection.is_available


def test_content_that_ends_with_the_connection(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    running = rig.begin(whole(connection, get()))
    peer.send(OK + b"\r\nsome")
    rig.settle()
    assert not running.done
    peer.send(b" content")
    peer.half_close()
    assert running.finish() == (200, b"some content", ())
    assert owner.told == ["closed"]


def test_a_response_that_says_close(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    running = rig.begin(whole(connection, get()))
    peer.send(OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi")
    assert running.finish() == (200, b"hi", ())
    assert (owner.told, connection.is_closed) == (["closed"], True)
    rig.settle()
    assert peer.eof


def test_back_pressure(rig: ClientRig) -> None:
    """A response nobody reads is taken in up to the window, and the server waits."""
    connection, peer = rig.pair(limits=Http1Limits(window=10_000))
    length = 5_000_000
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"content-length: %d\r\n\r\n" % length + bytes(length))
    response = running.finish()
    rig.settle(50)
    waiting = len(peer.unsent)
    assert waiting > length - 2_000_000
    rig.settle(50)
    assert len(peer.unsent) == waiting
    assert len(rig.run(response.read_all(length))) == length
    assert connection.is_available


def test_the_end_of_a_connection_behind_a_full_window(rig: ClientRig) -> None:
    connection, peer = rig.pair(limits=Http1Limits(window=10))
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"\r\n" + bytes(range(50)))
    peer.half_close()
    response = running.finish()
    rig.settle()
    assert not response.is_over
    assert rig.run(response.read_all(100)) == bytes(range(50))
    assert connection.is_closed


def test_content_past_a_maximum(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"content-length: 100\r\n\r\n" + bytes(60))
    response = running.finish()
    assert isinstance(rig.fail(response.read_all(50)), LimitExceeded)
    rig.settle()
    assert connection.is_closed
    assert failure(rig, response.read()).kind is RequestErrorKind.ABANDONED


def test_a_response_has_one_reader(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"content-length: 3\r\n\r\n")
    response = running.finish()
    first = rig.begin(response.read())
    assert isinstance(rig.fail(response.read()), UsageError)
    peer.send(b"abc")
    assert first.finish() == b"abc"


def test_unread_content_of_a_complete_response_holds_nobody_back(rig: ClientRig) -> None:
    """Each leaves nearly a window unread; the next must be able to fill it all the same."""
    connection, peer = rig.pair(limits=Http1Limits(window=1000))
    responses = []
    for _ in range(5):
        running = rig.begin(connection.request(get()))
        peer.send(OK + b"content-length: 900\r\n\r\n" + bytes(900))
        responses.append(running.finish())
        rig.settle()
    assert all(response.is_over for response in responses)
    assert [len(rig.run(response.read_all(1000))) for response in responses] == [900] * 5
