# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is wanted of each certificate of a path by itself.  RFC 5280 §6.1.3 (a)(2), §6.1.4 (k) to (o), §6.1.5; RFC 8446's demands on leaves.

Wanted of all: well-formed, one signature algorithm inside and outside, no critical extension that is unknown, within its time, a key that
is strong enough.  Of issuers besides: basicConstraints and keyUsage of a CA, path length, and the purpose if it is restricted.  Of leaves:
keyUsage and purpose of what the key will do.
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.keys.public import PublicKey
from sws.crypto.keys.schemes import SignatureAlgorithm, find_signature_algorithm
from sws.crypto.x509 import oids
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.extensions import KeyUsage
from sws.crypto.x509.hosts import matches
from sws.crypto.x509.refusal import CertificateError, Reason

__all__ = ["MINIMUM_RSA_BITS", "check_common", "check_issuer", "check_leaf", "check_name", "purpose_oid", "signature_algorithm"]

MINIMUM_RSA_BITS: Final = 2048
_HASHES: Final = frozenset(("sha256", "sha384", "sha512"))

#: Extensions that are processed, so that they may be critical.
_KNOWN: Final = frozenset(
    (
        oids.KEY_USAGE,
        oids.SUBJECT_ALT_NAME,
        oids.BASIC_CONSTRAINTS,
        oids.NAME_CONSTRAINTS,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.CERTIFICATE_POLICIES,
        oids.POLICY_MAPPINGS,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.POLICY_CONSTRAINTS,
        oids.EXTENDED_KEY_USAGE,
        oids.INHIBIT_ANY_POLICY,
        oids.TLS_FEATURE,
    )
)
#: Purpose → bits of keyUsage of which the leaf must have one.  RFC 9846 §4.5.2 wants digitalSignature.
_LEAF_USAGE: Final = {oids.PURPOSES["serverAuth"]: KeyUsage.DIGITAL_SIGNATURE, oids.PURPOSES["clientAuth"]: KeyUsage.DIGITAL_SIGNATURE}


def purpose_oid(purpose: str | None) -> str | None:
    """The identifier of a purpose by name or identifier.  Raises: UsageError for a name that is unknown."""
    if purpose is None or purpose[:1].isdigit():
        return purpose
    if purpose not in oids.PURPOSES:
        raise UsageError(f"purpose {purpose!r}: one of {', '.join(oids.PURPOSES)}")
    return oids.PURPOSES[purpose]


def check_common(certificate: Certificate, depth: int, now: int, minimum_rsa_bits: int = MINIMUM_RSA_BITS) -> PublicKey:
    """What is wanted of all.  Returns: the key.  Raises: CertificateError."""
    if now > certificate.not_after:
        raise CertificateError(Reason.EXPIRED, "its time is over", depth)
    if now < certificate.not_before:
        raise CertificateError(Reason.NOT_YET_VALID, "its time has not come", depth)
    try:
        certificate.check_parts()
    except (DecodeError, LimitExceeded) as error:
        raise CertificateError(Reason.MALFORMED, str(error), depth) from None
    if certificate.signature_algorithm != certificate.inner_algorithm:
        raise CertificateError(Reason.MALFORMED, "two signature algorithms", depth)
    for extension in certificate.extensions.values():
        if extension.critical and extension.oid not in _KNOWN:
            raise CertificateError(Reason.CRITICAL_EXTENSION, f"{extension.oid} is not known", depth)
    try:
        key = certificate.public_key
    except (DecodeError, LimitExceeded) as error:
        raise CertificateError(Reason.UNSUPPORTED_KEY, str(error), depth) from None
    if key.algorithm.startswith("RSA") and key.bits < minimum_rsa_bits:
        raise CertificateError(Reason.WEAK_KEY, f"RSA of {key.bits} bits", depth)
    return key


def check_purpose(certificate: Certificate, depth: int, purpose: str | None) -> None:
    """Whether extKeyUsage, if it is there, allows the purpose.  RFC 5280 §4.2.1.12; of issuers what they may issue for."""
    usages = certificate.extended_key_usage
    if purpose is not None and usages is not None and purpose not in usages and oids.ANY_EXTENDED_KEY_USAGE not in usages:
        raise CertificateError(Reason.PURPOSE, "extKeyUsage does not name it", depth)


def check_issuer(certificate: Certificate, depth: int, followers: int, purpose: str | None) -> None:
    """What is wanted of an issuer besides.

    Args:
      followers:  how many intermediates that are not self-issued come between it and the leaf.
    Raises: CertificateError.
    """
    constraints = certificate.basic_constraints
    if constraints is None or not constraints.ca:
        raise CertificateError(Reason.NOT_A_CA, "basicConstraints does not say so", depth)
    usage = certificate.key_usage
    if usage is not None and KeyUsage.KEY_CERT_SIGN not in usage:
        raise CertificateError(Reason.KEY_USAGE, "a CA without keyCertSign", depth)
    if constraints.path_length is not None and followers > constraints.path_length:
        raise CertificateError(Reason.PATH_LENGTH, f"{followers} intermediates, {constraints.path_length} allowed", depth)
    check_purpose(certificate, depth, purpose)


def check_leaf(certificate: Certificate, purpose: str | None) -> None:
    """What is wanted of a leaf besides.  Raises: CertificateError."""
    check_purpose(certificate, 0, purpose)
    usage, wanted = certificate.key_usage, _LEAF_USAGE.get(purpose or "")
    if usage is not None and wanted is not None and wanted not in usage:
        raise CertificateError(Reason.KEY_USAGE, "a leaf without digitalSignature")
    constraints = certificate.basic_constraints
    if usage is not None and KeyUsage.KEY_CERT_SIGN in usage and (constraints is None or not constraints.ca):
        raise CertificateError(Reason.KEY_USAGE, "keyCertSign, but no CA")


def check_name(certificate: Certificate, name: str) -> None:
    """RFC 9525 §6.  Raises: CertificateError; UsageError for a name that is none."""
    if not matches(name, certificate.subject_alt_names):
        raise CertificateError(Reason.NAME_MISMATCH, f"it is not for {name}")


def signature_algorithm(certificate: Certificate, depth: int) -> SignatureAlgorithm:
    """How the certificate is signed.  Raises: CertificateError for what we do not have, or do not trust any more."""
    try:
        algorithm = find_signature_algorithm(certificate.signature_algorithm)
    except (DecodeError, LimitExceeded) as error:
        raise CertificateError(Reason.SIGNATURE_ALGORITHM, str(error), depth) from None
    if algorithm.kind != "ed25519" and algorithm.hash_name not in _HASHES:
        raise CertificateError(Reason.SIGNATURE_ALGORITHM, f"{algorithm.hash_name} is not trusted", depth)
    if algorithm.kind == "pss" and algorithm.mgf_hash_name not in _HASHES:
        raise CertificateError(Reason.SIGNATURE_ALGORITHM, f"MGF1 with {algorithm.mgf_hash_name} is not trusted", depth)
    return algorithm
