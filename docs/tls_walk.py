# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One TLS 1.3 handshake, octet by octet: both roles are run against each other, and the page says what every octet on the wire is.

All that is random comes from a hash of a counter and the key is an Ed25519 one, so every run gives the same page.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sws.crypto.keys import SigningKey, generate_private_key
from sws.crypto.sha2 import sha256
from sws.crypto.x509 import Certificate, Roots, issue, new_authority
from sws.net.tls_keys import ChainPolicy, KeySigner
from sws.proto.tls import ClientConfig, ClientConnection, Credential, ServerConfig, ServerConnection, TicketBox, TicketKeys, TlsHost
from sws.proto.tls.constants import CipherSuite, ContentType, ExtensionType, HandshakeType, NamedGroup
from sws.proto.tls.records import Protection

__all__ = ["Walk", "handshake_page", "walk"]

_NOW: Final = 1_767_225_600
_SHOWN: Final = 96
_X: Final = ExtensionType


class _Counted:
    """Octets that look random and are always the same."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def __call__(self, octets: int) -> bytes:
        found = b""
        while len(found) < octets:
            self._count += 1
            found += sha256(self._seed + self._count.to_bytes(4, "big"))
        return found[:octets]


@dataclass
class Walk:
    """What went over the wire: (who, octets of a record), and the secrets of the key log."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    secrets: dict[str, bytes] = field(default_factory=dict)


def walk() -> Walk:
    """Run a handshake, one request and one answer, and both closures."""
    entropy = _Counted(b"keys")
    key = SigningKey(generate_private_key("Ed25519", entropy=entropy))
    issuer = SigningKey(generate_private_key("Ed25519", entropy=entropy))
    root = new_authority(issuer, "Example CA", now=_NOW, entropy=entropy)
    leaf: Certificate = issue(root, issuer, key.public, ["localhost"], now=_NOW, entropy=entropy)
    found = Walk()
    host = TlsHost((Credential((leaf.der,), KeySigner(key)),), (b"http/1.1",), b"host", ticket_count=1)
    keys = TicketKeys(((b"name of the key!", b"k" * 32),))
    server = ServerConnection(
        ServerConfig(
            lambda _facts: host,
            lambda: float(_NOW),
            suites=(CipherSuite.TLS_AES_128_GCM_SHA256,),
            groups=(NamedGroup.X25519,),
            entropy=_Counted(b"server"),
            tickets=TicketBox(lambda: keys, _Counted(b"tickets")),
            keylog=lambda label, _random, secret: found.secrets.update({label: secret}),
        ),
        0.0,
    )
    client = ClientConnection(
        ClientConfig(
            ChainPolicy(Roots([root]), "serverAuth", lambda: float(_NOW)),
            lambda: float(_NOW),
            b"localhost",
            (b"http/1.1",),
            suites=(CipherSuite.TLS_AES_128_GCM_SHA256,),
            groups=(NamedGroup.X25519,),
            entropy=_Counted(b"client"),
        ),
        0.0,
    )

    def carry() -> None:
        """Move what both ends have to say until they have no more."""
        moved = True
        while moved:
            moved = False
            for who, end, other in (("client", client, server), ("server", server, client)):
                data = b"".join(end.data_to_send(1 << 16))
                moved = moved or bool(data)
                while data:
                    size = 5 + int.from_bytes(data[3:5], "big")
                    found.records.append((who, data[:size]))
                    other.receive(data[:size], 0.0)
                    data = data[size:]

    carry()
    client.send([b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
    carry()
    server.send([b"HTTP/1.1 204 No Content\r\n\r\n"])
    carry()
    client.close()
    carry()
    server.close()
    carry()
    return found


# --- the fields of messages ------------------------------------------------------------------------------------------------


class _Fields:
    """Takes a message apart; every step is (octets, what they are)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, octets: int, what: str) -> tuple[bytes, str]:
        self.at += octets
        return self.data[self.at - octets : self.at], what

    def number(self, octets: int) -> int:
        return int.from_bytes(self.data[self.at : self.at + octets], "big")

    def vector(self, octets: int, what: str) -> Iterator[tuple[bytes, str]]:
        """A length of so many octets, and what it is the length of."""
        length = self.number(octets)
        yield self.take(octets, f"length of {what.partition(chr(58))[0]}: {length}")
        if length:
            yield self.take(length, what)

    def extensions(self) -> Iterator[tuple[bytes, str]]:
        """All extensions of a message, each with its body."""
        yield self.take(2, f"length of the extensions: {self.number(2)}")
        while self.at < len(self.data):
            kind, length = self.number(2), int.from_bytes(self.data[self.at + 2 : self.at + 4], "big")
            yield self.take(4, f"extension {_X(kind).name.lower()}, {length} octets")
            if length:
                yield self.take(length, _MEANINGS.get(kind, "its body"))


_MEANINGS: Final = {
    _X.SERVER_NAME: "a list with one host name: which virtual host is meant (RFC 6066 §3)",
    _X.SUPPORTED_VERSIONS: "0x0304, TLS 1.3: only this extension says so, the version fields keep the numbers of TLS 1.2",
    _X.SUPPORTED_GROUPS: "groups for the key exchange, best first (§4.2.7)",
    _X.SIGNATURE_ALGORITHMS: "signatures that CertificateVerify may have (§4.2.3)",
    _X.SIGNATURE_ALGORITHMS_CERT: "signatures that certificates may have",
    _X.KEY_SHARE: "group and public key of one side of the key exchange (§4.2.8)",
    _X.STATUS_REQUEST: "a stapled OCSP response is welcome (RFC 6066 §8)",
    _X.ALPN: "protocols that are to be spoken inside (RFC 7301)",
    _X.COMPRESS_CERTIFICATE: "compressed certificates are welcome: zlib (RFC 8879)",
    _X.RECORD_SIZE_LIMIT: "the largest plaintext of a record that is taken, type included (RFC 8449)",
    _X.PSK_KEY_EXCHANGE_MODES: "tickets may be used with a key exchange only (psk_dhe_ke, §4.2.9)",
}


def _message_fields(text: bytes) -> Iterator[tuple[bytes, str]]:
    fields = _Fields(text)
    kind = HandshakeType(text[0])
    yield fields.take(1, f"type: {kind.name.lower()}")
    yield fields.take(3, f"length: {fields.number(3)}")
    if kind in (HandshakeType.CLIENT_HELLO, HandshakeType.SERVER_HELLO):
        yield fields.take(2, "legacy_version: that of TLS 1.2, for those in between who know no other")
        yield fields.take(32, "random")
        yield from fields.vector(1, "legacy_session_id: compatibility mode, echoed by the server (appendix D.4)")
        if kind is HandshakeType.CLIENT_HELLO:
            yield from fields.vector(2, "cipher suites, best first")
            yield from fields.vector(1, "legacy_compression_methods: none")
        else:
            yield fields.take(2, f"cipher suite: {CipherSuite(fields.number(2)).name}")
            yield fields.take(1, "legacy_compression_method: none")
        yield from fields.extensions()
    elif kind is HandshakeType.ENCRYPTED_EXTENSIONS:
        yield from fields.extensions()
    elif kind is HandshakeType.COMPRESSED_CERTIFICATE:
        yield fields.take(2, "algorithm: zlib")
        yield fields.take(3, f"length when decompressed: {fields.number(3)}")
        yield from fields.vector(3, "the Certificate message, compressed")
    elif kind is HandshakeType.CERTIFICATE_VERIFY:
        yield fields.take(2, "signature scheme: ed25519")
        yield from fields.vector(2, "signature over 64 spaces, a context string, a zero octet and the hash of all messages so far (§4.4.3)")
    elif kind is HandshakeType.FINISHED:
        yield fields.take(len(text) - 4, "verify_data: HMAC of the hash of all messages so far (§4.4.4)")
    else:
        yield fields.take(4, "ticket_lifetime in seconds")
        yield fields.take(4, "ticket_age_add: hides the ticket's age when it comes back")
        yield from fields.vector(1, "ticket_nonce: makes its PSK differ from those of other tickets")
        yield from fields.vector(2, "ticket: sealed state that only the server can read")
        yield from fields.extensions()


# --- the page ---------------------------------------------------------------------------------------------------------------

_EXPLAINED: Final = {
    ContentType.ALERT: "level 1 (warning) and description 0 (close_notify): this half is over, nothing was cut off",
    ContentType.CHANGE_CIPHER_SPEC: "no meaning any more; it makes the connection look like TLS 1.2 to those in between (appendix D.4)",
    ContentType.APPLICATION_DATA: "what the protocol above says",
}


def _hex(data: bytes) -> str:
    shown = data[:_SHOWN].hex(" ", -4)
    return shown if len(data) <= _SHOWN else f"{shown} … ({len(data)} octets)"


def _block(rows: Iterator[tuple[bytes, str]] | list[tuple[bytes, str]]) -> list[str]:
    lines = [".. code-block:: text", ""]
    for octets, what in rows:
        wrapped = textwrap.wrap(_hex(octets), 72) or [""]
        lines += [f"   {line}" for line in wrapped]
        lines += [f"       {line}" for line in textwrap.wrap(what, 96)]
    return [*lines, ""]


class _Reader:
    """Opens the records of one side with the secrets of the key log."""

    def __init__(self, who: str, secrets: dict[str, bytes]) -> None:
        label = who.upper()
        self._stages = [
            ("handshake", Protection(CipherSuite.TLS_AES_128_GCM_SHA256, secrets[f"{label}_HANDSHAKE_TRAFFIC_SECRET"])),
            ("application", Protection(CipherSuite.TLS_AES_128_GCM_SHA256, secrets[f"{label}_TRAFFIC_SECRET_0"])),
        ]

    def open(self, record: bytes) -> tuple[str, int, bytes]:
        """Which keys, inner type, content."""
        name, protection = self._stages[0]
        (inner,) = protection.open([(record[0], record[:5], record[5:])])
        if inner is None:
            raise ValueError("a record of this page does not open")
        protection.sequence += 1
        content = inner.rstrip(b"\0")
        kind, content = content[-1], content[:-1]
        if kind == ContentType.HANDSHAKE and _messages(content)[-1][0] == HandshakeType.FINISHED:
            del self._stages[0]
        return name, kind, content


def _messages(content: bytes) -> list[bytes]:
    found = []
    while content:
        size = 4 + int.from_bytes(content[1:4], "big")
        found.append(content[:size])
        content = content[size:]
    return found


def _record(who: str, record: bytes, readers: dict[str, _Reader], protected: bool) -> Iterator[str]:
    kind, content, keys = record[0], record[5:], ""
    rows = [(record[:1], f"type: {ContentType(kind).name.lower()}"), (record[1:3], "legacy_record_version")]
    rows.append((record[3:5], f"length: {len(content)}"))
    if protected and kind == ContentType.APPLICATION_DATA:
        keys, kind, content = readers[who].open(record)
        rows.append(
            (record[5:], f"sealed under the {who}'s {keys} traffic key; inside: {ContentType(kind).name.lower()}, {len(content)} octets")
        )
    names = [HandshakeType(text[0]).name.lower() for text in _messages(content)] if kind == ContentType.HANDSHAKE else []
    title = f"{who}: {', '.join(names) or ContentType(kind).name.lower()}"
    yield from (title, "-" * len(title), "", "The record:", "")
    yield from _block(rows)
    if kind == ContentType.HANDSHAKE:
        for text in _messages(content):
            yield from (f"**{HandshakeType(text[0]).name.lower()}**", "")
            yield from _block(_message_fields(text))
    else:
        yield from _block([(content, _EXPLAINED[ContentType(kind)])])


def handshake_page() -> str:
    """The page, in reStructuredText."""
    run = walk()
    title = "A TLS 1.3 handshake, octet by octet"
    parts = [
        title,
        "=" * len(title),
        "",
        "Generated from a run of ``sws.proto.tls``, both roles, by ``docs/tls_walk.py``.",
        "Sections are those of RFC 9846 where no other RFC is named.",
        "",
        "The secrets of this run (what a key log has, RFC 9850), by which every record below can be opened:",
        "",
        ".. code-block:: text",
        "",
        *(f"   {label:32} {secret.hex()}" for label, secret in run.secrets.items()),
        "",
    ]
    readers = {who: _Reader(who, run.secrets) for who in ("client", "server")}
    hellos = 0
    for who, record in run.records:
        parts += _record(who, record, readers, hellos >= 2)
        hellos += record[0] == ContentType.HANDSHAKE
    return "\n".join(parts)
