# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our client against openssl s_server, and what only the engine itself can be asked for: external PSKs, exporters, late authentication."""

from __future__ import annotations

import os
import pathlib
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import pytest

from sws.base.errors import TlsAlert
from sws.proto.tls import ClientAuth, ClientTicket, Psk
from sws.proto.tls.constants import AlertDescription, CipherSuite, NamedGroup
from tests.kit.peers import peer
from tests.kit.tls_pki import KINDS, Pair, Pki
from tests.kit.tls_stream import TlsStream, listening
from tests.proto.tls.live.ends import GROUPS, SUITES, client, server

pytestmark = [pytest.mark.peer]

CURVES = {NamedGroup.X25519: "X25519", NamedGroup.SECP256R1: "P-256", NamedGroup.SECP384R1: "P-384"}
KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"


@final
class Server:
    """A running s_server that sends lines back reversed."""

    def __init__(self, pki: Pki, pair: Pair | None, *arguments: str, reverse: bool = True) -> None:
        command = [peer("openssl"), "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-CAfile", pki.ca, *arguments]
        command += ["-nocert"] if pair is None else ["-cert", pair.cert, "-key", pair.key]
        if reverse:
            command.append("-rev")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = b""
        self.port = int(self.until(rb"ACCEPT 127\.0\.0\.1:([0-9]+)\n").group(1))

    def until(self, pattern: bytes) -> re.Match[bytes]:
        """Read what it prints until a pattern stands there."""
        assert self.process.stdout is not None
        while (found := re.search(pattern, self.said)) is None:
            part = os.read(self.process.stdout.fileno(), 65536)
            assert part, self.said
            self.said += part
        return found

    def type(self, text: bytes) -> None:
        """Type into it."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def s_server(pki: Pki, pair: Pair | None, *arguments: str, reverse: bool = True) -> Iterator[Server]:
    """See Server."""
    running = Server(pki, pair, *arguments, reverse=reverse)
    watch = threading.Timer(20, running.process.kill)  # so that nothing here waits for ever
    watch.start()
    try:
        yield running
    finally:
        watch.cancel()
        running.stop()


def connect(running: Server, pki: Pki, **options: Any) -> TlsStream:
    """Our client, handshake done."""
    return TlsStream(socket.create_connection(("127.0.0.1", running.port)), client(pki, **options)).handshake()


def echoes(stream: TlsStream) -> None:
    """The server answers a line by its reverse."""
    stream.write(b"abc\n")
    assert stream.read_line() == b"cba\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_suite_and_group(pki: Pki, kind: str) -> None:
    with s_server(pki, pki.host(kind)) as running:
        for suite in SUITES:
            for group in GROUPS:
                stream = connect(running, pki, name=f"{kind}.example".encode(), suites=(suite,), groups=(group,), shares=(group,))
                facts = stream.tls.facts
                assert (facts.suite, facts.group, facts.retried, facts.resumed) == (suite, group, False, False)
                echoes(stream)
                stream.close()


@pytest.mark.parametrize("group", [NamedGroup.SECP256R1, NamedGroup.SECP384R1])
def test_the_server_asks_for_another_share(pki: Pki, group: NamedGroup) -> None:
    with s_server(pki, pki.host("p256"), "-groups", CURVES[group]) as running:
        stream = connect(running, pki)
        assert (stream.tls.facts.group, stream.tls.facts.retried) == (group, True)
        echoes(stream)
        stream.close()


@pytest.mark.parametrize("suite", SUITES)
def test_resumption(pki: Pki, suite: CipherSuite) -> None:
    with s_server(pki, pki.host("p256")) as running:
        first = connect(running, pki, suites=(suite,))
        echoes(first)  # tickets have come before the answer
        tickets = first.tls.handshake.take_tickets()
        first.close()
        assert len(tickets) == 2
        for ticket in tickets:
            stream = connect(running, pki, suites=(suite,), ticket=ticket)
            assert stream.tls.facts.resumed
            echoes(stream)
            stream.close()


@pytest.mark.parametrize("suite", SUITES)
def test_early_data(pki: Pki, suite: CipherSuite) -> None:
    with s_server(pki, pki.host("p256"), "-early_data", "-no_anti_replay", "-max_early_data", "1000", reverse=False) as running:
        first = connect(running, pki, suites=(suite,))
        running.type(b"one\n")
        assert first.read_line() == b"one\n"
        ticket = first.tls.handshake.take_tickets()[0]
        first.close()
        assert ticket.early_data == 1000
        tls = client(pki, suites=(suite,), ticket=ticket, early=True)
        stream = TlsStream(socket.create_connection(("127.0.0.1", running.port)), tls)
        stream.write(b"early words\n")
        tls.end_early_data()
        stream.handshake()
        assert tls.facts.early
        stream.write(b"late words\n")
        running.until(rb"early words\n(?s:.)*late words\n")
        running.type(b"Q\n")
        stream.close()


def test_early_data_that_is_refused_is_told_and_the_connection_goes_on(pki: Pki) -> None:
    with s_server(pki, pki.host("p256"), "-early_data", reverse=False) as running:
        first = connect(running, pki)
        running.type(b"one\n")
        first.read_line()
        ticket = first.tls.handshake.take_tickets()[0]
        first.close()
        for accepted in (True, False):  # its anti-replay lets a ticket through once
            tls = client(pki, ticket=ticket, early=True)
            stream = TlsStream(socket.create_connection(("127.0.0.1", running.port)), tls)
            stream.write(b"early words\n")
            tls.end_early_data()
            stream.handshake()
            assert tls.facts.early is accepted
            stream.write(b"late words\n")
            running.until(rb"late words\n")
            running.said = b""
            stream.close()


@pytest.mark.parametrize("kind", KINDS)
def test_client_authentication(pki: Pki, kind: str) -> None:
    with s_server(pki, pki.host("p256"), "-Verify", "2", "-verify_return_error") as running:
        stream = connect(running, pki, credential=pki.client(kind).credential)
        echoes(stream)
        running.until(f"CN = client-{kind}\n".encode())
        stream.close()


def test_a_client_without_a_certificate_is_refused(pki: Pki) -> None:
    with s_server(pki, pki.host("p256"), "-Verify", "2") as running:
        stream = connect(running, pki)
        with pytest.raises(TlsAlert, match="received") as caught:
            stream.read_line()
        stream.close()
        assert caught.value.description == AlertDescription.CERTIFICATE_REQUIRED


@pytest.mark.parametrize("suite", SUITES)
def test_key_updates_both_ways(pki: Pki, suite: CipherSuite) -> None:
    with s_server(pki, pki.host("p256"), reverse=False) as running:
        stream = connect(running, pki, suites=(suite,))
        for number in range(3):
            traffic = stream.tls.handshake.traffic
            assert traffic is not None
            before = traffic.theirs
            running.type(b"K\n" if number % 2 == 0 else b"k\n")
            while traffic.theirs == before:
                assert stream.step()
            running.type(b"text %d\n" % number)
            assert stream.read_line() == b"text %d\n" % number
            stream.tls.update_keys()
            stream.write(b"answer %d\n" % number)
            running.until(b"answer %d\n" % number)
        stream.close()
        running.until(b"DONE")


def test_late_authentication_of_our_client(pki: Pki) -> None:
    """`c` in s_server asks for a certificate after the handshake."""
    with s_server(pki, pki.host("p256"), "-verify", "2", "-verify_return_error", reverse=False) as running:
        stream = connect(running, pki, post_handshake_auth=True)
        running.type(b"now\n")
        assert stream.read_line() == b"now\n"
        stream.close()
    with s_server(pki, pki.host("p256"), reverse=False) as running:
        stream = connect(running, pki, post_handshake_auth=True, credential=pki.client("p384").credential)
        running.type(b"now\n")
        assert stream.read_line() == b"now\n"
        assert b"client-p384" not in running.said
        running.type(b"c\n")
        stream.step()
        running.until(b"CN = client-p384\n")
        stream.write(b"here\n")
        running.until(b"here\n")
        stream.close()


def external(identity: bytes) -> ClientTicket:
    """A key agreed on by other means."""
    return ClientTicket(identity, bytes.fromhex(KEY), CipherSuite.TLS_AES_128_GCM_SHA256, 0, 0, 0, 0, None, None, external=True)


@pytest.mark.parametrize("suite", [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_CHACHA20_POLY1305_SHA256])
def test_an_external_key_with_their_server(pki: Pki, suite: CipherSuite) -> None:
    with s_server(pki, None, "-psk", KEY, "-psk_identity", "us") as running:
        stream = connect(running, pki, suites=(suite,), ticket=external(b"us"))
        assert stream.tls.facts.resumed
        assert stream.tls.facts.peer == ()
        echoes(stream)
        stream.close()


@pytest.mark.parametrize("groups", ["X25519", "X448:P-384"])
def test_an_external_key_with_their_client(pki: Pki, groups: str) -> None:
    psk = Psk(bytes.fromhex(KEY), "sha256", None)

    def serve(sock: socket.socket) -> None:
        tls = server(pki, (), external_psk=lambda identity: psk if identity == b"us" else None)
        stream = TlsStream(sock, tls).handshake()
        assert tls.facts.resumed
        stream.write(stream.read_line()[::-1])
        stream.finish()

    with listening(serve) as port:
        command = [peer("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-psk", KEY, "-psk_identity", "us", "-groups", groups]
        done = subprocess.run([*command, "-ign_eof"], input=b"abc\n", capture_output=True, timeout=20)
    assert b"\ncba" in done.stdout
    assert b"Reused, TLSv1.3" in done.stdout


@pytest.mark.parametrize("suite", SUITES)
def test_exporters_agree(pki: Pki, suite: CipherSuite) -> None:
    label = "EXPORTER-sws-test"
    ours = []

    def serve(sock: socket.socket) -> None:
        stream = TlsStream(sock, server(pki, [pki.host("p256").credential], suites=(suite,))).handshake()
        ours.append(stream.tls.export(label.encode(), b"", 40))
        stream.read_line()
        stream.finish()

    with listening(serve) as port:
        command = [peer("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-keymatexport", label, "-keymatexportlen", "40"]
        done = subprocess.run([*command, "-ign_eof"], input=b"abc\n", capture_output=True, timeout=20)
    assert f"Keying material: {ours[0].hex().upper()}".encode() in done.stdout
    with s_server(pki, pki.host("p256"), "-keymatexport", label, "-keymatexportlen", "40", reverse=False) as running:
        stream = connect(running, pki, suites=(suite,))
        found = running.until(rb"Keying material: ([0-9A-F]{80})\n")
        assert stream.tls.export(label.encode(), b"", 40).hex().upper().encode() == found.group(1)
        stream.close()


def test_late_authentication_of_their_client(pki: Pki) -> None:
    pair = pki.client("rsa")
    peers = []

    def serve(sock: socket.socket) -> None:
        stream = TlsStream(sock, server(pki, [pki.host("p256").credential], auth=ClientAuth.NONE)).handshake()
        stream.read_line()
        stream.tls.request_certificate()
        stream.flush()
        while not stream.tls.facts.peer:
            stream.step()
        stream.write(b"thanks\n")
        peers.append(stream.tls.facts.peer)
        stream.finish()

    with listening(serve) as port:
        command = [peer("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-enable_pha", "-cert", pair.cert, "-key", pair.key]
        done = subprocess.run([*command, "-ign_eof"], input=b"abc\n", capture_output=True, timeout=20)
    assert b"thanks" in done.stdout
    assert peers == [pair.credential.chain]


def test_key_updates_of_our_server(pki: Pki) -> None:
    def serve(sock: socket.socket) -> None:
        stream = TlsStream(sock, server(pki, [pki.host("p256").credential])).handshake()
        line = stream.read_line()
        for _ in range(5):
            stream.tls.update_keys()
            stream.write(line)
        stream.finish()

    with listening(serve) as port:
        command = [peer("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-quiet"]
        done = subprocess.run(command, input=b"abc\n", capture_output=True, timeout=20)
    assert done.stdout == b"abc\n" * 5


def test_close_notify_of_the_server(pki: Pki) -> None:
    with s_server(pki, pki.host("p256"), "-www", reverse=False) as running:
        stream = connect(running, pki)
        stream.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"Cipher    : TLS_AES_128_GCM_SHA256" in stream.read_all()
        assert stream.tls.peer_closed
        stream.close()


def test_a_server_that_nobody_vouches_for(pki: Pki, tmp_path: pathlib.Path) -> None:
    other = Pki(tmp_path / "other", "somebody else")
    with s_server(other, other.host("p256")) as running:
        with pytest.raises(TlsAlert, match="sent") as caught:
            connect(running, pki)
        assert caught.value.description == AlertDescription.UNKNOWN_CA
        running.until(b"alert unknown ca")
