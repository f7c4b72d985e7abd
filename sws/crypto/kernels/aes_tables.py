# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES for PyPy, and for what mypyc compiles: one block after the other, by tables of words (`scalar_aes`).

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cache
from struct import unpack
from typing import Final, TypeAlias

from sws.crypto.kernels.aes_schedule import expand, inverse_sbox, sbox
from sws.crypto.kernels.scalar_aes import count_10, count_12, count_14, encrypt_10, encrypt_12, encrypt_14
from sws.crypto.kernels.words import octets_of, words_of

__all__ = ["AesKey"]

Run: TypeAlias = tuple[bytes, int, int]

_BLOCK: Final = bytes(16)


@cache
def _tables() -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    """For rows 0 .. 3 the column that an octet becomes after SubBytes and MixColumns; and the S-box."""
    box = list(sbox())
    columns = [_times(3, value) << 24 | value << 16 | value << 8 | _times(2, value) for value in box]
    first, second, third, fourth = ([(word << shift | word >> 32 - shift) & 0xFFFFFFFF for word in columns] for shift in (0, 8, 16, 24))
    return first, second, third, fourth, box


def _times(factor: int, octet: int) -> int:
    product = 0
    while factor:
        if factor & 1:
            product ^= octet
        octet = octet << 1 ^ (0x11B if octet & 0x80 else 0)
        factor >>= 1
    return product


@cache
def _inverse_tables() -> tuple[list[int], list[list[int]]]:
    """The inverse S-box, and for rows 0 .. 3 the column that an octet becomes by InvMixColumns."""
    columns = [_times(11, v) << 24 | _times(13, v) << 16 | _times(9, v) << 8 | _times(14, v) for v in range(256)]
    rows = [[(word << shift | word >> 32 - shift) & 0xFFFFFFFF for word in columns] for shift in (0, 8, 16, 24)]
    return list(inverse_sbox()), rows


class AesKey:
    """The cipher under one key.

    Args:
      key:  16, 24 or 32 octets; SECRET.
    """

    __slots__ = ("_count", "_encrypt", "_keys")

    def __init__(self, key: bytes) -> None:
        self._keys = words_of(b"".join(expand(key))).tolist()
        size = len(key)
        self._encrypt = encrypt_10 if size == 16 else encrypt_12 if size == 24 else encrypt_14
        self._count = count_10 if size == 16 else count_12 if size == 24 else count_14

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, encrypted."""
        words = words_of(blocks)
        self._encrypt(self._keys, *_tables(), words)
        return octets_of(words)

    def decrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, decrypted."""
        keys = self._keys
        box, rows = _inverse_tables()
        out = bytearray()
        for at in range(0, len(blocks), 16):
            state = [word ^ key for word, key in zip(unpack("<4I", blocks[at : at + 16]), keys[-4:], strict=True)]
            for start in range(len(keys) - 8, -4, -4):
                state = [
                    box[state[c] & 255]
                    | box[state[c - 1] >> 8 & 255] << 8
                    | box[state[c - 2] >> 16 & 255] << 16
                    | box[state[c - 3] >> 24] << 24
                    for c in range(4)
                ]
                state = [word ^ key for word, key in zip(state, keys[start : start + 4], strict=True)]
                if start:
                    state = [rows[0][w & 255] ^ rows[1][w >> 8 & 255] ^ rows[2][w >> 16 & 255] ^ rows[3][w >> 24] for w in state]
            out += octets_of(array("I", state))
        return bytes(out)

    def crypt_many(self, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The first encrypted counter block of each run, and each text XOR the blocks after the first."""
        firsts = []
        outputs = []
        for (prefix, first, count), text in zip(runs, texts, strict=True):
            size = len(text)
            words = words_of(b"".join((_BLOCK, text, _BLOCK[: (count - 1) * 16 - size])))
            self.count(prefix, first, words, 0, len(words))
            octets = octets_of(words)
            firsts.append(octets[:16])
            outputs.append(octets[16 : 16 + size])
        return firsts, outputs

    def count(self, prefix: bytes, first: int, words: array[int], start: int, stop: int) -> None:
        """Counter blocks from `first` on, encrypted and added to the words from `start` to `stop`."""
        self._count(self._keys, *_tables(), [*unpack("<3I", prefix), first], words, start, stop)
