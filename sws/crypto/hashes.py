# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Hash functions by name: `sha256`, `sha384`, `sha3_256` … as hashlib spells them."""

from __future__ import annotations

from typing import Final, NamedTuple

from sws.base.errors import UsageError
from sws.crypto.hash_types import Hash, HashFactory, Octets
from sws.crypto.sha1 import SHA1
from sws.crypto.sha2 import SHA224, SHA256, SHA384, SHA512
from sws.crypto.sha3 import SHA3_224, SHA3_256, SHA3_384, SHA3_512

__all__ = ["HASHES", "HashFunction", "digest", "find_hash", "new"]


class HashFunction(NamedTuple):
    """A hash function: its name, its sizes in octets, and what makes its objects."""

    name: str
    digest_size: int
    block_size: int
    new: HashFactory


HASHES: Final[dict[str, HashFunction]] = {
    function.name: function
    for function in (
        HashFunction("sha1", 20, 64, SHA1),
        HashFunction("sha224", 28, 64, SHA224),
        HashFunction("sha256", 32, 64, SHA256),
        HashFunction("sha384", 48, 128, SHA384),
        HashFunction("sha512", 64, 128, SHA512),
        HashFunction("sha3_224", 28, 144, SHA3_224),
        HashFunction("sha3_256", 32, 136, SHA3_256),
        HashFunction("sha3_384", 48, 104, SHA3_384),
        HashFunction("sha3_512", 64, 72, SHA3_512),
    )
}


def find_hash(name: str) -> HashFunction:
    """The hash function of that name.  Raises: UsageError if there is none."""
    found = HASHES.get(name)
    if found is None:
        raise UsageError(f"no hash function {name!r}, only {', '.join(HASHES)}")
    return found


def new(name: str, data: Octets = b"") -> Hash:
    """A hash object that has taken in `data`.  Raises: UsageError for an unknown name."""
    return find_hash(name).new(data)


def digest(name: str, data: Octets) -> bytes:
    """The digest of `data`.  Raises: UsageError for an unknown name."""
    return find_hash(name).new(data).digest()
