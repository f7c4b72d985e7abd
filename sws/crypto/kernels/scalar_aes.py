# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_aes.py`; do not edit.  AES on 32-bit words.  FIPS 197 §5.1; SP 800-38D §6.5 for the counter.

A word is a column, its row 0 the lowest octet.  In all functions: `keys` are the round keys, four words each; `t0` .. `t3`
say for an octet at rows 0 .. 3 what it adds to its column after SubBytes and MixColumns; `box` is the S-box.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["count_10", "count_12", "count_14", "encrypt_10", "encrypt_12", "encrypt_14"]

Words: TypeAlias = MutableSequence[int]


def encrypt_10(keys: list[int], t0: list[int], t1: list[int], t2: list[int], t3: list[int], box: list[int], words: Words) -> None:
    """Encrypts blocks of four words where they stand."""
    at: i64 = 0
    end: i64 = len(words)
    while at < end:
        a: i64 = words[at] ^ keys[0]
        b: i64 = words[at + 1] ^ keys[1]
        c: i64 = words[at + 2] ^ keys[2]
        d: i64 = words[at + 3] ^ keys[3]
        e: i64 = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[4]
        f: i64 = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[5]
        g: i64 = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[6]
        h: i64 = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[7]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[8]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[9]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[10]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[11]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[12]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[13]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[14]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[15]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[16]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[17]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[18]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[19]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[20]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[21]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[22]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[23]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[24]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[25]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[26]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[27]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[28]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[29]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[30]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[31]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[32]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[33]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[34]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[35]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[36]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[37]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[38]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[39]
        words[at] = (box[h >> 24] << 24 | box[g >> 16 & 255] << 16 | box[f >> 8 & 255] << 8 | box[e & 255]) ^ keys[40]
        words[at + 1] = (box[e >> 24] << 24 | box[h >> 16 & 255] << 16 | box[g >> 8 & 255] << 8 | box[f & 255]) ^ keys[41]
        words[at + 2] = (box[f >> 24] << 24 | box[e >> 16 & 255] << 16 | box[h >> 8 & 255] << 8 | box[g & 255]) ^ keys[42]
        words[at + 3] = (box[g >> 24] << 24 | box[f >> 16 & 255] << 16 | box[e >> 8 & 255] << 8 | box[h & 255]) ^ keys[43]
        at += 4


def count_10(
    keys: list[int],
    t0: list[int],
    t1: list[int],
    t2: list[int],
    t3: list[int],
    box: list[int],
    first: Sequence[int],
    words: Words,
    place: int,
    stop: int,
) -> None:
    """Adds encrypted counter blocks to words, in 10 rounds.

    Args:
      first:  three words of the counter blocks, and the first counter, which counts modulo 2^32.
      words:  whole blocks from `place` to `stop`.
    """
    at: i64 = place
    end: i64 = stop
    w0: i64 = first[0] ^ keys[0]
    w1: i64 = first[1] ^ keys[1]
    w2: i64 = first[2] ^ keys[2]
    count: i64 = first[3]
    while at < end:
        a: i64 = w0
        b: i64 = w1
        c: i64 = w2
        d: i64 = ((count & 255) << 24 | (count & 0xFF00) << 8 | count >> 8 & 0xFF00 | count >> 24) ^ keys[3]
        e: i64 = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[4]
        f: i64 = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[5]
        g: i64 = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[6]
        h: i64 = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[7]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[8]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[9]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[10]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[11]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[12]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[13]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[14]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[15]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[16]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[17]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[18]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[19]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[20]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[21]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[22]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[23]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[24]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[25]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[26]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[27]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[28]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[29]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[30]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[31]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[32]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[33]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[34]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[35]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[36]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[37]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[38]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[39]
        words[at] ^= (box[h >> 24] << 24 | box[g >> 16 & 255] << 16 | box[f >> 8 & 255] << 8 | box[e & 255]) ^ keys[40]
        words[at + 1] ^= (box[e >> 24] << 24 | box[h >> 16 & 255] << 16 | box[g >> 8 & 255] << 8 | box[f & 255]) ^ keys[41]
        words[at + 2] ^= (box[f >> 24] << 24 | box[e >> 16 & 255] << 16 | box[h >> 8 & 255] << 8 | box[g & 255]) ^ keys[42]
        words[at + 3] ^= (box[g >> 24] << 24 | box[f >> 16 & 255] << 16 | box[e >> 8 & 255] << 8 | box[h & 255]) ^ keys[43]
        at += 4
        count = (count + 1) & 0xFFFFFFFF


def encrypt_12(keys: list[int], t0: list[int], t1: list[int], t2: list[int], t3: list[int], box: list[int], words: Words) -> None:
    """Encrypts blocks of four words where they stand."""
    at: i64 = 0
    end: i64 = len(words)
    while at < end:
        a: i64 = words[at] ^ keys[0]
        b: i64 = words[at + 1] ^ keys[1]
        c: i64 = words[at + 2] ^ keys[2]
        d: i64 = words[at + 3] ^ keys[3]
        e: i64 = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[4]
        f: i64 = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[5]
        g: i64 = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[6]
        h: i64 = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[7]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[8]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[9]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[10]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[11]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[12]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[13]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[14]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[15]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[16]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[17]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[18]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[19]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[20]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[21]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[22]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[23]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[24]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[25]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[26]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[27]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[28]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[29]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[30]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[31]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[32]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[33]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[34]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[35]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[36]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[37]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[38]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[39]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[40]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[41]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[42]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[43]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[44]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[45]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[46]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[47]
        words[at] = (box[h >> 24] << 24 | box[g >> 16 & 255] << 16 | box[f >> 8 & 255] << 8 | box[e & 255]) ^ keys[48]
        words[at + 1] = (box[e >> 24] << 24 | box[h >> 16 & 255] << 16 | box[g >> 8 & 255] << 8 | box[f & 255]) ^ keys[49]
        words[at + 2] = (box[f >> 24] << 24 | box[e >> 16 & 255] << 16 | box[h >> 8 & 255] << 8 | box[g & 255]) ^ keys[50]
        words[at + 3] = (box[g >> 24] << 24 | box[f >> 16 & 255] << 16 | box[e >> 8 & 255] << 8 | box[h & 255]) ^ keys[51]
        at += 4


def count_12(
    keys: list[int],
    t0: list[int],
    t1: list[int],
    t2: list[int],
    t3: list[int],
    box: list[int],
    first: Sequence[int],
    words: Words,
    place: int,
    stop: int,
) -> None:
    """Adds encrypted counter blocks to words, in 12 rounds.

    Args:
      first:  three words of the counter blocks, and the first counter, which counts modulo 2^32.
      words:  whole blocks from `place` to `stop`.
    """
    at: i64 = place
    end: i64 = stop
    w0: i64 = first[0] ^ keys[0]
    w1: i64 = first[1] ^ keys[1]
    w2: i64 = first[2] ^ keys[2]
    count: i64 = first[3]
    while at < end:
        a: i64 = w0
        b: i64 = w1
        c: i64 = w2
        d: i64 = ((count & 255) << 24 | (count & 0xFF00) << 8 | count >> 8 & 0xFF00 | count >> 24) ^ keys[3]
        e: i64 = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[4]
        f: i64 = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[5]
        g: i64 = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[6]
        h: i64 = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[7]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[8]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[9]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[10]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[11]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[12]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[13]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[14]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[15]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[16]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[17]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[18]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[19]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[20]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[21]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[22]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[23]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[24]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[25]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[26]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[27]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[28]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[29]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[30]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[31]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[32]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[33]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[34]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[35]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[36]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[37]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[38]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[39]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[40]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[41]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[42]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[43]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[44]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[45]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[46]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[47]
        words[at] ^= (box[h >> 24] << 24 | box[g >> 16 & 255] << 16 | box[f >> 8 & 255] << 8 | box[e & 255]) ^ keys[48]
        words[at + 1] ^= (box[e >> 24] << 24 | box[h >> 16 & 255] << 16 | box[g >> 8 & 255] << 8 | box[f & 255]) ^ keys[49]
        words[at + 2] ^= (box[f >> 24] << 24 | box[e >> 16 & 255] << 16 | box[h >> 8 & 255] << 8 | box[g & 255]) ^ keys[50]
        words[at + 3] ^= (box[g >> 24] << 24 | box[f >> 16 & 255] << 16 | box[e >> 8 & 255] << 8 | box[h & 255]) ^ keys[51]
        at += 4
        count = (count + 1) & 0xFFFFFFFF


def encrypt_14(keys: list[int], t0: list[int], t1: list[int], t2: list[int], t3: list[int], box: list[int], words: Words) -> None:
    """Encrypts blocks of four words where they stand."""
    at: i64 = 0
    end: i64 = len(words)
    while at < end:
        a: i64 = words[at] ^ keys[0]
        b: i64 = words[at + 1] ^ keys[1]
        c: i64 = words[at + 2] ^ keys[2]
        d: i64 = words[at + 3] ^ keys[3]
        e: i64 = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[4]
        f: i64 = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[5]
        g: i64 = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[6]
        h: i64 = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[7]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[8]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[9]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[10]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[11]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[12]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[13]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[14]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[15]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[16]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[17]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[18]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[19]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[20]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[21]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[22]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[23]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[24]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[25]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[26]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[27]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[28]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[29]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[30]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[31]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[32]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[33]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[34]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[35]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[36]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[37]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[38]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[39]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[40]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[41]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[42]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[43]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[44]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[45]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[46]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[47]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[48]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[49]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[50]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[51]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[52]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[53]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[54]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[55]
        words[at] = (box[h >> 24] << 24 | box[g >> 16 & 255] << 16 | box[f >> 8 & 255] << 8 | box[e & 255]) ^ keys[56]
        words[at + 1] = (box[e >> 24] << 24 | box[h >> 16 & 255] << 16 | box[g >> 8 & 255] << 8 | box[f & 255]) ^ keys[57]
        words[at + 2] = (box[f >> 24] << 24 | box[e >> 16 & 255] << 16 | box[h >> 8 & 255] << 8 | box[g & 255]) ^ keys[58]
        words[at + 3] = (box[g >> 24] << 24 | box[f >> 16 & 255] << 16 | box[e >> 8 & 255] << 8 | box[h & 255]) ^ keys[59]
        at += 4


def count_14(
    keys: list[int],
    t0: list[int],
    t1: list[int],
    t2: list[int],
    t3: list[int],
    box: list[int],
    first: Sequence[int],
    words: Words,
    place: int,
    stop: int,
) -> None:
    """Adds encrypted counter blocks to words, in 14 rounds.

    Args:
      first:  three words of the counter blocks, and the first counter, which counts modulo 2^32.
      words:  whole blocks from `place` to `stop`.
    """
    at: i64 = place
    end: i64 = stop
    w0: i64 = first[0] ^ keys[0]
    w1: i64 = first[1] ^ keys[1]
    w2: i64 = first[2] ^ keys[2]
    count: i64 = first[3]
    while at < end:
        a: i64 = w0
        b: i64 = w1
        c: i64 = w2
        d: i64 = ((count & 255) << 24 | (count & 0xFF00) << 8 | count >> 8 & 0xFF00 | count >> 24) ^ keys[3]
        e: i64 = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[4]
        f: i64 = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[5]
        g: i64 = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[6]
        h: i64 = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[7]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[8]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[9]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[10]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[11]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[12]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[13]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[14]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[15]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[16]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[17]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[18]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[19]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[20]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[21]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[22]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[23]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[24]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[25]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[26]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[27]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[28]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[29]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[30]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[31]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[32]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[33]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[34]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[35]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[36]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[37]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[38]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[39]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[40]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[41]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[42]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[43]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[44]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[45]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[46]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[47]
        a = t0[e & 255] ^ t1[f >> 8 & 255] ^ t2[g >> 16 & 255] ^ t3[h >> 24] ^ keys[48]
        b = t0[f & 255] ^ t1[g >> 8 & 255] ^ t2[h >> 16 & 255] ^ t3[e >> 24] ^ keys[49]
        c = t0[g & 255] ^ t1[h >> 8 & 255] ^ t2[e >> 16 & 255] ^ t3[f >> 24] ^ keys[50]
        d = t0[h & 255] ^ t1[e >> 8 & 255] ^ t2[f >> 16 & 255] ^ t3[g >> 24] ^ keys[51]
        e = t0[a & 255] ^ t1[b >> 8 & 255] ^ t2[c >> 16 & 255] ^ t3[d >> 24] ^ keys[52]
        f = t0[b & 255] ^ t1[c >> 8 & 255] ^ t2[d >> 16 & 255] ^ t3[a >> 24] ^ keys[53]
        g = t0[c & 255] ^ t1[d >> 8 & 255] ^ t2[a >> 16 & 255] ^ t3[b >> 24] ^ keys[54]
        h = t0[d & 255] ^ t1[a >> 8 & 255] ^ t2[b >> 16 & 255] ^ t3[c >> 24] ^ keys[55]
        words[at] ^= (box[h >> 24] << 24 | box[g >> 16 & 255] << 16 | box[f >> 8 & 255] << 8 | box[e & 255]) ^ keys[56]
        words[at + 1] ^= (box[e >> 24] << 24 | box[h >> 16 & 255] << 16 | box[g >> 8 & 255] << 8 | box[f & 255]) ^ keys[57]
        words[at + 2] ^= (box[f >> 24] << 24 | box[e >> 16 & 255] << 16 | box[h >> 8 & 255] << 8 | box[g & 255]) ^ keys[58]
        words[at + 3] ^= (box[g >> 24] << 24 | box[f >> 16 & 255] << 16 | box[e >> 8 & 255] << 8 | box[h & 255]) ^ keys[59]
        at += 4
        count = (count + 1) & 0xFFFFFFFF
