# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Extensions of certificates: what they hold, read from DER.  RFC 5280 §4.2; tlsFeature RFC 7633.

    Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }

Every `decode_x` takes the content of extnValue, accepts that one extension's DER whole and nothing behind it, and raises DecodeError (with
an offset from the beginning of that content) or LimitExceeded for anything else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, final

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.asn1 import tags
from sws.crypto.asn1.reader import DerReader
from sws.crypto.x509 import oids
from sws.crypto.x509.general_names import GeneralName, Kind, read_general_name, read_general_names
from sws.crypto.x509.names import Attribute, read_relative

__all__ = [
    "AccessDescription",
    "AuthorityKeyIdentifier",
    "BasicConstraints",
    "DistributionPoint",
    "Extension",
    "KeyUsage",
    "NameConstraints",
    "PolicyConstraints",
    "PolicyInformation",
    "read_extensions",
]

_MAXIMUM_EXTENSIONS: Final = 64
_MAXIMUM_ENTRIES: Final = 4096


@final
class Extension(NamedTuple):
    """One extension.

    Attributes:
      value:  the content of extnValue.
    """

    oid: str
    critical: bool
    value: bytes


def read_extensions(reader: DerReader, what: str) -> dict[str, Extension]:
    """The SEQUENCE OF Extension that comes next, by identifier, in order.

    Raises: DecodeError if it is empty or one extension comes twice (RFC 5280 §4.2); LimitExceeded for more than 64.
    """
    inner = reader.sequence(what)
    found: dict[str, Extension] = {}
    for each in inner.elements(what, 1):
        at = each.at
        fields = each.sequence(what)
        oid = fields.oid(what)
        critical = fields.default_false(what)
        value = fields.octet_string(what)
        fields.finish(what)
        if oid in found:
            raise DecodeError(f"{what}: {oid} twice", at)
        if len(found) >= _MAXIMUM_EXTENSIONS:
            raise LimitExceeded("extensions", len(found) + 1, _MAXIMUM_EXTENSIONS)
        found[oid] = Extension(oid, critical, value)
    return found


def _only_sequence(value: bytes, what: str) -> DerReader:
    """A reader over the SEQUENCE that is all of the value."""
    outer = DerReader(value)
    reader = outer.sequence(what)
    outer.finish(what)
    return reader


# --- what a certificate may be used for ------------------------------------------------------------------------------------


@final
class BasicConstraints(NamedTuple):
    """RFC 5280 §4.2.1.9.

    Attributes:
      ca:           whether the key may sign certificates.
      path_length:  how many intermediates, self-issued ones not counted, may follow; None: any number.
    """

    ca: bool
    path_length: int | None


def decode_basic_constraints(value: bytes) -> BasicConstraints:
    """RFC 5280 §4.2.1.9."""
    what = "basicConstraints"
    reader = _only_sequence(value, what)
    ca = reader.default_false(what)
    path_length = reader.natural(what) if reader.tag == tags.INTEGER else None
    reader.finish(what)
    return BasicConstraints(ca, path_length)


@final
class KeyUsage(IntEnum):
    """Numbers of the bits.  RFC 5280 §4.2.1.3."""

    DIGITAL_SIGNATURE = 0
    NON_REPUDIATION = 1
    KEY_ENCIPHERMENT = 2
    DATA_ENCIPHERMENT = 3
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5
    CRL_SIGN = 6
    ENCIPHER_ONLY = 7
    DECIPHER_ONLY = 8


def decode_key_usage(value: bytes) -> frozenset[int]:
    """Numbers of the bits that are set, one at least.  RFC 5280 §4.2.1.3."""
    reader = DerReader(value)
    bits = reader.named_bits("keyUsage")
    reader.finish("keyUsage")
    if not bits:
        raise DecodeError("keyUsage: no bit is set")
    return bits


def _oids(value: bytes, what: str) -> tuple[str, ...]:
    found = tuple(each.oid(what) for each in _only_sequence(value, what).elements(what, 1))
    if len(found) > _MAXIMUM_ENTRIES:
        raise LimitExceeded(f"entries of {what}", len(found), _MAXIMUM_ENTRIES)
    return found


def decode_extended_key_usage(value: bytes) -> tuple[str, ...]:
    """Purposes, one at least.  RFC 5280 §4.2.1.12."""
    return _oids(value, "extKeyUsage")


def decode_tls_feature(value: bytes) -> tuple[int, ...]:
    """TLS extensions that a server promises, 5 being status_request.  RFC 7633 §4.1."""
    what = "tlsFeature"
    return tuple(each.natural(what) for each in _only_sequence(value, what).elements(what))


# --- names and keys --------------------------------------------------------------------------------------------------------


def decode_alt_name(value: bytes) -> tuple[GeneralName, ...]:
    """subjectAltName and issuerAltName.  RFC 5280 §4.2.1.6 and §4.2.1.7."""
    what = "alternative name"
    names = read_general_names(_only_sequence(value, what), what)
    for name in names:
        if name.kind is Kind.IP_ADDRESS and isinstance(name.value, bytes) and len(name.value) not in (4, 16):
            raise DecodeError(f"{what}: an address of {len(name.value)} octets")
    return names


def decode_subject_key_identifier(value: bytes) -> bytes:
    """RFC 5280 §4.2.1.2."""
    reader = DerReader(value)
    identifier = reader.octet_string("subjectKeyIdentifier")
    reader.finish("subjectKeyIdentifier")
    return identifier


@final
class AuthorityKeyIdentifier(NamedTuple):
    """RFC 5280 §4.2.1.1.  Fields that are absent are None, and no issuer is ()."""

    key_identifier: bytes | None
    issuer: tuple[GeneralName, ...]
    serial: int | None


def decode_authority_key_identifier(value: bytes) -> AuthorityKeyIdentifier:
    """RFC 5280 §4.2.1.1."""
    what = "authorityKeyIdentifier"
    reader = _only_sequence(value, what)
    key = reader.take(tags.context(0), what) if reader.tag == tags.context(0) else None
    inner = reader.optional(tags.constructed(1), what)
    issuer = () if inner is None else read_general_names(inner, what)
    serial = reader.integer(what, tags.context(2)) if reader.tag == tags.context(2) else None
    reader.finish(what)
    if (not issuer) != (serial is None):
        raise DecodeError(f"{what}: an issuer without a serial number, or the reverse")
    return AuthorityKeyIdentifier(key, issuer, serial)


@final
class NameConstraints(NamedTuple):
    """RFC 5280 §4.2.1.10: where the names of what follows in a path must, and must not, be."""

    permitted: tuple[GeneralName, ...]
    excluded: tuple[GeneralName, ...]


def decode_name_constraints(value: bytes) -> NameConstraints:
    """RFC 5280 §4.2.1.10; of a subtree the minimum is 0 and there is no maximum."""
    what = "nameConstraints"
    reader = _only_sequence(value, what)
    parts: list[tuple[GeneralName, ...]] = []
    for number in (0, 1):
        inner = reader.optional(tags.constructed(number), what)
        parts.append(() if inner is None else tuple(_subtree(each) for each in inner.elements(what, 1)))
    reader.finish(what)
    if not (parts[0] or parts[1]):
        raise DecodeError(f"{what}: empty")
    return NameConstraints(parts[0], parts[1])


def _subtree(reader: DerReader) -> GeneralName:
    what = "GeneralSubtree"
    inner = reader.sequence(what)
    name = read_general_name(inner)
    inner.finish(what)
    if name.kind is Kind.IP_ADDRESS and isinstance(name.value, bytes):
        half, odd = divmod(len(name.value), 2)
        mask = int.from_bytes(name.value[half:], "big")
        inverted = mask ^ (1 << 8 * half) - 1
        if odd or half not in (4, 16) or inverted & inverted + 1:
            raise DecodeError(f"{what}: an address without a mask, or a mask with holes", reader.at)
    return name


# --- policies --------------------------------------------------------------------------------------------------------------


@final
class PolicyInformation(NamedTuple):
    """RFC 5280 §4.2.1.4.

    Attributes:
      qualifiers:  (identifier, the element whole).
    """

    policy: str
    qualifiers: tuple[tuple[str, bytes], ...]


def decode_policies(value: bytes) -> tuple[PolicyInformation, ...]:
    """RFC 5280 §4.2.1.4: policies, each once."""
    what = "certificatePolicies"
    found: dict[str, PolicyInformation] = {}
    for each in _only_sequence(value, what).elements(what, 1):
        fields = each.sequence(what)
        policy = fields.oid(what)
        qualifiers = []
        if fields.tag == tags.SEQUENCE:
            for one in fields.sequence(what).elements(what, 1):
                qualifier = one.sequence(what)
                qualifiers.append(_qualifier(qualifier, what))
        fields.finish(what)
        if policy in found:
            raise DecodeError(f"{what}: {policy} twice", each.at)
        found[policy] = PolicyInformation(policy, tuple(qualifiers))
        if len(found) > _MAXIMUM_ENTRIES:
            raise LimitExceeded(f"entries of {what}", len(found), _MAXIMUM_ENTRIES)
    return tuple(found.values())


def _qualifier(reader: DerReader, what: str) -> tuple[str, bytes]:
    """A CPS pointer is an IA5String, a notice a SEQUENCE; of others only DER is wanted."""
    oid = reader.oid(what)
    wanted = {oids.QUALIFIER_CPS: tags.IA5_STRING, oids.QUALIFIER_NOTICE: tags.SEQUENCE}.get(oid, reader.tag)
    if reader.tag != wanted:
        raise DecodeError(f"{what}: a qualifier of the wrong type", reader.at)
    value = reader.any(what)
    reader.finish(what)
    return oid, value


def decode_policy_mappings(value: bytes) -> tuple[tuple[str, str], ...]:
    """RFC 5280 §4.2.1.5: (issuer's policy, subject's policy)."""
    what = "policyMappings"
    found = []
    for each in _only_sequence(value, what).elements(what, 1):
        fields = each.sequence(what)
        found.append((fields.oid(what), fields.oid(what)))
        fields.finish(what)
    if len(found) > _MAXIMUM_ENTRIES:
        raise LimitExceeded(f"entries of {what}", len(found), _MAXIMUM_ENTRIES)
    return tuple(found)


@final
class PolicyConstraints(NamedTuple):
    """RFC 5280 §4.2.1.11: after how many certificates a policy is wanted, mapping is over."""

    require_explicit: int | None
    inhibit_mapping: int | None


def decode_policy_constraints(value: bytes) -> PolicyConstraints:
    """RFC 5280 §4.2.1.11."""
    what = "policyConstraints"
    reader = _only_sequence(value, what)
    numbers = [reader.natural(what, tags.context(n)) if reader.tag == tags.context(n) else None for n in (0, 1)]
    reader.finish(what)
    if numbers == [None, None]:
        raise DecodeError(f"{what}: empty")
    return PolicyConstraints(numbers[0], numbers[1])


def decode_inhibit_any_policy(value: bytes) -> int:
    """RFC 5280 §4.2.1.14."""
    reader = DerReader(value)
    skip = reader.natural("inhibitAnyPolicy")
    reader.finish("inhibitAnyPolicy")
    return skip


# --- where more is to be found ---------------------------------------------------------------------------------------------


@final
class AccessDescription(NamedTuple):
    """RFC 5280 §4.2.2.1."""

    method: str
    location: GeneralName


def decode_access(value: bytes) -> tuple[AccessDescription, ...]:
    """authorityInfoAccess and subjectInfoAccess.  RFC 5280 §4.2.2."""
    what = "info access"
    found = []
    for each in _only_sequence(value, what).elements(what, 1):
        fields = each.sequence(what)
        found.append(AccessDescription(fields.oid(what), read_general_name(fields)))
        fields.finish(what)
    return tuple(found)


@final
class DistributionPoint(NamedTuple):
    """RFC 5280 §4.2.1.13.

    Attributes:
      full_name:      names of one place; () if there are none.
      relative_name:  to be put behind the CRL issuer's name; () if there is none.
      reasons:        numbers of the reasons covered; None: all.
      crl_issuer:     who signs the CRL if not the certificate's issuer.
    """

    full_name: tuple[GeneralName, ...]
    relative_name: tuple[Attribute, ...]
    reasons: frozenset[int] | None
    crl_issuer: tuple[GeneralName, ...]


def read_point_name(reader: DerReader, what: str) -> tuple[tuple[GeneralName, ...], tuple[Attribute, ...]]:
    """DistributionPointName behind its [0], if it comes next: the full name and the relative one, of which one is ()."""
    wrapped = reader.optional(tags.constructed(0), what)
    if wrapped is None:
        return (), ()
    full: tuple[GeneralName, ...] = ()
    relative: tuple[Attribute, ...] = ()
    if wrapped.tag == tags.constructed(0):
        full = read_general_names(wrapped.enter(tags.constructed(0), what), what)
    else:
        relative = read_relative(wrapped, tags.constructed(1))
    wrapped.finish(what)
    return full, relative


def decode_distribution_points(value: bytes) -> tuple[DistributionPoint, ...]:
    """cRLDistributionPoints and freshestCRL.  RFC 5280 §4.2.1.13 and §4.2.1.15."""
    what = "distribution points"
    found = []
    for each in _only_sequence(value, what).elements(what, 1):
        fields = each.sequence(what)
        full, relative = read_point_name(fields, what)
        reasons = fields.named_bits(what, tags.context(1)) if fields.tag == tags.context(1) else None
        inner = fields.optional(tags.constructed(2), what)
        issuer = () if inner is None else read_general_names(inner, what)
        fields.finish(what)
        if not (full or relative or issuer):
            raise DecodeError(f"{what}: neither a place nor an issuer", each.at)
        found.append(DistributionPoint(full, relative, reasons, issuer))
    return tuple(found)


def decode_null(value: bytes) -> bool:
    """An extension that says everything by being there (ocsp-nocheck, RFC 6960 §4.2.2.2.1)."""
    reader = DerReader(value)
    reader.null("extension")
    reader.finish("extension")
    return True


def decode_directory_attributes(value: bytes) -> bytes:
    """subjectDirectoryAttributes, RFC 5280 §4.2.1.8: checked to be DER, and given as it is."""
    reader = DerReader(value)
    whole = reader.any("subjectDirectoryAttributes")
    reader.finish("subjectDirectoryAttributes")
    return whole
