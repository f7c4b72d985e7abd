# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What issuers must do, held against the certificate: RFC 5280 §4, and the baseline of the public web.

A verifier need not look at these; `verify_chain` does so if it is asked to (`Profile.RFC5280`, `Profile.WEB`), and `sws cert show` lists
what it finds.  Where private CAs commonly break a rule without harm, this is where the rule is and not in `checks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, final

from sws.crypto.x509 import oids
from sws.crypto.x509.certificate import Certificate
from sws.crypto.x509.extensions import KeyUsage
from sws.crypto.x509.general_names import Kind, address_text
from sws.crypto.x509.hosts import is_presentable

__all__ = ["Profile", "Role", "violations"]

_SERIAL_BITS: Final = 159


@final
class Profile(IntEnum):
    """Whose rules."""

    NONE = 0
    RFC5280 = 1
    WEB = 2


@final
class Role(IntEnum):
    """What a certificate is in a path."""

    LEAF = 0
    INTERMEDIATE = 1
    ROOT = 2


#: Extension → whether it must be critical.  RFC 5280 §4.2.1.1, .2, .9, .11, .14, .15, §4.2.2.
_CRITICALITY: Final = {
    oids.AUTHORITY_KEY_IDENTIFIER: False,
    oids.SUBJECT_KEY_IDENTIFIER: False,
    oids.POLICY_CONSTRAINTS: True,
    oids.INHIBIT_ANY_POLICY: True,
    oids.SUBJECT_DIRECTORY_ATTRIBUTES: False,
    oids.FRESHEST_CRL: False,
    oids.AUTHORITY_INFO_ACCESS: False,
    oids.SUBJECT_INFO_ACCESS: False,
}


def violations(certificate: Certificate, role: Role, profile: Profile) -> list[str]:
    """The rules that a certificate breaks, as phrases with the section.  Raises: DecodeError, LimitExceeded for a malformed one."""
    if profile is Profile.NONE:
        return []
    found = [*_frame(certificate, role), *_extensions(certificate, profile), *_identifiers(certificate, role), *_names(certificate, role)]
    if profile is Profile.WEB:
        found += [*_web(certificate, role), *_web_leaf(certificate, role)]
    return found


def _frame(certificate: Certificate, role: Role) -> Iterator[str]:
    if certificate.version != 3:
        yield "version 3 is wanted (RFC 5280 §4.1.2.1)"
    if role is not Role.ROOT and not 0 < certificate.serial < 1 << _SERIAL_BITS:  # roots of the public web have zero
        yield "the serial number is not positive, or longer than 20 octets (RFC 5280 §4.1.2.2)"
    if not certificate.issuer:
        yield "the issuer is empty (RFC 5280 §4.1.2.4)"


def _extensions(certificate: Certificate, profile: Profile) -> Iterator[str]:
    for oid, critical in _CRITICALITY.items():
        extension = certificate.extensions.get(oid)
        if extension is not None and extension.critical is not critical:
            yield f"{oids.EXTENSION_NAMES[oid]} is {'not ' if critical else ''}critical (RFC 5280 §4.2)"
    constraints = certificate.basic_constraints
    is_ca = constraints is not None and constraints.ca
    if is_ca and not certificate.extensions[oids.BASIC_CONSTRAINTS].critical:
        yield "basicConstraints of a CA is not critical (RFC 5280 §4.2.1.9)"
    usage = certificate.key_usage or frozenset()
    if constraints is not None and constraints.path_length is not None and not (is_ca and KeyUsage.KEY_CERT_SIGN in usage):
        yield "a path length without cA and keyCertSign (RFC 5280 §4.2.1.9)"
    if KeyUsage.KEY_CERT_SIGN in usage and not is_ca:
        yield "keyCertSign without cA (RFC 5280 §4.2.1.9)"
    names = certificate.extensions.get(oids.NAME_CONSTRAINTS)
    if names is not None and not is_ca:
        yield "nameConstraints in a certificate that is no CA's (RFC 5280 §4.2.1.10)"
    if names is not None and not names.critical and profile is Profile.RFC5280:
        yield "nameConstraints is not critical (RFC 5280 §4.2.1.10)"


def _identifiers(certificate: Certificate, role: Role) -> Iterator[str]:
    authority = certificate.authority_key_identifier
    if (authority is None or authority.key_identifier is None) and not (role is Role.ROOT and certificate.is_self_issued):
        yield "authorityKeyIdentifier has no keyIdentifier, or is missing (RFC 5280 §4.2.1.1)"
    if role is not Role.LEAF:
        if certificate.subject_key_identifier is None:
            yield "a CA without subjectKeyIdentifier (RFC 5280 §4.2.1.2)"
        if certificate.key_usage is None:
            yield "a CA without keyUsage (RFC 5280 §4.2.1.3)"


def _names(certificate: Certificate, role: Role) -> Iterator[str]:
    extension = certificate.extensions.get(oids.SUBJECT_ALT_NAME)
    if not certificate.subject:
        if role is not Role.LEAF:
            yield "the subject of a CA is empty (RFC 5280 §4.1.2.6)"
        if extension is None or not extension.critical:
            yield "the subject is empty, and subjectAltName is not critical (RFC 5280 §4.2.1.6)"
    for name in certificate.subject_alt_names:
        if name.kind is Kind.DNS_NAME and isinstance(name.value, str) and (not is_presentable(name.value) or "_" in name.value):
            yield "a dNSName that is not in preferred name syntax (RFC 5280 §4.2.1.6)"
    constraints = certificate.name_constraints
    for base in () if constraints is None else (*constraints.permitted, *constraints.excluded):
        if base.kind is Kind.DNS_NAME and isinstance(base.value, str) and base.value.startswith("."):
            yield "a constraint on dNSName that begins with a dot (RFC 5280 §4.2.1.10)"


def _web(certificate: Certificate, role: Role) -> Iterator[str]:
    """Of the baseline requirements of the CA/Browser Forum what a verifier can see."""
    key = certificate.public_key
    if key.algorithm.startswith("RSA") and key.bits % 8:
        yield "an RSA modulus that is not a multiple of 8 bits (BR §6.1.5)"
    if role is not Role.ROOT:
        return
    if certificate.extended_key_usage is not None:
        yield "a root with extKeyUsage (BR §7.1.2.1.2)"
    authority = certificate.authority_key_identifier
    if authority is None:
        return
    if authority.issuer or authority.serial is not None or authority.key_identifier is None:
        yield "authorityKeyIdentifier of a root has more than keyIdentifier, or not even that (BR §7.1.2.1.3)"
    elif certificate.is_self_issued and authority.key_identifier != certificate.subject_key_identifier:
        yield "authorityKeyIdentifier of a root is not its subjectKeyIdentifier (BR §7.1.2.1.3)"


def _web_leaf(certificate: Certificate, role: Role) -> Iterator[str]:
    if role is not Role.LEAF:
        return
    constraints = certificate.basic_constraints
    if constraints is not None and constraints.ca:
        yield "a leaf with cA (BR §7.1.2.7.8)"
    usages = certificate.extended_key_usage
    if usages is None:
        yield "a leaf without extKeyUsage (BR §7.1.2.7.10)"
    elif oids.ANY_EXTENDED_KEY_USAGE in usages:
        yield "a leaf with anyExtendedKeyUsage (BR §7.1.2.7.10)"
    elif certificate.extensions[oids.EXTENDED_KEY_USAGE].critical:
        yield "extKeyUsage is critical (BR §7.1.2.7.10)"
    extension = certificate.extensions.get(oids.SUBJECT_ALT_NAME)
    if extension is None:
        yield "a leaf without subjectAltName (BR §7.1.2.7.12)"
    elif extension.critical and certificate.subject:
        yield "subjectAltName is critical, and the subject is not empty (BR §7.1.2.7.12)"
    names = {address_text(value) if isinstance(value, bytes) else value for _, value in certificate.subject_alt_names}
    if any(text not in names for text in certificate.subject.values("CN")):
        yield "a common name that is not one of subjectAltName, letter by letter (BR §7.1.4.3)"
