# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Session tickets: the server's memory of a session, sealed and kept by the client.  RFC 9846 §4.6.1, §8; RFC 5077 §4 for the idea.

    ticket = key name (16) | nonce (16) | box(key, nonce, state, aad = key name)

The box is `sws.crypto.hashbox`.

A ticket is good for the virtual host it was made for, under the very client authentication that this host asks for and with the ALPN
protocol it had: `binding` is a hash of the first two, and who opens a ticket compares (CVE-2025-23419 was a server that did not).
Keys come from outside, newest first, so that workers and machines can share them; tickets of the older ones are still opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, final

from sws.base.errors import AuthenticationError, DecodeError
from sws.base.reader import Reader
from sws.crypto.hashbox import NONCE, HashBox
from sws.crypto.system import Entropy
from sws.proto.tls.extensions import encode_vector16

__all__ = ["LIFETIME_MAXIMUM", "Psk", "Session", "TicketBox", "TicketKeys", "Tickets"]

LIFETIME_MAXIMUM: Final = 604800
_VERSION: Final = 1
_NAME: Final = 16
_PEER_MAXIMUM: Final = 8192  # a client's chain beyond that is not put into tickets: such a session is not resumed


@final
@dataclass(frozen=True, slots=True)
class Session:
    """What a ticket remembers.

    Attributes:
      psk:        SECRET.
      issued:     wall time in milliseconds.
      age_add:    §4.6.1.
      binding:    of the virtual host and its client authentication.
      early_data: octets of 0-RTT data allowed; 0 for none.
      peer:       the client's chain in DER, if it showed one.
      born:       wall time in milliseconds of the full handshake that all of this goes back to.
    """

    suite: int
    psk: bytes = field(repr=False)
    issued: int
    age_add: int
    lifetime: int
    binding: bytes
    alpn: bytes
    early_data: int
    born: int
    peer: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """For sealing; SECRET."""
        return b"".join(
            (
                bytes((_VERSION,)),
                self.suite.to_bytes(2, "big"),
                self.issued.to_bytes(8, "big"),
                self.age_add.to_bytes(4, "big"),
                self.lifetime.to_bytes(4, "big"),
                self.early_data.to_bytes(4, "big"),
                self.born.to_bytes(8, "big"),
                encode_vector16(self.psk),
                encode_vector16(self.binding),
                encode_vector16(self.alpn),
                *[encode_vector16(certificate) for certificate in self.peer],
            )
        )


def _decode(data: bytes) -> Session:
    reader = Reader(data)
    if reader.u8("version") != _VERSION:
        raise DecodeError("ticket of another version", 0)
    suite = reader.u16()
    issued, age_add, lifetime, early = reader.uint(8), reader.u32(), reader.u32(), reader.u32()
    born = reader.uint(8)
    psk, binding, alpn = reader.vector(2), reader.vector(2), reader.vector(2)
    peer = []
    while reader.remaining:
        peer.append(reader.vector(2))
    return Session(suite, psk, issued, age_add, lifetime, binding, alpn, early, born, tuple(peer))


@final
@dataclass(frozen=True, slots=True)
class Psk:
    """A pre-shared key that a server accepts.

    Attributes:
      key:      SECRET.
      session:  what its ticket remembered; None for an external key.
    """

    key: bytes = field(repr=False)
    hash_name: str
    session: Session | None


@final
@dataclass(frozen=True, slots=True)
class TicketKeys:
    """Names of 16 octets and keys of 32, newest first; SECRET."""

    pairs: tuple[tuple[bytes, bytes], ...] = field(repr=False)


class Tickets(Protocol):
    """Seals sessions and opens tickets."""

    def seal_many(self, sessions: Sequence[Session]) -> list[bytes]:
        """A ticket for each; none at all where none can be made."""

    def open(self, ticket: bytes) -> Session | None:
        """None for what is no ticket of ours."""


@final
class TicketBox:
    """`Tickets` under shared keys.

    Args:
      keys:     asked for each time, so that rotation needs no word.
      entropy:  for nonces.
    """

    def __init__(self, keys: Callable[[], TicketKeys], entropy: Entropy) -> None:
        self._keys = keys
        self._entropy = entropy
        self._ciphers: dict[bytes, HashBox] = {}

    def _cipher(self, pairs: Sequence[tuple[bytes, bytes]], name: bytes) -> HashBox | None:
        cipher = self._ciphers.get(name)
        if cipher is None:
            for known, key in pairs:
                if known == name:
                    self._ciphers = {kept: self._ciphers[kept] for kept, _ in pairs if kept in self._ciphers}
                    cipher = self._ciphers[name] = HashBox(key)
        elif all(known != name for known, _ in pairs):
            del self._ciphers[name]
            return None
        return cipher

    def seal(self, session: Session) -> bytes | None:
        """The ticket; None without keys or with a peer too large to carry."""
        return next(iter(self.seal_many((session,))), None)

    def seal_many(self, sessions: Sequence[Session]) -> list[bytes]:
        """A ticket for each; none without keys or with a peer too large to carry."""
        pairs = self._keys().pairs
        if not pairs or any(sum(map(len, session.peer)) > _PEER_MAXIMUM for session in sessions):
            return []
        name = pairs[0][0]
        cipher = self._cipher(pairs, name)
        if cipher is None:
            return []
        nonces = [self._entropy(NONCE) for _ in sessions]
        return [name + nonce + cipher.seal(nonce, session.encode(), name) for nonce, session in zip(nonces, sessions, strict=True)]

    def open(self, ticket: bytes) -> Session | None:
        """None for anything that is no ticket of ours, whatever is wrong with it."""
        name = ticket[:_NAME]
        cipher = self._cipher(self._keys().pairs, name) if len(ticket) > _NAME + NONCE else None
        if cipher is None:
            return None
        try:
            return _decode(cipher.open(ticket[_NAME : _NAME + NONCE], ticket[_NAME + NONCE :], name))
        except (AuthenticationError, DecodeError):
            return None
