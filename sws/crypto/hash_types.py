# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a hash object is: the shape of `hashlib`'s, which every kernel has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

__all__ = ["Hash", "HashFactory", "Octets", "Sha2", "Sha3", "Xof", "XofFactory", "XofMany"]

Octets: TypeAlias = "bytes | bytearray | memoryview[int]"


class _Absorbing(Protocol):
    """What hash functions and extendable-output functions have in common."""

    @property
    def name(self) -> str:
        """The name as hashlib has it: `sha256`, `sha3_256`, `shake_128` …"""

    @property
    def digest_size(self) -> int:
        """Octets of the digest; 0 for an extendable-output function."""

    @property
    def block_size(self) -> int:
        """Octets taken in at once: B of RFC 2104, the rate of FIPS 202."""

    def update(self, data: Octets, /) -> None:
        """More of the message."""


class Hash(_Absorbing, Protocol):
    """A hash function that has taken in a part of its message."""

    def digest(self) -> bytes:
        """The digest of the message so far; the message may go on."""

    def hexdigest(self) -> str:
        """The digest in lower-case hexadecimal."""

    def copy(self) -> Hash:
        """A second one that has taken in the same."""


class Xof(_Absorbing, Protocol):
    """An extendable-output function (SHAKE) that has taken in a part of its message."""

    def digest(self, length: int, /) -> bytes:
        """The first `length` octets of output for the message so far."""

    def hexdigest(self, length: int, /) -> str:
        """The same in lower-case hexadecimal."""

    def copy(self) -> Xof:
        """A second one that has taken in the same."""


class HashFactory(Protocol):
    """Makes a hash object, by default of the empty message."""

    def __call__(self, data: Octets = b"", /) -> Hash:
        """A hash object that has taken in `data`."""


class XofFactory(Protocol):
    """Makes an object of an extendable-output function."""

    def __call__(self, data: Octets = b"", /) -> Xof:
        """An object that has taken in `data`."""


XofMany: TypeAlias = Callable[[Sequence[bytes], int], list[bytes]]
"""Messages of one length, and the octets wanted of each, to the outputs."""


class Sha2(NamedTuple):
    """The SHA-2 family from one kernel."""

    sha224: HashFactory
    sha256: HashFactory
    sha384: HashFactory
    sha512: HashFactory


class Sha3(NamedTuple):
    """The SHA-3 family from one kernel."""

    sha3_224: HashFactory
    sha3_256: HashFactory
    sha3_384: HashFactory
    sha3_512: HashFactory
    shake_128: XofFactory
    shake_256: XofFactory
    shake_128_many: XofMany
    shake_256_many: XofMany
