# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our own TLS client over a blocking socket: for tests of the running server."""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Sequence
from typing import Any

from sws.crypto.x509 import Certificate, Roots
from sws.net.tls_keys import ChainPolicy
from sws.proto.tls import ClientConfig, ClientConnection, TlsConnection

__all__ = ["Anyone", "SecureSocket", "believing"]


class Anyone:
    """Believes every chain."""

    authorities: tuple[bytes, ...] = ()

    def check(self, chain: Sequence[bytes], _ocsp: bytes | None, _name: bytes | None) -> Any:
        """The key of the first certificate."""
        root = Certificate.from_der(chain[0])
        policy = ChainPolicy(Roots([root]), "serverAuth", time.time)
        return policy.key_of(root)


def believing(*roots: Certificate) -> ChainPolicy:
    """Believes these."""
    return ChainPolicy(Roots(roots), "serverAuth", time.time)


class SecureSocket:
    """One connection.  `ended` says how: "close_notify", "truncated", or the number of an alert."""

    def __init__(self, port: int, **changes: Any) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        facts: dict[str, Any] = {"policy": Anyone(), "wall": time.time, "server_name": b"localhost", "alpn": (b"http/1.1",)}
        self.tls: TlsConnection = ClientConnection(ClientConfig(**{**facts, **changes}), 0.0)
        self.plain = bytearray()

    def __enter__(self) -> SecureSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def flush(self) -> None:
        """Send what is to be sent."""
        data = b"".join(self.tls.data_to_send(1 << 20))
        if data:
            self.sock.sendall(data)

    def step(self) -> bool:
        """Send, then read once; False at the end."""
        self.flush()
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            self.tls.receive_eof(0.0)
            return False
        for part in self.tls.receive(data, 0.0):
            self.plain += part
        self.flush()
        return not self.tls.failed and not self.tls.peer_closed

    def connect(self) -> SecureSocket:
        """The handshake; returns when it is over, one way or the other."""
        while not self.tls.complete and self.step():
            pass
        return self

    @property
    def ended(self) -> str:
        """How it ended."""
        if self.tls.alert_received is not None:
            return f"alert {self.tls.alert_received.description}"
        if self.tls.alert_sent is not None:
            return f"our alert {self.tls.alert_sent.description}"
        return "truncated" if self.tls.truncated else "close_notify" if self.tls.peer_closed else "open"

    def ask(
        self, path: str = "/", method: str = "GET", host: str = "localhost", close: bool = True, more: str = ""
    ) -> tuple[int, Any, bytes]:
        """One request, its answer; reads up to the end if `close`."""
        ending = "Connection: close\r\n" if close else ""
        self.tls.send([f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{ending}\r\n".encode()])
        return self.answer(close)

    def answer(self, close: bool = True) -> tuple[int, Any, bytes]:
        """The next answer."""
        self.flush()
        while (close or not self._whole()) and self.step():
            pass
        response = http.client.HTTPResponse(_Fake(bytes(self.plain)))  # type: ignore[arg-type]
        response.begin()
        content = response.read()
        if not close:
            self.plain.clear()
        return response.status, response.headers, content

    def _whole(self) -> bool:
        head, separator, content = bytes(self.plain).partition(b"\r\n\r\n")
        if not separator:
            return False
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        return len(content) >= length


class _Fake:
    """What http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def makefile(self, *_: object) -> io.BytesIO:
        """The octets."""
        return self._file
