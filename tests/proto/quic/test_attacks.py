# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Attacks that RFC 9000 §21, RFC 9001 §9 and published faults describe, each refused or bounded."""

from __future__ import annotations

import random

import pytest

from sws.base.datagrams import DatagramIn
from sws.proto.quic import frames as f
from sws.proto.quic.api import ConnectionClosed, StreamReset
from sws.proto.quic.closing import End
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.packets import encode_long_header
from sws.proto.quic.protection import PacketKeys, initial_secrets, seal_packets
from sws.proto.quic.versions import QUIC_V1, VERSIONS, PacketType
from tests.kit.quic import CLIENT, SERVER, Conditions, Download, Idle, Network, Serve, connect, forge, make_client, make_endpoint


def first_flight(seed: int = 1) -> bytes:
    """A client's Initial."""
    client = make_client(random.Random(seed))
    return client.datagrams_to_send(0.0, 1 << 16)[0].data


def test_amplification_is_at_most_threefold() -> None:
    endpoint = make_endpoint(random.Random(2))
    data = first_flight()
    endpoint.receive([DatagramIn(data, SERVER, CLIENT)], 0.0)
    (connection,) = endpoint.connections
    sent, now = 0, 0.0
    for _ in range(50):
        sent += sum(len(out.data) for out in connection.datagrams_to_send(now, 1 << 16))
        assert sent <= 3 * len(data)
        due = connection.next_timeout()
        if due is None:
            break
        now = max(now, due)
        connection.handle_timeout(now)
    assert sent >= 1200


def test_a_new_path_gets_at_most_threefold_too() -> None:
    network = connect()
    client, server = network.client, network.server
    server.take_events()
    spoofed = ("203.0.113.9", 9)
    network.now += 1
    server.receive([DatagramIn(forge(client, f.encode_stream(0, 0, b"100000", True)), SERVER, spoofed)], network.now)
    network.server_app.on_events(server, server.take_events(), network.now)
    sent = 0
    for _ in range(20):
        for out in server.datagrams_to_send(network.now, 1 << 16):
            if out.remote == spoofed:
                sent += len(out.data)
        due = server.next_timeout()
        if due is None or server.is_closed:
            break
        network.now = max(network.now, due)
        server.handle_timeout(network.now)
    assert 0 < sent <= 3 * 60
    assert server.paths.active.remote == CLIENT


def test_an_optimistic_acknowledgement_is_caught() -> None:
    network = connect()
    network.app = Download([400_000], is_connected=True)
    network.run(5.0, until=lambda: bool(network.server.loss.spaces[2].skipped))
    skipped = network.server.loss.spaces[2].skipped[0]
    network.inject(True, forge(network.client, f.encode_ack([(0, skipped)], 0)))
    assert network.server.closing.code == ErrorCode.PROTOCOL_VIOLATION


def test_path_challenges_without_end_are_answered_in_bounds() -> None:
    network = connect()
    for _ in range(100):
        network.inject(True, forge(network.client, b"".join([f.encode_path_challenge(bytes([n]) * 8) for n in range(100)])))
    assert sum(len(path.responses) for path in (network.server.paths.active, *network.server.paths.candidates)) <= 16
    out = network.server.datagrams_to_send(network.now, 1 << 16)
    assert sum(len(item.data) for item in out) <= 5000


def test_addresses_without_end_make_few_paths() -> None:
    network = connect()
    for port in range(1000, 1100):
        network.now += 0.001
        network.endpoint.receive(
            [DatagramIn(forge(network.client, f.encode_path_challenge(bytes(8))), SERVER, ("192.0.2.1", port))], network.now
        )
    assert len(network.server.paths.candidates) <= 3


def test_resets_and_stops_without_end_hold_nothing() -> None:
    network = connect()
    server = network.server
    for number in range(600):
        stream = 4 * number
        network.inject(True, forge(network.client, f.encode_stream(stream, 0, b"5", False) + f.encode_reset_stream(stream, 1, 1)))
        network.inject(True, forge(network.client, f.encode_stop_sending(stream, 1)))
        if server.closing.state is not End.ACTIVE:
            break
    assert server.closing.code == ErrorCode.STREAM_LIMIT_ERROR  # our resets were not acknowledged: the streams live, and no more may come
    assert len(server.streams) <= 100
    assert len(server.control.wishes) <= 300
    assert any(isinstance(event, StreamReset) for event in server.take_events())


def test_streams_opened_by_the_highest_number_cost_an_integer_each() -> None:
    network = connect()
    network.inject(True, forge(network.client, f.encode_stream(396, 0, b"x", False)))
    assert network.server.closing.state is End.ACTIVE
    assert len(network.server.streams) == 1


def test_connection_ids_replaced_without_end() -> None:
    network = connect()
    for number in range(4, 400):
        network.inject(
            True, forge(network.client, f.encode_new_connection_id(number, number, number.to_bytes(8, "big"), number.to_bytes(16, "big")))
        )
        if network.server.closing.state is not End.ACTIVE:
            break
    assert network.server.closing.code == ErrorCode.CONNECTION_ID_LIMIT_ERROR
    assert number < 40


def test_gaps_in_a_stream_are_bounded() -> None:
    network = connect()
    server = network.server
    for start in range(0, 12_000, 100):
        frames = b"".join([f.encode_stream(0, 2 * offset + 1, b"x", False) for offset in range(start, start + 100)])
        network.inject(True, forge(network.client, frames))
        if server.closing.state is not End.ACTIVE:
            break
    assert server.closing.code == ErrorCode.INTERNAL_ERROR
    assert server.streams.held() < 1 << 18


def initial(destination: bytes, source: bytes, frames: bytes, number: int, pad: int = 1200) -> bytes:
    """An Initial of a client that follows no rules."""
    version = VERSIONS[QUIC_V1]
    keys = PacketKeys(version, 0x1301, initial_secrets(version, destination)[0])
    frames += bytes(max(0, pad - len(frames) - 40))
    header = encode_long_header(version, PacketType.INITIAL, destination, source, b"", len(frames) + 16, number)
    return seal_packets(keys, [(header, number, frames)])[0]


def test_crypto_octets_before_the_handshake_are_bounded() -> None:
    endpoint = make_endpoint(random.Random(3))
    for number in range(200):
        offset = 1 + 1000 * number
        endpoint.receive([DatagramIn(initial(b"8octets!", b"me", f.encode_crypto(offset, bytes(1000)), number), SERVER, CLIENT)], 0.0)
        (connection,) = endpoint.connections
        if connection.closing.state is not End.ACTIVE:
            break
    assert connection.closing.code == ErrorCode.CRYPTO_BUFFER_EXCEEDED
    assert connection.crypto[0].held <= 1 << 17


@pytest.mark.slow
def test_packets_for_other_ids_in_one_datagram_make_nothing_grow() -> None:
    """CVE-2025-54939: memory that grew with coalesced packets of other destination IDs."""
    endpoint = make_endpoint(random.Random(3))
    data = first_flight()
    endpoint.receive([DatagramIn(data, SERVER, CLIENT)], 0.0)
    (connection,) = endpoint.connections
    other = encode_long_header(VERSIONS[QUIC_V1], PacketType.HANDSHAKE, b"otherids", b"", b"", 20, 0) + bytes(20)
    for _ in range(500):
        endpoint.receive([DatagramIn(data[:-1] + b"x", SERVER, CLIENT), DatagramIn(data + other * 20, SERVER, CLIENT)], 0.0)
    assert len(endpoint) == 1
    assert len(connection.receiver.opener.waiting) <= 10


def test_packets_that_wait_for_keys_are_few() -> None:
    network = Network(4, Conditions(), make_client(random.Random(4)), Idle(), make_endpoint(random.Random(5)), Serve())
    network.flush()
    network.step()
    server = network.server
    for number in range(100):
        network.inject(True, b"\x41" + server.first_id + number.to_bytes(4, "big") + bytes(40))
    assert len(server.receiver.opener.waiting) == 10
    network.run(2.0)
    assert network.client.is_confirmed


def test_handshakes_without_end_meet_retry_and_then_refusal() -> None:
    endpoint = make_endpoint(random.Random(6), retry_above=5, new_maximum=8)
    for number in range(30):
        endpoint.receive([DatagramIn(first_flight(number), SERVER, ("192.0.2.7", number))], 0.0)
    assert len(endpoint) == 5
    replies = endpoint.replies()
    assert len(replies) == 25
    assert all(len(reply.data) < 1200 for reply in replies)
    without = make_endpoint(random.Random(6), tokens=False, new_maximum=8)
    for number in range(30):
        without.receive([DatagramIn(first_flight(number), SERVER, ("192.0.2.7", number))], 0.0)
    assert (len(without), without.refused) == (8, 22)


@pytest.mark.parametrize("place", [8, 20, 600])
def test_a_first_packet_that_was_damaged_makes_no_connection(place: int) -> None:
    """Its IDs may be wrong: believing them would lock the client out."""
    made: list[object] = []
    endpoint = make_endpoint(random.Random(2))
    endpoint.on_new = made.append
    data = first_flight()
    damaged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    assert endpoint.receive([DatagramIn(damaged, SERVER, CLIENT)], 0.0) == []
    assert (len(endpoint), made) == (0, [])
    (connection,) = endpoint.receive([DatagramIn(data, SERVER, CLIENT)], 0.0)
    assert made == [connection]
    assert connection.datagrams_to_send(0.0, 1 << 16)


def test_stateless_resets_are_smaller_and_few() -> None:
    endpoint = make_endpoint(random.Random(7))
    for number in range(1000):
        endpoint.receive([DatagramIn(b"\x41" + number.to_bytes(8, "big") + bytes(30), SERVER, CLIENT)], 0.5)
    replies = endpoint.replies()
    assert len(replies) == 100
    assert all(21 <= len(reply.data) < 39 for reply in replies)
    endpoint.receive([DatagramIn(b"\x41" + bytes(15), SERVER, CLIENT), DatagramIn(b"", SERVER, CLIENT)], 2.0)
    assert endpoint.replies() == []


def test_a_stateless_reset_ends_a_connection_that_was_forgotten() -> None:
    network = connect()
    network.endpoint.forget(network.server)
    stream = network.client.open_stream(False)
    network.client.send_stream_data(stream, bytes(100), True)
    network.run(2.0)
    idle = network.app
    assert isinstance(idle, Idle)
    assert [event.reason for event in idle.events if isinstance(event, ConnectionClosed)] == ["stateless reset"]


@pytest.mark.parametrize("size", [21, 40, 1200])
def test_forged_packets_change_nothing(size: int) -> None:
    network = connect()
    chance = random.Random(size)
    before = network.server.receiver.dropped
    for _ in range(50):
        network.inject(True, b"\x43" + network.server.first_id + chance.randbytes(size))
    assert network.server.closing.state is End.ACTIVE
    assert network.server.receiver.dropped == before + 50
    assert network.server.paths.candidates == []


def test_too_many_forgeries_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sws.proto.quic.keyphase", fromlist=["x"]).INTEGRITY_LIMIT, 0x1303, 20)
    network = connect()
    for _ in range(20):
        network.inject(True, b"\x43" + network.server.first_id + bytes(60))
    assert network.server.closing.code == ErrorCode.AEAD_LIMIT_REACHED


@pytest.mark.slow
def test_keys_are_changed_before_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sws.proto.quic.keyphase", fromlist=["x"]).CONFIDENTIALITY_LIMIT, 0x1303, 400)
    app = Download([1_000_000])
    network = connect(app=app, conditions=Conditions(delay=0.01, rate=1e6, queue=30_000))
    network.run(20.0, until=lambda: app.closed is not None)
    assert app.is_done
    assert network.server.phases is not None
    assert network.server.phases.updates >= 2


def test_a_key_that_cannot_be_changed_in_time_ends_the_connection_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    network = connect()
    assert network.client.phases is not None
    limit = network.client.phases._sealed + 5
    monkeypatch.setitem(__import__("sws.proto.quic.keyphase", fromlist=["x"]).CONFIDENTIALITY_LIMIT, 0x1303, limit)
    stream = network.client.open_stream(False)
    network.client.send_stream_data(stream, bytes(100_000), True)
    for _ in range(10):
        network.client.datagrams_to_send(network.now, 1 << 16)
    assert network.client.closing.code == ErrorCode.AEAD_LIMIT_REACHED
    network.inject(False, forge(network.server, b"\x01"))
    assert network.client.datagrams_to_send(network.now, 1 << 16) == []


def test_a_second_key_update_before_the_first_was_answered() -> None:
    network = connect()
    client = network.client
    assert client.phases is not None
    packets = []
    for _ in range(2):
        client.phases.update(network.now, 0.1, client.loss.spaces[2].next_number)
        packets.append(forge(client, b"\x01"))
    for packet in packets:
        network.inject(True, packet)
    assert network.server.closing.code == ErrorCode.KEY_UPDATE_ERROR
