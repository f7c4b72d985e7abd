# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GnuTLS, both roles: suites, groups, resumption, record size limits, exporters."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sws.proto.tls.constants import CipherSuite, NamedGroup
from tests.kit.peers import peer
from tests.kit.server import ServerProcess
from tests.kit.tls_pki import KINDS, Pair, Pki
from tests.kit.tls_stream import TlsStream, listening
from tests.proto.tls.live.ends import client, server

pytestmark = [pytest.mark.peer]

CIPHERS = {
    CipherSuite.TLS_AES_128_GCM_SHA256: "AES-128-GCM",
    CipherSuite.TLS_AES_256_GCM_SHA384: "AES-256-GCM",
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256: "CHACHA20-POLY1305",
}
GROUPS = {NamedGroup.X25519: "X25519", NamedGroup.SECP256R1: "SECP256R1", NamedGroup.SECP384R1: "SECP384R1"}
SIGNATURES = {
    "p256": "ECDSA-SECP256R1-SHA256",
    "p384": "ECDSA-SECP384R1-SHA384",
    "rsa": "RSA-PSS-RSAE-SHA256",
    "pss": "RSA-PSS-SHA256",
    "ed25519": "EdDSA-Ed25519",
}


def priority(suite: CipherSuite, group: NamedGroup | None = None) -> str:
    """A priority string for TLS 1.3 with one suite, and one group if it is named."""
    found = f"NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+{CIPHERS[suite]}"
    return found if group is None else f"{found}:-GROUP-ALL:+GROUP-{GROUPS[group]}"


def gnutls_cli(port: int, pki: Pki, *arguments: str, host: str = "p256", text: bytes = b"") -> str:
    """What a run prints."""
    command = [peer("gnutls-cli"), f"--port={port}", f"--x509cafile={pki.ca}", f"--sni-hostname={host}.example"]
    command += [f"--verify-hostname={host}.example", *arguments, "127.0.0.1"]
    done = subprocess.run(command, input=text, capture_output=True, timeout=30)
    return (done.stdout + done.stderr).decode("latin-1")


def request(host: str, path: str = "/.well-known/sws") -> bytes:
    """A request that lets the server close."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}.example\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("suite", "group", "kind"),
    [
        *[(suite, group, "p256") for suite in CIPHERS for group in GROUPS],
        *[(CipherSuite.TLS_AES_128_GCM_SHA256, NamedGroup.X25519, kind) for kind in KINDS if kind != "p256"],
    ],
)
def test_their_client(https: ServerProcess, pki: Pki, suite: CipherSuite, group: NamedGroup, kind: str) -> None:
    said = gnutls_cli(https.port, pki, f"--priority={priority(suite, group)}", host=kind, text=request(kind))
    shown = f"(ECDHE-{GROUPS[group]})-({SIGNATURES[kind]})-({CIPHERS[suite]})"
    assert f"Description: (TLS1.3-X.509)-{shown}" in said
    assert "The certificate is trusted" in said
    assert f'"cipher": "{suite.name} {group.name}"' in said


def test_their_client_resumes(https: ServerProcess, pki: Pki) -> None:
    said = gnutls_cli(https.port, pki, "--resume", "--waitresumption", text=request("p256"))
    assert "This is a resumed session" in said
    assert ' resumed"' in said


def test_their_client_authenticates(https: ServerProcess, pki: Pki) -> None:
    pair = pki.client("p384")
    said = gnutls_cli(
        https.port, pki, f"--x509certfile={pair.cert}", f"--x509keyfile={pair.key}", host="mtls", text=request("mtls", "/hello.txt")
    )
    assert "HTTP/1.1 200 OK" in said


@pytest.mark.parametrize("limit", [512, 1000, 4096])
def test_their_record_size_limit(https: ServerProcess, pki: Pki, limit: int) -> None:
    """GnuTLS ends the connection if a record of ours is larger than it announced."""
    said = gnutls_cli(https.port, pki, f"--recordsize={limit}", text=request("p256", "/medium.bin"))
    assert bytes(range(256)) * 256 in said.encode("latin-1")


def test_exporters_agree(pki: Pki) -> None:
    ours = []

    def serve(sock: socket.socket) -> None:
        stream = TlsStream(sock, server(pki, [pki.host("p256").credential])).handshake()
        ours.append(stream.tls.export(b"EXPORTER-sws-test", b"", 24).hex())
        stream.read_line()
        stream.finish()

    with listening(serve) as port:
        said = gnutls_cli(port, pki, "--keymatexport=EXPORTER-sws-test", "--keymatexportsize=24", text=b"abc\n")
    assert f"Key material: {ours[0]}" in said


@contextmanager
def gnutls_serv(pki: Pki, pair: Pair, *arguments: str) -> Iterator[int]:
    """A server that echoes.  Yields: its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [peer("gnutls-serv"), "--echo", f"--port={port}", f"--x509certfile={pair.cert}", f"--x509keyfile={pair.key}"]
    command += [f"--x509cafile={pki.ca}", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watch = threading.Timer(20, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        said = b""
        while not re.search(rb"listening on IPv4 0\.0\.0\.0 port [0-9]+\.\.\.done", said):
            part = os.read(process.stdout.fileno(), 65536)
            assert part, said
            said += part
        yield port
    finally:
        watch.cancel()
        process.kill()
        process.communicate()


def connect(port: int, pki: Pki, kind: str = "p256", **options: Any) -> TlsStream:
    """Our client; a line goes there and back."""
    tls = client(pki, f"{kind}.example".encode(), **options)
    stream = TlsStream(socket.create_connection(("127.0.0.1", port)), tls).handshake()
    stream.write(b"to and fro\n")
    assert stream.read_line() == b"to and fro\n"
    return stream


@pytest.mark.parametrize("kind", KINDS)
def test_their_server(pki: Pki, kind: str) -> None:
    with gnutls_serv(pki, pki.host(kind), "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3") as port:
        for suite in CIPHERS:
            for group in GROUPS:
                stream = connect(port, pki, kind, suites=(suite,), groups=(group,), shares=(group,))
                assert (stream.tls.facts.suite, stream.tls.facts.group) == (suite, group)
                tickets = stream.tls.handshake.take_tickets()  # type: ignore[union-attr]
                stream.close()
                resumed = connect(port, pki, kind, suites=(suite,), groups=(group,), shares=(group,), ticket=tickets[0])
                assert resumed.tls.facts.resumed
                resumed.close()


def test_their_server_asks_for_another_share_and_a_certificate(pki: Pki) -> None:
    order = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-SECP384R1"
    with gnutls_serv(pki, pki.host("p256"), f"--priority={order}", "--require-client-cert", "--verify-client-cert") as port:
        stream = connect(port, pki, credential=pki.client("ed25519").credential)
        assert (stream.tls.facts.group, stream.tls.facts.retried) == (NamedGroup.SECP384R1, True)
        stream.close()


@pytest.mark.parametrize("limit", [512, 2000])
def test_our_record_size_limit(pki: Pki, limit: int) -> None:
    with gnutls_serv(pki, pki.host("p256"), "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3") as port:
        stream = connect(port, pki, record_limit=limit)
        line = b"x" * 5000 + b"\n"
        stream.write(line)
        assert stream.read_exactly(len(line)) == line  # our engine refuses a record above what it announced
        stream.close()
