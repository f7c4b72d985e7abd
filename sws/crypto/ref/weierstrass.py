# SPDX-License-Identifier: Apache-2.0 OR MIT
"""P-256 and P-384 in affine coordinates, chord and tangent.  SP 800-186 §2.1.1 and Appendix A.1.1; SEC 1 §2.2.1.

    slope = (y2 − y1)/(x2 − x1), or (3·x1² − 3)/(2·y1) if the points are the same
    x3 = slope² − x1 − x2        y3 = slope·(x1 − x3) − y1

None is the point at infinity, the neutral one.
"""

from __future__ import annotations

from sws.crypto.curves import Curve

__all__ = ["Point", "add", "base_multiple", "multiple", "multiply", "x_matches"]

Point = tuple[int, int] | None


def add(curve: Curve, one: Point, other: Point) -> Point:
    """The sum of two points."""
    if one is None:
        return other
    if other is None:
        return one
    (x1, y1), (x2, y2), p = one, other, curve.p
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, p) % p
    elif y1 == y2:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, p) % p
    else:
        return None
    x3 = (slope * slope - x1 - x2) % p
    return x3, (slope * (x1 - x3) - y1) % p


def multiply(curve: Curve, k: int, point: Point) -> Point:
    """k times a point: a Montgomery ladder, the same additions for every k below 2^(8·octets)."""
    low: Point = None
    high = point
    for position in range(8 * curve.octets - 1, -1, -1):
        both = add(curve, low, high)
        if k >> position & 1:
            low, high = both, add(curve, high, high)
        else:
            low, high = add(curve, low, low), both
    return low


def base_multiple(curve: Curve, k: int, mask: int) -> Point:
    """k·G; the mask of the kernels has no place in affine coordinates."""
    return multiply(curve, k, (curve.gx, curve.gy))


def multiple(curve: Curve, k: int, point: tuple[int, int], mask: int) -> Point:
    """k·point."""
    return multiply(curve, k, point)


def x_matches(curve: Curve, u1: int, u2: int, point: tuple[int, int], r: int) -> bool:
    """Whether the x of u1·G + u2·point is r modulo n.  FIPS 186-5 §6.4.2, steps 5 to 7."""
    total = add(curve, base_multiple(curve, u1, 1), multiply(curve, u2, point))
    return total is not None and total[0] % curve.n == r
