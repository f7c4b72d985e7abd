# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What `sws cert show` says about certificates and requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sws.base.errors import DecodeError, LimitExceeded, SwsError
from sws.crypto.asn1.times import format_time
from sws.crypto.hashes import digest
from sws.crypto.keys import PublicKey
from sws.crypto.keys.schemes import find_signature_algorithm
from sws.crypto.pem import decode_pem, is_pem
from sws.crypto.x509 import Certificate, CertificateRequest, KeyUsage, Profile, oids
from sws.crypto.x509.profile import Role, violations

__all__ = ["describe", "lines"]

_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_REQUESTS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_PURPOSES = {oid: name for name, oid in oids.PURPOSES.items()}


def describe(data: bytes, file: str) -> list[dict[str, Any]]:
    """One entry for each certificate or request of a file, in DER or PEM.

    Raises: DecodeError for a file without any, and one that is malformed; LimitExceeded.
    """
    if not is_pem(data):
        try:
            return [_certificate(Certificate.from_der(data))]
        except DecodeError as error:
            try:
                return [_request(CertificateRequest.from_der(data))]
            except DecodeError:
                raise DecodeError(f"{file} is neither a certificate nor a request: {error.what}", error.offset) from None
    found = []
    for block in decode_pem(data):
        if block.label in _CERTIFICATES:
            found.append(_certificate(Certificate.from_der(block.der)))
        elif block.label in _REQUESTS:
            found.append(_request(CertificateRequest.from_der(block.der)))
    if not found:
        raise DecodeError(f"{file} has neither a certificate nor a request")
    return found


def _certificate(certificate: Certificate) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "kind": "certificate",
        "version": certificate.version,
        "serial": f"{certificate.serial:x}",
        "subject": _try(lambda: str(certificate.subject)),
        "issuer": _try(lambda: str(certificate.issuer)),
        "not_before": format_time(certificate.not_before),
        "not_after": format_time(certificate.not_after),
        "names": _try(lambda: [str(name) for name in certificate.subject_alt_names]),
        "key": _try(lambda: _key(certificate.public_key)),
        "signature": _try(lambda: _signature(certificate)),
        "sha256": digest("sha256", certificate.der).hex(),
        "extensions": [
            {"name": oids.EXTENSION_NAMES.get(one.oid, one.oid), "critical": one.critical, "value": _value(certificate, one.oid)}
            for one in certificate.extensions.values()
        ],
    }
    entry["remarks"] = _try(lambda: violations(certificate, _role(certificate), Profile.RFC5280))
    return entry


def _request(request: CertificateRequest) -> dict[str, Any]:
    return {
        "kind": "request",
        "subject": str(request.subject),
        "names": _try(lambda: [str(name) for name in request.subject_alt_names]),
        "key": _key(request.public_key),
        "signed": _try(lambda: request.is_signed),
        "extensions": [{"name": oids.EXTENSION_NAMES.get(oid, oid), "critical": one.critical} for oid, one in request.extensions.items()],
    }


def _try(read: Any) -> Any:
    """What it gives; of what is malformed the reason."""
    try:
        return read()
    except SwsError as error:
        return f"malformed: {error}"


def _key(key: PublicKey) -> str:
    return f"{key.algorithm} {key.bits} bits" if key.algorithm.startswith("RSA") else key.algorithm


def _signature(certificate: Certificate) -> str:
    found = find_signature_algorithm(certificate.signature_algorithm)
    return " ".join(filter(None, (found.kind, found.hash_name)))


def _role(certificate: Certificate) -> Role:
    constraints = certificate.basic_constraints
    if constraints is None or not constraints.ca:
        return Role.LEAF
    return Role.ROOT if certificate.is_self_issued else Role.INTERMEDIATE


def _value(certificate: Certificate, oid: str) -> Any:
    """An extension in words; what has none in hexadecimal."""
    try:
        if oid == oids.BASIC_CONSTRAINTS and (found := certificate.basic_constraints) is not None:
            return {"ca": found.ca, "path_length": found.path_length}
        if oid == oids.KEY_USAGE:
            return [KeyUsage(bit).name.lower() if bit < len(KeyUsage) else str(bit) for bit in sorted(certificate.key_usage or ())]
        if oid == oids.EXTENDED_KEY_USAGE:
            return [_PURPOSES.get(one, one) for one in certificate.extended_key_usage or ()]
        if oid == oids.SUBJECT_ALT_NAME:
            return [str(name) for name in certificate.subject_alt_names]
        if oid == oids.SUBJECT_KEY_IDENTIFIER:
            return (certificate.subject_key_identifier or b"").hex()
        if oid == oids.AUTHORITY_KEY_IDENTIFIER and (authority := certificate.authority_key_identifier) is not None:
            return (authority.key_identifier or b"").hex()
        if oid == oids.NAME_CONSTRAINTS and (limits := certificate.name_constraints) is not None:
            return {"permitted": [str(one) for one in limits.permitted], "excluded": [str(one) for one in limits.excluded]}
        if oid == oids.AUTHORITY_INFO_ACCESS:
            return {"ocsp": list(certificate.access(oids.ACCESS_OCSP)), "ca_issuers": list(certificate.access(oids.ACCESS_CA_ISSUERS))}
    except (DecodeError, LimitExceeded) as error:
        return f"malformed: {error}"
    return certificate.extensions[oid].value.hex()


def lines(entry: dict[str, Any]) -> Iterator[str]:
    """An entry as text: "name: value", extensions below, one a line."""
    for name, value in entry.items():
        label = name.replace("_", " ")
        if name == "extensions":
            yield "extensions:"
            for one in value:
                critical = " (critical)" if one["critical"] else ""
                shown = f": {_text(one['value'])}" if "value" in one else ""
                yield f"  {one['name']}{critical}{shown}"
        elif name != "remarks" or value:
            yield f"{label + ':':<12} {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_text(one)}" for name, one in value.items() if one not in (None, []))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
