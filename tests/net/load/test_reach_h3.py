# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who of a name's addresses speaks QUIC: answers, wrong answers, silence, refusals."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from sws.net.connect import ConnectError
from sws.net.hosts_file import Address
from sws.net.load.reach_h3 import reach_quic
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.os.tasks import start
from sws.proto.quic.config import QuicConfig
from tests.kit.quic import credential
from tests.kit.quic_live import LiveServer, live_endpoint


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def reach(loop: Loop, ports: list[int], timeout: float = 5.0) -> Address:
    """The answer, or the error."""
    found: list[Address] = []
    errors: list[BaseException | None] = []

    async def run() -> None:
        addresses = [Address("127.0.0.1", port, socket.AF_INET) for port in ports]
        found.append(await reach_quic(loop, "somewhere", addresses, timeout))

    start(loop, run(), errors.append)
    while not errors:
        loop.turn(0.05)
    if errors[0] is not None:
        raise errors[0]
    return found[0]


class Answering:
    """A UDP socket that answers what `answer` makes of a datagram."""

    def __init__(self, loop: Loop, answer: Callable[[bytes], bytes | None]) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]
        self.asked: list[bytes] = []
        self._loop = loop
        self._answer = answer
        loop.watch(self.sock.fileno(), READ, self._on_ready)

    def _on_ready(self, _mask: int) -> None:
        data, source = self.sock.recvfrom(2000)
        self.asked.append(data)
        said = self._answer(data)
        if said is not None:
            self.sock.sendto(said, source)

    def close(self) -> None:
        self._loop.unwatch(self.sock.fileno())
        self.sock.close()


def negotiation(data: bytes) -> bytes:
    """Version Negotiation, as RFC 8999 §6 has it."""
    destination, source = data[6:14], data[15:23]
    return b"\x80" + bytes(4) + b"\x08" + source + b"\x08" + destination + bytes.fromhex("00000001")


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_our_server_answers(loop: Loop) -> None:
    server = LiveServer(loop, live_endpoint(credential()[0], QuicConfig()))
    try:
        assert reach(loop, [closed_port(), server.port]).port == server.port
    finally:
        server.close()


def test_what_is_asked(loop: Loop) -> None:
    server = Answering(loop, negotiation)
    assert reach(loop, [server.port]).port == server.port
    (data,) = server.asked
    assert (len(data), data[0] & 0xC0, data[5], data[14]) == (1200, 0xC0, 8, 8)
    assert all(octet & 0x0F == 0x0A for octet in data[1:5])
    server.close()


@pytest.mark.parametrize("wrong", [lambda data: b"hello", lambda data: b"", lambda data: negotiation(data)[:10], lambda data: data])
def test_wrong_answers_are_none(loop: Loop, wrong: Callable[[bytes], bytes]) -> None:
    bad, good = Answering(loop, wrong), Answering(loop, negotiation)
    assert reach(loop, [bad.port, good.port]).port == good.port
    with pytest.raises(ConnectError, match="cannot connect to somewhere: timed out"):
        reach(loop, [bad.port], 0.1)
    bad.close()
    good.close()


@pytest.mark.slow
def test_silence_is_asked_again(loop: Loop) -> None:
    server = Answering(loop, lambda data: negotiation(data) if len(server.asked) > 1 else None)
    assert reach(loop, [server.port]).port == server.port
    assert len(server.asked) == 2
    server.close()


def test_nobody(loop: Loop) -> None:
    port = closed_port()
    with pytest.raises(ConnectError, match=f"127.0.0.1:{port}: Connection refused"):
        reach(loop, [port])
    with pytest.raises(ConnectError, match="no address"):
        reach(loop, [])


def test_an_address_without_a_route(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: str, port: int, scope_id: int) -> socket.socket:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("sws.net.load.reach_h3.connect_udp", refuse)
    with pytest.raises(ConnectError, match="Network is unreachable"):
        reach(loop, [4433])
