# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MUSTs of RFC 9000 that no other test shows; docs/requirements/rfc9000.yaml says which is which."""

from __future__ import annotations

import random

import pytest

from sws.base.datagrams import DatagramIn
from sws.proto.quic import frames as f
from sws.proto.quic.closing import End
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.packets import encode_version_negotiation
from sws.proto.quic.retry import encode_retry
from sws.proto.quic.versions import QUIC_V1, QUIC_V2, PacketType
from tests.kit.quic import CLIENT, SERVER, Conditions, Idle, Network, Serve, connect, forge, make_client, make_endpoint

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
    network = connect()
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
    network = connect()
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
