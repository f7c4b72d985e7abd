# SPDX-License-Identifier: Apache-2.0 OR MIT
"""UDP sockets for QUIC over loopback: segments, ECN bits, the address that was reached, what is done when the kernel refuses."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sws.base.datagrams import Address, DatagramIn, DatagramOut
from sws.os.datagrams import QuicSocket, open_quic_socket


@contextmanager
def pair(host: str = "127.0.0.1", offload: bool = True) -> Iterator[tuple[QuicSocket, QuicSocket, Address]]:
    """A server's socket, a client's, and the server's address as the client sees it."""
    there = "::1" if host == "::" else "127.0.0.1"
    with open_quic_socket(host, 0) as server, open_quic_socket(there, 0) as client:
        yield QuicSocket(server, offload=offload), QuicSocket(client, offload=offload), (there, server.getsockname()[1])


def receive(sock: QuicSocket, count: int) -> list[DatagramIn]:
    """That many datagrams, or fewer after two seconds."""
    found: list[DatagramIn] = []
    while len(found) < count and select.select([sock.sock], [], [], 2.0)[0]:
        found += sock.receive()
    return found


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
@pytest.mark.parametrize("offload", [True, False])
def test_batches_both_ways(host: str, offload: bool) -> None:
    there = "::1" if ":" in host else "127.0.0.1"
    with open_quic_socket(host, 0) as one, open_quic_socket(there, 0) as other:
        server, client = QuicSocket(one, offload=offload), QuicSocket(other, offload=offload)
        address = (there, one.getsockname()[1])
        data = bytes(range(250)) * 10
        assert client.send(DatagramOut(data, 1200, client.local, address, 2)) is None
        found = receive(server, 3)
        assert [datagram.data for datagram in found] == [data[:1200], data[1200:2400], data[2400:]]
        assert {(datagram.local, datagram.remote) for datagram in found} == {(address, client.local)}
        assert {datagram.ecn for datagram in found} == {2}
        assert (client.calls_out, client.datagrams_out) == ((1, 3) if offload else (3, 3))
        answer = found[0]
        assert server.send(DatagramOut(b"one", 3, answer.local, answer.remote)) is None
        (back,) = receive(client, 1)
        assert (back.data, back.remote, back.ecn) == (b"one", address, 0)
        assert server.datagrams_in == 3


def test_ipv4_over_a_socket_of_ipv6() -> None:
    with open_quic_socket("::", 0) as one, open_quic_socket("127.0.0.1", 0) as other:
        server, client = QuicSocket(one), QuicSocket(other)
        client.send(DatagramOut(b"x" * 30, 10, client.local, ("127.0.0.1", one.getsockname()[1]), 1))
        found = receive(server, 3)
        assert {(d.data, d.local[0], d.remote, d.ecn) for d in found} == {(b"x" * 10, "127.0.0.1", client.local, 1)}
        assert server.send(DatagramOut(b"y" * 20, 10, found[0].local, found[0].remote, 2)) is None
        assert [d.ecn for d in receive(client, 2)] == [2, 2]


class Refusing:
    """A socket whose calls fail."""

    def __init__(self, sock: socket.socket, errors: list[int]) -> None:
        self._sock = sock
        self._errors = errors
        self.family = sock.family

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)

    def _fail(self) -> None:
        if self._errors and (number := self._errors.pop(0)):
            raise OSError(number, "refused") if number != errno.EAGAIN else BlockingIOError(number, "full")

    def sendmsg(self, *arguments: object) -> int:
        self._fail()
        return self._sock.sendmsg(*arguments)  # type: ignore[arg-type]

    def sendto(self, *arguments: object) -> int:
        self._fail()
        return self._sock.sendto(*arguments)  # type: ignore[call-overload]

    def recvmsg_into(self, *arguments: object) -> object:
        self._fail()
        return self._sock.recvmsg_into(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("refusal", [errno.EIO, errno.EINVAL, errno.EMSGSIZE])
def test_a_peer_that_offload_does_not_work_for_is_remembered(refusal: int) -> None:
    with pair() as (server, client, address):
        client.sock = Refusing(client.sock, [refusal])  # type: ignore[assignment]
        out = DatagramOut(bytes(2400), 1200, client.local, address)
        assert client.send(out) is None
        assert client.send(out) is None
        assert len(receive(server, 4)) == 4
        assert (client.calls_out, client.datagrams_out) == (4, 4)


def test_a_kernel_that_is_full_gets_the_rest_later() -> None:
    with pair() as (server, client, address):
        out = DatagramOut(b"a" * 1200 + b"b" * 1200 + b"c", 1200, client.local, address)
        client.sock = Refusing(client.sock, [errno.EAGAIN])  # type: ignore[assignment]
        assert client.send(out) == out
    with pair(offload=False) as (server, client, address):
        client.sock = Refusing(client.sock, [0, errno.EAGAIN])  # type: ignore[assignment]
        rest = client.send(DatagramOut(out.data, 1200, client.local, address))
        assert rest is not None
        assert rest.data == b"b" * 1200 + b"c"
        assert client.send(rest) is None
        assert len(receive(server, 3)) == 3


def test_what_cannot_be_sent_is_dropped() -> None:
    with pair() as (_, client, address):
        client.sock = Refusing(client.sock, [errno.ENETUNREACH, errno.ENETUNREACH])  # type: ignore[assignment]
        assert client.send(DatagramOut(bytes(2400), 1200, client.local, address)) is None
        assert client.send(DatagramOut(bytes(10), 10, client.local, address)) is None
        assert client.calls_out == 0


def test_errors_of_icmp_are_passed_over() -> None:
    with pair() as (server, client, address):
        client.send(DatagramOut(b"x", 1, client.local, address))
        select.select([server.sock], [], [], 2.0)
        server.sock = Refusing(server.sock, [errno.ECONNREFUSED])  # type: ignore[assignment]
        assert [datagram.data for datagram in server.receive()] == [b"x"]


def test_addresses_that_cannot_be_had() -> None:
    with open_quic_socket("127.0.0.1", 0, reuse_port=True) as first:
        port = first.getsockname()[1]
        open_quic_socket("127.0.0.1", port, reuse_port=True).close()
        with pytest.raises(OSError, match=r"in use|98"):
            open_quic_socket("127.0.0.1", port)
