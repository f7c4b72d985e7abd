# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The two prime curves of NIST: y² = x³ − 3x + b over the integers modulo p.  SP 800-186 §3.2.1, FIPS 186-5.

G is the base point, n its order, a prime; the cofactor is 1, so that every point of the curve but infinity is a multiple of G.
Both p and n are odd and p = 3 mod 4: a square root is one power.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sws.base.errors import UsageError

__all__ = ["P256", "P384", "Curve", "curve_named"]


class Curve(NamedTuple):
    """The parameters of a curve.

    Attributes:
      name:    as MISSION and JWK (RFC 7518 §6.2.1.1) write it.
      octets:  of a coordinate; a scalar has as many.
      p, b:    the equation's; its other coefficient is −3.
      n:       the order of G.
      gx, gy:  G.
    """

    name: str
    octets: int
    p: int
    b: int
    n: int
    gx: int
    gy: int


P256: Final = Curve(
    name="P-256",
    octets=32,
    p=2**256 - 2**224 + 2**192 + 2**96 - 1,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    gx=0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    gy=0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

P384: Final = Curve(
    name="P-384",
    octets=48,
    p=2**384 - 2**128 - 2**96 + 2**32 - 1,
    b=0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    gx=0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    gy=0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
)

_BY_NAME: Final = {curve.name: curve for curve in (P256, P384)}


def curve_named(name: str) -> Curve:
    """The curve of a name.  Raises: UsageError for any but "P-256" and "P-384"."""
    curve = _BY_NAME.get(name)
    if curve is None:
        raise UsageError(f"curve {name!r}: P-256 or P-384 wanted")
    return curve
