# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES on many blocks, bit by bit: no look-ups.  FIPS 197 §5.1.

Plane b holds bit b of every octet of all blocks, as one integer of sixteen segments, one a place of the state (4 * row + column), each N
bits, one a block.  SubBytes is the circuit of `aes_circuit`: 115 operations on whole planes.

ShiftRows is never done.  After i rounds without it, what belongs to (row, column) stands at (row, column + i * row); MixColumns then needs,
for the next row of a column, what stands one row down and i columns to the right, which is the same for all places.  The round keys are
laid out to match, and the last places are undone when the octets are put together.

Blocks become planes, and planes blocks, by three steps that swap bits between planes four, two and one apart:

    block number k * N/8 + m   <->   bit 8m + k of a segment   <->   octet m of a segment of integer k

so that integer k holds N/8 blocks that follow each other.

Timing: depends on lengths only, down to the machine's arithmetic on Python integers.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter, xor
from typing import Final, final

from sws.crypto.kernels.aes_circuit import PLACE_MASKS, Planes, mix_0, mix_1, mix_2, mix_3, sub_bytes

__all__ = ["MOST", "counted", "encrypt", "encrypt_counted", "lanes_for", "patterns", "spread_keys"]

_MIX: Final = (mix_0, mix_1, mix_2, mix_3)
_START: Final = 3
"""How many ShiftRows count as left out before the first round: then mixing begins with its cheapest form."""

MOST: Final = 2112
"""Blocks that are worked on at once: more would leave the processor's caches."""

_LOWEST: Final = int.from_bytes(b"\x01" * 16, "little")
_CONSTANT: Final = 0x63 * _LOWEST


def lanes_for(count: int) -> int:
    """The segment length N for a number of blocks."""
    return (count + 7) & -8 if count <= 512 else (count + 31) & -32


@final
class _Shape:
    """What depends on N only.

    Attributes:
      shifts:  N, 2N, ..., by places.
      masks:   of each way to mix.
      rows:    for each row, the integers that have its four places as the bits of 0 .. 15 say.
    """

    __slots__ = ("masks", "rows", "shifts", "swaps")

    def __init__(self, lanes: int) -> None:
        ones = (1 << lanes) - 1

        def spread(places: int) -> int:
            return sum(ones << lanes * place for place in range(16) if places >> place & 1)

        self.shifts = tuple(lanes * place for place in range(16))
        self.masks = tuple(tuple(map(spread, turn)) for turn in PLACE_MASKS)
        self.rows = tuple(tuple(spread(value << 4 * row) for value in range(16)) for row in range(4))
        octets = 2 * lanes
        self.swaps = tuple(
            (step, int.from_bytes(bytes([pattern]) * octets, "little")) for step, pattern in ((4, 0x0F), (2, 0x33), (1, 0x55))
        )


@lru_cache(maxsize=8)
def _shape(lanes: int) -> _Shape:
    return _Shape(lanes)


def _octet_at(left_out: int) -> tuple[int, ...]:
    """For each place, the octet of a block that stands there when so many ShiftRows were left out."""
    return tuple(4 * ((place - left_out * (place >> 2)) & 3) + (place >> 2) for place in range(16))


_OCTETS: Final = tuple(map(_octet_at, range(4)))


def patterns(round_keys: Sequence[bytes], start: int = _START) -> list[array[int]]:
    """For each round and bit, the places where the round key has that bit: bit p for place p.

    The constant of SubBytes, which the circuit leaves out, is added to all but the first: MixColumns takes an octet repeated four times to
    itself.

    Args:
      start:  how many ShiftRows count as left out before the first round.
    """
    found = []
    for number, key in enumerate(round_keys):
        places = int.from_bytes(bytes(itemgetter(*_OCTETS[(start + number) & 3])(key)), "little") ^ (_CONSTANT if number else 0)
        found.append(array("H", [_gathered(places >> bit & _LOWEST) for bit in range(8)]))
    return found


def _gathered(places: int) -> int:
    """Bit 8p to bit p: eight of them by one multiplication, in whose product bit 8p stands at 56 + p."""
    low = (places & 0xFFFFFFFFFFFFFFFF) * 0x0102040810204080 >> 56 & 0xFF
    return (places >> 64) * 0x0102040810204080 >> 48 & 0xFF00 | low


def spread_keys(key_patterns: Sequence[Sequence[int]], lanes: int) -> list[list[int]]:
    """The planes of every round key for N lanes."""
    a, b, c, d = _shape(lanes).rows
    return [[a[p & 15] ^ b[p >> 4 & 15] ^ c[p >> 8 & 15] ^ d[p >> 12] for p in bits] for bits in key_patterns]


def _swap(planes: list[int], shape: _Shape) -> list[int]:
    """Bit i of octets of integer k to bit k of octets of integer i."""
    for step, mask in shape.swaps:
        for low in range(8):
            if not low & step:
                a, b = planes[low], planes[low + step]
                moved = (a >> step ^ b) & mask
                planes[low + step] = b ^ moved
                planes[low] = a ^ moved << step
    return planes


def _planes_of(blocks: bytes, lanes: int, shape: _Shape) -> list[int]:
    part = lanes >> 3
    columns = [blocks[at::16] for at in _OCTETS[_START]]
    starts = range(0, lanes, part)
    return _swap([int.from_bytes(b"".join([column[at : at + part] for column in columns]), "little") for at in starts], shape)


def _blocks_of(planes: list[int], lanes: int, shape: _Shape, order: Sequence[int]) -> bytes:
    part = lanes >> 3
    size = 2 * lanes
    regions = [plane.to_bytes(size, "little") for plane in _swap(planes, shape)]
    blocks = bytearray(16 * lanes)
    start = 0
    for at in order:
        end = start + part
        blocks[at::16] = b"".join([region[start:end] for region in regions])
        start = end
    return bytes(blocks)


def encrypt(keys: Sequence[Sequence[int]], blocks: bytes) -> bytes:
    """The cipher of FIPS 197 §5.1 on every block.

    Args:
      keys:    `spread_keys` for `lanes_for` this number of blocks.
      blocks:  whole blocks, at most MOST of them.
    """
    lanes = lanes_for(len(blocks) >> 4)
    shape = _shape(lanes)
    planes = _planes_of(blocks.ljust(16 * lanes, b"\0"), lanes, shape)
    return _rounds(_added(planes, keys[0]), keys, 1, lanes, shape)[: len(blocks)]


def counted(keys: Sequence[Sequence[int]], counters: Sequence[bytes]) -> list[int]:
    """What `encrypt_counted` needs of counter blocks that begin with twelve zeros and differ in their last two octets only.

    Returns: the difference between their states after the first round and that of twelve zeros and the first two octets of the counters.
    """
    lanes = lanes_for(len(counters))
    shape = _shape(lanes)
    prefix = bytes(12) + counters[0][:2]
    blocks = b"".join([bytes(12) + counter for counter in counters]).ljust(16 * lanes, b"\0")
    same = (prefix + bytes(2)) * lanes
    turn = (_START + 1) & 3
    after = []
    for states in (blocks, same):
        planes = _added(_planes_of(states, lanes, shape), keys[0])
        after.append(_MIX[turn](sub_bytes(*planes), keys[1], shape.shifts, shape.masks[turn]))
    return [a ^ b for a, b in zip(*after, strict=True)]


def encrypt_counted(
    keys: Sequence[Sequence[int]], key_patterns: Sequence[Sequence[int]], prefix: bytes, difference: Sequence[int], count: int
) -> bytes:
    """The cipher on blocks of which only the last two octets differ.

    An octet of a state meets others only in MixColumns, which adds.  So the first round of all blocks is that of one of them, on integers
    of sixteen bits, and the difference, which is known beforehand.

    Args:
      keys, key_patterns:  as made by `spread_keys` and `patterns`.
      prefix:      the fourteen octets that are the same.
      difference:  what `counted` made of the counters.
      count:       how many blocks.
    """
    lanes = lanes_for(count)
    shape = _shape(lanes)
    one = _shape(1)
    turn = (_START + 1) & 3
    places = int.from_bytes(bytes(itemgetter(*_OCTETS[_START])(prefix + bytes(2))), "little")
    start = _added([_gathered(places >> bit & _LOWEST) for bit in range(8)], key_patterns[0])
    first = _MIX[turn](sub_bytes(*start), key_patterns[1], one.shifts, one.masks[turn])
    planes = _added(spread_keys([first], lanes)[0], difference)
    return _rounds(planes, keys, 2, lanes, shape)[: 16 * count]


def _added(planes: Sequence[int], others: Sequence[int]) -> Planes:
    a, b, c, d, e, f, g, h = map(xor, planes, others)
    return a, b, c, d, e, f, g, h


def _rounds(planes: Planes, keys: Sequence[Sequence[int]], first: int, lanes: int, shape: _Shape) -> bytes:
    """The rounds from `first` on, and the blocks."""
    shifts = shape.shifts
    turn = _START + first - 1
    for key in keys[first:-1]:
        turn = (turn + 1) & 3
        planes = _MIX[turn](sub_bytes(*planes), key, shifts, shape.masks[turn])
    last = _added(sub_bytes(*planes), keys[-1])
    return _blocks_of(list(last), lanes, shape, _OCTETS[(turn + 1) & 3])
