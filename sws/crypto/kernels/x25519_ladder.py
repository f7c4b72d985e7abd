# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Montgomery ladder of X25519 on Python's big integers, with lazy folding instead of division.  RFC 7748 §5.

Reduction.  2^255 = 19 modulo p, so a product y is folded by (y mod 2^255) + 19·(y >> 255): four operations that take time by the length
of y alone, at half the cost of `y % p`.  The result is not the smallest residue, only a short one.  Say a number has excess e if it is
below 2^(255+e) in magnitude.  The fold of a product of excesses e and f has the excess e + f + 4.3, that of a number of any small excess
has next to none.  One step of the ladder, where (x2 : z2) and (x3 : z3) begin without excess:

    A = x2 + z2   B = x2 − z2   C = x3 + z3   D = x3 − z3                1
    AA = A²   BB = B²   s = D·A + C·B   d = D·A − C·B      folded       ~7
    x3 = s²   z3 = x1·d²   x2 = AA·BB   z2 = E·(AA + 121665·E), E = AA − BB

The last four are folded twice and so end where the next step begins.  All factors but one stay below 2^270, nine digits of a Python
integer. Numbers may be negative: `&` and `>>` of Python act as two's complement, and the fold holds for them.

The ladder starts at (x1·r : r) with a random r instead of (x1 : 1), which is the same point.
"""

from __future__ import annotations

from typing import Final

__all__ = ["exchange"]

P: Final = 2**255 - 19
LOW: Final = 2**255 - 1


def exchange(k: int, u: int, mask: int) -> int:
    """The u-coordinate of k times the point with the coordinate u.  RFC 7748 §5.

    Args:
      k:     the clamped scalar, so even, and nothing is left to exchange at the end; SECRET.
      u:     below 2^255; a value of p or more stands for its residue.
      mask:  random, not 0 modulo p; SECRET.
    Returns: below p; SECRET.
    Timing:  the same 255 steps for every scalar, in each an exchange of names by a secret bit, or as many assignments.  What Python's
             integers add to that is hidden by the mask to the degree that it makes intermediate values random.
    """
    low = LOW
    u %= P
    x2, z2, x3, z3 = 1, 0, u * mask % P, mask
    for changes in format(k ^ k >> 1, "0255b"):
        if changes == "1":
            x2, z2, x3, z3 = x3, z3, x2, z2
        else:
            x2, z2, x3, z3 = x2, z2, x3, z3  # noqa: PLW0127  (takes as long as the exchange)
        a = x2 + z2
        b = x2 - z2
        d = (x3 - z3) * a
        c = (x3 + z3) * b
        s = d + c
        d -= c
        s = (s & low) + 19 * (s >> 255)
        d = (d & low) + 19 * (d >> 255)
        a *= a
        b *= b
        a = (a & low) + 19 * (a >> 255)
        b = (b & low) + 19 * (b >> 255)
        s *= s
        s = (s & low) + 19 * (s >> 255)
        x3 = (s & low) + 19 * (s >> 255)
        d *= d
        d = ((d & low) + 19 * (d >> 255)) * u
        d = (d & low) + 19 * (d >> 255)
        z3 = (d & low) + 19 * (d >> 255)
        c = a * b
        c = (c & low) + 19 * (c >> 255)
        x2 = (c & low) + 19 * (c >> 255)
        b = a - b
        c = b * (a + 121665 * b)
        c = (c & low) + 19 * (c >> 255)
        z2 = (c & low) + 19 * (c >> 255)
    z2 %= P
    return x2 * pow(z2, -1, P) % P if z2 else 0
