# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 in the order of RFC 8439 §2.1 to §2.4: the readable twin."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

__all__ = ["block", "crypt_many", "first_octets", "key_streams"]

_CONSTANTS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_MASK: Final = 0xFFFFFFFF


def _rotate_left(value: int, count: int) -> int:
    return (value << count & _MASK) | value >> (32 - count)


def _quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    """§2.1, §2.2."""
    state[a] = (state[a] + state[b]) & _MASK
    state[d] = _rotate_left(state[d] ^ state[a], 16)
    state[c] = (state[c] + state[d]) & _MASK
    state[b] = _rotate_left(state[b] ^ state[c], 12)
    state[a] = (state[a] + state[b]) & _MASK
    state[d] = _rotate_left(state[d] ^ state[a], 8)
    state[c] = (state[c] + state[d]) & _MASK
    state[b] = _rotate_left(state[b] ^ state[c], 7)


def block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """The block function.  §2.3

    Args:
      key:      32 octets; SECRET.
      counter:  modulo 2^32.
      nonce:    12 octets.
    Returns: 64 octets; SECRET.
    Timing:  the same operations for every key, down to the Python-integer caveat.
    """
    initial = [*_CONSTANTS, *struct.unpack("<8L", key), counter & _MASK, *struct.unpack("<3L", nonce)]
    state = initial.copy()
    for _ in range(10):
        _quarter_round(state, 0, 4, 8, 12)
        _quarter_round(state, 1, 5, 9, 13)
        _quarter_round(state, 2, 6, 10, 14)
        _quarter_round(state, 3, 7, 11, 15)
        _quarter_round(state, 0, 5, 10, 15)
        _quarter_round(state, 1, 6, 11, 12)
        _quarter_round(state, 2, 7, 8, 13)
        _quarter_round(state, 3, 4, 9, 14)
    return struct.pack("<16L", *[(was + now) & _MASK for was, now in zip(initial, state, strict=True)])


def key_streams(key: bytes, runs: Sequence[tuple[bytes, int, int]]) -> bytes:
    """The blocks of all runs, one run after the other; see `sws.crypto.chacha20.Kernel`."""
    return b"".join([block(key, first + index, nonce) for nonce, first, count in runs for index in range(count)])


def first_octets(key: bytes, samples: Sequence[bytes]) -> list[bytes]:
    """The first five octets of the block of each sample, a counter and a nonce."""
    return [block(key, int.from_bytes(sample[:4], "little"), sample[4:])[:5] for sample in samples]


def crypt_many(key: bytes, runs: Sequence[tuple[bytes, int, int]], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The first 32 octets of each run, and each text XOR the run's blocks after the first."""
    keys, outputs = [], []
    for run, text in zip(runs, texts, strict=True):
        stream = key_streams(key, (run,))
        keys.append(stream[:32])
        outputs.append(bytes([a ^ b for a, b in zip(text, stream[64:], strict=False)]))
    return keys, outputs
