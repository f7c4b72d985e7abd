# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keccak on machine-sized integers, for PyPy and mypyc.  Written by `emit_keccak.py`, which explains it.

Timing: as the readable twin, `sws.crypto.ref.sha3`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

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

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["SHA3", "absorb"]

M: Final = 0xFFFFFFFF
RC_HIGH: Final = (
    0x0,
    0x0,
    0x80000000,
    0x80000000,
    0x0,
    0x0,
    0x80000000,
    0x80000000,
    0x0,
    0x0,
    0x0,
    0x0,
    0x0,
    0x80000000,
    0x80000000,
    0x80000000,
    0x80000000,
    0x80000000,
    0x0,
    0x80000000,
    0x80000000,
    0x80000000,
    0x0,
    0x80000000,
)
RC_LOW: Final = (
    0x1,
    0x8082,
    0x808A,
    0x80008000,
    0x808B,
    0x80000001,
    0x80008081,
    0x8009,
    0x8A,
    0x88,
    0x80008009,
    0x8000000A,
    0x8000808B,
    0x8B,
    0x8089,
    0x8003,
    0x8002,
    0x80,
    0x800A,
    0x8000000A,
    0x80008081,
    0x8080,
    0x80000001,
    0x80008008,
)


def _permute(high: list[int], low: list[int]) -> None:
    """The permutation, in place.  §3.4."""
    a0h: i64 = 0
    a0l: i64 = 0
    a1h: i64 = 0
    a1l: i64 = 0
    a2h: i64 = 0
    a2l: i64 = 0
    a3h: i64 = 0
    a3l: i64 = 0
    a4h: i64 = 0
    a4l: i64 = 0
    a5h: i64 = 0
    a5l: i64 = 0
    a6h: i64 = 0
    a6l: i64 = 0
    a7h: i64 = 0
    a7l: i64 = 0
    a8h: i64 = 0
    a8l: i64 = 0
    a9h: i64 = 0
    a9l: i64 = 0
    a10h: i64 = 0
    a10l: i64 = 0
    a11h: i64 = 0
    a11l: i64 = 0
    a12h: i64 = 0
    a12l: i64 = 0
    a13h: i64 = 0
    a13l: i64 = 0
    a14h: i64 = 0
    a14l: i64 = 0
    a15h: i64 = 0
    a15l: i64 = 0
    a16h: i64 = 0
    a16l: i64 = 0
    a17h: i64 = 0
    a17l: i64 = 0
    a18h: i64 = 0
    a18l: i64 = 0
    a19h: i64 = 0
    a19l: i64 = 0
    a20h: i64 = 0
    a20l: i64 = 0
    a21h: i64 = 0
    a21l: i64 = 0
    a22h: i64 = 0
    a22l: i64 = 0
    a23h: i64 = 0
    a23l: i64 = 0
    a24h: i64 = 0
    a24l: i64 = 0
    b0h: i64 = 0
    b0l: i64 = 0
    b1h: i64 = 0
    b1l: i64 = 0
    b2h: i64 = 0
    b2l: i64 = 0
    b3h: i64 = 0
    b3l: i64 = 0
    b4h: i64 = 0
    b4l: i64 = 0
    b5h: i64 = 0
    b5l: i64 = 0
    b6h: i64 = 0
    b6l: i64 = 0
    b7h: i64 = 0
    b7l: i64 = 0
    b8h: i64 = 0
    b8l: i64 = 0
    b9h: i64 = 0
    b9l: i64 = 0
    b10h: i64 = 0
    b10l: i64 = 0
    b11h: i64 = 0
    b11l: i64 = 0
    b12h: i64 = 0
    b12l: i64 = 0
    b13h: i64 = 0
    b13l: i64 = 0
    b14h: i64 = 0
    b14l: i64 = 0
    b15h: i64 = 0
    b15l: i64 = 0
    b16h: i64 = 0
    b16l: i64 = 0
    b17h: i64 = 0
    b17l: i64 = 0
    b18h: i64 = 0
    b18l: i64 = 0
    b19h: i64 = 0
    b19l: i64 = 0
    b20h: i64 = 0
    b20l: i64 = 0
    b21h: i64 = 0
    b21l: i64 = 0
    b22h: i64 = 0
    b22l: i64 = 0
    b23h: i64 = 0
    b23l: i64 = 0
    b24h: i64 = 0
    b24l: i64 = 0
    c0h: i64 = 0
    c0l: i64 = 0
    c1h: i64 = 0
    c1l: i64 = 0
    c2h: i64 = 0
    c2l: i64 = 0
    c3h: i64 = 0
    c3l: i64 = 0
    c4h: i64 = 0
    c4l: i64 = 0
    d0h: i64 = 0
    d0l: i64 = 0
    d1h: i64 = 0
    d1l: i64 = 0
    d2h: i64 = 0
    d2l: i64 = 0
    d3h: i64 = 0
    d3l: i64 = 0
    d4h: i64 = 0
    d4l: i64 = 0
    hi: i64 = 0
    lo: i64 = 0
    a0h, a1h, a2h, a3h, a4h = high[0:5]
    a5h, a6h, a7h, a8h, a9h = high[5:10]
    a10h, a11h, a12h, a13h, a14h = high[10:15]
    a15h, a16h, a17h, a18h, a19h = high[15:20]
    a20h, a21h, a22h, a23h, a24h = high[20:25]
    a0l, a1l, a2l, a3l, a4l = low[0:5]
    a5l, a6l, a7l, a8l, a9l = low[5:10]
    a10l, a11l, a12l, a13l, a14l = low[10:15]
    a15l, a16l, a17l, a18l, a19l = low[15:20]
    a20l, a21l, a22l, a23l, a24l = low[20:25]
    for r in range(24):
        c0h = a0h ^ a5h ^ a10h ^ a15h ^ a20h
        c0l = a0l ^ a5l ^ a10l ^ a15l ^ a20l
        c1h = a1h ^ a6h ^ a11h ^ a16h ^ a21h
        c1l = a1l ^ a6l ^ a11l ^ a16l ^ a21l
        c2h = a2h ^ a7h ^ a12h ^ a17h ^ a22h
        c2l = a2l ^ a7l ^ a12l ^ a17l ^ a22l
        c3h = a3h ^ a8h ^ a13h ^ a18h ^ a23h
        c3l = a3l ^ a8l ^ a13l ^ a18l ^ a23l
        c4h = a4h ^ a9h ^ a14h ^ a19h ^ a24h
        c4l = a4l ^ a9l ^ a14l ^ a19l ^ a24l
        d0h = c4h ^ (c1h << 1 | c1l >> 31) & M
        d0l = c4l ^ (c1l << 1 | c1h >> 31) & M
        d1h = c0h ^ (c2h << 1 | c2l >> 31) & M
        d1l = c0l ^ (c2l << 1 | c2h >> 31) & M
        d2h = c1h ^ (c3h << 1 | c3l >> 31) & M
        d2l = c1l ^ (c3l << 1 | c3h >> 31) & M
        d3h = c2h ^ (c4h << 1 | c4l >> 31) & M
        d3l = c2l ^ (c4l << 1 | c4h >> 31) & M
        d4h = c3h ^ (c0h << 1 | c0l >> 31) & M
        d4l = c3l ^ (c0l << 1 | c0h >> 31) & M
        hi, lo = a0h ^ d0h, a0l ^ d0l
        b0h, b0l = hi, lo
        hi, lo = a6h ^ d1h, a6l ^ d1l
        b1h, b1l = (lo << 12 | hi >> 20) & M, (hi << 12 | lo >> 20) & M
        hi, lo = a12h ^ d2h, a12l ^ d2l
        b2h, b2l = (lo << 11 | hi >> 21) & M, (hi << 11 | lo >> 21) & M
        hi, lo = a18h ^ d3h, a18l ^ d3l
        b3h, b3l = (hi << 21 | lo >> 11) & M, (lo << 21 | hi >> 11) & M
        hi, lo = a24h ^ d4h, a24l ^ d4l
        b4h, b4l = (hi << 14 | lo >> 18) & M, (lo << 14 | hi >> 18) & M
        hi, lo = a3h ^ d3h, a3l ^ d3l
        b5h, b5l = (hi << 28 | lo >> 4) & M, (lo << 28 | hi >> 4) & M
        hi, lo = a9h ^ d4h, a9l ^ d4l
        b6h, b6l = (hi << 20 | lo >> 12) & M, (lo << 20 | hi >> 12) & M
        hi, lo = a10h ^ d0h, a10l ^ d0l
        b7h, b7l = (hi << 3 | lo >> 29) & M, (lo << 3 | hi >> 29) & M
        hi, lo = a16h ^ d1h, a16l ^ d1l
        b8h, b8l = (lo << 13 | hi >> 19) & M, (hi << 13 | lo >> 19) & M
        hi, lo = a22h ^ d2h, a22l ^ d2l
        b9h, b9l = (lo << 29 | hi >> 3) & M, (hi << 29 | lo >> 3) & M
        hi, lo = a1h ^ d1h, a1l ^ d1l
        b10h, b10l = (hi << 1 | lo >> 31) & M, (lo << 1 | hi >> 31) & M
        hi, lo = a7h ^ d2h, a7l ^ d2l
        b11h, b11l = (hi << 6 | lo >> 26) & M, (lo << 6 | hi >> 26) & M
        hi, lo = a13h ^ d3h, a13l ^ d3l
        b12h, b12l = (hi << 25 | lo >> 7) & M, (lo << 25 | hi >> 7) & M
        hi, lo = a19h ^ d4h, a19l ^ d4l
        b13h, b13l = (hi << 8 | lo >> 24) & M, (lo << 8 | hi >> 24) & M
        hi, lo = a20h ^ d0h, a20l ^ d0l
        b14h, b14l = (hi << 18 | lo >> 14) & M, (lo << 18 | hi >> 14) & M
        hi, lo = a4h ^ d4h, a4l ^ d4l
        b15h, b15l = (hi << 27 | lo >> 5) & M, (lo << 27 | hi >> 5) & M
        hi, lo = a5h ^ d0h, a5l ^ d0l
        b16h, b16l = (lo << 4 | hi >> 28) & M, (hi << 4 | lo >> 28) & M
        hi, lo = a11h ^ d1h, a11l ^ d1l
        b17h, b17l = (hi << 10 | lo >> 22) & M, (lo << 10 | hi >> 22) & M
        hi, lo = a17h ^ d2h, a17l ^ d2l
        b18h, b18l = (hi << 15 | lo >> 17) & M, (lo << 15 | hi >> 17) & M
        hi, lo = a23h ^ d3h, a23l ^ d3l
        b19h, b19l = (lo << 24 | hi >> 8) & M, (hi << 24 | lo >> 8) & M
        hi, lo = a2h ^ d2h, a2l ^ d2l
        b20h, b20l = (lo << 30 | hi >> 2) & M, (hi << 30 | lo >> 2) & M
        hi, lo = a8h ^ d3h, a8l ^ d3l
        b21h, b21l = (lo << 23 | hi >> 9) & M, (hi << 23 | lo >> 9) & M
        hi, lo = a14h ^ d4h, a14l ^ d4l
        b22h, b22l = (lo << 7 | hi >> 25) & M, (hi << 7 | lo >> 25) & M
        hi, lo = a15h ^ d0h, a15l ^ d0l
        b23h, b23l = (lo << 9 | hi >> 23) & M, (hi << 9 | lo >> 23) & M
        hi, lo = a21h ^ d1h, a21l ^ d1l
        b24h, b24l = (hi << 2 | lo >> 30) & M, (lo << 2 | hi >> 30) & M
        a0h = b0h ^ ~b1h & b2h
        a0l = b0l ^ ~b1l & b2l
        a1h = b1h ^ ~b2h & b3h
        a1l = b1l ^ ~b2l & b3l
        a2h = b2h ^ ~b3h & b4h
        a2l = b2l ^ ~b3l & b4l
        a3h = b3h ^ ~b4h & b0h
        a3l = b3l ^ ~b4l & b0l
        a4h = b4h ^ ~b0h & b1h
        a4l = b4l ^ ~b0l & b1l
        a5h = b5h ^ ~b6h & b7h
        a5l = b5l ^ ~b6l & b7l
        a6h = b6h ^ ~b7h & b8h
        a6l = b6l ^ ~b7l & b8l
        a7h = b7h ^ ~b8h & b9h
        a7l = b7l ^ ~b8l & b9l
        a8h = b8h ^ ~b9h & b5h
        a8l = b8l ^ ~b9l & b5l
        a9h = b9h ^ ~b5h & b6h
        a9l = b9l ^ ~b5l & b6l
        a10h = b10h ^ ~b11h & b12h
        a10l = b10l ^ ~b11l & b12l
        a11h = b11h ^ ~b12h & b13h
        a11l = b11l ^ ~b12l & b13l
        a12h = b12h ^ ~b13h & b14h
        a12l = b12l ^ ~b13l & b14l
        a13h = b13h ^ ~b14h & b10h
        a13l = b13l ^ ~b14l & b10l
        a14h = b14h ^ ~b10h & b11h
        a14l = b14l ^ ~b10l & b11l
        a15h = b15h ^ ~b16h & b17h
        a15l = b15l ^ ~b16l & b17l
        a16h = b16h ^ ~b17h & b18h
        a16l = b16l ^ ~b17l & b18l
        a17h = b17h ^ ~b18h & b19h
        a17l = b17l ^ ~b18l & b19l
        a18h = b18h ^ ~b19h & b15h
        a18l = b18l ^ ~b19l & b15l
        a19h = b19h ^ ~b15h & b16h
        a19l = b19l ^ ~b15l & b16l
        a20h = b20h ^ ~b21h & b22h
        a20l = b20l ^ ~b21l & b22l
        a21h = b21h ^ ~b22h & b23h
        a21l = b21l ^ ~b22l & b23l
        a22h = b22h ^ ~b23h & b24h
        a22l = b22l ^ ~b23l & b24l
        a23h = b23h ^ ~b24h & b20h
        a23l = b23l ^ ~b24l & b20l
        a24h = b24h ^ ~b20h & b21h
        a24l = b24l ^ ~b20l & b21l
        a0h ^= RC_HIGH[r]
        a0l ^= RC_LOW[r]
    high[0:5] = a0h, a1h, a2h, a3h, a4h
    high[5:10] = a5h, a6h, a7h, a8h, a9h
    high[10:15] = a10h, a11h, a12h, a13h, a14h
    high[15:20] = a15h, a16h, a17h, a18h, a19h
    high[20:25] = a20h, a21h, a22h, a23h, a24h
    low[0:5] = a0l, a1l, a2l, a3l, a4l
    low[5:10] = a5l, a6l, a7l, a8l, a9l
    low[10:15] = a10l, a11l, a12l, a13l, a14l
    low[15:20] = a15l, a16l, a17l, a18l, a19l
    low[20:25] = a20l, a21l, a22l, a23l, a24l


def absorb(lanes: Lanes, blocks: bytes, rate: int) -> Lanes:
    """The state after whole blocks; after the permutation alone if there are none."""
    high, low = [x >> 32 for x in lanes], [x & M for x in lanes]
    for at in range(0, len(blocks), rate):
        for word in range(rate // 8):
            i = at + 8 * word
            low[word] ^= blocks[i] | blocks[i + 1] << 8 | blocks[i + 2] << 16 | blocks[i + 3] << 24
            high[word] ^= blocks[i + 4] | blocks[i + 5] << 8 | blocks[i + 6] << 16 | blocks[i + 7] << 24
        _permute(high, low)
    if not blocks:
        _permute(high, low)
    return tuple([h << 32 | x for h, x in zip(high, low, strict=True)])


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
