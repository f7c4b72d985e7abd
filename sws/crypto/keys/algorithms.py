# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AlgorithmIdentifier, and the parameters that RSASSA-PSS puts into it.  RFC 5280 §4.1.1.2, RFC 4055 §2 and §3.1.

AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY DEFINED BY algorithm OPTIONAL }

RSASSA-PSS-params ::= SEQUENCE { [0] hash DEFAULT SHA-1, [1] mask generation DEFAULT MGF1 with SHA-1,
                                 [2] length of the salt DEFAULT 20, [3] trailer DEFAULT 1 }
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar, final

from sws.base.errors import DecodeError
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader

__all__ = [
    "HASH_OIDS",
    "Algorithm",
    "PssParameters",
    "decode_hash",
    "decode_pss",
    "encode_hash",
    "encode_pss",
    "is_null_or_absent",
    "read_algorithm",
]

T = TypeVar("T")

RSA: Final = "1.2.840.113549.1.1.1"
RSA_PSS: Final = "1.2.840.113549.1.1.10"
MGF1: Final = "1.2.840.113549.1.1.8"
EC: Final = "1.2.840.10045.2.1"
P256: Final = "1.2.840.10045.3.1.7"
P384: Final = "1.3.132.0.34"
X25519: Final = "1.3.101.110"
ED25519: Final = "1.3.101.112"

HASH_OIDS: Final = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.7": "sha3_224",
    "2.16.840.1.101.3.4.2.8": "sha3_256",
    "2.16.840.1.101.3.4.2.9": "sha3_384",
    "2.16.840.1.101.3.4.2.10": "sha3_512",
}
"""Identifier to the name that `sws.crypto.hashes` knows.  RFC 5754 §2, RFC 8702 §2."""
_HASH_NAMES: Final = {name: oid for oid, name in HASH_OIDS.items()}
_SALT_MAXIMUM: Final = 1024


@final
class Algorithm(NamedTuple):
    """An algorithm with its parameters.

    Attributes:
      oid:         dotted.
      parameters:  the element whole, or None if there is none.
    """

    oid: str
    parameters: bytes | None = None

    def encode(self) -> bytes:
        """The AlgorithmIdentifier."""
        return writer.sequence(writer.oid(self.oid), self.parameters or b"")


@final
class PssParameters(NamedTuple):
    """RSASSA-PSS-params.  RFC 4055 §3.1.

    Attributes:
      hash_name, mgf_hash_name:  as `sws.crypto.hashes` knows them.
      salt_octets:               of a signature; in a key the least that a signature may have.
    """

    hash_name: str = "sha1"
    mgf_hash_name: str = "sha1"
    salt_octets: int = 20


def read_algorithm(reader: DerReader, what: str) -> Algorithm:
    """The AlgorithmIdentifier that comes next.  Raises: DecodeError."""
    inner = reader.sequence(what)
    oid = inner.oid(what)
    parameters = inner.any(what) if inner.at < inner.end else None
    inner.finish(what)
    return Algorithm(oid, parameters)


def is_null_or_absent(algorithm: Algorithm) -> bool:
    """Whether the parameters say nothing: NULL or none at all, between which RFC 4055 §2.1 makes no difference for hash functions."""
    return algorithm.parameters in (None, writer.NULL)


def decode_hash(algorithm: Algorithm, what: str) -> str:
    """The name of a hash function.  Raises: DecodeError for an unknown one, or one with parameters."""
    name = HASH_OIDS.get(algorithm.oid)
    if name is None or not is_null_or_absent(algorithm):
        raise DecodeError(f"{what}: an unknown hash function, {algorithm.oid}")
    return name


def encode_hash(hash_name: str, *, null: bool = True) -> Algorithm:
    """The identifier of a hash function.  RFC 4055 §2.1: with NULL where signatures are made."""
    return Algorithm(_HASH_NAMES[hash_name], writer.NULL if null else None)


def decode_pss(parameters: bytes) -> PssParameters:
    """The parameters of RSASSA-PSS.

    Raises: DecodeError for unknown functions, a default value that is written out, a trailer other than 1, or a salt without bounds.
    """
    what = "RSASSA-PSS parameters"
    outer = DerReader(parameters)
    reader = outer.sequence(what)
    outer.finish(what)
    default = PssParameters()
    hash_name, mgf_hash_name, salt = default
    if (inner := reader.optional(tags.constructed(0), what)) is not None:
        hash_name = _not_default(decode_hash(read_algorithm(inner, what), what), default.hash_name)
        inner.finish(what)
    if (inner := reader.optional(tags.constructed(1), what)) is not None:
        mgf_hash_name = _not_default(_decode_mgf1(read_algorithm(inner, what)), default.mgf_hash_name)
        inner.finish(what)
    if (inner := reader.optional(tags.constructed(2), what)) is not None:
        salt = _not_default(inner.natural(what), default.salt_octets)
        inner.finish(what)
    reader.finish(what)  # [3] would be the default, or a trailer that nobody has defined
    if salt > _SALT_MAXIMUM:
        raise DecodeError(f"{what}: a salt of {salt} octets")
    return PssParameters(hash_name, mgf_hash_name, salt)


def _not_default(value: T, default: T) -> T:
    if value == default:
        raise DecodeError("RSASSA-PSS parameters: a default value is written out")
    return value


def _decode_mgf1(algorithm: Algorithm) -> str:
    if algorithm.oid != MGF1 or algorithm.parameters is None:
        raise DecodeError("RSASSA-PSS parameters: a mask generation function that is not MGF1")
    reader = DerReader(algorithm.parameters)
    hash_name = decode_hash(read_algorithm(reader, "MGF1"), "MGF1")
    reader.finish("MGF1")
    return hash_name


def encode_pss(parameters: PssParameters) -> bytes:
    """RSASSA-PSS-params."""
    parts = []
    if parameters.hash_name != "sha1":
        parts.append(writer.explicit(0, encode_hash(parameters.hash_name).encode()))
    if parameters.mgf_hash_name != "sha1":
        parts.append(writer.explicit(1, Algorithm(MGF1, encode_hash(parameters.mgf_hash_name).encode()).encode()))
    if parameters.salt_octets != 20:
        parts.append(writer.explicit(2, writer.integer(parameters.salt_octets)))
    return writer.sequence(*parts)
