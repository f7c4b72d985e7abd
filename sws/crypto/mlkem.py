# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ML-KEM-768: a key that two parties agree on, against quantum computers too.  FIPS 203 §6, §7.

    (public, private)  = generate()
    (secret, ciphertext) = encapsulate(public)          the other side: secret is K, 32 octets, ciphertext is c, in the order of FIPS 203
    secret             = decapsulate(private, ciphertext)

    public     encapsulation key, 1184 octets
    private    decapsulation key in the expanded form of FIPS 203, 2400 octets; `from_seed` makes it from its 64-octet seed d | z
    ciphertext 1088 octets

How it becomes safe against chosen ciphertexts: the randomness of the encryption is derived from the encrypted message, so decapsulation
can encrypt again and compare.  If that fails, the answer is a key made of the ciphertext and of a secret z, so nobody learns that it
failed (implicit rejection).

Invariants: every coefficient of an encapsulation key that is used is below q; a decapsulation key that is used contains the hash of its
encapsulation key.

Timing: the matrix A and the check of the encapsulation key are public and take variable time.  Everything else depends on lengths only,
down to the Python-integer caveat; the kernels say more.
"""

from __future__ import annotations

import sys
from typing import Final, Protocol

from sws.base.errors import DecodeError
from sws.crypto.constant_time import equal
from sws.crypto.octets import octets
from sws.crypto.selection import IS_PYPY, Kernel, choose
from sws.crypto.sha3 import sha3_256, sha3_512, shake256
from sws.crypto.system import Entropy, system_entropy

__all__ = [
    "CIPHERTEXT_OCTETS",
    "PRIVATE_OCTETS",
    "PUBLIC_OCTETS",
    "SECRET_OCTETS",
    "SEED_OCTETS",
    "decapsulate",
    "encapsulate",
    "from_seed",
    "generate",
]

PUBLIC_OCTETS: Final = 1184
PRIVATE_OCTETS: Final = 2400
CIPHERTEXT_OCTETS: Final = 1088
SECRET_OCTETS: Final = 32
SEED_OCTETS: Final = 64

_PKE_PRIVATE_OCTETS: Final = 1152
_PUBLIC_END: Final = _PKE_PRIVATE_OCTETS + PUBLIC_OCTETS
_HASH_END: Final = _PUBLIC_END + 32


class Pke(Protocol):
    """K-PKE, the encryption within (FIPS 203 §5): what a kernel has.  `sws.crypto.ref.mlkem` says what each one does."""

    def is_reduced(self, encapsulation_key: bytes, /) -> bool:
        """Modulus check of §7.2."""

    def generate(self, d: bytes, /) -> tuple[bytes, bytes]:
        """Encryption key, decryption key."""

    def encrypt(self, encryption_key: bytes, message: bytes, randomness: bytes, /) -> bytes:
        """Ciphertext."""

    def decrypt(self, decryption_key: bytes, ciphertext: bytes, /) -> bytes:
        """Message."""


def _lanes() -> Pke:
    from sws.crypto.kernels import mlkem_lanes

    return mlkem_lanes


def _loops() -> Pke:
    from sws.crypto.kernels import mlkem_loops

    return mlkem_loops


def _ref() -> Pke:
    from sws.crypto.ref import mlkem

    return mlkem


_lanes_work: Final = not IS_PYPY and sys.byteorder == "little"
_pke: Final = choose("mlkem", [Kernel("lanes", _lanes, usable=_lanes_work), Kernel("scalar", _loops), Kernel("ref", _ref)])


def generate(entropy: Entropy = system_entropy) -> tuple[bytes, bytes]:
    """A new key pair.  FIPS 203 §7.1, Algorithm 19.

    Args:
      entropy:  is asked for 64 octets: d | z.
    Returns: encapsulation key (public), decapsulation key (SECRET).
    """
    return from_seed(entropy(SEED_OCTETS))


def from_seed(seed: bytes) -> tuple[bytes, bytes]:
    """The key pair of a seed.  FIPS 203 §6.1, Algorithm 16.

    Args:
      seed:  d | z, 64 octets; SECRET.
    Returns: encapsulation key (public), decapsulation key (SECRET).
    Raises:  DecodeError for another length.
    """
    return _from_seed(_pke, seed)


def _from_seed(pke: Pke, seed: bytes) -> tuple[bytes, bytes]:
    seed = octets(seed)
    if len(seed) != SEED_OCTETS:
        raise DecodeError(f"an ML-KEM-768 seed of {len(seed)} octets, not {SEED_OCTETS}")
    public, secret = pke.generate(seed[:32])
    return public, secret + public + sha3_256(public) + seed[32:]


def encapsulate(public: bytes, entropy: Entropy = system_entropy) -> tuple[bytes, bytes]:
    """A new shared secret for the owner of a key.  FIPS 203 §7.2, Algorithm 20.

    Args:
      public:   the encapsulation key.
      entropy:  is asked for 32 octets.
    Returns: the shared secret (32 octets, SECRET) and the ciphertext.
    Raises:  DecodeError for a key of another length, or with a coefficient not below q.
    """
    return _encapsulate(_pke, public, entropy(32))


def _encapsulate(pke: Pke, public: bytes, message: bytes) -> tuple[bytes, bytes]:
    public = octets(public)
    if len(public) != PUBLIC_OCTETS:
        raise DecodeError(f"an ML-KEM-768 encapsulation key of {len(public)} octets, not {PUBLIC_OCTETS}")
    if not pke.is_reduced(public):
        raise DecodeError("an ML-KEM-768 encapsulation key with a coefficient that is not reduced")
    secret_and_randomness = sha3_512(message + sha3_256(public))
    return secret_and_randomness[:32], pke.encrypt(public, message, secret_and_randomness[32:])


def decapsulate(private: bytes, ciphertext: bytes) -> bytes:
    """The shared secret in a ciphertext.  FIPS 203 §7.3, Algorithm 21.

    Args:
      private:  the decapsulation key; SECRET.
    Returns: the shared secret, 32 octets; SECRET.  For a ciphertext that was not made for this key: 32 octets that nobody can predict.
    Raises:  DecodeError for a key or ciphertext of another length, or a key without the hash of its encapsulation key.
    Timing:  the same for good ciphertexts and others.
    """
    return _decapsulate(_pke, private, ciphertext)


def _decapsulate(pke: Pke, private: bytes, ciphertext: bytes) -> bytes:
    private, ciphertext = octets(private), octets(ciphertext)
    if len(ciphertext) != CIPHERTEXT_OCTETS:
        raise DecodeError(f"an ML-KEM-768 ciphertext of {len(ciphertext)} octets, not {CIPHERTEXT_OCTETS}")
    if len(private) != PRIVATE_OCTETS:
        raise DecodeError(f"an ML-KEM-768 decapsulation key of {len(private)} octets, not {PRIVATE_OCTETS}")
    public, public_hash, z = private[_PKE_PRIVATE_OCTETS:_PUBLIC_END], private[_PUBLIC_END:_HASH_END], private[_HASH_END:]
    if not equal(sha3_256(public), public_hash):
        raise DecodeError("an ML-KEM-768 decapsulation key without the hash of its encapsulation key", _PUBLIC_END)
    message = pke.decrypt(private[:_PKE_PRIVATE_OCTETS], ciphertext)
    secret_and_randomness = sha3_512(message + public_hash)
    rejection = shake256(z + ciphertext, 32)
    again = pke.encrypt(public, message, secret_and_randomness[32:])
    wrong = equal(again, ciphertext) - 1
    refused, shared = int.from_bytes(rejection, "big"), int.from_bytes(secret_and_randomness[:32], "big")
    return (shared ^ (shared ^ refused) & wrong).to_bytes(SECRET_OCTETS, "big")
