# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES on many blocks by `bytes.translate`.  FIPS 197 §5.1, §5.3.

All blocks stand in one integer, place by place: first the octets at row 0, column 0 of every block, then those at row 0, column 1, and so
on.  One round for all blocks:

    SubBytes      one call of `bytes.translate`
    ShiftRows     seven slices joined in another order: a column of the blocks is N octets
    MixColumns    the next row is a rotation of the integer by four columns; doubling is a shift by a bit for all octets at once
    AddRoundKey   XOR with an integer that repeats each octet of the round key N times

Timing: SubBytes looks up octets at places that depend on key and data.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sws.crypto.kernels.aes_schedule import inverse_sbox, sbox

__all__ = ["decrypt", "encrypt", "spread_keys"]

_FEW: Final = 16
"""Blocks whose octets a table of 256 holds."""
_ROW_MAJOR: Final = tuple(4 * column + row for row in range(4) for column in range(4))


@lru_cache(maxsize=32)
def _masks(count: int) -> tuple[int, int, int, int]:
    """The lowest bit of every octet; the seven lowest; all of one row; all of two."""
    return (
        int.from_bytes(b"\x01" * (16 * count), "little"),
        int.from_bytes(b"\x7f" * (16 * count), "little"),
        (1 << 32 * count) - 1,
        (1 << 64 * count) - 1,
    )


@lru_cache(maxsize=32)
def _places(count: int) -> bytes:
    """For each octet of the state of `count` blocks, its number in a block."""
    return b"".join([bytes([at]) * count for at in _ROW_MAJOR])


@lru_cache(maxsize=3 * _FEW)
def _places_of_all(count: int, rounds: int) -> bytes:
    """The same for the states of all rounds, whose keys stand in a row."""
    return b"".join([bytes([16 * number + at]) * count for number in range(rounds) for at in _ROW_MAJOR])


def spread_keys(round_keys: Sequence[bytes], count: int) -> list[int]:
    """Each round key for `count` blocks: 16 * count octets a round.

    Timing: depends on lengths only: the keys are the table here, and the places that are looked up are known to all.
    """
    from_bytes = int.from_bytes
    if count > _FEW:
        places = _places(count)
        return [from_bytes(places.translate(key.ljust(256)), "little") for key in round_keys]
    size = 16 * count
    spread = _places_of_all(count, len(round_keys)).translate(b"".join(round_keys).ljust(256))  # 240 octets at most
    return [from_bytes(spread[at : at + size], "little") for at in range(0, len(spread), size)]


def _by_place(blocks: bytes) -> int:
    return int.from_bytes(b"".join([blocks[at::16] for at in _ROW_MAJOR]), "little")


def _by_block(octets: bytes, count: int) -> bytes:
    blocks = bytearray(16 * count)
    start = 0
    for at in _ROW_MAJOR:
        blocks[at::16] = octets[start : start + count]
        start += count
    return bytes(blocks)


@lru_cache(maxsize=_FEW)
def _orders(count: int) -> tuple[bytes, bytes, bytes]:
    """Where each octet is taken from: for places out of blocks, for ShiftRows, for blocks out of places."""
    by_place = [16 * block + at for at in _ROW_MAJOR for block in range(count)]
    shifted = [count * (4 * row + (column + row) % 4) + block for row in range(4) for column in range(4) for block in range(count)]
    return bytes(by_place), bytes(shifted), bytes(map(by_place.index, range(16 * count)))


def _encrypt_few(keys: Sequence[int], blocks: bytes, count: int) -> bytes:
    """At most 256 octets of blocks: they are put in order by one more `bytes.translate`, where they are the table."""
    size = 16 * count
    ones, low, row, half = _masks(count)
    by_place, shifted, by_block = _orders(count)
    table = sbox()
    row_bits, half_bits, rest_bits = 32 * count, 64 * count, 96 * count
    from_bytes = int.from_bytes
    state = from_bytes(by_place.translate(blocks.ljust(256)), "little") ^ keys[0]
    for key in keys[1:-1]:
        here = from_bytes(shifted.translate(state.to_bytes(size, "little").translate(table).ljust(256)), "little")
        below = here >> row_bits | (here & row) << rest_bits
        pair = here ^ below
        over = pair >> 7 & ones
        state = (pair & low) << 1 ^ over * 0x1B ^ below ^ pair >> half_bits ^ (pair & half) << half_bits ^ key
    last = from_bytes(shifted.translate(state.to_bytes(size, "little").translate(table).ljust(256)), "little") ^ keys[-1]
    return by_block.translate(last.to_bytes(size, "little").ljust(256))


def encrypt(keys: Sequence[int], blocks: bytes) -> bytes:
    """The cipher of FIPS 197 §5.1 on every block.

    Args:
      keys:    `spread_keys` for this number of blocks.
      blocks:  whole blocks.
    """
    count = len(blocks) >> 4
    if count <= _FEW:
        return _encrypt_few(keys, blocks, count)
    size = 16 * count
    ones, low, row, half = _masks(count)
    table = sbox()
    n4, n5, n8, n10, n12, n15 = 4 * count, 5 * count, 8 * count, 10 * count, 12 * count, 15 * count
    row_bits, half_bits, rest_bits = 32 * count, 64 * count, 96 * count
    join = b"".join
    from_bytes = int.from_bytes
    state = _by_place(blocks) ^ keys[0]
    for key in keys[1:-1]:
        b = state.to_bytes(size, "little").translate(table)
        here = from_bytes(join((b[:n4], b[n5:n8], b[n4:n5], b[n10:n12], b[n8:n10], b[n15:], b[n12:n15])), "little")
        below = here >> row_bits | (here & row) << rest_bits
        pair = here ^ below
        over = pair >> 7 & ones
        state = (pair & low) << 1 ^ over * 0x1B ^ below ^ pair >> half_bits ^ (pair & half) << half_bits ^ key
    b = state.to_bytes(size, "little").translate(table)
    last = from_bytes(join((b[:n4], b[n5:n8], b[n4:n5], b[n10:n12], b[n8:n10], b[n15:], b[n12:n15])), "little") ^ keys[-1]
    return _by_block(last.to_bytes(size, "little"), count)


def decrypt(keys: Sequence[int], blocks: bytes) -> bytes:
    """The inverse cipher of FIPS 197 §5.3 on every block; arguments as for `encrypt`."""
    count = len(blocks) >> 4
    size = 16 * count
    ones, _, row, half = _masks(count)
    table = inverse_sbox()
    n4, n7, n8, n10, n12, n13 = 4 * count, 7 * count, 8 * count, 10 * count, 12 * count, 13 * count
    state = _by_place(blocks) ^ keys[-1]
    for number in range(len(keys) - 2, -1, -1):
        b = state.to_bytes(size, "little").translate(table)
        b = b"".join((b[:n4], b[n7:n8], b[n4:n7], b[n10:n12], b[n8:n10], b[n13:], b[n12:n13]))
        state = int.from_bytes(b, "little") ^ keys[number]
        if number:
            state = _inverse_mix(state, count, ones, row, half)
    return _by_block(state.to_bytes(size, "little"), count)


def _double(octets: int, ones: int) -> int:
    over = octets >> 7 & ones
    return (octets ^ over << 7) << 1 ^ over * 0x1B


def _inverse_mix(state: int, count: int, ones: int, row: int, half: int) -> int:
    """InvMixColumns: MixColumns after a step that adds 4 times (this row and the one after the next)."""
    pair = state ^ state >> 64 * count ^ (state & half) << 64 * count
    state ^= _double(_double(pair, ones), ones)
    below = state >> 32 * count | (state & row) << 96 * count
    pair = state ^ below
    return _double(pair, ones) ^ below ^ pair >> 64 * count ^ (pair & half) << 64 * count
