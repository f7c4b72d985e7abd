# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Certificates.  RFC 5280 §4.1.

    Certificate    ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }
    TBSCertificate ::= SEQUENCE { [0] version DEFAULT v1, serialNumber, signature AlgorithmIdentifier, issuer Name,
                                  validity, subject Name, subjectPublicKeyInfo, [1] issuerUniqueID OPTIONAL,
                                  [2] subjectUniqueID OPTIONAL, [3] extensions OPTIONAL }

`from_der` reads the frame strictly, with its times.  Names, the key and each extension are read when they are asked for, and remembered:
a certificate with a key that we cannot use is still a certificate.  Whether one is to be believed is `verify_chain`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar, final

from sws.base.errors import DecodeError
from sws.crypto.asn1 import tags
from sws.crypto.asn1.reader import DerReader
from sws.crypto.asn1.times import format_time
from sws.crypto.keys.algorithms import Algorithm, read_algorithm
from sws.crypto.keys.public import PublicKey, read_public_key
from sws.crypto.keys.schemes import find_signature_algorithm, verify_by_algorithm
from sws.crypto.pem import decode_pem, encode_pem
from sws.crypto.x509 import extensions as ext
from sws.crypto.x509 import oids
from sws.crypto.x509.extensions import AuthorityKeyIdentifier, BasicConstraints, Extension, NameConstraints, read_extensions
from sws.crypto.x509.general_names import GeneralName
from sws.crypto.x509.names import Name

__all__ = ["DECODERS", "MAX_OCTETS", "Certificate"]

T = TypeVar("T")

MAX_OCTETS: Final = 1 << 18
"""Of one certificate."""
_LABELS: Final = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")

DECODERS: Final[Mapping[str, Callable[[bytes], object]]] = {
    oids.SUBJECT_DIRECTORY_ATTRIBUTES: ext.decode_directory_attributes,
    oids.SUBJECT_KEY_IDENTIFIER: ext.decode_subject_key_identifier,
    oids.KEY_USAGE: ext.decode_key_usage,
    oids.SUBJECT_ALT_NAME: ext.decode_alt_name,
    oids.ISSUER_ALT_NAME: ext.decode_alt_name,
    oids.BASIC_CONSTRAINTS: ext.decode_basic_constraints,
    oids.NAME_CONSTRAINTS: ext.decode_name_constraints,
    oids.CRL_DISTRIBUTION_POINTS: ext.decode_distribution_points,
    oids.CERTIFICATE_POLICIES: ext.decode_policies,
    oids.POLICY_MAPPINGS: ext.decode_policy_mappings,
    oids.AUTHORITY_KEY_IDENTIFIER: ext.decode_authority_key_identifier,
    oids.POLICY_CONSTRAINTS: ext.decode_policy_constraints,
    oids.EXTENDED_KEY_USAGE: ext.decode_extended_key_usage,
    oids.FRESHEST_CRL: ext.decode_distribution_points,
    oids.INHIBIT_ANY_POLICY: ext.decode_inhibit_any_policy,
    oids.AUTHORITY_INFO_ACCESS: ext.decode_access,
    oids.SUBJECT_INFO_ACCESS: ext.decode_access,
    oids.TLS_FEATURE: ext.decode_tls_feature,
    oids.OCSP_NO_CHECK: ext.decode_null,
}
"""The extensions that we read."""


@final
class Certificate:
    """A certificate, as it was read.

    Attributes:
      der:                  all of it.
      tbs:                  what is signed.
      version:              1, 2 or 3.
      serial:               of RFC 5280 positive and of 20 octets at most; others are read, too.
      issuer_der, subject_der:  names; `issuer` and `subject` read them.
      not_before, not_after:  seconds since 1970; valid at both, and between.
      spki:                 SubjectPublicKeyInfo of the subject.
      extensions:           by identifier, in order.
      signature_algorithm:  outside the signed part; `inner_algorithm` inside, and both must be the same.
      signature:            its octets.
    """

    __slots__ = (
        "_key",
        "_values",
        "der",
        "extensions",
        "inner_algorithm",
        "issuer_der",
        "not_after",
        "not_before",
        "serial",
        "signature",
        "signature_algorithm",
        "spki",
        "subject_der",
        "tbs",
        "version",
    )

    def __init__(self, der: bytes) -> None:
        """Raises: DecodeError, LimitExceeded."""
        outer = DerReader(der, maximum=MAX_OCTETS)
        reader = outer.sequence("Certificate")
        outer.finish("Certificate")
        begin = reader.at
        tbs = reader.sequence("TBSCertificate")
        self.der = der
        self.tbs = der[begin : reader.at]
        self.signature_algorithm: Algorithm = read_algorithm(reader, "signatureAlgorithm")
        self.signature: bytes = reader.whole_bits("signatureValue")
        reader.finish("Certificate")
        self._read_tbs(tbs)
        self._values: dict[str, object] = {}
        self._key: PublicKey | None = None

    def _read_tbs(self, tbs: DerReader) -> None:
        what = "TBSCertificate"
        self.version: int = _read_version(tbs, what)
        self.serial: int = tbs.integer("serialNumber")
        self.inner_algorithm: Algorithm = read_algorithm(tbs, "signature")
        self.issuer_der: bytes = tbs.raw(tags.SEQUENCE, "issuer")
        validity = tbs.sequence("validity")
        self.not_before: int = validity.time("notBefore")
        self.not_after: int = validity.time("notAfter")
        validity.finish("validity")
        self.subject_der: bytes = tbs.raw(tags.SEQUENCE, "subject")
        self.spki: bytes = tbs.raw(tags.SEQUENCE, "subjectPublicKeyInfo")
        for number in (1, 2):
            if tbs.tag == tags.context(number):
                if self.version == 1:
                    raise DecodeError(f"{what}: a unique identifier in version 1", tbs.at)
                tbs.bit_string("unique identifier", tags.context(number))
        wrapped = tbs.optional(tags.constructed(3), "extensions")
        self.extensions: Mapping[str, Extension] = {}
        if wrapped is not None:
            if self.version != 3:
                raise DecodeError(f"{what}: extensions in version {self.version}", wrapped.at)
            self.extensions = read_extensions(wrapped, "extensions")
            wrapped.finish("extensions")
        tbs.finish(what)

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """One certificate in DER, and nothing behind it.  Raises: DecodeError, LimitExceeded."""
        return cls(bytes(der))

    @classmethod
    def from_pem(cls, text: bytes | str) -> Certificate:
        """The first certificate of a PEM text.  Raises: DecodeError if there is none."""
        found = cls.list_from_pem(text, maximum=1)
        if not found:
            raise DecodeError("PEM without a certificate")
        return found[0]

    @classmethod
    def list_from_pem(cls, text: bytes | str, maximum: int | None = None) -> list[Certificate]:
        """The certificates of a PEM text in order, other blocks skipped.  Raises: DecodeError, LimitExceeded."""
        blocks = [block for block in decode_pem(text) if block.label in _LABELS]
        return [cls(block.der) for block in blocks[:maximum]]

    def to_pem(self) -> str:
        """The certificate in PEM."""
        return encode_pem("CERTIFICATE", self.der)

    # --- what is read when asked for ----------------------------------------------------------------------------------

    @property
    def issuer(self) -> Name:
        """Who has signed.  Raises: DecodeError, LimitExceeded for a malformed name."""
        return Name.from_der(self.issuer_der)

    @property
    def subject(self) -> Name:
        """Whose key it is; may be empty.  Raises: DecodeError, LimitExceeded for a malformed name."""
        return Name.from_der(self.subject_der)

    @property
    def public_key(self) -> PublicKey:
        """The subject's key.  Raises: DecodeError for one that is malformed, or of an algorithm that we do not have."""
        if self._key is None:
            self._key = read_public_key(DerReader(self.spki))
        return self._key

    def value(self, oid: str, decode: Callable[[bytes], T]) -> T | None:
        """What an extension holds, None if it is not there.  Raises: DecodeError, LimitExceeded for a malformed one."""
        extension = self.extensions.get(oid)
        if extension is None:
            return None
        if oid not in self._values:
            self._values[oid] = decode(extension.value)
        return self._values[oid]  # type: ignore[return-value]  # remembered under the identifier, of which each has one decoder

    @property
    def subject_alt_names(self) -> tuple[GeneralName, ...]:
        """Names of the subject; () if there is no such extension."""
        return self.value(oids.SUBJECT_ALT_NAME, ext.decode_alt_name) or ()

    @property
    def basic_constraints(self) -> BasicConstraints | None:
        """RFC 5280 §4.2.1.9."""
        return self.value(oids.BASIC_CONSTRAINTS, ext.decode_basic_constraints)

    @property
    def key_usage(self) -> frozenset[int] | None:
        """Bits of `KeyUsage`; None: no restriction."""
        return self.value(oids.KEY_USAGE, ext.decode_key_usage)

    @property
    def extended_key_usage(self) -> tuple[str, ...] | None:
        """Identifiers of purposes; None: no restriction."""
        return self.value(oids.EXTENDED_KEY_USAGE, ext.decode_extended_key_usage)

    @property
    def name_constraints(self) -> NameConstraints | None:
        """RFC 5280 §4.2.1.10."""
        return self.value(oids.NAME_CONSTRAINTS, ext.decode_name_constraints)

    @property
    def subject_key_identifier(self) -> bytes | None:
        """RFC 5280 §4.2.1.2."""
        return self.value(oids.SUBJECT_KEY_IDENTIFIER, ext.decode_subject_key_identifier)

    @property
    def authority_key_identifier(self) -> AuthorityKeyIdentifier | None:
        """RFC 5280 §4.2.1.1."""
        return self.value(oids.AUTHORITY_KEY_IDENTIFIER, ext.decode_authority_key_identifier)

    @property
    def must_staple(self) -> bool:
        """Whether a server promises to staple an OCSP response.  RFC 7633."""
        return 5 in (self.value(oids.TLS_FEATURE, ext.decode_tls_feature) or ())

    def access(self, method: str) -> tuple[str, ...]:
        """URIs of authorityInfoAccess by a method, as `oids.ACCESS_OCSP`."""
        found = self.value(oids.AUTHORITY_INFO_ACCESS, ext.decode_access) or ()
        return tuple(entry.location.value for entry in found if entry.method == method and isinstance(entry.location.value, str))

    def check_parts(self) -> None:
        """Reads both names and every extension that we know.  Raises: DecodeError, LimitExceeded for one that is malformed."""
        _ = self.issuer, self.subject
        for oid in self.extensions:
            decode = DECODERS.get(oid)
            if decode is not None:
                self.value(oid, decode)

    # --- relations ----------------------------------------------------------------------------------------------------

    @property
    def is_self_issued(self) -> bool:
        """Whether issuer and subject are the same name.  RFC 5280 §6.1."""
        return self.issuer_der == self.subject_der or self.issuer == self.subject

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is that key's.  Raises: DecodeError for a signature algorithm that we do not have."""
        return verify_by_algorithm(key, find_signature_algorithm(self.signature_algorithm), self.tbs, self.signature)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate(serial {self.serial:x}, until {format_time(self.not_after)})"


def _read_version(tbs: DerReader, what: str) -> int:
    wrapped = tbs.optional(tags.constructed(0), what)
    if wrapped is None:
        return 1
    at, number = wrapped.at, wrapped.integer(what)
    wrapped.finish(what)
    if number not in (1, 2):
        raise DecodeError(f"{what}: version {number + 1}" if number else f"{what}: the default version is written out", at)
    return number + 1
