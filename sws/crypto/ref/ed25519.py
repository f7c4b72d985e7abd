# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The curve edwards25519, −x² + y² = 1 + dx²y² modulo 2^255 − 19, in affine coordinates.  RFC 8032 §5.1.

    (x1, y1) + (x2, y2) = ( (x1·y2 + x2·y1) / (1 + d·x1·x2·y1·y2),  (y1·y2 + x1·x2) / (1 − d·x1·x2·y1·y2) )

The law has no exceptions, because −1 is a square and d is none: the neutral point (0, 1), doublings and inverses all go the same way.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BASE", "ORDER", "D", "P", "add", "base_multiple", "combination", "multiply", "recover_x"]

P: Final = 2**255 - 19
D: Final = -121665 * pow(121666, -1, P) % P
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""L, the prime order of the base point; the curve has 8·L points."""

SQRT_MINUS_1: Final = 19681161376707505956807079304988542015446066515923890162744021073123829784752

Point = tuple[int, int]


def recover_x(y: int, sign: int) -> int | None:
    """The x of that parity on the curve, None if there is none.  RFC 8032 §5.1.3, steps 2 to 4."""
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == P - u and u:
        x = x * SQRT_MINUS_1 % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


BASE: Final[Point] = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def add(one: Point, other: Point) -> Point:
    """The sum of two points.  RFC 8032 §5.1.4."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x3 = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y3 = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x3, y3


def multiply(k: int, point: Point) -> Point:
    """k times a point: a Montgomery ladder over 256 bits, the same additions for every scalar."""
    low: Point = (0, 1)
    high = point
    for position in range(255, -1, -1):
        both = add(low, high)
        if k >> position & 1:
            low, high = both, add(high, high)
        else:
            low, high = add(low, low), both
    return low


def base_multiple(k: int, mask: int) -> Point:
    """k·B; the mask of the kernels has no place in affine coordinates."""
    return multiply(k, BASE)


def combination(s: int, k: int, point: Point) -> Point:
    """s·B + k·point."""
    return add(multiply(s, BASE), multiply(k, point))
