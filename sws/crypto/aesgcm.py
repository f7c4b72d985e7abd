# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES-GCM: authenticated encryption of one message, or of many in one call.  SP 800-38D §7.

With J0 the pre-counter block (§7.1 step 2), E the cipher, and H = E(0):

    ciphertext   = plaintext XOR E(J0 + 1) E(J0 + 2) …
    tag          = GHASH_H(aad padded, ciphertext padded, their lengths) XOR E(J0)

So one call of the cipher makes the key streams of all messages, each with the block for its tag in front, and one call of GHASH all hashes;
the first call under a key has H beside them.
On machine-sized integers nothing is gained by that, and `aesgcm_words` does both where the texts stand.

Invariants: tags have 16 octets; no plaintext is given out whose tag did not verify.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeAlias, final

from sws.base.errors import AuthenticationError, UsageError
from sws.crypto.aes import BlockCipher, Run, checked_key, make_cipher
from sws.crypto.constant_time import equal
from sws.crypto.ghash import Hasher, make_hasher
from sws.crypto.octets import octets
from sws.crypto.selection import together

__all__ = ["AESGCM", "MAX_TEXT", "NONCE", "TAG", "Item"]

TAG: Final = 16
NONCE: Final = 12
"""Octets of the usual nonce.  Others of at least one octet work, and are hashed to a counter block (§7.1 step 2)."""

MAX_TEXT: Final = (1 << 36) - 32
"""Octets of a message: §5.2.1.1."""

Item: TypeAlias = tuple[bytes, bytes, bytes]
"""A nonce, a text, additional data; each bytes-like."""

_ZEROS: Final = tuple(bytes(count) for count in range(17))
_H_RUN: Final = (bytes(12), 0, 1)


class _Whole(Protocol):
    """Cipher and GHASH at once, or None if that is of no use; arguments are not checked."""

    def seal_many(self, cipher: BlockCipher, hasher: Hasher, items: Sequence[Item], /) -> list[bytes] | None: ...

    def open_many(self, cipher: BlockCipher, hasher: Hasher, items: Sequence[Item], /) -> list[bytes | None] | None: ...


def _load_words() -> _Whole:
    from sws.crypto.kernels import aesgcm_words

    return aesgcm_words  # type: ignore[return-value]  # the chosen kernels' own classes are what it is given


_whole: Final = together(("aes", "ghash"), "scalar", _load_words)


@final
class AESGCM:
    """AES-GCM under one key.

    Args:
      key:  16, 24 or 32 octets; SECRET.
    Raises: UsageError for another length.
    Timing: as the kernels say; under SWS_KERNELS=ct it depends on lengths only.
    """

    __slots__ = ("_cipher", "_hasher")

    def __init__(self, key: bytes) -> None:
        self._cipher = make_cipher(checked_key(key))
        self._hasher: Hasher | None = None

    def __repr__(self) -> str:
        return "AESGCM(…)"

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Encrypts.

        Args:
          nonce:      12 octets, or any other number but none; never used twice under a key.
          plaintext:  at most MAX_TEXT octets; SECRET.
          aad:        is authenticated, not sent.
        Returns: the ciphertext and the tag.
        Raises:  UsageError for an empty nonce or a text too long.
        """
        return self.seal_many(((nonce, plaintext, aad),))[0]

    def open(self, nonce: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes:
        """Verifies and decrypts what `seal` made.

        Raises: AuthenticationError if it was not made so; UsageError for an empty nonce.
        """
        plaintext = self.open_many(((nonce, ciphertext, aad),))[0]
        if plaintext is None:
            raise AuthenticationError
        return plaintext

    def seal_many(self, items: Sequence[Item]) -> list[bytes]:
        """`seal` for each (nonce, plaintext, aad), in one call."""
        texts = [octets(text) for _, text, _ in items]
        if texts and len(max(texts, key=len)) > MAX_TEXT:
            raise UsageError("a text too long for AES-GCM")
        if _whole is not None and self._hasher is not None and _usual(items):
            sealed = _whole.seal_many(self._cipher, self._hasher, _octets(items))
            if sealed is not None:
                return sealed
        firsts, ciphertexts = self._crypt([nonce for nonce, _, _ in items], texts)
        tags = self._tags(firsts, ciphertexts, [octets(aad) for _, _, aad in items])
        return [ciphertext + tag for ciphertext, tag in zip(ciphertexts, tags, strict=True)]

    def open_many(self, items: Sequence[Item]) -> list[bytes | None]:
        """`open` for each (nonce, ciphertext, aad), in one call: the plaintext, or None for what does not verify."""
        if _whole is not None and self._hasher is not None and _usual(items):
            opened = _whole.open_many(self._cipher, self._hasher, _octets(items))
            if opened is not None:
                return opened
        sealed = [octets(text) for _, text, _ in items]
        texts = [text[:-TAG] for text in sealed]
        firsts, plaintexts = self._crypt([nonce for nonce, _, _ in items], texts)
        tags = self._tags(firsts, texts, [octets(aad) for _, _, aad in items])
        return [
            plaintext if len(text) >= TAG and equal(text[-TAG:], tag) else None
            for text, plaintext, tag in zip(sealed, plaintexts, tags, strict=True)
        ]

    def _crypt(self, nonces: Sequence[bytes], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """E(J0) of each message, and its text XOR the key stream."""
        runs = [self._run(octets(nonce), len(text)) for nonce, text in zip(nonces, texts, strict=True)]
        if self._hasher is not None or not runs:
            return self._cipher.crypt_many(runs, texts)
        firsts, outputs = self._cipher.crypt_many([_H_RUN, *runs], [b"", *texts])
        self._hasher = make_hasher(firsts[0])
        return firsts[1:], outputs[1:]

    def _run(self, nonce: bytes, length: int) -> Run:
        """J0 and the counter blocks after it."""
        count = (length + 31) >> 4
        if len(nonce) == NONCE:
            return nonce, 1, count
        if not nonce:
            raise UsageError("an empty nonce")
        padding = _ZEROS[-len(nonce) & 15]
        j0 = self._hash([b"".join((nonce, padding, bytes(8), (8 * len(nonce)).to_bytes(8, "big")))])[0]
        return j0[:12], int.from_bytes(j0[12:], "big"), count

    def _hash(self, messages: Sequence[bytes]) -> list[bytes]:
        if self._hasher is None:
            self._hasher = make_hasher(self._cipher.encrypt_blocks(bytes(16)))
        return self._hasher.many(messages)

    def _tags(self, firsts: Sequence[bytes], ciphertexts: Sequence[bytes], aads: Sequence[bytes]) -> list[bytes]:
        messages = []
        for ciphertext, aad in zip(ciphertexts, aads, strict=True):
            length, more = len(ciphertext), len(aad)
            lengths = (more << 67 | length << 3).to_bytes(16, "big")
            messages.append(b"".join((aad, _ZEROS[-more & 15], ciphertext, _ZEROS[-length & 15], lengths)))
        hashes = b"".join(self._hash(messages)) if messages else b""
        size = len(hashes)
        tags = (int.from_bytes(hashes, "little") ^ int.from_bytes(b"".join(firsts), "little")).to_bytes(size, "little")
        return [tags[at : at + TAG] for at in range(0, size, TAG)]


def _usual(items: Sequence[Item]) -> bool:
    """There are some, and all nonces are of the usual length."""
    return {len(nonce) for nonce, _, _ in items} == {NONCE}


def _octets(items: Sequence[Item]) -> list[Item]:
    return [(octets(nonce), octets(text), octets(aad)) for nonce, text, aad in items]
