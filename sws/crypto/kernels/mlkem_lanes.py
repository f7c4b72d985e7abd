# SPDX-License-Identifier: Apache-2.0 OR MIT
"""K-PKE of ML-KEM-768 for CPython, in lanes.  FIPS 203 §5; `sws.crypto.ref.mlkem` is its twin in the standard's order.

Three ideas carry it: all polynomials go through the transform together (`mlkem_transform`); bits are moved in bulk (`mlkem_bits`); and the
matrix is multiplied by a vector in few integers.  In the ring Z_q[X] / (X^2 - gamma) of one pair, with X standing for 2^32,

    (a0 + a1 X)(y0 + y1 X) = a0 P + a1 Q        P = y0 + y1 2^32,    Q = gamma y1 + y0 2^32

and a0 may be the numbers of all rows of the matrix at once, one every 64 bits; so six multiplications and five additions are one pair of
A^T y and t^T y, and no lane overflows: six products are below 2^27.  The factor 128^-1 of the inverse transform is -26 modulo q, small
enough to be given to y before it is transformed.

Timing: matrix A is sampled in variable time, it is public.  The rest does the same operations on integers of the same sizes, without
look-ups or branches; how long CPython takes for one may depend a little on its value.
Needs a little-endian machine.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import repeat
from operator import add, mul, sub
from typing import Final

from sws.crypto.kernels.mlkem_bits import (
    bits_to_octets,
    decode_12,
    encode_12,
    has_unreduced,
    merge,
    sample_matrix,
    sample_noise,
    spread,
)
from sws.crypto.kernels.mlkem_transform import (
    LANE,
    PAIRS,
    Batch,
    Q,
    evaluate,
    interpolate,
    quotient,
    remainder,
    repeated,
    split,
)
from sws.crypto.sha3 import sha3_512

__all__ = ["decrypt", "encrypt", "generate", "is_reduced"]

K: Final = 3
_N: Final = 256
_POLYNOMIAL: Final = 2 * _N  # octets of its words
_VECTOR: Final = 384 * K
_C1: Final = 960
_TO_HALF: Final = 26  # 128^-1 = -26 mod q


def _batch_of_octets(octets: bytes | bytearray, polynomials: int) -> Batch:
    """A batch of coefficients of one octet each."""
    stride = 2 * polynomials * LANE
    lanes = bytearray(PAIRS * stride)
    for j in range(polynomials):
        for odd in range(2):
            lanes[(odd * polynomials + j) * LANE :: stride] = octets[j * _N + odd : (j + 1) * _N : 2]
    return split(lanes)


def _batch_of_words(words: bytes, polynomials: int) -> Batch:
    """A batch of coefficients of 16 bits each."""
    source, stride = array("H", words), polynomials * LANE
    lanes = array("H", bytes(2 * PAIRS * stride))
    for j in range(polynomials):
        for odd in range(2):
            lanes[(odd * polynomials + j) * LANE // 2 :: stride] = source[j * _N + odd : (j + 1) * _N : 2]
    return split(lanes.tobytes())


def _rows(columns: Sequence[Sequence[bytes]]) -> list[tuple[Batch, Batch]]:
    """For each column: even and odd numbers of all its rows, a row every 64 bits.

    Args:
      columns:  for each one the words of its polynomials.
    """
    batches = []
    for rows in columns:
        pair = []
        sources = [array("H", words) for words in rows]
        for odd in range(2):
            lanes = array("H", bytes(8 * PAIRS * len(rows)))
            for row, source in enumerate(sources):
                lanes[4 * row :: 4 * len(rows)] = source[odd::2]
            pair.append(split(lanes.tobytes()))
        batches.append((pair[0], pair[1]))
    return batches


def _factors(values: array[int], polynomials: int, j: int) -> tuple[list[int], list[int]]:
    """P and Q of polynomial j of what `evaluate` returned."""
    stride = 3 * polynomials
    even, odd, turned = (values[j + part * polynomials :: stride] for part in range(3))
    p, q = array("I", bytes(8 * PAIRS)), array("I", bytes(8 * PAIRS))
    p[0::2], p[1::2] = even, odd
    q[0::2], q[1::2] = turned, even
    return array("Q", p.tobytes()).tolist(), array("Q", q.tobytes()).tolist()


def _product(columns: list[tuple[Batch, Batch]], values: array[int], polynomials: int) -> Batch:
    """The matrix by the vector of the first three polynomials of `values`: 32-bit lanes, even and odd of each row."""
    total: Batch = [0] * PAIRS
    for j, (even, odd) in enumerate(columns):
        p, q = _factors(values, polynomials, j)
        total = list(map(add, total, map(add, map(mul, even, p), map(mul, odd, q))))
    return total


def is_reduced(encapsulation_key: bytes) -> bool:
    """The modulus check of §7.2."""
    return not has_unreduced(decode_12(encapsulation_key[:_VECTOR]))


def _words_of(x: int, count: int) -> array[int]:
    """Lanes of 64 bits as 16-bit words."""
    return array("H", x.to_bytes(8 * count, "little"))[::4]


def _in_order(words: array[int], polynomials: int, j: int) -> bytes:
    """Polynomial j of words that stand as even and odd of the first polynomial, of the second …, for each pair."""
    stride = 2 * polynomials
    out = array("H", bytes(_POLYNOMIAL))
    out[0::2], out[1::2] = words[2 * j :: stride], words[2 * j + 1 :: stride]
    return out.tobytes()


def generate(d: bytes) -> tuple[bytes, bytes]:
    """Algorithm 13: encryption key, decryption key."""
    seeds = sha3_512(d + b"%c" % K)
    rho, sigma = seeds[:32], seeds[32:]
    batch = _batch_of_octets(sample_noise(sigma, range(2 * K)), 2 * K)
    values = evaluate(list(map(sub, batch, repeat(repeated(2, LANE, 4 * K)))), 2 * K)
    matrix = sample_matrix(rho)
    product = _product(_rows([matrix[j::K] for j in range(K)]), values, 2 * K)
    count = PAIRS * 2 * K
    wide, noise = array("I", bytes(8 * count)), array("I", bytes(8 * count))
    wide[0::2] = array("I", b"".join([x.to_bytes(8 * K, "little") for x in product]))
    for i in range(K):
        for odd in range(2):
            noise[4 * i + 2 * odd :: 4 * K] = values[(2 * odd + 1) * K + i :: 6 * K]
    total = int.from_bytes(wide, "little") + int.from_bytes(noise, "little")
    words = _words_of(remainder(total, count), count)
    secret = array("H", bytes(_POLYNOMIAL * K))
    narrow = array("H", values.tobytes())[::2]
    for i in range(K):
        secret[_N * i : _N * (i + 1) : 2] = narrow[i :: 6 * K]
        secret[_N * i + 1 : _N * (i + 1) : 2] = narrow[2 * K + i :: 6 * K]
    t = b"".join([_in_order(words, K, i) for i in range(K)])
    return encode_12(t) + rho, encode_12(secret.tobytes())


def encrypt(encryption_key: bytes, message: bytes, randomness: bytes) -> bytes:
    """Algorithm 14: ciphertext."""
    noise = sample_noise(randomness, range(2 * K + 1))
    batch = _batch_of_octets(noise[: K * _N], K)
    # 26 (2 - octet) = -26 coefficient: y times 128^-1
    values = evaluate(list(map(sub, repeat(repeated(2 * _TO_HALF, LANE, 2 * K)), map(mul, batch, repeat(_TO_HALF)))), K)
    t = bytes(decode_12(encryption_key[:_VECTOR]))
    matrix = sample_matrix(encryption_key[_VECTOR:])
    columns = [[*matrix[K * j : K * (j + 1)], t[_POLYNOMIAL * j : _POLYNOMIAL * (j + 1)]] for j in range(K)]
    sums = interpolate(_product(_rows(columns), values, K), K + 1)
    return _compress(sums + _errors(noise[K * _N :], message))


def _errors(noise: bytearray, message: bytes) -> int:
    """e1 for u, e2 and the message for v, in lanes of 64 bits that are at least 0."""
    stride = 16 * (K + 1)
    lanes = bytearray(PAIRS * stride)
    for i in range(K + 1):
        for odd in range(2):
            lanes[16 * i + 8 * odd :: stride] = noise[i * _N + odd : (i + 1) * _N : 2]
    bits = bytearray(PAIRS * stride)
    octets = bits_to_octets(message)
    for odd in range(2):
        bits[16 * K + 8 * odd :: stride] = octets[odd::2]
    lift = repeated(Q - 2, 8, 2 * PAIRS * (K + 1))
    return int.from_bytes(lanes, "little") + lift + (Q + 1) // 2 * int.from_bytes(bits, "little")


def _compress(sums: int) -> bytes:
    """c1 | c2 of u and v: Compress_10 of the lanes of u, Compress_4 of those of v."""
    count = 2 * PAIRS * (K + 1)
    x = remainder(sums, count)
    in_v = int.from_bytes((bytes(16 * K) + b"\xff" * 16) * PAIRS, "little")
    scaled = (x << 10) - (in_v & (x << 10)) + ((x & in_v) << 4)
    words = _words_of(quotient(scaled + repeated(Q // 2, 8, count), count), count)
    u = array("H", b"".join([_in_order(words, K + 1, i) for i in range(K)]))
    masked = int.from_bytes(u, "little") & repeated(0x3FF, 2, K * _N)
    v = int.from_bytes(_in_order(words, K + 1, K), "little") & repeated(0xF, 2, _N)
    c2 = (v | v >> 12).to_bytes(_POLYNOMIAL, "little")[0::4]
    return merge(masked.to_bytes(K * _POLYNOMIAL, "little")) + c2


def decrypt(decryption_key: bytes, ciphertext: bytes) -> bytes:
    """Algorithm 15: message."""
    u = array("H", bytes(2 * K * _POLYNOMIAL))
    u[0::2] = array("H", spread(ciphertext[:_C1]))
    lanes = K * _N
    x = int.from_bytes(u, "little") * Q + repeated(512, 4, lanes) >> 10 & repeated(0xFFF, 4, lanes)
    batch = _batch_of_words(array("H", x.to_bytes(4 * lanes, "little"))[::2].tobytes(), K)
    values = evaluate(list(map(mul, batch, repeat(-_TO_HALF))), K)
    secret = bytes(decode_12(decryption_key))
    columns = [[secret[_POLYNOMIAL * j : _POLYNOMIAL * (j + 1)]] for j in range(K)]
    product = interpolate(_product(_rows(columns), values, K), 1)
    packed = ciphertext[_C1:]
    v = bytearray(8 * _N)
    nibbles = int.from_bytes(packed, "little")
    low = repeated(0xF, 1, PAIRS)
    v[0::16] = (nibbles & low).to_bytes(PAIRS, "little")
    v[8::16] = (nibbles >> 4 & low).to_bytes(PAIRS, "little")
    decompressed = int.from_bytes(v, "little") * Q + repeated(8, 8, _N) >> 4 & repeated(0xFFF, 8, _N)
    x = remainder(decompressed + repeated(Q << 13, 8, _N) - product, _N)
    bits = quotient((x << 1) + repeated(Q // 2, 8, _N), _N) & repeated(1, 8, _N)
    text = (bits | repeated(0x30, 8, _N)).to_bytes(8 * _N, "little")[::8]
    return int(text[::-1], 2).to_bytes(32, "little")
