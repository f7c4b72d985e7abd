# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Address validation tokens: what a server gives a client to bring back.  RFC 9000 §8.1.

    token   = key number (1) | nonce (16) | box(key, nonce, content, aad = "sws quic token" | kind | key number | version | address)
    content = kind (1) | milliseconds since 1970 (8) | original dcid length (1), original dcid | retry scid length (1), retry scid

A Retry token is good for the address and port it was made for, and a few seconds; one from NEW_TOKEN for the address alone, and a day;
both in the version of QUIC that they were given out in (RFC 9369 §5).  Address and version are authenticated, not sent.  The connection
IDs of a Retry are what transport parameters have to repeat (§7.3).
A NEW_TOKEN token is taken once (§8.1.4) as far as this process remembers: `seen` is bounded, and forgets the oldest half.
Keys come from outside, newest first, so that workers and machines can share them.  The box is `sws.crypto.hashbox`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, final

from sws.base.datagrams import Address
from sws.base.errors import AuthenticationError
from sws.crypto.hashbox import NONCE, TAG, HashBox
from sws.crypto.system import Entropy

__all__ = ["NEW_TOKEN_LIFETIME", "RETRY_LIFETIME", "TokenBox", "TokenFacts", "TokenKind"]

RETRY_LIFETIME: Final = 15.0
NEW_TOKEN_LIFETIME: Final = 86400.0
_SEEN_MAXIMUM: Final = 8192
_AAD: Final = b"sws quic token"
_HEAD: Final = 1 + NONCE
_LEAST: Final = _HEAD + 11 + TAG
_MOST: Final = 128


class TokenKind(IntEnum):
    """Where a token was sent."""

    RETRY = 1
    NEW_TOKEN = 2


@final
@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a good token says.

    Attributes:
      original:  destination ID of the client's first Initial; empty in a NEW_TOKEN token.
      retried:   source ID of the Retry packet; empty in a NEW_TOKEN token.
    """

    kind: TokenKind
    original: bytes
    retried: bytes


@final
class TokenBox:
    """Makes and checks tokens.

    Args:
      keys:     keys of 32 octets, newest first; asked for each time; SECRET.
      wall:     seconds since 1970.
      entropy:  for nonces.
    """

    __slots__ = ("_ciphers", "_entropy", "_keys", "_seen", "_wall")

    def __init__(self, keys: Callable[[], tuple[bytes, ...]], wall: Callable[[], float], entropy: Entropy) -> None:
        self._keys = keys
        self._wall = wall
        self._entropy = entropy
        self._ciphers: dict[bytes, HashBox] = {}
        self._seen: dict[bytes, None] = {}

    def seal_retry(self, remote: Address, version: int, original: bytes, retried: bytes) -> bytes:
        """A token for a Retry packet."""
        return self._seal(TokenKind.RETRY, remote, version, original, retried)

    def seal_new_token(self, remote: Address, version: int) -> bytes:
        """A token for a later connection from the same address."""
        return self._seal(TokenKind.NEW_TOKEN, remote, version, b"", b"")

    def open(self, token: bytes, remote: Address, version: int) -> TokenFacts | None:
        """What a token says; None if it is not ours, too old, used before, or for another address or version."""
        if not _LEAST <= len(token) <= _MOST:
            return None
        keys = self._keys()
        for key in keys:
            if key[0] ^ key[-1] != token[0]:
                continue
            for kind in TokenKind:
                try:
                    content = self._cipher(key).open(token[1:_HEAD], token[_HEAD:], _aad(kind, token[0], remote, version))
                except AuthenticationError:
                    continue
                return self._judge(token, kind, content)
        return None

    def _judge(self, token: bytes, kind: TokenKind, content: bytes) -> TokenFacts | None:
        age = self._wall() - int.from_bytes(content[1:9], "big") / 1000
        if not -1.0 <= age <= (RETRY_LIFETIME if kind is TokenKind.RETRY else NEW_TOKEN_LIFETIME):
            return None
        if kind is TokenKind.NEW_TOKEN:
            if token in self._seen:
                return None
            if len(self._seen) >= _SEEN_MAXIMUM:
                self._seen = dict.fromkeys(list(self._seen)[_SEEN_MAXIMUM // 2 :])
            self._seen[token] = None
        middle = 10 + content[9]
        return TokenFacts(kind, content[10:middle], content[middle + 1 :])

    def _cipher(self, key: bytes) -> HashBox:
        cipher = self._ciphers.get(key)
        if cipher is None:
            kept = {known: self._ciphers[known] for known in self._keys() if known in self._ciphers}
            kept[key] = cipher = HashBox(key)
            self._ciphers = kept
        return cipher

    def _seal(self, kind: TokenKind, remote: Address, version: int, original: bytes, retried: bytes) -> bytes:
        key = self._keys()[0]
        name = key[0] ^ key[-1]
        issued = int(self._wall() * 1000).to_bytes(8, "big")
        content = b"".join((bytes((kind,)), issued, bytes((len(original),)), original, bytes((len(retried),)), retried))
        nonce = self._entropy(NONCE)
        return bytes((name,)) + nonce + self._cipher(key).seal(nonce, content, _aad(kind, name, remote, version))


def _aad(kind: TokenKind, name: int, remote: Address, version: int) -> bytes:
    host, port = remote
    place = f"{host} {port if kind is TokenKind.RETRY else 0}".encode()
    return b"".join((_AAD, bytes((kind, name)), version.to_bytes(4, "big"), place))
