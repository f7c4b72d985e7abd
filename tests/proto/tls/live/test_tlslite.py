# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tlslite-ng, both roles: another implementation in Python, with X25519MLKEM768 and compressed certificates."""

from __future__ import annotations

import pathlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sws.proto.tls import ClientAuth
from sws.proto.tls.constants import CipherSuite, NamedGroup
from tests.kit.tls_pki import KINDS, Pair, Pki
from tests.kit.tls_stream import SECONDS, TlsStream
from tests.proto.tls.live.ends import client, server, ticket_box

pytestmark = [pytest.mark.peer]

api = pytest.importorskip("tlslite.api", reason="peer missing: the tlslite-ng package")

CIPHERS = {
    CipherSuite.TLS_AES_128_GCM_SHA256: "aes128gcm",
    CipherSuite.TLS_AES_256_GCM_SHA384: "aes256gcm",
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256: "chacha20-poly1305",
}
GROUPS = {
    NamedGroup.X25519MLKEM768: "x25519mlkem768",
    NamedGroup.X25519: "x25519",
    NamedGroup.SECP256R1: "secp256r1",
    NamedGroup.SECP384R1: "secp384r1",
}
CASES = [
    *[(suite, group, "p256") for suite in CIPHERS for group in GROUPS],
    *[(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, NamedGroup.X25519, kind) for kind in KINDS if kind != "p256"],
]


def settings(suite: CipherSuite, groups: list[str], shares: list[str]) -> Any:
    """TLS 1.3 with one suite."""
    found = api.HandshakeSettings()
    found.minVersion = found.maxVersion = (3, 4)
    found.cipherNames = [CIPHERS[suite]]
    found.eccCurves = groups
    found.keyShares = shares
    found.defaultCurve = next(name for name in groups if "mlkem" not in name)
    found.ticketKeys = [bytes(range(32))]
    return found


def chain_and_key(pair: Pair) -> tuple[Any, Any]:
    """What tlslite takes."""
    chain = api.X509CertChain()
    chain.parsePemList(pathlib.Path(pair.cert).read_text())
    return chain, api.parsePEMKey(pathlib.Path(pair.key).read_text(), private=True, implementations=["python"])


@contextmanager
def facing(theirs: Callable[[Any], None]) -> Iterator[socket.socket]:
    """What tlslite does runs in a thread.  Yields: our socket."""
    near, far = socket.socketpair()
    failures: list[BaseException] = []
    far.settimeout(SECONDS)

    def run() -> None:
        try:
            theirs(api.TLSConnection(far))
        except BaseException as error:
            failures.append(error)
            far.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield near
        thread.join(SECONDS)
    finally:
        near.close()
        far.close()
    if failures:
        raise failures[0]
    assert not thread.is_alive()


@pytest.mark.parametrize(("suite", "group", "kind"), CASES)
def test_their_client(pki: Pki, suite: CipherSuite, group: NamedGroup, kind: str) -> None:
    """Full and resumed, in the group that it sends a share of."""
    box = ticket_box()
    sessions: list[Any] = [None]

    def theirs(tls: Any) -> None:
        tls.handshakeClientCert(
            session=sessions[-1], settings=settings(suite, [GROUPS[group], "secp521r1"], [GROUPS[group]]), serverName=f"{kind}.example"
        )
        tls.write(b"abc\n")
        assert tls.read(min=4, max=4) == b"cba\n"
        sessions.append(tls.session)
        tls.close()

    for resumed in (False, True):
        with facing(theirs) as sock:
            tls = server(pki, [pki.host(kind).credential], tickets=box)
            stream = TlsStream(sock, tls).handshake()
            assert (tls.facts.suite, tls.facts.group, tls.facts.resumed, tls.facts.retried) == (suite, group, resumed, False)
            stream.write(stream.read_exactly(4)[2::-1] + b"\n")
            assert stream.read_all() == b""
            stream.close()


def test_their_client_is_asked_for_another_share(pki: Pki) -> None:
    def theirs(tls: Any) -> None:
        tls.handshakeClientCert(settings=settings(CipherSuite.TLS_AES_128_GCM_SHA256, ["x25519", "x25519mlkem768"], ["x25519"]))
        tls.write(b"abc\n")
        tls.close()

    with facing(theirs) as sock:
        tls = server(pki, [pki.host("p256").credential], groups=(NamedGroup.X25519MLKEM768,))
        stream = TlsStream(sock, tls).handshake()
        assert (tls.facts.group, tls.facts.retried) == (NamedGroup.X25519MLKEM768, True)
        assert stream.read_line() == b"abc\n"
        stream.close()


@pytest.mark.parametrize("kind", KINDS)
def test_their_client_authenticates(pki: Pki, kind: str) -> None:
    chain, key = chain_and_key(pki.client(kind))

    def theirs(tls: Any) -> None:
        tls.handshakeClientCert(chain, key, settings=settings(CipherSuite.TLS_AES_128_GCM_SHA256, ["x25519"], ["x25519"]))
        tls.write(b"abc\n")
        tls.close()

    with facing(theirs) as sock:
        tls = server(pki, [pki.host("p256").credential], auth=ClientAuth.REQUIRE)
        stream = TlsStream(sock, tls).handshake()
        assert stream.read_line() == b"abc\n"
        assert tls.facts.peer == pki.client(kind).credential.chain
        stream.close()


@pytest.mark.parametrize(("suite", "group", "kind"), CASES)
def test_their_server(pki: Pki, suite: CipherSuite, group: NamedGroup, kind: str) -> None:
    chain, key = chain_and_key(pki.host(kind))

    def theirs(tls: Any) -> None:
        tls.handshakeServer(certChain=chain, privateKey=key, settings=settings(suite, [GROUPS[group], "secp521r1"], [GROUPS[group]]))
        assert tls.read(min=4, max=4) == b"abc\n"
        tls.write(b"cba\n")
        tls.close()

    ticket = None
    for resumed in (False, True):
        with facing(theirs) as sock:
            tls = client(pki, f"{kind}.example".encode(), groups=(group,), shares=(group,), ticket=ticket)
            stream = TlsStream(sock, tls).handshake()
            assert (tls.facts.suite, tls.facts.group, tls.facts.resumed) == (suite, group, resumed)
            stream.write(b"abc\n")
            assert stream.read_line() == b"cba\n"
            ticket = tls.handshake.take_tickets()[0]  # type: ignore[union-attr]
            stream.close()


def test_their_server_asks_for_another_share_and_a_certificate(pki: Pki) -> None:
    chain, key = chain_and_key(pki.host("rsa"))
    found = []

    def theirs(tls: Any) -> None:
        chosen = settings(CipherSuite.TLS_AES_256_GCM_SHA384, ["x25519mlkem768", "secp521r1"], [])
        tls.handshakeServer(certChain=chain, privateKey=key, reqCert=True, settings=chosen)
        found.append(tls.session.clientCertChain.x509List[0].writeBytes())
        tls.close()

    with facing(theirs) as sock:
        tls = client(pki, b"rsa.example", credential=pki.client("p384").credential)
        stream = TlsStream(sock, tls).handshake()
        assert (tls.facts.group, tls.facts.retried) == (NamedGroup.X25519MLKEM768, True)
        stream.read_all()
        stream.close()
    assert found == [pki.client("p384").credential.chain[0]]


@pytest.mark.parametrize("compressed", [True, False])
def test_compressed_certificates(pki: Pki, compressed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8879, both ways in both directions; what they receive and send compressed is counted."""
    messages = pytest.importorskip("tlslite.messages")
    counted = []
    for name in ("parse", "write"):
        original = getattr(messages.CompressedCertificate, name)
        monkeypatch.setattr(
            messages.CompressedCertificate, name, lambda *a, original=original, name=name, **k: (counted.append(name), original(*a, **k))[1]
        )
    chain, key = chain_and_key(pki.client("rsa"))

    def theirs(tls: Any) -> None:
        chosen = settings(CipherSuite.TLS_AES_128_GCM_SHA256, ["x25519"], ["x25519"])
        if not compressed:
            chosen.certificate_compression_send = chosen.certificate_compression_receive = []
        tls.handshakeClientCert(chain, key, settings=chosen)
        tls.close()

    pair = pki.host("rsa").credential
    with facing(theirs) as sock:
        tls = server(pki, [pair], auth=ClientAuth.REQUIRE)
        stream = TlsStream(sock, tls).handshake()
        assert tls.facts.peer == pki.client("rsa").credential.chain
        stream.read_all()
        stream.close()
    assert counted == (["parse", "write"] if compressed else [])


def test_record_size_limits_and_exporters(pki: Pki) -> None:
    exported = []

    def theirs(tls: Any) -> None:
        chosen = settings(CipherSuite.TLS_CHACHA20_POLY1305_SHA256, ["x25519"], ["x25519"])
        chosen.record_size_limit = 200
        tls.handshakeClientCert(settings=chosen)
        exported.append(bytes(tls.keyingMaterialExporter(b"EXPORTER-sws", 32)))
        assert tls.read(min=5000, max=5000) == b"z" * 5000
        tls.write(b"y" * 5000)
        tls.close()

    with facing(theirs) as sock:
        tls = server(pki, [pki.host("p256").credential], record_limit=300)
        stream = TlsStream(sock, tls).handshake()
        assert tls.facts.record_size == 199
        stream.write(b"z" * 5000)
        assert stream.read_all() == b"y" * 5000
        assert exported == [tls.export(b"EXPORTER-sws", b"", 32)]
        stream.close()
