# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Python's ssl in memory, both roles: the whole matrix of suites, groups, signatures, resumption and client authentication."""

from __future__ import annotations

import gc
import pathlib
import ssl
import sys

import pytest

from sws.proto.tls import ClientAuth, ClientTicket, TlsConnection
from sws.proto.tls.constants import AlertDescription, CipherSuite, NamedGroup
from tests.kit.tls_pki import KINDS, Pki
from tests.kit.tls_stream import SslEnd, converse
from tests.proto.tls.live.ends import GROUPS, SUITES, client, server, ticket_box

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy's ssl cannot be told X25519, and offers other groups"),
]

CURVES = {NamedGroup.X25519: "X25519", NamedGroup.SECP256R1: "prime256v1", NamedGroup.SECP384R1: "secp384r1"}


def client_context(pki: Pki, kind: str | None = None) -> ssl.SSLContext:
    """One that trusts our root, and shows a certificate if a kind is named."""
    context = ssl.create_default_context(cafile=pki.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if kind is not None:
        context.load_cert_chain(pki.client(kind).cert, pki.client(kind).key)
    return context


def server_context(pki: Pki, kind: str, group: NamedGroup | None = None, verify: bool = False) -> ssl.SSLContext:
    """One with a certificate of a kind."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(pki.host(kind).cert, pki.host(kind).key)
    if group is not None:
        context.set_ecdh_curve(CURVES[group])
    if verify:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki.ca)
    return context


def talk(tls: TlsConnection, end: SslEnd) -> None:
    """The handshake, then words both ways, then both closures."""
    converse(tls, end)
    assert end.error is None
    assert tls.complete
    assert end.complete
    tls.send((b"ours",))
    end.write(b"theirs")
    assert converse(tls, end) == b"theirs"
    assert end.plain == b"ours"
    tls.close()
    converse(tls, end)
    assert end.closed
    end.close()
    converse(tls, end)
    assert tls.peer_closed
    assert not tls.truncated


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("suite", SUITES)
def test_the_matrix_as_server(pki: Pki, suite: CipherSuite, group: NamedGroup, kind: str) -> None:
    """OpenSSL's client has a share of X25519 only: with the other groups there is a retry."""
    box, credential = ticket_box(), pki.host(kind).credential
    context = client_context(pki, kind)
    session = None
    for resumed in (False, True):
        tls = server(pki, [credential], auth=ClientAuth.REQUIRE, suites=(suite,), groups=(group,), tickets=box, alpn=(b"http/1.1",))
        context.set_alpn_protocols(["h2", "http/1.1"])
        end = SslEnd(context, False, f"{kind}.example", session)
        talk(tls, end)
        facts = tls.facts
        assert (facts.suite, facts.group, facts.resumed) == (suite, group, resumed)
        assert facts.retried is (group != NamedGroup.X25519)
        assert (facts.server_name, facts.alpn) == (f"{kind}.example".encode(), b"http/1.1")
        assert facts.peer[:1] == pki.client(kind).credential.chain  # OpenSSL sends the root as well
        assert end.object.selected_alpn_protocol() == "http/1.1"
        assert end.object.cipher()[0] == suite.name  # type: ignore[index]
        assert end.object.session_reused is resumed
        session = end.object.session


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("suite", SUITES)
def test_the_matrix_as_client(pki: Pki, suite: CipherSuite, group: NamedGroup, kind: str) -> None:
    """Our share is one of X25519, so that there is a retry with the other groups."""
    context = server_context(pki, kind, group, verify=True)
    context.set_alpn_protocols(["http/1.1"])
    ticket: ClientTicket | None = None
    for resumed in (False, True):
        tls = client(
            pki,
            f"{kind}.example".encode(),
            suites=(suite,),
            groups=GROUPS,
            credential=pki.client(kind).credential,
            ticket=ticket,
            alpn=(b"h2", b"http/1.1"),
        )
        end = SslEnd(context, True)
        talk(tls, end)
        facts = tls.facts
        assert (facts.suite, facts.group, facts.resumed, facts.alpn) == (suite, group, resumed, b"http/1.1")
        assert facts.retried is (group != NamedGroup.X25519)
        assert end.object.cipher()[0] == suite.name  # type: ignore[index]
        assert end.object.getpeercert(True) == pki.client(kind).credential.chain[0]
        assert end.object.session_reused is resumed
        ticket = tls.handshake.take_tickets()[0]  # type: ignore[union-attr]


def test_late_authentication_as_client(pki: Pki) -> None:
    context = server_context(pki, "p256")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.post_handshake_auth = True
    context.load_verify_locations(pki.ca)
    tls = client(pki, credential=pki.client("rsa").credential, post_handshake_auth=True)
    end = SslEnd(context, True)
    converse(tls, end)
    assert end.object.getpeercert() is None
    end.object.verify_client_post_handshake()
    end.write(b"x")
    assert converse(tls, end) == b"x"
    assert end.object.getpeercert(True) == pki.client("rsa").credential.chain[0]


def test_late_authentication_as_server(pki: Pki) -> None:
    context = client_context(pki, "ed25519")
    context.post_handshake_auth = True
    tls = server(pki, [pki.host("p256").credential])
    end = SslEnd(context, False, "p256.example")
    converse(tls, end)
    assert tls.facts.peer == ()
    tls.request_certificate()
    converse(tls, end)
    assert tls.facts.peer[:1] == pki.client("ed25519").credential.chain


def test_key_updates_of_a_server_that_seals_few_records_under_a_key(pki: Pki) -> None:
    from dataclasses import replace

    from sws.proto.tls import ServerConnection

    config = server(pki, [pki.host("p256").credential]).handshake.config
    tls = ServerConnection(replace(config), 0.0, key_records=4)  # type: ignore[type-var,arg-type]
    end = SslEnd(client_context(pki), False, "p256.example")
    converse(tls, end)
    for number in range(30):
        tls.send((b"%02d" % number,))
        converse(tls, end)
    assert end.error is None
    assert end.plain == b"".join(b"%02d" % number for number in range(30))


@pytest.mark.parametrize("padding", [0, 256, 16384])
def test_padding_and_large_data_both_ways(pki: Pki, padding: int) -> None:
    from sws.proto.tls import ServerConnection

    config = server(pki, [pki.host("p256").credential]).handshake.config
    tls = ServerConnection(config, 0.0, padding=padding)  # type: ignore[arg-type]
    end = SslEnd(client_context(pki), False, "p256.example")
    converse(tls, end)
    data = bytes(range(251)) * 1000
    tls.send((data,))
    end.write(data)
    assert converse(tls, end) == data
    assert end.plain == data


def test_the_key_logs_of_both_ends_agree(pki: Pki, tmp_path: pathlib.Path) -> None:
    for role in ("server", "client"):
        log = tmp_path / f"{role}.log"
        lines: list[str] = []

        def keylog(label: str, client_random: bytes, secret: bytes, lines: list[str] = lines) -> None:
            lines.append(f"{label} {client_random.hex()} {secret.hex()}")

        if role == "server":
            context = client_context(pki)
            tls = server(pki, [pki.host("p256").credential], keylog=keylog)
        else:
            context = server_context(pki, "p256")
            tls = client(pki, keylog=keylog)
        context.keylog_filename = str(log)
        end = SslEnd(context, role == "client", "p256.example" if role == "server" else None)
        talk(tls, end)
        assert sorted(lines) == sorted(line for line in log.read_text().splitlines() if not line.startswith("#"))
        assert len(lines) == 5


def test_alerts_reach_the_other_end(pki: Pki) -> None:
    tls = server(pki, [pki.host("p256").credential], groups=(NamedGroup.X25519MLKEM768,))
    end = SslEnd(client_context(pki), False, "p256.example")
    converse(tls, end)
    assert tls.alert_sent is not None
    assert tls.alert_sent.description == AlertDescription.HANDSHAKE_FAILURE
    assert end.error is not None
    assert "alert handshake failure" in str(end.error)
    tls = server(pki, [pki.host("p256").credential])
    end = SslEnd(client_context(pki), False, "other.example")
    converse(tls, end)
    assert "Hostname mismatch" in str(end.error)
    assert tls.alert_received is not None  # which OpenSSL sends without protection, see connection._plain_record
    assert tls.alert_received.description == AlertDescription.BAD_CERTIFICATE
    assert tls.alert_sent is None


def test_connections_that_are_over_leave_nothing_to_the_collector(pki: Pki) -> None:
    box, credential, context = ticket_box(), pki.host("p256").credential, client_context(pki)
    session = None
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            tls = server(pki, [credential], tickets=box)
            end = SslEnd(context, False, "p256.example", session)
            talk(tls, end)
            session = end.object.session
            del tls, end
        found = gc.collect()
    finally:
        gc.enable()
    assert found < 30  # of Python's ssl; a handshake of ours would be more
