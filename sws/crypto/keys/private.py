# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Private keys: PKCS #8 (RFC 5958), SEC 1 (RFC 5915), PKCS #1 (RFC 8017 §A.1.2), curves of RFC 8410; in DER or PEM.

    OneAsymmetricKey ::= SEQUENCE { version, algorithm, privateKey OCTET STRING, [0] attributes OPTIONAL, [1] publicKey OPTIONAL }

`privateKey` holds RSAPrivateKey, ECPrivateKey, or an OCTET STRING of 32 octets.  What is redundant in these forms (the CRT numbers of
RSA, public keys) must agree with the rest.  An encrypted key, EncryptedPrivateKeyInfo, is `pbes2`'s.

Timing: reading and writing keys takes time that depends on their numbers' lengths and, by Python's integers, on their values; done once
per key, where no peer can choose anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from sws.base.errors import DecodeError, UsageError
from sws.crypto import ed25519, weierstrass, x25519
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.curves import Curve
from sws.crypto.keys import algorithms
from sws.crypto.keys.algorithms import Algorithm, PssParameters, decode_pss, encode_pss, read_algorithm
from sws.crypto.keys.public import (
    CURVE_OIDS,
    RAW_OIDS,
    PublicKey,
    curve_algorithm,
    encode_point_spki,
    encode_raw_spki,
    encode_rsa_public,
    encode_rsa_spki,
    raw_algorithm,
)
from sws.crypto.pem import decode_pem, encode_pem, is_pem
from sws.crypto.rsa_keys import RsaPrivateKey
from sws.crypto.system import Entropy, system_entropy
from sws.crypto.weierstrass import EcPrivateKey

__all__ = ["PrivateKey", "generate_private_key", "load_private_key"]

_LABELS: Final = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")
_WHAT: Final = "PKCS #8"


@final
@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key, with its public half.

    Attributes:
      algorithm:  as of `PublicKey`.
      key:        RsaPrivateKey, EcPrivateKey or 32 octets; SECRET.
      public:     the public key.
    """

    algorithm: str
    key: RsaPrivateKey | EcPrivateKey | bytes = field(repr=False)
    public: PublicKey

    @classmethod
    def of(cls, algorithm: str, key: RsaPrivateKey | EcPrivateKey | bytes, pss: PssParameters | None = None) -> PrivateKey:
        """Computes the public half.  Raises: UsageError for a key that is not of the algorithm."""
        if isinstance(key, RsaPrivateKey):
            return cls(algorithm, key, PublicKey(algorithm, key.public, encode_rsa_spki(key.public, algorithm, pss), pss))
        if isinstance(key, EcPrivateKey):
            if key.curve != algorithm:
                raise UsageError(f"a key of {key.curve} for {algorithm}")
            point = weierstrass.public(key)
            return cls(algorithm, key, PublicKey(algorithm, point, encode_point_spki(algorithm, point)))
        spki_of = {"Ed25519": ed25519.public, "X25519": x25519.public}
        if algorithm not in spki_of:
            raise UsageError(f"octets are no key of {algorithm!r}")
        public = spki_of[algorithm](key)
        return cls(algorithm, key, PublicKey(algorithm, public, encode_raw_spki(algorithm, public)))

    def to_der(self) -> bytes:
        """PKCS #8, PrivateKeyInfo; SECRET."""
        if isinstance(self.key, RsaPrivateKey):
            parameters = writer.NULL if self.algorithm == "RSA" else None if self.public.pss is None else encode_pss(self.public.pss)
            identifier = Algorithm(algorithms.RSA if self.algorithm == "RSA" else algorithms.RSA_PSS, parameters)
            inner = _encode_pkcs1(self.key)
        elif isinstance(self.key, EcPrivateKey):
            identifier = curve_algorithm(self.algorithm)
            inner = self._encode_sec1(self.key, with_curve=False)
        else:
            identifier = raw_algorithm(self.algorithm)
            inner = writer.octet_string(self.key)
        return writer.sequence(writer.integer(0), identifier.encode(), writer.octet_string(inner))

    def to_pem(self) -> str:
        """PKCS #8 in PEM; SECRET."""
        return encode_pem("PRIVATE KEY", self.to_der())

    def to_traditional_pem(self) -> str:
        """SEC 1 ("EC PRIVATE KEY") or PKCS #1 ("RSA PRIVATE KEY"); SECRET.  Raises: UsageError for keys that have no such form."""
        if isinstance(self.key, EcPrivateKey):
            return encode_pem("EC PRIVATE KEY", self._encode_sec1(self.key, with_curve=True))
        if isinstance(self.key, RsaPrivateKey) and self.algorithm == "RSA":
            return encode_pem("RSA PRIVATE KEY", _encode_pkcs1(self.key))
        raise UsageError(f"{self.algorithm} keys are written as PKCS #8 only")

    def _encode_sec1(self, key: EcPrivateKey, *, with_curve: bool) -> bytes:
        """ECPrivateKey.  RFC 5915 §3."""
        curve = writer.explicit(0, curve_algorithm(key.curve).parameters or b"") if with_curve else b""
        point = self.public.key
        assert isinstance(point, bytes)
        public = writer.explicit(1, writer.bit_string(point))
        return writer.sequence(writer.integer(1), writer.octet_string(key.scalar), curve, public)


def generate_private_key(algorithm: str, *, bits: int = 2048, entropy: Entropy = system_entropy) -> PrivateKey:
    """A new key.

    Args:
      algorithm:  as of `PublicKey`.
      bits:       of an RSA modulus.
    Raises: UsageError for an algorithm or a size that we do not have.
    """
    if algorithm in ("RSA", "RSA-PSS"):
        from sws.crypto.rsa_keys import generate

        return PrivateKey.of(algorithm, generate(bits, entropy=entropy))
    if algorithm in ("P-256", "P-384"):
        return PrivateKey.of(algorithm, weierstrass.generate(algorithm, entropy))
    return PrivateKey.of(algorithm, entropy(32))


def load_private_key(pem_or_der: bytes | str, password: bytes | str | None = None) -> PrivateKey:
    """A private key in any of the forms above.

    Args:
      pem_or_der:  of PEM the first private key, whatever else stands there; SECRET.
      password:    for an encrypted key; SECRET.
    Raises: DecodeError for what is no key, does not fit together, or is encrypted and no password, or a wrong one, is given; LimitExceeded.
    """
    data = pem_or_der.encode() if isinstance(pem_or_der, str) else bytes(pem_or_der)
    if not is_pem(data):
        return _from_der(data, password)
    for block in decode_pem(data):
        if block.label == "EC PRIVATE KEY":
            return _decode_sec1(block.der, None)
        if block.label == "RSA PRIVATE KEY":
            return PrivateKey.of("RSA", _decode_pkcs1(block.der))
        if block.label in _LABELS:
            return _from_der(block.der, password)
    raise DecodeError("PEM without a private key")


def _from_der(der: bytes, password: bytes | str | None) -> PrivateKey:
    """Which of the forms it is shows in the first two elements."""
    outer = DerReader(der)
    reader = outer.sequence(_WHAT)
    outer.finish(_WHAT)
    if reader.tag == tags.SEQUENCE:
        from sws.crypto.keys.pbes2 import decrypt

        if password is None:
            raise DecodeError("an encrypted private key, and no password")
        return _from_der(decrypt(der, password.encode() if isinstance(password, str) else password), None)
    version_at, version = reader.at, reader.natural(_WHAT)
    if reader.tag == tags.OCTET_STRING:
        return _decode_sec1(der, None)
    if reader.tag == tags.INTEGER:
        return PrivateKey.of("RSA", _decode_pkcs1(der))
    if version > 1:
        raise DecodeError(f"{_WHAT}: version {version}", version_at)
    return _decode_pkcs8(reader, version)


def _decode_pkcs8(reader: DerReader, version: int) -> PrivateKey:
    algorithm = read_algorithm(reader, _WHAT)
    inner = reader.octet_string(_WHAT)
    if reader.tag == tags.constructed(0):
        reader.any("attributes")  # nothing that we could use is ever there
    public = reader.whole_bits("publicKey", tags.context(1)) if version == 1 and reader.tag == tags.context(1) else None
    reader.finish(_WHAT)
    key = _decode_inner(algorithm, inner)
    if public is not None and public != _public_octets(key.public):
        raise DecodeError(f"{_WHAT}: a public key that is not the private one's")
    return key


def _public_octets(public: PublicKey) -> bytes:
    return public.key if isinstance(public.key, bytes) else encode_rsa_public(public.key)


def _decode_inner(algorithm: Algorithm, inner: bytes) -> PrivateKey:
    if algorithm.oid == algorithms.RSA:
        if algorithm.parameters != writer.NULL:
            raise DecodeError(f"{_WHAT}: RSA parameters that are not NULL")
        return PrivateKey.of("RSA", _decode_pkcs1(inner))
    if algorithm.oid == algorithms.RSA_PSS:
        pss = None if algorithm.parameters is None else decode_pss(algorithm.parameters)
        return PrivateKey.of("RSA-PSS", _decode_pkcs1(inner), pss)
    if algorithm.oid == algorithms.EC:
        named = DerReader(algorithm.parameters or b"")
        curve = _curve(named)
        named.finish(_WHAT)
        return _decode_sec1(inner, curve)
    name = RAW_OIDS.get(algorithm.oid)
    if name is None:
        raise DecodeError(f"private key: {algorithm.oid} is no algorithm that we have")
    reader = DerReader(inner)
    octets = reader.octet_string(name)
    reader.finish(name)
    if algorithm.parameters is not None or len(octets) != 32:
        raise DecodeError(f"{name} private key: parameters, or not 32 octets")
    return PrivateKey.of(name, octets)


def _curve(reader: DerReader) -> Curve:
    oid = reader.oid("EC private key: the curve's name")
    if oid not in CURVE_OIDS:
        raise DecodeError(f"EC private key: {oid} is no curve that we have")
    return CURVE_OIDS[oid]


def _decode_sec1(der: bytes, expected: Curve | None) -> PrivateKey:
    """ECPrivateKey ::= SEQUENCE { 1, privateKey OCTET STRING, [0] parameters OPTIONAL, [1] publicKey OPTIONAL }.  RFC 5915 §3."""
    what = "ECPrivateKey"
    outer = DerReader(der)
    reader = outer.sequence(what)
    outer.finish(what)
    if reader.integer(what) != 1:
        raise DecodeError(f"{what}: a version that is not 1")
    scalar = reader.octet_string(what)
    curve = expected
    if (inner := reader.optional(tags.constructed(0), what)) is not None:
        curve = _curve(inner)
        inner.finish(what)
        if expected is not None and curve is not expected:
            raise DecodeError(f"{what}: two curves")
    if curve is None:
        raise DecodeError(f"{what}: no curve")
    public = None
    if (inner := reader.optional(tags.constructed(1), what)) is not None:
        public = inner.whole_bits(what)
        inner.finish(what)
    reader.finish(what)
    key = PrivateKey.of(curve.name, EcPrivateKey(curve.name, scalar))
    if public is not None and public not in (key.public.key, _compressed(key.public)):
        raise DecodeError(f"{what}: a public key that is not the private one's")
    return key


def _compressed(public: PublicKey) -> bytes:
    """02 or 03 ‖ x."""
    assert isinstance(public.key, bytes)
    return bytes((2 | public.key[-1] & 1,)) + public.key[1 : len(public.key) // 2 + 1]


def _decode_pkcs1(der: bytes) -> RsaPrivateKey:
    """RSAPrivateKey ::= SEQUENCE { 0, n, e, d, p, q, d mod p − 1, d mod q − 1, 1/q mod p }.  RFC 8017 §A.1.2."""
    what = "RSAPrivateKey"
    outer = DerReader(der)
    reader = outer.sequence(what)
    outer.finish(what)
    if reader.integer(what) != 0:
        raise DecodeError(f"{what}: a version that is not 0; keys of more than two primes are not supported")
    n, e, d, p, q, dp, dq, q_inv = (reader.natural(what) for _ in range(8))
    reader.finish(what)
    key = RsaPrivateKey(n, e, d, p, q)
    if (dp, dq, q_inv) != (key.dp, key.dq, key.q_inv):
        raise DecodeError(f"{what}: exponents that are not those of the primes")
    return key


def _encode_pkcs1(key: RsaPrivateKey) -> bytes:
    numbers = (0, key.n, key.e, key.d, key.p, key.q, key.dp, key.dq, key.q_inv)
    return writer.sequence(*map(writer.integer, numbers))
