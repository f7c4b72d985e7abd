# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Bits of ML-KEM-768 in lanes: sampling, encodings.  FIPS 203 §4.2.

Between 12-bit streams, nibbles, and lanes of 16 bits there are only slices with a step and masks and shifts of whole strings taken as one
integer, so 256 coefficients cost little more than one.

    "words":  coefficients as little-endian 16-bit words, 512 octets a polynomial

Timing: `sample_matrix` and `is_reduced` search public strings, in variable time.  The rest depends on lengths only, down to the
Python-integer caveat.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sws.crypto.sha3 import shake128, shake128_many, shake256_many

__all__ = ["bits_to_octets", "decode_12", "encode_12", "has_unreduced", "merge", "sample_matrix", "sample_noise", "spread"]

_BLOCKS: Final = 504  # three blocks of SHAKE128: 336 candidates, of which 273 survive on average, less than 256 in one of 100 cases
_BLOCK: Final = 168
_N: Final = 256
_UNREDUCED: Final = re.compile("[\u0d01-\u0fff]+")  # 3329 to 4095


@lru_cache(maxsize=32)
def _repeat(octets: bytes, times: int) -> int:
    """A mask: the octets, `times` times."""
    return int.from_bytes(octets * times, "little")


def decode_12(data: bytes) -> bytearray:
    """Words of a stream of 12-bit values.  Algorithm 6 before its reduction; steps 5 to 7 of Algorithm 7."""
    pairs = len(data) // 3
    middle = int.from_bytes(data[1::3], "little")
    last = int.from_bytes(data[2::3], "little")
    low = _repeat(b"\x0f", pairs)
    words = bytearray(4 * pairs)
    words[0::4] = data[0::3]
    words[1::4] = (middle & low).to_bytes(pairs, "little")
    words[2::4] = (middle >> 4 & low | (last & low) << 4).to_bytes(pairs, "little")
    words[3::4] = (last >> 4 & low).to_bytes(pairs, "little")
    return words


def encode_12(words: bytes) -> bytes:
    """A stream of 12-bit values of words.  Algorithm 5."""
    x = int.from_bytes(words, "little")
    pairs = len(words) // 4
    x = x & _repeat(b"\xff\x0f\0\0", pairs) | x >> 4 & _repeat(b"\0\xf0\xff\0", pairs)
    joined = x.to_bytes(4 * pairs, "little")
    out = bytearray(3 * pairs)
    for octet in range(3):
        out[octet::3] = joined[octet::4]
    return bytes(out)


def merge(words: bytes) -> bytes:
    """A stream of 10-bit values of words.  Algorithm 5 for d = 10."""
    x = int.from_bytes(words, "little")
    fours = len(words) // 8
    x = x & _repeat(b"\xff\x03\0\0", 2 * fours) | x >> 6 & _repeat(b"\0\xfc\x0f\0", 2 * fours)
    x = x & _repeat(b"\xff\xff\x0f\0\0\0\0\0", fours) | x >> 12 & _repeat(b"\0\0\xf0\xff\xff\0\0\0", fours)
    joined = x.to_bytes(8 * fours, "little")
    out = bytearray(5 * fours)
    for octet in range(5):
        out[octet::5] = joined[octet::8]
    return bytes(out)


def spread(data: bytes) -> bytes:
    """Words of a stream of 10-bit values.  Algorithm 6 for d = 10."""
    fours = len(data) // 5
    wide = bytearray(8 * fours)
    for octet in range(5):
        wide[octet::8] = data[octet::5]
    x = int.from_bytes(wide, "little")
    x = x & _repeat(b"\xff\xff\x0f\0\0\0\0\0", fours) | (x & _repeat(b"\0\0\xf0\xff\xff\0\0\0", fours)) << 12
    x = x & _repeat(b"\xff\x03\0\0", 2 * fours) | (x & _repeat(b"\0\xfc\x0f\0", 2 * fours)) << 6
    return x.to_bytes(8 * fours, "little")


def bits_to_octets(data: bytes) -> bytes:
    """Each bit as an octet 0 or 1, lowest bit of an octet first.  Algorithm 4."""
    text = f"{int.from_bytes(data, 'little'):0{8 * len(data)}b}"[::-1].encode()
    return (int.from_bytes(text, "little") & _repeat(b"\1", len(text))).to_bytes(len(text), "little")


def has_unreduced(words: bytes | bytearray) -> bool:
    """Whether a public word is 3329 or more."""
    return _UNREDUCED.search(words.decode("utf-16-le")) is not None


def sample_matrix(rho: bytes) -> list[bytes]:
    """The nine polynomials of A as words, row by row.  Algorithm 7.

    Values of 12 bits are taken for characters, so that a regular expression can drop the unreduced ones.
    """
    seeds = [b"%b%c%c" % (rho, j, i) for i in range(3) for j in range(3)]
    candidates = decode_12(b"".join(shake128_many(seeds, _BLOCKS))).decode("utf-16-le")
    size = len(candidates) // len(seeds)
    matrix = []
    for number, seed in enumerate(seeds):
        kept = _UNREDUCED.sub("", candidates[number * size : (number + 1) * size])
        length = _BLOCKS
        while len(kept) < _N:
            length += _BLOCK
            kept = _UNREDUCED.sub("", decode_12(shake128(seed, length)).decode("utf-16-le"))
        matrix.append(kept[:_N].encode("utf-16-le"))
    return matrix


def sample_noise(seed: bytes, numbers: range) -> bytearray:
    """Coefficients + 2, an octet each, from the centred binomial distribution.  Algorithm 8 for eta = 2, on PRF(seed, number).

    A nibble of randomness makes a coefficient: (bit 0 + bit 1) - (bit 2 + bit 3).
    """
    data = b"".join(shake256_many([b"%b%c" % (seed, number) for number in numbers], 128))
    size = len(data)
    x = int.from_bytes(data, "little")
    ones, threes, low = _repeat(b"\x55", size), _repeat(b"\x33", size), _repeat(b"\x0f", size)
    sums = (x & ones) + (x >> 1 & ones)
    nibbles = (sums & threes) + _repeat(b"\x22", size) - (sums >> 2 & threes)
    octets = bytearray(2 * size)
    octets[0::2] = (nibbles & low).to_bytes(size, "little")
    octets[1::2] = (nibbles >> 4 & low).to_bytes(size, "little")
    return octets
