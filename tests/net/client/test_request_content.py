# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Content of requests: octets, files, iterables, under a window.  RFC 9112 §6"""

from __future__ import annotations

import os
import pathlib
import socket
from collections.abc import AsyncIterator

import pytest

from sws.base.engine import FileSpan, Output
from sws.base.errors import UsageError
from sws.net.client import ClientLimits
from sws.net.outlet import SendLimits
from sws.net.response import Request, RequestError, RequestErrorKind
from sws.proto.http1 import Http1Limits
from tests.kit.client import EMPTY, HOST, OK, ClientRig, parts, post, whole


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
