# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our TLS engine over a blocking socket, and against Python's ssl in memory.

stream = TlsStream(socket.create_connection(…), ClientConnection(config, 0.0)).handshake()
stream.write(b"…"); stream.read(); stream.close()

with listening(lambda sock: …) as port:     what it does with the one connection runs in a thread; its failure fails the test
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

from sws.base.errors import TlsAlert
from sws.proto.tls import TlsConnection

__all__ = ["SslEnd", "TlsStream", "converse", "listening"]

SECONDS = 20.0


@final
class TlsStream:
    """One connection."""

    def __init__(self, sock: socket.socket, tls: TlsConnection) -> None:
        sock.settimeout(SECONDS)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock = sock
        self.tls = tls
        self.plain = bytearray()

    def flush(self) -> TlsStream:
        """Send what is ready."""
        while out := self.tls.data_to_send(1 << 16):
            self.sock.sendall(b"".join(out))
        return self

    def step(self) -> bool:
        """Receive once and answer; False at the end of the peer's half.  Raises: TlsAlert that ended the connection."""
        data = self.sock.recv(1 << 16)
        if data:
            for part in self.tls.receive(data, 0.0):
                self.plain += part
        else:
            self.tls.receive_eof(0.0)
        self.flush()
        alert = self.tls.alert_received or self.tls.alert_sent
        if alert is not None:
            raise TlsAlert(alert.description, f"{'received' if self.tls.alert_received else 'sent'}: {alert.reason}")
        return not self.tls.peer_closed

    def handshake(self) -> TlsStream:
        """Up to its end."""
        try:
            self.flush()
            while not self.tls.complete:
                if not self.step() and not self.tls.complete:
                    raise ConnectionError("the peer closed in the handshake")
        except BaseException:
            self.sock.close()
            raise
        return self

    def write(self, data: bytes) -> TlsStream:
        """Send all of it."""
        self.tls.send((data,))
        return self.flush()

    def read_exactly(self, octets: int) -> bytes:
        """So many octets."""
        while len(self.plain) < octets:
            if not self.step() and len(self.plain) < octets:
                raise ConnectionError(f"the peer closed after {bytes(self.plain)!r}")
        found = bytes(self.plain[:octets])
        del self.plain[:octets]
        return found

    def read_line(self) -> bytes:
        """A line with its end."""
        while b"\n" not in self.plain:
            self.read_more()
        return self.read_exactly(self.plain.index(b"\n") + 1)

    def read_more(self) -> None:
        """Some more plaintext."""
        size = len(self.plain)
        while len(self.plain) == size:
            if not self.step() and len(self.plain) == size:
                raise ConnectionError(f"the peer closed after {bytes(self.plain)!r}")

    def read_all(self) -> bytes:
        """Up to the peer's close_notify; a transport that ends without one is an error."""
        while not self.tls.peer_closed and self.step():
            pass
        if self.tls.truncated:
            raise ConnectionError("no close_notify")
        found = bytes(self.plain)
        self.plain.clear()
        return found

    def finish(self) -> None:
        """Half-close, and wait for the peer to go: what closes too soon resets, and takes from the peer what it had not read."""
        self.tls.close()
        self.flush()
        while not self.tls.peer_closed and self.step():
            pass
        self.sock.close()

    def close(self) -> None:
        """close_notify, as far as somebody is there to take it, then the socket."""
        try:
            if not self.tls.failed:
                self.tls.close()
                self.flush()
        except OSError:
            pass
        self.sock.close()


@contextmanager
def listening(serve: Callable[[socket.socket], None], connections: int = 1) -> Iterator[int]:
    """A listener on loopback; each connection is served in turn by a thread.  Yields: the port."""
    failures: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(SECONDS)

        def run() -> None:
            try:
                for _ in range(connections):
                    sock = listener.accept()[0]
                    with sock:
                        serve(sock)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(SECONDS)
    if failures:
        raise failures[0]
    if thread.is_alive():
        raise AssertionError("the thread of the server hangs")


@final
class SslEnd:
    """Python's ssl without a socket."""

    def __init__(self, context: ssl.SSLContext, server_side: bool, name: str | None = None, session: ssl.SSLSession | None = None) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._in, self._out, server_side=server_side, server_hostname=name, session=session)
        self.complete = False
        self.closed = False
        self.plain = bytearray()
        self.error: ssl.SSLError | None = None

    def step(self, data: bytes) -> bytes:
        """Ciphertext in, ciphertext out; nothing more once it failed."""
        if self.error is not None:
            return b""
        if data:
            self._in.write(data)
        try:
            if not self.complete:
                self.object.do_handshake()
                self.complete = True
            while part := self.object.read(1 << 16):
                self.plain += part
            self.closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        except ssl.SSLError as error:
            self.error = error
        return self._out.read()

    def write(self, data: bytes) -> None:
        """Plaintext to send at the next step."""
        self.object.write(data)

    def close(self) -> None:
        """close_notify at the next step."""
        try:
            self.object.unwrap()
        except ssl.SSLWantReadError:
            pass


def converse(tls: TlsConnection, end: SslEnd) -> bytes:
    """Pass octets to and fro until neither says more.  Returns: the plaintext that came to our end."""
    plain: list[bytes] = []
    quiet = 0
    while quiet < 2:
        ours = b"".join(tls.data_to_send(1 << 20))
        theirs = end.step(ours)
        if theirs:
            plain += tls.receive(theirs, 0.0)
        quiet = 0 if ours or theirs else quiet + 1
    return b"".join(plain)
