# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The client's driver against a scripted server, our own server, and a multiplexed engine.  RFC 9110 §7.5, §9.3.6, §10.1.1; RFC 9112 §9."""

from __future__ import annotations

import os
import pathlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.engine import Fields, FileSpan, Output
from sws.base.errors import LimitExceeded, UsageError
from sws.exchange.exchange import Exchange, PeerFacts
from sws.net.client import ClientDriver, ClientLimits
from sws.net.driver import StreamDriver
from sws.net.outlet import SendLimits
from sws.net.response import Request, RequestError, RequestErrorKind, Response
from sws.os.tasks import Cancelled
from sws.proto.http1 import ClientConnection, Http1Limits, IdlePolicy, ServerConnection
from tests.kit.client import HOST, ClientRig, Owner, get, post
from tests.kit.driver import DATE, Client, Script
from tests.kit.fake_engine import FakeEngine

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"


@pytest.fixture
def rig() -> Iterator[ClientRig]:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with ClientRig() as rig:
        yield rig
        assert rig.errors == []
    assert (len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0) == before


def failure(rig: ClientRig, coroutine: object) -> RequestError:
    """What it fails with, which must be a RequestError."""
    error = rig.fail(coroutine)  # type: ignore[arg-type]
    assert isinstance(error, RequestError), repr(error)
    return error


async def whole(connection: ClientDriver, request: Request) -> tuple[int, bytes, Fields]:
    """Status, content and trailers."""
    with await connection.request(request) as response:
        content = await response.read_all(1 << 24)
        return response.status, content, tuple(response.trailers)


# --- responses -------------------------------------------------------------------------------------------------------


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


# --- content of requests ---------------------------------------------------------------------------------------------


async def parts(*values: Output) -> AsyncIterator[Output]:
    for value in values:
        yield value


def test_octets(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    for content, tail in ((b"hello", b"content-length: 5\r\n\r\nhello"), (b"", b"content-length: 0\r\n\r\n")):
        peer.received.clear()
        running = rig.begin(whole(connection, post(content)))
        assert peer.received == b"POST / HTTP/1.1\r\nhost: a.example\r\n" + tail
        peer.send(EMPTY)
        assert running.finish()[0] == 200


def test_a_file(rig: ClientRig, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)
    connection, peer = rig.pair()
    fd = os.open(path, os.O_RDONLY)
    running = rig.begin(whole(connection, post(FileSpan(fd, 10, 1_000_000))))
    rig.until(lambda: len(peer.received) > 1_000_000)
    rig.settle()
    head, _, content = bytes(peer.received).partition(b"\r\n\r\n")
    assert b"content-length: 1000000" in head
    assert content == path.read_bytes()[10:1_000_010]
    peer.send(EMPTY)
    assert running.finish()[0] == 200
    os.close(fd)


def test_a_file_that_became_shorter(rig: ClientRig, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"short")
    connection, _ = rig.pair(client=ClientLimits(reply_grace=1))
    with open(path, "rb") as file:
        running = rig.begin(connection.request(post(FileSpan(file.fileno(), 0, 1000))))
        assert not running.done
        rig.advance(1.1)
        assert isinstance(running.error, RequestError)
        assert running.error.kind is RequestErrorKind.RESET


def test_an_iterable_is_sent_in_chunks(rig: ClientRig, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    connection, peer = rig.pair()
    with open(path, "rb") as file:
        content = parts(b"he", b"", FileSpan(file.fileno(), 3, 4), b"llo")
        request = Request(b"POST", b"/", HOST, content, lambda: ((b"sum", b"1"),))
        assert not request.is_repeatable
        running = rig.begin(whole(connection, request))
        assert bytes(peer.received).partition(b"\r\n\r\n")[2] == b"2\r\nhe\r\n4\r\n3456\r\n3\r\nllo\r\n0\r\nsum: 1\r\n\r\n"
        peer.send(EMPTY)
        assert running.finish()[0] == 200
        assert connection.is_available


def test_an_iterable_with_a_declared_length(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, post(parts(b"he", b"llo"), (b"content-length", b"5"))))
    assert bytes(peer.received).partition(b"\r\n\r\n")[2] == b"hello"
    peer.send(EMPTY)
    assert running.finish()[0] == 200


@pytest.mark.parametrize("values", [(b"hell",), (b"hello", b"!")])
def test_an_iterable_that_breaks_its_declared_length(rig: ClientRig, values: tuple[bytes, ...]) -> None:
    connection, _ = rig.pair()
    error = rig.fail(connection.request(post(parts(*values), (b"content-length", b"5"))))
    assert isinstance(error, UsageError)
    rig.settle()
    assert connection.is_closed


def test_an_iterable_that_fails(rig: ClientRig) -> None:
    async def broken() -> AsyncIterator[Output]:
        yield b"a"
        await rig.loop.sleep(1)
        raise ValueError("ours")

    connection, peer = rig.pair()
    running = rig.begin(connection.request(post(broken())))
    rig.advance(1.1)
    assert isinstance(running.error, ValueError)
    assert connection.is_closed
    connection, peer = rig.pair()
    running = rig.begin(connection.request(post(broken())))
    peer.send(OK + b"content-length: 5\r\n\r\n")  # the head is there already: the reader is told
    response = running.finish()
    reading = rig.begin(response.read())
    rig.advance(1.1)
    assert isinstance(reading.error, ValueError)


def test_a_large_request_waits_for_its_server(rig: ClientRig) -> None:
    """What is taken from its source stays near the engine's bound and the kernel's buffers while the server does not read."""
    taken = 0

    async def source() -> AsyncIterator[Output]:
        nonlocal taken
        for _ in range(300):
            taken += 10_000
            yield b"x" * 10_000

    connection, peer = rig.pair(buffer=20_000, limits=Http1Limits(queue=50_000))
    peer.reading = False
    running = rig.begin(whole(connection, post(source(), (b"content-length", b"3000000"))))
    rig.settle(50)
    assert taken < 250_000
    peer.reading = True
    rig.until(lambda: len(peer.received) > 3_000_000)
    assert bytes(peer.received).partition(b"\r\n\r\n")[2] == b"x" * 3_000_000
    peer.send(EMPTY)
    assert running.finish()[0] == 200
    assert connection.is_available


def test_a_server_that_takes_nothing(rig: ClientRig) -> None:
    connection, peer = rig.pair(buffer=20_000, client=ClientLimits(sending=SendLimits(send_timeout=5)))
    peer.reading = False
    running = rig.begin(connection.request(post(b"x" * 3_000_000)))
    rig.advance(4.9)
    assert not running.done
    rig.advance(0.2)
    assert isinstance(running.error, RequestError)
    assert running.error.kind is RequestErrorKind.TIMEOUT


def test_a_server_that_takes_too_little(rig: ClientRig) -> None:
    """Some now and then is not enough: the average counts."""
    limits = SendLimits(send_timeout=5, send_rate=100_000, send_grace=2)
    connection, peer = rig.pair(buffer=20_000, client=ClientLimits(sending=limits))
    peer.reading = False
    running = rig.begin(connection.request(post(b"x" * 3_000_000)))
    for _ in range(8):
        peer.take(20_000)
        rig.advance(1)
    assert isinstance(running.error, RequestError)
    assert running.error.kind is RequestErrorKind.TIMEOUT


def test_one_large_request_leaves_a_part_in_each_turn(rig: ClientRig) -> None:
    connection, peer = rig.pair(limits=Http1Limits(queue=10_000_000))
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_000_000)
    running = rig.begin(whole(connection, post(b"x" * 9_000_000)))
    rig.until(lambda: len(peer.received) > 9_000_000)
    peer.send(EMPTY)
    assert running.finish()[0] == 200


# --- early responses -------------------------------------------------------------------------------------------------


def test_an_early_error_ends_the_sending(rig: ClientRig) -> None:
    taken: list[int] = []

    async def endless() -> AsyncIterator[Output]:
        while True:
            taken.append(1)
            yield b"x" * 1000
            await rig.loop.sleep(0.1)

    connection, peer = rig.pair()
    running = rig.begin(connection.request(post(endless())))
    rig.advance(0.11)
    peer.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\n")
    response = running.finish()
    before = len(taken)
    for _ in range(5):
        rig.advance(0.11)
    assert len(taken) == before
    peer.send(b"large")
    assert rig.run(response.read_all(10)) == b"large"
    rig.settle()
    assert connection.is_closed


def test_an_early_success_does_not(rig: ClientRig) -> None:
    """Both directions at once, as an echo does."""

    async def questions() -> AsyncIterator[Output]:
        for number in range(3):
            await rig.loop.sleep(1)
            yield b"%d" % number

    connection, peer = rig.pair()
    running = rig.begin(connection.request(post(questions())))
    peer.send(OK + b"transfer-encoding: chunked\r\n\r\n")
    response = running.finish()
    for number in range(3):
        rig.advance(1.01)
        assert bytes(peer.received).endswith(b"1\r\n%d\r\n" % number + (b"0\r\n\r\n" if number == 2 else b""))
        peer.send(b"1\r\n%d\r\n" % number)
        assert rig.run(response.read()) == b"%d" % number
    peer.send(b"0\r\n\r\n")
    assert rig.run(response.read()) == b""
    assert connection.is_available


def test_a_whole_response_before_the_whole_request(rig: ClientRig) -> None:
    async def slow() -> AsyncIterator[Output]:
        yield b"a"
        await rig.loop.sleep(5)
        yield b"b"

    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    running = rig.begin(whole(connection, post(slow())))
    peer.send(OK + b"content-length: 2\r\n\r\nok")
    assert running.finish() == (200, b"ok", ())
    assert owner.told == ["closed"]
    rig.advance(6)
    assert b"b\r\n" not in peer.received


def test_the_response_of_a_server_that_reads_no_further(rig: ClientRig) -> None:
    """It answers, closes, and the rest of the request meets a reset: the answer counts."""
    connection, peer = rig.pair(buffer=20_000)
    peer.reading = False
    running = rig.begin(connection.request(post(b"x" * 3_000_000)))
    peer.sock.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge")
    peer.sock.shutdown(socket.SHUT_RDWR)
    response = running.finish()
    assert response.status == 413
    assert rig.run(response.read_all(10)) == b"large"
    rig.settle()
    assert connection.is_closed


def test_a_server_that_takes_no_more_and_says_nothing(rig: ClientRig) -> None:
    connection, peer = rig.pair(client=ClientLimits(reply_grace=2))
    peer.sock.shutdown(socket.SHUT_RD)
    running = rig.begin(connection.request(post(b"x" * 1000)))
    rig.advance(1.9)
    assert not running.done
    rig.advance(0.2)
    assert isinstance(running.error, RequestError)
    assert running.error.kind is RequestErrorKind.RESET


def test_a_complete_request_to_a_server_that_takes_no_more(rig: ClientRig) -> None:
    owner = Owner()
    connection, peer = rig.pair(owner=owner)
    peer.sock.shutdown(socket.SHUT_RD)
    running = rig.begin(whole(connection, get()))
    peer.send(EMPTY)
    assert running.finish()[0] == 200
    assert owner.told == ["closed"]  # never offered again


# --- 100-continue ----------------------------------------------------------------------------------------------------

EXPECT = (b"expect", b"100-continue")


def test_content_waits_for_100(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, post(b"hello", EXPECT)))
    rig.advance(0.9)
    assert peer.received.endswith(b"\r\n\r\n")
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    rig.settle()
    assert peer.received.endswith(b"\r\n\r\nhello")
    peer.send(EMPTY)
    assert running.finish()[0] == 200
    assert connection.is_available


def test_content_does_not_wait_for_ever(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, post(b"hello", EXPECT)))
    rig.advance(1.1)
    assert peer.received.endswith(b"\r\n\r\nhello")
    peer.send(EMPTY)
    assert running.finish()[0] == 200


@pytest.mark.parametrize("status", [b"417 Expectation Failed", b"200 OK"])
def test_a_final_response_instead_of_100(rig: ClientRig, status: bytes) -> None:
    connection, peer = rig.pair()
    running = rig.begin(whole(connection, post(b"hello", EXPECT)))
    peer.send(b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\n\r\nno")
    assert running.finish() == (int(status[:3]), b"no", ())
    rig.advance(2)
    assert b"hello" not in peer.received
    assert connection.is_closed


def test_100_and_the_final_response_at_once(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(post(b"hello", EXPECT)))
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 2\r\n\r\n")
    response = running.finish()
    rig.settle()
    assert peer.received.endswith(b"\r\n\r\nhello")
    peer.send(b"ok")
    assert rig.run(response.read_all(2)) == b"ok"
    rig.settle()
    assert connection.is_available


# --- tunnels ---------------------------------------------------------------------------------------------------------


def tunnel(rig: ClientRig) -> tuple[Response, ClientDriver, Client]:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(Request(b"CONNECT", b"b.example:443", ((b"host", b"b.example:443"),))))
    peer.send(b"HTTP/1.1 200 Connected\r\n\r\nraw")
    response = running.finish()
    peer.received.clear()
    return response, connection, peer


def test_a_tunnel_both_ways(rig: ClientRig) -> None:
    response, connection, peer = tunnel(rig)
    assert response.is_tunnel
    assert rig.run(response.read()) == b"raw"
    rig.run(response.send(b"to you"))
    rig.settle()
    assert peer.received == b"to you"
    response.finish()
    response.finish()
    rig.settle()
    assert peer.eof  # half closed
    peer.send(b"still")
    assert rig.run(response.read()) == b"still"
    assert isinstance(rig.fail(response.send(b"x")), UsageError)
    peer.half_close()
    assert rig.run(response.read()) == b""
    rig.settle()
    assert connection.is_closed


def test_a_tunnel_whose_far_end_closes_first(rig: ClientRig) -> None:
    response, connection, peer = tunnel(rig)
    peer.half_close()
    assert rig.run(response.read_all(10)) == b"raw"
    rig.run(response.send(b"goodbye"))
    response.finish()
    rig.settle()
    assert peer.received == b"goodbye"
    assert connection.is_closed


def test_closing_a_tunnel(rig: ClientRig) -> None:
    response, connection, _ = tunnel(rig)
    with response:
        pass
    assert isinstance(rig.fail(response.send(b"x")), RequestError)
    rig.settle()
    assert connection.is_closed


def test_a_tunnel_whose_far_end_is_slow(rig: ClientRig) -> None:
    response, _, peer = tunnel(rig)
    peer.reading = False
    sending = rig.begin(response.send(b"x" * 3_000_000))
    assert not sending.done
    peer.close()
    sending.wait()
    assert isinstance(sending.error, RequestError)


def test_an_upgrade(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get(b"/", (b"connection", b"upgrade"), (b"upgrade", b"echo"))))
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhi")
    response = running.finish()
    assert (response.status, response.is_tunnel) == (101, True)
    assert rig.run(response.read()) == b"hi"


def test_there_is_no_tunnel_in_a_plain_response(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"content-length: 1\r\n\r\n")
    response = running.finish()
    assert isinstance(rig.fail(response.send(b"x")), UsageError)
    response.finish()
    assert not response.is_over


# --- against our own server, and a multiplexed engine ------------------------------------------------------------------


async def echo(exchange: Exchange) -> None:
    exchange.start(200, ())
    while data := await exchange.read():
        await exchange.send(data)
    await exchange.finish(exchange.trailers)


def serve(rig: ClientRig, multiplexed: bool) -> tuple[ClientDriver, Script]:
    """Client and server drivers on one loop."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    now = rig.loop.now
    script = Script(echo)
    engine = (
        FakeEngine(now, client=False)
        if multiplexed
        else ServerConnection(now, limits=Http1Limits(), idle=IdlePolicy(60.0), date=lambda: DATE)
    )
    server = StreamDriver(rig.loop, far, engine, script, PeerFacts("192.0.2.1", 1, "a"), SendLimits())
    client = ClientDriver(
        rig.loop, near, FakeEngine(now, client=True) if multiplexed else ClientConnection(now, limits=Http1Limits()), owner=Owner()
    )
    rig.connections += [client, server]  # type: ignore[list-item]
    return client, script


@pytest.mark.parametrize("multiplexed", [False, True])
def test_our_own_server_echoes(rig: ClientRig, multiplexed: bool) -> None:
    connection, script = serve(rig, multiplexed)
    for content in (b"small", b"large" * (500 if multiplexed else 10_000)):
        assert rig.run(whole(connection, post(content)))[:2] == (200, content)
    request = Request(b"POST", b"/", HOST, parts(b"a", b"bc"), lambda: ((b"t", b"v"),))
    assert rig.run(whole(connection, request)) == (200, b"abc", ((b"t", b"v"),))
    assert script.errors == [None] * 3


def test_several_exchanges_at_once(rig: ClientRig) -> None:
    connection, _ = serve(rig, True)
    running = [rig.begin(whole(connection, post(b"%d" % number * 300))) for number in range(8)]
    assert [each.finish()[1] for each in running] == [b"%d" % number * 300 for number in range(8)]


def test_giving_up_one_of_several(rig: ClientRig) -> None:
    """The connection goes on, with the credit that the dead stream held."""
    connection, script = serve(rig, True)

    async def endless() -> AsyncIterator[Output]:
        while True:
            yield b"x" * 10
            await rig.loop.sleep(1)

    running = rig.begin(connection.request(post(endless())))
    response = running.finish()
    response.close()
    rig.settle()
    assert rig.run(whole(connection, post(b"other")))[1] == b"other"
    assert connection.is_available
    assert isinstance(script.errors[0], Cancelled)


# --- whatever a server sends -----------------------------------------------------------------------------------------


PIECES = [
    OK,
    b"HTTP/1.1 100 C\r\n\r\n",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
]


@settings(max_examples=60, deadline=None)
@given(
    octets=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    OK,
                    b"HTTP/1.1 100 C\r\n\r\n",
                    b"content-length: 3\r\n",
                    b"transfer-encoding: chunked\r\n",
                    b"\r\n",
                    b"3\r\nabc\r\n",
                    b"0\r\n\r\n",
                ]
            ),
            max_size=9,
        ).map(b"".join),
    ),
    cuts=st.lists(st.integers(0, 200), max_size=4),
    method=st.sampled_from([b"GET", b"HEAD", b"POST"]),
)
def test_only_declared_errors(octets: bytes, cuts: list[int], method: bytes) -> None:
    """Whatever comes, however it is cut, and however it ends: a whole response or a RequestError, and the same each time."""
    seen = set()
    for ends in (sorted({min(cut, len(octets)) for cut in cuts}), []):
        with ClientRig() as rig:
            connection, peer = rig.pair()
            running = rig.begin(whole(connection, get(method=method)))
            start = 0
            for end in (*ends, len(octets)):
                peer.send(octets[start:end])
                rig.settle(3)
                start = end
            peer.half_close()
            running.wait()
            assert rig.errors == []
            assert running.error is None or isinstance(running.error, RequestError), repr(running.error)
            seen.add(running.result if running.error is None else None)
    assert len({result if result is None else (result[0], result[1]) for result in seen}) == 1
