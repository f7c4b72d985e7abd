# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the curve kernels share: inversion of many at once, the recoding of odd scalars, and non-adjacent forms.

Recoding.  Let k be odd and below 2^(wm).  With t = (k − 1)/2 + 2^(wm−1), whose bits are t_i, k is the sum of (2·t_i − 1)·2^i: every bit
is +1 or −1, none is 0.  A window of w bits with the value v is then the odd digit 2v − (2^w − 1) between ±(2^w − 1), so that a scalar
multiplication makes the same additions for every scalar, without digits to skip and without dummies:

    v     0 … 2^(w−1) − 1       2^(w−1) … 2^w − 1
    digit −(2^w − 1) … −1       1 … 2^w − 1

The entry of a row that holds 1, 3, 5 … is v − 2^(w−1) for a positive digit and 2^(w−1) − 1 − v for a negative one.

Timing: Python's integers take time by their length in 30-bit digits, and `pow(x, -1, p)` by the value of x: secrets are inverted blinded.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["invert_all", "recode", "wnaf"]


def invert_all(values: Sequence[int], p: int) -> list[int]:
    """The inverses modulo p of values that are not 0, with one inversion and three multiplications each (Montgomery's trick)."""
    product = 1
    before: list[int] = []
    for value in values:
        before.append(product)
        product = product * value % p
    inverse = pow(product, -1, p)
    inverses = [0] * len(values)
    for index in range(len(values) - 1, -1, -1):
        inverses[index] = inverse * before[index] % p
        inverse = inverse * values[index] % p
    return inverses


def recode(k: int, window: int, count: int) -> Sequence[int]:
    """The windows v of an odd scalar, least significant first (see above).

    Args:
      k:  odd, below 2^(window · count); SECRET.
    Timing: depends on the window and the count only, down to the Python-integer caveat.
    """
    t = (k >> 1) | 1 << (window * count - 1)
    if window == 8:
        return t.to_bytes(count, "little")
    mask = (1 << window) - 1
    return [t >> shift & mask for shift in range(0, window * count, window)]


def wnaf(k: int, width: int) -> list[tuple[int, int]]:
    """The digits that are not 0 of the width-w non-adjacent form, with their positions, from the lowest up: k is the sum of
    digit·2^position.

    Args:
      k:  public, not negative.
    Returns: (odd digit between ±(2^(width−1) − 1), position); positions are `width` or more apart.
    Timing: variable, k is public.
    """
    mask = (1 << width) - 1
    half = 1 << (width - 1)
    digits: list[tuple[int, int]] = []
    position = 0
    while k:
        zeros = (k & -k).bit_length() - 1
        k >>= zeros
        position += zeros
        digit = k & mask
        k >>= width
        if digit >= half:
            digit -= mask + 1
            k += 1
        digits.append((digit, position))
        position += width
    return digits
