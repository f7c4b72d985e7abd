# SPDX-License-Identifier: Apache-2.0 OR MIT
"""MUSTs of RFC 9001 that no other test shows; docs/requirements/rfc9001.yaml says which is which."""

from __future__ import annotations

import pytest

from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.versions import PacketType
from tests.kit.quic import forge
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
