# SPDX-License-Identifier: Apache-2.0 OR MIT
"""More MUSTs of RFC 9000 that no other test shows: beginnings, tokens, what both ends send and what they pass over."""

from __future__ import annotations

import json
import random

import pytest

from sws.base.datagrams import DatagramIn
from sws.crypto.hmac import find_keyed
from sws.proto.quic import frames as f
from sws.proto.quic.api import ConnectionClosed
from sws.proto.quic.closing import End
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.connection import Connection
from sws.proto.quic.endpoint import reset_token
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.packets import LongHeader, decode_long_header
from sws.proto.quic.qlog import QlogTrace
from sws.proto.quic.received import ReceivedSpace
from sws.proto.quic.recovery.ecn import EcnState
from sws.proto.quic.retry import encode_retry
from sws.proto.quic.tokens import TokenBox
from sws.proto.quic.versions import PacketType
from tests.kit.quic import (
    CLIENT,
    SERVER,
    WALL,
    Conditions,
    Download,
    Idle,
    Network,
    Serve,
    connect,
    forge,
    long_hello,
    make_client,
    make_endpoint,
)
from tests.kit.quic_downloads import resumed
from tests.proto.quic.test_rfc9000_requirements import PING, half


def datagrams(connection: Connection, now: float) -> list[bytes]:
    """What leaves, one by one."""
    outs = connection.datagrams_to_send(now, 1 << 16)
    return [out.data[at : at + out.segment] for out in outs for at in range(0, len(out.data), out.segment)]


def long_headers(data: bytes) -> list[LongHeader]:
    """Those of a datagram."""
    found = []
    at = 0
    while at < len(data) and data[at] >= 0x80:
        found.append(decode_long_header(data, at))
        at = found[-1].end
    return found


# --- beginnings ------------------------------------------------------------------------------------------------------


def test_a_client_without_an_answer_says_the_same_again() -> None:
    """§7.2, §8.1: to the same ID, in Initials of 1200 octets."""
    client = make_client(random.Random(1))
    now = 0.0
    for _ in range(4):
        sent = datagrams(client, now)
        assert sent
        for data in sent:
            assert len(data) >= 1200
            (header,) = long_headers(data)
            assert (header.kind, header.destination, header.source) == (PacketType.INITIAL, client.original, client.first_id)
        due = client.next_timeout()
        assert due is not None
        now = due
        client.handle_timeout(now)


@pytest.mark.parametrize("gap", [0.004, 0.006])
def test_a_hello_of_several_datagrams_is_answered_as_a_whole(gap: float) -> None:
    """§13.2.1: if the rest is with us within a few milliseconds; else its parts are acknowledged."""
    endpoint = make_endpoint(random.Random(2))
    first, second = long_hello()
    (server,) = endpoint.receive([first], 0.0)
    assert datagrams(server, 0.0) == []
    due = server.next_timeout()
    assert due == pytest.approx(0.005)
    if gap > due:
        server.handle_timeout(due)
        (alone,) = datagrams(server, due)
        assert len(alone) < 100  # an acknowledgement, and nothing that asks for one
    endpoint.receive([second], gap)
    (answer,) = datagrams(server, gap)
    assert len(answer) >= 1200
    assert server.received[0].ack_at is None
    assert server.received[0].patience == 0


def test_a_client_with_handshake_keys_probes_with_handshake_packets() -> None:
    """§8.1, RFC 9002 §6.2.2.1, also though it has nothing to send again."""
    network = half()
    client = network.client
    network.step()
    assert client.write[PacketType.HANDSHAKE] is not None
    for index in (0, 1):
        client.loss.forget(index)
    assert not client.loss.peer_validated
    due = client.loss.next_timeout(network.now)
    assert due is not None
    client.handle_timeout(due)
    kinds = {header.kind for data in datagrams(client, due) for header in long_headers(data)}
    assert kinds == {PacketType.HANDSHAKE}


def test_packets_of_a_client_with_another_source_id() -> None:
    """§7.2: the server sends to the first one."""
    network = half()
    client, server = network.client, network.server
    largest = server.received[0].largest
    true_id, client.first_id = client.first_id, b"another!"
    network.inject(True, forge(client, PING, PacketType.INITIAL, pad=1200))
    assert (server.received[0].largest, server.remote_ids.current) == (largest, true_id)
    client.first_id = true_id
    network.inject(True, forge(client, PING, PacketType.INITIAL, pad=1200))
    assert server.received[0].largest > largest


def test_initials_of_a_server() -> None:
    """§14.1, §17.2.2: 1200 octets if they ask for acknowledgement, and no token; §12.2: one ID in a datagram."""
    chance = random.Random(5)
    network = Network(5, Conditions(), make_client(chance), Idle(), make_endpoint(chance, retry_above=0), Serve())
    seen: list[tuple[bool, bytes]] = []
    network.taps.append(lambda to_server, data, now: seen.append((to_server, data)) or data)  # type: ignore[func-returns-value]
    network.run(2.0)
    assert network.client.is_confirmed
    eliciting = 0
    for to_server, data in seen:
        headers = [header for header in long_headers(data) if header.kind is not PacketType.RETRY]
        rest = data[headers[-1].end :] if headers else b""
        ids = {header.destination for header in headers} | ({rest[1:9]} if rest and rest[0] & 0x40 and rest[0] < 0x80 else set())
        assert len(ids) <= 1
        initials = [header for header in headers if header.kind is PacketType.INITIAL]
        if not to_server and initials:
            assert [header.token for header in initials] == [b""]
            eliciting += len(data) >= 1200
            assert len(data) >= 1200 or len(headers) == 1
    assert eliciting


def test_all_octets_of_a_datagram_count_for_its_connection() -> None:
    """§8.1"""
    client = make_client(random.Random(1))
    endpoint = make_endpoint(random.Random(2))
    (data,) = datagrams(client, 0.0)
    (server,) = endpoint.receive([DatagramIn(data + bytes(77), SERVER, CLIENT)], 0.0)
    assert server.paths.active.received == len(data) + 77


def test_after_a_retry() -> None:
    """§17.2.5.2, §17.2.5.3: the same hello, under new numbers, from the same ID."""
    hello = make_client(random.Random(3)).crypto[0]._out.piece(1 << 16, 1 << 16)
    client = make_client(random.Random(3))
    assert client.original
    datagrams(client, 0.0)
    number = client.loss.spaces[0].next_number
    assert number
    retry = encode_retry(client.version, client.first_id, b"retried!", client.original, b"token")
    client.receive([DatagramIn(retry, CLIENT, SERVER)], 0.1)
    (data,) = datagrams(client, 0.1)
    (header,) = long_headers(data)
    assert (header.source, header.destination) == (client.first_id, b"retried!")
    assert client.loss.spaces[0].next_number == number + 1
    client.loss.lose_all(0)
    assert client.crypto[0]._out.piece(1 << 16, 1 << 16) == hello


def test_a_path_that_carries_less_than_1200_octets() -> None:
    """§14: QUIC does not come about."""
    chance = random.Random(5)
    app = Download([1])
    network = Network(5, Conditions(mtu=1199), make_client(chance), app, make_endpoint(chance), Serve())
    network.run(30.0)
    assert app.closed == ConnectionClosed(0, "idle timeout", False)
    assert not network.client.is_handshake_complete


def test_a_client_with_an_empty_id() -> None:
    """§19.15, §19.16: it gives out no others, and there are none to retire."""
    chance = random.Random(5)
    client = make_client(chance, first_id=b"")
    network = Network(5, Conditions(), client, Idle(), make_endpoint(chance), Serve())
    network.run(2.0)
    assert client.is_confirmed
    server = network.server
    assert list(server.remote_ids._ids) == [0]
    assert client.local_ids.all() == [b""]
    network.inject(False, forge(server, f.encode_retire_connection_id(0)))
    assert client.closing.code == ErrorCode.PROTOCOL_VIOLATION


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_the_token_of_a_retry_is_for_this_connection_only() -> None:
    """§8.1.3"""
    chance = random.Random(5)
    app = Download([1])
    network = Network(5, Conditions(), make_client(chance), app, make_endpoint(chance, retry_above=0), Serve())
    network.run(3.0)
    assert app.is_done
    assert network.client.token
    assert network.client.token not in [kept.token for kept in network.client.take_resumptions()]


def test_tokens_show_nothing_and_are_never_the_same() -> None:
    """§8.1.3"""
    box = TokenBox(lambda: (bytes(range(32)),), lambda: WALL, random.Random(1).randbytes)
    tokens = [box.seal_new_token(CLIENT, 1) for _ in range(50)]
    assert len({token[1:9] for token in tokens}) == 50
    assert len({token[-8:] for token in tokens}) == 50
    assert not any(CLIENT[0].encode() in token or bytes((192, 0, 2, 1)) in token for token in tokens)


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_token_validates_the_address_it_was_given_to(is_elsewhere: bool) -> None:
    """§8.1.4"""
    first, kept = resumed()
    client = make_client(random.Random(7), resumption=kept)
    (server,) = first.endpoint.receive(
        [DatagramIn(data, SERVER, ("192.0.2.66", 5) if is_elsewhere else CLIENT) for data in datagrams(client, 0.0)], 0.0
    )
    assert server.paths.active.is_validated is not is_elsewhere


def test_reset_tokens_are_of_one_id() -> None:
    """§10.3.2"""
    tokens = {
        reset_token(mac, bytes((number,)) * 8) for mac in map(find_keyed("sha256"), (bytes(16), bytes(range(16)))) for number in range(50)
    }
    assert len(tokens) == 100


# --- paths -----------------------------------------------------------------------------------------------------------


def test_responses_go_where_their_challenge_came_from() -> None:
    """§8.2.2: at once, and in 1200 octets; one may come on any path."""
    network = connect()
    client, server = network.client, network.server
    elsewhere = ("192.0.2.99", 9)
    network.now += 1
    server.receive([DatagramIn(forge(client, f.encode_path_challenge(b"question"), pad=1200), SERVER, elsewhere)], network.now)
    outs = [out for out in server.datagrams_to_send(network.now, 1 << 16) if out.remote == elsewhere]
    assert [len(out.data) for out in outs] == [1200]
    (path,) = server.paths.candidates
    assert not path.responses
    server.receive([DatagramIn(forge(client, f.encode_path_response(path.challenges[0])), SERVER, CLIENT)], network.now)
    assert path.is_validated


def test_a_client_that_moves_although_it_was_asked_not_to() -> None:
    """§9: its new address is validated like any."""
    network = connect(config=QuicConfig(disable_migration=True))
    client, server = network.client, network.server
    client.rebind(("192.0.2.88", 8))
    client.send_stream_data(client.open_stream(False), b"7", True)
    network.run(1.0)
    assert (server.paths.active.remote, server.paths.active.is_validated) == (("192.0.2.88", 8), True)


@pytest.mark.parametrize("host", [CLIENT[0], "192.0.2.88"])
def test_estimates_begin_anew_on_another_path(host: str) -> None:
    """§9.4: unless the port alone is another."""
    network = connect()
    server = network.server
    network.now += 1
    before = server.loss.rtt
    assert before.has_sample
    server.receive([DatagramIn(forge(network.client, PING), SERVER, (host, 8))], network.now)
    assert server.paths.active.remote == (host, 8)
    assert (server.loss.rtt is before) is (host == CLIENT[0])


# --- ends ------------------------------------------------------------------------------------------------------------


def test_a_close_after_the_handshake() -> None:
    """§10.2.3: one 1-RTT packet; §10.2.1: it goes where the connection is, whoever asks."""
    network = connect()
    client = network.client
    client.close(7, "enough")
    (data,) = datagrams(client, network.now)
    assert data[0] < 0x80
    server = network.server
    server.close(7)
    datagrams(server, network.now)
    for number in range(4):
        packet = forge(client, PING)
        server.receive([DatagramIn(packet, SERVER, ("203.0.113.9", number))], network.now)
        assert all(out.remote == CLIENT for out in server.datagrams_to_send(network.now, 1 << 16))


# --- packets ---------------------------------------------------------------------------------------------------------


def test_packets_that_leave() -> None:
    """§12.3, §12.4: numbers ascend in each space, and no packet is empty."""
    records: dict[bool, list[bytes]] = {True: [], False: []}
    config = QuicConfig(qlog=lambda original, is_client: QlogTrace(records[is_client].append, original, is_client))
    connect(app=Download([30_000]), config=config).run(1.0)
    for lines in records.values():
        numbers: dict[str, list[int]] = {}
        for line in lines:
            value = json.loads(line[1:])
            if value.get("name") == "transport:packet_sent":
                assert value["data"]["frames"]
                header = value["data"]["header"]
                numbers.setdefault(header["packet_type"], []).append(header["packet_number"])
        assert set(numbers) == {"initial", "handshake", "1RTT"}
        assert all(list(sent) == sorted(set(sent)) for sent in numbers.values())
        assert len(numbers["1RTT"]) > 3


@pytest.mark.parametrize("frame", [b"\x08\x00x", f.encode_max_data(9), b"\x1e", b"\x1d\x00\x00", f.encode_path_challenge(bytes(8))])
def test_frames_that_handshake_packets_do_not_hold(frame: bytes) -> None:
    """§17.2.4"""
    network = half()
    client = network.client
    network.step()
    network.inject(True, forge(client, frame, PacketType.HANDSHAKE))
    assert network.server.closing.code == ErrorCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("bit", [0x20, 0x40])
def test_bits_that_mean_nothing_to_us(bit: int) -> None:
    """§17.4: the spin bit; RFC 9287 §3: the fixed bit, since we say that we grease it."""
    network = connect()
    server = network.server
    before = server.received[2].largest
    network.inject(True, forge(network.client, PING, first=bit))
    assert server.received[2].largest > before
    assert server.closing.state is End.ACTIVE


def test_acknowledgements() -> None:
    """§13.2.1: of Initial and Handshake packets at once; of others once for each packet at most, and never of one another."""
    space = ReceivedSpace(0.0)
    space.add(0, True, 0, 1.0)
    assert space.ack_at == 1.0
    network = connect()
    server = network.server
    network.inject(True, forge(network.client, PING))
    network.inject(True, forge(network.client, PING))
    assert len(datagrams(server, network.now)) == 1
    assert datagrams(server, network.now) == []
    network.inject(True, forge(network.client, f.encode_ack([(0, 0)], 0)))
    assert datagrams(server, network.now + 1) == []


def test_an_acknowledgement_that_raises_nothing_fails_no_validation() -> None:
    """§13.4.2.1"""
    network = connect()
    server = network.server
    largest = server.loss.spaces[2].largest_acked
    assert largest >= 0
    state = server.loss.ecn.state
    assert state is not EcnState.FAILED
    network.inject(True, forge(network.client, f.encode_ack([(0, largest)], 0, (0, 0, 0))))
    network.inject(True, forge(network.client, f.encode_ack([(0, largest)], 0)))
    assert server.loss.ecn.state is state
