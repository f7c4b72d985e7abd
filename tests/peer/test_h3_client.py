# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our client's role over real UDP: `sws benchmark --http 3` against aioquic's server and ngtcp2's, over a good and a bad network."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.peers import peer
from tests.kit.quic import credential, private_key
from tests.kit.server import ROOT
from tests.kit.udp_proxy import Faults, UdpProxy

pytestmark = [pytest.mark.peer, pytest.mark.slow]

CONTENT = bytes(range(256)) * 200


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with key, certificate and a file."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "k.pem").write_text(private_key().to_pem())
    (folder / "c.pem").write_text(credential()[1].to_pem())
    (folder / "file").write_bytes(CONTENT)
    return folder


@pytest.fixture(scope="module")
def aioquic_port(pair: pathlib.Path) -> Iterator[int]:
    """aioquic's server in a thread: every request gets CONTENT."""
    pytest.importorskip("aioquic")
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.asyncio.server import serve
    from aioquic.h3.connection import H3Connection
    from aioquic.h3.events import HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import ProtocolNegotiated

    class Server(QuicConnectionProtocol):
        http: H3Connection | None = None

        def quic_event_received(self, event: Any) -> None:
            if isinstance(event, ProtocolNegotiated):
                self.http = H3Connection(self._quic)
            if self.http is not None:
                for found in self.http.handle_event(event):
                    if isinstance(found, HeadersReceived):
                        self.http.send_headers(found.stream_id, [(b":status", b"200")])
                        self.http.send_data(found.stream_id, CONTENT, True)
                self.transmit()

    loop = asyncio.new_event_loop()
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(str(pair / "c.pem"), str(pair / "k.pem"))
    ports: list[int] = []
    begun, ended = threading.Event(), asyncio.Event()

    async def run() -> None:
        server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Server, retry=True)
        ports.append(server._transport.get_extra_info("sockname")[1])
        begun.set()
        await ended.wait()
        server.close()
        await asyncio.sleep(0.1)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    begun.wait(10)
    yield ports[0]
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def ngtcp2_port(pair: pathlib.Path) -> Iterator[int]:
    """ngtcp2's server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [peer("gtlsserver"), "--quiet", f"--htdocs={pair}", "127.0.0.1", str(port), str(pair / "k.pem"), str(pair / "c.pem")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    yield port
    server.terminate()
    server.wait()


def benchmark(port: int, *options: str) -> dict[str, Any]:
    """What our client found, in a second unless the options say otherwise."""
    command = [sys.executable, "-m", "sws", "benchmark", "--http", "3", "--no-progress", "--json", "-", "--concurrency", "4"]
    command += ["--url", f"https://127.0.0.1:{port}/file", "--duration", "1", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


NETWORKS = {
    "good": Faults(),
    "loss": Faults(loss=0.02, delay=0.005),
    "corruption": Faults(corrupt=0.02, delay=0.005),
    "rebinding": Faults(rebind=2.0, delay=0.005),
}


@pytest.mark.parametrize("server", ["aioquic", "ngtcp2"])
@pytest.mark.parametrize("network", NETWORKS)
def test_our_client(server: str, network: str, request: pytest.FixtureRequest) -> None:
    with UdpProxy(request.getfixturevalue(f"{server}_port"), NETWORKS[network]) as proxy:
        # A port that changes within a handshake may end it: ngtcp2 takes no packets from elsewhere until then (RFC 9000 §9).
        found = benchmark(proxy.port, *(("--duration", "5") if network == "rebinding" else ("--requests-per-connection", "20")))
    assert found["errors"] == {}
    assert set(found["statuses"]) == {"200"}
    answered = found["requests"]["succeeded"]
    assert answered >= 10
    assert found["octets"] >= answered * len(CONTENT)
