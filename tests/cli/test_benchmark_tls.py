# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`sws benchmark` of https addresses: the running server, and one whose TLS is not ours."""

from __future__ import annotations

import http.server
import json
import pathlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from sws.cli.main import cli
from tests.kit.server import serving

pytestmark = pytest.mark.slow


def ask(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner().invoke(cli, ["benchmark", "--no-progress", "--json", "-", *arguments], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.mark.parametrize("version", ["1", "2"])
def test_of_the_running_server(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("SWS_STATE", str(tmp_path / "state"))
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "a.bin").write_bytes(bytes(100_000))
    with serving(["--listen", "https://127.0.0.1:0", "--self-signed", "--no-access-log"], tmp_path) as server:
        urls = ("--url", server.urls[0] + "/a.bin", "--url", server.urls[0] + "/none")
        code, output = ask("--http", version, *urls, "--concurrency", "3", "--duration", "2", "--requests-per-connection", "3")
        assert code == 0, output
        found = json.loads(output)
        assert set(found["statuses"]) == {"200", "404"}
        assert found["errors"] == {}
        assert found["connections_opened"] > 3
        assert found["octets"] > 100_000
        code, output = ask(
            "--http", version, "--url", server.urls[0] + "/", "--body", "x" * 2_000_000, "--concurrency", "1", "--duration", "2"
        )
        assert code == 1
        assert '"405"' in output
        assert server.stop() == 0


@contextmanager
def foreign(folder: pathlib.Path, newest: ssl.TLSVersion) -> Iterator[str]:
    """Python's own server, over OpenSSL; every response ends its connection."""
    pair = ["--cert", str(folder / "c.pem"), "--key", str(folder / "k.pem"), "--force"]
    result = CliRunner().invoke(cli, ["cert", "self-signed", *pair])
    assert result.exit_code == 0, result.output
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "c.pem", folder / "k.pem")
    context.maximum_version = newest
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of a client that leaves before its answer."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: it would come into what the client printed."""


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP/1.0."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_args: object) -> None:
        """Quiet."""


def test_of_a_foreign_server(tmp_path: pathlib.Path) -> None:
    with foreign(tmp_path, ssl.TLSVersion.TLSv1_3) as url:  # one that knows no ALPN speaks HTTP/1.1
        code, output = ask("--url", url, "--concurrency", "2", "--duration", "2")
        found = json.loads(output)
        assert (code, found["errors"]) == (0, {})
        assert found["connections_opened"] >= found["statuses"]["200"] > 2
        code, output = ask("--http", "2", "--url", url, "--concurrency", "2", "--duration", "2")
        assert code == 1
        assert "no connection came about: the server does not speak h2" in output
    with foreign(tmp_path, ssl.TLSVersion.TLSv1_2) as url:
        assert "no connection came about: TLS failed" in ask("--url", url, "--concurrency", "2", "--duration", "2")[1]
