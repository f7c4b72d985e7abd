# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Paths from both ends: rebinding, moving, preferred addresses, and the connection IDs for them.  RFC 9000 §5.1, §9."""

from __future__ import annotations

import random

from sws.base.datagrams import DatagramIn
from sws.proto.quic import frames as f
from sws.proto.quic.api import StreamData
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.errors import ErrorCode
from tests.kit.quic import (
    CLIENT,
    SERVER,
    Conditions,
    Download,
    Idle,
    Network,
    Serve,
    connect,
    connect_and_settle,
    forge,
    make_client,
    make_endpoint,
)


def test_nat_rebinding_during_an_upload() -> None:
    net = connect()
    idle = Idle()
    net.server_app = idle
    stream = net.client.open_stream(True)
    net.client.send_stream_data(stream, bytes(100_000), True)
    net.conditions.rebind_at = net.now + 0.06
    net.run(5.0)
    assert sum(len(event.data) for event in idle.events if isinstance(event, StreamData)) == 100_000
    assert net.server.paths.active.remote == (CLIENT[0], CLIENT[1] + 1)
    assert net.server.paths.active.is_validated


def test_a_client_that_moves() -> None:
    net = connect()
    client = net.client
    old = client.remote_ids.current
    assert client.probe(("192.0.2.77", 5))
    net.run(2.0)
    assert client.paths.active.local == ("192.0.2.77", 5)
    assert client.remote_ids.current != old
    net.app = app = Download([50_000], is_connected=True)
    net.run(5.0)
    assert app.is_done


def test_a_probe_without_answer_changes_nothing() -> None:
    net = connect_and_settle()
    for _ in range(3):
        assert net.client.probe(("192.0.2.77", 5), ("198.51.100.99", 1))
    assert not net.client.probe(("192.0.2.78", 5))
    net.taps.append(lambda to_server, data, now: None if to_server and net.client.paths.candidates else data)
    net.run(10.0)
    assert net.client.paths.candidates == []
    assert net.client.paths.active.remote == SERVER
    assert not net.client.is_closed


def test_paths_that_were_tried_and_not_used_stand_in_nobodys_way() -> None:
    """A client tries more addresses than there may be candidates, uses none of them, and then its address changes under it."""
    net = connect_and_settle()
    client, server = net.client, net.server
    for port in range(1000, 1005):
        away = ("192.0.2.1", port)
        challenge = forge(client, f.encode_path_challenge(bytes(8)))
        net.now += 0.1
        server.receive([DatagramIn(challenge, SERVER, away)], net.now)
        server.datagrams_to_send(net.now, 1 << 16)
        path = server.paths.find(SERVER, away)
        assert path is not None
        server.receive([DatagramIn(forge(client, f.encode_path_response(path.challenges[-1])), SERVER, away)], net.now)
        assert path.is_validated
        net.run(0.5)  # the client hears that an ID is retired, and gives another
        assert len({path.sequence for path in (server.paths.active, *server.paths.candidates)}) == 1 + len(server.paths.candidates)
    assert [path.remote[1] for path in server.paths.candidates] == [1003, 1004]
    moved = ("192.0.2.1", 2000)
    server.receive([DatagramIn(forge(client, b"\x01"), SERVER, moved)], net.now)
    assert server.paths.active.remote == moved


def test_migration_that_the_server_forbids() -> None:
    net = connect(config=QuicConfig(disable_migration=True))
    assert not net.client.probe(("192.0.2.77", 5))


def test_a_preferred_address() -> None:
    chance = random.Random(1)
    preferred = (bytes((203, 0, 113, 5)), 4443, bytes(16), 0)
    endpoint = make_endpoint(chance, preferred=preferred)  # type: ignore[arg-type]
    net = Network(1, Conditions(), make_client(chance), Idle(), endpoint, Serve())
    net.run(3.0)
    assert net.client.paths.active.remote == ("203.0.113.5", 4443)
    net.app = app = Download([50_000], is_connected=True)
    net.run(5.0)
    assert app.is_done


def test_ids_are_retired_and_replaced() -> None:
    net = connect()
    ids = net.client.local_ids
    before = set(ids.all())
    last = max(ids._by_sequence)
    again = f.encode_new_connection_id(last, last, ids._by_sequence[last], ids._tokens[last])
    net.inject(True, forge(net.client, again))
    net.run(1.0)
    assert not net.client.is_closed
    assert net.server.remote_ids.sequence == last
    assert set(ids.all()) & before == {ids._by_sequence[last]}
    assert len(ids.all()) == 4


def test_a_peer_may_ask_for_an_id_not_to_be_used() -> None:
    net = connect_and_settle()
    sequence = max(net.client.local_ids._by_sequence)
    net.inject(False, forge(net.server, f.encode_retire_connection_id(1)))
    net.inject(False, forge(net.server, f.encode_retire_connection_id(1)))
    assert max(net.client.local_ids._by_sequence) == sequence + 1
    net.inject(False, forge(net.server, f.encode_retire_connection_id(0)))
    assert net.client.closing.code == ErrorCode.PROTOCOL_VIOLATION  # it came to that very ID
