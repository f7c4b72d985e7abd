# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GHASH for PyPy, and for what mypyc compiles: one block after the other.  SP 800-38D §6.3, §6.4.

A key begins with sixteen multiples of H and takes a block by its 32 hexadecimal digits; after a few hundred blocks it gets a table for each
octet of a block (`scalar_ghash`), 64 KiB, which is kept in the store of plans.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from struct import pack, unpack
from typing import Final, TypeAlias

from sws.crypto.kernels.plans import Plans
from sws.crypto.kernels.scalar_ghash import hash_words
from sws.crypto.kernels.words import words_of

__all__ = ["GhashKey"]

Tables: TypeAlias = tuple[list[int], list[int]]

_R: Final = 0xE1 << 120
_LOW: Final = (1 << 64) - 1
_REST: Final = (1 << 60) - 1
_OCTETS: Final = 2 * 4096 * 8
_PATIENCE: Final = 256
"""Blocks after which the large tables are worth their making."""


def _shifted(element: int, places: int) -> int:
    """The element times x to that power."""
    for _ in range(places):
        element = element >> 1 ^ (_R if element & 1 else 0)
    return element


@cache
def _remainders() -> list[int]:
    """What four bits that fall off the end become: the first eight octets, as signed numbers."""
    return _signed([_shifted(digit, 4) >> 64 for digit in range(16)])


@cache
def _carried() -> list[int]:
    """Four bits at the upper end of eight octets, as signed numbers."""
    return _signed([digit << 60 for digit in range(16)])


def _signed(words: Sequence[int]) -> list[int]:
    """Eight octets each, as the numbers that PyPy keeps in a machine word."""
    return [word - (word >> 63 << 64) for word in words]


def _multiples(element: int) -> list[int]:
    """The element times the polynomials of degree 3: number 8 is 1, 4 is x, 2 is x^2, 1 is x^3."""
    table = [0] * 16
    for power, index in enumerate((8, 4, 2, 1)):
        table[index] = _shifted(element, power)
    for index in (2, 4, 8):
        for lower in range(1, index):
            table[index + lower] = table[index] ^ table[lower]
    return table


def _tables(h: int, _: int) -> Tables:
    """For octet i of value v, at 256 * i + v, the product with H: its last eight octets and its first eight, as signed numbers."""
    high: list[int] = []
    low: list[int] = []
    for _ in range(16):
        table = [0] * 256
        for power in range(8):
            index = 128 >> power
            table[index] = h
            h = h >> 1 ^ (_R if h & 1 else 0)
        for index in (2, 4, 8, 16, 32, 64, 128):
            for lower in range(1, index):
                table[index + lower] = table[index] ^ table[lower]
        halves = unpack("<512q", b"".join([entry.to_bytes(16, "big") for entry in table]))
        low += halves[::2]
        high += halves[1::2]
    return high, low


class GhashKey:
    """GHASH under one key.

    Args:
      h:  the hash subkey, 16 octets; SECRET.
    """

    __slots__ = ("_high", "_low", "_plans", "_seen")

    def __init__(self, h: bytes) -> None:
        element = int.from_bytes(h, "big")
        multiples = _multiples(element)
        self._high = _signed([entry >> 64 for entry in multiples])
        self._low = _signed([entry & _LOW for entry in multiples])
        self._seen = 0
        self._plans: Plans[Tables] = Plans(partial(_tables, element), lambda _: _OCTETS)

    def many(self, messages: Sequence[bytes]) -> list[bytes]:
        """GHASH of each message.

        Args:
          messages:  each of whole blocks, at least one.
        """
        tables = self.tables(sum(map(len, messages)) >> 4)
        if tables is None:
            return [self._by_digits(message) for message in messages]
        hashes = []
        for message in messages:
            words = words_of(message)
            hashes.append(pack("<4I", *hash_words(*tables, words, 0, 0, 0, len(words))))
            del words[:]
        return hashes

    def tables(self, blocks: int) -> Tables | None:
        """The tables for octets, if they are worth their making for so many blocks more."""
        self._seen += blocks
        return None if self._seen < _PATIENCE else self._plans.get(0)

    def _by_digits(self, message: bytes) -> bytes:
        high, low, remainders, carried = self._high, self._low, _remainders(), _carried()
        left = right = 0
        words = unpack(f">{len(message) // 8}q", message)
        for at in range(0, len(words), 2):
            halves = right ^ words[at + 1], left ^ words[at]
            left = right = 0
            for half in halves:
                for shift in range(0, 64, 4):
                    digit = half >> shift & 15
                    over = right & 15
                    right = (right >> 4 & _REST) ^ carried[left & 15] ^ low[digit]
                    left = (left >> 4 & _REST) ^ remainders[over] ^ high[digit]
        return pack(">2q", left, right)
