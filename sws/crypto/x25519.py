# SPDX-License-Identifier: Apache-2.0 OR MIT
"""X25519: Diffie-Hellman on curve25519 by u-coordinates.  RFC 7748 §5 and §6.1; in TLS RFC 9846 §4.3.8.2 and §7.4.2.

    shared secret = X25519(a, X25519(b, 9)) = X25519(b, X25519(a, 9))

Every string of 32 octets is a public key: its highest bit is not looked at, values from p on stand for their residues, and points of the
curve's twist are as good as the curve's own.  What `exchange` refuses is a shared secret of 32 zero octets, which the few public keys of
small order give with every private key; RFC 7748 §6.1 lets one check for it, and RFC 9846 §7.4.2 makes that a duty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from sws.base.errors import DecodeError
from sws.crypto.octets import octets
from sws.crypto.selection import Kernel, choose, is_compiled
from sws.crypto.system import Entropy, system_entropy

__all__ = ["exchange", "generate", "public"]

P: Final = 2**255 - 19


class _Functions(NamedTuple):
    """exchange(k, u, mask) and base(k, mask), integers in and out."""

    exchange: Callable[[int, int, int], int]
    base: Callable[[int, int], int]


def _lanes() -> _Functions:
    from sws.crypto.kernels.edwards25519_comb import base_u
    from sws.crypto.kernels.x25519_ladder import exchange

    return _Functions(exchange, base_u)


def _compiled() -> _Functions:
    from sws.crypto.kernels.edwards25519_comb import base_u
    from sws.crypto.kernels.scalar_x25519 import exchange

    return _Functions(exchange, base_u)


def _compiled_ladder() -> _Functions:
    from sws.crypto.kernels.scalar_x25519 import exchange

    return _Functions(exchange, lambda k, mask: exchange(k, 9, mask))


def _ladder() -> _Functions:
    from sws.crypto.kernels.x25519_ladder import exchange

    return _Functions(exchange, lambda k, mask: exchange(k, 9, mask))


def _ref() -> _Functions:
    from sws.crypto.ref.x25519 import x25519

    return _Functions(lambda k, u, mask: x25519(k, u), lambda k, mask: x25519(k, 9))


_usable: Final = is_compiled("sws.crypto.kernels.scalar_x25519")
"""Interpreted, the limbs are twenty times slower than the big integers, on CPython and on PyPy."""

_kernel: Final = choose(
    "x25519",
    [
        Kernel("compiled", _compiled, secret_indexed=True, usable=_usable),
        Kernel("lanes", _lanes, secret_indexed=True, usable=not _usable),
        Kernel("compiled", _compiled_ladder, usable=_usable),
        Kernel("lanes", _ladder),
        Kernel("ref", _ref),
    ],
)


def _mask(entropy: Entropy) -> int:
    return int.from_bytes(entropy(32), "little") % (P - 1) + 1


def _scalar(private: bytes) -> int:
    """The clamped scalar of a private key.  RFC 7748 §5, decodeScalar25519."""
    private = octets(private)
    if len(private) != 32:
        raise DecodeError(f"X25519 private key: {len(private)} octets, 32 wanted")
    return int.from_bytes(private, "little") & (2**255 - 8) | 2**254


def generate(entropy: Entropy = system_entropy) -> bytes:
    """A new private key: 32 random octets; SECRET."""
    return entropy(32)


def public(private: bytes, entropy: Entropy = system_entropy) -> bytes:
    """The public key of a private one, 32 octets.

    Args:
      private:  32 octets; SECRET.
      entropy:  for masks; the result does not depend on it.
    Raises: DecodeError for another length.
    Timing: the same additions for every key, in random representations; with `SWS_KERNELS=auto` it reads a table at secret places.
    """
    return _kernel.base(_scalar(private), _mask(entropy)).to_bytes(32, "little")


def exchange(private: bytes, public: bytes, entropy: Entropy = system_entropy) -> bytes:
    """The shared secret, 32 octets; SECRET.

    Args:
      private:  32 octets; SECRET.
      public:   the peer's 32 octets.
      entropy:  for masks; the result does not depend on it.
    Raises: DecodeError for a key of another length, and for a public key of small order, which gives zero.
    Timing: a ladder of 255 equal steps in a random representation, down to the Python-integer caveat.
    """
    k = _scalar(private)
    public = octets(public)
    if len(public) != 32:
        raise DecodeError(f"X25519 public key: {len(public)} octets, 32 wanted")
    shared = _kernel.exchange(k, int.from_bytes(public, "little") & (2**255 - 1), _mask(entropy))
    if not shared:
        raise DecodeError("X25519 public key: a point of small order")
    return shared.to_bytes(32, "little")
