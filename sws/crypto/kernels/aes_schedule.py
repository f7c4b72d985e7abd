# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What all AES kernels start from: the S-box as an octet table, and the key schedule.  FIPS 197 §5.1.1, §5.2."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from sws.crypto.kernels.aes_circuit import sub_bytes

__all__ = ["expand", "inverse_sbox", "sbox", "sub_word_by_circuit", "sub_word_by_table"]

_CONSTANTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 27, 54)
_EACH_WORD: Final = 1 << 96 | 1 << 64 | 1 << 32 | 1


@cache
def sbox() -> bytes:
    """S(0) .. S(255): the circuit at all arguments at once."""
    every = [sum(1 << value for value in range(256) if value >> bit & 1) for bit in range(8)]
    planes = sub_bytes(*every)
    return bytes(sum((planes[bit] >> value & 1) << bit for bit in range(8)) ^ 0x63 for value in range(256))


@cache
def inverse_sbox() -> bytes:
    """The argument that S takes to 0 .. 255."""
    table = bytearray(256)
    for value, image in enumerate(sbox()):
        table[image] = value
    return bytes(table)


def sub_word_by_table(word: int) -> int:
    """SubWord.  Timing: looks up at secret places."""
    return int.from_bytes(word.to_bytes(4, "big").translate(sbox()), "big")


def sub_word_by_circuit(word: int) -> int:
    """SubWord without look-ups: plane b has bit 8k for bit b of octet k."""
    planes = sub_bytes(*(word >> bit & 0x01010101 for bit in range(8)))
    return sum(plane << bit for bit, plane in enumerate(planes)) ^ 0x63636363


def expand(key: bytes, sub_word: Callable[[int], int] = sub_word_by_table) -> list[bytes]:
    """The round keys of FIPS 197 §5.2, 16 octets each; SECRET.

    Args:
      key:       16, 24 or 32 octets; SECRET.
      sub_word:  SubWord on a big-endian word.
    """
    if len(key) == 16:
        return _expand_128(key, sub_word)
    size = len(key) // 4
    words = [int.from_bytes(key[at : at + 4], "big") for at in range(0, len(key), 4)]
    word = words[-1]
    for index in range(size, 4 * size + 28):
        turn = index % size
        if not turn:
            word = sub_word((word << 8 | word >> 24) & 0xFFFFFFFF) ^ _CONSTANTS[index // size - 1] << 24
        elif turn == 4 and size > 6:
            word = sub_word(word)
        word ^= words[index - size]
        words.append(word)
    return [
        (words[at] << 96 | words[at + 1] << 64 | words[at + 2] << 32 | words[at + 3]).to_bytes(16, "big") for at in range(0, len(words), 4)
    ]


def _expand_128(key: bytes, sub_word: Callable[[int], int]) -> list[bytes]:
    """The round keys of a short key, each as one integer: its words add up to those of the next, and one new word comes to each."""
    block = int.from_bytes(key, "big")
    keys = [key]
    for constant in _CONSTANTS:
        word = block & 0xFFFFFFFF
        block ^= block >> 32
        block ^= block >> 64
        block ^= (sub_word((word << 8 | word >> 24) & 0xFFFFFFFF) ^ constant << 24) * _EACH_WORD
        keys.append(block.to_bytes(16, "big"))
    return keys
