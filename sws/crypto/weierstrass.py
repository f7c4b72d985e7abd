# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys on P-256 and P-384, as ECDH and ECDSA share them.  SEC 1 §2.3 and §3.2; FIPS 186-5 Appendix A.2; SP 800-56A §5.6.2.3.3.

A private key is an `EcPrivateKey`: the curve's name and the scalar's octets.  A public key is a point in the uncompressed form of SEC 1,
04 ‖ x ‖ y, the one that TLS 1.3 has (RFC 9846 §4.3.8.2); its length tells the curve.  Whatever takes a point checks it whole: form, range
of both coordinates, and the curve's equation; the cofactor is 1, so that such a point has the order n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError
from sws.crypto.curves import P256, P384, Curve, curve_named
from sws.crypto.octets import octets
from sws.crypto.selection import Kernel, choose
from sws.crypto.system import Entropy, system_entropy

__all__ = ["EcPrivateKey", "decode_point", "encode_point", "generate", "kernel", "public", "random_below"]

Affine = tuple[int, int]


class Functions(NamedTuple):
    """The three computations; their contracts are those of `ref.weierstrass` and `kernels.weierstrass_comb`."""

    base_multiple: Callable[[Curve, int, int], Affine | None]
    multiple: Callable[[Curve, int, Affine, int], Affine | None]
    x_matches: Callable[[Curve, int, int, Affine, int], bool]


def _lanes() -> Functions:
    from sws.crypto.kernels import weierstrass_comb as comb

    return Functions(comb.base_multiple, comb.multiple, comb.x_matches)


def _ref() -> Functions:
    from sws.crypto.ref import weierstrass as ref

    return Functions(ref.base_multiple, ref.multiple, ref.x_matches)


kernel: Final = choose("weierstrass", [Kernel("lanes", _lanes, secret_indexed=True), Kernel("ref", _ref)])


@final
class EcPrivateKey:
    """A private key.  SEC 1 §3.2.

    Attributes:
      curve:   "P-256" or "P-384".
      scalar:  1 … n − 1 in big-endian octets, as many as a coordinate has; SECRET, and not in `repr`.
    Raises: UsageError for another curve, DecodeError for a scalar of another length or out of that range.
    """

    __slots__ = ("curve", "scalar")

    def __init__(self, curve: str, scalar: bytes) -> None:
        parameters = curve_named(curve)
        scalar = octets(scalar)
        if len(scalar) != parameters.octets:
            raise DecodeError(f"{curve} private key: {len(scalar)} octets, {parameters.octets} wanted")
        if not 0 < int.from_bytes(scalar, "big") < parameters.n:
            raise DecodeError(f"{curve} private key: out of range")
        self.curve: Final = curve
        self.scalar: Final = scalar

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EcPrivateKey) and (self.curve, self.scalar) == (other.curve, other.scalar)

    def __hash__(self) -> int:
        return hash((self.curve, self.scalar))

    def __repr__(self) -> str:
        return f"EcPrivateKey({self.curve})"


def random_below(limit: int, entropy: Entropy) -> int:
    """An integer of 1 … limit − 1, from 64 bits more than it has: FIPS 186-5 §A.2.1; the bias is below 2^-64."""
    octets = (limit.bit_length() + 64 + 7) // 8
    return int.from_bytes(entropy(octets), "big") % (limit - 1) + 1


def generate(curve: str, entropy: Entropy = system_entropy) -> EcPrivateKey:
    """A new private key.  FIPS 186-5 §A.2.1.

    Args:
      curve:  "P-256" or "P-384".
    Raises: UsageError for another curve.
    """
    parameters = curve_named(curve)
    return EcPrivateKey(curve, random_below(parameters.n, entropy).to_bytes(parameters.octets, "big"))


def public(private: EcPrivateKey, entropy: Entropy = system_entropy) -> bytes:
    """The public key of a private one: 65 or 97 octets.

    Args:
      entropy:  for masks; the result does not depend on it.
    Timing: the same additions for every key, in random representations; with `SWS_KERNELS=auto` it reads a table at secret places.
    """
    curve = curve_named(private.curve)
    point = kernel.base_multiple(curve, int.from_bytes(private.scalar, "big"), random_below(curve.p, entropy))
    assert point is not None  # 0 < scalar < n
    return encode_point(curve, point)


def encode_point(curve: Curve, point: Affine) -> bytes:
    """04 ‖ x ‖ y.  SEC 1 §2.3.3."""
    return b"\x04" + point[0].to_bytes(curve.octets, "big") + point[1].to_bytes(curve.octets, "big")


def decode_point(point: bytes) -> tuple[Curve, Affine]:
    """The curve and the point of a public key.  SEC 1 §2.3.4 and §3.2.2.1.

    Raises: DecodeError for infinity, a compressed or hybrid form, a length that is no curve's, a coordinate out of range, and a point
      that is not on the curve.
    """
    encoded = octets(point)
    curve = P256 if len(encoded) == 65 else P384
    if len(encoded) != 1 + 2 * curve.octets:
        raise DecodeError(f"EC public key: {len(encoded)} octets, 65 (P-256) or 97 (P-384) wanted")
    if encoded[0] != 4:
        raise DecodeError("EC public key: not in the uncompressed form")
    x, y = int.from_bytes(encoded[1 : 1 + curve.octets], "big"), int.from_bytes(encoded[1 + curve.octets :], "big")
    if x >= curve.p or y >= curve.p:
        raise DecodeError(f"{curve.name} public key: a coordinate is out of range", 1)
    if (x * x * x - 3 * x + curve.b - y * y) % curve.p:
        raise DecodeError(f"{curve.name} public key: not on the curve", 1)
    return curve, (x, y)
