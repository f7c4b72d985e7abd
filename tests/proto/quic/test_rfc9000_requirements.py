# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MUSTs of RFC 9000 that no other test shows; docs/requirements/rfc9000.yaml says which is which."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sws.base.datagrams import DatagramIn
from sws.proto.quic import frames as f
from sws.proto.quic.api import ConnectionClosed, EarlyDataRejected, HandshakeDone, StreamsAvailable
from sws.proto.quic.closing import End
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.packets import encode_version_negotiation
from sws.proto.quic.retry import encode_retry
from sws.proto.quic.server import ServerConnection
from sws.proto.quic.versions import QUIC_V1, QUIC_V2, PacketType
from tests.kit.quic import (
    CLIENT,
    SERVER,
    Conditions,
    Idle,
    Network,
    Serve,
    connect,
    connect_and_settle,
    forge,
    make_client,
    make_endpoint,
    server_tls,
)
from tests.kit.quic_downloads import resumed

PING = b"\x01"


def half(ours: QuicConfig | None = None, theirs: QuicConfig | None = None) -> Network:
    """The server has the ClientHello and has answered; the client has nothing yet."""
    chance = random.Random(5)
    network = Network(5, Conditions(), make_client(chance, ours), Idle(), make_endpoint(chance, config=theirs), Serve())
    network.flush()
    network.step()
    return network


# --- what a client drops ---------------------------------------------------------------------------------------------


def test_an_initial_of_a_server_that_has_a_token() -> None:
    """§17.2.2"""
    network = half()
    client, server = network.client, network.server
    server.token = b"none of these"
    network.inject(False, forge(server, PING, PacketType.INITIAL))
    assert client.received[0].largest == -1
    server.token = b""
    network.inject(False, forge(server, PING, PacketType.INITIAL))
    assert client.received[0].largest >= 0


def test_packets_from_an_address_that_is_not_the_servers() -> None:
    """§9"""
    network = half()
    client = network.client
    data = network._heap[0][3].data
    client.receive([DatagramIn(data, CLIENT, ("203.0.113.1", 443))], network.now)
    assert client.received[0].largest == -1
    client.receive([DatagramIn(data, CLIENT, SERVER)], network.now)
    assert client.received[0].largest >= 0
    network = connect()
    before = network.client.received[2].largest
    packet = forge(network.server, PING)
    network.client.receive([DatagramIn(packet, CLIENT, (SERVER[0], 444))], network.now)
    assert network.client.received[2].largest == before
    network.client.receive([DatagramIn(packet, CLIENT, SERVER)], network.now)
    assert network.client.received[2].largest > before


@pytest.mark.parametrize("is_one_datagram", [False, True])
def test_another_source_id_than_the_first(is_one_datagram: bool) -> None:
    """§7.2: also when both come at once."""
    network = half()
    client, server = network.client, network.server
    first = forge(server, PING, PacketType.INITIAL)
    true_id, server.first_id = server.first_id, b"another!"
    second = forge(server, PING, PacketType.INITIAL)
    number = server.loss.spaces[0].next_number
    batch = [first + second] if is_one_datagram else [first, second]
    client.receive([DatagramIn(data, CLIENT, SERVER) for data in batch], network.now)
    assert client.received[0].largest == number - 2
    assert client.remote_ids.current == true_id


def test_version_negotiation_behind_another_packet() -> None:
    """§6.2: also when both come at once."""
    network = half(QuicConfig(versions=(QUIC_V1, QUIC_V2)), QuicConfig(versions=(QUIC_V1,)))
    client = network.client
    packet = encode_version_negotiation(client.first_id, client.original, (QUIC_V2,), 0)
    batch = [forge(network.server, PING, PacketType.INITIAL), packet]
    client.receive([DatagramIn(data, CLIENT, SERVER) for data in batch], network.now)
    assert client.version.number == QUIC_V1
    network.run(2.0)
    assert client.is_confirmed


@pytest.mark.parametrize("is_one_datagram", [False, True])
def test_a_retry_behind_another_packet(is_one_datagram: bool) -> None:
    """§17.2.5.2: also when both come at once."""
    only = QuicConfig(versions=(QUIC_V1,))
    network = half(only, only)
    client = network.client
    first = forge(network.server, PING, PacketType.INITIAL)
    retry = encode_retry(client.version, client.first_id, b"retried!", client.original, b"token")
    batch = [first + retry] if is_one_datagram else [first, retry]
    client.receive([DatagramIn(data, CLIENT, SERVER) for data in batch], network.now)
    assert client.token == b""
    assert client.remote_ids.current == network.server.first_id


# --- stateless resets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["short", "unknown version", "cut short", "handshake", "not the token"])
def test_a_stateless_reset_may_have_any_header(kind: str) -> None:
    """§10.3, §10.3.1: other versions may send long ones."""
    network = connect_and_settle()
    client = network.client
    (token,) = client.remote_ids.tokens()
    first = client.first_id
    head = {
        "short": b"\x41" + bytes(30),
        "unknown version": b"\xc1\0\0\0\x77\x08" + first + b"\0" + bytes(30),
        "cut short": b"\xc1\0\0\0\1\xff" + bytes(30),
        "handshake": b"\xe1\0\0\0\1\x08" + first + b"\0\x40\x2c" + bytes(28),
        "not the token": b"\x41" + bytes(30),
    }[kind]
    network.inject(False, head + (token[:-1] + bytes((token[-1] ^ 1,)) if kind == "not the token" else token))
    assert client.closing.state is (End.ACTIVE if kind == "not the token" else End.DRAINING)
    assert client.datagrams_to_send(network.now, 1 << 16) == []


def test_tokens_of_ids_that_were_not_used_or_are_retired() -> None:
    """§10.3.1: they reset nothing."""
    network = connect_and_settle()
    client = network.client
    unused = [token for sequence, (_, token) in client.remote_ids._ids.items() if sequence != client.remote_ids.sequence]
    assert len(unused) == 3
    old = client.remote_ids.tokens()
    last = max(client.remote_ids._ids)
    connection_id, token = client.remote_ids._ids[last]
    network.inject(False, forge(network.server, f.encode_new_connection_id(last, last, connection_id, token)))
    for value in [*old, *unused]:
        if value != token:
            network.inject(False, b"\x41" + bytes(30) + value)
    assert client.closing.state is End.ACTIVE
    network.inject(False, b"\x41" + bytes(30) + token)
    assert client.closing.state is End.DRAINING


# --- paths -----------------------------------------------------------------------------------------------------------

ELSEWHERE = ("203.0.113.9", 9)


def test_the_old_path_is_asked_too_after_a_migration() -> None:
    """§9.3.3: a packet that somebody copied and sent from elsewhere moves the connection for a moment only."""
    network = connect()
    server = network.server
    network.now += 1
    server.receive([DatagramIn(forge(network.client, PING), SERVER, ELSEWHERE)], network.now)
    stolen = server.paths.active
    assert stolen.remote == ELSEWHERE
    true = network._transmit

    def only_client(to_server: bool, data: bytes, out: object) -> None:
        if to_server or out.remote == CLIENT:  # type: ignore[attr-defined]
            true(to_server, data, out)  # type: ignore[arg-type]

    network._transmit = only_client  # type: ignore[method-assign, assignment]
    network.run(0.2)
    assert (server.paths.active.remote, server.paths.active.is_validated) == (CLIENT, True)
    assert (server.paths.previous, server.paths.candidates) == (None, [])
    assert stolen.sequence in server.remote_ids._retired
    network.run(20.0)
    assert not server.is_closed


def test_an_old_path_that_does_not_answer_is_kept_to_go_back_to() -> None:
    """§9.3.2, §9.3.3"""
    network = connect()
    server = network.server
    network.now += 1
    server.receive([DatagramIn(forge(network.client, PING), SERVER, ELSEWHERE)], network.now)
    while server.paths.active.remote == ELSEWHERE:
        server.datagrams_to_send(network.now, 1 << 16)
        due = server.next_timeout()
        assert due is not None
        network.now = max(due, network.now)
        server.handle_timeout(network.now)
    assert server.paths.active.remote == CLIENT
    assert not server.is_closed
    assert server.paths.next_timeout() is None


def test_a_path_validated_by_small_datagrams_is_validated_again() -> None:
    """§8.2.1, §8.2.3"""
    network = connect()
    client, server = network.client, network.server
    moved = (CLIENT[0], CLIENT[1] + 7)
    network.now += 1
    server.receive([DatagramIn(forge(client, PING), SERVER, moved)], network.now)
    path = server.paths.active
    sizes = []
    for _ in range(2):
        sizes += [len(out.data) for out in server.datagrams_to_send(network.now, 1 << 16) if out.remote == moved]
        answer = f.encode_path_response(path.challenges[-1])
        assert server.paths.previous is not None
        network.now += 0.01
        server.receive([DatagramIn(forge(client, answer), SERVER, moved)], network.now)
        assert path.is_validated
    assert sizes[0] < 1200
    assert 1200 in sizes[1:]
    assert server.paths.previous is None
    assert path.challenge_at is None


def test_a_server_moves_to_its_preferred_address_once_the_path_is_validated() -> None:
    """§9.6.2"""
    network = connect()
    client, server = network.client, network.server
    preferred = ("203.0.113.5", 4443)
    network.now += 1
    server.receive([DatagramIn(forge(client, PING, pad=1200), preferred, CLIENT)], network.now)
    assert server.paths.active.local == SERVER
    (path,) = server.paths.candidates
    outs = server.datagrams_to_send(network.now, 1 << 16)
    assert [len(out.data) for out in outs if out.local == preferred] == [1200]  # it probes from there
    assert server.paths.active.local == SERVER
    server.receive([DatagramIn(forge(client, f.encode_path_response(path.challenges[0])), preferred, CLIENT)], network.now)
    assert server.paths.active.local == preferred


def test_no_new_local_address_to_a_server_that_forbids_it() -> None:
    """§9, §18.2: but one to an address that it prefers."""
    network = connect(config=QuicConfig(disable_migration=True))
    assert not network.client.probe(("192.0.2.77", 5))
    assert not network.client.probe(("192.0.2.77", 5), SERVER)
    assert network.client.probe(CLIENT, ("203.0.113.5", 4443))


# --- times -----------------------------------------------------------------------------------------------------------


def test_an_idle_timeout_is_three_probe_timeouts_at_least() -> None:
    """§10.1: during the handshake and after it."""
    chance = random.Random(5)
    client = make_client(chance, QuicConfig(idle_timeout=0.01))
    network = Network(5, Conditions(black_hole=(0.0, 1e9)), client, Idle(), make_endpoint(chance), Serve())
    network.run(3 * client.pto() - 0.05)
    assert not client.is_closed
    network.run(0.2)
    assert client.is_closed
    network = connect(config=QuicConfig(idle_timeout=0.1), conditions=Conditions(delay=0.2))
    assert not network.client.is_closed


# --- what leaves -----------------------------------------------------------------------------------------------------


def test_no_packet_number_is_left() -> None:
    """§12.3: the end comes in silence."""
    network = connect()
    client = network.client
    client.loss.spaces[2].next_number = (1 << 62) - 1000
    client.send_stream_data(client.open_stream(False), b"x", True)
    assert client.datagrams_to_send(network.now, 1 << 16) == []
    assert client.is_over
    (closed,) = [event for event in client.take_events() if isinstance(event, ConnectionClosed)]
    assert (closed.code, closed.by_peer) == (ErrorCode.INTERNAL_ERROR, False)


def test_challenges_and_responses_wait_for_the_window() -> None:
    """§8.2.2, RFC 9002 §7; no timer runs that nothing could be done about."""
    network = connect()
    server = network.server
    full = server.loss.congestion.window - 1199
    server.loss.in_flight += full
    network.inject(True, forge(network.client, f.encode_path_challenge(b"answer!!")))
    server.paths.challenge(server.paths.active, network.now)
    server.datagrams_to_send(network.now, 1 << 16)
    assert server.paths.active.responses
    assert server.paths.active.attempts == 0
    due = server.next_timeout()
    assert due is not None
    assert due > network.now
    server.loss.in_flight -= full
    outs = server.datagrams_to_send(network.now, 1 << 16)
    assert not server.paths.active.responses
    assert server.paths.active.attempts == 1
    assert len(outs[0].data) == 1200


def test_a_ping_among_acknowledgements_waits_for_the_window() -> None:
    """RFC 9000 §13.2.4, RFC 9002 §7"""
    network = connect()
    server = network.server
    loss = server.loss
    full = loss.congestion.window
    loss.in_flight += full
    for _ in range(40):
        network.inject(True, forge(network.client, PING))
        network.inject(True, forge(network.client, PING))
        assert server.datagrams_to_send(network.now, 1 << 16)
        assert loss.in_flight == full
    loss.in_flight -= full
    network.inject(True, forge(network.client, PING))
    network.inject(True, forge(network.client, PING))
    assert server.datagrams_to_send(network.now, 1 << 16)
    assert 0 < loss.in_flight < 100


# --- early data ------------------------------------------------------------------------------------------------------


def test_early_data_keeps_to_what_was_remembered() -> None:
    """§7.4.1: also once the server has said more, as long as packets are 0-RTT."""
    first, kept = resumed()
    assert kept.parameters is not None
    little = replace(kept, parameters=replace(kept.parameters, initial_max_data=100))
    client = make_client(random.Random(3), resumption=little)
    client.send_stream_data(client.open_stream(False), bytes(1000), True)
    flight = client.datagrams_to_send(0.0, 1 << 16)
    assert (client.sends_early_data, client.streams.outflow.sent) == (True, 100)
    (server,) = first.endpoint.receive([DatagramIn(flight[0].data, SERVER, CLIENT)], 0.0)
    assert isinstance(server, ServerConnection)
    hello, rest = (crypto._out.piece(1 << 16, 1 << 16) for crypto in server.crypto[:2])
    assert hello is not None
    assert rest is not None
    size = 4 + int.from_bytes(rest[1][1:4], "big")  # EncryptedExtensions
    client.receive([DatagramIn(forge(server, f.encode_crypto(0, hello[1]), PacketType.INITIAL), CLIENT, SERVER)], 0.1)
    client.receive([DatagramIn(forge(server, f.encode_crypto(0, rest[1][:size]), PacketType.HANDSHAKE), CLIENT, SERVER)], 0.1)
    client.datagrams_to_send(0.1, 1 << 16)
    assert (client.sends_early_data, client.streams.outflow.sent) == (True, 100)
    client.receive([DatagramIn(forge(server, f.encode_crypto(size, rest[1][size:]), PacketType.HANDSHAKE), CLIENT, SERVER)], 0.1)
    client.datagrams_to_send(0.1, 1 << 16)
    assert (client.sends_early_data, client.streams.outflow.sent) == (False, 1000)


def test_early_data_in_a_version_that_the_server_does_not_speak() -> None:
    """§6.2: the first flight begins anew, and who sent something early is told."""
    _, kept = resumed(QuicConfig(versions=(QUIC_V1,)))
    chance = random.Random(9)
    endpoint = make_endpoint(chance, config=QuicConfig(versions=(QUIC_V2,)), tls=server_tls(chance, early=True))
    client = make_client(random.Random(3), QuicConfig(versions=(QUIC_V1, QUIC_V2)), resumption=kept)
    idle = Idle()
    network = Network(3, Conditions(), client, idle, endpoint, Serve())
    client.send_stream_data(client.open_stream(False), b"5", True)
    network.run(2.0)
    assert client.version.number == QUIC_V2
    assert [type(event) for event in idle.events if not isinstance(event, StreamsAvailable)] == [EarlyDataRejected, HandshakeDone]


@pytest.mark.parametrize("head", [b"\x41" + bytes(30), b"\xc1\0\0\0\x77\x08" + bytes(50)])
def test_a_stateless_reset_from_a_client(head: bytes) -> None:
    """§10.3.1: a server knows it by its token alone, and only while the ID is in use."""
    network = connect()
    client, server = network.client, network.server
    last = max(client.local_ids._by_sequence)
    connection_id, token = client.local_ids._by_sequence[last], client.local_ids._tokens[last]
    network.inject(True, head + token)
    assert server.closing.state is End.ACTIVE
    network.inject(True, forge(client, f.encode_new_connection_id(last, last, connection_id, token)))
    network.inject(True, head + token[:-1] + b"?")
    assert server.closing.state is End.ACTIVE
    (touched,) = network.endpoint.receive([DatagramIn(head + token, SERVER, CLIENT)], network.now)
    assert touched is server
    assert server.closing.state is End.DRAINING
    network.endpoint.forget(server)
    assert network.endpoint.receive([DatagramIn(head + token, SERVER, CLIENT)], network.now) == []


def test_tokens_of_a_clients_that_are_retired_reset_nothing() -> None:
    """§10.3.1"""
    network = connect()
    client, server = network.client, network.server
    tokens = []
    for number in range(10, 14):
        tokens.append(bytes((number,)) * 16)
        network.inject(True, forge(client, f.encode_new_connection_id(number, number, b"id of %d" % number, tokens[-1])))
    for token in tokens[:-1]:
        network.inject(True, b"\x41" + bytes(30) + token)
    assert server.closing.state is End.ACTIVE
    network.inject(True, b"\x41" + bytes(30) + tokens[-1])
    assert server.closing.state is End.DRAINING
