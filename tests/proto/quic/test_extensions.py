# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MUSTs of QUIC's extensions that no other test shows: datagrams (RFC 9221), the greased bit (RFC 9287)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sws.proto.quic import frames as f
from sws.proto.quic.api import DatagramReceived
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.parameters import decode_parameters, encode_parameters
from tests.kit.quic import Conditions, Download, Idle, Network, Serve, connect, forge, make_client, make_endpoint
from tests.kit.quic_downloads import network as downloading
from tests.kit.quic_downloads import resumed
from tests.proto.quic.test_rfc9000_beginnings import datagrams

TAKES = QuicConfig(datagram_frame=1000)


@pytest.mark.parametrize(("size", "is_taken"), [(997, True), (998, False)])
def test_a_datagram_frame_larger_than_was_announced(size: int, is_taken: bool) -> None:
    """RFC 9221 §3: the type and the length count."""
    network = connect(config=TAKES)
    network.inject(True, forge(network.client, f.encode_datagram(bytes(size))))
    assert network.server.closing.code == (0 if is_taken else ErrorCode.PROTOCOL_VIOLATION)


def test_datagrams_wait_for_the_peers_parameters_and_for_the_window() -> None:
    """RFC 9221 §3, §5.4"""
    chance = random.Random(1)
    client = make_client(chance, TAKES)
    assert (client.datagram_limit(), client.send_datagram(b"early")) == (0, False)
    server = Idle()
    network = Network(1, Conditions(), client, Idle(), make_endpoint(chance, config=TAKES), server)
    network.run(2.0)
    full = client.loss.congestion.window
    client.loss.in_flight += full
    assert client.send_datagram(b"patient")
    assert datagrams(client, network.now) == []
    client.loss.in_flight -= full
    network.run(1.0)
    assert [event.data for event in server.events if isinstance(event, DatagramReceived)] == [b"patient"]


def test_a_server_that_takes_no_datagrams_any_more() -> None:
    """RFC 9221 §3: less than what 0-RTT data could rely on."""
    first, kept = resumed()
    assert kept.parameters is not None
    remembered = replace(kept, parameters=replace(kept.parameters, max_datagram_frame_size=100))
    network, app = downloading(resumption=remembered, endpoint=first.endpoint, seed=5)
    network.run(2.0)
    assert app.closed is not None
    assert app.closed.code == ErrorCode.PROTOCOL_VIOLATION


@pytest.mark.parametrize("knows", [False, True])
def test_the_fixed_bit_is_0_only_for_a_peer_that_knows_of_it(knows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9287 §3.1: in short headers, which come behind the peer's parameters."""
    import sws.proto.quic.server as module

    kind = module._ServerHandshaking
    true = kind._parameters
    monkeypatch.setattr(
        kind, "_parameters", lambda self: encode_parameters(replace(decode_parameters(true(self), False), grease_quic_bit=knows))
    )
    chance = random.Random(3)
    client = make_client(chance, first_id=b"12345678")
    app = Download([1] * 300)
    network = Network(3, Conditions(), client, app, make_endpoint(chance), Serve())
    first: list[int] = []
    network.taps.append(lambda to_server, data, now: (first.append(data[0]) if to_server else None) or data)  # type: ignore[func-returns-value]
    network.run(20.0)
    assert app.is_done
    assert all(octet & 0x40 for octet in first if octet & 0x80)
    short = [octet for octet in first if not octet & 0x80]
    assert len(short) >= 20
    assert any(not octet & 0x40 for octet in short) is knows
