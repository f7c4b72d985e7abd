# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A client's last flight at the server: the end of the handshake and what is asked behind it, opened together.  RFC 9001 §5.7"""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from sws.base.datagrams import DatagramIn
from sws.proto.quic import opening
from sws.proto.quic.api import HandshakeDone, StreamData
from sws.proto.quic.client import ClientConnection
from sws.proto.quic.packets import decode_long_header
from sws.proto.quic.protection import PacketCipher, Sealable, open_levels
from sws.proto.quic.server import ServerConnection
from tests.kit.quic import crossed, forge, make_client, make_endpoint


class Flight:
    """Both ends when the client has finished its handshake and asked for something; none of that was delivered."""

    def __init__(self) -> None:
        chance = random.Random(7)
        made: list[ServerConnection] = []
        self.client: ClientConnection = make_client(chance)
        endpoint = make_endpoint(chance, made.append)
        endpoint.receive(crossed(self.client.datagrams_to_send(0.0, 1 << 16)), 0.0)
        self.server = made[0]
        self.client.receive(crossed(self.server.datagrams_to_send(0.0, 1 << 16)), 0.1)
        self.stream = self.client.open_stream(False)
        self.client.send_stream_data(self.stream, b"what is asked for", True)
        (datagram,) = crossed(self.client.datagrams_to_send(0.1, 1 << 16))
        initial = decode_long_header(datagram.data)
        second = decode_long_header(datagram.data, initial.end) if initial.kind == 0 else initial
        self.handshake, self.behind = datagram.data[: second.end], datagram.data[second.end :]
        assert self.behind[0] < 0x80
        self.datagram = datagram

    def arrive(self, *datagrams: bytes) -> list[object]:
        """Datagrams in one batch; what the server says of them."""
        self.server.receive([DatagramIn(data, self.datagram.local, self.datagram.remote) for data in datagrams], 0.2)
        return [event for event in self.server.take_events() if isinstance(event, HandshakeDone | StreamData)]

    @property
    def asked(self) -> list[object]:
        """What is said of a flight that came well."""
        return [HandshakeDone(b"hq-interop", False), StreamData(self.stream, b"what is asked for", True)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many levels each call had."""
    made: list[int] = []

    def watched(levels: Sequence[tuple[PacketCipher, Sequence[Sealable]]]) -> list[list[bytes | None]]:
        made.append(len(levels))
        return open_levels(levels)

    monkeypatch.setattr(opening, "open_levels", watched)
    return made


def test_one_datagram_with_both(calls: list[int]) -> None:
    flight = Flight()
    assert flight.arrive(flight.datagram.data) == flight.asked
    assert calls == [2]


def test_two_datagrams_of_one_batch(calls: list[int]) -> None:
    flight = Flight()
    assert flight.arrive(flight.handshake, flight.behind) == flight.asked
    assert calls == [2]


def test_what_is_behind_a_broken_finished_waits_for_a_whole_one(calls: list[int]) -> None:
    flight = Flight()
    broken = flight.handshake[:-1] + bytes((flight.handshake[-1] ^ 1,))
    assert flight.arrive(broken, flight.behind) == []
    assert flight.server.receiver.dropped >= 1
    assert len(flight.server.receiver.opener.waiting) == 1
    assert flight.arrive(flight.handshake) == flight.asked
    assert calls == [2]


def test_what_does_not_open_behind_a_good_one(calls: list[int]) -> None:
    flight = Flight()
    broken = flight.behind[:-1] + bytes((flight.behind[-1] ^ 1,))
    assert flight.arrive(flight.handshake, broken) == flight.asked[:1]
    assert flight.server.receiver.dropped == 1
    assert flight.arrive(flight.behind) == flight.asked[1:]
    assert calls == [2]


def test_another_key_phase_behind_is_another_key() -> None:
    flight = Flight()
    assert flight.arrive(flight.handshake, forge(flight.client, b"\x01" + bytes(20), first=4), flight.behind) == flight.asked
    assert flight.server.receiver.dropped == 1


@pytest.mark.parametrize("order", ["short behind", "short in front"])
def test_packets_too_short_to_be_unmasked(order: str, calls: list[int]) -> None:
    flight = Flight()
    short = flight.behind[:20]
    batch = (flight.handshake, short) if order == "short behind" else (flight.handshake, short, flight.behind)
    assert flight.arrive(*batch) == flight.asked[: len(batch) - 1]
    assert flight.server.receiver.dropped == 1
    assert calls == ([] if order == "short behind" else [2])


def test_more_than_a_batch_holds(calls: list[int]) -> None:
    flight = Flight()
    pings = [forge(flight.client, b"\x01" + bytes(20)) for _ in range(64)]
    assert flight.arrive(flight.handshake, flight.behind, *pings) == flight.asked
    assert flight.server.receiver.opened == 65
    assert calls == []


def test_one_after_the_other_as_before(calls: list[int]) -> None:
    flight = Flight()
    assert flight.arrive(flight.behind) == []
    assert flight.arrive(flight.handshake) == flight.asked
    assert calls == []
