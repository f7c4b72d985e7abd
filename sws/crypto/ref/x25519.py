# SPDX-License-Identifier: Apache-2.0 OR MIT
"""X25519 as RFC 7748 §5 writes it: the Montgomery ladder, with `cswap` by a mask."""

from __future__ import annotations

from typing import Final

__all__ = ["x25519"]

P: Final = 2**255 - 19
A24: Final = 121665


def _cswap(swap: int, a: int, b: int) -> tuple[int, int]:
    dummy = -swap & (a ^ b)
    return a ^ dummy, b ^ dummy


def x25519(k: int, u: int) -> int:
    """The u-coordinate of k times the point with the coordinate u.  RFC 7748 §5.

    Args:
      k:  the clamped scalar; SECRET.
      u:  of the point; any integer stands for its residue.
    """
    x_1 = u % P
    x_2, z_2, x_3, z_3 = 1, 0, x_1, 1
    swap = 0
    for t in range(254, -1, -1):
        k_t = k >> t & 1
        swap ^= k_t
        x_2, x_3 = _cswap(swap, x_2, x_3)
        z_2, z_3 = _cswap(swap, z_2, z_3)
        swap = k_t
        a = (x_2 + z_2) % P
        aa = a * a % P
        b = (x_2 - z_2) % P
        bb = b * b % P
        e = (aa - bb) % P
        c = (x_3 + z_3) % P
        d = (x_3 - z_3) % P
        da = d * a % P
        cb = c * b % P
        x_3 = (da + cb) ** 2 % P
        z_3 = x_1 * (da - cb) ** 2 % P
        x_2 = aa * bb % P
        z_2 = e * (aa + A24 * e) % P
    x_2, x_3 = _cswap(swap, x_2, x_3)
    z_2, z_3 = _cswap(swap, z_2, z_3)
    return x_2 * pow(z_2, P - 2, P) % P
