# SPDX-License-Identifier: Apache-2.0 OR MIT
"""openssl s_client against the running server."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import pytest

from tests.kit.peers import peer
from tests.kit.server import ServerProcess
from tests.kit.tls_pki import KINDS, Pki

pytestmark = [pytest.mark.peer]

SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
GROUPS = {"X25519": "X25519", "P-256": "SECP256R1", "P-384": "SECP384R1"}
SIGNATURES = {"p256": "ECDSA", "p384": "ECDSA", "rsa": "RSA-PSS", "pss": "RSA-PSS", "ed25519": "Ed25519"}


class Answer:
    """What a run of s_client printed."""

    def __init__(self, text: str, errors: str, code: int) -> None:
        self.text = text
        self.errors = errors
        self.code = code

    @property
    def facts(self) -> dict[str, str]:
        """The server's own word of the connection."""
        begin = re.search(r"^\{\"server\"", self.text, re.MULTILINE)
        assert begin is not None, (self.text, self.errors)
        return dict(json.JSONDecoder().raw_decode(self.text, begin.start())[0])


def ask(server: ServerProcess, pki: Pki, *arguments: str, host: str = "p256", path: str = "/.well-known/sws") -> Answer:
    """One request by s_client; the server closes."""
    command = [peer("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", f"{host}.example", "-CAfile", pki.ca]
    command += ["-verify_return_error", "-verify_hostname", f"{host}.example", "-ign_eof", *arguments]
    request = f"GET {path} HTTP/1.1\r\nHost: {host}.example\r\nConnection: close\r\n\r\n"
    done = subprocess.run(command, input=request.encode(), capture_output=True, timeout=30)
    return Answer(done.stdout.decode("latin-1"), done.stderr.decode("latin-1"), done.returncode)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_group_and_signature(https: ServerProcess, pki: Pki, suite: str, group: str, kind: str) -> None:
    answer = ask(https, pki, "-ciphersuites", suite, "-groups", group, host=kind)
    assert answer.facts["cipher"] == f"{suite} {GROUPS[group]}"
    assert f"CN = {kind}.example" in answer.text
    if kind != "ed25519":  # of that openssl prints no type
        assert f"Peer signature type: {SIGNATURES[kind]}" in answer.text
    assert "Verify return code: 0 (ok)" in answer.text
    assert answer.code == 0


def test_a_share_of_an_unknown_group_leads_to_a_retry(https: ServerProcess, pki: Pki) -> None:
    answer = ask(https, pki, "-groups", "X448:P-384", "-msg")
    assert answer.facts["cipher"].endswith(" SECP384R1")
    assert answer.text.count("ClientHello") == 2


@pytest.mark.parametrize(("suite", "kind"), [*zip(SUITES, ("p256", "rsa", "ed25519"), strict=True)])
def test_resumption(https: ServerProcess, pki: Pki, tmp_path: pathlib.Path, suite: str, kind: str) -> None:
    session = str(tmp_path / "session")
    first = ask(https, pki, "-ciphersuites", suite, "-sess_out", session, host=kind)
    assert "resumed" not in first.facts["cipher"]
    assert first.text.count("Post-Handshake New Session Ticket arrived") == 2
    second = ask(https, pki, "-ciphersuites", suite, "-sess_in", session, host=kind)
    assert second.facts["cipher"].endswith(" resumed")
    assert "Reused, TLSv1.3" in second.text
    other = ask(https, pki, "-ciphersuites", suite, "-sess_in", session, host="p384")
    assert "resumed" not in other.facts["cipher"]  # a ticket is good for its host only


def test_resumption_after_a_retry(https: ServerProcess, pki: Pki, tmp_path: pathlib.Path) -> None:
    session = str(tmp_path / "session")
    ask(https, pki, "-sess_out", session)
    answer = ask(https, pki, "-sess_in", session, "-groups", "X448:P-256")
    assert answer.facts["cipher"].endswith(" SECP256R1 resumed")


@pytest.mark.parametrize("kind", KINDS)
def test_client_authentication(https: ServerProcess, pki: Pki, kind: str) -> None:
    pair = pki.client(kind)
    for host in ("ask", "mtls"):
        answer = ask(https, pki, "-cert", pair.cert, "-key", pair.key, host=host)
        assert "Acceptable client certificate CA names\nCN = sws tests" in answer.text
        assert answer.facts["scheme"] == "https"


def test_who_shows_no_certificate_is_let_in_or_refused(https: ServerProcess, pki: Pki) -> None:
    assert ask(https, pki, host="ask").facts["scheme"] == "https"
    refused = ask(https, pki, host="mtls")
    assert "SSL alert number 116" in refused.errors
    stranger = pki.host("p384")  # signed by the root, but a server's
    assert "SSL alert number 43" in ask(https, pki, "-cert", stranger.cert, "-key", stranger.key, host="ask").errors


@pytest.mark.parametrize("suite", SUITES)
def test_early_data(https: ServerProcess, pki: Pki, tmp_path: pathlib.Path, suite: str) -> None:
    session, early = str(tmp_path / "session"), tmp_path / "early"
    early.write_bytes(b"GET /hello.txt HTTP/1.1\r\nHost: p256.example\r\n\r\n")
    ask(https, pki, "-ciphersuites", suite, "-sess_out", session)
    answer = ask(https, pki, "-ciphersuites", suite, "-sess_in", session, "-early_data", str(early))
    assert "Early data was accepted" in answer.text
    assert answer.text.count("HTTP/1.1 200 OK") == 2
    assert "\r\n\r\nhello\n" in answer.text
    again = ask(https, pki, "-ciphersuites", suite, "-sess_in", session, "-early_data", str(early))
    assert "Early data was rejected" in again.text  # a ticket brings 0-RTT data once
    assert again.text.count("HTTP/1.1 200 OK") == 1
    assert again.facts["cipher"].endswith(" resumed")


def test_early_data_before_a_retry_is_skipped(https: ServerProcess, pki: Pki, tmp_path: pathlib.Path) -> None:
    session, early = str(tmp_path / "session"), tmp_path / "early"
    early.write_bytes(b"GET /hello.txt HTTP/1.1\r\nHost: p256.example\r\n\r\n" * 100)
    ask(https, pki, "-sess_out", session)
    answer = ask(https, pki, "-sess_in", session, "-early_data", str(early), "-groups", "X448:X25519")
    assert "Early data was rejected" in answer.text
    assert answer.facts["cipher"].endswith(" X25519 resumed")


@pytest.mark.parametrize("command", ["K", "k"])
@pytest.mark.parametrize("suite", SUITES)
def test_key_updates_between_requests(https: ServerProcess, pki: Pki, suite: str, command: str) -> None:
    """`K` asks for an update of ours in return, `k` does not."""
    arguments = [peer("openssl"), "s_client", "-connect", f"127.0.0.1:{https.port}", "-ciphersuites", suite, "-CAfile", pki.ca]
    process = subprocess.Popen(
        [*arguments, "-servername", "p256.example"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = b""
        for number in range(4):
            # openssl looks for commands at the start of what one read brings: the answer has to be awaited
            process.stdin.write(b"GET /hello.txt HTTP/1.1\r\nHost: p256.example\r\n\r\n")
            process.stdin.flush()
            while said.count(b"\r\n\r\nhello\n") <= number:
                part = os.read(process.stdout.fileno(), 65536)
                assert part, said
                said += part
            process.stdin.write(command.encode() + b"\n")
            process.stdin.flush()
            assert process.stderr is not None
            line = b""
            while b"KEYUPDATE" not in line:
                line = process.stderr.readline()
                assert line
        process.stdin.write(b"Q\n")
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_large_file_comes_whole(https: ServerProcess, pki: Pki) -> None:
    answer = ask(https, pki, path="/large.bin")
    body = answer.text.encode("latin-1")
    assert bytes(range(256)) * 4096 in body


def test_the_key_log_is_openssl_s_own(https: ServerProcess, pki: Pki, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "keys.log"
    ask(https, pki, "-keylogfile", str(log))
    theirs = {line for line in log.read_text().splitlines() if not line.startswith("#")}
    ours = set((https.folder / "keys.log").read_text().splitlines())  # type: ignore[attr-defined]
    assert len(theirs) == 5
    assert theirs <= ours


def test_alerts_that_openssl_understands(https: ServerProcess, pki: Pki) -> None:
    assert "SSL alert number 70" in ask(https, pki, "-tls1_2").errors
    assert "SSL alert number 40" in ask(https, pki, "-groups", "X448").errors
    assert "SSL alert number 40" in ask(https, pki, "-sigalgs", "RSA-PSS+SHA256").errors
