# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Asking whether a certificate is revoked, and believing the answer.  RFC 6960; the nonce RFC 8954.

    ocsp_request(certificate, issuer)                         octets to be sent to one of `responder_urls(certificate)`
    check_response(octets, certificate, issuer, now)          OcspStatus, or OcspError

An answer is believed (§3.2) if it is about that very certificate; if whoever has signed it is the issuer, or a responder to which the
issuer has given a certificate with the purpose OCSPSigning, itself and directly (§4.2.2.2); if the signature is right, and no critical
extension is unknown; and if it is fresh: thisUpdate has come, nextUpdate has not passed, both within `skew`.

Where a message has several answers about the certificate, one that says "revoked" counts before others, and then the newest.

Known limitation: whether the certificate of a delegated responder is itself revoked is not asked; `OcspStatus.no_check` says whether its
issuer has said that one need not (§4.2.2.2.1), and `require_no_check` demands it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError, LimitExceeded, PeerError, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.keys.schemes import find_signature_algorithm, verify_by_algorithm
from sws.crypto.x509 import oids
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.checks import check_common, signature_algorithm
from sws.crypto.x509.crl import CrlReason
from sws.crypto.x509.encode import encode_extensions
from sws.crypto.x509.extensions import Extension, KeyUsage
from sws.crypto.x509.ocsp_messages import (
    NONCE,
    BasicResponse,
    CertId,
    CertStatus,
    ResponseStatus,
    SingleResponse,
    decode_response,
)
from sws.crypto.x509.refusal import CertificateError

__all__ = ["MAXIMUM_AGE", "SKEW", "OcspError", "OcspFault", "OcspStatus", "check_response", "ocsp_request", "responder_urls"]

SKEW: Final = 300
"""Seconds by which clocks may differ."""
MAXIMUM_AGE: Final = 86400
"""Seconds for which an answer without nextUpdate counts."""
_NONCE_MAXIMUM: Final = 32
_HASHES: Final = frozenset(("sha256", "sha384", "sha512"))
#: Extensions of answers that may be critical: what they say is read, or changes nothing here.  RFC 6960 §4.4.2, .4.
_KNOWN: Final = frozenset((NONCE, "1.3.6.1.5.5.7.48.1.3", "1.3.6.1.5.5.7.48.1.6", "1.3.6.1.5.5.7.48.1.9"))


@final
class OcspFault(StrEnum):
    """Why an answer is not believed."""

    UNSUCCESSFUL = "unsuccessful"
    ANOTHER_CERTIFICATE = "another certificate"
    RESPONDER = "responder"
    SIGNATURE = "signature"
    ALGORITHM = "signature algorithm"
    NOT_YET = "not yet"
    STALE = "stale"
    NONCE = "nonce"
    CRITICAL_EXTENSION = "critical extension"


@final
class OcspError(PeerError):
    """An answer that is not believed.

    Attributes:
      fault:   see `OcspFault`.
      status:  what the responder has said in place of an answer; SUCCESSFUL where there was one.
    """

    def __init__(self, fault: OcspFault, detail: str, status: ResponseStatus = ResponseStatus.SUCCESSFUL) -> None:
        super().__init__(f"OCSP: {fault}: {detail}")
        self.fault = fault
        self.status = status


@final
class OcspStatus(NamedTuple):
    """An answer that is believed.

    Attributes:
      status:       good, revoked or unknown.
      this_update:  when that was known, in seconds since 1970.
      next_update:  when there will be a newer answer; None: at any time.
      revoked_at:   of a revoked certificate.
      reason:       of a revoked certificate, where it is said.
      produced_at:  when the answer was signed.
      delegated:    whether by a responder other than the issuer.
      no_check:     whether that responder's certificate need not be checked itself; True for the issuer.
    """

    status: CertStatus
    this_update: int
    next_update: int | None
    revoked_at: int | None
    reason: CrlReason | None
    produced_at: int
    delegated: bool
    no_check: bool

    @property
    def is_good(self) -> bool:
        """Whether the certificate is not revoked, as far as its responder knows."""
        return self.status is CertStatus.GOOD


def responder_urls(certificate: Certificate) -> tuple[str, ...]:
    """Where to ask, over HTTP: the responders of authorityInfoAccess.  RFC 6960 §3.1.  Raises: DecodeError, LimitExceeded."""
    return tuple(url for url in certificate.access(oids.ACCESS_OCSP) if url[:7].lower() == "http://" or url[:8].lower() == "https://")


def ocsp_request(certificate: Certificate, issuer: Certificate, *, hash_name: str = "sha1", nonce: bytes | None = None) -> bytes:
    """A request about one certificate, not signed.  RFC 6960 §4.1.

    Args:
      hash_name:  of the certificate's identifier; "sha1" is what every responder knows, "sha256" what some do.
      nonce:      1 to 32 octets that the answer must have again; None: any answer that is fresh, which responders can prepare.
    Returns: OCSPRequest in DER.
    Raises:  UsageError for a nonce of another length.
    """
    if nonce is not None and not 0 < len(nonce) <= _NONCE_MAXIMUM:
        raise UsageError(f"a nonce has 1 to {_NONCE_MAXIMUM} octets")
    entry = writer.sequence(CertId.of(certificate, issuer, hash_name).encode())
    listed = b"" if nonce is None else encode_extensions([Extension(NONCE, False, writer.octet_string(nonce))])
    extensions = writer.element(tags.constructed(2), listed) if listed else b""
    return writer.sequence(writer.sequence(writer.sequence(entry), extensions))


def check_response(
    der: bytes,
    certificate: Certificate,
    issuer: Certificate,
    now: float,
    *,
    nonce: bytes | None = None,
    require_nonce: bool = False,
    skew: int = SKEW,
    maximum_age: int = MAXIMUM_AGE,
    require_no_check: bool = False,
) -> OcspStatus:
    """What a response says about a certificate, if it is to be believed.

    Args:
      der:          OCSPResponse.
      issuer:       the CA whose name and key have issued `certificate`.
      now:          seconds since 1970.
      nonce:        that of the request; a response with another one is refused, one without only if `require_nonce`.
      maximum_age:  for a response that does not say when there will be a newer one.
    Returns: its status; "unknown" is an answer, too.
    Raises:  OcspError for one that is not believed; DecodeError, LimitExceeded for one that is malformed.
    Timing:  variable, all arguments are public.
    """
    moment = int(now // 1)
    status, basic = decode_response(der)
    if basic is None:
        raise OcspError(OcspFault.UNSUCCESSFUL, status.name.lower().replace("_", " "), status)
    found = [one for one in basic.responses if one.cert_id.is_of(certificate, issuer)]
    if not found:
        raise OcspError(OcspFault.ANOTHER_CERTIFICATE, "nothing is said about this one")
    no_check = _check_signed(basic, issuer, moment)
    delegated = no_check is not None
    if require_no_check and no_check is False:
        raise OcspError(OcspFault.RESPONDER, "its certificate would have to be checked itself")
    _check_extensions(basic, found)
    answered = basic.nonce
    if nonce is not None and answered != nonce and (require_nonce or answered is not None):
        raise OcspError(OcspFault.NONCE, "none" if answered is None else "another one")
    if basic.produced_at > moment + skew:
        raise OcspError(OcspFault.NOT_YET, "signed in the future")
    chosen = _freshest(found, moment, skew, maximum_age)
    return OcspStatus(
        chosen.status,
        chosen.this_update,
        chosen.next_update,
        chosen.revoked_at,
        chosen.reason,
        basic.produced_at,
        delegated,
        no_check is not False,
    )


def _freshest(found: Sequence[SingleResponse], now: int, skew: int, maximum_age: int) -> SingleResponse:
    """The answer that counts.  RFC 6960 §4.2.2.1.  Raises: OcspError if none is in its time."""
    fresh: list[SingleResponse] = []
    fault = OcspFault.STALE
    for one in found:
        last = one.this_update + maximum_age if one.next_update is None else one.next_update
        if one.this_update > now + skew:
            fault = OcspFault.NOT_YET
        elif last >= now - skew and last >= one.this_update:
            fresh.append(one)
    if not fresh:
        raise OcspError(fault, "not in its time")
    return max(fresh, key=lambda one: (one.status is CertStatus.REVOKED, one.this_update))


def _check_extensions(basic: BasicResponse, found: Sequence[SingleResponse]) -> None:
    for extensions in (basic.extensions, *(one.extensions for one in found)):
        for extension in extensions.values():
            if extension.critical and extension.oid not in _KNOWN:
                raise OcspError(OcspFault.CRITICAL_EXTENSION, f"{extension.oid} is not known")


def _check_signed(basic: BasicResponse, issuer: Certificate, now: int) -> bool | None:
    """Who has signed, and whether that is right.

    Returns: None for the issuer itself; else whether the delegated responder's certificate need not be checked.
    Raises:  OcspError.
    """
    try:
        algorithm = find_signature_algorithm(basic.signature_algorithm)
    except (DecodeError, LimitExceeded) as error:
        raise OcspError(OcspFault.ALGORITHM, str(error)) from None
    if algorithm.kind != "ed25519" and (algorithm.hash_name not in _HASHES or algorithm.mgf_hash_name not in ("", *_HASHES)):
        raise OcspError(OcspFault.ALGORITHM, f"{algorithm.hash_name} is not trusted")
    candidates = [issuer, *(one for one in basic.certificates if one.spki != issuer.spki)]
    problem = OcspError(OcspFault.RESPONDER, "neither the issuer nor one whose certificate is there")
    for candidate in candidates:
        if not _is_by(basic, candidate):
            continue
        try:
            no_check = None if candidate is issuer else _check_delegate(candidate, issuer, now)
        except CertificateError as error:
            problem = OcspError(OcspFault.RESPONDER, str(error))
            continue
        except OcspError as error:
            problem = error
            continue
        if verify_by_algorithm(candidate.public_key, algorithm, basic.tbs, basic.signature):
            return no_check
        problem = OcspError(OcspFault.SIGNATURE, "not by the responder's key")
    raise problem


def _is_by(basic: BasicResponse, candidate: Certificate) -> bool:
    try:
        return basic.is_by(candidate)
    except (DecodeError, LimitExceeded):
        return False


def _check_delegate(certificate: Certificate, issuer: Certificate, now: int) -> bool:
    """RFC 6960 §4.2.2.2.  Returns: whether it has id-pkix-ocsp-nocheck.  Raises: OcspError, CertificateError."""
    check_common(certificate, 0, now)
    if oids.PURPOSES["OCSPSigning"] not in (certificate.extended_key_usage or ()):
        raise OcspError(OcspFault.RESPONDER, "its certificate does not have the purpose OCSPSigning")
    usage = certificate.key_usage
    if usage is not None and not usage & {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}:
        raise OcspError(OcspFault.RESPONDER, "its certificate does not allow it to sign")
    if certificate.issuer_der != issuer.subject_der and certificate.issuer != issuer.subject:
        raise OcspError(OcspFault.RESPONDER, "its certificate is not by the issuer")
    algorithm = signature_algorithm(certificate, 0)
    if not verify_by_algorithm(issuer.public_key, algorithm, certificate.tbs, certificate.signature):
        raise OcspError(OcspFault.RESPONDER, "its certificate is not by the issuer's key")
    return oids.OCSP_NO_CHECK in certificate.extensions
