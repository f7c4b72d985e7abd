# SPDX-License-Identifier: Apache-2.0 OR MIT
"""K-PKE of ML-KEM-768 in the order of its standard.  FIPS 203 §4.2 (bits, sampling), §4.3 (NTT), §5 (K-PKE), §8 (parameters).

The ring is R_q = Z_q[X] / (X^256 + 1) with q = 3329.  A key is a noisy linear equation over it: t = A s + e, where A is public and
everything in s and e is small; to encrypt is to make more such equations under it:

    u = A^T y + e1        v = t^T y + e2 + m          m' = v - s^T u = m + (e^T y + e2 - s^T e1), small noise beside m

A bit of the message stands in v as 0 or (q+1)/2.  Products are taken in the transformed domain: the NTT (§4.3) splits R_q into 128 rings
Z_q[X] / (X^2 - zeta^(2 BitRev7(i) + 1)), where a product costs five multiplications.

Timing: matrix A is sampled in variable time, it is public.  Division and remainder by q on secrets are written as the standard has them;
their time may depend on the values.  This is the twin to read, not the one to serve with.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from sws.crypto.sha3 import sha3_512, shake128, shake256

__all__ = ["compress", "decompress", "decrypt", "encrypt", "generate", "inverse_ntt", "is_reduced", "multiply_ntts", "ntt"]

Polynomial: TypeAlias = list[int]

N: Final = 256
Q: Final = 3329
K: Final = 3
ETA: Final = 2  # eta_1 and eta_2
DU: Final = 10
DV: Final = 4
_ZETA: Final = 17
_HALF: Final = 3303  # 128^-1 mod q


# §4.2.1: bits, bytes, compression


def _bytes_to_bits(data: bytes) -> list[int]:
    """Algorithm 4."""
    return [octet >> i & 1 for octet in data for i in range(8)]


def _byte_encode(f: Polynomial, d: int) -> bytes:
    """Algorithm 5: ByteEncode_d."""
    return sum(coefficient << d * i for i, coefficient in enumerate(f)).to_bytes(32 * d, "little")


def _byte_decode(data: bytes, d: int) -> Polynomial:
    """Algorithm 6: ByteDecode_d; for d = 12 reduced modulo q."""
    bits = _bytes_to_bits(data)
    modulus = Q if d == 12 else 1 << d
    return [sum(bits[d * i + j] << j for j in range(d)) % modulus for i in range(N)]


def compress(x: int, d: int) -> int:
    """Compress_d: round(2^d / q * x) mod 2^d.  Equation 4.7."""
    return ((x << d) + Q // 2) // Q % (1 << d)


def decompress(y: int, d: int) -> int:
    """Decompress_d: round(q / 2^d * y).  Equation 4.8."""
    return (Q * y + (1 << d - 1)) >> d


# §4.2.2: sampling


def _sample_ntt(seed: bytes) -> Polynomial:
    """Algorithm 7: a uniform element of T_q by rejection, from SHAKE128."""
    length = 504
    while True:
        stream = shake128(seed, length)
        a: Polynomial = []
        for at in range(0, length, 3):
            c0, c1, c2 = stream[at : at + 3]
            a += [d for d in (c0 + 256 * (c1 % 16), c1 // 16 + 16 * c2) if d < Q]
        if len(a) >= N:
            return a[:N]
        length += 168


def _sample_poly_cbd(data: bytes) -> Polynomial:
    """Algorithm 8: coefficients from the centred binomial distribution, eta = 2."""
    bits = _bytes_to_bits(data)
    return [(bits[4 * i] + bits[4 * i + 1] - bits[4 * i + 2] - bits[4 * i + 3]) % Q for i in range(N)]


def _prf(seed: bytes, number: int) -> bytes:
    """PRF_eta.  Equation 4.3."""
    return shake256(seed + bytes((number,)), 64 * ETA)


# §4.3: the number-theoretic transform


def _bit_rev_7(i: int) -> int:
    return int(f"{i:07b}"[::-1], 2)


@lru_cache(maxsize=1)
def _zetas() -> list[int]:
    """zeta^BitRev7(i).  Appendix A."""
    return [pow(_ZETA, _bit_rev_7(i), Q) for i in range(128)]


@lru_cache(maxsize=1)
def _gammas() -> list[int]:
    """zeta^(2 BitRev7(i) + 1).  Appendix A."""
    return [pow(_ZETA, 2 * _bit_rev_7(i) + 1, Q) for i in range(128)]


def ntt(f: Polynomial) -> Polynomial:
    """Algorithm 9."""
    out = list(f)
    i = 1
    for length in (128, 64, 32, 16, 8, 4, 2):
        for start in range(0, N, 2 * length):
            zeta = _zetas()[i]
            i += 1
            for j in range(start, start + length):
                t = zeta * out[j + length] % Q
                out[j + length] = (out[j] - t) % Q
                out[j] = (out[j] + t) % Q
    return out


def inverse_ntt(f: Polynomial) -> Polynomial:
    """Algorithm 10."""
    out = list(f)
    i = 127
    for length in (2, 4, 8, 16, 32, 64, 128):
        for start in range(0, N, 2 * length):
            zeta = _zetas()[i]
            i -= 1
            for j in range(start, start + length):
                t = out[j]
                out[j] = (t + out[j + length]) % Q
                out[j + length] = zeta * (out[j + length] - t) % Q
    return [value * _HALF % Q for value in out]


def multiply_ntts(f: Polynomial, g: Polynomial) -> Polynomial:
    """Algorithms 11 and 12: the product in 128 rings of two coefficients."""
    h: Polynomial = []
    for i, gamma in enumerate(_gammas()):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a0 * b0 + a1 * b1 * gamma) % Q, (a0 * b1 + a1 * b0) % Q]
    return h


# §5: K-PKE


def _add(f: Polynomial, g: Polynomial) -> Polynomial:
    return [(x + y) % Q for x, y in zip(f, g, strict=True)]


def _dot(f: list[Polynomial], g: list[Polynomial]) -> Polynomial:
    total = [0] * N
    for x, y in zip(f, g, strict=True):
        total = _add(total, multiply_ntts(x, y))
    return total


def _decode_vector(data: bytes, d: int) -> list[Polynomial]:
    return [_byte_decode(data[at : at + 32 * d], d) for at in range(0, K * 32 * d, 32 * d)]


def _matrix(rho: bytes) -> list[list[Polynomial]]:
    return [[_sample_ntt(rho + bytes((j, i))) for j in range(K)] for i in range(K)]


def is_reduced(encapsulation_key: bytes) -> bool:
    """The modulus check of §7.2: every coefficient is below q."""
    vector = encapsulation_key[: 384 * K]
    return b"".join(_byte_encode(f, 12) for f in _decode_vector(vector, 12)) == vector


def generate(d: bytes) -> tuple[bytes, bytes]:
    """Algorithm 13, K-PKE.KeyGen.

    Args:
      d:  32 octets of entropy; SECRET.
    Returns: encryption key (1184 octets), decryption key (1152 octets, SECRET).
    """
    rho_sigma = sha3_512(d + bytes((K,)))
    rho, sigma = rho_sigma[:32], rho_sigma[32:]
    a = _matrix(rho)
    s = [ntt(_sample_poly_cbd(_prf(sigma, n))) for n in range(K)]
    e = [ntt(_sample_poly_cbd(_prf(sigma, n))) for n in range(K, 2 * K)]
    t = [_add(_dot(row, s), noise) for row, noise in zip(a, e, strict=True)]
    return b"".join(_byte_encode(f, 12) for f in t) + rho, b"".join(_byte_encode(f, 12) for f in s)


def encrypt(encryption_key: bytes, message: bytes, randomness: bytes) -> bytes:
    """Algorithm 14, K-PKE.Encrypt.

    Args:
      encryption_key:  1184 octets, checked by `is_reduced`.
      message:         32 octets; SECRET.
      randomness:      32 octets; SECRET.
    Returns: the ciphertext, 1088 octets.
    """
    t = _decode_vector(encryption_key, 12)
    a = _matrix(encryption_key[384 * K :])
    y = [ntt(_sample_poly_cbd(_prf(randomness, n))) for n in range(K)]
    e1 = [_sample_poly_cbd(_prf(randomness, n)) for n in range(K, 2 * K)]
    e2 = _sample_poly_cbd(_prf(randomness, 2 * K))
    u = [_add(inverse_ntt(_dot([a[j][i] for j in range(K)], y)), e1[i]) for i in range(K)]
    mu = [decompress(bit, 1) for bit in _byte_decode(message, 1)]
    v = _add(_add(inverse_ntt(_dot(t, y)), e2), mu)
    c1 = b"".join(_byte_encode([compress(x, DU) for x in f], DU) for f in u)
    return c1 + _byte_encode([compress(x, DV) for x in v], DV)


def decrypt(decryption_key: bytes, ciphertext: bytes) -> bytes:
    """Algorithm 15, K-PKE.Decrypt.

    Args:
      decryption_key:  1152 octets; SECRET.
      ciphertext:      1088 octets.
    Returns: the message, 32 octets; SECRET.
    """
    u = [[decompress(y, DU) for y in f] for f in _decode_vector(ciphertext, DU)]
    v = [decompress(y, DV) for y in _byte_decode(ciphertext[32 * DU * K :], DV)]
    s = _decode_vector(decryption_key, 12)
    product = inverse_ntt(_dot(s, [ntt(f) for f in u]))
    return _byte_encode([compress((x - y) % Q, 1) for x, y in zip(v, product, strict=True)], 1)
