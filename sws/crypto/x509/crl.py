# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Certificate revocation lists.  RFC 5280 §5.

    CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue BIT STRING }
    TBSCertList     ::= SEQUENCE { version v2 OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL,
                                   SEQUENCE OF { userCertificate, revocationDate, extensions OPTIONAL } OPTIONAL, [0] extensions OPTIONAL }

What is read is a list; whether it counts is `revocation`'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError
from sws.crypto.asn1 import tags
from sws.crypto.asn1.reader import DerReader
from sws.crypto.keys.algorithms import Algorithm, read_algorithm
from sws.crypto.pem import decode_pem, encode_pem, is_pem
from sws.crypto.x509 import oids
from sws.crypto.x509.extensions import Extension, read_extensions, read_point_name
from sws.crypto.x509.general_names import GeneralName
from sws.crypto.x509.names import Attribute, Name

__all__ = ["MAX_OCTETS", "CertificateRevocationList", "CrlReason", "IssuingDistributionPoint", "RevokedCertificate"]

MAX_OCTETS: Final = 16 << 20
_TIMES: Final = (tags.UTC_TIME, tags.GENERALIZED_TIME)


@final
class CrlReason(IntEnum):
    """Why a certificate was revoked.  RFC 5280 §5.3.1."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@final
class RevokedCertificate(NamedTuple):
    """An entry.

    Attributes:
      extensions:  as they stand; `reason` reads one of them.
    """

    serial: int
    date: int
    extensions: Mapping[str, Extension]

    @property
    def reason(self) -> CrlReason | None:
        """RFC 5280 §5.3.1.  Raises: DecodeError for a reason that is none."""
        extension = self.extensions.get(oids.CRL_REASON)
        if extension is None:
            return None
        reader = DerReader(extension.value)
        number = reader.natural("reasonCode", tags.ENUMERATED)
        reader.finish("reasonCode")
        return decode_reason(number)


def decode_reason(number: int) -> CrlReason:
    """The reason of a number.  Raises: DecodeError if there is none."""
    try:
        return CrlReason(number)
    except ValueError:
        raise DecodeError(f"reasonCode: {number} is none") from None


@final
class IssuingDistributionPoint(NamedTuple):
    """What a list covers.  RFC 5280 §5.2.5."""

    full_name: tuple[GeneralName, ...]
    relative_name: tuple[Attribute, ...]
    only_users: bool
    only_authorities: bool
    reasons: frozenset[int] | None
    indirect: bool
    only_attributes: bool


def decode_issuing_distribution_point(value: bytes) -> IssuingDistributionPoint:
    """RFC 5280 §5.2.5.  Raises: DecodeError."""
    what = "issuingDistributionPoint"
    outer = DerReader(value)
    reader = outer.sequence(what)
    outer.finish(what)
    full, relative = read_point_name(reader, what)
    flags: dict[int, bool] = {}
    reasons = None
    for number in (1, 2, 3, 4, 5):
        if reader.tag != tags.context(number):
            continue
        if number == 3:
            reasons = reader.named_bits(what, tags.context(3))
            continue
        at = reader.at
        if reader.take(tags.context(number), what) != b"\xff":
            raise DecodeError(f"{what}: a BOOLEAN that is not TRUE", at)
        flags[number] = True
    reader.finish(what)
    only = [flags.get(number, False) for number in (1, 2, 5)]
    if sum(only) > 1:
        raise DecodeError(f"{what}: for users, authorities and attributes only at once")
    return IssuingDistributionPoint(full, relative, only[0], only[1], reasons, flags.get(4, False), only[2])


@final
class CertificateRevocationList:
    """A list, as it was read; the signature is not checked.

    Attributes:
      der, tbs:     all of it, and what is signed.
      issuer:       who has signed.
      version:      1 or 2.
      this_update, next_update:  seconds since 1970; next_update may be None.
      revoked:      entries by serial number; of two with one number the last.
      extensions:   by identifier.
    """

    __slots__ = (
        "der",
        "extensions",
        "inner_algorithm",
        "issuer",
        "next_update",
        "revoked",
        "signature",
        "signature_algorithm",
        "tbs",
        "this_update",
        "version",
    )

    def __init__(self, der: bytes) -> None:
        """Raises: DecodeError, LimitExceeded."""
        what = "CertificateList"
        outer = DerReader(der, maximum=MAX_OCTETS)
        reader = outer.sequence(what)
        outer.finish(what)
        begin = reader.at
        tbs = reader.sequence(what)
        self.der = der
        self.tbs = der[begin : reader.at]
        self.signature_algorithm: Algorithm = read_algorithm(reader, what)
        self.signature: bytes = reader.whole_bits(what)
        reader.finish(what)
        self._read_tbs(tbs)

    def _read_tbs(self, tbs: DerReader) -> None:
        what = "TBSCertList"
        self.version: int = 1
        if tbs.tag == tags.INTEGER:
            at = tbs.at
            if tbs.integer(what) != 1:
                raise DecodeError(f"{what}: a version that is not 2", at)
            self.version = 2
        self.inner_algorithm: Algorithm = read_algorithm(tbs, what)
        self.issuer: Name = Name.from_der(tbs.raw(tags.SEQUENCE, "issuer"))
        self.this_update: int = tbs.time("thisUpdate")
        self.next_update: int | None = tbs.time("nextUpdate") if tbs.tag in _TIMES else None
        self.revoked: dict[int, RevokedCertificate] = {}
        if tbs.tag == tags.SEQUENCE:
            for each in tbs.sequence("revokedCertificates").elements("revokedCertificates"):
                self._read_entry(each)
        wrapped = tbs.optional(tags.constructed(0), "crlExtensions")
        self.extensions: Mapping[str, Extension] = {}
        if wrapped is not None:
            self.extensions = read_extensions(wrapped, "crlExtensions")
            wrapped.finish("crlExtensions")
        tbs.finish(what)

    def _read_entry(self, reader: DerReader) -> None:
        fields = reader.sequence("revokedCertificate")
        serial = fields.integer("userCertificate")
        date = fields.time("revocationDate")
        extensions: Mapping[str, Extension] = {}
        if fields.at < fields.end:
            extensions = read_extensions(fields, "crlEntryExtensions")
        fields.finish("revokedCertificate")
        self.revoked[serial] = RevokedCertificate(serial, date, extensions)

    @classmethod
    def load(cls, pem_or_der: bytes) -> CertificateRevocationList:
        """A list in DER, or the first one of a PEM text.  Raises: DecodeError, LimitExceeded."""
        if not is_pem(pem_or_der):
            return cls(bytes(pem_or_der))
        for block in decode_pem(pem_or_der):
            if block.label == "X509 CRL":
                return cls(block.der)
        raise DecodeError("PEM without a CRL")

    def to_pem(self) -> str:
        """The list in PEM."""
        return encode_pem("X509 CRL", self.der)

    @property
    def number(self) -> int | None:
        """cRLNumber.  RFC 5280 §5.2.3.  Raises: DecodeError."""
        extension = self.extensions.get(oids.CRL_NUMBER)
        if extension is None:
            return None
        reader = DerReader(extension.value)
        number = reader.natural("cRLNumber")
        reader.finish("cRLNumber")
        return number

    @property
    def point(self) -> IssuingDistributionPoint | None:
        """What the list covers; None: everything of the issuer.  Raises: DecodeError."""
        extension = self.extensions.get(oids.ISSUING_DISTRIBUTION_POINT)
        return None if extension is None else decode_issuing_distribution_point(extension.value)
