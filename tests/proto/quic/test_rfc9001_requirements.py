# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MUSTs of RFC 9001 that no other test shows; docs/requirements/rfc9001.yaml says which is which."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sws.base.datagrams import DatagramIn
from sws.crypto.x509.verify import Roots
from sws.net.tls_keys import ChainPolicy
from sws.proto.quic import frames as f
from sws.proto.quic.api import ConnectionClosed
from sws.proto.quic.client import ClientConnection
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.errors import ErrorCode, crypto_error
from sws.proto.quic.protection import CONFIDENTIALITY_LIMIT, INTEGRITY_LIMIT, PacketKeys, seal_packets
from sws.proto.quic.server import ServerConnection
from sws.proto.quic.versions import QUIC_V1, VERSIONS, PacketType
from sws.proto.tls.config import ServerConfig
from sws.proto.tls.constants import AlertDescription
from sws.proto.tls.suites import SUITES
from tests.kit.quic import (
    CLIENT,
    SERVER,
    WALL,
    Conditions,
    Idle,
    Network,
    Serve,
    client_tls,
    connect,
    forge,
    make_client,
    make_endpoint,
    server_tls,
)
from tests.kit.quic_downloads import resumed
from tests.proto.quic.test_rfc9000_beginnings import datagrams, long_headers
from tests.proto.quic.test_rfc9000_requirements import PING, half


def test_forgeries_are_counted_over_all_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """§6.6"""
    monkeypatch.setitem(__import__("sws.proto.quic.keyphase", fromlist=["x"]).INTEGRITY_LIMIT, 0x1303, 20)
    network = half()
    server, client = network.server, network.client
    network.run(0.03, until=lambda: client.write[PacketType.HANDSHAKE] is not None)
    genuine = forge(client, PING, PacketType.HANDSHAKE)
    for _ in range(20):
        assert not server.is_closed
        network.inject(True, genuine[:-1] + bytes((genuine[-1] ^ 1,)))
    assert server.closing.code == ErrorCode.AEAD_LIMIT_REACHED


@pytest.mark.parametrize("is_server", [False, True])
def test_crypto_octets_of_a_level_that_is_over(is_server: bool) -> None:
    """§4.1.3: more than there was is PROTOCOL_VIOLATION, the same again is not."""
    network = half()
    client, server = network.client, network.server
    if is_server:  # the ClientHello is whole
        known = client.crypto[0]._out.next
        assert known
        network.inject(True, forge(client, f.encode_crypto(known - 4, bytes(4)), PacketType.INITIAL, pad=1200))
        assert not server.is_closed
        network.inject(True, forge(client, f.encode_crypto(known, bytes(4)), PacketType.INITIAL, pad=1200))
        assert server.closing.code == ErrorCode.PROTOCOL_VIOLATION
        return
    network.taps.append(lambda to_server, data, now: None if to_server and client.is_handshake_complete else data)
    network.run(2.0, until=lambda: client.is_handshake_complete)
    known = server.crypto[1]._out.next
    keys = server.write[PacketType.HANDSHAKE]
    assert keys is not None
    network.inject(False, forge(server, f.encode_crypto(known - 4, bytes(4)), PacketType.HANDSHAKE))
    assert not client.is_closed
    network.inject(False, forge(server, f.encode_crypto(known + 9, bytes(4)), PacketType.HANDSHAKE))
    assert client.closing.code == ErrorCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("offset", [0, 5])
def test_crypto_octets_left_over_when_keys_change(offset: int) -> None:
    """§4.1.3: in order behind the ClientHello, or ahead of a gap."""
    client = make_client(random.Random(5))
    hello = client.crypto[0]._out.piece(1 << 16, 1 << 16)
    assert hello is not None
    end = len(hello[1])
    frames = f.encode_crypto(end + offset, b"rest") + f.encode_crypto(0, hello[1])
    endpoint = make_endpoint(random.Random(1))
    (server,) = endpoint.receive([DatagramIn(forge(client, frames, PacketType.INITIAL, pad=1200), SERVER, CLIENT)], 0.0)
    assert server.closing.code == ErrorCode.PROTOCOL_VIOLATION


# --- levels and their keys -------------------------------------------------------------------------------------------


def test_a_server_that_is_not_trusted() -> None:
    """§4.4"""
    chance = random.Random(5)
    tls = replace(client_tls(chance), policy=ChainPolicy(Roots([]), "serverAuth", lambda: WALL))
    idle = Idle()
    network = Network(5, Conditions(), make_client(chance, tls=tls), idle, make_endpoint(chance), Serve())
    network.run(2.0)
    (closed,) = [event for event in idle.events if isinstance(event, ConnectionClosed)]
    assert (closed.code, closed.by_peer) == (crypto_error(AlertDescription.UNKNOWN_CA), False)


def test_initial_keys_are_discarded() -> None:
    """§4.9.1: by a client with its first Handshake packet, by a server with the first it opens; no Initial follows."""
    network = half()
    client, server = network.client, network.server
    kinds: dict[bool, list[PacketType]] = {True: [], False: []}

    def tap(to_server: bool, data: bytes, now: float) -> bytes:
        kinds[to_server] += [header.kind for header in long_headers(data)]
        return data

    network.taps.append(tap)
    while client.read[PacketType.HANDSHAKE] is None:
        network.step()
    assert PacketType.HANDSHAKE in kinds[True]
    assert client.write[PacketType.INITIAL] is client.read[PacketType.INITIAL] is None
    assert server.write[PacketType.INITIAL] is not None
    while not server.paths.active.is_validated:
        network.step()
    assert server.write[PacketType.INITIAL] is server.read[PacketType.INITIAL] is None
    network.run(2.0)
    for seen in kinds.values():
        at = seen.index(PacketType.HANDSHAKE) if PacketType.HANDSHAKE in seen else 0
        assert PacketType.INITIAL not in seen[at + 1 :]


def test_handshake_keys_are_discarded_and_the_client_is_told() -> None:
    """§4.9.2, §4.1.2: by a server when TLS is done, which it says at once; by a client when it hears that."""
    network = half()
    client, server = network.client, network.server
    while not server.is_handshake_complete:
        network.step()
    assert server.write[PacketType.HANDSHAKE] is server.read[PacketType.HANDSHAKE] is None
    assert client.is_handshake_complete
    assert client.write[PacketType.HANDSHAKE] is not None
    network.run(0.03)
    assert client.write[PacketType.HANDSHAKE] is client.read[PacketType.HANDSHAKE] is None


def test_every_suite_has_header_protection() -> None:
    """§5.3, §5.4.1"""
    for suite in SUITES:
        keys = PacketKeys(VERSIONS[1], suite, bytes(SUITES[suite].hash_length))
        assert seal_packets(keys, [(b"\x43head" + bytes(4), 0, bytes(20))])
        assert suite in CONFIDENTIALITY_LIMIT
        assert suite in INTEGRITY_LIMIT


# --- early data ------------------------------------------------------------------------------------------------------


def begun_early(seed: int = 3, tls: ServerConfig | None = None) -> tuple[ClientConnection, ServerConnection, list[bytes]]:
    """A client with 0-RTT data, the server that has had its Initial, and the other packets of the flight."""
    only = QuicConfig(versions=(QUIC_V1,))
    first, kept = resumed(only)
    chance = random.Random(9)
    endpoint = first.endpoint if tls is None else make_endpoint(chance, config=only, tls=tls)
    client = make_client(random.Random(seed), only, resumption=kept)
    client.send_stream_data(client.open_stream(False), b"5", True)
    flight = [
        data[header.start : header.end] if header.kind is PacketType.EARLY else data[: header.end].ljust(1200, b"\0")
        for data in datagrams(client, 0.0)
        for header in long_headers(data)
    ]
    endpoint.receive([DatagramIn(flight[0], SERVER, CLIENT)], 0.0)
    (server,) = [one for one in endpoint.connections if one.acceptance.original == client.original]
    return client, server, flight[1:]


def test_crypto_octets_in_early_packets() -> None:
    """§8.3"""
    client, server, _ = begun_early()
    assert server.read[PacketType.EARLY] is not None
    assert server.write[PacketType.EARLY] is None  # §5.6
    server.receive([DatagramIn(forge(client, f.encode_crypto(0, b"x"), PacketType.EARLY), SERVER, CLIENT)], 0.0)
    assert server.closing.code == ErrorCode.PROTOCOL_VIOLATION


def test_early_data_that_is_refused_is_not_read() -> None:
    """§4.6.2"""
    chance = random.Random(9)
    for tls, count in ((None, 1), (server_tls(chance), 0)):
        _, server, early = begun_early(tls=tls)
        assert early
        server.receive([DatagramIn(data, SERVER, CLIENT) for data in early], 0.0)
        assert len(server.streams) == count


def test_early_keys_do_not_outlive_the_handshake() -> None:
    """§4.9.3, §5.6: and a client never has any to read with."""
    only = QuicConfig(versions=(QUIC_V1,))
    first, kept = resumed(only)
    client = make_client(random.Random(3), only, resumption=kept)
    network = Network(3, Conditions(), client, Idle(), first.endpoint, Serve())
    client.send_stream_data(client.open_stream(False), b"5", True)
    network.flush()
    assert client.read[PacketType.EARLY] is None
    early = forge(client, PING, PacketType.EARLY)
    network.run(1.0)
    (server,) = [one for one in first.endpoint.connections if one.acceptance.original == client.original]
    assert server.is_handshake_complete
    assert server.read[PacketType.EARLY] is client.write[PacketType.EARLY] is None
    before = client.receiver.dropped, client.received[2].largest
    network.inject(False, early[:6] + client.first_id + b"\x08" + server.first_id + early[23:])
    assert (client.receiver.dropped, client.received[2].largest) == (before[0] + 1, before[1])


# --- 1-RTT -----------------------------------------------------------------------------------------------------------


def test_packets_that_come_before_the_handshake_is_over() -> None:
    """§5.7: at neither end is anything of them read."""
    network = half()
    client, server = network.client, network.server
    early = forge(server, PING)
    network.inject(False, early)
    assert client.received[2].largest == -1
    network.taps.append(lambda to_server, data, now: None if to_server and client.is_handshake_complete else data)
    network.run(1.0, until=lambda: client.is_handshake_complete)
    assert client.received[2].largest >= 0
    network.inject(True, forge(client, f.encode_stream(0, 0, b"5", True)))
    assert (server.received[2].largest, len(server.streams)) == (-1, 0)
    network.taps.clear()
    network.run(2.0)
    assert server.is_handshake_complete
    assert server.received[2].largest >= 0


def test_key_updates_wait() -> None:
    """§6.1: until the handshake is confirmed, and until a packet of the last one was acknowledged."""
    chance = random.Random(5)
    client = make_client(chance, QuicConfig(key_update_after=1))
    network = Network(5, Conditions(), client, Idle(), make_endpoint(chance), Serve())
    network.run(2.0, until=lambda: client.is_handshake_complete)
    assert client.phases is not None
    for _ in range(20):
        client.send_stream_data(client.open_stream(False), b"5", True)
        client.datagrams_to_send(network.now, 1 << 16)
    assert (client.is_confirmed, client.phases.updates) == (False, 0)
    network.run(1.0)
    assert client.is_confirmed
    updates = client.phases.updates
    assert updates >= 1
    network.conditions.black_hole = (0.0, 1e9)
    for _ in range(20):
        network.now += 1.0
        client.send_stream_data(client.open_stream(False), b"5", True)
        client.datagrams_to_send(network.now, 1 << 16)
    assert client.phases.updates <= updates + 1


def test_old_keys_do_not_open_what_was_sent_after_an_update() -> None:
    """§5.5, §6.4"""
    network = connect()
    client, server = network.client, network.server
    assert client.phases is not None
    space = client.loss.spaces[2]
    start = space.next_number
    space.next_number += 50
    late = forge(client, f.encode_stream(0, 0, b"x", False))
    space.next_number = start
    client.phases.update(network.now, 0.1, start)
    network.inject(True, forge(client, PING))
    dropped = server.receiver.dropped
    network.inject(True, late)
    assert server.receiver.dropped == dropped + 1
    assert len(server.streams) == 0
    assert not server.is_closed


@pytest.mark.parametrize("genuine", [True, False])
def test_initials_in_front_of_a_handshake_packet_are_not_opened_in_vain(genuine: bool) -> None:
    """§4.9.1: the Handshake packet ends them, if it opens."""
    one = QuicConfig(versions=(QUIC_V1,))
    network = half(one, one)
    server, client = network.server, network.client
    keys: list[PacketKeys | None] = []
    network.run(0.03, until=lambda: client.write[PacketType.HANDSHAKE] is not None or keys.append(client.write[PacketType.INITIAL]))  # type: ignore[func-returns-value]
    known = server.received[0].largest
    client.write[PacketType.INITIAL] = keys[-1]
    initial = forge(client, PING, PacketType.INITIAL, pad=1200)
    handshake = forge(client, PING, PacketType.HANDSHAKE)
    network.inject(True, initial + (handshake if genuine else handshake[:-1] + bytes((handshake[-1] ^ 1,))))
    if genuine:
        assert server.received[1].largest >= 0
        assert server.read[PacketType.INITIAL] is None
        assert server.received[0].largest == known
    else:
        assert server.read[PacketType.INITIAL] is not None
        assert server.received[0].largest > known
