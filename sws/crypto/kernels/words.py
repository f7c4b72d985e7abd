# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Octets as words of 32 bits in an array, the first octet lowest: what the scalar kernels work on.

PyPy learns from its collector when an array is not needed any more, which is late: meanwhile each new one is fresh memory from the system,
and what has piled up makes the collector walk through everything.  So who is done with a large array says so.

Timing: depends on lengths and places only.
"""

from __future__ import annotations

from array import array
from sys import byteorder

__all__ = ["octets_of", "pad", "put", "words_of"]


def words_of(octets: bytes) -> array[int]:
    """Words of 32 bits, the first octet lowest."""
    words = array("I", octets)
    if byteorder == "big":
        words.byteswap()
    return words


def octets_of(words: array[int]) -> bytes:
    """The octets of words, which are given up: nothing is left of them."""
    if byteorder == "big":
        words.byteswap()
    octets = words.tobytes()
    del words[:]
    return octets


def pad(words: array[int], start: int, size: int) -> int:
    """Zeros behind `size` octets that begin with a word, up to whole blocks of sixteen; returns the word that follows."""
    at = start + (size >> 2)
    end = start + (size + 15 >> 4 << 2)
    if size & 3:
        words[at] &= (1 << 8 * (size & 3)) - 1
        at += 1
    while at < end:
        words[at] = 0
        at += 1
    return end


def put(words: array[int], place: int, four: tuple[int, int, int, int]) -> None:
    """Four words as octets from `place` on, which need not be a word's first; the word in which they end keeps nothing behind them."""
    at = place >> 2
    shift = 8 * (place & 3)
    below = words[at] & (1 << shift) - 1
    for word in four:
        words[at] = below | word << shift & 0xFFFFFFFF
        below = word >> 32 - shift
        at += 1
    if shift:
        words[at] = below
