# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3 of the running server with others' clients: aioquic, ngtcp2, Chromium.  RFC 9114"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import pathlib
import signal
import ssl
import subprocess
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.kit.chromium import browsing
from tests.kit.peers import peer
from tests.kit.server import ServerProcess, serving

pytestmark = [pytest.mark.peer, pytest.mark.slow]

ARGUMENTS = ("--listen", "https://127.0.0.1:0", "--self-signed", "--log-level", "warn")


@pytest.fixture
def state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder to serve, with a certificate of its own."""
    monkeypatch.setenv("SWS_STATE", str(tmp_path / "state"))
    www = tmp_path / "www"
    www.mkdir()
    (www / "hello.txt").write_bytes(b"hello")
    (www / "big.bin").write_bytes(bytes(range(256)) * 4000)
    return tmp_path


async def fetch_all(port: int, paths: list[bytes], method: bytes = b"GET", content: bytes = b"") -> list[tuple[dict[bytes, bytes], bytes]]:
    """All at once over one connection of aioquic's."""
    from aioquic.asyncio.client import connect
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.h3.connection import H3Connection
    from aioquic.h3.events import DataReceived, HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration

    class Client(QuicConnectionProtocol):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.http = H3Connection(self._quic)
            self.waiting: dict[int, tuple[asyncio.Future[None], dict[bytes, bytes], list[bytes]]] = {}

        def quic_event_received(self, event: Any) -> None:
            for found in self.http.handle_event(event):
                done, fields, parts = self.waiting[found.stream_id]
                if isinstance(found, HeadersReceived):
                    fields.update(found.headers)
                elif isinstance(found, DataReceived):
                    parts.append(found.data)
                if found.stream_ended:
                    done.set_result(None)

        async def fetch(self, path: bytes) -> tuple[dict[bytes, bytes], bytes]:
            stream = self._quic.get_next_available_stream_id()
            head = [(b":method", method), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", path)]
            self.waiting[stream] = asyncio.get_running_loop().create_future(), {}, []
            self.http.send_headers(stream, head, not content)
            if content:
                self.http.send_data(stream, content, True)
            self.transmit()
            done, fields, parts = self.waiting[stream]
            await asyncio.wait_for(done, 20)
            return fields, b"".join(parts)

    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE)
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        return list(await asyncio.gather(*[client.fetch(path) for path in paths]))  # type: ignore[attr-defined]


def test_aioquic(state: pathlib.Path) -> None:
    with serving(ARGUMENTS, state) as server:
        found = asyncio.run(fetch_all(server.port, [b"/hello.txt", b"/big.bin", b"/nope"] + [b"/hello.txt"] * 50))
        assert [fields[b":status"] for fields, _ in found[:4]] == [b"200", b"200", b"404", b"200"]
        assert found[0][1] == b"hello"
        assert found[1][1] == bytes(range(256)) * 4000
        assert {content for _, content in found[3:]} == {b"hello"}
        posted = asyncio.run(fetch_all(server.port, [b"/hello.txt"], b"POST", b"x" * 100_000))
        assert posted[0][0][b":status"] == b"405"
        assert server.stop() == 0
        assert server.err.count(b"\n") == 1  # "serving …": no complaint


def test_other_versions_tell_of_it(state: pathlib.Path) -> None:
    with serving(ARGUMENTS, state) as server:
        said = subprocess.run(
            [peer("curl"), "-sk", "-D-", "-o", "/dev/null", server.urls[0] + "/hello.txt"], capture_output=True, text=True, timeout=20
        )
        assert f'alt-svc: h3=":{server.port}"; ma=86400' in said.stdout.lower()


def test_ngtcp2(state: pathlib.Path) -> None:
    with serving(ARGUMENTS, state) as server:
        (state / "got").mkdir()
        url = f"https://localhost:{server.port}"
        command = [peer("gtlsclient"), "-q", "--exit-on-all-streams-close", f"--download={state / 'got'}"]
        command += ["127.0.0.1", str(server.port), url + "/hello.txt", url + "/big.bin"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert (state / "got" / "hello.txt").read_bytes() == b"hello"
        assert (state / "got" / "big.bin").read_bytes() == bytes(range(256)) * 4000


def spki(server: ServerProcess) -> str:
    """What Chromium knows the server's key by."""
    pem = ssl.get_server_certificate(("127.0.0.1", server.port))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return base64.b64encode(hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


def test_chromium_loads_a_page_of_fifty(state: pathlib.Path) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    www = state / "www"
    scripts = "".join(f'<script src="s{number}.js"></script>' for number in range(50))
    (www / "index.html").write_text(f"<!doctype html><title>many</title><link rel=icon href=data:,><body>{scripts}")
    for number in range(50):
        (www / f"s{number}.js").write_text(f"window.count = (window.count || 0) + 1; // {'x' * 3000}")
    with serving(ARGUMENTS, state) as server:
        flags = (
            f"--origin-to-force-quic-on=localhost:{server.port}",
            f"--ignore-certificate-errors-spki-list={spki(server)}",
            "--host-resolver-rules=MAP localhost 127.0.0.1",
        )
        with browsing(state, *flags) as chrome:
            chrome.get(f"https://localhost:{server.port}/")
            WebDriverWait(chrome, 15).until(lambda driver: driver.execute_script("return window.count") == 50)
            kinds = ("navigation", "resource")
            protocols = [
                chrome.execute_script(f"return performance.getEntriesByType('{kind}').map(entry => entry.nextHopProtocol)")
                for kind in kinds
            ]
        assert protocols[0] == ["h3"]
        assert len(protocols[1]) == 50
        assert set(protocols[1]) == {"h3"}
        assert server.stop() == 0
        assert server.err.count(b"\n") == 1  # "serving …": no complaint


def test_a_reload_loses_no_request(state: pathlib.Path) -> None:
    """The old workers finish what is under way; who connects anew gets the new ones."""
    (state / "sws.yaml").write_text(
        'server: {listen: ["https://127.0.0.1:0"], tls: {self_signed: true}, worker: {processes: 1}, log: {level: warn}}\n'
    )
    with serving([], state) as server:
        for _ in range(3):
            server.signal(signal.SIGHUP)
            found = asyncio.run(fetch_all(server.port, [b"/big.bin"] + [b"/hello.txt"] * 20))
            assert [fields[b":status"] for fields, _ in found] == [b"200"] * 21
        assert server.stop() == 0
