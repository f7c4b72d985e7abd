# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The number-theoretic transform of many polynomials at once, in lanes.  FIPS 203 §4.3.

A batch of polynomials is a list of 128 integers, one for each pair of coefficients (2i, 2i + 1); in integer i every polynomial has a lane
of 128 bits for each of the two:

                  odd of 2   odd of 1   odd of 0   even of 2   even of 1   even of 0
    integer i = |    .          .          .           .           .           .     |

All of them need the same constant zeta at the same place, so a butterfly on a batch is one multiplication of an integer by a small number,
one addition, one subtraction.

Nothing is reduced modulo q on the way.  Lanes are signed (a negative one borrows from its neighbour, and the sum of all stays right), zetas
lie within q/2 of zero, so a layer lengthens a lane by eleven or twelve bits, and seven layers stay within 128.  At the end a multiple of q
lifts all lanes above zero, the integers are joined to one, and all lanes are reduced together by folding at powers of two that have small
remainders:

    2^52 = 69,  2^37 = 19,  2^20 = -59   (mod q):        x = low + 2^k high  ->  low + (2^k mod q) high

and at last by x - floor(x / q) q, where the quotient is a multiplication by ceil(2^40 / q) and a shift: exact for x < 2^28.

The order of pairs is that of a perfect shuffle: every layer takes integer i with integer i + 64 and puts the results at 2i and 2i + 1, so
all layers look the same, and after seven of them everything stands in the standard's order.  Layer l uses zetas[2^l + (i mod 2^l)].

Timing: the same operations on integers of the same sizes for all values; a lane may make an integer a digit shorter or longer.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from functools import lru_cache
from itertools import repeat
from operator import add, mul, sub
from struct import Struct
from typing import Final, Literal, NamedTuple, TypeAlias

__all__ = ["LANE", "PAIRS", "Batch", "Q", "evaluate", "interpolate", "join", "quotient", "remainder", "repeated", "split"]

Batch: TypeAlias = list[int]

Q: Final = 3329
PAIRS: Final = 128
LANE: Final = 16  # octets of a lane in a batch

_LITTLE: Final[Literal["little"]] = "little"
_ZETA: Final = 17
_ONTO_Q: Final = -(-(1 << 40) // Q)


@lru_cache(maxsize=64)
def repeated(value: int, octets: int, lanes: int) -> int:
    """A value in each lane of so many octets."""
    return int.from_bytes(value.to_bytes(octets, "little") * lanes, "little")


class _Layers(NamedTuple):
    """64 constants for each of the seven layers, and gamma of each pair."""

    forward: tuple[tuple[int, ...], ...]
    inverse: tuple[tuple[int, ...], ...]
    gammas: tuple[int, ...]


def _bit_rev_7(i: int) -> int:
    return int(f"{i:07b}"[::-1], 2)


@lru_cache(maxsize=1)
def _layers() -> _Layers:
    zetas = [(pow(_ZETA, _bit_rev_7(i), Q) + Q // 2) % Q - Q // 2 for i in range(PAIRS)]
    counts = [1 << layer for layer in range(7)]
    return _Layers(
        tuple(tuple(zetas[count : 2 * count] * (64 // count)) for count in counts),
        tuple(tuple(zetas[2 * count - 1 : count - 1 : -1] * (64 // count)) for count in reversed(counts)),
        tuple(pow(_ZETA, 2 * _bit_rev_7(i) + 1, Q) for i in range(PAIRS)),
    )


def _forward(batch: Batch) -> Batch:
    """Algorithm 9, unreduced: seven layers take a bound B of all lanes to B * 1665^7."""
    f = list(batch)
    for zetas in _layers().forward:
        low, turned = f[:64], list(map(mul, f[64:], zetas))
        f[0::2] = map(add, low, turned)
        f[1::2] = map(sub, low, turned)
    return f


def _inverse(batch: Batch) -> Batch:
    """Algorithm 10 without its last line, unreduced: seven layers take a bound B of all lanes to B * 3328^7."""
    f = list(batch)
    for zetas in _layers().inverse:
        low, high = f[0::2], f[1::2]
        f = [*map(add, low, high), *map(mul, map(sub, high, low), zetas)]
    return f


@lru_cache(maxsize=8)
def _chunks(size: int) -> Struct:
    return Struct(f"{size}s" * PAIRS)


def split(data: bytes | bytearray) -> Batch:
    """128 integers of a string."""
    return list(map(int.from_bytes, _chunks(len(data) // PAIRS).unpack(data), repeat(_LITTLE)))


def join(batch: Iterable[int], octets: int) -> bytes:
    """The octets of non-negative integers."""
    return b"".join(list(map(int.to_bytes, batch, repeat(octets), repeat(_LITTLE))))


def _settle(batch: Iterable[int], octets: int) -> int:
    """All lanes of a batch, below 2^109, to lanes of 64 bits below 2^24 that are the same modulo q."""
    data = join(batch, octets)
    lanes = PAIRS * octets // LANE
    x = int.from_bytes(data, "little")
    x = (x & repeated((1 << 52) - 1, 16, lanes)) + 69 * (x >> 52 & repeated((1 << 76) - 1, 16, lanes))
    y = int.from_bytes(array("Q", x.to_bytes(16 * lanes, "little"))[::2], "little")
    y = (y & repeated((1 << 37) - 1, 8, lanes)) + 19 * (y >> 37 & repeated((1 << 27) - 1, 8, lanes))
    high = y >> 20 & repeated((1 << 44) - 1, 8, lanes)
    return (y & repeated((1 << 20) - 1, 8, lanes)) + repeated(Q << 12, 8, lanes) - 59 * high


def quotient(x: int, lanes: int) -> int:
    """floor(x / q) in lanes of 64 bits, for x < 2^28."""
    return x * _ONTO_Q >> 40 & repeated((1 << 24) - 1, 8, lanes)


def remainder(x: int, lanes: int) -> int:
    """x mod q in lanes of 64 bits, for x < 2^28."""
    return x - Q * quotient(x, lanes)


def evaluate(batch: Batch, polynomials: int) -> array[int]:
    """The transform of a batch, with what multiplication needs beside it.

    Args:
      batch:  lanes within 2^17.
    Returns: 3 * polynomials numbers below q for each pair, 32 bits each: all even ones, all odd ones, and the odd ones times gamma.
    """
    half = 8 * LANE * polynomials
    offset = repeated(Q << 80, LANE, 2 * polynomials)
    lifted = map(add, _forward(batch), repeat(offset))
    lanes = 3 * polynomials
    whole = [x + ((x >> half) * gamma << 2 * half) for x, gamma in zip(lifted, _layers().gammas, strict=True)]
    count = PAIRS * lanes
    reduced = remainder(_settle(whole, LANE * lanes), count)
    return array("I", reduced.to_bytes(8 * count, "little"))[::2]


def interpolate(products: Batch, polynomials: int) -> int:
    """Back from the transformed domain, times 128.

    Args:
      products:  for each pair, 2 * polynomials lanes of 32 bits: even and odd of the first, even and odd of the second …, sums of six
                 products of numbers below q.
    Returns: the same order in lanes of 64 bits, below 2^24.
    """
    octets = 2 * LANE * polynomials
    wide = array("I", bytes(PAIRS * octets))
    wide[0::4] = array("I", join(products, 8 * polynomials))
    centre = repeated(10_000 * Q, LANE, 2 * polynomials)
    values = _inverse(list(map(sub, split(wide.tobytes()), repeat(centre))))
    offset = repeated(Q << 96, LANE, 2 * polynomials)
    return _settle(map(add, values, repeat(offset)), octets)
