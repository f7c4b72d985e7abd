# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our client's role over real UDP: `sws benchmark --http 3` against others' servers, over a good and a bad network.

aioquic's, ngtcp2's and quic-go's (caddy); nginx's own and haproxy's own where SWS_NGINX and SWS_HAPROXY name programs that have HTTP/3.
"""

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


def ngtcp2(folder: pathlib.Path, port: int) -> list[str]:
    return [peer("gtlsserver"), "--quiet", f"--htdocs={folder}", "127.0.0.1", str(port), str(folder / "k.pem"), str(folder / "c.pem")]


def quic_go(folder: pathlib.Path, port: int) -> list[str]:
    """In caddy."""
    (folder / "Caddyfile").write_text(
        "{\nauto_https off\nadmin off\ndefault_sni example.org\n}\n"
        f"https://:{port} {{\ntls {folder}/c.pem {folder}/k.pem\nroot * {folder}\nfile_server\n}}\n"
    )
    return [peer("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def nginx(folder: pathlib.Path, port: int) -> list[str]:
    """Its own QUIC; with a Retry."""
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}"
        f"server {{\nlisten 127.0.0.1:{port} quic;\nquic_retry on;\nroot {folder};\n"
        f"ssl_certificate {folder}/c.pem;\nssl_certificate_key {folder}/k.pem;\n}}\n}}\n"
    )
    return [os.environ["SWS_NGINX"], "-c", str(folder / "nginx.conf")]


def haproxy(folder: pathlib.Path, port: int) -> list[str]:
    """Its own QUIC."""
    (folder / "both.pem").write_text((folder / "c.pem").read_text() + (folder / "k.pem").read_text())
    (folder / "haproxy.cfg").write_text(
        "global\nnbthread 1\ntune.bufsize 131072\ndefaults\nmode http\ntimeout client 30s\n"
        f"frontend all\nbind quic4@127.0.0.1:{port} ssl crt {folder}/both.pem alpn h3\n"
        f"http-request return status 200 content-type text/plain file {folder}/file\n"
    )
    return [os.environ["SWS_HAPROXY"], "-f", str(folder / "haproxy.cfg")]


COMMANDS = {"ngtcp2": ngtcp2, "quic-go": quic_go}
if "SWS_NGINX" in os.environ:
    COMMANDS["nginx"] = nginx
if "SWS_HAPROXY" in os.environ:
    COMMANDS["haproxy"] = haproxy


def is_taken(port: int) -> bool:
    """Whether somebody has that port of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


@pytest.fixture(scope="module", params=["aioquic", *COMMANDS])
def port(pair: pathlib.Path, request: pytest.FixtureRequest) -> Iterator[int]:
    """Where a server listens."""
    if request.param == "aioquic":
        yield request.getfixturevalue("aioquic_port")
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = COMMANDS[request.param](pair, port)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(pair)}) as server:
        until = time.monotonic() + 10
        while not is_taken(port):
            assert server.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield port
        server.terminate()


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


@pytest.mark.parametrize("network", NETWORKS)
def test_our_client(port: int, network: str) -> None:
    with UdpProxy(port, NETWORKS[network]) as proxy:
        # A port that changes within a handshake may end it: ngtcp2 takes no packets from elsewhere until then (RFC 9000 §9).
        found = benchmark(proxy.port, *(("--duration", "5") if network == "rebinding" else ("--requests-per-connection", "20")))
    assert found["errors"] == {}
    assert set(found["statuses"]) == {"200"}
    answered = found["requests"]["succeeded"]
    assert answered >= 10
    assert found["octets"] >= answered * len(CONTENT)
