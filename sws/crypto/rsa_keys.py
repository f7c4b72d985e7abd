# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RSA keys: what they consist of, how they are checked and made, and the two operations on numbers.  RFC 8017 §3 and §5; FIPS 186-5
Appendix A.1.

    n = p·q   e·d = 1 modulo p − 1 and q − 1        public: m → m^e mod n        private: c → c^d mod n

The private operation works modulo p and q apart (RFC 8017 §5.1.2, 2b) with dP = d mod p − 1, dQ = d mod q − 1, qInv = 1/q mod p:

    m1 = c^dP mod p   m2 = c^dQ mod q   m = m2 + q·((m1 − m2)·qInv mod p)

- blinded: c·r^e is raised instead of c, for a random r, and the result divided by r; the exponents are dP + s·(p − 1) with a random s of
64 bits; - verified: m^e = c is checked before m leaves, for one wrong m1 or m2 would show the primes to whoever sees m (Boneh, DeMillo,
Lipton).

The moduli that are taken are bounded, because a peer chooses the cost of verifying its signatures.
"""

from __future__ import annotations

import math
from typing import Final, final

from sws.base.errors import DecodeError, SwsError, UsageError
from sws.crypto.primality import is_probable_prime
from sws.crypto.system import Entropy, system_entropy

__all__ = ["MAXIMUM_BITS", "MINIMUM_BITS", "RsaPrivateKey", "RsaPublicKey", "generate", "private_operation"]

MINIMUM_BITS: Final = 1024
"""Of a modulus that is taken at all; what a certificate needs is decided where certificates are."""
MAXIMUM_BITS: Final = 8192
_MAXIMUM_EXPONENT_BITS: Final = 256
_GENERATED_BITS: Final = (2048, 3072, 4096)
_BLINDING_OCTETS: Final = 8
_ROUNDS: Final = 8
"""Of Miller and Rabin's test for a prime of 1024 bits or more that was drawn at random: FIPS 186-5 table B.1 asks for 5."""


@final
class RsaPublicKey:
    """A public key.  RFC 8017 §3.1.

    Attributes:
      n:  the modulus, odd, of 1024 … 8192 bits.
      e:  the exponent, odd, at least 3, of 256 bits at most.
    Raises: DecodeError if a number is out of its bounds.
    """

    __slots__ = ("e", "n")

    def __init__(self, n: int, e: int) -> None:
        if not MINIMUM_BITS <= n.bit_length() <= MAXIMUM_BITS or n < 0 or not n & 1:
            raise DecodeError(f"RSA public key: a modulus of {n.bit_length()} bits, {MINIMUM_BITS} … {MAXIMUM_BITS} wanted, and odd")
        if e < 3 or not e & 1 or e.bit_length() > _MAXIMUM_EXPONENT_BITS:
            raise DecodeError("RSA public key: an exponent that is even, less than 3, or has more than 256 bits")
        self.n: Final = n
        self.e: Final = e

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RsaPublicKey) and (self.n, self.e) == (other.n, other.e)

    def __hash__(self) -> int:
        return hash((self.n, self.e))

    def __repr__(self) -> str:
        return f"RsaPublicKey(n={self.n}, e={self.e})"

    @property
    def octets(self) -> int:
        """Of the modulus, and of a signature."""
        return (self.n.bit_length() + 7) // 8


@final
class RsaPrivateKey:
    """A private key of two primes.  RFC 8017 §3.2 and A.1.2.

    Attributes:
      n, e:            as in the public key.
      d, p, q:         the private exponent and the primes; SECRET.
      dp, dq, q_inv:   d modulo p − 1, d modulo q − 1, 1/q modulo p; computed here, SECRET.
    Raises: DecodeError if the numbers do not belong together.  Whether p and q are primes is not looked at: `check_primes` does.
    """

    __slots__ = ("d", "dp", "dq", "e", "n", "p", "q", "q_inv")

    def __init__(self, n: int, e: int, d: int, p: int, q: int) -> None:
        RsaPublicKey(n, e)
        if min(p, q) < 3 or p == q or p * q != n:
            raise DecodeError("RSA private key: the modulus is not the product of the primes")
        if not 0 < d < n or (e * d - 1) % math.lcm(p - 1, q - 1):
            raise DecodeError("RSA private key: the exponents are not inverse")
        if math.gcd(p, q) != 1:
            raise DecodeError("RSA private key: the primes are none")
        self.n: Final = n
        self.e: Final = e
        self.d: Final = d
        self.p: Final = p
        self.q: Final = q
        self.dp: Final = d % (p - 1)
        self.dq: Final = d % (q - 1)
        self.q_inv: Final = pow(q, -1, p)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RsaPrivateKey) and (self.n, self.e, self.d, self.p, self.q) == (
            other.n,
            other.e,
            other.d,
            other.p,
            other.q,
        )

    def __hash__(self) -> int:
        return hash((self.n, self.e, self.d))

    @classmethod
    def from_exponents(cls, n: int, e: int, d: int) -> RsaPrivateKey:
        """A key that came without its primes: e·d − 1 is a multiple of the order of every number, and finds them.  SP 800-56B Appendix C.

        Raises: DecodeError if the numbers do not belong together.
        """
        RsaPublicKey(n, e)
        if not 0 < d < n:
            raise DecodeError("RSA private key: the private exponent is out of range")
        p = _factor(n, e * d - 1)
        return cls(n, e, d, max(p, n // p), min(p, n // p))

    def check_primes(self, entropy: Entropy = system_entropy) -> None:
        """Raises: DecodeError if p or q is composite.  Takes about as long as 64 signatures."""
        if not (is_probable_prime(self.p, entropy=entropy) and is_probable_prime(self.q, entropy=entropy)):
            raise DecodeError("RSA private key: the primes are none")

    @property
    def public(self) -> RsaPublicKey:
        """The public half."""
        return RsaPublicKey(self.n, self.e)

    @property
    def octets(self) -> int:
        """Of the modulus, and of a signature."""
        return (self.n.bit_length() + 7) // 8

    def __repr__(self) -> str:
        return f"RsaPrivateKey({self.n.bit_length()} bits)"


def _factor(n: int, multiple: int) -> int:
    """A proper factor of n, given a multiple of p − 1 and q − 1; every base finds one with a chance of a half or more."""
    twos = (multiple & -multiple).bit_length() - 1
    for base in range(2, 66):
        power = pow(base, multiple >> twos, n)
        for _ in range(twos):
            if power in (1, n - 1):
                break
            square = power * power % n
            if square == 1:
                return math.gcd(power - 1, n)
            power = square
    raise DecodeError("RSA private key: the exponents are not inverse")


def private_operation(key: RsaPrivateKey, c: int, entropy: Entropy = system_entropy) -> int:
    """c^d mod n, RSASP1 of RFC 8017 §5.2.1.

    Args:
      c:        0 … n − 1.
      entropy:  for the blinding; the result does not depend on it.
    Raises: SwsError if the result does not verify: the key is damaged, or the machine miscalculated.
    Timing: the powers are of blinded numbers with blinded exponents; what Python's integers add depends on these, not on c and d.
    """
    n, p, q = key.n, key.p, key.q
    blind, inverse = _blinding(n, entropy)
    blinded = c * pow(blind, key.e, n) % n
    s = int.from_bytes(entropy(2 * _BLINDING_OCTETS), "big")
    s1, s2 = s >> 8 * _BLINDING_OCTETS, s & (1 << 8 * _BLINDING_OCTETS) - 1
    m1 = pow(blinded, key.dp + s1 * (p - 1), p)
    m2 = pow(blinded, key.dq + s2 * (q - 1), q)
    m = (m2 + q * ((m1 - m2) * key.q_inv % p)) * inverse % n
    if pow(m, key.e, n) != c:
        raise SwsError("RSA: a private operation went wrong")
    return m


def _blinding(n: int, entropy: Entropy) -> tuple[int, int]:
    """A random r and its inverse, which is computed as t/(r·t) with another random t."""
    octets = (n.bit_length() + 64 + 7) // 8
    r = int.from_bytes(entropy(octets), "big") % (n - 1) + 1
    t = int.from_bytes(entropy(octets), "big") % (n - 1) + 1
    return r, t * pow(r * t % n, -1, n) % n


def generate(bits: int, e: int = 65537, entropy: Entropy = system_entropy) -> RsaPrivateKey:
    """A new private key, of random probable primes.  FIPS 186-5 §A.1.3.

    Args:
      bits:  of the modulus: 2048, 3072 or 4096.
      e:     odd, between 2^16 and 2^256.
    Returns: n has exactly that many bits, p > q, and d is the least.
    Raises:  UsageError for other numbers.
    Timing:  variable by nature, seconds: candidates are thrown away until two are primes.
    """
    if bits not in _GENERATED_BITS or not 2**16 < e < 2**256 or not e & 1:
        raise UsageError("RSA keys have 2048, 3072 or 4096 bits, and an odd exponent between 2^16 and 2^256")
    while True:
        p, q = (_random_prime(bits // 2, e, entropy) for _ in range(2))
        d = pow(e, -1, math.lcm(p - 1, q - 1))
        if abs(p - q) >> (bits // 2 - 100) and d >> (bits // 2):
            return RsaPrivateKey(p * q, e, d, max(p, q), min(p, q))


def _random_prime(bits: int, e: int, entropy: Entropy) -> int:
    """A prime of that many bits, at least √2·2^(bits − 1), whose predecessor has no factor in common with e."""
    least = math.isqrt(1 << (2 * bits - 1)) + 1
    while True:
        candidate = int.from_bytes(entropy(bits // 8), "big") | 1 << (bits - 1) | 1
        if candidate >= least and math.gcd(candidate - 1, e) == 1 and is_probable_prime(candidate, _ROUNDS, entropy):
            return candidate
