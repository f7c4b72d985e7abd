# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reloads under HTTP/2 over TLS: each request is answered once, or its stream is beyond the number of the last GOAWAY and it is sent again.

The clients speak raw frames.  Their windows are small, so that a response takes many round trips and is under way when a reload comes.
"""

from __future__ import annotations

import collections
import json
import pathlib
import socket
import ssl
import threading
import time
from signal import SIGHUP

import hpack
import pytest

from tests.kit.h2_peer import (
    ACK,
    DATA,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ACK,
    Frame,
    frame,
    headers,
    parse,
    settings,
    window_update,
)
from tests.kit.server import serving

pytestmark = pytest.mark.slow

CONTENT = b"0123456789" * 2000
AT_ONCE = 8
CLIENTS = 4
RELOADS = 3


class Connection:
    """One connection of a client.

    Attributes:
      asked:  stream -> what was asked, and is not answered yet.
      last:   what the last GOAWAY said, or None: as long as there was none, streams may be opened.
    """

    def __init__(self, port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname="localhost")
        assert self.sock.selected_alpn_protocol() == "h2"
        self.sock.sendall(PREFACE + settings((4, 4096)))
        self.asked: dict[int, str] = {}
        self.last: int | None = None
        self.content: dict[int, bytes] = {}
        self._decoder = hpack.Decoder()
        self._octets = b""
        self._next = 1

    def ask(self, name: str) -> None:
        self.asked[self._next] = name
        fields = (GET[0], (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", f"/big.txt?{name}".encode()))
        self.sock.sendall(headers(self._next, fields))
        self._next += 2

    def frames(self) -> list[Frame] | None:
        """What came; None at the connection's end."""
        try:
            part = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            part = b""
        if not part:
            return None
        self._octets += part
        end = 0
        while len(self._octets) >= end + 9 and len(self._octets) >= (stop := end + 9 + int.from_bytes(self._octets[end : end + 3], "big")):
            end = stop
        whole, self._octets = self._octets[:end], self._octets[end:]
        return parse(whole)

    def take(self, found: Frame) -> str | None:
        """A frame.  Returns: the request whose answer it completes."""
        reply = b""
        if found.type == SETTINGS and not found.flags & ACK:
            reply = SETTINGS_ACK
        elif found.type == PING and not found.flags & ACK:
            reply = frame(PING, ACK, 0, found.payload)
        elif found.type == GOAWAY:
            assert found.code == 0, found
            last = int.from_bytes(found.payload[:4], "big")
            assert self.last is None or last <= self.last
            self.last = last
        elif found.type == HEADERS:
            assert (":status", "200") in self._decoder.decode(found.payload), found
            self.content[found.stream] = b""
        elif found.type == DATA:
            self.content[found.stream] += found.payload
            size = len(found.payload)
            if size and not found.flags & END_STREAM:
                reply = window_update(found.stream, size) + window_update(0, size)
            elif size:
                reply = window_update(0, size)
        assert found.type != RST_STREAM, found
        if reply:
            self.sock.sendall(reply)
        if found.stream and found.flags & END_STREAM and found.type in (HEADERS, DATA):
            assert self.last is None or found.stream <= self.last, "answered, and said not to be"
            assert self.content.pop(found.stream) == CONTENT
            return self.asked.pop(found.stream)
        return None


class Client:
    """One connection after the other, with so many streams in flight."""

    def __init__(self, name: str, port: int, stop: threading.Event) -> None:
        self.name = name
        self.port = port
        self.stop = stop
        self.answered: collections.Counter[str] = collections.Counter()
        self.again: list[str] = []
        self.connections = 0
        self.asked = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set() or self.again:
                self._use(Connection(self.port))
        except BaseException as error:
            self.fault = error

    def _use(self, connection: Connection) -> None:
        self.connections += 1
        with connection.sock:
            while True:
                while connection.last is None and len(connection.asked) < AT_ONCE and (self.again or not self.stop.is_set()):
                    connection.ask(self.again.pop() if self.again else self._fresh())
                if not connection.asked:
                    return
                found = connection.frames()
                if found is None:
                    break
                for each in found:
                    name = connection.take(each)
                    if name is not None:
                        self.answered[name] += 1
                if connection.last is not None:
                    self._not_processed(connection)
        assert connection.asked == {}, "lost: the connection ended without an answer and without GOAWAY below these"

    def _not_processed(self, connection: Connection) -> None:
        for stream in [stream for stream in connection.asked if connection.last is not None and stream > connection.last]:
            self.again.append(connection.asked.pop(stream))

    def _fresh(self) -> str:
        self.asked += 1
        return f"{self.name}-{self.asked}"


def test_no_request_is_lost_or_answered_twice(tmp_path: pathlib.Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "big.txt").write_bytes(CONTENT)
    (tmp_path / "sws.yaml").write_text(
        "server: {listen: ['https://127.0.0.1:0'], tls: {self_signed: true}, log: {file: sws.log}, worker: {processes: 2}}\n"
    )
    log = tmp_path / "sws.log"
    stop = threading.Event()
    with serving([], tmp_path) as server:
        clients = [Client(f"c{number}", server.port, stop) for number in range(CLIENTS)]
        threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        for round_number in range(RELOADS):
            before = [sum(client.answered.values()) for client in clients]
            server.signal(SIGHUP)
            deadline = time.monotonic() + 20
            while log.read_bytes().count(b'"reloaded"') <= round_number or any(
                sum(client.answered.values()) < some + 2 * AT_ONCE and client.fault is None
                for client, some in zip(clients, before, strict=True)
            ):
                assert time.monotonic() < deadline
                time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join(20)
        assert [client.fault for client in clients] == [None] * CLIENTS
        assert server.stop() == 0
    for client in clients:
        assert client.connections > RELOADS - 1  # it had to leave a worker that went, once a reload at the most
        assert set(client.answered.values()) == {1}
        assert len(client.answered) == client.asked
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    logged = [(line["target"].partition("?")[2], line["status"]) for line in lines if line.get("msg") == "request"]
    assert sorted(logged) == sorted((name, 200) for client in clients for name in client.answered)
    assert [line for line in lines if line["lvl"] == "error"] == []
