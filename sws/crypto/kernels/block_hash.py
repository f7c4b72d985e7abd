# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A hash function made of a compression function: what every pure form of SHA-2 shares.  FIPS 180-4 §5.1, §5.2, §5.3.

    padded message = message | 1 bit | zero bits | length in bits, on 8 octets (blocks of 64) or 16 (blocks of 128)
    H^(i)          = compress(H^(i-1), block i)
    digest         = the leftmost octets of the last H

Invariant: `_tail` is shorter than a block; `_length` counts every octet taken in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, final

from sws.crypto.hash_types import Octets
from sws.crypto.kernels._tables_sha2 import H224, H256, H384, H512
from sws.crypto.octets import octets

__all__ = ["SHA224", "SHA256", "SHA384", "SHA512", "BlockHash", "Compress", "Parameters", "State"]

State: TypeAlias = tuple[int, ...]
Compress: TypeAlias = Callable[[State, Octets], State]
"""State and whole blocks to state."""


class Parameters(NamedTuple):
    """What makes one hash function of a compression function."""

    name: str
    digest_size: int
    block_size: int
    word_octets: int
    initial: State


SHA224: Final = Parameters("sha224", 28, 64, 4, H224)
SHA256: Final = Parameters("sha256", 32, 64, 4, H256)
SHA384: Final = Parameters("sha384", 48, 128, 8, H384)
SHA512: Final = Parameters("sha512", 64, 128, 8, H512)


@final
class BlockHash:
    """A hash object in the shape of hashlib's."""

    __slots__ = ("_compress", "_length", "_parameters", "_state", "_tail", "block_size", "digest_size", "name")

    def __init__(self, parameters: Parameters, compress: Compress, data: Octets = b"", /) -> None:
        self._parameters = parameters
        self._compress = compress
        self.name = parameters.name
        self.digest_size = parameters.digest_size
        self.block_size = parameters.block_size
        self._state = parameters.initial
        self._tail = b""
        self._length = 0
        self.update(data)

    def update(self, data: Octets, /) -> None:
        """More of the message."""
        more = octets(data)
        self._length += len(more)
        if self._tail:
            more = self._tail + more
        whole = len(more) - len(more) % self.block_size
        if whole:
            self._state = self._compress(self._state, more[:whole])
        self._tail = more[whole:]

    def digest(self) -> bytes:
        """The digest of the message so far."""
        block, word = self.block_size, self._parameters.word_octets
        zeros = -(len(self._tail) + 1 + 2 * word) % block
        last = self._tail + b"\x80" + bytes(zeros) + (8 * self._length).to_bytes(2 * word, "big")
        state = self._compress(self._state, last)
        return b"".join([part.to_bytes(word, "big") for part in state])[: self.digest_size]

    def hexdigest(self) -> str:
        """The digest in lower-case hexadecimal."""
        return self.digest().hex()

    def copy(self) -> BlockHash:
        """A second one that has taken in the same."""
        other = BlockHash(self._parameters, self._compress)
        other._state = self._state
        other._tail = self._tail
        other._length = self._length
        return other
