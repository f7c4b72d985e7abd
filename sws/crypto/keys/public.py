# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Public keys: SubjectPublicKeyInfo.  RFC 5280 §4.1.2.7; RSA RFC 3279 §2.3.1, RFC 4055 §1.2; EC RFC 5480 §2; Ed25519, X25519 RFC 8410.

SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }

RSA       rsaEncryption, NULL                 RSAPublicKey ::= SEQUENCE { modulus, publicExponent }
RSA-PSS   id-RSASSA-PSS [, parameters]        the same
P-256 …   id-ecPublicKey, the curve's name    04 ‖ x ‖ y, or 02/03 ‖ x, which is decompressed
Ed25519, X25519: no parameters                32 octets
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from sws.base.errors import DecodeError, UsageError
from sws.crypto.asn1 import writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.curves import P256, P384, Curve
from sws.crypto.keys import algorithms
from sws.crypto.keys.algorithms import Algorithm, PssParameters, decode_pss, encode_pss, read_algorithm
from sws.crypto.pem import decode_pem, is_pem
from sws.crypto.rsa_keys import RsaPublicKey
from sws.crypto.weierstrass import decode_point

__all__ = [
    "CURVE_OIDS",
    "RAW_OIDS",
    "PublicKey",
    "decode_rsa_public",
    "encode_point_spki",
    "encode_raw_spki",
    "encode_rsa_public",
    "encode_rsa_spki",
    "load_public_key",
    "read_public_key",
]

CURVE_OIDS: Final = {algorithms.P256: P256, algorithms.P384: P384}
_CURVE_BY_NAME: Final = {"P-256": algorithms.P256, "P-384": algorithms.P384}
RAW_OIDS: Final = {algorithms.X25519: "X25519", algorithms.ED25519: "Ed25519"}
_RAW_BY_NAME: Final = {name: oid for oid, name in RAW_OIDS.items()}
_RAW_OCTETS: Final = 32


@final
@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that we can use.

    Attributes:
      algorithm:  "RSA", "RSA-PSS", "P-256", "P-384", "Ed25519" or "X25519".
      key:        RsaPublicKey for the first two; the point 04 ‖ x ‖ y; 32 octets.
      spki:       the SubjectPublicKeyInfo that it was read from, or is written as.
      pss:        what an RSA-PSS key is restricted to; None: nothing.
    """

    algorithm: str
    key: RsaPublicKey | bytes
    spki: bytes = field(repr=False)
    pss: PssParameters | None = None

    @property
    def bits(self) -> int:
        """Of the modulus, or of the curve's field."""
        if isinstance(self.key, RsaPublicKey):
            return self.key.n.bit_length()
        return {"P-256": 256, "P-384": 384}.get(self.algorithm, 255)


def load_public_key(pem_or_der: bytes | str) -> PublicKey:
    """A public key from SubjectPublicKeyInfo in DER, or in PEM as "PUBLIC KEY"; also PKCS #1 in PEM, "RSA PUBLIC KEY".

    Raises: DecodeError for anything else, LimitExceeded for too much.
    """
    data = pem_or_der.encode() if isinstance(pem_or_der, str) else bytes(pem_or_der)
    if is_pem(data):
        for block in decode_pem(data):
            if block.label == "PUBLIC KEY":
                return load_public_key(block.der)
            if block.label == "RSA PUBLIC KEY":
                return PublicKey("RSA", decode_rsa_public(block.der), encode_rsa_spki(decode_rsa_public(block.der)))
        raise DecodeError("PEM without a public key")
    reader = DerReader(data)
    key = read_public_key(reader)
    reader.finish("SubjectPublicKeyInfo")
    return key


def read_public_key(outer: DerReader) -> PublicKey:
    """The SubjectPublicKeyInfo that comes next.  Raises: DecodeError, also for algorithms that we do not have."""
    what = "SubjectPublicKeyInfo"
    begin = outer.at
    reader = outer.sequence(what)
    algorithm = read_algorithm(reader, what)
    octets = reader.whole_bits(what)
    reader.finish(what)
    spki = outer.data[begin : outer.at]
    if algorithm.oid == algorithms.EC:
        curve = _named_curve(algorithm)
        return PublicKey(curve.name, _decode_curve_point(curve, octets), spki)
    if algorithm.oid == algorithms.RSA:
        if algorithm.parameters != writer.NULL:
            raise DecodeError("RSA public key: the parameters are not NULL", begin)
        return PublicKey("RSA", decode_rsa_public(octets), spki)
    if algorithm.oid == algorithms.RSA_PSS:
        pss = None if algorithm.parameters is None else decode_pss(algorithm.parameters)
        return PublicKey("RSA-PSS", decode_rsa_public(octets), spki, pss)
    name = RAW_OIDS.get(algorithm.oid)
    if name is None:
        raise DecodeError(f"public key: {algorithm.oid} is no algorithm that we have", begin)
    if algorithm.parameters is not None or len(octets) != _RAW_OCTETS:
        raise DecodeError(f"{name} public key: parameters, or not {_RAW_OCTETS} octets", begin)
    return PublicKey(name, octets, spki)


def _named_curve(algorithm: Algorithm) -> Curve:
    """The curve that the parameters of id-ecPublicKey name.  RFC 5480 §2.1.1: named, never spelled out."""
    reader = DerReader(algorithm.parameters or b"")
    oid = reader.oid("EC public key: the curve's name")
    reader.finish("EC public key")
    curve = CURVE_OIDS.get(oid)
    if curve is None:
        raise DecodeError(f"EC public key: {oid} is no curve that we have")
    return curve


def _decode_curve_point(curve: Curve, octets: bytes) -> bytes:
    """04 ‖ x ‖ y of the curve, checked to be on it; the compressed form is taken too.  SEC 1 §2.3.4"""
    if octets[:1] in (b"\x02", b"\x03") and len(octets) == 1 + curve.octets:
        octets = _decompress(curve, octets)
    found, _ = decode_point(octets)
    if found is not curve:
        raise DecodeError(f"EC public key: a point of another curve than {curve.name}")
    return octets


def _decompress(curve: Curve, octets: bytes) -> bytes:
    """Both primes are 3 modulo 4, so that a square root is one power."""
    p = curve.p
    x = int.from_bytes(octets[1:], "big")
    y = pow(x * x * x - 3 * x + curve.b, (p + 1) // 4, p)
    if y & 1 != octets[0] & 1:
        y = (p - y) % p
    return b"\x04" + octets[1:] + y.to_bytes(curve.octets, "big")


def decode_rsa_public(der: bytes) -> RsaPublicKey:
    """RSAPublicKey.  RFC 8017 §A.1.1.  Raises: DecodeError, also for numbers out of the bounds of `RsaPublicKey`."""
    outer = DerReader(der)
    reader = outer.sequence("RSAPublicKey")
    n, e = reader.natural("modulus"), reader.natural("publicExponent")
    reader.finish("RSAPublicKey")
    outer.finish("RSAPublicKey")
    return RsaPublicKey(n, e)


def encode_rsa_public(key: RsaPublicKey) -> bytes:
    """RSAPublicKey."""
    return writer.sequence(writer.integer(key.n), writer.integer(key.e))


def encode_rsa_spki(key: RsaPublicKey, algorithm: str = "RSA", pss: PssParameters | None = None) -> bytes:
    """SubjectPublicKeyInfo of an RSA key.  Raises: UsageError for an algorithm other than "RSA" and "RSA-PSS"."""
    if algorithm == "RSA":
        identifier = Algorithm(algorithms.RSA, writer.NULL)
    elif algorithm == "RSA-PSS":
        identifier = Algorithm(algorithms.RSA_PSS, None if pss is None else encode_pss(pss))
    else:
        raise UsageError(f"{algorithm} is not RSA")
    return writer.sequence(identifier.encode(), writer.bit_string(encode_rsa_public(key)))


def curve_algorithm(curve: str) -> Algorithm:
    """id-ecPublicKey with the curve's name.  Raises: UsageError for a curve that we do not have."""
    oid = _CURVE_BY_NAME.get(curve)
    if oid is None:
        raise UsageError(f"curve {curve!r}: P-256 or P-384 wanted")
    return Algorithm(algorithms.EC, writer.oid(oid))


def raw_algorithm(name: str) -> Algorithm:
    """The identifier of "Ed25519" or "X25519".  Raises: UsageError for another name."""
    oid = _RAW_BY_NAME.get(name)
    if oid is None:
        raise UsageError(f"{name!r}: Ed25519 or X25519 wanted")
    return Algorithm(oid)


def encode_point_spki(curve: str, point: bytes) -> bytes:
    """SubjectPublicKeyInfo of a point 04 ‖ x ‖ y."""
    return writer.sequence(curve_algorithm(curve).encode(), writer.bit_string(point))


def encode_raw_spki(name: str, octets: bytes) -> bytes:
    """SubjectPublicKeyInfo of an Ed25519 or X25519 key."""
    return writer.sequence(raw_algorithm(name).encode(), writer.bit_string(octets))
