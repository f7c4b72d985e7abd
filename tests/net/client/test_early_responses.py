# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Responses before the request is whole, and 100-continue.  RFC 9110 §7.5, §10.1.1"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest

from sws.base.engine import Output
from sws.net.client import ClientLimits
from sws.net.response import RequestError, RequestErrorKind
from tests.kit.client import EMPTY, OK, ClientRig, Owner, get, post, whole

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
