# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MUSTs of RFC 9001 that no other test shows; docs/requirements/rfc9001.yaml says which is which."""

from __future__ import annotations

import random

import pytest

from sws.base.datagrams import DatagramIn
from sws.proto.quic import frames as f
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.versions import PacketType
from tests.kit.quic import CLIENT, SERVER, forge, make_client, make_endpoint
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
