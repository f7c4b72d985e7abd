# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a peer may not do, done to both roles by packets on the wire: each ends in the error code that its RFC names."""

from __future__ import annotations

import pytest

from sws.base.errors import QuicTransportError
from sws.proto.quic import frames as f
from sws.proto.quic.api import ConnectionClosed
from sws.proto.quic.closing import End
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.errors import ErrorCode as E
from sws.proto.quic.streams.manager import StreamLimits
from sws.proto.quic.versions import PacketType
from tests.kit.quic import Network, connect, forge

BIG = 1 << 61
TOKEN = bytes(range(16))

#: Frames to a server, the code, and where the RFC says so.
TO_SERVER = [
    (b"\x1e", E.PROTOCOL_VIOLATION, "§19.20 HANDSHAKE_DONE"),
    (f.encode_new_token(b"x"), E.PROTOCOL_VIOLATION, "§19.7 NEW_TOKEN"),
    (f.encode_stream(1, 0, b"x", False), E.STREAM_STATE_ERROR, "§19.8 a stream of the server's, not opened"),
    (f.encode_stream(3, 0, b"x", False), E.STREAM_STATE_ERROR, "§19.8 a send-only stream"),
    (f.encode_stream(400, 0, b"x", False), E.STREAM_LIMIT_ERROR, "§4.6"),
    (f.encode_stream(402, 0, b"x", False), E.STREAM_LIMIT_ERROR, "§4.6"),
    (f.encode_stream(0, 1 << 18, b"x", False), E.FLOW_CONTROL_ERROR, "§4.1 a stream"),
    (
        b"".join([f.encode_stream(4 * n, (1 << 18) - 1, b"x", False) for n in range(4)]),
        E.FLOW_CONTROL_ERROR,
        "§4.1 the connection",
    ),
    (f.encode_stream(0, 5, b"", True) + f.encode_stream(0, 9, b"", True), E.FINAL_SIZE_ERROR, "§4.5 changed"),
    (f.encode_stream(0, 5, b"", True) + f.encode_stream(0, 5, b"x", False), E.FINAL_SIZE_ERROR, "§4.5 beyond"),
    (f.encode_stream(0, 0, b"12345", False) + f.encode_stream(0, 3, b"", True), E.FINAL_SIZE_ERROR, "§4.5 below"),
    (f.encode_stream(0, 5, b"x", False) + f.encode_reset_stream(0, 0, 3), E.FINAL_SIZE_ERROR, "§4.5 reset below"),
    (f.encode_reset_stream(0, 0, 1 << 19), E.FLOW_CONTROL_ERROR, "§4.5 reset beyond the limit"),
    (f.encode_reset_stream(3, 0, 0), E.STREAM_STATE_ERROR, "§19.4"),
    (f.encode_stop_sending(1, 0), E.STREAM_STATE_ERROR, "§19.5 not opened"),
    (f.encode_stop_sending(2, 0), E.STREAM_STATE_ERROR, "§19.5 receive-only"),
    (f.encode_max_stream_data(2, 9), E.STREAM_STATE_ERROR, "§19.10 receive-only"),
    (f.encode_max_stream_data(1, 9), E.STREAM_STATE_ERROR, "§19.10 not opened"),
    (f.encode_stream_data_blocked(3, 9), E.STREAM_STATE_ERROR, "§19.13 send-only"),
    (b"\x12\xd0\0\0\0\0\0\0\1", E.FRAME_ENCODING_ERROR, "§19.11"),
    (b"\x18\x01\x02\x01\x00" + TOKEN, E.FRAME_ENCODING_ERROR, "§19.15 retire more than given"),
    (b"\x06\x00\x09x", E.FRAME_ENCODING_ERROR, "§19 cut short"),
    (b"\x21", E.FRAME_ENCODING_ERROR, "§12.4 not known"),
    (b"\x40\x01", E.FRAME_ENCODING_ERROR, "§12.4 not the shortest form"),
    (b"", E.PROTOCOL_VIOLATION, "§12.4 no frames"),
    (f.encode_ack([(1 << 40, 1 << 40)], 0), E.PROTOCOL_VIOLATION, "§13.1 not sent"),
    (f.encode_retire_connection_id(99), E.PROTOCOL_VIOLATION, "§19.16 not issued"),
    (
        b"".join([f.encode_new_connection_id(n, 0, bytes([n]) * 8, bytes([n]) * 16) for n in range(4, 9)]),
        E.CONNECTION_ID_LIMIT_ERROR,
        "§5.1.1",
    ),
    (
        f.encode_new_connection_id(1, 0, b"b" * 8, TOKEN),
        E.PROTOCOL_VIOLATION,
        "§19.15 one number for two",
    ),
    (
        f.encode_new_connection_id(9, 5, b"a" * 8, TOKEN) + f.encode_new_connection_id(10, 5, b"a" * 8, TOKEN),
        E.PROTOCOL_VIOLATION,
        "§19.15 one ID under two",
    ),
    (f.encode_datagram(b"x"), E.PROTOCOL_VIOLATION, "RFC 9221 §3 not offered"),
    (f.encode_crypto(1 << 20, b"x"), E.CRYPTO_BUFFER_EXCEEDED, "§7.5"),
    (f.encode_crypto(0, b"\x18\0\0\1\0"), E.CRYPTO_ERROR + 10, "RFC 9001 §6 KeyUpdate is 0x10a"),
]


def ended(network: Network, to_server: bool) -> int:
    """The code that an end closed with."""
    connection = network.server if to_server else network.client
    assert connection.closing.state is End.CLOSING
    (closed,) = [event for event in connection.take_events() if isinstance(event, ConnectionClosed)]
    assert not closed.by_peer
    assert not closed.application
    assert any(out.data for out in connection.datagrams_to_send(network.now, 1 << 16))
    return closed.code


@pytest.mark.parametrize(("frames", "code", "why"), TO_SERVER, ids=lambda value: value if isinstance(value, str) else "")
def test_a_client_that_breaks_a_rule(frames: bytes, code: int, why: str) -> None:
    network = connect()
    network.inject(True, forge(network.client, frames))
    assert ended(network, True) == code


#: The same for what only servers can do, or do to streams of the client.
TO_CLIENT = [
    (f.encode_stream(0, 0, b"x", False), E.STREAM_STATE_ERROR, "§19.8 a stream of the client's, not opened"),
    (f.encode_stream(2, 0, b"x", False), E.STREAM_STATE_ERROR, "§19.8 send-only"),
    (f.encode_stream(1 | 400, 0, b"x", False), E.STREAM_LIMIT_ERROR, "§4.6"),
    (b"\x07\x00", E.FRAME_ENCODING_ERROR, "§19.7 an empty token"),
    (f.encode_crypto(0, b"\x0d\0\0\0"), E.PROTOCOL_VIOLATION, "RFC 9001 §4.4 authentication after the handshake"),
    (f.encode_crypto(0, b"\x18\0\0\1\0"), E.CRYPTO_ERROR + 10, "RFC 9001 §6 KeyUpdate is 0x10a"),
    (
        f.encode_crypto(0, b"\4\0\0\x16\0\0\1\0" + bytes(4) + b"\0\0\1t\0\x08\0\x2a\0\4\0\0\0\1"),
        E.PROTOCOL_VIOLATION,
        "RFC 9001 §4.6.1 early data size",
    ),
    (f.encode_new_connection_id(9, 9, b"x" * 8, TOKEN) + f.encode_retire_connection_id(77), E.PROTOCOL_VIOLATION, "§19.16"),
]


@pytest.mark.parametrize(("frames", "code", "why"), TO_CLIENT, ids=lambda value: value if isinstance(value, str) else "")
def test_a_server_that_breaks_a_rule(frames: bytes, code: int, why: str) -> None:
    network = connect()
    if frames[0] == 6:  # behind the tickets, which took offsets
        tickets = network.server.crypto[2]._out.next
        frames = f.encode_crypto(tickets, frames[3:])
    network.inject(False, forge(network.server, frames))
    assert ended(network, False) == code


@pytest.mark.parametrize("bit", [0x08, 0x10])
def test_reserved_bits_that_are_set(bit: int) -> None:
    network = connect()
    network.inject(True, forge(network.client, b"\x01", first=bit))
    assert ended(network, True) == E.PROTOCOL_VIOLATION


@pytest.mark.parametrize("frame", [b"\x08\x00x", f.encode_max_data(9), b"\x1e", b"\x1d\x00\x00", f.encode_path_challenge(bytes(8))])
def test_frames_that_initial_packets_do_not_hold(frame: bytes) -> None:
    network = connect_half()
    network.inject(True, forge(network.client, frame, PacketType.INITIAL, pad=1200))
    assert ended(network, True) == E.PROTOCOL_VIOLATION


def connect_half() -> Network:
    """The server has the ClientHello, the client has nothing yet."""
    import random

    from tests.kit.quic import Conditions, Idle, Serve, make_client, make_endpoint

    chance = random.Random(5)
    network = Network(5, Conditions(), make_client(chance), Idle(), make_endpoint(chance), Serve())
    network.flush()
    network.step()
    assert len(network.endpoint) == 1
    return network


def test_an_initial_in_a_small_datagram_after_the_first() -> None:
    network = connect_half()
    closing = f.encode_connection_close(0, 0, b"", False)
    before = network.server.received[0].largest
    network.inject(True, forge(network.client, closing, PacketType.INITIAL))
    assert (network.server.received[0].largest, network.server.is_closed) == (before, False)
    network.inject(True, forge(network.client, closing, PacketType.INITIAL, pad=1200))
    assert network.server.is_closed  # the same in a datagram that is large enough


def test_a_missing_alpn_is_0x178() -> None:
    import random

    from tests.kit.quic import Conditions, Idle, Serve, client_tls, make_client, make_endpoint

    chance = random.Random(6)
    client = make_client(chance, tls=client_tls(chance, alpn=(b"other",)))
    idle = Idle()
    network = Network(6, Conditions(), client, idle, make_endpoint(chance), Serve())
    network.run(3.0)
    (closed,) = [event for event in idle.events if isinstance(event, ConnectionClosed)]
    assert (closed.code, closed.by_peer) == (0x178, True)


def test_streams_are_limited_by_what_was_closed() -> None:
    limits = StreamLimits(bidirectional=2)
    network = connect(config=QuicConfig(limits=limits))
    for _ in range(4):
        network.client.send_stream_data(network.client.open_stream(False), b"1", True)
        network.run(1.0)
    assert network.server.closing.state is End.ACTIVE
    network.inject(True, forge(network.client, f.encode_stream(24, 0, b"x", False)))
    assert ended(network, True) == E.STREAM_LIMIT_ERROR


def test_errors_show_their_code() -> None:
    error = QuicTransportError(E.FLOW_CONTROL_ERROR, "why", 8)
    assert (error.code, error.reason, error.frame_type) == (3, "why", 8)
    assert "0x3" in str(error)
