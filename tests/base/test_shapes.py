# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The shapes of TLS and QUIC engines, proved by the smallest engines that have them."""

from __future__ import annotations

from collections.abc import Sequence

from sws.base.datagrams import Address, DatagramEngine, DatagramIn, DatagramOut
from sws.base.handshake import (
    Alert,
    ByteFilter,
    Direction,
    HandshakeBytes,
    HandshakeComplete,
    HandshakeCore,
    HandshakeEvent,
    PeerParameters,
    SecretReady,
)

HERE: Address = ("192.0.2.1", 443)
THERE: Address = ("192.0.2.2", 5000)


class Mirror:
    """A record layer that turns octets over: what it seals, its twin opens."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.closed = False

    def receive(self, data: bytes, now: float) -> list[bytes]:
        return [bytes(255 - octet for octet in data)]

    def receive_eof(self, now: float) -> None:
        self.closed = True

    def send(self, data: Sequence[bytes]) -> None:
        self.out += data

    def close(self) -> None:
        self.closed = True

    def data_to_send(self, budget: int) -> list[bytes]:
        plain, self.out = b"".join(self.out), []
        self.out = [plain[budget:]] if plain[budget:] else []
        return self.receive(plain[:budget], 0.0)

    def export(self, label: bytes, context: bytes, length: int) -> bytes:
        return bytes(length)


class OneMessage:
    """A handshake of one message each way."""

    def receive(self, level: int, data: bytes, now: float) -> list[HandshakeEvent]:
        if data != b"hello":
            return [Alert(10)]
        return [
            PeerParameters(b""),
            HandshakeBytes(level, b"hello"),
            SecretReady(level + 1, Direction.WRITE, 0x1301, b"\x01" * 32),
            HandshakeComplete(b"h3"),
        ]


class Echo:
    """Sends every datagram back, ten milliseconds later at the latest."""

    def __init__(self) -> None:
        self.waiting: list[DatagramIn] = []
        self.deadline: float | None = None

    def receive(self, datagrams: Sequence[DatagramIn], now: float) -> None:
        self.waiting += datagrams
        self.deadline = now + 0.01

    def datagrams_to_send(self, now: float, budget: int) -> list[DatagramOut]:
        out = [DatagramOut(item.data, len(item.data), item.local, item.remote, item.ecn) for item in self.waiting]
        self.waiting = []
        self.deadline = None
        return out

    def next_timeout(self) -> float | None:
        return self.deadline

    def handle_timeout(self, now: float) -> None:
        self.deadline = None


def test_a_byte_filter() -> None:
    ours: ByteFilter = Mirror()
    theirs: ByteFilter = Mirror()
    ours.send([b"ab", b"cd"])
    first = ours.data_to_send(3)
    assert [theirs.receive(sealed, 0.0) for sealed in (*first, *ours.data_to_send(3))] == [[b"abc"], [b"d"]]
    assert len(ours.export(b"label", b"", 16)) == 16
    ours.close()
    theirs.receive_eof(0.0)


def test_a_handshake_core_and_a_secret_that_is_not_shown() -> None:
    core: HandshakeCore = OneMessage()
    events = core.receive(0, b"hello", 0.0)
    assert [type(event) for event in events] == [PeerParameters, HandshakeBytes, SecretReady, HandshakeComplete]
    assert "1" * 8 not in repr(events)
    assert "x01" not in repr(events)
    assert core.receive(0, b"?", 0.0) == [Alert(10)]


def test_a_datagram_engine() -> None:
    engine: DatagramEngine = Echo()
    engine.receive([DatagramIn(b"ping", HERE, THERE, 1)], 5.0)
    assert engine.next_timeout() == 5.01
    assert engine.datagrams_to_send(5.0, 1500) == [DatagramOut(b"ping", 4, HERE, THERE, 1)]
    engine.handle_timeout(5.01)
    assert engine.next_timeout() is None
