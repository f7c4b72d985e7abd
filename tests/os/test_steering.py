# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Datagrams reach the socket that their connection ID names, whatever address they come from."""

from __future__ import annotations

import random
import select
import socket
import sys
from contextlib import ExitStack

import pytest

from sws.os.datagrams import open_quic_socket
from sws.os.steering import steer
from sws.proto.quic.routing import first_octet


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="SO_ATTACH_REUSEPORT_CBPF is Linux's")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_steering(count: int) -> None:
    chance = random.Random(count)
    with ExitStack() as stack:
        first = stack.enter_context(open_quic_socket("127.0.0.1", 0, reuse_port=True))
        port = first.getsockname()[1]
        sockets = [first] + [stack.enter_context(open_quic_socket("127.0.0.1", port, reuse_port=True)) for _ in range(count - 1)]
        assert steer(first, count)
        for _ in range(30):
            place = chance.randrange(count)
            octet = first_octet(place, count, chance.randrange(256))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                for data in (
                    bytes((0x43, octet)) + chance.randbytes(30),
                    b"\xc3\0\0\0\1\x08" + bytes((octet,)) + chance.randbytes(30),
                ):
                    client.sendto(data, ("127.0.0.1", port))
                    assert select.select([sockets[place]], [], [], 2.0)[0]
                    assert sockets[place].recv(100) == data
                for short in (b"", b"\x80", b"\x43"):
                    client.sendto(short, ("127.0.0.1", port))
                    ready = select.select(sockets, [], [], 2.0)[0]
                    assert ready[0].recv(100) == short


def test_where_it_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_quic_socket("127.0.0.1", 0) as sock:
        assert not steer(sock, 0)
        assert not steer(sock, 257)
        monkeypatch.setattr(sys, "platform", "darwin")
        assert not steer(sock, 2)
    monkeypatch.undo()
    assert not steer(sock, 2)
