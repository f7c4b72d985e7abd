# SPDX-License-Identifier: Apache-2.0 OR MIT
"""y² = x³ − 3x + b: a comb for the base point, fixed windows for secret multiples, interleaved non-adjacent forms for verification.

Base point (FIPS 186-5 §6.4.1): the sum of one entry of every row of the comb (`_generate_tables_curves`).  There is no doubling, so the
points are added up in the coordinates (X, Y, ZZ, ZZZ) with x = X/ZZ, y = Y/ZZZ, ZZ³ = ZZZ², in which that takes ten multiplications and
nine reductions:

    h = x2·ZZ − X   r = y2·ZZZ − Y   v = X·h²   X' = r² − h³ − 2v   Y' = r(v − X') − Y·h³   ZZ' = ZZ·h²   ZZZ' = ZZZ·h³

Other points: Jacobian coordinates x = X/Z², y = Y/Z³, with W = 2Y in place of Y, which takes the small factors out of the doubling:

    b = W²   s = X·b   m = 3(X − Z²)(X + Z²)   X' = m² − 2s   W' = 2m(s − X') − b²   Z' = W·Z
    h = x2·Z² − X   r = 2·y2·Z³ − W   i = 4h²   v = X·i   X' = r² − h·i − 2v   W' = 2(r(v − X') − W·h·i)   Z' = 2·Z·h

Scalars.  n is odd, so one of k and n − k is odd; that one is recoded (`field.recode`) into digits that are never 0, and the sign of the
result is turned if it was n − k.  Every scalar costs the same additions.

Exceptions.  These formulas fail if the two points are equal or inverse; then h = 0, and ZZ or Z is 0 from there to the end.  With the
digits above that happens for a handful of scalars next to a multiple of n, which chance does not meet; they are computed by the readable
twin.
"""

from __future__ import annotations

import binascii
from functools import lru_cache
from typing import Final

from sws.crypto.curves import P256, Curve
from sws.crypto.kernels.field import invert_all, recode, wnaf
from sws.crypto.ref import weierstrass as ref

__all__ = ["base_multiple", "multiple", "x_matches"]

Affine = tuple[int, int]
POINT_WINDOW: Final = 5
"""Bits of a window of a secret multiple; a table of 16 points is made for it."""

Comb = tuple[int, list[list[Affine]]]

_combs: dict[str, Comb] = {}


def _comb(curve: Curve) -> Comb:
    """The window and the rows of a curve, decoded at first use; there are two curves, so the cache is bounded."""
    comb = _combs.get(curve.name)
    if comb is None:
        if curve is P256:
            from sws.crypto.kernels._tables_p256 import COMB, WINDOW
        else:
            from sws.crypto.kernels._tables_p384 import COMB, WINDOW
        raw = binascii.a2b_base64(COMB)
        octets, take = curve.octets, int.from_bytes
        numbers = [take(raw[at : at + octets], "little") for at in range(0, len(raw), octets)]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        size = 1 << (WINDOW - 1)
        comb = _combs[curve.name] = WINDOW, [points[at : at + size] for at in range(0, len(points), size)]
    return comb


def base_multiple(curve: Curve, k: int, mask: int) -> Affine | None:
    """k·G.

    Args:
      k:     1 … n − 1; SECRET.
      mask:  random, not 0 modulo p; SECRET.
    Timing:  one addition a row for every scalar, from a random representation of the first point; reads the comb at places that depend on
             k.
    """
    p = curve.p
    flip = 1 - (k & 1)
    window, rows = _comb(curve)
    half = 1 << (window - 1)
    digits = recode((k, curve.n - k)[flip], window, len(rows))
    zz = mask * mask % p
    zzz = zz * mask % p
    first = digits[0]
    x, y = rows[0][first - half] if first >= half else rows[0][half - 1 - first]
    x = x * zz % p
    y = y * zzz % p if first >= half else -y * zzz % p
    for row, digit in zip(rows[1:], digits[1:], strict=True):
        if digit >= half:
            x2, y2 = row[digit - half]
            r = y2 * zzz % p - y
        else:
            x2, y2 = row[half - 1 - digit]
            r = -y2 * zzz % p - y
        h = x2 * zz % p - x
        hh = h * h % p
        h = h * hh % p
        v = x * hh % p
        x = (r * r - h - v - v) % p
        y = (r * (v - x) - y * h) % p
        zz = zz * hh % p
        zzz = zzz * h % p
    if not zz:
        return ref.base_multiple(curve, k, mask)
    inverse = pow(zzz, -1, p)
    root = zz * inverse % p
    y = y * inverse % p
    return x * root * root % p, (y, p - y)[flip]


def _odd_multiples(curve: Curve, point: Affine, count: int) -> list[Affine]:
    """1, 3, 5 … times a point, affine; all of a prime order n that is far greater than 2·count."""
    p = curve.p
    x, y = point
    slope = (3 * x * x - 3) * pow(y + y, -1, p) % p
    twice_x = (slope * slope - x - x) % p
    twice_y = (slope * (x - twice_x) - y) % p
    z = 1
    found = [(x, y, z)]
    for _ in range(count - 1):
        zz = z * z % p
        h = twice_x * zz % p - x
        r = twice_y * (zz * z % p) % p - y
        hh = h * h % p
        hhh = h * hh % p
        v = x * hh % p
        x = (r * r - hhh - v - v) % p
        y = (r * (v - x) - y * hhh) % p
        z = z * h % p
        found.append((x, y, z))
    table = []
    for (x, y, _), inverse in zip(found, invert_all([z for _, _, z in found], p), strict=True):
        square = inverse * inverse % p
        table.append((x * square % p, y * square % p * inverse % p))
    return table


def multiple(curve: Curve, k: int, point: Affine, mask: int) -> Affine | None:
    """k·point.

    Args:
      k:      1 … n − 1; SECRET.
      point:  on the curve, not infinity.
      mask:   random, not 0 modulo p; SECRET.
    Timing:   the same doublings and additions for every scalar, from a random representation; reads a table of 16 points at secret places.
    """
    p = curve.p
    flip = 1 - (k & 1)
    half = 1 << (POINT_WINDOW - 1)
    digits = recode((k, curve.n - k)[flip], POINT_WINDOW, 8 * curve.octets // POINT_WINDOW + 1)
    table = _odd_multiples(curve, point, half)
    table = [(x, -y - y) for x, y in reversed(table)] + [(x, y + y) for x, y in table]
    x, w = table[digits[-1]]
    zz = mask * mask % p
    x, w, z = x * zz % p, w * (zz * mask % p) % p, mask
    for digit in digits[-2::-1]:
        for _ in range(POINT_WINDOW):
            zz = z * z % p
            b = w * w % p
            s = x * b % p
            m = 3 * (x - zz) * (x + zz) % p
            z = w * z % p
            x = (m * m - s - s) % p
            w = ((m + m) * (s - x) - b * b) % p
        x2, w2 = table[digit]
        zz = z * z % p
        h = x2 * zz % p - x
        r = w2 * (zz * z % p) % p - w
        m = h + h
        i = m * m % p
        h = h * i % p
        v = x * i % p
        x = (r * r - h - v - v) % p
        w = 2 * (r * (v - x) - w * h) % p
        z = z * m % p
    if not z:
        return ref.multiple(curve, k, point, mask)
    inverse = pow(z, -1, p)
    square = inverse * inverse % p
    y = w * square * inverse * ((p + 1) >> 1) % p
    return x * square % p, (y, p - y)[flip]


@lru_cache(maxsize=32)
def _multiples_of_key(curve: Curve, point: Affine) -> tuple[Affine, ...]:
    """1, 3, … 15 times a public key.  Keys of issuers and token signers come again and again; 32 of them are at most 48 KiB."""
    return tuple(_odd_multiples(curve, point, 8))


def _digits(curve: Curve, u1: int, u2: int, point: Affine) -> list[tuple[int, int, int]]:
    """(position, x, 2y) of all points that u1·G + u2·point adds up, from the highest position down; (0, 0, 0) ends it."""
    found = [(0, 0, 0)]
    window, rows = _comb(curve)
    for table, width, u in ((rows[0], window + 1, u1), (_multiples_of_key(curve, point), 5, u2)):
        for digit, position in wnaf(u, width):
            x, y = table[abs(digit) >> 1]
            found.append((position, x, y + y if digit > 0 else -y - y))
    found.sort(reverse=True)
    return found


def x_matches(curve: Curve, u1: int, u2: int, point: Affine, r: int) -> bool:
    """Whether the x of u1·G + u2·point is r modulo n.  FIPS 186-5 §6.4.2, steps 5 to 7.

    Args:
      u1, u2:  0 … n − 1.
      point:   on the curve, not infinity.
      r:       1 … n − 1.
    Timing: variable, all arguments are public.
    """
    p = curve.p
    x, w, z, at = 1, 2, 0, 0
    for position, x2, w2 in _digits(curve, u1, u2, point):
        if not z:
            x, w, z, at = x2, w2, w2 and 1, position
            continue
        for _ in range(at - position):
            zz = z * z % p
            b = w * w % p
            s = x * b % p
            m = 3 * (x - zz) * (x + zz) % p
            z = w * z % p
            x = (m * m - s - s) % p
            w = ((m + m) * (s - x) - b * b) % p
        at = position
        if not w2:
            break
        zz = z * z % p
        h = (x2 * zz - x) % p
        if not h:
            x, w, z = _add_same_x(p, (x, w, z), w2)
            continue
        r2 = w2 * (zz * z % p) % p - w
        m = h + h
        i = m * m % p
        h = h * i % p
        v = x * i % p
        x = (r2 * r2 - h - v - v) % p
        w = 2 * (r2 * (v - x) - w * h) % p
        z = z * m % p
    zz = z * z % p
    return z != 0 and ((x - r * zz) % p == 0 or (r + curve.n < p and (x - (r + curve.n) * zz) % p == 0))


def _add_same_x(p: int, point: tuple[int, int, int], w2: int) -> tuple[int, int, int]:
    """(X, W, Z) plus a point of the same x with 2y = w2: the double, or infinity."""
    x, w, z = point
    zz = z * z % p
    if (w2 * zz * z - w) % p:
        return 1, 2, 0
    b = w * w % p
    s = x * b % p
    m = 3 * (x - zz) * (x + zz) % p
    x = (m * m - s - s) % p
    return x, ((m + m) * (s - x) - b * b) % p, w * z % p
