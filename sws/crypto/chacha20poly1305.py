# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20-Poly1305: authenticated encryption of one message, or of many in one call.  RFC 8439 §2.8.

    one-time key  = the first 32 octets of block 0                     (§2.6)
    ciphertext    = plaintext XOR blocks 1, 2, …
    tag           = Poly1305(one-time key, aad padded | ciphertext padded | length of aad (8) | length of ciphertext (8))

So one call of the cipher makes the blocks of all messages, each with the block for its key in front; then the texts, laid out like the
blocks, are XORed all at once.  Poly1305 has another key for each message and runs for each by itself.
On machine-sized integers nothing is gained by that, and `chacha20poly1305_words` does both where the texts stand.

Invariants: tags have 16 octets; no plaintext is given out whose tag did not verify.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final, Protocol, TypeAlias, final

from sws.base.errors import AuthenticationError, UsageError
from sws.crypto.chacha20 import BLOCK, KEY, NONCE, Run, crypt_many, crypt_under
from sws.crypto.constant_time import equal
from sws.crypto.octets import octets
from sws.crypto.poly1305 import TAG, one_time_mac
from sws.crypto.selection import together

__all__ = ["MAX_TEXT", "ChaCha20Poly1305", "Item", "open_groups", "seal_groups"]

MAX_TEXT: Final = ((1 << 32) - 1) * BLOCK
"""Octets of a message: §2.8."""

Item: TypeAlias = tuple[bytes, bytes, bytes]
"""A nonce, a text, additional data; each bytes-like."""

_ZEROS: Final = tuple(bytes(count) for count in range(16))


class _Whole(Protocol):
    """Both primitives at once; arguments are not checked."""

    def seal_many(self, key: bytes, items: Sequence[Item]) -> list[bytes]: ...

    def open_many(self, key: bytes, items: Sequence[Item]) -> list[bytes | None]: ...


def _load_words() -> _Whole:
    from sws.crypto.kernels import chacha20poly1305_words

    return chacha20poly1305_words


_whole: Final = together(("chacha20", "poly1305"), "scalar", _load_words)


@final
class ChaCha20Poly1305:
    """ChaCha20-Poly1305 under one key.

    Args:
      key:  32 octets; SECRET.
    Raises: UsageError for another length.
    Timing: depends on lengths only, down to the Python-integer caveat.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = octets(key)
        if len(self._key) != KEY:
            raise UsageError("ChaCha20-Poly1305 has a key of 32 octets")

    def __repr__(self) -> str:
        return "ChaCha20Poly1305(…)"

    def seal(self, nonce: bytes, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Encrypts.

        Args:
          nonce:      12 octets; never used twice under a key.
          plaintext:  at most MAX_TEXT octets; SECRET.
          aad:        is authenticated, not sent.
        Returns: the ciphertext and the tag.
        Raises:  UsageError for another nonce or a text too long.
        """
        text = octets(plaintext)
        keys, outputs = crypt_many(self._key, (_run(nonce, len(text)),), (text,))
        output = outputs[0]
        return output + one_time_mac(keys[0], _mac_data(octets(aad), output))

    def open(self, nonce: bytes, ciphertext: bytes, aad: bytes = b"") -> bytes:
        """Verifies and decrypts what `seal` made.

        Raises: AuthenticationError if it was not made so; UsageError for another nonce.
        """
        sealed = octets(ciphertext)
        text = sealed[:-TAG]
        keys, outputs = crypt_many(self._key, (_run(nonce, len(text)),), (text,))
        if len(sealed) < TAG or not equal(one_time_mac(keys[0], _mac_data(octets(aad), text)), sealed[-TAG:]):
            raise AuthenticationError
        return outputs[0]

    def seal_many(self, items: Sequence[Item]) -> list[bytes]:
        """`seal` for each (nonce, plaintext, aad), in one call."""
        if _whole is not None:
            return _whole.seal_many(self._key, [_checked(item) for item in items])
        texts = [octets(text) for _, text, _ in items]
        keys, outputs = self._crypt([nonce for nonce, _, _ in items], texts)
        return [output + tag for output, tag in zip(outputs, _tags(keys, items, outputs), strict=True)]

    def open_many(self, items: Sequence[Item]) -> list[bytes | None]:
        """`open` for each (nonce, ciphertext, aad), in one call: the plaintext, or None for what does not verify."""
        if _whole is not None:
            return _whole.open_many(self._key, [_checked(item) for item in items])
        sealed = [octets(text) for _, text, _ in items]
        texts = [text[:-TAG] for text in sealed]
        return _verified(items, sealed, texts, *self._crypt([nonce for nonce, _, _ in items], texts))

    def _crypt(self, nonces: Sequence[bytes], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The one-time key of each message, and its text XOR the blocks from 1 on."""
        runs = [_run(nonce, len(text)) for nonce, text in zip(nonces, texts, strict=True)]
        return crypt_many(self._key, runs, texts) if runs else ([], [])


Group: TypeAlias = tuple[ChaCha20Poly1305, Sequence[Item]]
"""Messages under one key."""


def seal_groups(groups: Sequence[Group]) -> list[list[bytes]]:
    """`seal_many` for each group; in one call of the cipher, if it has lanes for that."""
    if crypt_under is None or len(groups) < 2:
        return [cipher.seal_many(items) for cipher, items in groups]
    items = [item for _, some in groups for item in some]
    texts = [octets(text) for _, text, _ in items]
    keys, outputs = crypt_under(_keys_of(groups), [_run(nonce, len(text)) for (nonce, _, _), text in zip(items, texts, strict=True)], texts)
    sealed = iter([output + tag for output, tag in zip(outputs, _tags(keys, items, outputs), strict=True)])
    return [list(islice(sealed, len(some))) for _, some in groups]


def open_groups(groups: Sequence[Group]) -> list[list[bytes | None]]:
    """`open_many` for each group, likewise."""
    if crypt_under is None or len(groups) < 2:
        return [cipher.open_many(items) for cipher, items in groups]
    items = [item for _, some in groups for item in some]
    sealed = [octets(text) for _, text, _ in items]
    texts = [text[:-TAG] for text in sealed]
    runs = [_run(nonce, len(text)) for (nonce, _, _), text in zip(items, texts, strict=True)]
    opened = iter(_verified(items, sealed, texts, *crypt_under(_keys_of(groups), runs, texts)))
    return [list(islice(opened, len(some))) for _, some in groups]


def _keys_of(groups: Sequence[Group]) -> list[bytes]:
    """The key of each message."""
    return [cipher._key for cipher, items in groups for _ in items]


def _verified(
    items: Sequence[Item], sealed: Sequence[bytes], texts: Sequence[bytes], keys: Sequence[bytes], outputs: Sequence[bytes]
) -> list[bytes | None]:
    """What was opened where the tag is right, else None."""
    opened: list[bytes | None] = []
    for output, whole, tag in zip(outputs, sealed, _tags(keys, items, texts), strict=True):
        opened.append(output if len(whole) >= TAG and equal(tag, whole[-TAG:]) else None)
    return opened


def _run(nonce: bytes, size: int) -> Run:
    """The blocks of a message.  Raises: UsageError for another nonce or a text too long."""
    nonce = octets(nonce)
    if len(nonce) != NONCE or size > MAX_TEXT:
        raise UsageError("a nonce of 12 octets and at most 2^38 − 64 octets of text")
    return nonce, 0, 1 + (size + BLOCK - 1) // BLOCK


def _tags(keys: Sequence[bytes], items: Sequence[Item], texts: Sequence[bytes]) -> list[bytes]:
    """The tag of each ciphertext, whose additional data are in the item."""
    tags = []
    sizes = (-1, -1)
    filling = ending = b""
    for key, (_, _, aad), text in zip(keys, items, texts, strict=True):
        aad = octets(aad)
        if (len(aad), len(text)) != sizes:
            sizes = len(aad), len(text)
            filling, ending = _frame(*sizes)
        tags.append(one_time_mac(key, b"".join((aad, filling, text, ending))))
    return tags


def _checked(item: Item) -> Item:
    """Octets that `_run` has nothing against."""
    nonce, text, aad = octets(item[0]), octets(item[1]), octets(item[2])
    _run(nonce, len(text))
    return nonce, text, aad


def _mac_data(aad: bytes, ciphertext: bytes) -> bytes:
    filling, ending = _frame(len(aad), len(ciphertext))
    return b"".join((aad, filling, ciphertext, ending))


def _frame(more: int, size: int) -> tuple[bytes, bytes]:
    """What follows the additional data, and what follows the ciphertext."""
    return _ZEROS[-more & 15], _ZEROS[-size & 15] + (size << 64 | more).to_bytes(16, "little")
