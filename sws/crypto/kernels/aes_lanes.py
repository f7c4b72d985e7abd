# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES for CPython: whichever of `bytes.translate` and bit-slicing is quicker for a number of blocks.

Timing: `AesKey` looks up octets at places that depend on key and data; `ConstantAesKey` does not.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Final, TypeAlias

from sws.crypto.kernels import aes_bitslice, aes_translate
from sws.crypto.kernels.aes_schedule import expand, sub_word_by_circuit, sub_word_by_table
from sws.crypto.kernels.plans import Plans

__all__ = ["AesKey", "ConstantAesKey", "Run"]

Run: TypeAlias = tuple[bytes, int, int]
"""Counter blocks: the first twelve octets, the first counter, how many."""

_BITS_FROM: Final = 330
"""Blocks from which on bit-slicing is quicker."""
_BIT_PLANS_FROM: Final = 64
"""Lanes from which on spread keys are remembered."""
_COUNTERS: Final = 1 << 11
_BLOCK: Final = bytes(16)

BitPlan: TypeAlias = tuple[list[list[int]], dict[int, list[int]]]


@lru_cache(maxsize=1)
def _first_counters() -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(_COUNTERS)]


def _counters(first: int, count: int) -> list[bytes]:
    """Counters, modulo 2^32."""
    if first + count <= _COUNTERS:
        return _first_counters()[first : first + count]
    return [(number & 0xFFFFFFFF).to_bytes(4, "big") for number in range(first, first + count)]


def _bit_plan(patterns: Sequence[Sequence[int]], lanes: int) -> BitPlan:
    return aes_bitslice.spread_keys(patterns, lanes), {}


class AesKey:
    """The cipher under one key.

    Args:
      key:  16, 24 or 32 octets; SECRET.
    """

    __slots__ = ("_bit_plans", "_octet_plans", "_patterns", "_round_keys")

    def __init__(self, key: bytes) -> None:
        self._round_keys = self._expand(key)
        rounds = len(self._round_keys)
        self._octet_plans: Plans[list[int]] = Plans(
            partial(aes_translate.spread_keys, self._round_keys), lambda count: rounds * (17 * count + 28)
        )
        self._patterns: list[array[int]] = []
        self._bit_plans: Plans[BitPlan] | None = None

    @staticmethod
    def _expand(key: bytes) -> list[bytes]:
        return expand(key, sub_word_by_table)

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, encrypted."""
        count = len(blocks) >> 4
        if count < _BITS_FROM:
            return aes_translate.encrypt(self._octet_plans.get(count), blocks) if count else b""
        return self._by_bits(blocks)

    def _by_bits(self, blocks: bytes) -> bytes:
        parts = []
        size = _part(len(blocks) >> 4) << 4
        for start in range(0, len(blocks), size):
            part = blocks[start : start + size]
            parts.append(aes_bitslice.encrypt(self._bits(len(part) >> 4)[0], part))
        return b"".join(parts)

    def decrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, decrypted."""
        count = len(blocks) >> 4
        return aes_translate.decrypt(self._octet_plans.get(count), blocks) if count else b""

    def keystream(self, runs: Sequence[Run]) -> bytes:
        """The encrypted counter blocks of all runs."""
        count = sum([run[2] for run in runs])
        if count >= _BITS_FROM and len(runs) == 1:
            return self._long_run(*runs[0])
        return self.encrypt_blocks(b"".join([prefix.join([b"", *_counters(first, number)]) for prefix, first, number in runs]))

    def crypt_many(self, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The first encrypted counter block of each run, and each text XOR the blocks after the first.

        Args:
          runs:   long enough for their texts; one a text.
        """
        stream = self.keystream(runs)
        if len(runs) == 1:
            text = texts[0]
            size = len(text)
            output = int.from_bytes(text, "little") ^ int.from_bytes(stream[16 : 16 + size], "little")
            return [stream[:16]], [output.to_bytes(size, "little")]
        pieces: list[bytes] = []
        for (_, _, count), text in zip(runs, texts, strict=True):
            pieces += (_BLOCK, text, _BLOCK[: (count - 1) * 16 - len(text)])
        size = len(stream)
        whole = (int.from_bytes(b"".join(pieces), "little") ^ int.from_bytes(stream, "little")).to_bytes(size, "little")
        firsts = []
        outputs = []
        at = 0
        for (_, _, count), text in zip(runs, texts, strict=True):
            firsts.append(whole[at : at + 16])
            outputs.append(whole[at + 16 : at + 16 + len(text)])
            at += 16 * count
        return firsts, outputs

    def _long_run(self, prefix: bytes, first: int, count: int) -> bytes:
        parts = []
        size = _part(count)
        for start in range(first, first + count, size):
            number = min(size, first + count - start)
            counters = _counters(start, number)
            keys, differences = self._bits(number)
            if counters[0][:2] != counters[-1][:2]:
                parts.append(aes_bitslice.encrypt(keys, prefix.join([b"", *counters])))
                continue
            place = start & 0xFFFF | number << 16
            difference = differences.get(place)
            if difference is None:
                if len(differences) >= 4:
                    differences.clear()
                difference = differences[place] = aes_bitslice.counted(keys, counters)
            parts.append(aes_bitslice.encrypt_counted(keys, self._patterns, prefix + counters[0][:2], difference, number))
        return b"".join(parts)

    def _bits(self, count: int) -> BitPlan:
        """What bit-slicing remembers for a number of blocks."""
        if self._bit_plans is None:
            self._patterns = aes_bitslice.patterns(self._round_keys)
            rounds = len(self._round_keys)
            self._bit_plans = Plans(partial(_bit_plan, self._patterns), lambda lanes: (rounds + 4) * 8 * (2 * lanes + lanes // 7 + 36))
        lanes = aes_bitslice.lanes_for(count)
        return _bit_plan(self._patterns, lanes) if lanes < _BIT_PLANS_FROM else self._bit_plans.get(lanes)


class ConstantAesKey(AesKey):
    """The same without look-ups at secret places."""

    __slots__ = ()

    @staticmethod
    def _expand(key: bytes) -> list[bytes]:
        return expand(key, sub_word_by_circuit)

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, encrypted."""
        return self._by_bits(blocks) if blocks else b""


def _part(count: int) -> int:
    """How many blocks to work on at once: equal parts, none too large."""
    parts = -(-count // aes_bitslice.MOST)
    return -(-count // parts)
