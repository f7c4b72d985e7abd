# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Listening sockets: opening them for the configuration's addresses, and accepting from them in a worker."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final, final

from sws.config.addresses import ListenAddress
from sws.exchange.exchange import PeerFacts
from sws.os.loop import Loop
from sws.os.poller.base import EXCLUSIVE, READ
from sws.os.sockets import ACCEPT_BATCH, AcceptPause, ListenError, accept_batch, begin_to_listen, bind_tcp, listen_tcp, listen_unix

__all__ = ["Acceptor", "open_beside", "open_datagrams", "open_for_newcomer", "open_listener", "shown_url"]

PAUSE_SECONDS: Final = 0.25
_DRAIN_BATCHES: Final = 64
_PORT_ATTEMPTS: Final = 8  # a free TCP port whose number is taken for UDP


def open_listener(address: ListenAddress, *, reuse_port: bool) -> socket.socket:
    """A listening socket.

    Args:
      address:     where.
      reuse_port:  whether further sockets may be bound to the same address (SO_REUSEPORT).
    Raises: ListenError.
    """
    if address.is_unix:
        return listen_unix(address.host)
    return listen_tcp(address.host, address.port, reuse_port=reuse_port)


def open_for_newcomer(address: ListenAddress, port: int) -> socket.socket:
    """One more TCP socket on a port that others listen on, for a worker to come: connections reach it when that worker accepts.

    Raises: ListenError.
    """
    return bind_tcp(address.host, port, reuse_port=True)


def open_datagrams(address: ListenAddress, *, reuse_port: bool, port: int) -> socket.socket:
    """The UDP socket beside a TCP one, for HTTP/3.  Raises: ListenError."""
    from sws.os.datagrams import open_quic_socket  # here: who serves no https does not pay for it at the start

    try:
        return open_quic_socket(address.host, port, reuse_port=reuse_port)
    except OSError as error:
        raise ListenError(f"UDP port {port} of {address.host} cannot be had: {error.strerror}") from None


def open_beside(address: ListenAddress, *, reuse_port: bool, datagrams: bool) -> tuple[list[socket.socket], list[socket.socket]]:
    """A listening socket, and for https a UDP socket with the same port.

    Args:
      datagrams:  whether UDP sockets are wanted.
    Raises: ListenError.
    """
    if not address.is_secure or not datagrams:
        return [open_listener(address, reuse_port=reuse_port)], []
    for attempt in range(_PORT_ATTEMPTS):
        sock = open_listener(address, reuse_port=reuse_port)
        try:
            return [sock], [open_datagrams(address, reuse_port=reuse_port, port=sock.getsockname()[1])]
        except ListenError:
            sock.close()
            if address.port or attempt == _PORT_ATTEMPTS - 1:
                raise
    raise AssertionError


def shown_url(address: ListenAddress, sock: socket.socket) -> str:
    """The address's URL with the port that was really bound."""
    if address.is_unix:
        return f"unix:{address.host}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{address.scheme}://{host}:{sock.getsockname()[1]}"


@final
class Acceptor:
    """Accepts from one listening socket in a worker's loop.

    Args:
      sock:       bound, or listening already; shared or not.
      connected:  called with each accepted socket and what is known of its peer.
      paused:     called when descriptors ran out.
      room:       how many more connections there may be now; newcomers beyond wait in the kernel's queue.
    Raises: OSError if it cannot listen.
    """

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        connected: Callable[[socket.socket, PeerFacts], None],
        paused: Callable[[], None],
        room: Callable[[], int] = lambda: ACCEPT_BATCH,
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._connected = connected
        self._paused = paused
        self._room = room
        self._open = True
        self._local = _name_of(sock)
        begin_to_listen(sock)
        loop.watch(sock.fileno(), READ | EXCLUSIVE, self._on_ready)

    def _on_ready(self, _mask: int) -> None:
        self._accept()

    def _accept(self) -> int:
        """One batch; returns how many came.  What fails for one costs the others nothing."""
        try:
            room = self._room()
            if room <= 0:
                self.pause(PAUSE_SECONDS)
                return 0
            accepted = accept_batch(self._sock, min(room, ACCEPT_BATCH))
        except AcceptPause:
            self.pause(PAUSE_SECONDS)
            self._paused()
            return 0
        for sock, address in accepted:
            if isinstance(address, tuple):
                facts = PeerFacts(address[0].removeprefix("::ffff:"), address[1], self._local)
            else:
                facts = PeerFacts("unix", 0, self._local)
            try:
                self._connected(sock, facts)
            except Exception as error:
                sock.close()
                self._loop.on_error(error)
        return len(accepted)

    def pause(self, seconds: float) -> None:
        """Leave newcomers in the kernel's queue for a while."""
        if self._open:
            self._loop.unwatch(self._sock.fileno())
            self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if self._open:
            self._loop.watch(self._sock.fileno(), READ | EXCLUSIVE, self._on_ready)

    def drain(self) -> None:
        """Accept what is queued, then accept no more; the socket stays open for others who have it."""
        if self._open:
            for _ in range(_DRAIN_BATCHES):
                if self._accept() < ACCEPT_BATCH:
                    break
            self.close()

    def close(self) -> None:
        """Stop accepting."""
        if self._open:
            self._open = False
            self._loop.unwatch(self._sock.fileno())


def _name_of(sock: socket.socket) -> str:
    name = sock.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
