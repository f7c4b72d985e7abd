# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES for PyPy, and for what mypyc compiles: one block after the other, by tables of words (`scalar_aes`).

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cache
from struct import unpack
from sys import byteorder
from typing import TypeAlias

from sws.crypto.kernels.aes_schedule import expand, inverse_sbox, sbox
from sws.crypto.kernels.scalar_aes import encrypt_words

__all__ = ["AesKey"]

Run: TypeAlias = tuple[bytes, int, int]


@cache
def _tables() -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    """For rows 0 .. 3 the column that an octet becomes after SubBytes and MixColumns; and the S-box."""
    box = list(sbox())
    columns = [(_times(2, value) << 24) | value << 16 | value << 8 | _times(3, value) for value in box]
    first, second, third, fourth = ([(word >> shift | word << 32 - shift) & 0xFFFFFFFF for word in columns] for shift in (0, 8, 16, 24))
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
    columns = [_times(14, v) << 24 | _times(9, v) << 16 | _times(13, v) << 8 | _times(11, v) for v in range(256)]
    rows = [[(word >> shift | word << 32 - shift) & 0xFFFFFFFF for word in columns] for shift in (0, 8, 16, 24)]
    return list(inverse_sbox()), rows


def words_of(octets: bytes) -> list[int]:
    """Big-endian words of 32 bits."""
    words = array("I", octets)
    if byteorder == "little":
        words.byteswap()
    return words.tolist()


def octets_of(words: list[int]) -> bytes:
    """The octets of big-endian words."""
    octets = array("I", words)
    if byteorder == "little":
        octets.byteswap()
    return octets.tobytes()


class AesKey:
    """The cipher under one key.

    Args:
      key:  16, 24 or 32 octets; SECRET.
    """

    __slots__ = ("_keys",)

    def __init__(self, key: bytes) -> None:
        self._keys = words_of(b"".join(expand(key)))

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, encrypted."""
        return octets_of(encrypt_words(self._keys, *_tables(), words_of(blocks), False, len(blocks) >> 4))

    def decrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, decrypted."""
        keys = self._keys
        box, rows = _inverse_tables()
        out = bytearray()
        for at in range(0, len(blocks), 16):
            state = [word ^ key for word, key in zip(unpack(">4I", blocks[at : at + 16]), keys[-4:], strict=True)]
            for start in range(len(keys) - 8, -4, -4):
                state = [
                    box[state[c] >> 24] << 24
                    | box[state[c - 1] >> 16 & 255] << 16
                    | box[state[c - 2] >> 8 & 255] << 8
                    | box[state[c - 3] & 255]
                    for c in range(4)
                ]
                state = [word ^ key for word, key in zip(state, keys[start : start + 4], strict=True)]
                if start:
                    state = [rows[0][w >> 24] ^ rows[1][w >> 16 & 255] ^ rows[2][w >> 8 & 255] ^ rows[3][w & 255] for w in state]
            out += octets_of(state)
        return bytes(out)

    def crypt_many(self, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The first encrypted counter block of each run, and each text XOR the blocks after the first."""
        tables = _tables()
        firsts = []
        outputs = []
        for (prefix, first, count), text in zip(runs, texts, strict=True):
            counter = [*unpack(">3I", prefix), first]
            stream = encrypt_words(self._keys, *tables, counter, True, count)
            firsts.append(octets_of(stream[:4]))
            size = len(text)
            words = words_of(text + bytes(-size & 15))
            at = 4
            for index in range(len(words)):
                words[index] ^= stream[at]
                at += 1
            outputs.append(octets_of(words)[:size])
        return firsts, outputs
