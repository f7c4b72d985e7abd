# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signature schemes by their names in TLS, and the same signatures as certificates name them.  RFC 9846 §4.3.3; RFC 5758, 4055, 8410, 8017.

A scheme fixes key, padding and hash together.  Certificates name a hash and let the key say the rest: ECDSA with SHA-256 may be by a
P-384 key there, which no scheme of TLS 1.3 is.
"""

from __future__ import annotations

from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError, UsageError
from sws.crypto import ecdsa, ed25519, rsa
from sws.crypto.asn1 import writer
from sws.crypto.hashes import find_hash
from sws.crypto.keys import algorithms
from sws.crypto.keys.algorithms import Algorithm, PssParameters, decode_pss, encode_pss, is_null_or_absent
from sws.crypto.keys.private import PrivateKey, load_private_key
from sws.crypto.keys.public import PublicKey, load_public_key
from sws.crypto.rsa_keys import RsaPrivateKey, RsaPublicKey
from sws.crypto.system import Entropy, system_entropy
from sws.crypto.weierstrass import EcPrivateKey

__all__ = [
    "SCHEMES",
    "ReadyKey",
    "Scheme",
    "SignatureAlgorithm",
    "SigningKey",
    "algorithm_of_scheme",
    "find_signature_algorithm",
    "schemes_of",
    "sign_with",
    "verify_by_algorithm",
    "verify_signature",
]


ReadyKey = RsaPrivateKey | EcPrivateKey | ed25519.SigningKey
"""A private key as its primitive signs with it."""


@final
class Scheme(NamedTuple):
    """What a SignatureScheme stands for.

    Attributes:
      algorithm:  of the key, as in `PublicKey`.
      padding:    "pkcs1", "pss", or "" where there is none.
      hash_name:  as `sws.crypto.hashes` knows it; "" for Ed25519.
    """

    algorithm: str
    padding: str
    hash_name: str


SCHEMES: Final = {
    "ecdsa_secp256r1_sha256": Scheme("P-256", "", "sha256"),
    "ecdsa_secp384r1_sha384": Scheme("P-384", "", "sha384"),
    "ed25519": Scheme("Ed25519", "", ""),
    "rsa_pss_rsae_sha256": Scheme("RSA", "pss", "sha256"),
    "rsa_pss_rsae_sha384": Scheme("RSA", "pss", "sha384"),
    "rsa_pss_rsae_sha512": Scheme("RSA", "pss", "sha512"),
    "rsa_pss_pss_sha256": Scheme("RSA-PSS", "pss", "sha256"),
    "rsa_pss_pss_sha384": Scheme("RSA-PSS", "pss", "sha384"),
    "rsa_pss_pss_sha512": Scheme("RSA-PSS", "pss", "sha512"),
    "rsa_pkcs1_sha256": Scheme("RSA", "pkcs1", "sha256"),
    "rsa_pkcs1_sha384": Scheme("RSA", "pkcs1", "sha384"),
    "rsa_pkcs1_sha512": Scheme("RSA", "pkcs1", "sha512"),
}
"""By name, best first of those that one key can have.  Schemes with SHA-1 are left out: nobody may sign or verify with them."""


def find_scheme(name: str) -> Scheme:
    """The scheme of a name.  Raises: UsageError if we have none of it."""
    scheme = SCHEMES.get(name)
    if scheme is None:
        raise UsageError(f"no signature scheme {name!r}, only {', '.join(SCHEMES)}")
    return scheme


def _fits(public: PublicKey, scheme: Scheme) -> bool:
    """Whether a key may be used with a scheme: its algorithm, its own restriction (RFC 4055 §3.3), and room for digest and salt."""
    if public.algorithm != scheme.algorithm:
        return False
    size = find_hash(scheme.hash_name).digest_size if scheme.padding == "pss" else 0
    if size and public.bits - 1 < 8 * (2 * size + 2) - 7:
        return False
    return public.pss is None or public.pss == PssParameters(scheme.hash_name, scheme.hash_name, size)


def schemes_of(public: PublicKey) -> tuple[str, ...]:
    """Names of the schemes that a key can sign with, best first; none for X25519."""
    return tuple(name for name, scheme in SCHEMES.items() if _fits(public, scheme))


@final
class SigningKey:
    """A private key that signs, made ready once for many signatures.

    Attributes:
      algorithm:    as of `PublicKey`.
      public:       the public key.
      public_spki:  its SubjectPublicKeyInfo.
      schemes:      what it can sign with, best first.
    """

    __slots__ = ("_key", "algorithm", "public", "public_spki", "schemes")

    def __init__(self, key: PrivateKey) -> None:
        """Raises: UsageError for a key that cannot sign (X25519)."""
        self.algorithm = key.algorithm
        self.public = key.public
        self.public_spki = key.public.spki
        self.schemes = schemes_of(key.public)
        if not self.schemes:
            raise UsageError(f"a key of {key.algorithm} does not sign")
        self._key = ed25519.expand(key.key) if isinstance(key.key, bytes) else key.key

    @classmethod
    def load(cls, pem_or_der: bytes | str, password: bytes | str | None = None) -> SigningKey:
        """`load_private_key`, made ready.  Raises: DecodeError; UsageError for a key that cannot sign."""
        return cls(load_private_key(pem_or_der, password))

    def sign(self, scheme: str, message: bytes, entropy: Entropy = system_entropy) -> bytes:
        """The signature of a message.

        Args:
          scheme:   a name out of `schemes`.
          message:  whole, not hashed.
          entropy:  of nonces, salts and masks.
        Raises: UsageError for a scheme that is not the key's.
        Timing: as the primitive says: `ecdsa.sign`, `ed25519.sign`, `rsa.sign_pss`.
        """
        if scheme not in self.schemes:
            raise UsageError(f"a key of {self.algorithm} does not sign by {scheme!r}")
        return sign_with(self._key, SCHEMES[scheme], message, entropy)

    @property
    def prepared(self) -> ReadyKey:
        """What the primitive signs with; SECRET."""
        return self._key

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm})"


def sign_with(key: ReadyKey, scheme: Scheme, message: bytes, entropy: Entropy) -> bytes:
    """A signature by a key and a scheme that go together.  Timing: as the primitive says."""
    if isinstance(key, EcPrivateKey):
        return ecdsa.sign(key, message, scheme.hash_name, entropy)
    if isinstance(key, RsaPrivateKey):
        by = rsa.sign_pss if scheme.padding == "pss" else rsa.sign_pkcs1
        return by(key, message, scheme.hash_name, entropy=entropy)
    return ed25519.sign(key, message, entropy)


def verify_signature(public: PublicKey | bytes, scheme: str, message: bytes, signature: bytes) -> bool:
    """Whether a signature is the key's for the message, by a scheme of TLS.

    Args:
      public:  the key, or its SubjectPublicKeyInfo.
      scheme:  a name out of SCHEMES.
    Returns: False also where the scheme does not go with the key, and for a key that is none.
    Raises:  UsageError for a scheme that we do not have.
    Timing:  variable, all arguments are public.
    """
    wanted = find_scheme(scheme)
    if isinstance(public, bytes):
        try:
            public = load_public_key(public)
        except DecodeError:
            return False
    if not _fits(public, wanted):
        return False
    salt = find_hash(wanted.hash_name).digest_size if wanted.padding == "pss" else 0
    return _verify(public, SignatureAlgorithm(wanted.padding, wanted.hash_name, wanted.hash_name, salt), message, signature)


# --- as certificates have it ----------------------------------------------------------------------------------------------


@final
class SignatureAlgorithm(NamedTuple):
    """What the AlgorithmIdentifier of a signature stands for.

    Attributes:
      kind:           "pkcs1", "pss", "ecdsa" or "ed25519"; "" as "ecdsa" or "ed25519", whichever the key is for.
      hash_name:      of the message.
      mgf_hash_name:  of MGF1.
      salt_octets:    of RSASSA-PSS.
    """

    kind: str
    hash_name: str
    mgf_hash_name: str = ""
    salt_octets: int = 0


_PKCS1: Final = {
    "1.2.840.113549.1.1.5": "sha1",
    "1.3.14.3.2.29": "sha1",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_ECDSA: Final = {
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_ED25519: Final = SignatureAlgorithm("ed25519", "")


def find_signature_algorithm(algorithm: Algorithm) -> SignatureAlgorithm:
    """What signature an AlgorithmIdentifier means.

    Raises: DecodeError for an algorithm that we do not have, and for parameters that it must not have.
    """
    oid = algorithm.oid
    if oid in _ECDSA:
        if algorithm.parameters is not None:  # RFC 5758 §3.2
            raise DecodeError("ECDSA: parameters where none belong")
        return SignatureAlgorithm("ecdsa", _ECDSA[oid])
    if oid in _PKCS1:
        if not is_null_or_absent(algorithm):  # RFC 4055 §5: NULL, and absence is to be accepted
            raise DecodeError("RSASSA-PKCS1-v1_5: parameters that are not NULL")
        return SignatureAlgorithm("pkcs1", _PKCS1[oid])
    if oid == algorithms.ED25519:
        if algorithm.parameters is not None:
            raise DecodeError("Ed25519: parameters where none belong")
        return _ED25519
    if oid == algorithms.RSA_PSS:
        if algorithm.parameters is None:
            raise DecodeError("RSASSA-PSS: no parameters")
        pss = decode_pss(algorithm.parameters)
        return SignatureAlgorithm("pss", pss.hash_name, pss.mgf_hash_name, pss.salt_octets)
    raise DecodeError(f"signature algorithm {oid} is none that we have")


def algorithm_of_scheme(scheme: str) -> Algorithm:
    """The AlgorithmIdentifier for a signature made by a scheme.  Raises: UsageError for a scheme that we do not have."""
    wanted = find_scheme(scheme)
    if wanted.padding == "pss":
        size = find_hash(wanted.hash_name).digest_size
        return Algorithm(algorithms.RSA_PSS, encode_pss(PssParameters(wanted.hash_name, wanted.hash_name, size)))
    if wanted.algorithm == "Ed25519":
        return Algorithm(algorithms.ED25519)
    table, parameters = (_PKCS1, writer.NULL) if wanted.padding else (_ECDSA, None)
    return Algorithm(next(oid for oid, hash_name in table.items() if hash_name == wanted.hash_name), parameters)


def verify_by_algorithm(public: PublicKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes) -> bool:
    """Whether a signature is the key's for the message, by the algorithm that a certificate, CRL or response names.

    Returns: False also where the algorithm does not go with the key.
    Timing:  variable, all arguments are public.
    """
    return _verify(public, algorithm, message, signature)


def _verify(public: PublicKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes) -> bool:
    key = public.key
    if isinstance(key, RsaPublicKey):
        if algorithm.kind == "pkcs1":
            return public.algorithm == "RSA" and rsa.verify_pkcs1(key, message, signature, algorithm.hash_name)
        if algorithm.kind != "pss" or not _within(public.pss, algorithm):
            return False
        return rsa.verify_pss(key, message, signature, algorithm.hash_name, algorithm.salt_octets, algorithm.mgf_hash_name)
    if public.algorithm == "Ed25519":
        if algorithm.kind not in ("ed25519", ""):
            return False
        try:
            return ed25519.verify(key, message, signature)
        except DecodeError:
            return False
    return public.algorithm != "X25519" and algorithm.kind in ("ecdsa", "") and ecdsa.verify(key, message, signature, algorithm.hash_name)


def _within(restriction: PssParameters | None, algorithm: SignatureAlgorithm) -> bool:
    """RFC 4055 §3.3: the same hash and mask, and at least as much salt."""
    return restriction is None or (
        restriction[:2] == (algorithm.hash_name, algorithm.mgf_hash_name) and algorithm.salt_octets >= restriction.salt_octets
    )
