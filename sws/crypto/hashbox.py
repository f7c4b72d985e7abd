# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A box for short texts that come back to whoever made it: encryption and authentication by HMAC-SHA256 alone.

    key stream = HMAC(k1, nonce | 0) | HMAC(k1, nonce | 1) | …              (a number has four octets)
    sealed     = c | the first 16 octets of HMAC(k2, length of aad (8) | aad | nonce | c),   c = text XOR key stream

k1 and k2 are expanded from the key (RFC 5869).  This is a pseudo-random function in counter mode, and a tag over what was encrypted, as
RFC 5077 §4 recommends for tickets with AES-CBC and HMAC.

Tickets and tokens are why it is there.  Nobody but their maker opens them, so that no standard has to name their form; and each is one
short text, where an AEAD whose cipher is written in Python costs ten times as much as a few hashes that the interpreter has in C.

A nonce has 16 octets and is never used twice under a key: of 2^48 drawn at random, two are the same with a chance of 2^-33.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.errors import AuthenticationError, UsageError
from sws.crypto.constant_time import equal
from sws.crypto.hkdf import expand
from sws.crypto.hmac import find_keyed
from sws.crypto.octets import octets

__all__ = ["KEY", "NONCE", "TAG", "HashBox"]

KEY: Final = 32
NONCE: Final = 16
TAG: Final = 16
_BLOCK: Final = 32
_MAXIMUM: Final = 1 << 16  # octets of a text


@final
class HashBox:
    """The box under one key.

    Args:
      key:  32 octets; SECRET.
    Raises: UsageError for another length.
    Timing: depends on lengths only, down to the Python-integer caveat.
    """

    __slots__ = ("_mac", "_stream")

    def __init__(self, key: bytes) -> None:
        key = octets(key)
        if len(key) != KEY:
            raise UsageError("a box has a key of 32 octets")
        keyed = find_keyed("sha256")
        self._stream: Callable[[bytes], bytes] = keyed(expand("sha256", key, b"sws box stream", 32))
        self._mac: Callable[[bytes], bytes] = keyed(expand("sha256", key, b"sws box tag", 32))

    def __repr__(self) -> str:
        return "HashBox(…)"

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Encrypts.

        Args:
          nonce:      16 octets; never used twice under a key.
          plaintext:  at most 65,536 octets; SECRET.
          aad:        is authenticated, not sent.
        Returns: the ciphertext and the tag.
        Raises:  UsageError for another nonce or a text too long.
        """
        nonce, text = octets(nonce), octets(plaintext)
        if len(nonce) != NONCE or len(text) > _MAXIMUM:
            raise UsageError("a nonce of 16 octets and at most 65,536 octets of text")
        hidden = self._mixed(nonce, text)
        return hidden + self._tag(nonce, hidden, octets(aad))

    def open(self, nonce: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes:
        """Verifies and decrypts what `seal` made.

        Raises: AuthenticationError if it was not made so; UsageError for another nonce.
        """
        nonce, sealed = octets(nonce), octets(ciphertext)
        if len(nonce) != NONCE:
            raise UsageError("a nonce of 16 octets")
        hidden = sealed[:-TAG]
        if not TAG <= len(sealed) <= _MAXIMUM + TAG or not equal(self._tag(nonce, hidden, octets(aad)), sealed[-TAG:]):
            raise AuthenticationError
        return self._mixed(nonce, hidden)

    def _mixed(self, nonce: bytes, text: bytes) -> bytes:
        """The text XOR the key stream."""
        size, stream = len(text), self._stream
        key_stream = b"".join([stream(nonce + number.to_bytes(4, "big")) for number in range(-(-size // _BLOCK))])
        return (int.from_bytes(text, "little") ^ int.from_bytes(key_stream[:size], "little")).to_bytes(size, "little")

    def _tag(self, nonce: bytes, hidden: bytes, aad: bytes) -> bytes:
        return self._mac(b"".join((len(aad).to_bytes(8, "big"), aad, nonce, hidden)))[:TAG]
