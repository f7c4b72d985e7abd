# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20-Poly1305 on 32-bit words: a batch of messages is one array from beginning to end.  RFC 8439 §2.8.

A message stands in it so that the cipher finds block 0 before the text, and Poly1305 all else in blocks of 16 octets:

    aad, padded | block 0: the one-time key | text, padded | lengths
    ^ start       ^ first                     ^ first + 16

Nothing is cut out and joined again for a message between the two: for PyPy that costs as much as Poly1305 itself, and fills its memory.

Timing: depends on lengths only.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import pack, unpack
from typing import Final, TypeAlias

from sws.crypto.constant_time import equal
from sws.crypto.kernels.scalar_chacha20 import crypt
from sws.crypto.kernels.scalar_poly1305 import tag_between
from sws.crypto.kernels.words import octets_of, pad, put, words_of

__all__ = ["open_many", "seal_many"]

Item: TypeAlias = tuple[bytes, bytes, bytes]
Place: TypeAlias = tuple[int, int, int, int]
"""Where a message starts, where its block 0 does, octets of its text and of its additional data."""

_TAG: Final = 16
_ZEROS: Final = tuple(bytes(count) for count in range(80))


def seal_many(key: bytes, items: Sequence[Item]) -> list[bytes]:
    """Each text encrypted, with its tag.

    Args:
      key:    32 octets; SECRET.
      items:  nonces of 12 octets, texts, additional data.
    """
    key_words = unpack("<8I", key)
    words, places = _laid_out([text for _, text, _ in items], items)
    for (nonce, _, _), place in zip(items, places, strict=True):
        _, first, size, _ = place
        crypt(words, first, key_words, 0, unpack("<3I", nonce), 1 + (size + 63 >> 6))
        put(words, 4 * first + 64 + size, _tag(words, place))
    sealed = octets_of(words)
    return [sealed[4 * first + 64 : 4 * first + 64 + size + _TAG] for _, first, size, _ in places]


def open_many(key: bytes, items: Sequence[Item]) -> list[bytes | None]:
    """Each text decrypted, None where its tag is wrong; items as of `seal_many`, with tags behind their texts."""
    key_words = unpack("<8I", key)
    words, places = _laid_out([sealed[:-_TAG] for _, sealed, _ in items], items)
    good = []
    for (nonce, sealed, _), place in zip(items, places, strict=True):
        _, first, size, _ = place
        nonce_words = unpack("<3I", nonce)
        crypt(words, first, key_words, 0, nonce_words, 1)
        good.append(len(sealed) >= _TAG and equal(pack("<4I", *_tag(words, place)), sealed[-_TAG:]))
        crypt(words, first + 16, key_words, 1, nonce_words, size + 63 >> 6)
    opened = octets_of(words)
    return [
        opened[4 * first + 64 : 4 * first + 64 + size] if fine else None for (_, first, size, _), fine in zip(places, good, strict=True)
    ]


def _laid_out(texts: Sequence[bytes], items: Sequence[Item]) -> tuple[array[int], list[Place]]:
    """The array, with zeros where block 0, padding and lengths are to come."""
    parts: list[bytes] = []
    places: list[Place] = []
    start = 0
    for text, (_, _, aad) in zip(texts, items, strict=True):
        size, more = len(text), len(aad)
        parts += (aad, _ZEROS[(-more & 15) + 64], text, _ZEROS[(-size & 63) + 16])
        first = start + (more + 15 >> 4 << 2)
        places.append((start, first, size, more))
        start = first + 20 + (size + 63 >> 6 << 4)
    return words_of(b"".join(parts)), places


def _tag(words: array[int], place: Place) -> tuple[int, int, int, int]:
    """The tag of a ciphertext, after whose padding the lengths are put."""
    start, first, size, more = place
    end = pad(words, first + 16, size)
    words[end] = more & 0xFFFFFFFF
    words[end + 1] = more >> 32
    words[end + 2] = size & 0xFFFFFFFF
    words[end + 3] = size >> 32
    return tag_between(words, start, first, first + 16, end + 4, words, first)
