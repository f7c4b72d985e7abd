# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-2 for CPython: message schedules of many blocks in lanes, rounds unrolled by eight.  FIPS 180-4 §6.2.2, §6.4.2.

The rounds of a block wait for the block before, but no schedule does: it depends on the message alone.  So the schedules of up to 32
blocks are worked out together.  Word t of every block stands in one integer, a lane of twice a word's width for each block:

            block 2          block 1          block 0
    W_t = | 0      W_t | 0      W_t | 0      W_t |          the zeros give additions room for their carries

A rotation is one shift of a word that stands in its lane twice: x * (2^bits + 1) = x | x, so ROTR^n(x) = (x | x) >> n, and its upper half
is dropped at the end, once for a sum of several.  The same trick serves the rounds.  K_t is added in lanes, too.  One or two blocks are
quicker without lanes, word by word.

A round costs 26 operations on integers, from these forms of its functions:

    Ch(e, f, g)  = g ^ (e & (f ^ g))
    Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c))       where b ^ c is a ^ b of the round before
    e and a alone are cut to a word; sums above them may be longer

and, eight rounds being written out, no value is moved from one name to the next.

Timing: as the readable twin, `sws.crypto.ref.sha2`.
Needs a little-endian machine.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from functools import partial
from operator import add
from struct import Struct
from typing import Final

from sws.crypto.hash_types import Octets, Sha2
from sws.crypto.kernels._tables_sha2 import K256, K512
from sws.crypto.kernels.block_hash import SHA224, SHA256, SHA384, SHA512, BlockHash, State

__all__ = ["SHA2", "compress_32", "compress_64"]

_MOST_BLOCKS: Final = 32
_FEWEST_BLOCKS: Final = 3
_DOUBLE_32: Final = (1 << 32) + 1
_DOUBLE_64: Final = (1 << 64) + 1
_WORD_32: Final = (1 << 32) - 1
_WORD_64: Final = (1 << 64) - 1
_unpack_32: Final = Struct(">16I").unpack
_unpack_64: Final = Struct(">16Q").unpack


def _words(data: bytes, typecode: str) -> array[int]:
    words = array(typecode, data)
    words.byteswap()
    return words


def _lanes_of(words: array[int], blocks: int) -> list[int]:
    """W_0 to W_15: word t of every block, in lanes of two words."""
    lanes = []
    spread = array(words.typecode, bytes(2 * words.itemsize * blocks))
    for t in range(16):
        spread[::2] = words[t::16]
        lanes.append(int.from_bytes(spread, "little"))
    return lanes


def _repeated(bits: int, blocks: int) -> int:
    """A one in each lane."""
    return ((1 << 2 * bits * blocks) - 1) // ((1 << 2 * bits) - 1)


def _schedule_32(block: bytes) -> list[int]:
    """W_t + K_t of one block."""
    w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15 = words = _unpack_32(block)
    d, m = _DOUBLE_32, _WORD_32
    schedule = list(words)
    for _ in range(3):
        w0 = w0 + ((x := w1 * d) >> 7 ^ x >> 18 ^ w1 >> 3) + w9 + ((x := w14 * d) >> 17 ^ x >> 19 ^ w14 >> 10) & m
        w1 = w1 + ((x := w2 * d) >> 7 ^ x >> 18 ^ w2 >> 3) + w10 + ((x := w15 * d) >> 17 ^ x >> 19 ^ w15 >> 10) & m
        w2 = w2 + ((x := w3 * d) >> 7 ^ x >> 18 ^ w3 >> 3) + w11 + ((x := w0 * d) >> 17 ^ x >> 19 ^ w0 >> 10) & m
        w3 = w3 + ((x := w4 * d) >> 7 ^ x >> 18 ^ w4 >> 3) + w12 + ((x := w1 * d) >> 17 ^ x >> 19 ^ w1 >> 10) & m
        w4 = w4 + ((x := w5 * d) >> 7 ^ x >> 18 ^ w5 >> 3) + w13 + ((x := w2 * d) >> 17 ^ x >> 19 ^ w2 >> 10) & m
        w5 = w5 + ((x := w6 * d) >> 7 ^ x >> 18 ^ w6 >> 3) + w14 + ((x := w3 * d) >> 17 ^ x >> 19 ^ w3 >> 10) & m
        w6 = w6 + ((x := w7 * d) >> 7 ^ x >> 18 ^ w7 >> 3) + w15 + ((x := w4 * d) >> 17 ^ x >> 19 ^ w4 >> 10) & m
        w7 = w7 + ((x := w8 * d) >> 7 ^ x >> 18 ^ w8 >> 3) + w0 + ((x := w5 * d) >> 17 ^ x >> 19 ^ w5 >> 10) & m
        w8 = w8 + ((x := w9 * d) >> 7 ^ x >> 18 ^ w9 >> 3) + w1 + ((x := w6 * d) >> 17 ^ x >> 19 ^ w6 >> 10) & m
        w9 = w9 + ((x := w10 * d) >> 7 ^ x >> 18 ^ w10 >> 3) + w2 + ((x := w7 * d) >> 17 ^ x >> 19 ^ w7 >> 10) & m
        w10 = w10 + ((x := w11 * d) >> 7 ^ x >> 18 ^ w11 >> 3) + w3 + ((x := w8 * d) >> 17 ^ x >> 19 ^ w8 >> 10) & m
        w11 = w11 + ((x := w12 * d) >> 7 ^ x >> 18 ^ w12 >> 3) + w4 + ((x := w9 * d) >> 17 ^ x >> 19 ^ w9 >> 10) & m
        w12 = w12 + ((x := w13 * d) >> 7 ^ x >> 18 ^ w13 >> 3) + w5 + ((x := w10 * d) >> 17 ^ x >> 19 ^ w10 >> 10) & m
        w13 = w13 + ((x := w14 * d) >> 7 ^ x >> 18 ^ w14 >> 3) + w6 + ((x := w11 * d) >> 17 ^ x >> 19 ^ w11 >> 10) & m
        w14 = w14 + ((x := w15 * d) >> 7 ^ x >> 18 ^ w15 >> 3) + w7 + ((x := w12 * d) >> 17 ^ x >> 19 ^ w12 >> 10) & m
        w15 = w15 + ((x := w0 * d) >> 7 ^ x >> 18 ^ w0 >> 3) + w8 + ((x := w13 * d) >> 17 ^ x >> 19 ^ w13 >> 10) & m
        schedule += (w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15)
    return list(map(add, schedule, K256))


def _schedule_64(block: bytes) -> list[int]:
    """W_t + K_t of one block."""
    w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15 = words = _unpack_64(block)
    d, m = _DOUBLE_64, _WORD_64
    schedule = list(words)
    for _ in range(4):
        w0 = w0 + ((x := w1 * d) >> 1 ^ x >> 8 ^ w1 >> 7) + w9 + ((x := w14 * d) >> 19 ^ x >> 61 ^ w14 >> 6) & m
        w1 = w1 + ((x := w2 * d) >> 1 ^ x >> 8 ^ w2 >> 7) + w10 + ((x := w15 * d) >> 19 ^ x >> 61 ^ w15 >> 6) & m
        w2 = w2 + ((x := w3 * d) >> 1 ^ x >> 8 ^ w3 >> 7) + w11 + ((x := w0 * d) >> 19 ^ x >> 61 ^ w0 >> 6) & m
        w3 = w3 + ((x := w4 * d) >> 1 ^ x >> 8 ^ w4 >> 7) + w12 + ((x := w1 * d) >> 19 ^ x >> 61 ^ w1 >> 6) & m
        w4 = w4 + ((x := w5 * d) >> 1 ^ x >> 8 ^ w5 >> 7) + w13 + ((x := w2 * d) >> 19 ^ x >> 61 ^ w2 >> 6) & m
        w5 = w5 + ((x := w6 * d) >> 1 ^ x >> 8 ^ w6 >> 7) + w14 + ((x := w3 * d) >> 19 ^ x >> 61 ^ w3 >> 6) & m
        w6 = w6 + ((x := w7 * d) >> 1 ^ x >> 8 ^ w7 >> 7) + w15 + ((x := w4 * d) >> 19 ^ x >> 61 ^ w4 >> 6) & m
        w7 = w7 + ((x := w8 * d) >> 1 ^ x >> 8 ^ w8 >> 7) + w0 + ((x := w5 * d) >> 19 ^ x >> 61 ^ w5 >> 6) & m
        w8 = w8 + ((x := w9 * d) >> 1 ^ x >> 8 ^ w9 >> 7) + w1 + ((x := w6 * d) >> 19 ^ x >> 61 ^ w6 >> 6) & m
        w9 = w9 + ((x := w10 * d) >> 1 ^ x >> 8 ^ w10 >> 7) + w2 + ((x := w7 * d) >> 19 ^ x >> 61 ^ w7 >> 6) & m
        w10 = w10 + ((x := w11 * d) >> 1 ^ x >> 8 ^ w11 >> 7) + w3 + ((x := w8 * d) >> 19 ^ x >> 61 ^ w8 >> 6) & m
        w11 = w11 + ((x := w12 * d) >> 1 ^ x >> 8 ^ w12 >> 7) + w4 + ((x := w9 * d) >> 19 ^ x >> 61 ^ w9 >> 6) & m
        w12 = w12 + ((x := w13 * d) >> 1 ^ x >> 8 ^ w13 >> 7) + w5 + ((x := w10 * d) >> 19 ^ x >> 61 ^ w10 >> 6) & m
        w13 = w13 + ((x := w14 * d) >> 1 ^ x >> 8 ^ w14 >> 7) + w6 + ((x := w11 * d) >> 19 ^ x >> 61 ^ w11 >> 6) & m
        w14 = w14 + ((x := w15 * d) >> 1 ^ x >> 8 ^ w15 >> 7) + w7 + ((x := w12 * d) >> 19 ^ x >> 61 ^ w12 >> 6) & m
        w15 = w15 + ((x := w0 * d) >> 1 ^ x >> 8 ^ w0 >> 7) + w8 + ((x := w13 * d) >> 19 ^ x >> 61 ^ w13 >> 6) & m
        schedule += (w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15)
    return list(map(add, schedule, K512))


def _schedules_32(data: bytes, blocks: int) -> array[int]:
    """W_t + K_t of `blocks` blocks, one block after the other."""
    ones = _repeated(32, blocks)
    low = ones * _WORD_32
    w = _lanes_of(_words(data, "I"), blocks)
    for t in range(48):
        x, y = w[t + 1], w[t + 14]
        x2, y2 = x * _DOUBLE_32, y * _DOUBLE_32
        s0 = (x2 >> 7 ^ x2 >> 18 ^ x >> 3) & low
        s1 = (y2 >> 17 ^ y2 >> 19 ^ y >> 10) & low
        w.append(w[t] + s0 + w[t + 9] + s1 & low)
    size = 8 * blocks
    return array("Q", b"".join([(x + k * ones).to_bytes(size, "little") for x, k in zip(w, K256, strict=True)]))


def _schedules_64(data: bytes, blocks: int) -> array[int]:
    """W_t + K_t of `blocks` blocks, one block after the other, cut to 64 bits and with a word of zeros between each two."""
    ones = _repeated(64, blocks)
    low = ones * _WORD_64
    w = _lanes_of(_words(data, "Q"), blocks)
    for t in range(64):
        x, y = w[t + 1], w[t + 14]
        x2, y2 = x * _DOUBLE_64, y * _DOUBLE_64
        s0 = (x2 >> 1 ^ x2 >> 8 ^ x >> 7) & low
        s1 = (y2 >> 19 ^ y2 >> 61 ^ y >> 6) & low
        w.append(w[t] + s0 + w[t + 9] + s1 & low)
    size = 16 * blocks
    return array("Q", b"".join([(x + k * ones & low).to_bytes(size, "little") for x, k in zip(w, K512, strict=True)]))


def _rounds_32(state: State, schedule: Iterable[int]) -> State:
    """H^(i) from H^(i-1) and W_t + K_t of one block."""
    a, b, c, d, e, f, g, h = state
    bc = b ^ c
    eights = [iter(schedule)] * 8
    for w0, w1, w2, w3, w4, w5, w6, w7 in zip(*eights, strict=True):
        x = e * _DOUBLE_32
        h += (x >> 6 ^ x >> 11 ^ x >> 25) + (g ^ e & (f ^ g)) + w0
        d = d + h & _WORD_32
        x = a * _DOUBLE_32
        ab = a ^ b
        h = h + (x >> 2 ^ x >> 13 ^ x >> 22) + (b ^ ab & bc) & _WORD_32
        x = d * _DOUBLE_32
        g += (x >> 6 ^ x >> 11 ^ x >> 25) + (f ^ d & (e ^ f)) + w1
        c = c + g & _WORD_32
        x = h * _DOUBLE_32
        bc = h ^ a
        g = g + (x >> 2 ^ x >> 13 ^ x >> 22) + (a ^ bc & ab) & _WORD_32
        x = c * _DOUBLE_32
        f += (x >> 6 ^ x >> 11 ^ x >> 25) + (e ^ c & (d ^ e)) + w2
        b = b + f & _WORD_32
        x = g * _DOUBLE_32
        ab = g ^ h
        f = f + (x >> 2 ^ x >> 13 ^ x >> 22) + (h ^ ab & bc) & _WORD_32
        x = b * _DOUBLE_32
        e += (x >> 6 ^ x >> 11 ^ x >> 25) + (d ^ b & (c ^ d)) + w3
        a = a + e & _WORD_32
        x = f * _DOUBLE_32
        bc = f ^ g
        e = e + (x >> 2 ^ x >> 13 ^ x >> 22) + (g ^ bc & ab) & _WORD_32
        x = a * _DOUBLE_32
        d += (x >> 6 ^ x >> 11 ^ x >> 25) + (c ^ a & (b ^ c)) + w4
        h = h + d & _WORD_32
        x = e * _DOUBLE_32
        ab = e ^ f
        d = d + (x >> 2 ^ x >> 13 ^ x >> 22) + (f ^ ab & bc) & _WORD_32
        x = h * _DOUBLE_32
        c += (x >> 6 ^ x >> 11 ^ x >> 25) + (b ^ h & (a ^ b)) + w5
        g = g + c & _WORD_32
        x = d * _DOUBLE_32
        bc = d ^ e
        c = c + (x >> 2 ^ x >> 13 ^ x >> 22) + (e ^ bc & ab) & _WORD_32
        x = g * _DOUBLE_32
        b += (x >> 6 ^ x >> 11 ^ x >> 25) + (a ^ g & (h ^ a)) + w6
        f = f + b & _WORD_32
        x = c * _DOUBLE_32
        ab = c ^ d
        b = b + (x >> 2 ^ x >> 13 ^ x >> 22) + (d ^ ab & bc) & _WORD_32
        x = f * _DOUBLE_32
        a += (x >> 6 ^ x >> 11 ^ x >> 25) + (h ^ f & (g ^ h)) + w7
        e = e + a & _WORD_32
        x = b * _DOUBLE_32
        bc = b ^ c
        a = a + (x >> 2 ^ x >> 13 ^ x >> 22) + (c ^ bc & ab) & _WORD_32
    p, q, r, s, t, u, v, w = state
    m = _WORD_32
    return (a + p & m, b + q & m, c + r & m, d + s & m, e + t & m, f + u & m, g + v & m, h + w & m)


def _rounds_64(state: State, schedule: Iterable[int]) -> State:
    """H^(i) from H^(i-1) and W_t + K_t of one block."""
    a, b, c, d, e, f, g, h = state
    bc = b ^ c
    eights = [iter(schedule)] * 8
    for w0, w1, w2, w3, w4, w5, w6, w7 in zip(*eights, strict=True):
        x = e * _DOUBLE_64
        h += (x >> 14 ^ x >> 18 ^ x >> 41) + (g ^ e & (f ^ g)) + w0
        d = d + h & _WORD_64
        x = a * _DOUBLE_64
        ab = a ^ b
        h = h + (x >> 28 ^ x >> 34 ^ x >> 39) + (b ^ ab & bc) & _WORD_64
        x = d * _DOUBLE_64
        g += (x >> 14 ^ x >> 18 ^ x >> 41) + (f ^ d & (e ^ f)) + w1
        c = c + g & _WORD_64
        x = h * _DOUBLE_64
        bc = h ^ a
        g = g + (x >> 28 ^ x >> 34 ^ x >> 39) + (a ^ bc & ab) & _WORD_64
        x = c * _DOUBLE_64
        f += (x >> 14 ^ x >> 18 ^ x >> 41) + (e ^ c & (d ^ e)) + w2
        b = b + f & _WORD_64
        x = g * _DOUBLE_64
        ab = g ^ h
        f = f + (x >> 28 ^ x >> 34 ^ x >> 39) + (h ^ ab & bc) & _WORD_64
        x = b * _DOUBLE_64
        e += (x >> 14 ^ x >> 18 ^ x >> 41) + (d ^ b & (c ^ d)) + w3
        a = a + e & _WORD_64
        x = f * _DOUBLE_64
        bc = f ^ g
        e = e + (x >> 28 ^ x >> 34 ^ x >> 39) + (g ^ bc & ab) & _WORD_64
        x = a * _DOUBLE_64
        d += (x >> 14 ^ x >> 18 ^ x >> 41) + (c ^ a & (b ^ c)) + w4
        h = h + d & _WORD_64
        x = e * _DOUBLE_64
        ab = e ^ f
        d = d + (x >> 28 ^ x >> 34 ^ x >> 39) + (f ^ ab & bc) & _WORD_64
        x = h * _DOUBLE_64
        c += (x >> 14 ^ x >> 18 ^ x >> 41) + (b ^ h & (a ^ b)) + w5
        g = g + c & _WORD_64
        x = d * _DOUBLE_64
        bc = d ^ e
        c = c + (x >> 28 ^ x >> 34 ^ x >> 39) + (e ^ bc & ab) & _WORD_64
        x = g * _DOUBLE_64
        b += (x >> 14 ^ x >> 18 ^ x >> 41) + (a ^ g & (h ^ a)) + w6
        f = f + b & _WORD_64
        x = c * _DOUBLE_64
        ab = c ^ d
        b = b + (x >> 28 ^ x >> 34 ^ x >> 39) + (d ^ ab & bc) & _WORD_64
        x = f * _DOUBLE_64
        a += (x >> 14 ^ x >> 18 ^ x >> 41) + (h ^ f & (g ^ h)) + w7
        e = e + a & _WORD_64
        x = b * _DOUBLE_64
        bc = b ^ c
        a = a + (x >> 28 ^ x >> 34 ^ x >> 39) + (c ^ bc & ab) & _WORD_64
    p, q, r, s, t, u, v, w = state
    m = _WORD_64
    return (a + p & m, b + q & m, c + r & m, d + s & m, e + t & m, f + u & m, g + v & m, h + w & m)


def compress_32(state: State, data: Octets) -> State:
    """The state after whole 64-octet blocks, of SHA-224 and SHA-256."""
    octets = bytes(data)
    for at in range(0, len(octets), 64 * _MOST_BLOCKS):
        part = octets[at : at + 64 * _MOST_BLOCKS]
        blocks = len(part) // 64
        if blocks < _FEWEST_BLOCKS:
            for start in range(0, len(part), 64):
                state = _rounds_32(state, _schedule_32(part[start : start + 64]))
            break
        schedules = _schedules_32(part, blocks)
        for block in range(blocks):
            state = _rounds_32(state, schedules[block::blocks])
    return state


def compress_64(state: State, data: Octets) -> State:
    """The state after whole 128-octet blocks, of SHA-384 and SHA-512."""
    octets = bytes(data)
    for at in range(0, len(octets), 128 * _MOST_BLOCKS):
        part = octets[at : at + 128 * _MOST_BLOCKS]
        blocks = len(part) // 128
        if blocks < _FEWEST_BLOCKS:
            for start in range(0, len(part), 128):
                state = _rounds_64(state, _schedule_64(part[start : start + 128]))
            break
        schedules = _schedules_64(part, blocks)
        for block in range(blocks):
            state = _rounds_64(state, schedules[2 * block :: 2 * blocks])
    return state


SHA2: Final = Sha2(
    partial(BlockHash, SHA224, compress_32),
    partial(BlockHash, SHA256, compress_32),
    partial(BlockHash, SHA384, compress_64),
    partial(BlockHash, SHA512, compress_64),
)
