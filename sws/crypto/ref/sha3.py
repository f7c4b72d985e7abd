# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keccak-f[1600] in the order of its standard.  FIPS 202 §3.2 (step mappings), §3.3 (rounds), §3.4 (the permutation).

The state A is 5 x 5 lanes of 64 bits.  One round:

    theta    every bit gets the parities of two neighbouring columns
    rho      every lane is rotated by its own amount
    pi       the lanes change places
    chi      every bit gets (not right neighbour) and (right neighbour's neighbour); the only step that is not linear
    iota     lane (0, 0) gets the round's constant

Offsets and constants come from the rules of the standard: the walk of §3.2.2 and the linear feedback register of §3.2.5.

Timing: logic and rotations only; depends on the message's length, down to the Python-integer caveat.
"""

from __future__ import annotations

from functools import lru_cache, partial
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
    SpongeHash,
    SpongeXof,
    one_by_one,
)

__all__ = ["ROUNDS", "SHA3", "absorb", "keccak_f", "rotation_offsets", "round_constants"]

ROUNDS: Final = 24
_LANE: Final = (1 << 64) - 1


@lru_cache(maxsize=1)
def rotation_offsets() -> tuple[int, ...]:
    """The rotation of lane (x, y), at place x + 5y.  §3.2.2, Algorithm 2."""
    offsets = [0] * 25
    x, y = 1, 0
    for t in range(24):
        offsets[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(offsets)


def _rc(t: int) -> int:
    """One bit of the feedback register.  §3.2.5, Algorithm 5; the register's bit 0 is the lowest bit here."""
    register = 1
    for _ in range(t % 255):
        register <<= 1
        if register & 0x100:
            register ^= 0b1_0111_0001
    return register & 1


@lru_cache(maxsize=1)
def round_constants() -> tuple[int, ...]:
    """RC of each round.  §3.2.5, Algorithm 6."""
    return tuple(sum(_rc(j + 7 * i) << (1 << j) - 1 for j in range(7)) for i in range(ROUNDS))


def _rotl(lane: int, n: int) -> int:
    return (lane << n | lane >> 64 - n) & _LANE


def _theta(a: list[int]) -> list[int]:
    c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
    d = [c[(x - 1) % 5] ^ _rotl(c[(x + 1) % 5], 1) for x in range(5)]
    return [a[x + 5 * y] ^ d[x] for y in range(5) for x in range(5)]


def _rho(a: list[int]) -> list[int]:
    return [_rotl(lane, n) for lane, n in zip(a, rotation_offsets(), strict=True)]


def _pi(a: list[int]) -> list[int]:
    return [a[(x + 3 * y) % 5 + 5 * x] for y in range(5) for x in range(5)]


def _chi(a: list[int]) -> list[int]:
    return [a[x + 5 * y] ^ ~a[(x + 1) % 5 + 5 * y] & a[(x + 2) % 5 + 5 * y] for y in range(5) for x in range(5)]


def keccak_f(lanes: Lanes) -> Lanes:
    """The permutation.  §3.4."""
    a = list(lanes)
    for constant in round_constants():
        a = _chi(_pi(_rho(_theta(a))))
        a[0] ^= constant
    return tuple(a)


def absorb(lanes: Lanes, blocks: bytes, rate: int) -> Lanes:
    """The state after whole blocks; after the permutation alone if there are none.  §4, Algorithm 8, steps 6 and on."""
    if not blocks:
        return keccak_f(lanes)
    for at in range(0, len(blocks), rate):
        mixed = list(lanes)
        for lane in range(rate // 8):
            mixed[lane] ^= int.from_bytes(blocks[at + 8 * lane : at + 8 * lane + 8], "little")
        lanes = keccak_f(tuple(mixed))
    return lanes


SHA3: Final = Sha3(
    partial(SpongeHash, SHA3_224, absorb),
    partial(SpongeHash, SHA3_256, absorb),
    partial(SpongeHash, SHA3_384, absorb),
    partial(SpongeHash, SHA3_512, absorb),
    partial(SpongeXof, SHAKE128, absorb),
    partial(SpongeXof, SHAKE256, absorb),
    one_by_one(partial(SpongeXof, SHAKE128, absorb)),
    one_by_one(partial(SpongeXof, SHAKE256, absorb)),
)
