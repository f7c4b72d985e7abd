# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking for the certificates of a path in revocation lists.  RFC 5280 §6.3.

A list counts for a certificate if its issuer is the certificate's and the next certificate of the path has signed it, with a key that may
(cRLSign); if it is whole (no delta, not indirect), in its time, numbered if it is of version 2, without critical extensions that are
unknown; and if it covers the certificate: its kind, its distribution point.  Lists that cover some reasons each count when together they
cover all.

A list of the right issuer that is not usable makes the answer unknown, never good.  Known limitation: lists signed by others than the
issuer (indirect ones) and delta lists are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.keys.schemes import find_signature_algorithm, verify_by_algorithm
from sws.crypto.x509 import extensions as ext
from sws.crypto.x509 import oids
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.crl import CertificateRevocationList, CrlReason, IssuingDistributionPoint, RevokedCertificate
from sws.crypto.x509.extensions import KeyUsage
from sws.crypto.x509.refusal import CertificateError, Reason

__all__ = ["check_revocation"]

_KNOWN: Final = frozenset((oids.CRL_NUMBER, oids.AUTHORITY_KEY_IDENTIFIER, oids.ISSUING_DISTRIBUTION_POINT, oids.ISSUER_ALT_NAME))
_KNOWN_ENTRY: Final = frozenset((oids.CRL_REASON, oids.INVALIDITY_DATE))
_ALL_REASONS: Final = frozenset(range(1, 9))
_HASHES: Final = frozenset(("", "sha256", "sha384", "sha512"))


def check_revocation(path: Sequence[Certificate], crls: Sequence[CertificateRevocationList], now: int, *, required: bool) -> None:
    """Looks for all certificates of a path but the root.

    Args:
      required:  whether a certificate without any list is a failure.
    Raises: CertificateError: REVOKED, or REVOCATION_UNKNOWN.
    """
    for depth in range(len(path) - 1):
        certificate, issuer = path[depth], path[depth + 1]
        lists = [crl for crl in crls if crl.issuer == certificate.issuer]
        if not lists and not required:
            continue
        covered: set[int] = set()
        problem = "no list of the issuer"
        for crl in lists:
            try:
                reasons = _reasons_covered(crl, certificate, issuer, now)
                entry = crl.revoked.get(certificate.serial)
                if entry is not None and reasons:
                    raise CertificateError(Reason.REVOKED, _describe(entry), depth)
                covered |= reasons
            except (DecodeError, LimitExceeded) as error:
                problem = str(error)
        if not covered >= _ALL_REASONS:
            raise CertificateError(Reason.REVOCATION_UNKNOWN, problem, depth)


def _describe(entry: RevokedCertificate) -> str:
    reason = entry.reason
    return "listed" if reason is None else f"listed for {reason.name.lower().replace('_', ' ')}"


def _reasons_covered(crl: CertificateRevocationList, certificate: Certificate, issuer: Certificate, now: int) -> frozenset[int]:
    """Reasons for which the list speaks about the certificate; none if it is not about it.  Raises: DecodeError if it must not be used."""
    _check_list(crl, now)
    usage = issuer.key_usage
    if usage is not None and KeyUsage.CRL_SIGN not in usage:
        raise DecodeError("CRL: the issuer may not sign lists")
    algorithm = find_signature_algorithm(crl.signature_algorithm)
    if algorithm.hash_name not in _HASHES or not verify_by_algorithm(issuer.public_key, algorithm, crl.tbs, crl.signature):
        raise DecodeError("CRL: the signature does not verify")
    point = crl.point
    if point is None:
        return _ALL_REASONS
    if point.indirect or point.only_attributes or not _is_about(point, certificate):
        return frozenset()
    return _ALL_REASONS if point.reasons is None else point.reasons & _ALL_REASONS


def _check_list(crl: CertificateRevocationList, now: int) -> None:
    """RFC 5280 §5.1.2 and §5.2, and its time."""
    if crl.version == 1 and (crl.extensions or any(entry.extensions for entry in crl.revoked.values())):
        raise DecodeError("CRL: extensions in version 1")
    if crl.version == 2 and crl.number is None:
        raise DecodeError("CRL: version 2 without a number")
    if crl.signature_algorithm != crl.inner_algorithm:
        raise DecodeError("CRL: two signature algorithms")
    if crl.next_update is None or not crl.this_update <= now <= crl.next_update:
        raise DecodeError("CRL: not in its time")
    if any(extension.critical and extension.oid not in _KNOWN for extension in crl.extensions.values()):
        raise DecodeError("CRL: a critical extension that is not known")
    for entry in crl.revoked.values():
        if any(extension.critical and extension.oid not in _KNOWN_ENTRY for extension in entry.extensions.values()):
            raise DecodeError("CRL: a critical extension of an entry that is not known")
        if entry.extensions and entry.reason is CrlReason.REMOVE_FROM_CRL:
            raise DecodeError("CRL: removeFromCRL in a list that is whole")


def _is_about(point: IssuingDistributionPoint, certificate: Certificate) -> bool:
    """RFC 5280 §6.3.3 (b)(2)."""
    constraints = certificate.basic_constraints
    is_ca = constraints is not None and constraints.ca
    if (point.only_users and is_ca) or (point.only_authorities and not is_ca):
        return False
    if not point.full_name and not point.relative_name:
        return True
    wanted = certificate.value(oids.CRL_DISTRIBUTION_POINTS, ext.decode_distribution_points) or ()
    return any(
        set(one.full_name) & set(point.full_name) or (one.relative_name and one.relative_name == point.relative_name) for one in wanted
    )
