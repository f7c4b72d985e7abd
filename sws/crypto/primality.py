# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a number is a prime: trial division, then Miller and Rabin's test to random bases.  FIPS 186-5 Appendix B.3.1.

With n − 1 = 2^a·m, m odd, a prime n has b^m = 1 or b^(2^j·m) = −1 modulo n for some j < a, for every b; of the bases, at most a quarter
say so of a composite.  The bases come from entropy, so nobody can make up a composite that they do not see, and 64 of them err with
2^-128 at most; for numbers that are drawn at random, not given by somebody, far fewer do (table B.1 there).
"""

from __future__ import annotations

import math
from typing import Final

from sws.crypto.system import Entropy, system_entropy

__all__ = ["SMALL_PRIMES", "is_probable_prime"]

_SIEVED: Final = 2048


def _small_primes() -> tuple[int, ...]:
    """All primes below 2048, by the sieve of Eratosthenes."""
    sieve = bytearray(b"\x01") * _SIEVED
    for number in range(2, math.isqrt(_SIEVED) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, _SIEVED, number)))
    return tuple(number for number in range(2, _SIEVED) if sieve[number])


SMALL_PRIMES: Final = _small_primes()
_PRODUCT: Final = math.prod(SMALL_PRIMES)


def is_probable_prime(n: int, rounds: int = 64, entropy: Entropy = system_entropy) -> bool:
    """Whether n is a prime, which is certain if the answer is no and all but certain if it is yes.

    Args:
      n:        any integer; numbers below 2 are no primes.
      rounds:   random bases that are tried.
      entropy:  of the bases.
    Timing: depends on n: composites end early.  A prime takes the time of its length.
    """
    if n <= SMALL_PRIMES[-1]:
        return n in SMALL_PRIMES
    if math.gcd(n, _PRODUCT) != 1:
        return False
    twos = ((n - 1) & (1 - n)).bit_length() - 1
    odd = (n - 1) >> twos
    octets = (n.bit_length() + 64 + 7) // 8
    return not any(_is_witness(int.from_bytes(entropy(octets), "big") % (n - 3) + 2, n, twos, odd) for _ in range(rounds))


def _is_witness(base: int, n: int, twos: int, odd: int) -> bool:
    """Whether a base between 1 and n − 1 shows that n is composite."""
    power = pow(base, odd, n)
    if power in (1, n - 1):
        return False
    for _ in range(twos - 1):
        power = power * power % n
        if power == n - 1:
            return False
    return True
