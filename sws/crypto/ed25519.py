# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Ed25519 signatures.  RFC 8032 §5.1, the pure form.

With B the base point, L its order, H = SHA-512 read as a little-endian integer, and a private key of 32 octets:

    a ‖ prefix = SHA-512(private), a clamped      A = a·B is the public key
    sign       r = H(prefix ‖ M)   R = r·B   k = H(R ‖ A ‖ M)   S = (r + k·a) mod L      signature R ‖ S
    verify     S < L, and the octets of S·B − k·A are the octets R

The check is the one without cofactor and compares octets: R is never decoded, so a form of it that is not canonical cannot pass, and of
two verifiers that decide thus none accepts what the other refuses.  RFC 8032 §5.1.7 allows it ("sufficient, but not required" is the
check with cofactor).  Public keys must be canonical: y < p, a point of the curve, and not −0 for x.  A public key of small order is
decoded like any other; who needs signatures that bind to a key refuses such keys where keys are accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError
from sws.crypto.octets import octets
from sws.crypto.selection import Kernel, choose
from sws.crypto.sha2 import sha512
from sws.crypto.system import Entropy, system_entropy

__all__ = ["SigningKey", "expand", "generate", "public", "sign", "verify"]

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493

Affine = tuple[int, int]


class _Functions(NamedTuple):
    """The three computations; their contracts are those of `ref.ed25519` and `kernels.edwards25519_comb`."""

    base_multiple: Callable[[int, int], Affine]
    combination: Callable[[int, int, Affine], Affine]
    recover_x: Callable[[int, int], int | None]


def _lanes() -> _Functions:
    from sws.crypto.kernels import edwards25519_comb as comb

    return _Functions(comb.base_multiple, comb.combination, comb.recover_x)


def _ref() -> _Functions:
    from sws.crypto.ref import ed25519 as ref

    return _Functions(ref.base_multiple, ref.combination, ref.recover_x)


_kernel: Final = choose("ed25519", [Kernel("lanes", _lanes, secret_indexed=True), Kernel("ref", _ref)])


@final
class SigningKey:
    """A private key made ready: what `sign` otherwise computes anew from the 32 octets every time.

    Attributes:
      scalar:  a; SECRET.
      prefix:  32 octets; SECRET.
      public:  the public key.
    """

    __slots__ = ("prefix", "public", "scalar")

    def __init__(self, scalar: int, prefix: bytes, public: bytes) -> None:
        self.scalar: Final = scalar
        self.prefix: Final = prefix
        self.public: Final = public

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and (self.scalar, self.prefix) == (other.scalar, other.prefix)

    def __hash__(self) -> int:
        return hash((self.scalar, self.prefix))

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"


def _h(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)), "little")


def _encode(point: Affine) -> bytes:
    """RFC 8032 §5.1.2."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _multiple(k: int, entropy: Entropy) -> bytes:
    """The octets of k·B, by way of a random representation."""
    return _encode(_kernel.base_multiple(k, int.from_bytes(entropy(32), "little") % (P - 1) + 1))


def generate(entropy: Entropy = system_entropy) -> bytes:
    """A new private key: 32 random octets; SECRET.  RFC 8032 §5.1.5."""
    return entropy(32)


def expand(private: bytes, entropy: Entropy = system_entropy) -> SigningKey:
    """A private key made ready for many signatures.  RFC 8032 §5.1.5.

    Args:
      private:  32 octets; SECRET.
      entropy:  for masks; the result does not depend on it.
    Raises: DecodeError for another length.
    Timing: the same additions for every key, in random representations; with `SWS_KERNELS=auto` it reads a table at secret places.
    """
    private = octets(private)
    if len(private) != 32:
        raise DecodeError(f"Ed25519 private key: {len(private)} octets, 32 wanted")
    hashed = sha512(private)
    scalar = int.from_bytes(hashed[:32], "little") & (2**255 - 8) | 2**254
    return SigningKey(scalar, hashed[32:], _multiple(scalar, entropy))


def public(private: bytes, entropy: Entropy = system_entropy) -> bytes:
    """The public key of a private one, 32 octets.  Args, Raises, Timing: as `expand`."""
    return expand(private, entropy).public


def sign(private: bytes | SigningKey, message: bytes, entropy: Entropy = system_entropy) -> bytes:
    """A signature of 64 octets.  RFC 8032 §5.1.6.

    Args:
      private:  32 octets, or what `expand` made of them, which halves the time; SECRET.
      message:  what is signed, whole.
      entropy:  for masks; the signature does not depend on it.
    Raises: DecodeError for another length.
    Timing: as `expand`, and the time of SHA-512 over the message.
    """
    key = private if isinstance(private, SigningKey) else expand(private, entropy)
    message = octets(message)
    r = _h(key.prefix, message) % ORDER
    encoded = _multiple(r, entropy)
    k = _h(encoded, key.public, message)
    return encoded + ((r + k % ORDER * key.scalar) % ORDER).to_bytes(32, "little")


def _decode_public(encoded: bytes) -> Affine:
    """RFC 8032 §5.1.3."""
    if len(encoded) != 32:
        raise DecodeError(f"Ed25519 public key: {len(encoded)} octets, 32 wanted")
    value = int.from_bytes(encoded, "little")
    sign, y = value >> 255, value & (2**255 - 1)
    x = _kernel.recover_x(y, sign) if y < P else None
    if x is None:
        raise DecodeError("Ed25519 public key: not the form of a point")
    return x, y


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is the key's for the message.  RFC 8032 §5.1.7.

    Args:
      public:  32 octets.
    Returns: False for a signature of another length than 64 octets, S out of range, or wrong.
    Raises:  DecodeError for a public key that is not a point in canonical form.
    Timing:  variable, all arguments are public.
    """
    public, message, signature = octets(public), octets(message), octets(signature)
    x, y = _decode_public(public)
    encoded, s = signature[:32], int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        return False
    k = _h(encoded, public, message) % ORDER
    return _encode(_kernel.combination(s, k, (P - x, y))) == encoded
