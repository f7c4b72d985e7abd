# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Certificates and lists of all kinds: read as another implementation has read them, or refused with a reason that stands here."""

from __future__ import annotations

import datetime
from typing import Any

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.hashes import digest
from sws.crypto.pem import decode_pem, is_pem
from sws.crypto.x509 import Certificate, GeneralName, Kind
from sws.crypto.x509.crl import CertificateRevocationList
from sws.crypto.x509.extensions import Extension
from sws.crypto.x509.general_names import OtherName, address_text
from sws.crypto.x509.names import ATTRIBUTES, Attribute, Name
from tests.kit.vectors import extra_json, extra_vectors


def first(data: bytes) -> bytes:
    return decode_pem(data)[0].der if is_pem(data) else data


def attempt(read: Any) -> Any:
    """What it gives, or what it raises: only declared errors are met."""
    try:
        return read()
    except (DecodeError, LimitExceeded) as error:
        return error


def when(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def shown(extensions: Any) -> list[dict[str, object]]:
    return [{"oid": one.oid, "critical": one.critical} for one in extensions.values() if isinstance(one, Extension)]


def check_certificate(certificate: Certificate, wanted: dict[str, Any]) -> set[str]:
    """Compares field by field.  Returns: fields that one of the two refuses, and the other does not."""
    differ = set()

    def same(field: str, read: Any) -> None:
        found, expected = attempt(read), wanted.get(field)
        if isinstance(found, Exception) or (isinstance(expected, dict) and "error" in expected):
            if isinstance(found, Exception) is not (isinstance(expected, dict) and "error" in expected):
                differ.add(f"{field} {'ours' if isinstance(found, Exception) else 'theirs'}")
            return
        assert found == expected, field

    same("version", lambda: certificate.version)
    same("serial", lambda: str(certificate.serial))
    same("not_before", lambda: when(certificate.not_before))
    same("not_after", lambda: when(certificate.not_after))
    same("sig_oid", lambda: certificate.signature_algorithm.oid)
    same("sig_len", lambda: len(certificate.signature))
    same("tbs_sha256", lambda: digest("sha256", certificate.tbs).hex())
    same("extensions", lambda: shown(certificate.extensions))
    same("subject", lambda: text(certificate.subject))
    same("issuer", lambda: text(certificate.issuer))
    if wanted.get("basic_constraints") is not None:
        same("basic_constraints", lambda: constraints(certificate))
    found = attempt(lambda: certificate.subject_alt_names)
    if isinstance(wanted.get("san"), list) and not isinstance(found, Exception):
        assert len(found) == len(wanted["san"])
        for ours, theirs in zip(found, wanted["san"], strict=True):
            assert is_same_name(ours, theirs), (ours, theirs)
    return differ


def check_list(crl: CertificateRevocationList, wanted: dict[str, Any]) -> None:
    assert digest("sha256", crl.der).hex()
    assert text(crl.issuer) == wanted["issuer"]
    assert (when(crl.this_update), when(crl.next_update)) == (wanted["this_update"], wanted["next_update"])
    assert crl.signature_algorithm.oid == wanted["sig_oid"]
    assert {str(one.serial): when(one.date) for one in crl.revoked.values()} == {one["serial"]: one["date"] for one in wanted["revoked"]}
    if "error" not in wanted["extensions"]:
        assert shown(crl.extensions) == wanted["extensions"]
    for revoked in crl.revoked.values():
        attempt(lambda: revoked.reason)  # noqa: B023
    attempt(lambda: (crl.number, crl.point))


#: Names that the other implementation has for attributes; others it shows by their identifiers.
SHORT = ("CN", "L", "ST", "O", "OU", "C", "STREET", "DC", "UID")


def text(name: Name) -> str:
    """A name as the other implementation writes it."""
    return ",".join("+".join(attribute(one) for one in rdn) for rdn in reversed(name.rdns))


def attribute(one: Attribute) -> str:
    if one.text is None:
        return f"{one.oid}=#{one.value[2:].hex()}"  # RFC 4514 §2.4 has the element whole
    short = next((name for name in SHORT if ATTRIBUTES[name] == one.oid), one.oid)
    return f"{short}={str(one._replace(oid=ATTRIBUTES['CN'])).partition('=')[2]}"  # RFC 4514 §2.4 has hexadecimal for types without name


def constraints(certificate: Certificate) -> dict[str, object] | None:
    found = certificate.basic_constraints
    return None if found is None else {"ca": found.ca, "path_length": found.path_length}


def is_same_name(ours: GeneralName, theirs: list[Any]) -> bool:
    kind, wanted = theirs
    if isinstance(ours.value, OtherName):
        return (kind, wanted) == ("OtherName", {"type_id": ours.value.oid, "value": ours.value.value.hex()})
    if isinstance(ours.value, Name):
        return kind == "DirectoryName" and text(ours.value) == wanted
    shown_as = address_text(ours.value) if isinstance(ours.value, bytes) else ours.value
    return (kind, wanted) == (KINDS[ours.kind], shown_as)


KINDS = {
    Kind.DNS_NAME: "DNSName",
    Kind.RFC822_NAME: "RFC822Name",
    Kind.URI: "UniformResourceIdentifier",
    Kind.IP_ADDRESS: "IPAddress",
    Kind.REGISTERED_ID: "RegisteredID",
}


#: File -> why we refuse it whole.
REFUSED = {
    "crl_bad_version.pem": "TBSCertList: a version that is not 2 at offset 7",
    "crl_invalid_time.der": "a time that is not [YY]YYMMDDhhmmssZ at offset 45",
    "crl_issuer_invalid_printable_string.der": "a character string with a character that its type does not have at offset 69",
    "invalid_version.pem": "TBSCertificate: version 8 at offset 10",
}
#: File -> why we refuse an extension for which the other implementation refuses them all; "" where we do not.
THEIRS = {
    "badssl-sct-anonymous-sig.der": "",
    "badssl-sct-none-hash.der": "",
    "cp_invalid.pem": "certificatePolicies: a qualifier of the wrong type at offset 31",
    "cp_invalid2.der": "certificatePolicies: a qualifier of the wrong type at offset 31",
    "inhibit_any_policy_negative.pem": "inhibitAnyPolicy: a negative INTEGER at offset 0",
    "invalid-sct-version.der": "",
    "malformed-ian.pem": "GeneralName: identifier 0c, a0 wanted at offset 9",
    "malformed-san.pem": "GeneralName: identifier 0c, a0 wanted at offset 9",
    "nc_invalid_ip4_netmask.der": "GeneralSubtree: an address without a mask, or a mask with holes at offset 16",
    "nc_ip_invalid_length.pem": "GeneralSubtree: an address without a mask, or a mask with holes at offset 41",
    "san_edipartyname.der": "",
    "san_x400address.der": "",
}


def test_every_file_is_read_or_refused() -> None:
    refused, differ, count = {}, {}, 0
    for name, entry in extra_json("x509", "certs", "expected.json").items():
        data = extra_vectors("x509", "certs", name).read_bytes()
        der = first(data)
        count += 1
        if entry["kind"] == "crl":
            crl = attempt(lambda der=der: CertificateRevocationList(der))
            if isinstance(crl, Exception):
                refused[name] = str(crl)
                continue
            check_list(crl, entry["parsed"])
            continue
        assert digest("sha256", der).hex() == entry["der_sha256"]
        certificate = attempt(lambda der=der: Certificate.from_der(der))
        if isinstance(certificate, Exception):
            refused[name] = str(certificate)
            continue
        parts = attempt(certificate.check_parts)
        attempt(lambda certificate=certificate: certificate.public_key)
        found = check_certificate(certificate, entry["parsed"])
        if found:
            differ[name] = "" if parts is None else str(parts)
            assert all(field.endswith("theirs") for field in found), found
    assert count >= 96
    assert refused == REFUSED
    assert differ == THEIRS
