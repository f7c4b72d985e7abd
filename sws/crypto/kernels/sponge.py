# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A sponge over a permutation of 200 octets: what every pure form of SHA-3 and SHAKE shares.  FIPS 202 §4, §5.1, §6.

    absorb:   state ^= block | zeros;  state = f(state)     for each block of `rate` octets of the padded message
    squeeze:  output = the first `rate` octets of state, of f(state), of f(f(state)) …
    padding:  message | suffix bits | 1 | zeros | 1, where the suffix is 01 for SHA-3 and 1111 for SHAKE; lowest bit of an octet first,
              so the first octet of padding is 0x06 or 0x1f and the last one has 0x80

A state is 25 words of 64 bits, word x + 5y being lane (x, y), little-endian as in FIPS 202 §3.1.2 and §B.1.

Invariant: `_tail` is shorter than the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias, final

from sws.base.errors import UsageError
from sws.crypto.hash_types import Octets, XofFactory, XofMany
from sws.crypto.octets import octets

__all__ = [
    "SHA3_224",
    "SHA3_256",
    "SHA3_384",
    "SHA3_512",
    "SHAKE128",
    "SHAKE256",
    "Absorb",
    "Lanes",
    "Parameters",
    "SpongeHash",
    "SpongeXof",
]

Lanes: TypeAlias = tuple[int, ...]
Absorb: TypeAlias = Callable[[Lanes, bytes, int], Lanes]
"""Lanes, whole blocks and the rate to lanes; an empty string of blocks means: the permutation alone."""


class Parameters(NamedTuple):
    """What makes one function of the permutation."""

    name: str
    rate: int
    suffix: int
    digest_size: int


SHA3_224: Final = Parameters("sha3_224", 144, 0x06, 28)
SHA3_256: Final = Parameters("sha3_256", 136, 0x06, 32)
SHA3_384: Final = Parameters("sha3_384", 104, 0x06, 48)
SHA3_512: Final = Parameters("sha3_512", 72, 0x06, 64)
SHAKE128: Final = Parameters("shake_128", 168, 0x1F, 0)
SHAKE256: Final = Parameters("shake_256", 136, 0x1F, 0)

_ZERO: Final[Lanes] = (0,) * 25


def pad(message: bytes, parameters: Parameters) -> bytes:
    """The message filled up to whole blocks.  FIPS 202 §5.1, §B.2."""
    padded = bytearray(message + bytes(parameters.rate - len(message) % parameters.rate))
    padded[len(message)] ^= parameters.suffix
    padded[-1] ^= 0x80
    return bytes(padded)


def one_by_one(new: XofFactory) -> XofMany:
    """Many messages where nothing is gained by taking them together."""

    def many(messages: Sequence[bytes], length: int) -> list[bytes]:
        return [new(message).digest(length) for message in messages]

    return many


class _Sponge:
    """Absorbing and squeezing."""

    __slots__ = ("_absorb", "_lanes", "_parameters", "_tail", "block_size", "digest_size", "name")

    def __init__(self, parameters: Parameters, absorb: Absorb, data: Octets = b"", /) -> None:
        self._parameters = parameters
        self._absorb = absorb
        self.name = parameters.name
        self.digest_size = parameters.digest_size
        self.block_size = parameters.rate
        self._lanes = _ZERO
        self._tail = b""
        self.update(data)

    def update(self, data: Octets, /) -> None:
        """More of the message."""
        more = self._tail + octets(data)
        rate = self._parameters.rate
        whole = len(more) - len(more) % rate
        if whole:
            self._lanes = self._absorb(self._lanes, more[:whole], rate)
        self._tail = more[whole:]

    def _squeeze(self, length: int) -> bytes:
        rate = self._parameters.rate
        lanes = self._absorb(self._lanes, pad(self._tail, self._parameters), rate)
        parts = [_octets(lanes, rate)]
        for _ in range((length - 1) // rate):
            lanes = self._absorb(lanes, b"", rate)
            parts.append(_octets(lanes, rate))
        return b"".join(parts)[:length]

    def _take_over(self, other: _Sponge) -> None:
        self._lanes = other._lanes
        self._tail = other._tail


def _octets(lanes: Lanes, rate: int) -> bytes:
    return b"".join([lane.to_bytes(8, "little") for lane in lanes[: rate // 8]])


@final
class SpongeHash(_Sponge):
    """SHA-3: a hash object in the shape of hashlib's."""

    __slots__ = ()

    def digest(self) -> bytes:
        """The digest of the message so far."""
        return self._squeeze(self.digest_size)

    def hexdigest(self) -> str:
        """The digest in lower-case hexadecimal."""
        return self.digest().hex()

    def copy(self) -> SpongeHash:
        """A second one that has taken in the same."""
        other = SpongeHash(self._parameters, self._absorb)
        other._take_over(self)
        return other


@final
class SpongeXof(_Sponge):
    """SHAKE: an object in the shape of hashlib's."""

    __slots__ = ()

    def digest(self, length: int, /) -> bytes:
        """The first `length` octets of output for the message so far.  Raises: UsageError for a negative length."""
        if length < 0:
            raise UsageError("an output of negative length")
        return self._squeeze(length)

    def hexdigest(self, length: int, /) -> str:
        """The same in lower-case hexadecimal."""
        return self.digest(length).hex()

    def copy(self) -> SpongeXof:
        """A second one that has taken in the same."""
        other = SpongeXof(self._parameters, self._absorb)
        other._take_over(self)
        return other
