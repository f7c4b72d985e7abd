# SPDX-License-Identifier: Apache-2.0 OR MIT
"""OCSP requests and responses, read.  RFC 6960 §4.1 and §4.2; the nonce RFC 8954.

    OCSPRequest    ::= SEQUENCE { tbsRequest, [0] signature OPTIONAL }
    TBSRequest     ::= SEQUENCE { [0] version DEFAULT v1, [1] requestorName OPTIONAL, SEQUENCE OF { CertID, [0] extensions OPTIONAL },
                                  [2] extensions OPTIONAL }
    CertID         ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash OCTET STRING, serialNumber }
    OCSPResponse   ::= SEQUENCE { responseStatus ENUMERATED, [0] { responseType, response OCTET STRING } OPTIONAL }
    BasicOCSPResponse ::= SEQUENCE { ResponseData, signatureAlgorithm, signature BIT STRING, [0] certs OPTIONAL }
    ResponseData   ::= SEQUENCE { [0] version DEFAULT v1, [1] name or [2] key hash of the responder, producedAt,
                                  SEQUENCE OF SingleResponse, [1] extensions OPTIONAL }
    SingleResponse ::= SEQUENCE { CertID, [0] good, [1] revoked or [2] unknown, thisUpdate, [0] nextUpdate OPTIONAL,
                                  [1] extensions OPTIONAL }

What is read is a message; whether a response is to be believed is `ocsp.check_response`'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.hashes import digest
from sws.crypto.keys.algorithms import HASH_OIDS, Algorithm, encode_hash, is_null_or_absent, read_algorithm
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.crl import CrlReason, decode_reason
from sws.crypto.x509.extensions import Extension, read_extensions
from sws.crypto.x509.general_names import read_general_name
from sws.crypto.x509.names import Name

__all__ = [
    "BASIC_RESPONSE",
    "MAX_OCTETS",
    "NONCE",
    "BasicResponse",
    "CertId",
    "CertStatus",
    "OcspRequest",
    "ResponseStatus",
    "SingleResponse",
    "decode_nonce",
    "decode_response",
    "key_hash",
]

MAX_OCTETS: Final = 1 << 17
"""Of one message."""
BASIC_RESPONSE: Final = "1.3.6.1.5.5.7.48.1.1"
NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
_MAXIMUM_ENTRIES: Final = 256
_MAXIMUM_CERTIFICATES: Final = 16
_NONCE_OCTETS: Final = 128
"""RFC 8954 §2.1 has 1 to 32; longer ones of older software are read up to here, and never written."""


@final
class ResponseStatus(IntEnum):
    """What a responder says before it says anything.  RFC 6960 §4.2.1."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


@final
class CertStatus(IntEnum):
    """What it says about a certificate, by tag.  RFC 6960 §2.2 and §4.2.1."""

    GOOD = 0
    REVOKED = 1
    UNKNOWN = 2


def key_hash(spki: bytes, hash_name: str) -> bytes:
    """The hash of a public key as OCSP has it: of the BIT STRING's octets.  Raises: DecodeError for what is no SPKI."""
    reader = DerReader(spki).sequence("SubjectPublicKeyInfo")
    reader.any("algorithm")
    return digest(hash_name, reader.bit_string("subjectPublicKey").octets)


@final
class CertId(NamedTuple):
    """Which certificate.  RFC 6960 §4.1.1.

    Attributes:
      algorithm:  of the two hashes.
      name_hash:  of the issuer's name.
      key_hash:   of the issuer's key.
      serial:     of the certificate.
    """

    algorithm: Algorithm
    name_hash: bytes
    key_hash: bytes
    serial: int

    @classmethod
    def of(cls, certificate: Certificate, issuer: Certificate, hash_name: str = "sha1") -> CertId:
        """The identifier of a certificate; SHA-1 is what every responder knows, and here nothing rests on it."""
        name = digest(hash_name, certificate.issuer_der)
        return cls(encode_hash(hash_name), name, key_hash(issuer.spki, hash_name), certificate.serial)

    @property
    def hash_name(self) -> str | None:
        """As `sws.crypto.hashes` knows it; None for one that we do not have."""
        return HASH_OIDS.get(self.algorithm.oid) if is_null_or_absent(self.algorithm) else None

    def is_of(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether it means that certificate."""
        if self.hash_name is None or self.serial != certificate.serial:
            return False
        wanted = CertId.of(certificate, issuer, self.hash_name)
        return (self.name_hash, self.key_hash) == (wanted.name_hash, wanted.key_hash)

    def encode(self) -> bytes:
        """CertID."""
        hashes = writer.octet_string(self.name_hash), writer.octet_string(self.key_hash)
        return writer.sequence(self.algorithm.encode(), *hashes, writer.integer(self.serial))


def _read_cert_id(reader: DerReader) -> CertId:
    inner = reader.sequence("CertID")
    algorithm = read_algorithm(inner, "CertID")
    found = CertId(algorithm, inner.octet_string("issuerNameHash"), inner.octet_string("issuerKeyHash"), inner.integer("serialNumber"))
    inner.finish("CertID")
    return found


def _read_version(reader: DerReader, what: str) -> None:
    """Version 1 is the default, and the only one."""
    at = reader.at
    wrapped = reader.optional(tags.constructed(0), what)
    if wrapped is not None:
        number = wrapped.integer(what)
        raise DecodeError(f"{what}: version {number + 1}" if number else f"{what}: the default version is written out", at)


def _read_extensions(reader: DerReader, number: int, what: str) -> Mapping[str, Extension]:
    wrapped = reader.optional(tags.constructed(number), what)
    if wrapped is None:
        return {}
    found = read_extensions(wrapped, what)
    wrapped.finish(what)
    return found


def decode_nonce(extensions: Mapping[str, Extension]) -> bytes | None:
    """The nonce, None if there is none.  RFC 8954 §2.1.  Raises: DecodeError for one that is empty, too long, or no OCTET STRING."""
    extension = extensions.get(NONCE)
    if extension is None:
        return None
    reader = DerReader(extension.value)
    nonce = reader.octet_string("nonce")
    reader.finish("nonce")
    if not 0 < len(nonce) <= _NONCE_OCTETS:
        raise DecodeError(f"nonce: {len(nonce)} octets")
    return nonce


@final
class OcspRequest:
    """A request, as it was read; a signature is not looked at.

    Attributes:
      entries:     the certificates that are asked for, each with the extensions of its entry.
      extensions:  of the whole, by identifier.
    """

    __slots__ = ("entries", "extensions")

    def __init__(self, der: bytes) -> None:
        """Raises: DecodeError, LimitExceeded."""
        what = "OCSPRequest"
        outer = DerReader(der, maximum=MAX_OCTETS)
        reader = outer.sequence(what)
        outer.finish(what)
        tbs = reader.sequence("TBSRequest")
        if reader.tag == tags.constructed(0):
            reader.any("signature")
        reader.finish(what)
        _read_version(tbs, "TBSRequest")
        requestor = tbs.optional(tags.constructed(1), "requestorName")
        if requestor is not None:
            read_general_name(requestor)
            requestor.finish("requestorName")
        self.entries: list[tuple[CertId, Mapping[str, Extension]]] = []
        for each in tbs.sequence("requestList").elements("requestList", 1):
            if len(self.entries) >= _MAXIMUM_ENTRIES:
                raise LimitExceeded("entries of an OCSP request", len(self.entries) + 1, _MAXIMUM_ENTRIES)
            entry = each.sequence("Request")
            self.entries.append((_read_cert_id(entry), _read_extensions(entry, 0, "singleRequestExtensions")))
            entry.finish("Request")
        self.extensions = _read_extensions(tbs, 2, "requestExtensions")
        tbs.finish("TBSRequest")

    @property
    def nonce(self) -> bytes | None:
        """RFC 8954.  Raises: DecodeError."""
        return decode_nonce(self.extensions)


@final
class SingleResponse(NamedTuple):
    """What a responder says about one certificate.  RFC 6960 §4.2.1.

    Attributes:
      status:       good, revoked or unknown.
      revoked_at:   seconds since 1970; of a revoked one.
      reason:       of a revoked one, where it is said.
      this_update, next_update:  from when to when that was known to be so; next_update may be None: newer knowledge is always to be had.
      extensions:   by identifier.
    """

    cert_id: CertId
    status: CertStatus
    revoked_at: int | None
    reason: CrlReason | None
    this_update: int
    next_update: int | None
    extensions: Mapping[str, Extension]


def _read_status(reader: DerReader) -> tuple[CertStatus, int | None, CrlReason | None]:
    what = "certStatus"
    at, tag = reader.at, reader.tag
    if tag in (tags.context(0), tags.context(2)):
        if reader.take(tag, what):
            raise DecodeError(f"{what}: good or unknown with content", at)
        return CertStatus(tag & 0x1F), None, None
    inner = reader.enter(tags.constructed(1), what)
    when, reason = inner.generalized_time("revocationTime"), None
    wrapped = inner.optional(tags.constructed(0), "revocationReason")
    if wrapped is not None:
        reason = decode_reason(wrapped.natural("revocationReason", tags.ENUMERATED))
        wrapped.finish("revocationReason")
    inner.finish(what)
    return CertStatus.REVOKED, when, reason


def _read_single(reader: DerReader) -> SingleResponse:
    what = "SingleResponse"
    inner = reader.sequence(what)
    cert_id = _read_cert_id(inner)
    status, when, reason = _read_status(inner)
    this_update, next_update = inner.generalized_time("thisUpdate"), None
    wrapped = inner.optional(tags.constructed(0), "nextUpdate")
    if wrapped is not None:
        next_update = wrapped.generalized_time("nextUpdate")
        wrapped.finish("nextUpdate")
    extensions = _read_extensions(inner, 1, "singleExtensions")
    inner.finish(what)
    return SingleResponse(cert_id, status, when, reason, this_update, next_update, extensions)


@final
class BasicResponse:
    """A signed response, as it was read; the signature is not checked.

    Attributes:
      tbs:             what is signed.
      responder_name:  who has signed, or None and
      responder_key:   the SHA-1 of the key that has.
      produced_at:     seconds since 1970.
      responses:       one for each certificate.
      extensions:      by identifier.
      certificates:    that come along.
    """

    __slots__ = (
        "certificates",
        "extensions",
        "produced_at",
        "responder_key",
        "responder_name",
        "responses",
        "signature",
        "signature_algorithm",
        "tbs",
    )

    def __init__(self, der: bytes) -> None:
        """Raises: DecodeError, LimitExceeded."""
        what = "BasicOCSPResponse"
        outer = DerReader(der, maximum=MAX_OCTETS)
        reader = outer.sequence(what)
        outer.finish(what)
        begin = reader.at
        tbs = reader.sequence("ResponseData")
        self.tbs = der[begin : reader.at]
        self.signature_algorithm: Algorithm = read_algorithm(reader, "signatureAlgorithm")
        self.signature: bytes = reader.whole_bits("signature")
        self.certificates: list[Certificate] = []
        wrapped = reader.optional(tags.constructed(0), "certs")
        if wrapped is not None:
            for each in wrapped.sequence("certs").elements("certs"):
                if len(self.certificates) >= _MAXIMUM_CERTIFICATES:
                    raise LimitExceeded("certificates of an OCSP response", len(self.certificates) + 1, _MAXIMUM_CERTIFICATES)
                self.certificates.append(Certificate.from_der(each.raw(tags.SEQUENCE, "certs")))
            wrapped.finish("certs")
        reader.finish(what)
        self._read_data(tbs)

    def _read_data(self, tbs: DerReader) -> None:
        what = "ResponseData"
        _read_version(tbs, what)
        self.responder_name: Name | None = None
        self.responder_key: bytes | None = None
        if tbs.tag == tags.constructed(1):
            wrapped = tbs.enter(tags.constructed(1), "responderID")
            self.responder_name = Name.from_der(wrapped.raw(tags.SEQUENCE, "responderID"))
        else:
            wrapped = tbs.enter(tags.constructed(2), "responderID")
            self.responder_key = wrapped.octet_string("responderID")
        wrapped.finish("responderID")
        self.produced_at: int = tbs.generalized_time("producedAt")
        self.responses: list[SingleResponse] = []
        for each in tbs.sequence("responses").elements("responses"):
            if len(self.responses) >= _MAXIMUM_ENTRIES:
                raise LimitExceeded("entries of an OCSP response", len(self.responses) + 1, _MAXIMUM_ENTRIES)
            self.responses.append(_read_single(each))
        self.extensions: Mapping[str, Extension] = _read_extensions(tbs, 1, "responseExtensions")
        tbs.finish(what)

    @property
    def nonce(self) -> bytes | None:
        """RFC 8954.  Raises: DecodeError."""
        return decode_nonce(self.extensions)

    def is_by(self, certificate: Certificate) -> bool:
        """Whether the responder says that it is the subject of this certificate."""
        if self.responder_name is not None:
            return certificate.subject == self.responder_name
        return key_hash(certificate.spki, "sha1") == self.responder_key


def decode_response(der: bytes) -> tuple[ResponseStatus, BasicResponse | None]:
    """An OCSPResponse: its status, and the response itself where that is SUCCESSFUL.

    Raises: DecodeError, also for a type of response other than id-pkix-ocsp-basic, and a successful one without content; LimitExceeded.
    """
    what = "OCSPResponse"
    outer = DerReader(der, maximum=MAX_OCTETS)
    reader = outer.sequence(what)
    outer.finish(what)
    at, number = reader.at, reader.natural("responseStatus", tags.ENUMERATED)
    if number not in ResponseStatus.__members__.values():
        raise DecodeError(f"{what}: status {number} is none", at)
    status = ResponseStatus(number)
    wrapped = reader.optional(tags.constructed(0), "responseBytes")
    reader.finish(what)
    if (wrapped is None) is (status is ResponseStatus.SUCCESSFUL):
        raise DecodeError(f"{what}: success without a response, or the reverse", at)
    if wrapped is None:
        return status, None
    inner = wrapped.sequence("responseBytes")
    wrapped.finish("responseBytes")
    kind = inner.oid("responseType")
    if kind != BASIC_RESPONSE:
        raise DecodeError(f"{what}: a response of type {kind}", inner.at)
    content = inner.octet_string("response")
    inner.finish("responseBytes")
    return status, BasicResponse(content)
