# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 and Poly1305 over the generated scalar code: for PyPy, and where it is compiled.  RFC 8439 §2.3, §2.5.

Here octets become words and back; the loops are in `scalar_chacha20` and `scalar_poly1305`.

Timing: as of the scalar code.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Final

from sws.crypto.kernels.scalar_chacha20 import crypt
from sws.crypto.kernels.scalar_poly1305 import accumulate

__all__ = ["crypt_many", "first_octets", "key_streams", "mac"]

_P: Final = (1 << 130) - 5
_LOW: Final = (1 << 128) - 1
_ZEROS: Final = tuple(bytes(count) for count in range(65))
_SWAP: Final = sys.byteorder == "big"

Run = tuple[bytes, int, int]


def _words(data: bytes) -> array[int]:
    words = array("I", data)
    if _SWAP:
        words.byteswap()
    return words


def key_streams(key: bytes, runs: Sequence[Run]) -> bytes:
    """The blocks of all runs, one run after the other; see `sws.crypto.chacha20.Kernel`."""
    return _crypt(key, runs, bytes(64 * sum([count for _, _, count in runs])))


def _crypt(key: bytes, runs: Sequence[Run], data: bytes) -> bytes:
    words = _words(key)
    out = _words(data)
    place = 0
    for nonce, first, count in runs:
        crypt(out, place, words, first, _words(nonce), count)
        place += 16 * count
    if _SWAP:
        out.byteswap()
    return out.tobytes()


def crypt_many(key: bytes, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The first 32 octets of each run, and each text XOR the run's blocks after the first."""
    keys, outputs = [], []
    for run, text in zip(runs, texts, strict=True):
        size = len(text)
        mixed = _crypt(key, (run,), b"".join((_ZEROS[64], text, _ZEROS[-size & 63])))
        keys.append(mixed[:32])
        outputs.append(mixed[64 : 64 + size])
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
    a, b, c, d = _words(key[:16])
    r = (
        a & 0x3FFFFFF,
        (a >> 26 | b << 6) & 0x3FFFF03,
        (b >> 20 | c << 12) & 0x3FFC0FF,
        (c >> 14 | d << 18) & 0x3F03FFF,
        d >> 8 & 0xFFFFF,
    )
    rest = len(message) & 15
    if rest:
        message = b"".join((message, b"\1", bytes(15 - rest)))
    words = _words(message)
    total = accumulate(words, len(words) - 4 if rest else len(words), r) % _P
    return ((total + int.from_bytes(key[16:], "little")) & _LOW).to_bytes(16, "little")
