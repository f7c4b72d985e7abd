# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The hash functions of the standard library."""

from __future__ import annotations

import hashlib
from typing import Final

from sws.crypto.hash_types import Sha2, Sha3
from sws.crypto.kernels.sponge import one_by_one

__all__ = ["SHA2", "SHA3"]

SHA2: Final = Sha2(hashlib.sha224, hashlib.sha256, hashlib.sha384, hashlib.sha512)
SHA3: Final = Sha3(
    hashlib.sha3_224,
    hashlib.sha3_256,
    hashlib.sha3_384,
    hashlib.sha3_512,
    hashlib.shake_128,
    hashlib.shake_256,
    one_by_one(hashlib.shake_128),
    one_by_one(hashlib.shake_256),
)
