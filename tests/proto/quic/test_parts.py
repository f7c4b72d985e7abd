# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Parts of a connection by themselves, where whole connections do not lead."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sws.base.datagrams import DatagramIn
from sws.base.errors import LimitExceeded, QuicTransportError
from sws.proto.quic import frames as f
from sws.proto.quic.api import ConnectionClosed, DatagramReceived, StreamsAvailable
from sws.proto.quic.client import Resumption
from sws.proto.quic.closing import End
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.control import ControlFrames
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.ids import RemoteIds
from sws.proto.quic.keyphase import KeyPhases
from sws.proto.quic.parameters import PreferredAddress, VersionInformation
from sws.proto.quic.paths import Path, Paths
from sws.proto.quic.recovery.loss import FrameRecord
from sws.proto.quic.versions import QUIC_V1, QUIC_V2, VERSIONS, PacketType
from tests.kit.quic import CLIENT, SERVER, Conditions, Idle, Network, Serve, connect, forge, make_client, make_endpoint, server_tls


def remote(count: int) -> RemoteIds:
    """IDs of a peer, the first in use."""
    ids = RemoteIds(ControlFrames())
    ids.set_first(b"zero")
    for number in range(1, count):
        ids.on_new(number, 0, b"id%d" % number, bytes([number]) * 16)
    return ids


def test_ids_of_a_peer_without_any() -> None:
    ids = RemoteIds(ControlFrames())
    assert ids.reserve() == 0
    ids.retire(0)
    with pytest.raises(QuicTransportError):
        ids.on_new(1, 0, b"x", bytes(16))


def test_ids_that_run_out() -> None:
    ids = remote(3)
    assert [ids.reserve(), ids.reserve(), ids.reserve()] == [1, 2, None]
    assert ids.get(1) == b"id1"
    assert ids.get(9) is None
    with pytest.raises(QuicTransportError):
        ids.on_new(3, 4, b"id3", bytes(16))
    ids.use(77)
    assert ids.current == b"zero"


def test_ids_that_come_late_or_twice() -> None:
    ids = remote(2)
    ids.on_new(3, 2, b"id3", bytes([3]) * 16)
    assert (ids.sequence, ids.current) == (3, b"id3")
    ids.on_new(1, 0, b"late", bytes(16))  # below what is to be retired: given back at once
    ids.on_new(3, 2, b"id3", bytes([3]) * 16)
    assert ids.tokens() == [bytes([3]) * 16]
    ids.retire(3)
    assert ids.current == b"id3"


def test_retired_ids_are_remembered_in_bounds() -> None:
    ids = remote(1)
    control = ids._control
    for number in range(1, 600):
        ids.on_new(number, number, number.to_bytes(4, "big"), number.to_bytes(16, "big"))
        for wish in list(control.wishes):
            control.acknowledged(*wish, 0)
        control.wishes.clear()
    assert len(ids._retired) <= 256
    assert ids.sequence == 599


def test_control_frames_wait_for_room_and_forget_what_is_settled() -> None:
    control = ControlFrames()
    told: list[int] = []
    control.register(1, lambda about: None if about == 5 else b"x" * about, told.append)
    for about in (5, 30, 10):
        control.want(1, about)
    parts: list[bytes] = []
    records: list[FrameRecord] = []
    assert control.fill(parts, records, 20) == 10
    assert (parts, list(control.wishes)) == ([b"x" * 10], [(1, 30)])
    control.acknowledged(1, 10, 0)
    control.acknowledged(2, 10, 0)
    control.lost(1, 10, 0)
    assert told == [10]
    assert set(control.wishes) == {(1, 30), (1, 10)}


def test_keys_without_a_secret_do_nothing() -> None:
    phases = KeyPhases(VERSIONS[QUIC_V1], 0x1303)
    assert phases.keys_for(1) is None
    phases.update(0.0, 0.1, 0)
    assert phases.updates == 0


def test_what_most_connections_never_need_is_ready_a_probe_timeout_after_the_handshake() -> None:
    """RFC 9001 §6.3 lets the next read key wait for as long."""
    network = connect()
    client, server = network.client, network.server
    phases = server.phases
    assert phases is not None
    server._settles_at = network.now + 0.5
    network.inject(True, forge(client, b"\x01"))
    assert (phases._next_read, len(server.local_ids.all())) == (None, 2)
    network.now += 0.6
    network.inject(True, forge(client, b"\x01"))
    beforehand = phases._next_read
    assert beforehand is not None
    assert len(server.local_ids.all()) == 4
    assert client.phases is not None
    client.phases.update(network.now, 0.1, client.loss.spaces[2].next_number)
    network.inject(True, forge(client, b"\x01"))
    assert (phases.updates, phases._read) == (1, beforehand)
    assert phases._next_read not in (None, beforehand)


@pytest.mark.parametrize("phase", [0, 1])
def test_forgeries_before_that_cost_the_same_in_both_phases(phase: int) -> None:
    """RFC 9001 §6.3, §9.5: no time tells what the masked key phase of a forged packet was: each has the next key made."""
    network = connect()
    client, phases = network.client, network.server.phases
    assert phases is not None
    assert client.phases is not None
    network.server._settles_at = network.now + 0.5
    if phase:
        client.phases.update(network.now, 0.1, client.loss.spaces[2].next_number)
    data = forge(client, b"\x01" + bytes(20))
    before = phases._next_read, network.server.receiver.dropped
    network.inject(True, data[:-1] + bytes((data[-1] ^ 1,)))
    assert before == (None, network.server.receiver.dropped - 1)
    assert phases.updates == 0
    assert phases._next_read is not None


def test_an_update_before_that_is_followed() -> None:
    network = connect()
    client, phases = network.client, network.server.phases
    assert phases is not None
    assert client.phases is not None
    network.server._settles_at = network.now + 0.5
    client.phases.update(network.now, 0.1, client.loss.spaces[2].next_number)
    network.inject(True, forge(client, b"\x01"))
    assert phases.updates == 1


def test_old_keys_are_kept_for_three_probe_timeouts() -> None:
    network = connect()
    client, server = network.client, network.server
    assert client.phases is not None
    delayed = [forge(client, b"\x01") for _ in range(2)]
    client.phases.update(network.now, 0.1, client.loss.spaces[2].next_number)
    network.inject(True, forge(client, b"\x01"))
    assert server.phases is not None
    assert server.phases.updates == 1
    opened = server.receiver.opened
    network.inject(True, delayed[0])
    assert server.receiver.opened == opened + 1
    network.now += 3 * server.pto() + 0.01
    network.inject(True, delayed[1])
    assert server.receiver.opened == opened + 1
    assert not server.is_closed


def test_our_update_is_followed_and_old_packets_still_read() -> None:
    network = connect()
    client, server = network.client, network.server
    assert client.phases is not None
    client.phases.update(network.now, client.pto(), client.loss.spaces[2].next_number)
    network.inject(False, forge(server, b"\x01"))  # it has not heard of it yet
    stream = client.open_stream(False)
    client.send_stream_data(stream, b"7", True)
    network.run(2.0)
    assert server.phases is not None
    assert (server.phases.phase, client.phases.phase) == (1, 1)
    assert not client.is_closed


def test_paths() -> None:
    paths = Paths(("a", 1), ("b", 2), random.Random(1).randbytes)
    assert paths.on_response(bytes(8)) is None
    paths.challenge(paths.active, 1.0)
    assert paths.next_timeout() == 1.0
    first = paths.take_challenge(paths.active, 1.0, 0.1)
    assert first is not None
    assert paths.take_challenge(paths.active, 1.05, 0.1) is None
    assert paths.take_challenge(paths.active, 1.1, 0.1) is not None
    assert paths.take_challenge(paths.active, 1.21, 0.1) is not None
    assert paths.take_challenge(paths.active, 9.0, 0.1) is None
    assert paths.expired(1.29) == []
    assert paths.expired(1.33) == [paths.active]
    assert paths.on_response(first) is paths.active
    assert [paths.add(Path(("a", n), ("b", 2), n)) for n in range(5)] == [True] * 3 + [False] * 2
    assert paths.find(("a", 2), ("b", 2)) is paths.candidates[2]
    assert paths.find(("a", 7), ("b", 2)) is None
    assert paths.make_room(paths.active) is None
    one, two, three = paths.candidates
    one.is_validated = two.is_validated = three.is_validated = True
    one.challenge_at = 2.0  # it is to show once more that large datagrams come through
    paths.previous = two
    assert paths.make_room(three) is None
    assert paths.make_room(one) is three
    assert paths.candidates == [one, two]
    one.challenge_at = paths.previous = None
    assert paths.make_room(two) is None  # there is room


def test_a_path_that_fails_with_none_to_go_back_to() -> None:
    """RFC 9000 §9.3.2: in silence."""
    network = connect()
    server = network.server
    server.paths.challenge(server.paths.active, network.now)
    network.taps.append(lambda to_server, data, now: None)
    network.run(0.1)
    while (due := server.next_timeout()) is not None:
        server.handle_timeout(due)
        network.now = due
        out = server.datagrams_to_send(due, 1 << 16)
    assert server.closing.state is End.CLOSED
    assert out == []
    assert ConnectionClosed(ErrorCode.NO_VIABLE_PATH, "the path could not be validated", False) in server.take_events()


def test_a_migration_that_fails_goes_back() -> None:
    network = connect()
    server = network.server
    network.now += 1
    server.receive([DatagramIn(forge(network.client, f.encode_ack([(0, 0)], 0) + b"\x01"), SERVER, ("192.0.2.200", 7))], network.now)
    assert server.paths.active.remote == ("192.0.2.200", 7)
    true = network._transmit

    def only_client(to_server: bool, data: bytes, out: object) -> None:
        if to_server or out.remote == CLIENT:  # type: ignore[attr-defined]
            true(to_server, data, out)  # type: ignore[arg-type]

    network._transmit = only_client  # type: ignore[method-assign, assignment]
    network.run(5.0)
    assert server.paths.active.remote == CLIENT
    assert not server.is_closed


def test_a_client_needs_an_id_and_room_for_another_path() -> None:
    network = connect()
    client = network.client
    client.paths.candidates += [Path(("x", n), SERVER, 0) for n in range(3)]
    assert not client.probe(("192.0.2.50", 1))
    network.client.rebind(("192.0.2.51", 1))
    assert client.paths.active.local == ("192.0.2.51", 1)
    lonely = make_client(random.Random(1))
    assert not lonely.probe(("192.0.2.50", 1))


@pytest.mark.parametrize(("host", "expected"), [("2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0007"), ("192.0.2.1", None)])
def test_preferred_addresses_of_ipv6(host: str, expected: str | None) -> None:
    network = connect()
    client = network.client
    client.paths.active.remote = (host, 443)
    address = PreferredAddress(bytes(4), 0, bytes.fromhex("20010db8000000000000000000000007"), 8443, b"x", bytes(16))
    assert client.peer is not None
    client._client._move(replace(client.peer, preferred_address=address))
    client._client._move(replace(client.peer, preferred_address=None))
    found = [path.remote for path in client.paths.candidates]
    assert found == ([] if expected is None else [(expected, 8443)])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"preferred_address": PreferredAddress(bytes(4), 0, bytes(16), 0, b"x", bytes(16))}, ErrorCode.TRANSPORT_PARAMETER_ERROR),
        ({"version_information": VersionInformation(QUIC_V2, (QUIC_V2,))}, ErrorCode.VERSION_NEGOTIATION_ERROR),
        ({"version_information": None}, None),
    ],
)
def test_what_a_client_checks(change: dict[str, object], code: int | None) -> None:
    network = connect(config=QuicConfig(versions=(QUIC_V1,)))
    client = network.client
    assert client.peer is not None
    peer = replace(client.peer, **change)  # type: ignore[arg-type]
    if "preferred_address" in change:
        client._client._server_id = b""
        peer = replace(peer, initial_source_connection_id=b"")
    if code is None:
        client._client._check(peer)
        client._client._negotiated = True
        client._client._check(peer)
        return
    with pytest.raises(QuicTransportError) as caught:
        client._client._check(peer)
    assert caught.value.code == code


def test_a_better_version_that_was_hidden() -> None:
    network = connect(config=QuicConfig(versions=(QUIC_V2, QUIC_V1)))
    client = network.client
    client._client._negotiated = True
    client.origin = client.version = VERSIONS[QUIC_V1]
    assert client.peer is not None
    with pytest.raises(QuicTransportError):
        client._client._check(replace(client.peer, version_information=VersionInformation(QUIC_V1, (QUIC_V1, QUIC_V2))))


def half(config: QuicConfig | None = None, version: int | None = None) -> Network:
    """The server has the ClientHello and has answered; the client has nothing yet."""
    chance = random.Random(5)
    network = Network(5, Conditions(), make_client(chance, config, version=version), Idle(), make_endpoint(chance), Serve())
    network.flush()
    network.step()
    return network


def test_long_headers_that_are_not_for_us() -> None:
    network = half()
    client, server = network.client, network.server
    good = network._heap[0][3].data
    for changed in (
        good[:5] + b"\x00" + good[6 + len(client.first_id) :],
        good[:1] + b"\0\0\0\1" + good[5:],
        good[:1] + b"\x6b\x33\x43\xcf" + good[5:],
    ):
        if changed != good:
            network.inject(False, changed)
    assert not client.is_closed
    network.run(3.0)
    assert client.is_confirmed
    for data in (good, b"\xe3" + good[1:], b"\xf0" + good[1:5] + b"\x08" + client.first_id + good[14:60]):
        network.inject(False, data)
    network.inject(True, b"\xe3\0\0\0\1\x08" + server.first_id + b"\x00" + bytes(60))
    assert not client.is_closed
    assert not server.is_closed


def test_a_close_while_the_client_still_shakes_hands() -> None:
    network = half()
    client = network.client
    client.close(3, "no")
    (out,) = client.datagrams_to_send(network.now, 1 << 16)
    assert len(out.data) >= 1200
    network.inject(True, out.data)
    assert network.server.closing.state is End.DRAINING
    network.server.close(1)
    (event,) = [event for event in network.server.take_events() if isinstance(event, ConnectionClosed)]
    assert (event.code, event.application) == (ErrorCode.APPLICATION_ERROR, False)


def test_a_client_hello_that_is_none() -> None:
    for hello, code in ((b"\x02\0\0\0", 0x10A), (b"\x01\xff\xff\xff", 0x132), (b"\x01\0\0\x01\x00", 0x132)):
        network = half()
        endpoint = make_endpoint(random.Random(1))
        from tests.proto.quic.test_attacks import initial

        endpoint.receive([DatagramIn(initial(b"8octets!", b"me", f.encode_crypto(0, hello), 0), SERVER, CLIENT)], 0.0)
        (connection,) = endpoint.connections
        assert connection.closing.code == code
        assert not network.server.is_closed


def test_crypto_octets_after_the_handshake_do_not_go_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    network = connect()
    monkeypatch.setattr("sws.proto.quic.handshake.POST_HANDSHAKE_MAXIMUM", 100)
    end = network.server.crypto[2]._out.next
    network.inject(False, forge(network.server, f.encode_crypto(end, b"\x04\0\x0f\0" + bytes(200))))
    assert network.client.closing.code == ErrorCode.CRYPTO_BUFFER_EXCEEDED


def test_roles_of_the_base() -> None:
    from sws.proto.quic.connection import Connection

    network = connect()
    with pytest.raises(TypeError, match="make_handshake"):
        Connection(*[None] * 9)  # type: ignore[abstract, arg-type]
    Connection.on_path_validated(network.client, network.client.paths.active)
    assert Connection.peer_or_remembered(network.client) is network.client.peer
    assert not Connection.is_client
    for _ in range(100):
        network.client.open_stream(False)
    with pytest.raises(LimitExceeded):
        network.client.open_stream(False)


def test_tokens_and_tickets_for_later() -> None:
    network = connect()
    for number in range(9):
        network.inject(False, forge(network.server, f.encode_new_token(b"token %d" % number)))
    kept = network.client.take_resumptions()
    assert len(kept) == 2
    assert all(isinstance(item, Resumption) and item.token for item in kept)
    assert len(network.client._client._tokens) <= 4
    assert network.client.take_resumptions() == []


def test_packets_of_other_levels_after_they_ended() -> None:
    network = connect()
    client, server = network.client, network.server
    for level in (PacketType.INITIAL, PacketType.HANDSHAKE):
        assert client.write[level] is None
        client.discard(level)
    server.confirm()
    assert not server.is_closed


def test_streams_wait_for_the_handshake() -> None:
    chance = random.Random(1)
    client = make_client(chance)
    idle = Idle()
    network = Network(1, Conditions(), client, idle, make_endpoint(chance), Serve())
    for unidirectional in (False, True):
        with pytest.raises(LimitExceeded):
            client.open_stream(unidirectional)
    network.run(1.0)
    kinds = [event.unidirectional for event in idle.events if isinstance(event, StreamsAvailable)]
    assert kinds == [False, True]
    assert client.open_stream(True) == 2


def test_what_comes_for_a_stream_that_is_not_wanted() -> None:
    network = connect()
    server = network.server
    network.inject(True, forge(network.client, f.encode_stream(0, 0, b"a", False)))
    server.stop_sending(0, 1)
    network.inject(True, forge(network.client, f.encode_stream(0, 3, b"d", False)))
    assert server.streams.window.consumed == 4
    network.inject(True, forge(network.client, f.encode_reset_stream(0, 1, 6)))
    assert server.streams.window.consumed == 6
    network.inject(True, forge(network.client, f.encode_stream(4, 0, b"a", True)))
    server.consumed(4, 1)
    network.inject(True, forge(network.client, f.encode_reset_stream(4, 1, 1)))
    assert not server.is_closed
    network.inject(True, forge(network.client, f.encode_stream(8, 9, b"", True)))
    server.stop_sending(8, 1)
    network.inject(True, forge(network.client, f.encode_stream(12, 2, b"x", True)))
    network.inject(True, forge(network.client, f.encode_stream(12, 3, b"x", False)))
    assert server.closing.code == ErrorCode.FINAL_SIZE_ERROR


def test_batches_of_all_kinds_of_packets() -> None:
    network = half()
    server = network.server
    first = network._heap[0][3].data
    assert first
    short = b"\x43" + server.first_id + bytes(40)
    again = make_client(random.Random(5)).datagrams_to_send(0.0, 1 << 16)[0].data
    ends = (SERVER, CLIENT)
    server.receive(
        [DatagramIn(again, *ends), DatagramIn(short, *ends), DatagramIn(again, *ends), DatagramIn(short[:12], *ends)], network.now
    )
    assert not server.is_closed
    network.run(2.0)
    assert network.client.is_confirmed
    dropped = server.receiver.dropped
    network.inject(True, short[:20])
    network.inject(True, short[:20] + b"")
    assert server.receiver.dropped == dropped + 2


def test_a_close_behind_padding_while_closing() -> None:
    network = connect()
    network.server.close(1)
    network.inject(True, forge(network.client, bytes(9) + f.encode_connection_close(0, 0, b"", False)))
    assert network.server.closing.state is End.DRAINING


@pytest.mark.parametrize(
    ("versions", "code"),
    [
        (VersionInformation(QUIC_V2, (QUIC_V2,)), ErrorCode.VERSION_NEGOTIATION_ERROR),
        (VersionInformation(QUIC_V1, (QUIC_V2,)), ErrorCode.TRANSPORT_PARAMETER_ERROR),
        (VersionInformation(QUIC_V1, (QUIC_V1, 0x0A0A0A0A)), None),
        (None, None),
    ],
)
def test_what_a_client_says_of_versions(versions: VersionInformation | None, code: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import sws.proto.quic.client as module

    true = module.our_parameters
    monkeypatch.setattr(module, "our_parameters", lambda c, v: replace(true(c, v), version_information=versions))
    chance = random.Random(1)
    idle = Idle()
    network = Network(1, Conditions(), make_client(chance), idle, make_endpoint(chance), Serve())
    network.run(3.0)
    closed = [event.code for event in idle.events if isinstance(event, ConnectionClosed)]
    assert closed == ([] if code is None else [code])
    assert network.client.is_confirmed is (code is None)


def test_a_host_that_is_not_served() -> None:
    chance = random.Random(1)
    idle = Idle()
    tls = replace(server_tls(chance), choose_host=lambda _: None)
    network = Network(1, Conditions(), make_client(chance), idle, make_endpoint(chance, tls=tls), Serve())
    network.run(3.0)
    (closed,) = [event for event in idle.events if isinstance(event, ConnectionClosed)]
    assert closed.code == 0x170


def test_a_datagram_that_the_path_has_become_too_narrow_for() -> None:
    network = connect(config=QuicConfig(datagram_frame=2000))
    idle = Idle()
    network.server_app = idle
    network.client.outgoing_datagrams.append(bytes(1900))
    assert network.client.send_datagram(b"small")
    network.run(1.0)
    assert [event.data for event in idle.events if isinstance(event, DatagramReceived)] == [b"small"]


def test_crypto_octets_get_lost_and_come_again() -> None:
    from sws.proto.quic.crypto import CryptoStream

    stream = CryptoStream()
    stream.write(bytes(range(100)))
    parts: list[bytes] = []
    records: list[FrameRecord] = []
    left = stream.fill(parts, records, 60)
    assert left <= 16
    stream.lost(*records[0][1:])
    assert stream.is_pending
    stream.fill(parts, records, 200)
    assert not stream.is_pending
    assert stream.held == 100
    stream.acknowledged(*records[1][1:])
    stream.lost(*records[1][1:])
    stream.acknowledged(*records[2][1:])
    assert not stream.is_pending
    assert stream.held == 0
