# SPDX-License-Identifier: Apache-2.0 OR MIT
"""curl against the running server: what people type."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

from sws.proto.tls.constants import CipherSuite
from tests.kit.peers import peer
from tests.kit.server import ServerProcess, serving
from tests.kit.tls_pki import KINDS, Pki

pytestmark = [pytest.mark.peer]


def curl(
    server: ServerProcess, pki: Pki, *arguments: str, host: str = "p256", path: str = "/hello.txt"
) -> subprocess.CompletedProcess[bytes]:
    """One run of it, verifying the certificate."""
    name = f"{host}.example"
    command = [peer("curl"), "-sS", "-m", "20", "--cacert", pki.ca, "--resolve", f"{name}:{server.port}:127.0.0.1", *arguments]
    return subprocess.run([*command, f"https://{name}:{server.port}{path}"], capture_output=True, timeout=30)


CASES = [
    *[(kind, CipherSuite.TLS_CHACHA20_POLY1305_SHA256, "X25519") for kind in KINDS],
    *[("p256", suite, curve) for suite in CipherSuite for curve in ("X25519", "P-256", "P-384")],
]


@pytest.mark.parametrize(("kind", "suite", "curve"), CASES)
def test_suites_curves_and_signatures(https: ServerProcess, pki: Pki, kind: str, suite: CipherSuite, curve: str) -> None:
    done = curl(https, pki, "--tls13-ciphers", suite.name, "--curves", curve, host=kind)
    assert done.stdout == b"hello\n", done.stderr
    facts = json.loads(curl(https, pki, "--tls13-ciphers", suite.name, "--curves", curve, host=kind, path="/.well-known/sws").stdout)
    assert facts["cipher"].startswith(suite.name)


def test_many_requests_on_one_connection(https: ServerProcess, pki: Pki) -> None:
    name = f"https://p256.example:{https.port}/hello.txt"
    done = curl(https, pki, "-w", "%{num_connects} %{http_version}\n", *[name] * 9)
    assert done.stdout.count(b"hello\n") == 10
    assert sum(int(line[:1]) for line in done.stdout.splitlines() if line.endswith(b" 2")) == 1


def test_a_large_file_and_a_range(https: ServerProcess, pki: Pki) -> None:
    whole = bytes(range(256)) * 4096
    assert curl(https, pki, path="/large.bin").stdout == whole
    assert curl(https, pki, "-r", "1000-70000", path="/large.bin").stdout == whole[1000:70001]


def test_client_certificates(https: ServerProcess, pki: Pki) -> None:
    pair = pki.client("ed25519")
    assert curl(https, pki, "--cert", pair.cert, "--key", pair.key, host="mtls").stdout == b"hello\n"
    refused = curl(https, pki, host="mtls")
    assert refused.returncode == 56
    assert b"certificate required" in refused.stderr


def test_what_it_refuses(https: ServerProcess, pki: Pki, tmp_path: pathlib.Path) -> None:
    assert b"unable to get local issuer" in curl(https, Pki(tmp_path / "other", "somebody else")).stderr
    assert b"alert protocol version" in curl(https, pki, "--tls-max", "1.2").stderr
    assert b"no alternative certificate subject name" in curl(https, pki, host="nobody").stderr


def test_plain_http_on_an_https_address(https: ServerProcess) -> None:
    done = subprocess.run([peer("curl"), "-sS", "-m", "5", f"http://127.0.0.1:{https.port}/"], capture_output=True, timeout=30)
    assert done.returncode != 0
    assert done.stdout.startswith(b"\x15\x03\x03\x00\x02\x02") or b"HTTP/0.9" in done.stderr


@pytest.mark.slow
def test_a_certificate_that_the_server_makes_for_itself(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("self")
    with serving(["--listen", "https://127.0.0.1:0", "--self-signed"], tmp_path) as server:
        command = [peer("curl"), "-sS", "-m", "20", f"https://localhost:{server.port}/"]
        assert subprocess.run([*command, "-k"], capture_output=True, timeout=30).stdout == b"self"
        assert b"self-signed certificate" in subprocess.run(command, capture_output=True, timeout=30).stderr
