# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Extensions, names and requests: there and back, and what RFC 5280's grammar refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.pem import encode_pem
from sws.crypto.x509 import Certificate, CertificateRequest, Extension, GeneralName, Kind, Name, build_request, encode, oids
from sws.crypto.x509 import extensions as ext
from sws.crypto.x509.build import issue, new_authority, self_signed
from sws.crypto.x509.general_names import OtherName, address_text, dns, encode_general_name, encode_general_names, ip, read_general_name
from sws.crypto.x509.hosts import matches
from tests.crypto.x509.chains import DAY, NOW, authority, bare, leaf, private, signing

S, I, N = writer.sequence, writer.integer, writer.NULL  # noqa: E741
T = tags.context
OID = writer.oid("1.2.3")


def test_there_and_back() -> None:
    assert ext.decode_policies(encode.certificate_policies(["1.2.3", "2.5.29.32.0"]).value) == (
        ext.PolicyInformation("1.2.3", ()),
        ext.PolicyInformation(oids.ANY_POLICY, ()),
    )
    assert ext.decode_policy_mappings(encode.policy_mappings([("1.2.3", "1.2.4")]).value) == (("1.2.3", "1.2.4"),)
    for pair in ((None, 0), (3, None), (1, 2)):
        assert ext.decode_policy_constraints(encode.policy_constraints(*pair).value) == pair
    assert ext.decode_inhibit_any_policy(encode.inhibit_any_policy(2).value) == 2
    (point,) = ext.decode_distribution_points(encode.crl_distribution_points(["http://c/"]).value)
    assert point == ext.DistributionPoint((GeneralName(Kind.URI, "http://c/"),), (), None, ())
    access = ext.decode_access(encode.authority_info_access(["http://o/"], ["http://i/"]).value)
    assert [(one.method, one.location.value) for one in access] == [(oids.ACCESS_OCSP, "http://o/"), (oids.ACCESS_CA_ISSUERS, "http://i/")]
    assert ext.decode_tls_feature(encode.must_staple().value) == (5,)
    assert ext.decode_null(encode.ocsp_no_check().value) is True
    assert ext.decode_directory_attributes(S(S(OID, N))) == S(S(OID, N))


@pytest.mark.parametrize(
    ("decode", "value", "message"),
    [
        (ext.decode_basic_constraints, S(writer.boolean(False)), "default"),
        (ext.decode_basic_constraints, S(I(-1)), "negative"),
        (ext.decode_basic_constraints, S(writer.boolean(True), I(0), N), "too many"),
        (ext.decode_key_usage, writer.named_bits(()), "no bit"),
        (ext.decode_key_usage, writer.named_bits((0,)) + N, "too many"),
        (ext.decode_extended_key_usage, S(), "empty"),
        (ext.decode_alt_name, S(), "empty"),
        (ext.decode_alt_name, S(writer.element(T(7), b"123")), "an address of 3 octets"),
        (ext.decode_alt_name, S(writer.element(T(2), b"\xff")), "not ASCII"),
        (ext.decode_alt_name, S(writer.element(T(9), b"")), "nine kinds"),
        (ext.decode_alt_name, S(writer.element(0xA2, b"")), "or the reverse"),
        (ext.decode_alt_name, S(writer.element(T(0), b"")), "or the reverse"),
        (ext.decode_subject_key_identifier, writer.octet_string(b"x") + N, "too many"),
        (ext.decode_authority_key_identifier, S(writer.element(T(2), b"\x01")), "without a serial number, or the reverse"),
        (ext.decode_authority_key_identifier, S(writer.element(T(3), b"")), "too many"),
        (ext.decode_name_constraints, S(), "nameConstraints: empty"),
        (ext.decode_name_constraints, S(writer.element(0xA0, b"")), "empty"),
        (ext.decode_name_constraints, S(writer.element(0xA0, S(writer.element(T(7), bytes(4))))), "mask"),
        (ext.decode_name_constraints, S(writer.element(0xA0, S(writer.element(T(7), bytes(4) + b"\xff\x00\xff\x00")))), "mask"),
        (ext.decode_name_constraints, S(writer.element(0xA0, S(writer.element(T(2), b"a"), writer.element(T(1), b"\x01")))), "too many"),
        (ext.decode_policies, S(S(OID), S(OID)), "twice"),
        (ext.decode_policies, S(S(OID, S())), "empty"),
        (ext.decode_policies, S(S(OID, S(S(writer.oid(oids.QUALIFIER_CPS), writer.utf8_string("x"))))), "wrong type"),
        (ext.decode_policy_mappings, S(S(OID)), "missing"),
        (ext.decode_policy_constraints, S(), "empty"),
        (ext.decode_policy_constraints, S(writer.element(T(0), b"\xff")), "negative"),
        (ext.decode_inhibit_any_policy, I(-1), "negative"),
        (ext.decode_access, S(), "empty"),
        (ext.decode_distribution_points, S(S()), "neither a place nor an issuer"),
        (ext.decode_distribution_points, S(S(writer.element(0xA0, N))), "a1 wanted"),
        (ext.decode_null, S(), "05 wanted"),
        (ext.decode_directory_attributes, S() + N, "too many"),
    ],
)
def test_what_is_refused(decode: Callable[[bytes], object], value: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode(value)


def test_all_parts() -> None:
    cps = S(writer.oid(oids.QUALIFIER_CPS), writer.ia5_string("http://p/"))
    notice = S(writer.oid(oids.QUALIFIER_NOTICE), S())
    (policy,) = ext.decode_policies(S(S(OID, S(cps, notice, S(OID, N)))))
    assert [oid for oid, _ in policy.qualifiers] == [oids.QUALIFIER_CPS, oids.QUALIFIER_NOTICE, "1.2.3"]
    name = Name.build([("CN", "I")])
    issuer = encode_general_name(GeneralName(Kind.DIRECTORY_NAME, name))
    found = ext.decode_authority_key_identifier(S(writer.element(T(0), b"k"), writer.element(0xA1, issuer), writer.element(T(2), b"\x05")))
    assert found == (b"k", (GeneralName(Kind.DIRECTORY_NAME, name),), 5)
    relative = writer.element(0xA1, S(writer.oid("2.5.4.3"), writer.utf8_string("x")))
    (point,) = ext.decode_distribution_points(
        S(S(writer.element(0xA0, relative), writer.implicit(1, writer.named_bits((1,))), writer.element(0xA2, issuer)))
    )
    assert point.relative_name[0].text == "x"
    assert (point.reasons, point.crl_issuer) == (frozenset((1,)), (GeneralName(Kind.DIRECTORY_NAME, name),))


def test_limits() -> None:
    oid = OID
    with pytest.raises(LimitExceeded, match="entries of extKeyUsage"):
        ext.decode_extended_key_usage(S(oid * 4097))
    with pytest.raises(LimitExceeded, match="entries of policyMappings"):
        ext.decode_policy_mappings(S(S(oid, oid) * 4097))
    with pytest.raises(LimitExceeded, match="entries of certificatePolicies"):
        ext.decode_policies(S(b"".join(S(writer.oid(f"1.2.{n}")) for n in range(4098))))
    with pytest.raises(LimitExceeded, match="names of alternative name"):
        ext.decode_alt_name(S(writer.element(T(2), b"a") * 4097))
    listed = b"".join(S(writer.oid(f"1.2.{n}"), writer.octet_string(b"")) for n in range(65))
    with pytest.raises(LimitExceeded, match="extensions"):
        ext.read_extensions(DerReader(S(listed)), "x")
    with pytest.raises(LimitExceeded, match="attributes of a name"):
        Name.from_der(S(writer.set_of([S(writer.oid("2.5.4.3"), writer.utf8_string("x"))]) * 4097))


def test_general_names() -> None:
    every = (
        GeneralName(Kind.OTHER_NAME, OtherName("1.2.3", writer.utf8_string("x"))),
        GeneralName(Kind.RFC822_NAME, "me@a.example"),
        dns("a.example"),
        GeneralName(Kind.X400_ADDRESS, b""),
        GeneralName(Kind.DIRECTORY_NAME, Name.build([("CN", "x")])),
        GeneralName(Kind.EDI_PARTY_NAME, writer.element(0xA1, writer.utf8_string("x"))),
        GeneralName(Kind.URI, "http://u/"),
        ip("192.0.2.1"),
        GeneralName(Kind.REGISTERED_ID, "1.2.3"),
    )
    assert ext.decode_alt_name(encode_general_names(every)) == every
    assert list(map(str, every)) == [
        "other_name:1.2.3=#0c0178", "email:me@a.example", "DNS:a.example", "x400_address:", "DirName:CN=x",
        "edi_party_name:a1030c0178", "uri:http://u/", "IP:192.0.2.1", "RID:1.2.3",
    ]  # fmt: skip
    assert address_text(bytes(4) + b"\xff\xff\xff\x00") == "0.0.0.0/24"
    assert address_text(b"abc") == "616263"
    with pytest.raises(UsageError, match="no IP address"):
        ip("a")
    with pytest.raises(UsageError, match="A-labels"):
        encode_general_name(dns("é"))
    with pytest.raises(DecodeError):
        read_general_name(DerReader(b""))


def test_names() -> None:
    """RFC 4514 §4's forms, RFC 5280 §7.1's comparison."""
    name = Name.build([("DC", "net"), ("OU", "Sales"), ("CN", "J.  Smith"), ("O", ' #a"+,;<>\\ ')])
    assert str(name) == 'O=\\ #a\\"\\+\\,\\;\\<\\>\\\\\\ ,CN=J.  Smith,OU=Sales,DC=net'
    assert str(Name.build([("CN", "Before\rAfter"), ("1.3.6.1.4.1.1466.0", "x"), ("O", "#")])) == (
        "O=\\#,1.3.6.1.4.1.1466.0=#0c0178,CN=Before\\0dAfter"
    )
    assert Name.build([("CN", "A  b")]) == Name.build([("CN", "a B")])
    assert hash(Name.build([("CN", "A  b")])) == hash(Name.build([("CN", "a B")]))
    assert Name.build([("CN", "a")]) != Name.build([("O", "a")])
    assert Name.build([("O", "a"), ("CN", "b")]).is_within(Name.build([("O", "A")]))
    assert not Name.build([("O", "a")]).is_within(Name.build([("O", "a"), ("CN", "b")]))
    assert repr(name).startswith("Name('O=")
    assert name.values("CN") == ("J.  Smith",)
    number = Name.from_der(S(writer.set_of([S(OID, I(5))])))
    assert str(number) == "1.2.3=#020105"
    assert number == Name.from_der(S(writer.set_of([S(OID, I(5))])))
    for attributes in ([("CN", "")], [("C", "NZL")], [("C", "é1")], [("DC", "é")], [("nonsense", "x")]):
        with pytest.raises(UsageError):
            Name.build(attributes)
    twice = writer.set_of([S(writer.oid("2.5.4.3"), writer.utf8_string(one)) for one in "ab"])
    with pytest.raises(DecodeError, match="a type twice"):
        Name.from_der(S(twice))


def test_writers_refuse() -> None:
    calls: list[Callable[[], object]] = [
        lambda: encode.encode_extensions([Extension("1.2", False, b"")] * 2),
        lambda: encode.basic_constraints(False, 1),
        lambda: encode.basic_constraints(True, -1),
        lambda: encode.subject_alt_name([]),
        encode.name_constraints,
        encode.authority_info_access,
        lambda: encode.authority_info_access(["http://é/"]),
        lambda: encode.host_names(["a b"]),
        lambda: self_signed(signing(), (), now=NOW),
        lambda: self_signed(signing(), ("a.example",), now=NOW, days=0),
        lambda: issue(authority("Root", 0), signing("P-256", 5), private().public, ("a.example",), now=NOW),
        lambda: issue(authority("Root", 0), signing("P-256", 0), private().public, ("a.example",), now=NOW + 10**9),
    ]
    for call in calls:
        with pytest.raises(UsageError):
            call()


def test_made_certificates_keep_to_their_issuer() -> None:
    root = authority("Root", 0)
    late = issue(root, signing("P-256", 0), private().public, ("a" * 63 + ".example",), now=NOW + 990 * DAY)
    assert late.not_after == root.not_after
    assert not late.subject
    assert late.extensions[oids.SUBJECT_ALT_NAME].critical  # RFC 5280 §4.2.1.6
    named = new_authority(signing(), Name.build([("O", "X")]), now=NOW)
    assert str(named.subject) == "O=X"
    assert str(build_request(signing(), (), subject=Name.build([("O", "X")])).subject) == "O=X"
    assert not build_request(signing()).subject
    assert not issue(root, signing("P-256", 0), private().public, (), now=NOW).subject


def test_what_is_made_has_no_unique_identifiers() -> None:
    """RFC 5280 §4.1.2.8; version 3, and behind the key extensions alone."""
    for one in (leaf(), authority("Root", 0), self_signed(signing(), ("a.example",), now=NOW)):
        reader = DerReader(one.tbs).sequence("x")
        found = []
        while reader.at < reader.end:
            found.append(reader.tag)
            reader.any("x")
        assert found == [0xA0, tags.INTEGER, *[tags.SEQUENCE] * 5, 0xA3]


def test_certificates() -> None:
    one = leaf()
    assert Certificate.from_pem(one.to_pem()) == one
    assert hash(one) == hash(Certificate(one.der))
    assert one != object()
    assert "until" in repr(one)
    assert Certificate.list_from_pem(encode_pem("X", b"") + one.to_pem() * 2) == [one, one]
    with pytest.raises(DecodeError, match="without a certificate"):
        Certificate.from_pem("")
    assert not one.must_staple
    assert one.public_key is one.public_key
    with pytest.raises(LimitExceeded, match="octets of DER"):
        Certificate.from_der(bytes(1 << 19))
    first = bare("L", "I", 1, extensions=())
    tail = first.tbs[-len(private("P-256", 9).public.spki) :]
    assert tail == private("P-256", 9).public.spki
    for version, parts, message in (
        (writer.explicit(0, I(0)), b"", "default version"),
        (writer.explicit(0, I(3)), b"", "version 4"),
        (b"", writer.implicit(1, writer.bit_string(b"x")), "unique identifier in version 1"),
        (
            writer.explicit(0, I(1)),
            writer.explicit(3, encode.encode_extensions([encode.basic_constraints(False)])),
            "extensions in version 2",
        ),
    ):
        content = DerReader(first.tbs).sequence("x")
        content.any("version")
        tbs = S(version, first.tbs[content.at :], parts)
        with pytest.raises(DecodeError, match=message):
            Certificate.from_der(S(tbs, first.inner_algorithm.encode(), writer.bit_string(b"")))
    with pytest.raises(DecodeError, match="twice"):
        ext.read_extensions(DerReader(S(S(OID, writer.octet_string(b"")), S(OID, writer.octet_string(b"")))), "x")


def test_requests_that_are_refused() -> None:
    der = build_request(signing(), ("a.example",)).der
    reader = DerReader(der).sequence("x")
    info = reader.any("info")
    inner = DerReader(info).sequence("x")
    inner.any("version")
    rest = der[reader.at :]
    body, more = info[inner.at :], writer.element(0xA0, S(OID, N) + S(OID, N))
    inner.any("subject")
    inner.any("key")
    short = body[: inner.at - len(info)]
    for changed, message in (
        (S(I(1), body), "version that is not 0"),
        (S(I(0), short, more), r"1\.2\.3 twice"),
        (S(I(0), short, more[:2] + more[2:], N), "twice|too many"),
    ):
        with pytest.raises(DecodeError, match=message):
            CertificateRequest.from_der(writer.element(0x30, changed + rest[: len(der)]))
    plain = CertificateRequest.from_der(writer.element(0x30, S(I(0), short, writer.element(0xA0, S(OID, N))) + rest))
    assert plain.subject_alt_names == ()
    assert not plain.is_signed
    assert CertificateRequest.load(plain.to_pem().encode()).der == plain.der
    with pytest.raises(DecodeError, match="without a certificate request"):
        CertificateRequest.load(leaf().to_pem().encode())


@pytest.mark.parametrize(
    ("reference", "presented", "found"),
    [
        ("a.example", "A.Example", True),
        ("a.example.", "a.example", True),
        ("a.example", "b.example", False),
        ("x.a.example", "*.a.example", True),
        ("a.example", "*.a.example", False),
        ("y.x.a.example", "*.a.example", False),
        ("a.example", "*.example", False),
        ("xn--a.a.example", "xn--*.a.example", False),
        ("a.example", "a.example.", False),
    ],
)
def test_hosts(reference: str, presented: str, found: bool) -> None:
    """RFC 9525 §6.3."""
    assert matches(reference, [dns(presented)]) is found
    assert not matches(reference, [GeneralName(Kind.URI, presented)])


def test_addresses_are_no_names() -> None:
    assert matches("192.0.2.1", [ip("192.0.2.1")])
    assert not matches("192.0.2.1", [dns("192.0.2.1")])
    assert matches("[::1]", [ip("::1")])
    for bad in ("1.2.3", "a..b", "", "-a.example", "999.1.1.1"):
        with pytest.raises(UsageError):
            matches(bad, [])
