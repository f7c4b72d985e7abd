# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The hash functions of the standard library."""

from __future__ import annotations

import hashlib
from typing import Final

from sws.crypto.hash_types import Octets, Sha2, Sha3, Xof, XofFactory
from sws.crypto.kernels.sponge import one_by_one
from sws.crypto.octets import octets
from sws.crypto.selection import IS_PYPY

__all__ = ["SHA2", "SHA3"]


def _strict(new: XofFactory) -> XofFactory:
    """PyPy's takes whatever is false, 0 too, for nothing."""

    def make(data: Octets = b"", /) -> Xof:
        return new(octets(data))

    return make if IS_PYPY else new


_SHAKE128: Final = _strict(hashlib.shake_128)
_SHAKE256: Final = _strict(hashlib.shake_256)
SHA2: Final = Sha2(hashlib.sha224, hashlib.sha256, hashlib.sha384, hashlib.sha512)
SHA3: Final = Sha3(
    hashlib.sha3_224,
    hashlib.sha3_256,
    hashlib.sha3_384,
    hashlib.sha3_512,
    _SHAKE128,
    _SHAKE256,
    one_by_one(_SHAKE128),
    one_by_one(_SHAKE256),
)
