# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-2 in the order of its standard.  FIPS 180-4 §4.1.2, §4.1.3 (functions), §5.1 (padding), §6.2, §6.4 (the hash).

A message is padded to whole blocks of sixteen words.  Eight words of state, H, begin as constants; each block is stretched to a schedule
W of 64 (or 80) words, and as many rounds stir them into a copy of the state, which is then added to the state.  SHA-224 and SHA-384 are
SHA-256 and SHA-512 with other initial values and a shorter digest.

Timing: additions, rotations and selections by logic only; depends on the message's length, down to the Python-integer caveat.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

from sws.crypto.hash_types import Octets, Sha2
from sws.crypto.kernels._tables_sha2 import K256, K512
from sws.crypto.kernels.block_hash import SHA224, SHA256, SHA384, SHA512, BlockHash, State

__all__ = ["SHA2", "compress_32", "compress_64"]


class Rotations(NamedTuple):
    """The numbers in which the two word sizes differ.  FIPS 180-4 §4.1.2, §4.1.3."""

    bits: int
    big_sigma_0: tuple[int, int, int]
    big_sigma_1: tuple[int, int, int]
    small_sigma_0: tuple[int, int, int]  # the last one is a shift
    small_sigma_1: tuple[int, int, int]
    constants: tuple[int, ...]


_WORDS_32: Final = Rotations(32, (2, 13, 22), (6, 11, 25), (7, 18, 3), (17, 19, 10), K256)
_WORDS_64: Final = Rotations(64, (28, 34, 39), (14, 18, 41), (1, 8, 7), (19, 61, 6), K512)


def _rotr(x: int, n: int, bits: int) -> int:
    """ROTR^n(x), §3.2."""
    return (x >> n | x << bits - n) & (1 << bits) - 1


def _big_sigma(x: int, turns: tuple[int, int, int], bits: int) -> int:
    return _rotr(x, turns[0], bits) ^ _rotr(x, turns[1], bits) ^ _rotr(x, turns[2], bits)


def _small_sigma(x: int, turns: tuple[int, int, int], bits: int) -> int:
    return _rotr(x, turns[0], bits) ^ _rotr(x, turns[1], bits) ^ x >> turns[2]


def _ch(x: int, y: int, z: int) -> int:
    """Bits of y where x has ones, of z where it has zeros."""
    return x & y ^ ~x & z


def _maj(x: int, y: int, z: int) -> int:
    """What two of the three say."""
    return x & y ^ x & z ^ y & z


def _schedule(block: bytes, r: Rotations) -> list[int]:
    """W_0 … of one block.  §6.2.2 step 1."""
    octets = r.bits // 8
    w = [int.from_bytes(block[at : at + octets], "big") for at in range(0, 16 * octets, octets)]
    for t in range(16, len(r.constants)):
        stirred = _small_sigma(w[t - 2], r.small_sigma_1, r.bits) + _small_sigma(w[t - 15], r.small_sigma_0, r.bits)
        w.append((stirred + w[t - 7] + w[t - 16]) % (1 << r.bits))
    return w


def _block(state: State, block: bytes, r: Rotations) -> State:
    """H^(i) from H^(i-1) and M^(i).  §6.2.2 steps 2 to 4."""
    a, b, c, d, e, f, g, h = state
    modulus = 1 << r.bits
    for k, w in zip(r.constants, _schedule(block, r), strict=True):
        t1 = h + _big_sigma(e, r.big_sigma_1, r.bits) + _ch(e, f, g) + k + w
        t2 = _big_sigma(a, r.big_sigma_0, r.bits) + _maj(a, b, c)
        a, b, c, d, e, f, g, h = (t1 + t2) % modulus, a, b, c, (d + t1) % modulus, e, f, g
    return tuple((old + new) % modulus for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True))


def _compress(state: State, data: Octets, r: Rotations) -> State:
    """All blocks of `data`, one after the other."""
    size = 2 * r.bits
    for at in range(0, len(data), size):
        state = _block(state, bytes(data[at : at + size]), r)
    return state


def compress_32(state: State, data: Octets) -> State:
    """The state after whole 64-octet blocks, of SHA-224 and SHA-256."""
    return _compress(state, data, _WORDS_32)


def compress_64(state: State, data: Octets) -> State:
    """The state after whole 128-octet blocks, of SHA-384 and SHA-512."""
    return _compress(state, data, _WORDS_64)


SHA2: Final = Sha2(
    partial(BlockHash, SHA224, compress_32),
    partial(BlockHash, SHA256, compress_32),
    partial(BlockHash, SHA384, compress_64),
    partial(BlockHash, SHA512, compress_64),
)
