# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GHASH by the machine's multiplication of integers: no look-ups.  SP 800-38D §6.3, §6.4.

Kronecker substitution: each bit of a block gets an octet of its own.  The product of two such integers of 128 octets has in each octet
how many pairs of bits meet there; that is at most 128, so no octet runs into the next, and its lowest bit is the coefficient of the
product without carries.

    block  1 0 1 ...      ->  01 00 01 ...   \\
    power  1 1 0 ...      ->  01 01 00 ...   /  one multiplication  ->  01 01 02 ... -> & 01 01 01 ... -> 1 1 0 ...

The products of the blocks with their powers of H are added by XOR of whole octets, whose lowest bits add up as they should, and the sum is
reduced once.  With powers up to H^m, m blocks are taken at a time.

Timing: depends on lengths only, down to the machine's arithmetic on Python integers (one that happens to begin with zeros is shorter).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["GhashKey", "multiply", "square"]

_ONES: Final = int.from_bytes(b"\x01" * 128, "big")
_PRODUCT_ONES: Final = int.from_bytes(b"\x01" * 255, "big")
_ZEROS: Final = int.from_bytes(b"0" * 255, "big")
_BLOCK: Final = (1 << 128) - 1
_MOST: Final = 12
"""Powers of H that are kept; 164 octets each."""
_GROWTH: Final = 3
"""How many more powers each call may make: a key that is used once or twice needs few."""


def _spread(blocks: bytes | bytearray, stride: int) -> list[int]:
    """The first 16 octets of each `stride`, with one octet a bit."""
    text = f"{int.from_bytes(blocks, 'big'):0{8 * len(blocks)}b}".encode()
    return [int.from_bytes(text[at : at + 128], "big") & _ONES for at in range(0, len(text), 8 * stride)]


def _reduce(product: int) -> int:
    """A polynomial of degree 254, with the coefficient of x^m at bit 254 - m, modulo x^128 + x^7 + x^2 + x + 1.

    The lower half E of twice the integer stands for E(x) * x^128 = E(x) * (1 + x + x^2 + x^7).  A multiplication by x is a shift to the
    right; what would fall off the end are the lowest seven bits of E, and they are folded in first.
    """
    product <<= 1
    over = product & _BLOCK
    tail = over & 0x7F
    over ^= (tail << 127 ^ tail << 126 ^ tail << 121) & _BLOCK
    return product >> 128 ^ over ^ over >> 1 ^ over >> 2 ^ over >> 7


def _gather(product: int) -> int:
    """The element that a sum of products of spread blocks stands for."""
    return _reduce(int((product & _PRODUCT_ONES | _ZEROS).to_bytes(255, "big"), 2))


def _spread_one(element: int) -> int:
    """An element with one octet a bit."""
    return int.from_bytes(f"{element:0128b}".encode(), "big") & _ONES


def multiply(left: int, right: int) -> int:
    """The product of two elements, whose bit 127 is the coefficient of x^0."""
    return _gather(_spread_one(left) * _spread_one(right))


def square(element: int) -> int:
    """The square: a zero between any two bits, as when binary digits are read as digits of base four."""
    return _reduce(int(f"{element:b}", 4))


class GhashKey:
    """GHASH under one key.

    Args:
      h:  the hash subkey, 16 octets; SECRET.
    """

    __slots__ = ("_powers", "_spread")

    def __init__(self, h: bytes) -> None:
        self._powers = [int.from_bytes(h, "big")]
        self._spread = _spread(h, 16)

    def many(self, messages: Sequence[bytes]) -> list[bytes]:
        """GHASH of each message.

        Args:
          messages:  each of whole blocks, at least one.
        """
        return [self.sum_of_products(message, 16) for message in messages]

    def sum_of_products(self, blocks: bytes | bytearray, stride: int) -> bytes:
        """The blocks, at the beginning of each `stride` octets, times H^n .. H^2, H."""
        wanted = len(blocks) // stride
        self._grow(wanted)
        known = len(self._spread)
        powers = self._spread[::-1]
        sums = 0
        at = known - (wanted - 1) % known - 1
        for block in _spread(blocks, stride):
            if at == known:
                sums = _spread_one(_gather(sums)) ^ block
                sums *= powers[0]
                at = 1
            else:
                sums ^= block * powers[at]
                at += 1
        return _gather(sums).to_bytes(16, "big")

    def _grow(self, wanted: int) -> None:
        """More powers, if this message could use them."""
        for _ in range(min(wanted, _MOST, len(self._powers) + _GROWTH) - len(self._powers)):
            exponent = len(self._powers) + 1
            last = square(self._powers[exponent // 2 - 1]) if not exponent & 1 else multiply(self._powers[0], self._powers[-1])
            self._powers.append(last)
            self._spread.append(_spread_one(last))
