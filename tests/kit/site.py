# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A raw server on the test's own loop: it listens, and what its connections answer is the test's business."""

from __future__ import annotations

import socket
from typing import final

from sws.net.pool import Origin
from sws.os.poller.base import READ
from tests.kit.client import ClientRig
from tests.kit.driver import Client

__all__ = ["EMPTY", "Site"]

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@final
class Site:
    """A listener on the rig's loop; its connections are scripted by the test."""

    def __init__(self, rig: ClientRig, path: str | None = None) -> None:
        self._rig = rig
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.origin = Origin("http", "127.0.0.1", self._listener.getsockname()[1])
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen()
            self.origin = Origin("http", "a.example", 80, path)
        self._listener.setblocking(False)
        self.peers: list[Client] = []
        #: Answers each request at once.
        self.answering = True
        rig.loop.watch(self._listener.fileno(), READ, self._accept)
        rig.loop.add_turn_hook(self._answer)

    def _accept(self, _mask: int) -> None:
        sock = self._listener.accept()[0]
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the kernel's real time gets into ours
        self.peers.append(self._rig.attach(sock))

    def _answer(self) -> None:
        if self.answering:
            for peer in self.peers:
                if peer.received.endswith(b"\r\n\r\n") and peer.sock.fileno() >= 0:
                    self.answer(peer)

    def answer(self, peer: Client) -> None:
        """A whole response."""
        peer.received.clear()
        peer.send(EMPTY)

    def close(self) -> None:
        """Listen no more."""
        if self._listener.fileno() >= 0:
            self._rig.loop.unwatch(self._listener.fileno())
            self._listener.close()
