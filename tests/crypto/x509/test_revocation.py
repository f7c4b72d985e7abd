# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Revocation lists: read as another implementation writes them, and when one counts.  RFC 5280 §5 and §6.3."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sws.base.errors import DecodeError, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.keys.schemes import algorithm_of_scheme
from sws.crypto.x509 import Certificate, CertificateError, Extension, KeyUsage, Profile, Reason, encode, oids, verify_chain
from sws.crypto.x509.crl import CertificateRevocationList, CrlReason, decode_issuing_distribution_point
from sws.crypto.x509.general_names import dns
from sws.crypto.x509.profile import Role, violations
from tests.crypto.x509.chains import DAY, NOW, authority, bare, counted, leaf, signing

ROOT = authority("Root", 0)
LEAF = leaf()
NUMBER = Extension(oids.CRL_NUMBER, False, writer.integer(5))


def entry(serial: int, *extensions: Extension) -> bytes:
    return writer.sequence(writer.integer(serial), writer.time(NOW - 5), encode.encode_extensions(extensions))


def cause(reason: int) -> Extension:
    return Extension(oids.CRL_REASON, False, writer.enumerated(reason))


def crl(
    *entries: bytes,
    extensions: Sequence[Extension] = (NUMBER,),
    version: bytes = b"\x02\x01\x01",
    issuer: Certificate = ROOT,
    key: int = 0,
    begin: int = NOW - 10,
    end: int | None = NOW + DAY,
) -> CertificateRevocationList:
    algorithm = algorithm_of_scheme("ecdsa_secp256r1_sha256").encode()
    listed = encode.encode_extensions(extensions)
    tbs = writer.sequence(
        version,
        algorithm,
        issuer.subject_der,
        writer.time(begin),
        b"" if end is None else writer.time(end),
        writer.sequence(*entries) if entries else b"",
        writer.explicit(0, listed) if listed else b"",
    )
    signature = signing("P-256", key).sign("ecdsa_secp256r1_sha256", tbs, counted("crl"))
    return CertificateRevocationList(writer.sequence(tbs, algorithm, writer.bit_string(signature)))


def outcome(
    *lists: CertificateRevocationList, certificate: Certificate = LEAF, root: Certificate = ROOT, required: bool = True
) -> Reason | None:
    try:
        verify_chain(certificate, [], [root], now=NOW, crls=lists, require_revocation=required)
    except CertificateError as error:
        return error.reason
    return None


def test_good_and_revoked() -> None:
    assert outcome(crl()) is None
    assert outcome(crl(entry(LEAF.serial + 1))) is None
    assert outcome(crl(entry(LEAF.serial))) is Reason.REVOKED
    with pytest.raises(CertificateError, match="listed for key compromise"):
        verify_chain(LEAF, [], [ROOT], now=NOW, crls=[crl(entry(LEAF.serial, cause(1)))])
    assert outcome() is Reason.REVOCATION_UNKNOWN
    assert outcome(required=False) is None
    other = crl(entry(LEAF.serial), issuer=authority("Else", 3), key=3)
    assert outcome(other, required=False) is None
    assert outcome(other) is Reason.REVOCATION_UNKNOWN


UNKNOWN = Extension("1.2.3", True, b"")


@pytest.mark.parametrize(
    "unusable",
    [
        crl(version=b""),
        crl(entry(1, cause(4)), version=b"", extensions=()),
        crl(extensions=()),
        crl(end=None),
        crl(end=NOW - 1),
        crl(begin=NOW + 1),
        crl(key=1),
        crl(extensions=(NUMBER, UNKNOWN)),
        crl(extensions=(NUMBER, Extension(oids.DELTA_CRL_INDICATOR, True, writer.integer(1)))),
        crl(entry(1, UNKNOWN)),
        crl(entry(1, cause(8))),
        crl(entry(1, cause(7))),
        crl(extensions=(Extension(oids.CRL_NUMBER, False, writer.integer(-1)),)),
    ],
)
def test_a_list_that_cannot_be_used_is_no_answer(unusable: CertificateRevocationList) -> None:
    assert outcome(unusable) is Reason.REVOCATION_UNKNOWN
    assert outcome(unusable, required=False) is Reason.REVOCATION_UNKNOWN
    assert outcome(unusable, crl(entry(LEAF.serial))) is Reason.REVOKED


def test_lists_of_version_1() -> None:
    """RFC 5280 §5: whole lists of version 1 are to be processed; they have no extensions (§5.1.2.1), so no number either."""
    assert outcome(crl(version=b"", extensions=())) is None
    assert outcome(crl(entry(LEAF.serial), version=b"", extensions=())) is Reason.REVOKED
    assert outcome(crl(version=b"", extensions=(), end=NOW - 1)) is Reason.REVOCATION_UNKNOWN


def test_both_forms_of_time() -> None:
    """RFC 5280 §5.1.2.4 and §5.1.2.5: UTCTime to 2049, GeneralizedTime from 2050."""
    late = crl(end=2_600_000_000)
    assert (late.this_update, late.next_update) == (NOW - 10, 2_600_000_000)
    assert b"20520522" in late.tbs
    assert outcome(late) is None


def test_two_signature_algorithms() -> None:
    one = crl()
    changed = one.der.replace(writer.oid("1.2.840.10045.4.3.2"), writer.oid("1.2.840.10045.4.3.3"), 1)
    assert outcome(CertificateRevocationList(changed)) is Reason.REVOCATION_UNKNOWN
    weak = one.der.replace(writer.oid("1.2.840.10045.4.3.2"), writer.oid("1.2.840.10045.4.3.1"))
    assert outcome(CertificateRevocationList(weak)) is Reason.REVOCATION_UNKNOWN


def test_an_issuer_that_may_not() -> None:
    root = bare("Root", "Root", 0, key=0, extensions=[encode.basic_constraints(True), encode.key_usage((KeyUsage.KEY_CERT_SIGN,))])
    assert outcome(crl(), root=root) is Reason.REVOCATION_UNKNOWN


def point(*parts: bytes) -> Extension:
    return Extension(oids.ISSUING_DISTRIBUTION_POINT, True, writer.sequence(*parts))


def flag(number: int) -> bytes:
    return writer.element(tags.context(number), b"\xff")


PLACE = writer.explicit(0, writer.element(0xA0, writer.element(tags.context(6), b"http://c/")))
HALF, REST = (writer.implicit(3, writer.named_bits(bits)) for bits in ((1, 2, 3, 4), (5, 6, 7, 8)))


def test_what_a_list_covers() -> None:
    """RFC 5280 §6.3.3 (b)(2)."""

    def of(*parts: bytes, certificate: Certificate = LEAF) -> Reason | None:
        return outcome(crl(extensions=(NUMBER, point(*parts))), certificate=certificate)

    assert of(flag(1)) is None
    assert of(flag(2)) is Reason.REVOCATION_UNKNOWN
    assert of(flag(4)) is Reason.REVOCATION_UNKNOWN
    assert of(flag(5)) is Reason.REVOCATION_UNKNOWN
    assert of(PLACE) is Reason.REVOCATION_UNKNOWN
    placed = bare("L", "Root", 0, further=[encode.crl_distribution_points(["http://c/"])])
    assert of(PLACE, certificate=placed) is None
    assert of(HALF) is Reason.REVOCATION_UNKNOWN
    halves = [crl(extensions=(NUMBER, point(one))) for one in (HALF, REST)]
    assert outcome(*halves) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (writer.sequence(writer.element(tags.context(1), b"\x00")), "not TRUE"),
        (writer.sequence(flag(1), flag(2)), "at once"),
        (writer.sequence(flag(6)), "too many"),
    ],
)
def test_points_that_are_refused(value: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode_issuing_distribution_point(value)


def test_lists_in_pem() -> None:
    one = crl(entry(7, cause(4)))
    assert CertificateRevocationList.load(one.to_pem().encode()).der == one.der
    assert CertificateRevocationList.load(one.der).revoked[7].reason is CrlReason.SUPERSEDED
    assert (one.number, one.point) == (5, None)
    with pytest.raises(DecodeError, match="without a CRL"):
        CertificateRevocationList.load(ROOT.to_pem().encode())


def test_numbers_of_20_octets() -> None:
    """RFC 5280 §5.2.3."""
    number = (1 << 159) - 1
    one = crl(entry(LEAF.serial), extensions=(Extension(oids.CRL_NUMBER, False, writer.integer(number)),))
    assert one.number == number
    assert outcome(one) is Reason.REVOKED


HINT = encode.authority_key_identifier(b"x")
SERVER = encode.extended_key_usage(("serverAuth",))


@pytest.mark.parametrize(
    ("extension", "section"),
    [
        (HINT, "§4.2.1.1"),
        (encode.subject_key_identifier(ROOT.spki), "§4.2.1.2"),
        (Extension(oids.SUBJECT_DIRECTORY_ATTRIBUTES, False, writer.sequence(writer.sequence(writer.oid("1.2"), writer.NULL))), "§4.2.1.8"),
        (encode.basic_constraints(True), "§4.2.1.9"),
        (encode.name_constraints(excluded=[dns("example")]), "§4.2.1.10"),
        (encode.policy_constraints(require_explicit=0), "§4.2.1.11"),
        (encode.inhibit_any_policy(0), "§4.2.1.14"),
        (Extension(oids.FRESHEST_CRL, False, encode.crl_distribution_points(["http://c/"]).value), "§4.2.1.15"),
        (encode.authority_info_access(["http://o/"]), "§4.2.2.1"),
        (Extension(oids.SUBJECT_INFO_ACCESS, False, encode.authority_info_access(["http://o/"]).value), "§4.2.2.2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_must_be_critical_and_what_must_not(extension: Extension, section: str) -> None:
    """As we write it there is nothing to say about it; the other way round there is."""
    usual = [] if extension.oid == oids.BASIC_CONSTRAINTS else [encode.basic_constraints(True)]

    def said(one: Extension) -> list[str]:
        found = violations(bare("C", "I", 1, extensions=[*usual, one]), Role.INTERMEDIATE, Profile.RFC5280)
        return [phrase for phrase in found if "critical" in phrase]

    assert said(extension) == []
    assert said(extension._replace(critical=not extension.critical)) != []


def test_rules_for_names() -> None:
    """RFC 5280 §4.2.1.6: preferred name syntax, and never one space."""
    for name in (" ", "a b", "a_b.example", "-a.example"):
        odd = bare("L", "I", 1, further=[encode.subject_alt_name([dns(name)])])
        assert any("preferred name syntax" in one for one in violations(odd, Role.LEAF, Profile.RFC5280)), name
        if name != "a_b.example":
            with pytest.raises(UsageError):
                encode.host_names([name])


def test_rules_for_issuers() -> None:
    """`violations` names the section of every rule that is broken; a certificate that keeps to all has none."""
    assert violations(LEAF, Role.LEAF, Profile.WEB) == []
    assert violations(ROOT, Role.ROOT, Profile.WEB) == []
    assert violations(bare("L", "I", 1, extensions=()), Role.LEAF, Profile.NONE) == []
    rules = {
        "serial": (bare("L", "I", 1, serial=0), Role.LEAF, "serial number"),
        "path length": (bare("L", "I", 1, extensions=[encode.basic_constraints(True, 1)]), Role.INTERMEDIATE, "path length without"),
        "keyCertSign": (bare("L", "I", 1, extensions=[encode.key_usage((5,))]), Role.LEAF, "keyCertSign without cA"),
        "not critical": (
            bare("L", "I", 1, extensions=[encode.basic_constraints(True)._replace(critical=False)]), Role.INTERMEDIATE, "is not critical"
        ),
        "leaf cA": (bare("L", "I", 1, ca=True), Role.LEAF, "a leaf with cA"),
        "no usage": (bare("L", "I", 1, extensions=()), Role.LEAF, "without extKeyUsage"),
        "no names": (bare("L", "I", 1, extensions=()), Role.LEAF, "without subjectAltName"),
        "critical usage": (
            bare("L", "I", 1, extensions=[SERVER._replace(critical=True)]), Role.LEAF, "extKeyUsage is critical"
        ),
        "root usage": (bare("R", "R", 1, key=1, extensions=[SERVER]), Role.ROOT, "a root with extKeyUsage"),
        "root hint": (bare("R", "R", 1, key=1, extensions=[HINT]), Role.ROOT, "is not its subjectKeyIdentifier"),
    }  # fmt: skip
    for name, (certificate, role, phrase) in rules.items():
        assert any(phrase in one for one in violations(certificate, role, Profile.WEB)), name
