# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A scripted raw TLS peer: either role, any message in any state, no state machine in the way.

    peer = RawClient(engine)           the engine is a `TlsConnection` in the other role; everything happens in memory
    peer.send_hello(peer.hello(…))     any hello
    peer.read_flight()                 keys, and what the server said: peer.messages
    peer.send_message(anything)        under the keys of the moment, in the transcript
    peer.alert                         the alert that the engine sent, or None

It has one cipher suite (AES-128-GCM with SHA-256) and one group (X25519), and checks nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Final

from sws.crypto import x25519
from sws.crypto.aead import AESGCM
from sws.crypto.hashes import digest
from sws.proto.tls import TlsConnection
from sws.proto.tls.schedule import KeySchedule, finished_data, next_secret, psk_from_ticket, traffic_keys

__all__ = ["HELLO_RETRY", "RawClient", "RawPeer", "RawServer", "extension", "message", "vector"]

HASH: Final = "sha256"
SUITE: Final = 0x1301
X25519: Final = 0x001D
HELLO_RETRY: Final = digest(HASH, b"HelloRetryRequest")
CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23


def vector(octets: int, body: bytes) -> bytes:
    """A body behind its length."""
    return len(body).to_bytes(octets, "big") + body


def message(kind: int, body: bytes = b"") -> bytes:
    """A handshake message."""
    return bytes((kind,)) + vector(3, body)


def extension(kind: int, body: bytes = b"") -> bytes:
    """An extension."""
    return kind.to_bytes(2, "big") + vector(2, body)


def u16s(values: Iterable[int]) -> bytes:
    """Numbers of sixteen bits."""
    return b"".join(value.to_bytes(2, "big") for value in values)


class Keys:
    """One direction under one secret."""

    def __init__(self, secret: bytes) -> None:
        key, iv = traffic_keys(HASH, secret, 16)
        self.secret = secret
        self.aead = AESGCM(key)
        self.iv = int.from_bytes(iv, "big")
        self.sequence = 0

    def nonce(self) -> bytes:
        """Of the next record."""
        self.sequence += 1
        return (self.iv ^ (self.sequence - 1)).to_bytes(12, "big")

    def updated(self) -> Keys:
        """After a KeyUpdate."""
        return Keys(next_secret(HASH, self.secret))


class RawPeer(ABC):
    """What both roles share.

    Attributes:
      messages:   handshake messages of the engine, whole.
      data:       application data of the engine.
      alert:      description of the alert that the engine sent.
      plain:      what the engine delivered of ours.
    """

    def __init__(self, engine: TlsConnection) -> None:
        self.engine = engine
        self.read: Keys | None = None
        self.write: Keys | None = None
        self.transcript = b""
        self.messages: list[bytes] = []
        self.data = b""
        self.alert: int | None = None
        self.closed = False
        self.plain: list[bytes] = []
        self.records: list[tuple[int, bytes]] = []
        self._buffer = b""
        self._handshake = b""
        self.private = bytes(range(1, 33))
        self.secrets: tuple[bytes, bytes] = (b"", b"")
        self.schedule: KeySchedule | None = None

    # --- records -----------------------------------------------------------------------------------------------------

    def send_raw(self, data: bytes) -> None:
        """Octets as they are."""
        self.plain += self.engine.receive(data, self.engine.now)

    def record(self, kind: int, payload: bytes, padding: int = 0, version: bytes = b"\3\3") -> bytes:
        """A record under the keys of the moment."""
        if self.write is None:
            return bytes((kind,)) + version + vector(2, payload)
        inner = payload + bytes((kind,)) + bytes(padding)
        header = b"\x17" + version + (len(inner) + 16).to_bytes(2, "big")
        return header + self.write.aead.seal(self.write.nonce(), inner, header)

    def send(self, kind: int, payload: bytes, padding: int = 0) -> None:
        """A record."""
        self.send_raw(self.record(kind, payload, padding))

    def send_message(self, text: bytes, counts: bool = True) -> None:
        """A handshake message in a record of its own; `counts`: in the transcript."""
        if counts:
            self.transcript += text
        self.send(HANDSHAKE, text)

    def send_plain(self, kind: int, payload: bytes) -> None:
        """A record without protection."""
        keys, self.write = self.write, None
        self.send(kind, payload)
        self.write = keys

    def receive(self) -> None:
        """Take what the engine has to send."""
        self._buffer += b"".join(self.engine.data_to_send(1 << 20))
        while len(self._buffer) >= 5:
            end = 5 + int.from_bytes(self._buffer[3:5], "big")
            if len(self._buffer) < end:
                return
            header, fragment, self._buffer = self._buffer[:5], self._buffer[5:end], self._buffer[end:]
            kind = header[0]
            if kind == DATA and self.read is not None:
                inner = self.read.aead.open(self.read.nonce(), fragment, header).rstrip(b"\0")
                kind, fragment = inner[-1], inner[:-1]
            self.records.append((kind, fragment))
            if kind == ALERT:
                self.alert = fragment[1]
                self.closed = self.closed or fragment[1] == 0
            elif kind == DATA:
                self.data += fragment
            elif kind == HANDSHAKE:
                self._handshake += fragment
                self._take_messages()

    def _take_messages(self) -> None:
        while len(self._handshake) >= 4:
            end = 4 + int.from_bytes(self._handshake[1:4], "big")
            if len(self._handshake) < end:
                return
            text, self._handshake = self._handshake[:end], self._handshake[end:]
            self.messages.append(text)
            self._message(text)

    @abstractmethod
    def _message(self, text: bytes) -> None:
        """For the role: transcript and keys."""

    def hash(self) -> bytes:
        """Of the transcript."""
        return digest(HASH, self.transcript)

    @property
    def kinds(self) -> list[int]:
        """Types of the engine's messages."""
        return [text[0] for text in self.messages]

    def find(self, kind: int) -> bytes:
        """The first message of a type."""
        return next(text for text in self.messages if text[0] == kind)

    def retry(self) -> None:
        """The transcript of a HelloRetryRequest: what stands there is the first ClientHello."""
        self.transcript = message(254, digest(HASH, self.transcript))

    def finished(self, base: bytes) -> bytes:
        """A Finished over the transcript."""
        return message(20, finished_data(HASH, base, self.hash()))


class RawClient(RawPeer):
    """Against a server's engine."""

    def __init__(self, engine: TlsConnection) -> None:
        super().__init__(engine)
        self.public = x25519.public(self.private)
        self.psk: bytes | None = None
        self.early_secret = b""
        self.resumption = b""

    def extensions(self, **changes: bytes | None) -> dict[int, bytes]:
        """Those of a usual hello."""
        found = {
            0: vector(2, b"\0" + vector(2, b"localhost")),
            43: b"\2\3\4",
            10: vector(2, u16s((X25519,))),
            13: vector(2, u16s((0x0403, 0x0804, 0x0807))),
            45: b"\1\1",
            51: vector(2, u16s((X25519,)) + vector(2, self.public)),
        }
        for name, body in changes.items():
            kind = int(name.removeprefix("x"))
            found.pop(kind, None)
            if body is not None:
                found[kind] = body
        return found

    def hello(
        self,
        extensions: dict[int, bytes] | Sequence[tuple[int, bytes]] | bytes | None = None,
        *,
        version: bytes = b"\3\3",
        random: bytes = b"R" * 32,
        session_id: bytes = b"",
        suites: Iterable[int] = (SUITE,),
        compression: bytes = b"\0",
        **changes: bytes | None,
    ) -> bytes:
        """A ClientHello; `x51=…` changes one extension, None leaves it out."""
        if extensions is None:
            extensions = self.extensions(**changes)
        if isinstance(extensions, dict):
            extensions = list(extensions.items())
        block = extensions if isinstance(extensions, bytes) else vector(2, b"".join(extension(*item) for item in extensions))
        body = version + random + vector(1, session_id) + vector(2, u16s(suites)) + vector(1, compression) + block
        return message(1, body)

    def hello_with_psk(self, ticket: bytes, psk: bytes, age: int, *, external: bool = False, **changes: bytes | None) -> bytes:
        """A ClientHello that resumes."""
        identities = vector(2, vector(2, ticket) + (age & 0xFFFFFFFF).to_bytes(4, "big"))
        blank = self.hello({**self.extensions(**changes), 41: identities + vector(2, vector(1, bytes(32)))})
        schedule = KeySchedule(HASH, psk)
        base = schedule.derive_empty(b"ext binder" if external else b"res binder")
        binder = finished_data(HASH, base, digest(HASH, self.transcript + blank[:-35]))
        self.psk = psk
        return blank[:-32] + binder

    def send_hello(self, text: bytes | None = None) -> None:
        """Send a hello and take the answer."""
        self.send_message(self.hello() if text is None else text)
        self.receive()

    def start_early(self) -> None:
        """Keys of 0-RTT data."""
        self.early_secret = KeySchedule(HASH, self.psk).derive(b"c e traffic", self.hash())
        self.write = Keys(self.early_secret)

    def _message(self, text: bytes) -> None:
        if self.schedule is not None and self.secrets[0] and text[0] in (4, 13, 24) and self.resumption:
            if text[0] == 24 and self.read is not None:
                self.read = self.read.updated()
            return
        if text[0] == 2 and text[6:38] == HELLO_RETRY:
            self.retry()
            self.transcript += text
            return
        base = self.read.secret if self.read is not None else b""
        if text[0] == 20:
            expected = self.finished(base)
            assert text == expected, "the server's Finished does not verify"
        self.transcript += text
        if text[0] == 2:
            share = text[text.index(b"\0\x33\0\x24\0\x1d\0\x20") + 8 :][:32]
            self.schedule = KeySchedule(HASH, self.psk if b"\0\x29\0\2\0\0" in text else None)
            self.schedule.advance(x25519.exchange(self.private, share))
            self.secrets = self.schedule.derive(b"c hs traffic", self.hash()), self.schedule.derive(b"s hs traffic", self.hash())
            self.read = Keys(self.secrets[1])
            if self.write is None:
                self.write = Keys(self.secrets[0])
        elif text[0] == 20 and self.schedule is not None:
            self.schedule.advance(None)
            self.application = self.schedule.derive(b"c ap traffic", self.hash()), self.schedule.derive(b"s ap traffic", self.hash())
            self.read = Keys(self.application[1])

    def use_handshake_keys(self) -> None:
        """After 0-RTT data."""
        self.write = Keys(self.secrets[0])

    def send_finished(self) -> None:
        """The last message; application keys from here on."""
        assert self.schedule is not None
        self.send_message(self.finished(self.secrets[0]))
        self.resumption = self.schedule.derive(b"res master", self.hash())
        self.write = Keys(self.application[0])
        self.receive()

    def connect(self, text: bytes | None = None) -> RawClient:
        """A whole handshake."""
        self.send_hello(text)
        self.send_finished()
        assert self.alert is None
        return self

    def ticket(self) -> tuple[bytes, bytes, int]:
        """The first ticket: itself, its PSK, what to add to its age."""
        text = self.find(4)
        nonce = text[13 : 13 + text[12]]
        rest = text[13 + text[12] :]
        size = int.from_bytes(rest[:2], "big")
        return rest[2 : 2 + size], psk_from_ticket(HASH, self.resumption, nonce), int.from_bytes(text[8:12], "big")


class RawServer(RawPeer):
    """Against a client's engine."""

    def __init__(self, engine: TlsConnection) -> None:
        super().__init__(engine)
        self.public = x25519.public(self.private)
        self.application: tuple[bytes, bytes] = (b"", b"")
        self.receive()

    @property
    def client_hello(self) -> bytes:
        """The last one."""
        return next(text for text in reversed(self.messages) if text[0] == 1)

    @property
    def session_id(self) -> bytes:
        """That the client wants echoed."""
        return self.client_hello[39 : 39 + self.client_hello[38]]

    def share_of_client(self) -> bytes:
        """Its X25519 share."""
        hello = self.client_hello
        return hello[hello.index(b"\0\x1d\0\x20") + 4 :][:32]

    def server_hello(
        self,
        *,
        version: bytes = b"\3\3",
        random: bytes = b"S" * 32,
        session_id: bytes | None = None,
        suite: int = SUITE,
        compression: int = 0,
        extensions: Sequence[tuple[int, bytes]] | None = None,
    ) -> bytes:
        """A ServerHello."""
        if extensions is None:
            extensions = ((43, b"\3\4"), (51, u16s((X25519,)) + vector(2, self.public)))
        body = version + random + vector(1, self.session_id if session_id is None else session_id) + u16s((suite,)) + bytes((compression,))
        return message(2, body + vector(2, b"".join(extension(*item) for item in extensions)))

    def retry_request(self, *extensions: tuple[int, bytes], **facts: object) -> bytes:
        """A HelloRetryRequest."""
        return self.server_hello(random=HELLO_RETRY, extensions=extensions, **facts)  # type: ignore[arg-type]

    def send_retry(self, text: bytes) -> None:
        """Send it, and take the second ClientHello."""
        self.retry()
        self.send_message(text)
        self.receive()

    def send_server_hello(self, text: bytes | None = None, psk: bytes | None = None) -> None:
        """Send it and turn to the handshake keys."""
        share = self.share_of_client()
        self.send_message(self.server_hello() if text is None else text)
        schedule = KeySchedule(HASH, psk)
        schedule.advance(x25519.exchange(self.private, share))
        self.secrets = schedule.derive(b"c hs traffic", self.hash()), schedule.derive(b"s hs traffic", self.hash())
        self.write, self.read = Keys(self.secrets[1]), Keys(self.secrets[0])
        self.schedule = schedule
        self.receive()

    def send_finished(self) -> None:
        """Our Finished, and what the client says to it."""
        assert self.schedule is not None
        self.send_message(self.finished(self.secrets[1]))
        self.schedule.advance(None)
        self.application = self.schedule.derive(b"c ap traffic", self.hash()), self.schedule.derive(b"s ap traffic", self.hash())
        self.write = Keys(self.application[1])
        self.receive()
        if self.alert is None:
            self.read = Keys(self.application[0])

    def _message(self, text: bytes) -> None:
        if text[0] == 24 and self.read is not None:
            self.read = self.read.updated()
        else:
            self.transcript += text
