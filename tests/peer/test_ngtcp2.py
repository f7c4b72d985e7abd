# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Debian's ngtcp2 client against our server, and our client against its server, over loopback.

Both speak HTTP/3 only; `TinyServer` and the request below have just as much of it as is needed.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sws.net.quic import ClientDriver
from sws.os.datagrams import QuicSocket, open_quic_socket
from sws.os.loop import Loop
from sws.proto.quic.api import ConnectionClosed, HandshakeDone, QuicEvent, StreamData
from sws.proto.quic.client import ClientConnection
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.varint import encode_varint
from tests.kit.peers import peer
from tests.kit.quic import client_tls, credential, private_key
from tests.kit.quic_live import LiveServer, TinyServer, live_endpoint

pytestmark = [pytest.mark.peer, pytest.mark.slow]

OCTETS = 2_000_000


@contextmanager
def serving(
    retry_above: int = 64, suites: tuple[int, ...] = (0x1303, 0x1301, 0x1302), config: QuicConfig | None = None
) -> Iterator[LiveServer]:
    """Our server in a thread."""
    loop = Loop()
    endpoint = live_endpoint(credential()[0], config or QuicConfig(), suites=suites, retry_above=retry_above)
    server = LiveServer(loop, endpoint, lambda connection: TinyServer(connection, OCTETS))
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield server
    finally:
        loop.call_from_thread(loop.stop)
        thread.join()
        server.close()
        loop.close()


def download(server: LiveServer, tmp_path: Path, *options: str) -> tuple[int, str]:
    """What ngtcp2's client got, and what it said."""
    program = peer("gtlsclient")
    command = [
        program,
        "--exit-on-all-streams-close",
        "--no-quic-dump",
        "--no-http-dump",
        f"--download={tmp_path}",
        *options,
        "127.0.0.1",
        str(server.port),
        f"https://localhost:{server.port}/file",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr[-2000:]
    return (tmp_path / "file").stat().st_size, done.stderr


@pytest.mark.parametrize("retry_above", [64, 0])
@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
def test_download(tmp_path: Path, suite: int, retry_above: int) -> None:
    with serving(retry_above, (suite,)) as server:
        size, _ = download(server, tmp_path)
        assert size == OCTETS
        content = (tmp_path / "file").read_bytes()
        assert content == (bytes(range(256)) * (OCTETS // 256 + 1))[:OCTETS]


def test_download_with_losses(tmp_path: Path) -> None:
    with serving() as server:
        assert download(server, tmp_path, "--tx-loss=0.02", "--rx-loss=0.02")[0] == OCTETS


def test_download_while_both_change_keys(tmp_path: Path) -> None:
    with serving(config=QuicConfig(key_update_after=200)) as server:
        assert download(server, tmp_path, "--key-update=20ms")[0] == OCTETS


def test_download_while_the_client_moves(tmp_path: Path) -> None:
    with serving() as server:
        assert download(server, tmp_path, "--change-local-addr=50ms", "--delay-stream=200ms")[0] == OCTETS


def test_resumption_with_early_data(tmp_path: Path) -> None:
    files = (f"--session-file={tmp_path / 'session'}", f"--tp-file={tmp_path / 'tp'}")
    with serving() as server:
        download(server, tmp_path, *files)
        (tmp_path / "file").unlink()
        size, said = download(server, tmp_path, *files)
        assert size == OCTETS
        assert "early data was rejected" not in said.lower()


class H3Get:
    """One request of HTTP/3."""

    def __init__(self) -> None:
        self.body = b""
        self.alpn = b""
        self.closed: ConnectionClosed | None = None
        self.connection: ClientConnection | None = None

    def on_events(self, events: list[QuicEvent], now: float) -> None:
        connection = self.connection
        assert connection is not None
        for event in events:
            if isinstance(event, HandshakeDone):
                self.alpn = event.alpn
                connection.send_stream_data(connection.open_stream(True), b"\x00\x04\x00")
                head = bytes((0, 0, 0xD1, 0xD7, 0x50, 9)) + b"localhost" + bytes((0x51, 5)) + b"/file"
                connection.send_stream_data(connection.open_stream(False), b"\x01" + encode_varint(len(head)) + head, True)
            elif isinstance(event, StreamData):
                connection.consumed(event.stream, len(event.data))
                if event.stream == 0:
                    self.body += event.data
                    if event.fin:
                        connection.close(0x100, "done")
            elif isinstance(event, ConnectionClosed):
                self.closed = event


@pytest.mark.parametrize("version", [1, 0x6B3343CF])
def test_our_client(tmp_path: Path, version: int) -> None:
    program = peer("gtlsserver")
    (tmp_path / "k.pem").write_text(private_key().to_pem())
    (tmp_path / "c.pem").write_text(credential()[1].to_pem())
    (tmp_path / "file").write_bytes(os.urandom(500_000))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--quiet", f"--htdocs={tmp_path}", "127.0.0.1", str(port), str(tmp_path / "k.pem"), str(tmp_path / "c.pem")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loop = Loop()
    try:
        time.sleep(0.5)
        with open_quic_socket("127.0.0.1", 0) as sock:
            io = QuicSocket(sock)
            tls = replace(client_tls(random.Random(1), alpn=(b"h3",)), entropy=os.urandom)
            connection = ClientConnection(
                QuicConfig(idle_timeout=5.0),
                tls,
                io.local,
                ("127.0.0.1", port),
                os.urandom(8),
                lambda: (os.urandom(8), os.urandom(16)),
                lambda _: None,
                os.urandom,
                loop.now,
                version=version,
            )
            app = H3Get()
            app.connection = connection
            driver = ClientDriver(loop, io, connection, app)
            end = time.monotonic() + 15
            while not driver.is_over and time.monotonic() < end:
                loop.turn(0.05)
            driver.shut()
            assert app.closed == ConnectionClosed(0x100, "done", False, True)
            assert app.alpn == b"h3"
            assert (tmp_path / "file").read_bytes() in app.body
    finally:
        loop.close()
        server.terminate()
        server.wait()
