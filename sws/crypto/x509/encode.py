# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Extensions, written.  RFC 5280 §4.2; the readers are in `extensions`.

Each function gives an `Extension` with the criticality that RFC 5280 demands of issuers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sws.base.errors import UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.sha2 import sha256
from sws.crypto.x509 import oids
from sws.crypto.x509.extensions import Extension
from sws.crypto.x509.general_names import GeneralName, dns, encode_general_name, encode_general_names

__all__ = [
    "authority_info_access",
    "authority_key_identifier",
    "basic_constraints",
    "certificate_policies",
    "crl_distribution_points",
    "encode_extensions",
    "extended_key_usage",
    "host_names",
    "inhibit_any_policy",
    "key_identifier",
    "key_usage",
    "must_staple",
    "name_constraints",
    "ocsp_no_check",
    "policy_constraints",
    "policy_mappings",
    "subject_alt_name",
    "subject_key_identifier",
]


def encode_extensions(extensions: Iterable[Extension]) -> bytes:
    """Extensions, a SEQUENCE OF; b"" if there are none.  Raises: UsageError if one comes twice."""
    listed = list(extensions)
    if len({extension.oid for extension in listed}) != len(listed):
        raise UsageError("an extension twice")
    if not listed:
        return b""
    return writer.sequence(
        *(
            writer.sequence(writer.oid(oid), writer.boolean(True) if critical else b"", writer.octet_string(value))
            for oid, critical, value in listed
        )
    )


def key_identifier(spki: bytes) -> bytes:
    """The leftmost 160 bits of the SHA-256 of the key's BIT STRING.  RFC 7093 §2, method 1.  Raises: DecodeError for what is no SPKI."""
    reader = DerReader(spki).sequence("SubjectPublicKeyInfo")
    reader.any("algorithm")
    return sha256(reader.bit_string("subjectPublicKey").octets)[:20]


def basic_constraints(ca: bool, path_length: int | None = None) -> Extension:
    """RFC 5280 §4.2.1.9.  Raises: UsageError for a path length of what is no CA."""
    if path_length is not None and (not ca or path_length < 0):
        raise UsageError("basicConstraints: a path length is for CAs, and not negative")
    content = writer.boolean(True) if ca else b""
    return Extension(oids.BASIC_CONSTRAINTS, True, writer.sequence(content, b"" if path_length is None else writer.integer(path_length)))


def key_usage(bits: Iterable[int]) -> Extension:
    """RFC 5280 §4.2.1.3; bits of `KeyUsage`."""
    return Extension(oids.KEY_USAGE, True, writer.named_bits(bits))


def extended_key_usage(purposes: Iterable[str]) -> Extension:
    """RFC 5280 §4.2.1.12; names of `oids.PURPOSES`, or identifiers."""
    return Extension(oids.EXTENDED_KEY_USAGE, False, writer.sequence(*(writer.oid(oids.PURPOSES.get(name, name)) for name in purposes)))


def subject_alt_name(names: Sequence[GeneralName], critical: bool = False) -> Extension:
    """RFC 5280 §4.2.1.6; critical where the subject is empty.  Raises: UsageError for no names."""
    if not names:
        raise UsageError("subjectAltName: no names")
    return Extension(oids.SUBJECT_ALT_NAME, critical, encode_general_names(tuple(names)))


def subject_key_identifier(spki: bytes) -> Extension:
    """RFC 5280 §4.2.1.2."""
    return Extension(oids.SUBJECT_KEY_IDENTIFIER, False, writer.octet_string(key_identifier(spki)))


def authority_key_identifier(identifier: bytes) -> Extension:
    """RFC 5280 §4.2.1.1, from the issuer's subjectKeyIdentifier."""
    return Extension(oids.AUTHORITY_KEY_IDENTIFIER, False, writer.sequence(writer.element(tags.context(0), identifier)))


def name_constraints(permitted: Sequence[GeneralName] = (), excluded: Sequence[GeneralName] = ()) -> Extension:
    """RFC 5280 §4.2.1.10.  Raises: UsageError if both are empty."""
    if not permitted and not excluded:
        raise UsageError("nameConstraints: empty")
    parts = []
    for number, names in enumerate((permitted, excluded)):
        if names:
            subtrees = b"".join(writer.sequence(encode_general_name(name)) for name in names)
            parts.append(writer.element(tags.constructed(number), subtrees))
    return Extension(oids.NAME_CONSTRAINTS, True, writer.sequence(*parts))


def _uri(uri: str) -> bytes:
    if not uri.isascii():
        raise UsageError(f"{uri!r}: a URI is ASCII")
    return writer.element(tags.context(6), uri.encode())


def authority_info_access(ocsp: Sequence[str] = (), ca_issuers: Sequence[str] = ()) -> Extension:
    """RFC 5280 §4.2.2.1, from URIs."""
    entries = [(oids.ACCESS_OCSP, uri) for uri in ocsp] + [(oids.ACCESS_CA_ISSUERS, uri) for uri in ca_issuers]
    if not entries:
        raise UsageError("authorityInfoAccess: empty")
    return Extension(
        oids.AUTHORITY_INFO_ACCESS, False, writer.sequence(*(writer.sequence(writer.oid(method), _uri(uri)) for method, uri in entries))
    )


def crl_distribution_points(uris: Sequence[str]) -> Extension:
    """RFC 5280 §4.2.1.13: one point a URI."""
    points = (writer.sequence(writer.explicit(0, writer.element(tags.constructed(0), _uri(uri)))) for uri in uris)
    return Extension(oids.CRL_DISTRIBUTION_POINTS, False, writer.sequence(*points))


def certificate_policies(policies: Iterable[str], critical: bool = False) -> Extension:
    """RFC 5280 §4.2.1.4, without qualifiers."""
    return Extension(oids.CERTIFICATE_POLICIES, critical, writer.sequence(*(writer.sequence(writer.oid(policy)) for policy in policies)))


def policy_mappings(pairs: Iterable[tuple[str, str]]) -> Extension:
    """RFC 5280 §4.2.1.5: (issuer's policy, subject's policy)."""
    mapped = (writer.sequence(writer.oid(issuer), writer.oid(subject)) for issuer, subject in pairs)
    return Extension(oids.POLICY_MAPPINGS, True, writer.sequence(*mapped))


def policy_constraints(require_explicit: int | None = None, inhibit_mapping: int | None = None) -> Extension:
    """RFC 5280 §4.2.1.11."""
    parts = [
        writer.implicit(number, writer.integer(value))
        for number, value in enumerate((require_explicit, inhibit_mapping))
        if value is not None
    ]
    return Extension(oids.POLICY_CONSTRAINTS, True, writer.sequence(*parts))


def inhibit_any_policy(skip: int) -> Extension:
    """RFC 5280 §4.2.1.14."""
    return Extension(oids.INHIBIT_ANY_POLICY, True, writer.integer(skip))


def must_staple() -> Extension:
    """tlsFeature with status_request.  RFC 7633 §4."""
    return Extension(oids.TLS_FEATURE, False, writer.sequence(writer.integer(5)))


def ocsp_no_check() -> Extension:
    """RFC 6960 §4.2.2.2.1."""
    return Extension(oids.OCSP_NO_CHECK, False, writer.NULL)


def host_names(names: Iterable[str]) -> tuple[GeneralName, ...]:
    """Names of hosts in A-labels, and addresses, as they go into subjectAltName.  Raises: UsageError for what is neither."""
    from sws.crypto.x509.general_names import ip
    from sws.crypto.x509.hosts import is_address, is_presentable

    found = []
    for name in names:
        if is_address(name):
            found.append(ip(name))
        elif is_presentable(name):
            found.append(dns(name.lower()))
        else:
            raise UsageError(f"{name!r} is neither the name of a host nor an address")
    return tuple(found)
