# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Connections from end to end: beginnings of all kinds, paths, identifiers, the end, and what is written down of it."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from sws.base.datagrams import DatagramIn
from sws.base.errors import UsageError
from sws.proto.quic import frames as f
from sws.proto.quic.api import ConnectionClosed, DatagramReceived
from sws.proto.quic.client import Resumption
from sws.proto.quic.closing import End
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.endpoint import EndpointConfig
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.packets import decode_long_header, encode_long_header, encode_version_negotiation
from sws.proto.quic.parameters import TransportParameters, decode_parameters, encode_parameters
from sws.proto.quic.protection import PacketKeys, initial_secrets, seal_packets
from sws.proto.quic.qlog import QlogTrace
from sws.proto.quic.received import ReceivedSpace
from sws.proto.quic.recovery.newreno import NewReno
from sws.proto.quic.retry import encode_retry
from sws.proto.quic.versions import QUIC_V1, QUIC_V2, VERSIONS, PacketType
from sws.proto.tls.constants import CipherSuite, NamedGroup
from tests.kit.quic import (
    ALPN,
    CLIENT,
    SERVER,
    Conditions,
    Download,
    Idle,
    Network,
    Serve,
    client_tls,
    connect,
    crossed,
    forge,
    make_client,
    make_endpoint,
    server_tls,
)
from tests.kit.quic_downloads import network

# --- versions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs", "first", "used"),
    [
        ((QUIC_V1,), (QUIC_V1,), QUIC_V1, QUIC_V1),
        ((QUIC_V2, QUIC_V1), (QUIC_V2, QUIC_V1), QUIC_V1, QUIC_V2),  # compatible
        ((QUIC_V2, QUIC_V1), (QUIC_V1, QUIC_V2), QUIC_V2, QUIC_V1),  # compatible, back
        ((QUIC_V2, QUIC_V1), (QUIC_V1,), QUIC_V2, QUIC_V1),  # Version Negotiation
        ((QUIC_V1, QUIC_V2), (QUIC_V2,), QUIC_V1, QUIC_V2),
    ],
)
@pytest.mark.parametrize("retry", [0, 64])
def test_versions(ours: tuple[int, ...], theirs: tuple[int, ...], first: int, used: int, retry: int) -> None:
    net, app = network(QuicConfig(versions=ours), QuicConfig(versions=theirs), version=first, retry_above=retry)
    net.run(5.0, until=lambda: app.is_done)
    assert app.is_done
    if not retry and first in theirs:  # after a Retry the client's stays
        used = first
    assert net.client.version.number == used


def test_the_version_in_which_a_part_of_the_hello_was_acknowledged_stays() -> None:
    chance = random.Random(1)
    tls = replace(client_tls(chance), shares=(NamedGroup.X25519MLKEM768,))
    app = Download([1])
    net = Network(1, Conditions(), make_client(chance, tls=tls), app, make_endpoint(chance), Serve())
    held = []
    seen = []

    def tap(to_server: bool, data: bytes, now: float) -> bytes | None:
        if not to_server:
            seen.append(int.from_bytes(data[1:5], "big"))
        elif not held:
            held.append(data)
            return None
        return data

    net.taps.append(tap)
    net.run(5.0)
    assert seen[0] == QUIC_V1
    assert net.client.version.number == QUIC_V1
    assert app.is_done


def test_a_server_that_acknowledges_in_the_first_version_before_it_chooses_another() -> None:
    """RFC 9368 §2.3 lets it do so while the ClientHello is not whole; ours does not."""
    chance = random.Random(1)
    client, endpoint = make_client(chance), make_endpoint(chance)
    (server,) = endpoint.receive(crossed(client.datagrams_to_send(0.0, 1 << 16)), 0.0)
    flight = crossed(server.datagrams_to_send(0.0, 1 << 16))
    assert server.version.number == QUIC_V2
    version = VERSIONS[QUIC_V1]
    keys = PacketKeys(version, CipherSuite.TLS_AES_128_GCM_SHA256, initial_secrets(version, client.original)[1])
    frames = b"\x02\0\0\0\0" + bytes(30)
    header = encode_long_header(version, PacketType.INITIAL, client.first_id, server.first_id, b"", len(frames) + 16, 9)
    (early,) = seal_packets(keys, [(header, 9, frames)])
    client.receive([DatagramIn(early, CLIENT, SERVER), *flight], 0.1)
    assert client.version.number == QUIC_V2
    assert client.is_handshake_complete
    assert client.received[0].largest == 9


def test_no_version_in_common() -> None:
    net, app = network(QuicConfig(versions=(QUIC_V1,)), QuicConfig(versions=(QUIC_V2,)))
    net.run(5.0)
    assert app.closed is not None
    assert app.closed.code == ErrorCode.VERSION_NEGOTIATION_ERROR
    assert len(net.endpoint) == 0


@pytest.mark.parametrize("kind", ["names ours", "cut", "other id", "twice"])
def test_version_negotiation_that_is_ignored(kind: str) -> None:
    net, app = network(QuicConfig(versions=(QUIC_V1, QUIC_V2)))
    client = net.client
    net.flush()
    versions = (QUIC_V1,) if kind == "names ours" else (QUIC_V2,)
    packet = encode_version_negotiation(client.first_id, b"x" if kind == "other id" else client.original, versions, 0)
    packet = packet[:-1] if kind == "cut" else packet
    for _ in range(2 if kind == "twice" else 1):
        net.inject(False, packet)
    net.run(20.0)
    if kind == "twice":  # begun anew once; the server, which took both, shows that it was a lie
        assert app.closed is not None
        assert not app.is_done
    else:
        assert app.is_done


def test_a_forged_retry_is_ignored() -> None:
    net, app = network(retry_above=0)
    seen = []

    def tap(to_server: bool, data: bytes, now: float) -> bytes | None:
        if not to_server and data[0] & 0xF0 == 0xF0 and len(seen) < 1:
            seen.append(data)
            net.inject(False, data[:-1] + bytes([data[-1] ^ 1]))
        return data

    net.taps.append(tap)
    net.run(5.0)
    assert seen
    assert app.is_done


def test_retry_tokens_of_another_connection_are_refused() -> None:
    net, _ = network(retry_above=0)
    net.run(5.0, until=lambda: bool(net.client.token))
    assert net.client.token
    other, again = network(resumption=Resumption(token=net.client.token), endpoint=net.endpoint, seed=2)
    other.run(5.0)
    assert again.closed is not None
    assert (again.closed.code, again.closed.by_peer) == (ErrorCode.INVALID_TOKEN, True)


# --- large and scattered hellos ----------------------------------------------------------------------------------------


def test_a_client_hello_of_several_datagrams_that_come_in_the_wrong_order() -> None:
    """A hybrid key share does not fit into one Initial packet."""
    chance = random.Random(1)
    tls = replace(client_tls(chance), shares=(NamedGroup.X25519MLKEM768,))
    client = make_client(chance, tls=tls)
    app = Download([10])
    net = Network(1, Conditions(), client, app, make_endpoint(chance), Serve())
    outs = [
        out.data[at : at + out.segment] for out in client.datagrams_to_send(0.0, 1 << 16) for at in range(0, len(out.data), out.segment)
    ]
    assert len(outs) >= 2
    for data in reversed(outs):
        assert len(data) >= 1200
        net.inject(True, data)
    assert net.server.handshake._tls is not None  # type: ignore[attr-defined]
    net.run(3.0)
    assert app.is_done
    assert net.client.held == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_client_hello_in_pieces_all_over(seed: int) -> None:
    """As Chromium sends it: CRYPTO frames of odd sizes in any order, with PING and PADDING between, over several Initials."""
    chance = random.Random(seed)
    client = make_client(chance)
    hello = client.crypto[0]._out.piece(1 << 16, 1 << 16)
    assert hello is not None
    pieces = []
    at = 0
    while at < len(hello[1]):
        size = chance.randrange(1, 120)
        pieces.append(f.encode_crypto(at, hello[1][at : at + size]))
        at += size
    pieces += [b"\x01", bytes(7), b"\x01"]
    chance.shuffle(pieces)
    endpoint = make_endpoint(random.Random(1))
    third = len(pieces) // 3 + 1
    packets = [
        forge(client, b"".join(pieces[start : start + third]), PacketType.INITIAL, pad=1200) for start in range(0, len(pieces), third)
    ]
    chance.shuffle(packets)
    for packet in packets:
        (connection,) = endpoint.receive([DatagramIn(packet, SERVER, CLIENT)], 0.0)
    assert not connection.is_closed
    for out in connection.datagrams_to_send(0.0, 1 << 16):
        for start in range(0, len(out.data), out.segment):
            client.receive([DatagramIn(out.data[start : start + out.segment], CLIENT, SERVER)], 0.05)
    assert client.is_handshake_complete or client.read[PacketType.HANDSHAKE] is not None


# --- transport parameters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"initial_source_connection_id": b"other"}, ErrorCode.TRANSPORT_PARAMETER_ERROR),
        ({"original_destination_connection_id": b"other"}, ErrorCode.TRANSPORT_PARAMETER_ERROR),
        ({"retry_source_connection_id": b"other"}, ErrorCode.TRANSPORT_PARAMETER_ERROR),
        ({"version_information": None}, ErrorCode.VERSION_NEGOTIATION_ERROR),
    ],
)
def test_parameters_that_do_not_fit_the_packets(change: dict[str, object], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import sws.proto.quic.server as module

    kind = module._ServerHandshaking
    true = kind._parameters
    monkeypatch.setattr(kind, "_parameters", lambda self: encode_parameters(replace(decode_parameters(true(self), False), **change)))
    net, app = network()
    net.run(2.0)
    assert app.closed is not None
    assert (app.closed.code, app.closed.by_peer) == (code, False)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"initial_source_connection_id": b"other"}, ErrorCode.TRANSPORT_PARAMETER_ERROR),
        ({"initial_source_connection_id": None}, ErrorCode.TRANSPORT_PARAMETER_ERROR),
        ({"stateless_reset_token": bytes(16)}, ErrorCode.TRANSPORT_PARAMETER_ERROR),
    ],
)
def test_a_client_whose_parameters_are_wrong(change: dict[str, object], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import sws.proto.quic.client as module

    true = module.our_parameters

    def changed(*arguments: object) -> TransportParameters:
        return replace(true(*arguments), **change)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "our_parameters", changed)
    net, app = network()
    net.run(2.0)
    assert app.closed is not None
    assert (app.closed.code, app.closed.by_peer) == (code, True)


# --- datagrams, acknowledgements ---------------------------------------------------------------------------------------


def test_datagrams() -> None:
    net = connect(config=QuicConfig(datagram_frame=1000))
    idle = Idle()
    net.server_app = idle
    limit = net.client.datagram_limit()
    assert 900 < limit < 1000
    assert not net.client.send_datagram(bytes(limit + 1))
    assert [net.client.send_datagram(bytes([n]) * 10) for n in range(65)] == [True] * 64 + [False]
    net.run(1.0)
    assert [event.data[0] for event in idle.events if isinstance(event, DatagramReceived)] == list(range(64))
    net.client.close(0)
    assert not net.client.send_datagram(b"x")
    assert connect().client.datagram_limit() == 0


def test_received_packets() -> None:
    """RFC 9000 §13.2"""
    chance = random.Random(1)
    for _ in range(50):
        space = ReceivedSpace(0.025)
        numbers = list(range(100))
        chance.shuffle(numbers)
        for number in numbers[:60]:
            assert not space.has(number)
            space.add(number, True, 0, 1.0)
            assert space.has(number)
        kept = {number for low, high in space.ranges() for number in range(low, high + 1)}
        assert kept == set(numbers[:60])
        assert list(space.ranges()) == sorted(space.ranges(), reverse=True)
    space = ReceivedSpace(0.025)
    space.add(0, True, 0, 1.0)
    assert space.ack_at == 1.025
    space.add(1, False, 0, 1.0)
    assert space.ack_at == 1.025
    space.add(2, True, 0, 1.01)
    assert space.ack_at == 1.01
    assert space.frame(1.0110001, 100) == f.encode_ack([(0, 2)], 125)
    assert (space.ack_at, space.frame(1.0, 20)) == (None, None)
    space.add(4, True, 3, 2.0)
    assert space.ack_at == 2.0
    assert space.frame(2.0, 100) == f.encode_ack([(4, 4), (0, 2)], 0, (0, 0, 1))
    space.acknowledged(2, 0, 0)
    assert space.ranges() == [(4, 4)]
    assert space.has(1)
    assert not space.has(3)
    space.acknowledged(1, 0, 0)
    for number in range(10, 400, 2):
        space.add(number, True, 0, 3.0)
    assert len(space.ranges()) == 64
    assert space.has(11)  # too old to tell


# --- ends --------------------------------------------------------------------------------------------------------------


def test_idle_connections_end_in_silence() -> None:
    net = connect(config=QuicConfig(idle_timeout=5.0))
    idle = net.app
    assert isinstance(idle, Idle)
    octets = net.octets[True]
    net.run(20.0)
    assert [event for event in idle.events if isinstance(event, ConnectionClosed)] == [ConnectionClosed(0, "idle timeout", False)]
    assert (len(net.endpoint), net.octets[True]) == (0, octets)


def test_closing_is_told_again_and_again_more_seldom() -> None:
    net = connect()
    client = net.client
    client.close(7, "enough " * 100)
    client.close(8, "again")
    assert client.is_closed
    for verb in (lambda: client.send_stream_data(0, b"x"), lambda: client.reset_stream(0, 1), lambda: client.stop_sending(0, 1)):
        verb()
    assert client.stream_credit(0) == 0
    assert client.datagrams_to_send(net.now, 1 << 16)
    answers = 0
    for _ in range(64):
        net.inject(False, forge(net.server, b"\x01"))
        answers += len(client.datagrams_to_send(net.now, 1 << 16))
    assert answers == 6
    net.inject(False, forge(net.server, f.encode_connection_close(0, 0, b"", False)))
    assert client.closing.state is End.DRAINING
    client.handle_timeout(net.now)
    client.receive([DatagramIn(b"\x41", CLIENT, SERVER)], net.now)
    due = client.next_timeout()
    assert due is not None
    client.handle_timeout(due)
    assert client.is_over
    assert client.next_timeout() is None
    assert client.datagrams_to_send(due, 1 << 16) == []


def test_a_close_before_the_handshake_is_over() -> None:
    net, app = network()
    net.flush()
    net.step()
    server = net.server
    server.close(5, "secret")
    net.run(3.0)
    assert app.closed is not None
    assert (app.closed.code, app.closed.application, app.closed.reason) == (ErrorCode.APPLICATION_ERROR, False, "")


def test_a_server_that_is_shut_refuses() -> None:
    chance = random.Random(1)
    endpoint = make_endpoint(chance)
    endpoint.shut()
    app = Download([1])
    net = Network(1, Conditions(), make_client(chance), app, endpoint, Serve())
    net.run(3.0)
    assert app.closed is not None
    assert (app.closed.code, app.closed.by_peer) == (ErrorCode.CONNECTION_REFUSED, True)


def test_silence_during_the_handshake_ends_it() -> None:
    net, app = network()
    net.conditions.black_hole = (0.0, 1e9)
    net.run(60.0)
    assert app.closed == ConnectionClosed(0, "idle timeout", False)


# --- the rest ----------------------------------------------------------------------------------------------------------


def test_qlog() -> None:
    records: list[bytes] = []
    net, app = network(QuicConfig(qlog=lambda original, is_client: QlogTrace(records.append, original, is_client)))
    net.run(3.0)
    assert app.is_done
    assert all(record.startswith(b"\x1e") and record.endswith(b"\n") for record in records)
    values = [json.loads(record[1:]) for record in records]
    assert values[0]["trace"]["vantage_point"] == {"type": "client"}
    names = {value["name"] for value in values[1:]}
    assert {"transport:packet_sent", "transport:packet_received", "recovery:metrics_updated"} <= names
    times = [value["time"] for value in values[1:]]
    assert times == sorted(times)
    received = [value["data"] for value in values[1:] if value["name"] == "transport:packet_received"]
    assert {"frame_type": "handshake_done"} in [frame for data in received for frame in data["frames"]]
    assert {data["header"]["packet_type"] for data in received} == {"initial", "handshake", "1RTT"}


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
def test_suites_and_controllers(suite: int) -> None:
    chance = random.Random(1)
    config = QuicConfig(congestion=NewReno, key_update_after=10, datagram_payload=9000)
    app = Download([50_000])
    client = make_client(chance, config, client_tls(chance, suites=(suite,)))
    net = Network(1, Conditions(mtu=9000), client, app, make_endpoint(chance, config=config), Serve())
    net.run(5.0)
    assert app.is_done
    assert net.lost == 0


def test_an_endpoint_needs_a_key() -> None:
    with pytest.raises(UsageError):
        make_endpoint(random.Random(1)).__class__(QuicConfig(), server_tls(random.Random(1)), EndpointConfig(), lambda _: None)


@pytest.mark.parametrize("data", [b"\xc0", b"\xc0\0\0\0\0\4abcd\0" + bytes(8), b"\xc0" + bytes(1300), b"\xe0\0\0\0\1\x08" + bytes(1300)])
def test_datagrams_that_are_nothing(data: bytes) -> None:
    endpoint = make_endpoint(random.Random(1))
    assert endpoint.receive([DatagramIn(data, SERVER, CLIENT)], 0.0) == []
    assert endpoint.replies() == []


@pytest.mark.slow
def test_memory_of_an_idle_connection() -> None:
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy does not trace its memory")
    endpoint = make_endpoint(random.Random(1), new_maximum=10_000, retry_above=10_000)
    connections = []

    def one(seed: int) -> None:
        chance = random.Random(seed)
        net = Network(seed, Conditions(), make_client(chance), Idle(), endpoint, Serve())
        before = set(endpoint.connections)
        endpoint._ids, saved = {}, endpoint._ids
        net.run(2.0, until=lambda: net.client.is_confirmed)
        net.run(0.5)
        saved.update(endpoint._ids)
        endpoint._ids = saved
        connections.append(next(iter(set(endpoint.connections) - before)))

    one(1)
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        for seed in range(2, 12):
            one(seed)
        import gc

        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - start) / 10
    finally:
        tracemalloc.stop()
    assert all(connection.is_confirmed for connection in connections)
    assert each < 60 * 1024
    assert ALPN == b"hq-interop"


@pytest.mark.parametrize(
    ("version", "id_length", "size", "answered"),
    [
        (b"\x1a\x2a\x3a\x4a", 8, 1200, True),
        (b"\x1a\x2a\x3a\x4a", 3, 1200, True),  # other versions may have other IDs: RFC 9000 §17.2.1
        (b"\x1a\x2a\x3a\x4a", 8, 1199, False),
        (b"\0\0\0\1", 8, 1199, False),
        (b"\0\0\0\1", 7, 1200, False),
        (b"\0\0\0\1", 21, 1200, False),
    ],
)
def test_beginnings_that_are_too_small(version: bytes, id_length: int, size: int, answered: bool) -> None:
    """RFC 9000 §5.2.2, §7.2, §14.1: at most Version Negotiation is said, and no connection is made."""
    made: list[object] = []
    endpoint = make_endpoint(random.Random(1), made.append)
    head = b"\xc3" + version + bytes((id_length,)) + b"d" * id_length + b"\x04name" + b"\0\x44\x00"
    assert endpoint.receive([DatagramIn(head.ljust(size, b"\0"), SERVER, CLIENT)], 0.0) == []
    replies = endpoint.replies()
    assert (len(replies), made, len(endpoint)) == (int(answered), [], 0)
    for reply in replies:
        assert reply.data[1:].startswith(b"\0\0\0\0\x04name" + bytes((id_length,)) + b"d" * id_length)


@pytest.mark.parametrize("kind", ["good", "our destination", "no token", "second"])
def test_retries_that_are_ignored(kind: str) -> None:
    """RFC 9000 §17.2.5.1, §17.2.5.2"""
    client = make_client(random.Random(3))
    client.datagrams_to_send(0.0, 1 << 16)
    version, original = client.version, client.original
    source = original if kind == "our destination" else b"retried!"
    token = b"" if kind == "no token" else b"token"
    client.receive([DatagramIn(encode_retry(version, client.first_id, source, original, token), CLIENT, SERVER)], 0.1)
    if kind == "second":
        client.receive([DatagramIn(encode_retry(version, client.first_id, b"another!", original, b"more"), CLIENT, SERVER)], 0.2)
    again = client.datagrams_to_send(0.2, 1 << 16)
    if kind in ("our destination", "no token"):
        assert again == []
    else:
        header = decode_long_header(again[0].data)
        assert (header.destination, header.token, len(again[0].data)) == (b"retried!", b"token", 1200)
