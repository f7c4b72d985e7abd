# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GHASH of long messages, and of many at once, in lanes of big integers.  SP 800-38D §6.3, §6.4.

A lane holds one block: its sixteen octets, big-endian, and eight octets of zeros to its right.  In a block the leftmost bit is the
coefficient of x^0, so a multiplication by x is a shift to the right, and what x^128 and more make of it runs into the eight octets, from
where it is brought back by x^128 = 1 + x + x^2 + x^7:

    | a0 a1 a2 ... a127 | a128 a129 ... a191 |  lane

Folding.  The lanes of a message are cut into segments of S lanes, counted from the end; a block in segment j is worth H^(Sj) times what it
is worth in the last one.  Each segment is one integer.  The 32 hexadecimal digits of H^(Sj) choose, one after the other, among the sixteen
multiples of the segment by the polynomials of degree 3; the choices of all segments for one digit are added, and the 32 sums are joined
by shifts that all segments share.  S lanes remain, and are folded again with a smaller S; the last few are multiplied one by one
(`ghash_kronecker`).

    segment 2 * H^2S  +  segment 1 * H^S  +  segment 0    ->  S lanes, which lack H^S .. H^2, H

A message of tens of blocks is folded in halves instead, by segments of 48, 24, 12, 6 and 3 lanes: the power of H for each is the square of
the one for the next, so that a key that is used once, as those of Initial packets are, is no longer made ready than used.

Several messages are folded at once, side by side in the same integers.

Timing: which multiples are taken depends on the key, not on data: memory is touched in an order that the key decides.  Not for
SWS_KERNELS=ct.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from math import isqrt
from operator import itemgetter
from typing import Final, TypeAlias, final

from sws.crypto.kernels import ghash_kronecker
from sws.crypto.kernels.ghash_kronecker import multiply, square
from sws.crypto.kernels.plans import Plans
from sws.crypto.selection import IS_PYPY

__all__ = ["GhashKey"]

_LANE: Final = 24
_BITS: Final = 8 * _LANE
_SHORT: Final = 12
"""Blocks of messages up to which they are quicker for themselves than side by side."""
_FEW: Final = 8
"""Blocks of a message up to which products one by one are quicker."""
_HALVED: Final = 96
"""Blocks up to which it is quicker to fold in halves, which takes few powers of H, than to fold many segments at once."""
_DIGITS: Final = bytes(range(10)).rjust(58, b"\0").ljust(97, b"\0") + bytes(range(10, 16)).ljust(159, b"\0")
_SIDE_BY_SIDE: Final = 160
"""Lanes of an integer: with more, sums no longer fit the processor's nearest cache."""
_REMEMBERED: Final = 48
"""Powers of H, and the tables of digits that they choose by, that a key keeps: at most 24 KiB.  What needs more at once is a plan."""
_CHOICE_OCTETS: Final = 512

Choice: TypeAlias = Callable[[Sequence[int]], tuple[int, ...]]


@lru_cache(maxsize=64)
def _overflow_mask(lanes: int) -> int:
    return int.from_bytes((bytes(16) + b"\xff" * 8) * lanes, "big")


def _lanes_of(blocks: bytes) -> bytearray:
    """The blocks with eight zero octets after each."""
    size = len(blocks) // 16 * _LANE
    if IS_PYPY:  # its memoryviews take no strides; this takes twice as long on CPython
        halves = array("Q", blocks)
        spaced = array("Q", bytes(size))
        spaced[0::3] = halves[0::2]
        spaced[1::3] = halves[1::2]
        return bytearray(spaced.tobytes())
    lanes = bytearray(size)
    words = memoryview(blocks).cast("Q")
    places = memoryview(lanes).cast("Q")
    places[0::3] = words[0::2]
    places[1::3] = words[1::2]
    return lanes


def _multiples(term: int) -> tuple[int, ...]:
    """The products with the polynomials of degree 3: number 8 is 1, 4 is x, 2 is x^2, 1 is x^3."""
    x4, x2, x1 = term >> 1, term >> 2, term >> 3
    x3, x6, x12 = x2 ^ x1, x4 ^ x2, term ^ x4
    low = (0, x1, x2, x3, x4, x4 ^ x1, x6, x6 ^ x1)
    return (*low, term, term ^ x1, term ^ x2, term ^ x3, x12, x12 ^ x1, x12 ^ x2, x12 ^ x3)


def _choice(element: int) -> Choice:
    return itemgetter(*f"{element:032x}".encode().translate(_DIGITS))


def _sum_of_products(terms: Sequence[int], choices: Sequence[Choice], lanes: int) -> int:
    """The sum of terms, each of at most `lanes` lanes, times constants."""
    sums: list[int] = list(choices[0](_multiples(terms[0])))
    for term, choice in zip(terms[1:], choices[1:], strict=True):
        for digit, multiple in enumerate(choice(_multiples(term))):
            sums[digit] ^= multiple
    mask = _overflow_mask(lanes)
    total = 0
    for half in (sums[:15:-1], sums[15::-1]):  # 3 + 15 * 4 bits over, then 64: no more than eight octets hold
        for multiple in half:
            total = total >> 4 ^ multiple
        over = total & mask
        total ^= over ^ (over ^ over << 5 ^ over << 6 ^ over << 7) << 121
    return total


def _shape(segment: int, terms: int) -> int:
    return terms << 16 | segment


def _choices_of_shape(h: int, shape: int) -> tuple[list[Choice], list[Choice]]:
    """For messages of so many terms of so many lanes: what terms after the first choose by, and lanes."""
    terms, segment = shape >> 16, shape & 0xFFFF
    powers = [h]
    while len(powers) < segment:
        powers.append(multiply(powers[-1], h))
    steps = powers[-1:]
    while len(steps) < terms - 1:
        steps.append(multiply(steps[-1], powers[-1]))
    return list(map(_choice, steps)), list(map(_choice, reversed(powers)))


def _octets_of_shape(shape: int) -> int:
    return ((shape >> 16) + (shape & 0xFFFF)) * _CHOICE_OCTETS


@final
class GhashKey:
    """GHASH under one key.

    Args:
      h:  the hash subkey, 16 octets; SECRET.
    """

    __slots__ = ("_choices", "_plans", "_powers", "_products")

    def __init__(self, h: bytes) -> None:
        self._products = ghash_kronecker.GhashKey(h)
        self._powers = {1: int.from_bytes(h, "big")}
        self._choices: dict[int, Choice] = {}
        self._plans = Plans(partial(_choices_of_shape, self._powers[1]), _octets_of_shape)

    def many(self, messages: Sequence[bytes]) -> list[bytes]:
        """GHASH of each message.

        Args:
          messages:  each of whole blocks, at least one.
        """
        if len(messages) == 1:
            return [self._one(messages[0])]
        if sum(map(len, messages)) <= 16 * 2 * _SHORT:
            return list(map(self._one, messages))
        return self._side_by_side(messages)

    def _one(self, message: bytes) -> bytes:
        count = len(message) >> 4
        if count <= _FEW:
            return self._products.sum_of_products(message, 16)
        if count <= _HALVED:
            return self._by_halves(message)
        lanes: bytearray | bytes = _lanes_of(message)
        for segment in (8,) if count <= 40 else (18, 6) if count <= 140 else (40, 8) if count < 300 else (80, 16, 4):
            if len(lanes) > _LANE * segment:
                lanes = self._fold(lanes, segment)
        return self._products.sum_of_products(lanes, _LANE)

    def _by_halves(self, message: bytes) -> bytes:
        """From any number of lanes to three, by segments of 3, 6, 12 …, of which the power of H is the square of the one before."""
        segment = 3 << ((len(message) // 16 - 1) // 3).bit_length() - 1
        total = int.from_bytes(_lanes_of(message), "big")
        while segment >= 3:
            bits = _BITS * segment
            total = total & (1 << bits) - 1 ^ _sum_of_products((total >> bits,), (self._choice(segment),), segment)
            segment >>= 1
        return self._products.sum_of_products(total.to_bytes(3 * _LANE, "big"), _LANE)

    def _fold(self, lanes: bytearray | bytes, segment: int) -> bytes:
        """From any number of lanes to `segment` of them."""
        size = _LANE * segment
        ends = range(len(lanes) - size, 0, -size)
        terms = [int.from_bytes(lanes[max(end - size, 0) : end], "big") for end in ends]
        choices = [self._choice(segment * number) for number in range(1, len(terms) + 1)]
        total = _sum_of_products(terms, choices, segment) ^ int.from_bytes(lanes[-size:], "big")
        return total.to_bytes(size, "big")

    def _side_by_side(self, messages: Sequence[bytes]) -> list[bytes]:
        """All messages in the same integers; the longer ones to the right, so that a segment that only they have is a shorter integer."""
        count = len(messages)
        order = sorted(range(count), key=lambda index: len(messages[index]))
        longest = len(messages[order[-1]]) >> 4
        segment = max(1, min(isqrt(longest), _SIDE_BY_SIDE // count))
        ordered = [messages[index] for index in order]
        terms = self._segments(ordered, segment)
        total = terms[0]
        for_terms, for_lanes = self._choices_for(segment, len(terms))
        if len(terms) > 1:
            total ^= _sum_of_products(terms[1:], for_terms, count * segment)
        octets = total.to_bytes(_LANE * segment * count, "big")
        blocks = [octets[at : at + _LANE] for at in range(0, len(octets), _LANE)]
        terms = [int.from_bytes(b"".join(blocks[lane::segment]), "big") for lane in range(segment)]
        octets = _sum_of_products(terms, for_lanes, count).to_bytes(_LANE * count, "big")
        hashes = [b""] * count
        for at, index in enumerate(order):
            hashes[index] = octets[_LANE * at : _LANE * at + 16]
        return hashes

    @staticmethod
    def _segments(messages: Sequence[bytes], segment: int) -> list[int]:
        """Segment 0, 1, … of all messages that have it; these stand in ascending order of length."""
        size = _LANE * segment
        lanes = _lanes_of(b"".join(messages))
        bounds = []
        end = 0
        for message in messages:
            start, end = end, end + len(message) // 16 * _LANE
            bounds.append((start, end))
        terms = []
        while bounds:
            pieces = [lanes[end - size : end] if end - size > start else lanes[start:end].rjust(size, b"\0") for start, end in bounds]
            terms.append(int.from_bytes(b"".join(pieces), "big"))
            bounds = [(start, end - size) for start, end in bounds if end - size > start]
        return terms

    def _choices_for(self, segment: int, terms: int) -> tuple[list[Choice], list[Choice]]:
        if segment + terms > _REMEMBERED:
            return self._plans.get(_shape(segment, terms))
        by_terms = [self._choice(segment * number) for number in range(1, terms)]
        return by_terms, [self._choice(segment - lane) for lane in range(segment)]

    def _choice(self, exponent: int) -> Choice:
        known = self._choices.get(exponent)
        if known is None:
            if len(self._choices) >= _REMEMBERED:
                self._choices.clear()
                self._powers = {1: self._powers[1]}
            known = self._choices[exponent] = _choice(self._power(exponent))
        return known

    def _power(self, exponent: int) -> int:
        known = self._powers.get(exponent)
        if known is None:
            known = multiply(self._power(exponent - 1), self._powers[1]) if exponent & 1 else square(self._power(exponent // 2))
            self._powers[exponent] = known
        return known
