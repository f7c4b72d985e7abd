# SPDX-License-Identifier: Apache-2.0 OR MIT
"""K-PKE of ML-KEM-768 in plain loops, for PyPy.  FIPS 203 §4, §5; `sws.crypto.ref.mlkem` is its twin in the standard's order.

What differs from the twin: coefficients are read from and written to octets without going through bits; products of a row are summed
before they are reduced; and floor(x / q) is a multiplication by ceil(2^40 / q) and a shift, so that no division sees a secret.

Timing: matrix A is sampled in variable time, it is public.  The rest runs the same multiplications, shifts and additions for all values.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from sws.crypto.sha3 import sha3_512, shake128, shake256

__all__ = ["decrypt", "encrypt", "generate", "is_reduced"]

Polynomial: TypeAlias = list[int]

N: Final = 256
Q: Final = 3329
K: Final = 3
_VECTOR: Final = 384 * K
_C1: Final = 960
_ONTO_Q: Final = -(-(1 << 40) // Q)  # x * _ONTO_Q >> 40 is floor(x / q) for x < 2^28


def _reduce(x: int) -> int:
    """x mod q for 0 <= x < 2^28."""
    return x - (x * _ONTO_Q >> 40) * Q


@lru_cache(maxsize=1)
def _zetas() -> tuple[int, ...]:
    return tuple(pow(17, int(f"{i:07b}"[::-1], 2), Q) for i in range(128))


def _ntt(f: Polynomial) -> None:
    """Algorithm 9, in place."""
    zetas = _zetas()
    i, length = 1, 128
    while length > 1:
        for start in range(0, N, 2 * length):
            zeta = zetas[i]
            i += 1
            for j in range(start, start + length):
                x, t = f[j], _reduce(zeta * f[j + length])
                f[j] = _reduce(x + t)
                f[j + length] = _reduce(x + Q - t)
        length //= 2


def _inverse_ntt(f: Polynomial) -> None:
    """Algorithm 10, in place."""
    zetas = _zetas()
    i, length = 127, 2
    while length < N:
        for start in range(0, N, 2 * length):
            zeta = zetas[i]
            i -= 1
            for j in range(start, start + length):
                x, y = f[j], f[j + length]
                f[j] = _reduce(x + y)
                f[j + length] = _reduce(zeta * (y + Q - x))
        length *= 2
    for j in range(N):
        f[j] = _reduce(f[j] * 3303)


def _dot(row: list[Polynomial], column: list[Polynomial]) -> Polynomial:
    """The sum of three products in the transformed domain.  Algorithms 11 and 12."""
    zetas = _zetas()
    h = [0] * N
    for i in range(0, N, 2):
        zeta = zetas[64 + i // 4]
        gamma = zeta if i & 2 == 0 else Q - zeta
        even = odd = squares = 0
        for f, g in zip(row, column, strict=True):
            a0, a1, b0, b1 = f[i], f[i + 1], g[i], g[i + 1]
            even += a0 * b0
            squares += a1 * b1
            odd += a0 * b1 + a1 * b0
        h[i] = _reduce(even + _reduce(squares) * gamma)
        h[i + 1] = _reduce(odd)
    return h


def _decode_12(data: bytes) -> Polynomial:
    """Algorithm 6 for d = 12, without its reduction."""
    f: Polynomial = []
    for at in range(0, len(data), 3):
        x = data[at] | data[at + 1] << 8 | data[at + 2] << 16
        f.append(x & 0xFFF)
        f.append(x >> 12)
    return f


def _encode_12(f: Polynomial) -> bytes:
    """Algorithm 5 for d = 12."""
    out = bytearray()
    for i in range(0, N, 2):
        x = f[i] | f[i + 1] << 12
        out += bytes((x & 0xFF, x >> 8 & 0xFF, x >> 16))
    return bytes(out)


def _vector(data: bytes) -> list[Polynomial]:
    return [_decode_12(data[at : at + 384]) for at in range(0, _VECTOR, 384)]


def _sample_ntt(seed: bytes) -> Polynomial:
    """Algorithm 7."""
    length = 504
    while True:
        a = [x for x in _decode_12(shake128(seed, length)) if x < Q]
        if len(a) >= N:
            return a[:N]
        length += 168


def _matrix(rho: bytes) -> list[list[Polynomial]]:
    return [[_sample_ntt(b"%b%c%c" % (rho, j, i)) for j in range(K)] for i in range(K)]


def _noise(seed: bytes, number: int) -> Polynomial:
    """Algorithm 8 for eta = 2, on PRF(seed, number)."""
    f: Polynomial = []
    for octet in shake256(b"%b%c" % (seed, number), 128):
        sums = (octet & 0x55) + (octet >> 1 & 0x55)
        f.append(_reduce((sums & 3) + Q - (sums >> 2 & 3)))
        f.append(_reduce((sums >> 4 & 3) + Q - (sums >> 6)))
    return f


def _transformed(seed: bytes, first: int) -> list[Polynomial]:
    """Three polynomials of noise, through the transform."""
    vector = [_noise(seed, number) for number in range(first, first + K)]
    for f in vector:
        _ntt(f)
    return vector


def is_reduced(encapsulation_key: bytes) -> bool:
    """The modulus check of §7.2."""
    return max(_decode_12(encapsulation_key[:_VECTOR])) < Q


def generate(d: bytes) -> tuple[bytes, bytes]:
    """Algorithm 13: encryption key, decryption key."""
    seeds = sha3_512(d + b"%c" % K)
    rho, sigma = seeds[:32], seeds[32:]
    s, e = _transformed(sigma, 0), _transformed(sigma, K)
    t = []
    for row, noise in zip(_matrix(rho), e, strict=True):
        t.append([_reduce(x + y) for x, y in zip(_dot(row, s), noise, strict=True)])
    return b"".join([_encode_12(f) for f in t]) + rho, b"".join([_encode_12(f) for f in s])


def encrypt(encryption_key: bytes, message: bytes, randomness: bytes) -> bytes:
    """Algorithm 14: ciphertext."""
    a = _matrix(encryption_key[_VECTOR:])
    y = _transformed(randomness, 0)
    c1 = bytearray()
    for i in range(K):
        u = _dot([a[j][i] for j in range(K)], y)
        _inverse_ntt(u)
        e1 = _noise(randomness, K + i)
        for at in range(0, N, 4):
            x = 0
            for k in range(4):
                value = _reduce(u[at + k] + e1[at + k])
                x |= (((value << 10) + Q // 2) * _ONTO_Q >> 40 & 0x3FF) << 10 * k
            c1 += x.to_bytes(5, "little")
    v = _dot(_vector(encryption_key), y)
    _inverse_ntt(v)
    e2 = _noise(randomness, 2 * K)
    c2 = bytearray(N // 2)
    for i in range(N):
        value = _reduce(v[i] + e2[i] + (message[i >> 3] >> (i & 7) & 1) * ((Q + 1) // 2))
        c2[i >> 1] |= (((value << 4) + Q // 2) * _ONTO_Q >> 40 & 0xF) << 4 * (i & 1)
    return bytes(c1 + c2)


def decrypt(decryption_key: bytes, ciphertext: bytes) -> bytes:
    """Algorithm 15: message."""
    u: list[Polynomial] = []
    for start in range(0, _C1, 320):
        f: Polynomial = []
        for at in range(start, start + 320, 5):
            x = int.from_bytes(ciphertext[at : at + 5], "little")
            f += [(x >> 10 * k & 0x3FF) * Q + 512 >> 10 for k in range(4)]
        _ntt(f)
        u.append(f)
    w = _dot(_vector(decryption_key), u)
    _inverse_ntt(w)
    message = bytearray(32)
    for i in range(N):
        v = (ciphertext[_C1 + (i >> 1)] >> 4 * (i & 1) & 0xF) * Q + 8 >> 4
        x = _reduce(v + Q - w[i])
        message[i >> 3] |= ((2 * x + Q // 2) * _ONTO_Q >> 40 & 1) << (i & 7)
    return bytes(message)
