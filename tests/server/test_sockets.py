# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Sockets that are made for workers to come: nobody is sent there before they have come, and they go if these do not."""

from __future__ import annotations

import pathlib
import socket
import sys
from collections.abc import Iterator

import pytest

from sws.config.loader import override
from sws.config.model import Config
from sws.server.sockets import ListeningSockets

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="SO_REUSEPORT shares a load on Linux only")


@pytest.fixture
def config(tmp_path: pathlib.Path) -> Config:
    return override(Config(), {"server.listen": ["https://127.0.0.1:0"], "server.root": str(tmp_path), "server.tls.self_signed": True})


@pytest.fixture
def sockets() -> Iterator[ListeningSockets]:
    made = ListeningSockets()
    yield made
    made.close()


def udp(sockets: ListeningSockets, config: Config) -> list[socket.socket]:
    """In order of their places."""
    return [share.sock for share in sockets.datagrams_of(config, 0, 1)]


def reached(socks: list[socket.socket]) -> set[int]:
    """The places that newcomers' first packets come to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for octet in range(64):
            client.sendto(b"\xc3\0\0\0\1\x08" + bytes((octet,)) + bytes(20), socks[0].getsockname())
    places = set()
    for place, sock in enumerate(socks):
        sock.setblocking(False)
        try:
            while sock.recv(100):
                places.add(place)
        except BlockingIOError:
            pass
    return places


def test_newcomers_pass_what_nobody_reads_yet(sockets: ListeningSockets, config: Config) -> None:
    sockets.ensure(config, 2)
    assert reached(udp(sockets, config)) == {0, 1}
    sockets.settle()
    sockets.ensure(config, 4)
    socks = udp(sockets, config)
    assert len(socks) == 4
    assert reached(socks) == {0, 1}
    sockets.settle()
    assert reached(socks) == {0, 1, 2, 3}


def test_what_was_made_in_vain_goes(sockets: ListeningSockets, config: Config) -> None:
    sockets.ensure(config, 2)
    sockets.settle()
    sockets.ensure(config, 3)
    added = udp(sockets, config)[2], sockets.streams_of(config, 2, 3)[0]
    sockets.shrink()
    assert [sock.fileno() for sock in added] == [-1, -1]
    assert len(udp(sockets, config)) == len(sockets.streams_of(config, 0, 1)) == 2
    assert reached(udp(sockets, config)) == {0, 1}


def test_nothing_goes_before_the_first_workers_came(sockets: ListeningSockets, config: Config) -> None:
    sockets.ensure(config, 2)
    sockets.shrink()
    assert len(udp(sockets, config)) == 2


def test_an_address_that_is_gone(sockets: ListeningSockets, config: Config) -> None:
    sockets.ensure(config, 2)
    sockets.settle()
    other = override(config, {"server.listen": ["https://127.0.0.2:0"]})
    sockets.ensure(other, 2)
    sockets.close_unused(other)
    sockets.shrink()
    assert len(udp(sockets, other)) == 2
