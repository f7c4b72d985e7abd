# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-224, SHA-256, SHA-384 and SHA-512.  FIPS 180-4.

    sha256(b"abc")                             the digest, in one go
    h = SHA256(b"a"); h.update(b"bc"); h.digest()   in parts, with objects in the shape of hashlib's

Timing: depends on the message's length only (see `sws.crypto.ref.sha2`).
"""

from __future__ import annotations

import sys
from typing import Final

from sws.crypto.hash_types import HashFactory, Octets, Sha2
from sws.crypto.selection import IS_PYPY, Kernel, choose, is_compiled

__all__ = ["SHA224", "SHA256", "SHA384", "SHA512", "sha224", "sha256", "sha384", "sha512"]


def _stdlib() -> Sha2:
    from sws.crypto.kernels.hashes_stdlib import SHA2

    return SHA2


def _lanes() -> Sha2:
    from sws.crypto.kernels.sha2_lanes import SHA2

    return SHA2


def _scalar() -> Sha2:
    from sws.crypto.kernels.scalar_sha2 import SHA2
    from sws.crypto.system import allow_long_loops

    allow_long_loops()
    return SHA2


def _ref() -> Sha2:
    from sws.crypto.ref.sha2 import SHA2

    return SHA2


_lanes_work: Final = not IS_PYPY and sys.byteorder == "little"
_kernel: Final = choose(
    "sha2",
    [
        Kernel("stdlib", _stdlib),
        Kernel("compiled", _scalar, usable=is_compiled("sws.crypto.kernels.scalar_sha2")),
        Kernel("lanes", _lanes, usable=_lanes_work),
        Kernel("scalar", _scalar),
        Kernel("ref", _ref),
    ],
)

SHA224: Final[HashFactory] = _kernel.sha224
SHA256: Final[HashFactory] = _kernel.sha256
SHA384: Final[HashFactory] = _kernel.sha384
SHA512: Final[HashFactory] = _kernel.sha512


def sha224(data: Octets) -> bytes:
    """The SHA-224 digest, 28 octets.  FIPS 180-4 §6.3."""
    return SHA224(data).digest()


def sha256(data: Octets) -> bytes:
    """The SHA-256 digest, 32 octets.  FIPS 180-4 §6.2."""
    return SHA256(data).digest()


def sha384(data: Octets) -> bytes:
    """The SHA-384 digest, 48 octets.  FIPS 180-4 §6.5."""
    return SHA384(data).digest()


def sha512(data: Octets) -> bytes:
    """The SHA-512 digest, 64 octets.  FIPS 180-4 §6.4."""
    return SHA512(data).digest()
