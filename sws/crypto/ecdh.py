# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ECDH on P-256 and P-384.  SP 800-56A §5.7.1.2; SEC 1 §3.3.1; in TLS RFC 9846 §7.4.2.

    shared secret = the x-coordinate of d·Q, for my scalar d and the peer's point Q

Keys are those of `weierstrass`: `EcPrivateKey`, and points 04 ‖ x ‖ y.
"""

from __future__ import annotations

from sws.base.errors import DecodeError
from sws.crypto.curves import curve_named
from sws.crypto.system import Entropy, system_entropy
from sws.crypto.weierstrass import EcPrivateKey, decode_point, generate, kernel, public, random_below

__all__ = ["EcPrivateKey", "exchange", "generate", "public"]


def exchange(private: EcPrivateKey, public: bytes, entropy: Entropy = system_entropy) -> bytes:
    """The shared secret, 32 or 48 octets; SECRET.

    Args:
      private:  mine; SECRET.
      public:   the peer's point, 04 ‖ x ‖ y.
      entropy:  for masks; the result does not depend on it.
    Raises: DecodeError for what is not a point of the private key's curve.
    Timing: the same doublings and additions for every key, in a random representation; with `SWS_KERNELS=auto` it reads a table at secret
            places.
    """
    curve, point = decode_point(public)
    if curve is not curve_named(private.curve):
        raise DecodeError(f"{curve.name} public key: {private.curve} wanted")
    product = kernel.multiple(curve, int.from_bytes(private.scalar, "big"), point, random_below(curve.p, entropy))
    assert product is not None  # the point has the order n, and 0 < scalar < n
    return product[0].to_bytes(curve.octets, "big")
