# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What goes wrong on a connection, and giving a request up.  RFC 9112 §9"""

from __future__ import annotations

import pytest

from sws.base.engine import Fields
from sws.base.errors import UsageError
from sws.net.response import Request, RequestError, RequestErrorKind
from sws.os.tasks import Cancelled
from sws.proto.http1 import Http1Limits
from tests.kit.client import EMPTY, HOST, OK, ClientRig, Owner, failure, get, whole

# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "kind", "unanswered"),
    [
        (b"", RequestErrorKind.CLOSED, True),
        (b"HTTP/1.1 200", RequestErrorKind.CLOSED, False),
        (OK + b"content-length: 5\r\n", RequestErrorKind.CLOSED, False),
    ],
)
def test_the_connection_ends_before_the_head(rig: ClientRig, octets: bytes, kind: RequestErrorKind, unanswered: bool) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    running = rig.begin(connection.request(get()))
    peer.send(octets)
    rig.settle()
    peer.close()
    running.wait()
    error = running.error
    assert isinstance(error, RequestError)
    assert (error.kind, error.is_unanswered, owner.told) == (kind, unanswered, ["closed"])
    assert failure(rig, connection.request(get())).kind is RequestErrorKind.CLOSED


@pytest.mark.parametrize("framing", [b"content-length: 10\r\n\r\nhello", b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"])
def test_the_connection_ends_within_content(rig: ClientRig, framing: bytes) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    peer.send(OK + framing)
    response = running.finish()
    rig.settle()
    peer.close()
    rig.settle()
    assert rig.run(response.read()) == b"hello"
    error = failure(rig, response.read())
    assert (error.kind, error.is_unanswered) == (RequestErrorKind.CLOSED, False)


def test_reset_within_close_delimited_content_is_no_end(rig: ClientRig) -> None:
    connection, peer = rig.pair(tcp=True)
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"\r\nhello")
    response = running.finish()
    assert rig.run(response.read()) == b"hello"
    peer.reset_now()
    assert failure(rig, response.read()).kind is RequestErrorKind.RESET


@pytest.mark.parametrize(
    "octets",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n",
        OK + b"a" * 50_000,
        b"HTTP/1.1 102 P\r\n\r\n" * 40,
    ],
)
def test_a_server_that_breaks_the_protocol(rig: ClientRig, octets: bytes) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    peer.send(octets)
    running.wait()
    assert isinstance(running.error, RequestError)
    assert (running.error.kind, running.error.is_unanswered) == (RequestErrorKind.PROTOCOL, False)
    assert connection.is_closed


def test_what_nobody_asked_for_ends_the_connection(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    running = rig.begin(whole(connection, get()))
    peer.send(EMPTY + EMPTY)
    assert running.finish()[0] == 200
    rig.settle()
    assert connection.is_closed
    assert "available" not in owner.told


def test_an_idle_connection_that_the_server_closes(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    assert not connection.has_died()
    peer.close()
    assert connection.has_died()
    rig.settle()
    assert owner.told == ["closed"]
    assert failure(rig, connection.request(get())).is_unanswered


def test_idle_connections_that_died(rig: ClientRig) -> None:
    reset, peer = rig.pair(tcp=True)
    peer.reset_now()
    talks, other = rig.pair()
    other.send(b"x")
    assert reset.has_died()
    assert talks.has_died()


def test_a_head_that_does_not_come(rig: ClientRig) -> None:
    connection, _ = rig.pair(limits=Http1Limits(head_timeout=5))
    running = rig.begin(connection.request(get()))
    rig.advance(4.9)
    assert not running.done
    rig.advance(0.2)
    assert isinstance(running.error, RequestError)
    assert running.error.kind is RequestErrorKind.TIMEOUT
    assert connection.is_closed


def test_content_that_stops(rig: ClientRig) -> None:
    connection, peer = rig.pair(limits=Http1Limits(head_timeout=5, body_timeout=3))
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"content-length: 10\r\n\r\nabc")
    response = running.finish()
    rig.advance(2.9)
    peer.send(b"def")
    rig.settle()
    rig.advance(2.9)
    assert not response.is_over
    rig.advance(0.2)
    assert rig.run(response.read()) == b"abc"
    assert rig.run(response.read()) == b"def"
    assert failure(rig, response.read()).kind is RequestErrorKind.TIMEOUT


def test_an_idle_connection_has_no_deadline(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, get()))
    peer.send(EMPTY)
    running.finish()
    rig.advance(10_000)
    assert connection.is_available


def test_an_on_informational_that_fails_ends_the_request(rig: ClientRig) -> None:
    def broken(status: int, fields: Fields) -> None:
        raise ValueError("ours")

    connection, peer = rig.pair()
    running = rig.begin(connection.request(get(), broken))
    peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    running.wait()
    assert isinstance(running.error, RequestError)
    assert [str(error) for error in rig.errors] == ["ours"]
    rig.errors.clear()


# --- giving up -------------------------------------------------------------------------------------------------------


def test_cancelled_before_the_head(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    running = rig.begin(connection.request(get()))
    assert running.task is not None
    running.task.cancel()
    rig.settle()
    assert isinstance(running.error, Cancelled)
    assert owner.told == ["closed"]
    rig.settle()
    assert peer.eof


def test_cancelled_within_content(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, get()))
    peer.send(OK + b"content-length: 10\r\n\r\nabc")
    rig.settle()
    assert running.task is not None
    running.task.cancel()
    rig.settle()
    assert isinstance(running.error, Cancelled)
    assert connection.is_closed


def test_closing_a_response_closes_its_connection(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"content-length: 10\r\n\r\nabc")
    response = running.finish()
    response.close()
    response.close()
    assert failure(rig, response.read()).kind is RequestErrorKind.ABANDONED
    rig.settle()
    assert connection.is_closed


def test_abort_and_shutdown(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    connection.abort()
    connection.abort()
    running.wait()
    assert isinstance(running.error, RequestError)
    assert running.error.kind is RequestErrorKind.ABANDONED
    connection, peer = rig.pair()
    done = rig.begin(whole(connection, get()))
    connection.shutdown()
    peer.send(EMPTY)
    assert done.finish()[0] == 200
    assert connection.is_closed
    connection.shutdown()
    connection, peer = rig.pair()
    connection.shutdown()
    assert connection.is_closed


def test_requests_that_cannot_be_sent(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    assert isinstance(rig.fail(connection.request(Request(b"GET", b"/ /", HOST))), UsageError)
    assert owner.told == ["available"]  # it is as good as before
    running = rig.begin(whole(connection, get()))
    assert isinstance(rig.fail(connection.request(get())), UsageError)
    peer.send(EMPTY)
    assert running.finish()[0] == 200
