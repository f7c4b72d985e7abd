# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS under a lane: a socket whose octets are protected, for who sends and receives as over any other.

    lane ── send, recv: plaintext ──▶ SecurePipe { TlsConnection } ── records ──▶ socket

What the socket does not take at once is kept as records.  Until they have left, `send` says that it cannot (BlockingIOError), and is to be
called again with the same octets, as soon as the socket is writable: then it counts them.  So a lane keeps no other books than for TCP.

The server's certificate is taken as it is: what is measured is a server that whoever measures has chosen.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Final, final

from sws.net.load.plan import LoadPlan
from sws.net.tls_keys import AnyPolicy
from sws.proto.tls import ClientConfig, ClientConnection, TlsConnection

__all__ = ["SecurePipe", "client_config"]

_CHUNK: Final = 65536


def client_config(plan: LoadPlan, wall: Callable[[], float]) -> ClientConfig:
    """What all connections of a plan say: the host that is asked for, unless it is an address (RFC 6066 §3), and the version by ALPN."""
    host = next(value for name, value in plan.requests[0].fields if name == b"host")
    name = host.partition(b":")[0]
    server_name = None if name.startswith(b"[") or not name.translate(None, b"0123456789.") else name
    alpn = {1: b"http/1.1", 2: b"h2", 3: b"h3"}[plan.http]
    return ClientConfig(policy=AnyPolicy(), wall=wall, server_name=server_name, alpn=(alpn,), entropy=os.urandom)


@final
class SecurePipe:
    """One connection.

    Args:
      sock:       connected, non-blocking.
      monotonic:  the clock.
    """

    __slots__ = ("_alpn", "_is_over", "_monotonic", "_owed", "_plain", "_rest", "_sock", "tls")

    def __init__(self, sock: socket.socket, config: ClientConfig, monotonic: Callable[[], float]) -> None:
        self._sock = sock
        self._alpn = config.alpn
        self._monotonic = monotonic
        self._plain = b""  # came with the end of the handshake
        self._rest = b""  # records that the socket has not taken
        self._is_over = False  # the server's end was announced
        self._owed = 0  # octets of plaintext in them that were not counted yet
        self.tls = ClientConnection(config, monotonic())

    # --- the handshake -----------------------------------------------------------------------------------------------

    def shake(self) -> bool:
        """A step of the handshake, when the socket is readable, and at the beginning.

        Returns: whether it is complete, and our part of it has left.
        Raises:  OSError if it failed, or the server speaks another protocol; who knows no ALPN speaks HTTP/1.1.
        """
        tls = self.tls
        try:
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            pass
        else:
            if not data:
                raise ConnectionResetError("the server closed during the handshake")
            self._plain += b"".join(tls.receive(data, self._monotonic()))
        self._push()
        if tls.failed or tls.peer_closed:
            raise ConnectionAbortedError(_alert(tls))
        if tls.complete and (tls.facts.alpn or b"http/1.1") not in self._alpn:
            raise ConnectionAbortedError(f"the server does not speak {self._alpn[0].decode()}")
        return tls.complete and not self._rest

    @property
    def holds_output(self) -> bool:
        """Records wait for the socket to be writable."""
        return bool(self._rest)

    @property
    def holds_input(self) -> bool:
        """Plaintext waits for `recv`, of which the socket tells nothing any more."""
        return bool(self._plain)

    # --- as a socket -------------------------------------------------------------------------------------------------

    def send(self, data: bytes | memoryview) -> int:
        """How many octets of plaintext have left.  Raises: BlockingIOError, OSError."""
        if not self._owed:
            self.tls.now = self._monotonic()
            chunk = bytes(data[:_CHUNK])
            self.tls.send((chunk,))
            self._owed = len(chunk)
        self._push()
        if self._rest:
            raise BlockingIOError
        count, self._owed = self._owed, 0
        return count

    def _push(self) -> None:
        """Seal what is there, and send what the socket takes."""
        self._rest += b"".join(self.tls.data_to_send(_CHUNK))
        if self._rest:
            try:
                self._rest = self._rest[self._sock.send(self._rest) :]
            except (BlockingIOError, InterruptedError):
                pass

    def recv(self, octets: int) -> bytes:
        """Plaintext; nothing at the end.  Raises: BlockingIOError, OSError if the server's end was not announced, or TLS failed."""
        if self._plain or self._is_over:
            plain, self._plain = self._plain, b""
            return plain
        tls = self.tls
        data = self._sock.recv(octets)
        if not data:
            raise ConnectionResetError("the server closed without close_notify")
        plain = b"".join(tls.receive(data, self._monotonic()))
        self._push()  # what TLS itself has to say: an answer to new keys, or an alert
        self._is_over = tls.peer_closed
        if plain:
            if self._is_over or tls.failed:
                self._sock.shutdown(socket.SHUT_RD)  # so that the socket is readable once more, and the end is found
        elif tls.failed:
            raise ConnectionAbortedError(_alert(tls))
        elif not self._is_over:
            raise BlockingIOError
        return plain

    def close(self) -> None:
        """Say so, and close."""
        if not self.tls.wants_close:
            self.tls.close()
        try:
            self._push()
        except OSError:
            pass
        self._sock.close()


def _alert(tls: TlsConnection) -> str:
    """Why it failed."""
    return f"TLS failed, {tls.alert_sent or tls.alert_received or 'the server left'}"
