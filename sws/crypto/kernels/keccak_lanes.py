# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keccak-f[1600] for CPython, of one state or of many at once.  FIPS 202 §3.2.

A state is a list of 25 integers, as in the readable twin; in each of them every message has a lane of 128 bits, of which the lower 64 hold
its word:

                 message 2        message 1        message 0
    A[x, y] = | 0      word | 0      word | 0      word |

The steps run over all 25 words with `map`, so the interpreter does about thirty things a round instead of two hundred; `itemgetter` puts
words into another order.  ROTL^n is one multiplication, which sets a word beside itself, and one shift: x * (2^64 + 1) >> 64 - n, then
the lower halves of the lanes are kept.

Timing: as the readable twin, `sws.crypto.ref.sha3`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import repeat
from operator import and_, invert, itemgetter, mul, rshift, xor
from struct import Struct
from typing import Final

from sws.crypto.hash_types import Sha3
from sws.crypto.kernels.sponge import (
    SHA3_224,
    SHA3_256,
    SHA3_384,
    SHA3_512,
    SHAKE128,
    SHAKE256,
    Lanes,
    Parameters,
    SpongeHash,
    SpongeXof,
    pad,
)
from sws.crypto.octets import octets

__all__ = ["SHA3", "absorb"]

# Word x + 5y after pi comes from word (x + 3y) % 5 + 5x before it; rotations as in FIPS 202 table 2, in the order after pi.
_PI: Final = itemgetter(*[(x + 3 * y) % 5 + 5 * x for y in range(5) for x in range(5)])
_RHO_AFTER_PI: Final = (0, 44, 43, 21, 14, 28, 20, 3, 45, 61, 1, 6, 25, 8, 18, 27, 36, 10, 15, 56, 62, 55, 39, 41, 2)
_SHIFTS: Final = tuple(64 - n for n in _RHO_AFTER_PI)
_NEXT: Final = itemgetter(*[(x + 1) % 5 + 5 * y for y in range(5) for x in range(5)])
_NEXT_BUT_ONE: Final = itemgetter(*[(x + 2) % 5 + 5 * y for y in range(5) for x in range(5)])
_DOUBLE: Final = (1 << 64) + 1
_WORD: Final = (1 << 64) - 1
_ROUND_CONSTANTS: Final = Struct("<24Q").unpack(
    bytes.fromhex(
        "01000000000000008280000000000000 8a80000000000080 0080008000000080"
        "8b80000000000000 0100008000000000 8180008000000080 0980000000000080"
        "8a00000000000000 8800000000000000 0980008000000000 0a00008000000000"
        "8b80008000000000 8b00000000000080 8980000000000080 0380000000000080"
        "0280000000000080 8000000000000080 0a80000000000000 0a00008000000080"
        "8180008000000080 8080000000000080 0100008000000000 0880008000000080"
    )
)


@lru_cache(maxsize=16)
def _ones(messages: int) -> int:
    """A one in the lane of each message."""
    return ((1 << 128 * messages) - 1) // ((1 << 128) - 1)


def _permute(a: Sequence[int], ones: int) -> list[int]:
    """The permutation, of all messages.  §3.4."""
    low = ones * _WORD
    words = repeat(low)
    for constant in _ROUND_CONSTANTS:
        c0, c1, c2, c3, c4 = map(xor, map(xor, map(xor, map(xor, a[:5], a[5:10]), a[10:15]), a[15:20]), a[20:])
        t0, t1, t2, t3, t4 = map(and_, map(rshift, map(mul, (c0, c1, c2, c3, c4), repeat(_DOUBLE)), repeat(63)), words)
        theta = (c4 ^ t1, c0 ^ t2, c1 ^ t3, c2 ^ t4, c3 ^ t0)
        moved = map(mul, _PI(list(map(xor, a, theta * 5))), repeat(_DOUBLE))
        b = list(map(and_, map(rshift, moved, _SHIFTS), words))
        a = list(map(xor, b, map(and_, map(invert, _NEXT(b)), _NEXT_BUT_ONE(b))))
        a[0] ^= constant * ones
    return list(a)


def absorb(lanes: Lanes, blocks: bytes, rate: int) -> Lanes:
    """The state of one message after whole blocks; after the permutation alone if there are none."""
    a = list(lanes)
    if not blocks:
        return tuple(_permute(a, 1))
    words = rate // 8
    for block in Struct(f"<{words}Q").iter_unpack(blocks):
        a[:words] = map(xor, a, block)
        a = _permute(a, 1)
    return tuple(a)


def shake_many(parameters: Parameters, messages: Sequence[bytes], length: int) -> list[bytes]:
    """The output of SHAKE for many messages of the same length at once.

    Args:
      length:  octets wanted of each.
    """
    rate, count = parameters.rate, len(messages)
    ones = _ones(count)
    padded = [pad(octets(message), parameters) for message in messages]
    a = [0] * 25
    for at in range(0, len(padded[0]), rate):
        for word in range(rate // 8):
            start = at + 8 * word
            a[word] ^= int.from_bytes(b"".join([part[start : start + 8] + bytes(8) for part in padded]), "little")
        a = _permute(a, ones)
    parts: list[list[bytes]] = [[] for _ in messages]
    for number in range(-(-length // rate)):
        if number:
            a = _permute(a, ones)
        rows = [word.to_bytes(16 * count, "little") for word in a[: rate // 8]]
        for index, part in enumerate(parts):
            part += [row[16 * index : 16 * index + 8] for row in rows]
    return [b"".join(part)[:length] for part in parts]


SHA3: Final = Sha3(
    partial(SpongeHash, SHA3_224, absorb),
    partial(SpongeHash, SHA3_256, absorb),
    partial(SpongeHash, SHA3_384, absorb),
    partial(SpongeHash, SHA3_512, absorb),
    partial(SpongeXof, SHAKE128, absorb),
    partial(SpongeXof, SHAKE256, absorb),
    partial(shake_many, SHAKE128),
    partial(shake_many, SHAKE256),
)
