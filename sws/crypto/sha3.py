# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA3-224, SHA3-256, SHA3-384, SHA3-512, SHAKE128 and SHAKE256.  FIPS 202 §6.

    sha3_256(b"abc")                 the digest, in one go
    shake128(b"abc", 100)            100 octets of output
    SHA3_256, SHAKE128 …             objects in the shape of hashlib's, for a message in parts

Timing: depends on the lengths of message and output only (see `sws.crypto.ref.sha3`).
"""

from __future__ import annotations

from typing import Final

from sws.crypto.hash_types import HashFactory, Octets, Sha3, XofFactory, XofMany
from sws.crypto.selection import IS_PYPY, Kernel, choose, is_compiled

__all__ = [
    "SHA3_224",
    "SHA3_256",
    "SHA3_384",
    "SHA3_512",
    "SHAKE128",
    "SHAKE256",
    "sha3_224",
    "sha3_256",
    "sha3_384",
    "sha3_512",
    "shake128",
    "shake128_many",
    "shake256",
    "shake256_many",
]


def _stdlib() -> Sha3:
    from sws.crypto.kernels.hashes_stdlib import SHA3

    return SHA3


def _lanes() -> Sha3:
    from sws.crypto.kernels.keccak_lanes import SHA3

    return SHA3


def _scalar() -> Sha3:
    from sws.crypto.kernels.scalar_keccak import SHA3

    return SHA3


def _ref() -> Sha3:
    from sws.crypto.ref.sha3 import SHA3

    return SHA3


_kernel: Final = choose(
    "sha3",
    [
        Kernel("stdlib", _stdlib),
        Kernel("compiled", _scalar, usable=is_compiled("sws.crypto.kernels.scalar_keccak")),
        Kernel("lanes", _lanes, usable=not IS_PYPY),
        Kernel("scalar", _scalar),
        Kernel("ref", _ref),
    ],
)

SHA3_224: Final[HashFactory] = _kernel.sha3_224
SHA3_256: Final[HashFactory] = _kernel.sha3_256
SHA3_384: Final[HashFactory] = _kernel.sha3_384
SHA3_512: Final[HashFactory] = _kernel.sha3_512
SHAKE128: Final[XofFactory] = _kernel.shake_128
SHAKE256: Final[XofFactory] = _kernel.shake_256


def sha3_224(data: Octets) -> bytes:
    """The SHA3-224 digest, 28 octets."""
    return SHA3_224(data).digest()


def sha3_256(data: Octets) -> bytes:
    """The SHA3-256 digest, 32 octets."""
    return SHA3_256(data).digest()


def sha3_384(data: Octets) -> bytes:
    """The SHA3-384 digest, 48 octets."""
    return SHA3_384(data).digest()


def sha3_512(data: Octets) -> bytes:
    """The SHA3-512 digest, 64 octets."""
    return SHA3_512(data).digest()


def shake128(data: Octets, length: int) -> bytes:
    """`length` octets of SHAKE128."""
    return SHAKE128(data).digest(length)


def shake256(data: Octets, length: int) -> bytes:
    """`length` octets of SHAKE256."""
    return SHAKE256(data).digest(length)


shake128_many: Final[XofMany] = _kernel.shake_128_many
"""SHAKE128 of many messages of one length: (messages, octets wanted of each) to the outputs."""

shake256_many: Final[XofMany] = _kernel.shake_256_many
"""SHAKE256 of many messages of one length."""
