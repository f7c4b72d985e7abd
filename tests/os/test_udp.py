# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client's UDP sockets, and the entropy that goes with them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sws.os.entropy import random_bytes
from sws.os.udp import connect_udp, receive_batch


@pytest.fixture(params=["127.0.0.1", "::1"])
def server(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((request.param, 0))
        sock.settimeout(5)
        yield sock


def test_there_and_back(server: socket.socket) -> None:
    host, port = server.getsockname()[:2]
    with connect_udp(host, port) as sock:
        assert receive_batch(sock) == []
        sock.send(b"question")
        data, peer = server.recvfrom(100)
        assert data == b"question"
        for number in range(20):
            server.sendto(b"%d" % number, peer)
        assert receive_batch(sock) == [b"%d" % number for number in range(16)]
        assert receive_batch(sock, 3) == [b"16", b"17", b"18"]
        assert receive_batch(sock) == [b"19"]


def test_others_are_not_heard(server: socket.socket) -> None:
    host, port = server.getsockname()[:2]
    with connect_udp(host, port) as sock, socket.socket(server.family, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"forged", sock.getsockname()[:2])
        assert receive_batch(sock) == []


def test_each_has_a_port_of_its_own(server: socket.socket) -> None:
    host, port = server.getsockname()[:2]
    sockets = [connect_udp(host, port) for _ in range(8)]
    assert len({sock.getsockname()[1] for sock in sockets}) == 8
    for sock in sockets:
        sock.close()


def test_nobody_there(server: socket.socket) -> None:
    host, port = server.getsockname()[:2]
    with connect_udp(host, port) as sock:
        server.close()
        sock.send(b"question")
        with pytest.raises(ConnectionRefusedError):
            receive_batch(sock)


def test_an_error_behind_a_datagram_comes_next_time() -> None:
    class Broken:
        def __init__(self) -> None:
            self.answers: list[bytes | OSError] = [b"first", ConnectionRefusedError()]

        def recv(self, _size: int) -> bytes:
            answer = self.answers.pop(0)
            if isinstance(answer, OSError):
                raise answer
            return answer

    assert receive_batch(Broken()) == [b"first"]  # type: ignore[arg-type]


def test_what_cannot_be_connected_is_closed() -> None:
    with pytest.raises(OSError, match=r".+"):
        connect_udp("fe80::1", 53, 0)  # a link-local address without its link


def test_entropy() -> None:
    assert len(random_bytes(33)) == 33
    assert random_bytes(16) != random_bytes(16)
