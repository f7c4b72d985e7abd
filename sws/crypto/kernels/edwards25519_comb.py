# SPDX-License-Identifier: Apache-2.0 OR MIT
"""edwards25519 in extended coordinates: a comb of eight-bit windows for the base point, a sliding window for others.  RFC 8032 §5.1.4.

A point is (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z.  What is added to it comes prepared, as (y + x, y − x, 2dxy) for an affine
point and with 2z besides for another, so that an addition is

    A = (Y − X)(y2 − x2)   B = (Y + X)(y2 + x2)   C = T·2d·x2·y2   D = 2Z·z2
    E = B − A   F = D − C   G = D + C   H = B + A         X = E·F   Y = G·H   Z = F·G   T = E·H

of seven multiplications, and the base point's multiples are sums of 32 such additions without any doubling (`field.recode`): entry 1, 3,
… 255 of row i times 256^i.  A doubling does not need T:   E = −2XY   H = X² + Y²   G = X² − Y²   F = G + 2Z²   X = E·F   Y = G·H   Z = F·G.

Products are folded as in `x25519_ladder`: E, H and Z twice, the others once, which leaves factors below 2^270.
"""

from __future__ import annotations

import binascii
from typing import Final

from sws.crypto.kernels.field import recode, wnaf

__all__ = ["base_multiple", "base_u", "combination", "recover_x"]

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P
D2: Final = 2 * D % P
INVERSE_D: Final = pow(D, -1, P)
SQRT_MINUS_1: Final = 19681161376707505956807079304988542015446066515923890162744021073123829784752
LOW: Final = 2**255 - 1

Row = list[tuple[int, int, int]]
Extended = tuple[int, int, int, int]

_rows: list[Row] = []


def _comb() -> list[Row]:
    """The 32 rows of 128 entries (y + x, y − x, 2dxy), decoded at first use."""
    if not _rows:
        from sws.crypto.kernels._tables_edwards25519 import COMB

        raw = binascii.a2b_base64(COMB)
        take = int.from_bytes
        entries = []
        for at in range(0, len(raw), 64):
            x, y = take(raw[at : at + 32], "little"), take(raw[at + 32 : at + 64], "little")
            entries.append((y + x, y - x, x * y % P * D2 % P))
        _rows.extend(entries[at : at + 128] for at in range(0, len(entries), 128))
    return _rows


def _add_base_multiple(point: Extended, k: int, first: int) -> Extended:
    """The point plus the digits of an odd k from `first` on, times B."""
    low = LOW
    x, y, z, t = point
    for row, digit in zip(_comb()[first:], recode(k, 8, 32)[first:], strict=True):
        if digit & 128:
            plus, minus, product = row[digit & 127]
        else:
            minus, plus, product = row[digit ^ 127]
            product = -product
        a = (y - x) * minus
        b = (y + x) * plus
        e = b - a
        h = b + a
        t *= product
        e = (e & low) + 19 * (e >> 255)
        e = (e & low) + 19 * (e >> 255)
        h = (h & low) + 19 * (h >> 255)
        h = (h & low) + 19 * (h >> 255)
        t = (t & low) + 19 * (t >> 255)
        z += z
        f = z - t
        g = z + t
        x = e * f
        x = (x & low) + 19 * (x >> 255)
        y = g * h
        y = (y & low) + 19 * (y >> 255)
        z = f * g
        z = (z & low) + 19 * (z >> 255)
        z = (z & low) + 19 * (z >> 255)
        t = e * h
        t = (t & low) + 19 * (t >> 255)
    return x, y, z, t


def _base(k: int, mask: int) -> Extended:
    """k·B with a random Z.  Of k + L and k + 2L one is odd, and both have a fixed length."""
    k += ORDER << (k & 1)
    digit = recode(k, 8, 32)[0]
    sign = (digit >> 7 << 1) - 1
    plus, minus, product = _comb()[0][digit & 127 if digit & 128 else digit ^ 127]
    x = (plus - minus) * sign * mask % P
    y = (plus + minus) * mask % P
    t = product * sign * INVERSE_D % P * mask % P
    return _add_base_multiple((x, y, 2 * mask % P, t), k, 1)


def base_multiple(k: int, mask: int) -> tuple[int, int]:
    """k·B in affine coordinates.

    Args:
      k:     0 … 2^255 − 1; SECRET.
      mask:  random, not 0 modulo p; SECRET.
    Timing:  32 additions for every scalar; reads the comb at places that depend on it.
    """
    x, y, z, _ = _base(k, mask)
    inverse = pow(z, -1, P)
    return x * inverse % P, y * inverse % P


def base_u(k: int, mask: int) -> int:
    """The Montgomery coordinate u = (1 + y)/(1 − y) of k·B, which is X25519(k, 9).  RFC 7748 §4.1.

    Args, Timing: as `base_multiple`, k not a multiple of L.
    """
    _, y, z, _ = _base(k, mask)
    return (z + y) * pow(z - y, -1, P) % P


def _double(x: int, y: int, z: int, times: int) -> tuple[int, int, int, int, int]:
    """2^times·(X : Y : Z), times > 0, as (X, Y, Z) and the factors E, H of T."""
    low = LOW
    e = h = 0
    for _ in range(times):
        e = (x + x) * -y
        x *= x
        y *= y
        h = x + y
        g = x - y
        z *= z
        f = g + z + z
        e = (e & low) + 19 * (e >> 255)
        h = (h & low) + 19 * (h >> 255)
        g = (g & low) + 19 * (g >> 255)
        f = (f & low) + 19 * (f >> 255)
        x = e * f
        x = (x & low) + 19 * (x >> 255)
        x = (x & low) + 19 * (x >> 255)
        y = g * h
        y = (y & low) + 19 * (y >> 255)
        y = (y & low) + 19 * (y >> 255)
        z = f * g
        z = (z & low) + 19 * (z >> 255)
        z = (z & low) + 19 * (z >> 255)
    return x, y, z, e, h


def _add_prepared(x: int, y: int, z: int, t: int, other: Extended) -> tuple[int, int, int, int, int]:
    """(X : Y : Z : T) plus a prepared point, as (X, Y, Z) and the factors E, H of T."""
    plus, minus, product, twice_z = other
    p = P
    a = (y - x) * minus
    b = (y + x) * plus
    c = t * product % p
    d = z * twice_z % p
    e, h, f, g = (b - a) % p, (b + a) % p, d - c, d + c
    return e * f % p, g * h % p, f * g % p, e, h


def _odd_multiples(point: tuple[int, int], count: int) -> list[Extended]:
    """1, 3, 5 … times an affine point, prepared."""
    x, y = point
    twice_x, twice_y, twice_z, e, h = _double(x, y, 1, 1)
    twice_t = e * h % P
    step = (twice_y + twice_x, twice_y - twice_x, twice_t * D2 % P, twice_z + twice_z)
    z, t = 1, x * y % P
    prepared = [(y + x, y - x, t * D2 % P, 2)]
    for _ in range(count - 1):
        x, y, z, e, h = _add_prepared(x, y, z, t, step)
        t = e * h % P
        prepared.append((y + x, y - x, t * D2 % P, z + z))
    return prepared


def _multiple_vartime(k: int, point: tuple[int, int]) -> Extended:
    """k times a point, by the width-5 non-adjacent form; all public."""
    table = _odd_multiples(point, 8)
    digits = wnaf(k, 5)
    x, y, z, e, h = 0, 1, 1, 0, 1
    while digits:
        digit, position = digits.pop()
        plus, minus, product, twice_z = table[abs(digit) >> 1]
        prepared = (plus, minus, product, twice_z) if digit > 0 else (minus, plus, -product, twice_z)
        x, y, z, e, h = _add_prepared(x, y, z, e * h % P, prepared)
        doublings = position - (digits[-1][1] if digits else 0)
        if doublings:
            x, y, z, e, h = _double(x, y, z, doublings)
    return x, y, z, e * h % P


def combination(s: int, k: int, point: tuple[int, int]) -> tuple[int, int]:
    """s·B + k·point in affine coordinates, for verification.

    Args:
      s, k:   0 … L − 1.
      point:  any point of the curve, affine.
    Timing: variable, all arguments are public.
    """
    x, y, z, _ = _add_base_multiple(_multiple_vartime(k, point), s + (ORDER << (s & 1)), 0)
    inverse = pow(z, -1, P)
    return x * inverse % P, y * inverse % P


def _square(x: int, times: int) -> int:
    """x to the 2^times, times even; folded once after one squaring, twice after the next."""
    low = LOW
    for _ in range(times >> 1):
        x *= x
        x = (x & low) + 19 * (x >> 255)
        x *= x
        x = (x & low) + 19 * (x >> 255)
        x = (x & low) + 19 * (x >> 255)
    return x


def _root_power(z: int) -> int:
    """z to the (p − 5)/8 = 2^252 − 3: n ones, shifted by n, times n ones are 2n ones."""
    two = z * z * z % P
    four = _square(two, 2) * two % P
    five = four * four * z % P
    ten = _square(five, 4) ** 2 * five % P
    twenty = _square(ten, 10) * ten % P
    forty = _square(twenty, 20) * twenty % P
    fifty = _square(forty, 10) * ten % P
    hundred = _square(fifty, 50) * fifty % P
    two_hundred = _square(hundred, 100) * hundred % P
    return _square(_square(two_hundred, 50) * fifty % P, 2) * z % P


def recover_x(y: int, sign: int) -> int | None:
    """The x of that parity on the curve, None if there is none.  RFC 8032 §5.1.3.

    Args:
      y:  below p.
    Timing: variable, y is public.
    """
    p = P
    u = (y * y - 1) % p
    v = (D * y % p * y + 1) % p
    v3 = v * v % p * v % p
    x = u * v3 % p * _root_power(u * v3 % p * v3 % p * v % p) % p
    check = v * x % p * x % p
    if check != u:
        x = x * SQRT_MINUS_1 % p
        if check != p - u:
            return None
    if x == 0 and sign:
        return None
    return p - x if x & 1 != sign else x
