# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Emitted by `emit_aes.py`; do not edit.  AES on 32-bit words.  FIPS 197 §5.1; SP 800-38D §6.5 for the counter.

Timing: looks up tables at places that depend on key and data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["encrypt_words"]


def encrypt_words(
    keys: list[int],
    t0: list[int],
    t1: list[int],
    t2: list[int],
    t3: list[int],
    box: list[int],
    words: list[int],
    counts: bool,
    blocks: int,
) -> list[int]:
    """Encrypts blocks of four words.

    Args:
      keys:    the round keys, four words each; SECRET.
      t0..t3:  for a value of an octet at rows 0 .. 3, what it adds to the column after SubBytes and MixColumns.
      box:     the S-box.
      words:   the blocks; if `counts`, the first counter block, whose last word then counts modulo 2^32.
      blocks:  how many.
    """
    out: list[int] = []
    last: i64 = len(keys) - 4
    at: i64 = 0
    done: i64 = 0
    left: i64 = blocks
    while done < left:
        k: i64 = 4
        a: i64 = words[at] ^ keys[0]
        b: i64 = words[at + 1] ^ keys[1]
        c: i64 = words[at + 2] ^ keys[2]
        d: i64 = words[at + 3] ^ keys[3]
        e: i64 = t0[a >> 24] ^ t1[b >> 16 & 255] ^ t2[c >> 8 & 255] ^ t3[d & 255] ^ keys[k]
        f: i64 = t0[b >> 24] ^ t1[c >> 16 & 255] ^ t2[d >> 8 & 255] ^ t3[a & 255] ^ keys[k + 1]
        g: i64 = t0[c >> 24] ^ t1[d >> 16 & 255] ^ t2[a >> 8 & 255] ^ t3[b & 255] ^ keys[k + 2]
        h: i64 = t0[d >> 24] ^ t1[a >> 16 & 255] ^ t2[b >> 8 & 255] ^ t3[c & 255] ^ keys[k + 3]
        k = 8
        while k < last:
            a = t0[e >> 24] ^ t1[f >> 16 & 255] ^ t2[g >> 8 & 255] ^ t3[h & 255] ^ keys[k]
            b = t0[f >> 24] ^ t1[g >> 16 & 255] ^ t2[h >> 8 & 255] ^ t3[e & 255] ^ keys[k + 1]
            c = t0[g >> 24] ^ t1[h >> 16 & 255] ^ t2[e >> 8 & 255] ^ t3[f & 255] ^ keys[k + 2]
            d = t0[h >> 24] ^ t1[e >> 16 & 255] ^ t2[f >> 8 & 255] ^ t3[g & 255] ^ keys[k + 3]
            e = t0[a >> 24] ^ t1[b >> 16 & 255] ^ t2[c >> 8 & 255] ^ t3[d & 255] ^ keys[k + 4]
            f = t0[b >> 24] ^ t1[c >> 16 & 255] ^ t2[d >> 8 & 255] ^ t3[a & 255] ^ keys[k + 5]
            g = t0[c >> 24] ^ t1[d >> 16 & 255] ^ t2[a >> 8 & 255] ^ t3[b & 255] ^ keys[k + 6]
            h = t0[d >> 24] ^ t1[a >> 16 & 255] ^ t2[b >> 8 & 255] ^ t3[c & 255] ^ keys[k + 7]
            k += 8
        out.append((box[e >> 24] << 24 | box[f >> 16 & 255] << 16 | box[g >> 8 & 255] << 8 | box[h & 255]) ^ keys[last])
        out.append((box[f >> 24] << 24 | box[g >> 16 & 255] << 16 | box[h >> 8 & 255] << 8 | box[e & 255]) ^ keys[last + 1])
        out.append((box[g >> 24] << 24 | box[h >> 16 & 255] << 16 | box[e >> 8 & 255] << 8 | box[f & 255]) ^ keys[last + 2])
        out.append((box[h >> 24] << 24 | box[e >> 16 & 255] << 16 | box[f >> 8 & 255] << 8 | box[g & 255]) ^ keys[last + 3])
        if counts:
            words[3] = (words[3] + 1) & 0xFFFFFFFF
        else:
            at += 4
        done += 1
    return out
