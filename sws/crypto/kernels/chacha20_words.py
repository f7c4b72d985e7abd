# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 and Poly1305 over the generated scalar code: for PyPy, and where it is compiled.  RFC 8439 §2.3, §2.5.

Here octets become words and back; the loops are in `scalar_chacha20` and `scalar_poly1305`.

Timing: as of the scalar code.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack, unpack
from typing import Final

from sws.crypto.kernels.scalar_chacha20 import crypt
from sws.crypto.kernels.scalar_poly1305 import tag_words
from sws.crypto.kernels.words import octets_of, words_of

__all__ = ["crypt_many", "first_octets", "key_streams", "mac"]

_ZEROS: Final = tuple(bytes(count) for count in range(65))

Run = tuple[bytes, int, int]


def key_streams(key: bytes, runs: Sequence[Run]) -> bytes:
    """The blocks of all runs, one run after the other; see `sws.crypto.chacha20.Kernel`."""
    return _crypt(key, runs, bytes(64 * sum([count for _, _, count in runs])))


def _crypt(key: bytes, runs: Sequence[Run], data: bytes) -> bytes:
    words = unpack("<8I", key)
    out = words_of(data)
    place = 0
    for nonce, first, count in runs:
        crypt(out, place, words, first, unpack("<3I", nonce), count)
        place += 16 * count
    return octets_of(out)


def crypt_many(key: bytes, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The first 32 octets of each run, and each text XOR the run's blocks after the first."""
    parts: list[bytes] = []
    for text in texts:
        parts += (_ZEROS[64], text, _ZEROS[-len(text) & 63])
    mixed = _crypt(key, runs, b"".join(parts))
    keys, outputs = [], []
    at = 0
    for (_, _, count), text in zip(runs, texts, strict=True):
        keys.append(mixed[at : at + 32])
        outputs.append(mixed[at + 64 : at + 64 + len(text)])
        at += 64 * count
    return keys, outputs


def first_octets(key: bytes, samples: Sequence[bytes]) -> list[bytes]:
    """The first five octets of the block of each sample, a counter and a nonce."""
    stream = key_streams(key, [(sample[4:], int.from_bytes(sample[:4], "little"), 1) for sample in samples])
    return [stream[at : at + 5] for at in range(0, len(stream), 64)]


def mac(key: bytes, message: bytes) -> bytes:
    """The tag of a message.

    Args:
      key:  32 octets, for one message; SECRET.
    Returns: 16 octets.
    """
    rest = len(message) & 15
    if rest:
        message = b"".join((message, b"\1", bytes(15 - rest)))
    words = words_of(message)
    tag = tag_words(words, len(words) - 4 if rest else len(words), unpack("<8I", key), 0)
    del words[:]
    return pack("<4I", *tag)
