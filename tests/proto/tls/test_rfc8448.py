# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The traces of RFC 8448 replayed through both roles, bit for bit.

What a trace's peers were free to choose is put in from the trace: randoms and keys through the entropy, the salted signatures through the
signer, the client's hello and the server's EncryptedExtensions whole.  All else (ServerHello, HelloRetryRequest, every other message, key
schedule, Finished, binders, records) is ours and has to be the trace's octets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sws.base.handshake import HandshakeBytes
from sws.crypto.weierstrass import EcPrivateKey
from sws.proto.tls import (
    ClientAuth,
    ClientConfig,
    ClientConnection,
    ClientTicket,
    Credential,
    ServerConfig,
    ServerConnection,
    Session,
    TlsConnection,
    TlsHost,
    client_hello,
    server_hello,
)
from sws.proto.tls.config import Negotiated
from sws.proto.tls.constants import Level, NamedGroup
from sws.proto.tls.groups import Offer
from sws.proto.tls.hello import decode_client_hello
from sws.proto.tls.messages import decode_certificate, decode_certificate_verify, decode_new_session_ticket
from tests.kit.vectors import load_vectors

SECTIONS = {test["id"][-1]: test["steps"] for test in load_vectors("tls", "rfc8448", keys=("steps",))}
WALL = 1_000_000.0


def values(section: str, actor: str, name: str) -> list[bytes]:
    return [bytes.fromhex(step["fields"][name]) for step in SECTIONS[section] if step["actor"] == actor and name in step["fields"]]


class Recorded:
    """Key and signer of a peer: gives and takes the trace's signature."""

    def __init__(self, verify: bytes) -> None:
        self.scheme, self.signature = decode_certificate_verify(verify)
        self.schemes: tuple[int, ...] = (self.scheme,)
        self.authorities: tuple[bytes, ...] = ()

    def sign(self, scheme: int, _message: bytes) -> bytes:
        assert scheme == self.scheme
        return self.signature

    def verify(self, scheme: int, _message: bytes, signature: bytes) -> bool:
        return (scheme, signature) == (self.scheme, self.signature)

    def check(self, _chain: Sequence[bytes], _ocsp: bytes | None, _name: bytes | None) -> Recorded:
        return self


def recorded(section: str, actor: str) -> Credential | None:
    """The chain that one side shows."""
    chains, proofs = values(section, actor, "Certificate"), values(section, actor, "CertificateVerify")
    if not chains:
        return None
    return Credential(tuple(entry.certificate for entry in decode_certificate(chains[0]).entries), Recorded(proofs[0]))


class Chosen:
    """Entropy out of a list that others take from too."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts

    def __call__(self, _octets: int) -> bytes:
        return self.parts.pop(0)


class OneTicket:
    """Opens the ticket of section 3."""

    def __init__(self, hello: bytes) -> None:
        (self.ticket,) = values("3", "server", "NewSessionTicket")
        found = decode_new_session_ticket(self.ticket)
        self.identity = found.ticket
        age = int.from_bytes(hello[hello.index(found.ticket) + len(found.ticket) :][:4], "big")
        psk = next(
            bytes.fromhex(step["fields"]["expanded"]) for step in SECTIONS["3"] if step["action"].startswith("generate resumption secret")
        )
        self.issued = int(WALL * 1000) - (age - found.age_add) % (1 << 32)
        self.session = Session(0x1301, psk, self.issued, found.age_add, found.lifetime, b"", b"", found.early_data, self.issued)

    def seal_many(self, _sessions: Sequence[Session]) -> list[bytes]:
        return []

    def open(self, ticket: bytes) -> Session | None:
        return self.session if ticket == self.identity else None

    def for_client(self) -> ClientTicket:
        session = self.session
        return ClientTicket(
            self.identity, session.psk, session.suite, session.lifetime, session.age_add, session.early_data, self.issued, b"server", None
        )


def server_for(section: str, monkeypatch: pytest.MonkeyPatch) -> TlsConnection:
    credential = recorded(section, "server")
    theirs = recorded(section, "client")
    policy: Any = None if theirs is None else theirs.signer
    monkeypatch.setattr(server_hello, "_encrypted_extensions", lambda _hs, _offer: values(section, "server", "EncryptedExtensions")[0])
    if theirs is not None:
        monkeypatch.setattr(server_hello, "certificate_request", lambda _hs, _c: values(section, "server", "CertificateRequest")[0])
    hellos = values(section, "server", "ServerHello")
    (private,) = values(section, "server", "private key")
    chosen = [private, hellos[-1][6:38]]
    group = NamedGroup.SECP256R1 if section == "5" else NamedGroup.X25519
    if section == "5":
        at = hellos[0].index(b"\0\x2c") + 6
        chosen.insert(0, hellos[0][at : at + int.from_bytes(hellos[0][at - 2 : at], "big")])
        monkeypatch.setattr("sws.proto.tls.groups.ecdh.generate", lambda curve, _entropy: (chosen.pop(0), ecdh_key(curve, private))[1])
    hello = values(section, "client", "ClientHello")[0]
    if section == "4":
        hello = values(section, "client", "payload")[0]
    host = TlsHost(
        (credential,) if credential is not None else (),
        client_auth=ClientAuth.NONE if theirs is None else ClientAuth.REQUIRE,
        policy=policy,
        early_data=1024 if section == "4" else 0,
        ticket_count=0,
    )
    config = ServerConfig(
        lambda _facts: host,
        lambda: WALL,
        suites=(0x1301,),
        groups=(group,),
        entropy=Chosen(chosen),
        tickets=OneTicket(hello) if section == "4" else None,
        first_use=lambda _ticket, _until: True,
    )
    return ServerConnection(config, 0.0)


def ecdh_key(curve: str, private: bytes) -> Any:
    """A key with a private scalar that is given."""
    return EcPrivateKey(curve, private)


def client_for(section: str, monkeypatch: pytest.MonkeyPatch) -> TlsConnection:
    proof: Any = Recorded(values(section, "server", "CertificateVerify")[0]) if section != "4" else None
    hellos = values(section, "client", "ClientHello")
    if section == "4":
        hellos = values(section, "client", "payload")[:1]
    privates = values(section, "client", "private key")
    ticket = OneTicket(hellos[0]).for_client() if section == "4" else None
    whole = iter([decode_client_hello(hello) for hello in hellos])
    offers = iter(
        [Offer(NamedGroup.X25519, values(section, "client", "public key")[0], (privates[0],))]
        + [Offer(NamedGroup.SECP256R1, values(section, "client", "public key")[1], (ecdh_key("P-256", privates[1]),)) for _ in privates[1:]]
    )
    monkeypatch.setattr(client_hello, "offer", lambda _group, _entropy: next(offers))
    monkeypatch.setattr(client_hello, "_with_binders", lambda _hs, _hello: next(whole))
    config = ClientConfig(
        proof,
        lambda: WALL,
        b"server",
        groups=(NamedGroup.X25519, NamedGroup.SECP256R1, NamedGroup.SECP384R1),
        schemes=(0x0403, 0x0804),
        credential=recorded(section, "client"),
        ticket=ticket,
        early=section == "4",
        record_limit=16384,
    )
    return ClientConnection(config, 0.0)


def replay(section: str, us: str, engine: TlsConnection) -> None:
    """Go through a trace's records in the role of `us`."""
    sent = b""
    for step in SECTIONS[section]:
        record = step["fields"].get("complete record")
        if record is None:
            continue
        payload = bytes.fromhex(step["fields"]["payload"])
        wire = bytes.fromhex(record)
        kind = step["action"].split()[1]
        if step["actor"] != us:
            got = b"".join(engine.receive(wire, 0.0))
            assert got == (payload if kind == "application_data" else b"")
            continue
        if kind == "application_data":
            engine.send([payload])
        elif kind == "alert":
            engine.close()
        elif payload[:1] == b"\5":
            engine.end_early_data()
        elif payload[:1] == b"\4":
            engine._perform([HandshakeBytes(Level.APPLICATION, payload)])
        sent += b"".join(engine.data_to_send(1 << 16))
        assert sent[: len(wire)].hex() == record, step["action"]
        sent = sent[len(wire) :]
    assert sent == b""
    facts: Negotiated = engine.facts
    assert engine.complete
    assert engine.peer_closed
    assert facts.early == (section == "4")
    assert facts.retried == (section == "5")


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_as_the_server(section: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replay(section, "server", server_for(section, monkeypatch))


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_as_the_client(section: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replay(section, "client", client_for(section, monkeypatch))


def test_the_binder_of_the_trace() -> None:
    """Section 4: the hello that we would make has the trace's binder if the rest of it is the trace's."""
    (hello,) = values("4", "client", "payload")[:1]
    (finished,) = [bytes.fromhex(step["fields"]["finished"]) for step in SECTIONS["4"] if step["action"] == "calculate PSK binder"]
    assert hello.endswith(finished)


def test_the_ticket_of_the_trace() -> None:
    (text,) = values("3", "server", "NewSessionTicket")
    found = decode_new_session_ticket(text)
    assert (found.lifetime, found.nonce, found.early_data) == (30, b"\0\0", 1024)
