# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PBKDF2: a key from a password.  RFC 8018 §5.2.

    DK  = the first dkLen octets of T_1 | T_2 | …
    T_i = U_1 ^ U_2 ^ … ^ U_c          U_1 = HMAC(P, S | i on 4 octets),  U_j = HMAC(P, U_(j-1))

The iteration count c makes every guess of a password cost as much as c of them.

Known limitation: the pure kernels are a few hundred times slower than `stdlib`, so a count that is right for an attacker's hardware is
too much for them; `MAX_ITERATIONS` bounds what a file may ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from sws.base.errors import LimitExceeded, UsageError
from sws.crypto.hash_types import Octets
from sws.crypto.hashes import find_hash
from sws.crypto.octets import octets
from sws.crypto.selection import Kernel, choose

__all__ = ["MAX_ITERATIONS", "MAX_OCTETS", "pbkdf2"]

MAX_ITERATIONS: Final = 10_000_000
MAX_OCTETS: Final = 1024

Derive: TypeAlias = Callable[[str, Octets, Octets, int, int], bytes]


def _stdlib() -> Derive:
    from hashlib import pbkdf2_hmac

    from sws.crypto.ref.pbkdf2 import derive

    def by_library(hash_name: str, password: Octets, salt: Octets, iterations: int, length: int) -> bytes:
        if hash_name.startswith("sha3_"):  # PyPy's library has no PBKDF2 with it
            return derive(hash_name, password, salt, iterations, length)
        return pbkdf2_hmac(hash_name, password, salt, iterations, length)

    return by_library


def _ref() -> Derive:
    from sws.crypto.ref.pbkdf2 import derive

    return derive


_derive: Final = choose("pbkdf2", [Kernel("stdlib", _stdlib), Kernel("ref", _ref)])


def pbkdf2(hash_name: str, password: Octets, salt: Octets, iterations: int, length: int) -> bytes:
    """PBKDF2 with HMAC.  RFC 8018 §5.2.

    Args:
      hash_name:   of HMAC's hash function.
      password:    of any length; SECRET.
      salt:        public; RFC 8018 §4.1 wants 8 octets at least of whoever chooses it.
      iterations:  1 to MAX_ITERATIONS.
      length:      octets wanted, 1 to MAX_OCTETS.
    Returns: exactly `length` octets; SECRET.
    Raises:  UsageError for an unknown hash function, or for less than one iteration or octet;
             LimitExceeded past the bounds above: both numbers come out of files.
    Timing:  depends on lengths and the count only, down to the Python-integer caveat.
    """
    name = find_hash(hash_name).name
    if iterations < 1 or length < 1:
        raise UsageError(f"PBKDF2 with {iterations} iterations for {length} octets")
    if iterations > MAX_ITERATIONS:
        raise LimitExceeded("PBKDF2 iterations", iterations, MAX_ITERATIONS)
    if length > MAX_OCTETS:
        raise LimitExceeded("PBKDF2 octets", length, MAX_OCTETS)
    return _derive(name, octets(password), octets(salt), iterations, length)
