# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The secret half of a key as a few octets, for memory that is guarded, and signatures right from these octets.

    P-256, P-384   scalar, in as many octets as a coordinate has
    Ed25519        a (32, little-endian) ‖ prefix (32): SHA-512 of the private key, as `ed25519.expand` makes it
    RSA            d ‖ p ‖ q, each in as many octets as the modulus has

This is no format for files: there PKCS #8 stands.  Reading PKCS #8 computes the public key, which costs as much as a signature with a
curve; from these octets the key is there after a few microseconds, for RSA after a check that d, p and q belong together.

Known limitation: the object made of the octets, its integers and what is computed with them lie in Python's memory while a signature is
made, and their remains until that memory is used again.
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError, UsageError
from sws.crypto import ed25519
from sws.crypto.curves import curve_named
from sws.crypto.keys.public import PublicKey
from sws.crypto.keys.schemes import ReadyKey, SigningKey, find_scheme, schemes_of, sign_with
from sws.crypto.rsa_keys import RsaPrivateKey, RsaPublicKey
from sws.crypto.system import Entropy, system_entropy
from sws.crypto.weierstrass import EcPrivateKey

__all__ = ["pack_secret", "sign_packed"]

_ED25519_OCTETS: Final = 64


def pack_secret(key: SigningKey) -> bytearray:
    """The octets; SECRET, and the caller's to overwrite."""
    ready = key.prepared
    if isinstance(ready, EcPrivateKey):
        return bytearray(ready.scalar)
    if isinstance(ready, RsaPrivateKey):
        return bytearray().join(number.to_bytes(ready.octets, "big") for number in (ready.d, ready.p, ready.q))
    return bytearray(ready.scalar.to_bytes(32, "little") + ready.prefix)


def sign_packed(public: PublicKey, secret: bytes | bytearray, scheme: str, message: bytes, entropy: Entropy = system_entropy) -> bytes:
    """A signature, as `SigningKey.sign` makes it.

    Args:
      public:  of the key.
      secret:  of `pack_secret`; SECRET.
      scheme:  a name out of `schemes_of(public)`.
    Raises: UsageError for a scheme that is not the key's; DecodeError for octets that are no such key's.
    Timing: as the primitive says; what RSA's check computes depends on the key alone.
    """
    if scheme not in schemes_of(public):
        raise UsageError(f"a key of {public.algorithm} does not sign by {scheme!r}")
    return sign_with(_unpack(public, secret), find_scheme(scheme), message, entropy)


def _unpack(public: PublicKey, secret: bytes | bytearray) -> ReadyKey:
    key = public.key
    if isinstance(key, RsaPublicKey):
        if len(secret) != 3 * key.octets:
            raise DecodeError("a packed RSA key: not three numbers of the modulus's length")
        d, p, q = (int.from_bytes(secret[at : at + key.octets], "big") for at in range(0, len(secret), key.octets))
        return RsaPrivateKey(key.n, key.e, d, p, q)
    if public.algorithm == "Ed25519":
        if len(secret) != _ED25519_OCTETS:
            raise DecodeError(f"a packed Ed25519 key: {len(secret)} octets, {_ED25519_OCTETS} wanted")
        return ed25519.SigningKey(int.from_bytes(secret[:32], "little"), bytes(secret[32:]), key)
    return EcPrivateKey(curve_named(public.algorithm).name, bytes(secret))
