# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES-GCM on 32-bit words: a batch of messages is one array from beginning to end.  SP 800-38D §7.

A message stands in it so that the cipher finds the block for its tag before the text, and GHASH all else:

    aad, padded | zeros, become E(J0) | text, padded | lengths
    ^ start       ^ first               ^ first + 4

Nothing is cut out and joined again for a message between the two; see `chacha20poly1305_words`.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import pack
from typing import Final, TypeAlias

from sws.crypto.constant_time import equal
from sws.crypto.kernels.aes_tables import AesKey
from sws.crypto.kernels.ghash_tables import GhashKey, Tables
from sws.crypto.kernels.scalar_ghash import hash_words
from sws.crypto.kernels.words import octets_of, pad, put, words_of

__all__ = ["open_many", "seal_many"]

Item: TypeAlias = tuple[bytes, bytes, bytes]
Place: TypeAlias = tuple[int, int, int]
"""Where a message starts, where its E(J0) does, octets of its text."""

_TAG: Final = 16
_ZEROS: Final = tuple(bytes(count) for count in range(32))


def seal_many(cipher: AesKey, hasher: GhashKey, items: Sequence[Item]) -> list[bytes] | None:
    """Each text encrypted, with its tag; None if they are too few yet for GHASH's tables.

    Args:
      items:  nonces of 12 octets, texts, additional data.
    """
    texts = [text for _, text, _ in items]
    tables = _tables(hasher, texts)
    if tables is None:
        return None
    words, places = _laid_out(texts, items)
    for (nonce, _, _), place in zip(items, places, strict=True):
        _, first, size = place
        cipher.count(nonce, 1, words, first, first + 4 + (size + 15 >> 4 << 2))
        pad(words, first + 4, size)
        put(words, 4 * first + 16 + size, _tag(words, place, tables))
    sealed = octets_of(words)
    return [sealed[4 * first + 16 : 4 * first + 16 + size + _TAG] for _, first, size in places]


def open_many(cipher: AesKey, hasher: GhashKey, items: Sequence[Item]) -> list[bytes | None] | None:
    """Each text decrypted, None where its tag is wrong; all as of `seal_many`, with tags behind the texts."""
    texts = [sealed[:-_TAG] for _, sealed, _ in items]
    tables = _tables(hasher, texts)
    if tables is None:
        return None
    words, places = _laid_out(texts, items)
    good = []
    for (nonce, sealed, _), place in zip(items, places, strict=True):
        _, first, size = place
        cipher.count(nonce, 1, words, first, first + 4)
        good.append(len(sealed) >= _TAG and equal(pack("<4I", *_tag(words, place, tables)), sealed[-_TAG:]))
        cipher.count(nonce, 2, words, first + 4, first + 4 + (size + 15 >> 4 << 2))
    opened = octets_of(words)
    return [opened[4 * first + 16 : 4 * first + 16 + size] if fine else None for (_, first, size), fine in zip(places, good, strict=True)]


def _tables(hasher: GhashKey, texts: Sequence[bytes]) -> Tables | None:
    return hasher.tables(sum(map(len, texts)) >> 4)


def _laid_out(texts: Sequence[bytes], items: Sequence[Item]) -> tuple[array[int], list[Place]]:
    """The array, with zeros where E(J0) and padding are to come."""
    parts: list[bytes] = []
    places: list[Place] = []
    start = 0
    for text, (_, _, aad) in zip(texts, items, strict=True):
        size, more = len(text), len(aad)
        parts += (aad, _ZEROS[(-more & 15) + 16], text, _ZEROS[-size & 15], pack(">QQ", 8 * more, 8 * size))
        first = start + (more + 15 >> 4 << 2)
        places.append((start, first, size))
        start = first + 8 + (size + 15 >> 4 << 2)
    return words_of(b"".join(parts)), places


def _tag(words: array[int], place: Place, tables: Tables) -> tuple[int, int, int, int]:
    """The tag of a ciphertext whose padding is of zeros."""
    start, first, size = place
    a, b, c, d = hash_words(*tables, words, start, first, first + 4, first + 8 + (size + 15 >> 4 << 2))
    return a ^ words[first], b ^ words[first + 1], c ^ words[first + 2], d ^ words[first + 3]
