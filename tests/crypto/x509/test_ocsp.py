# SPDX-License-Identifier: Apache-2.0 OR MIT
"""OCSP: what is believed, and every reason for not believing; another implementation reads what is written, and writes what is read."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.keys.algorithms import Algorithm
from sws.crypto.x509 import Certificate, Extension, KeyUsage, encode, issue, oids
from sws.crypto.x509.crl import CrlReason
from sws.crypto.x509.ocsp import (
    MAXIMUM_AGE,
    SKEW,
    OcspError,
    OcspFault,
    OcspStatus,
    check_response,
    ocsp_request,
    responder_urls,
)
from sws.crypto.x509.ocsp_build import Answer, build_failure, build_response
from sws.crypto.x509.ocsp_messages import NONCE, CertId, CertStatus, OcspRequest, ResponseStatus, decode_response, key_hash
from tests.crypto.other import HAVE_OTHER, hashes, needs_other
from tests.crypto.x509.chains import ALGORITHMS, DAY, NOW, authority, bare, counted, private, signing

if HAVE_OTHER:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509 import ocsp

CA = authority("OCSP Root", 1)
CA_KEY = signing("P-256", 1)
LEAF = issue(CA, CA_KEY, private("P-256", 9).public, ("a.example",), now=NOW, entropy=counted("ocsp leaf"))
OTHER = issue(CA, CA_KEY, private("P-256", 8).public, ("b.example",), now=NOW, entropy=counted("ocsp other"))
ID = CertId.of(LEAF, CA)
GOOD = Answer(ID, CertStatus.GOOD, NOW, NOW + DAY)
REVOKED = Answer(ID, CertStatus.REVOKED, NOW, NOW + DAY, NOW - 5, CrlReason.KEY_COMPROMISE)


def respond(*answers: Answer, **options: object) -> bytes:
    return build_response(answers or (GOOD,), CA_KEY, CA, now=NOW, entropy=counted("respond"), **options)  # type: ignore[arg-type]


def delegate(
    number: int = 5, *, purposes: Sequence[str] = ("OCSPSigning",), further: Sequence[Extension] = (), now: int = NOW
) -> Certificate:
    return issue(
        CA,
        CA_KEY,
        private("P-256", number).public,
        ("ocsp.example",),
        now=now,
        purposes=purposes,
        further=further,
        entropy=counted("delegate"),
    )


def fault(der: bytes, **options: object) -> OcspFault:
    with pytest.raises(OcspError, match="OCSP: ") as caught:
        check_response(der, LEAF, CA, options.pop("now", NOW), **options)  # type: ignore[arg-type]
    return caught.value.fault


def test_good() -> None:
    found = check_response(respond(), LEAF, CA, NOW + 0.5)
    assert found == OcspStatus(CertStatus.GOOD, NOW, NOW + DAY, None, None, NOW, False, True)
    assert found.is_good


def test_revoked_and_unknown() -> None:
    found = check_response(respond(REVOKED), LEAF, CA, NOW)
    assert (found.status, found.revoked_at, found.reason) == (CertStatus.REVOKED, NOW - 5, CrlReason.KEY_COMPROMISE)
    assert not found.is_good
    plain = check_response(respond(REVOKED._replace(reason=None)), LEAF, CA, NOW)
    assert (plain.status, plain.reason) == (CertStatus.REVOKED, None)
    assert check_response(respond(GOOD._replace(status=CertStatus.UNKNOWN)), LEAF, CA, NOW).status is CertStatus.UNKNOWN


@pytest.mark.parametrize("hash_name", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("by_name", [False, True])
def test_identifiers_and_responder_names(hash_name: str, by_name: bool) -> None:
    answer = GOOD._replace(cert_id=CertId.of(LEAF, CA, hash_name))
    assert check_response(respond(answer, by_name=by_name), LEAF, CA, NOW).is_good


def test_the_answer_must_be_about_that_certificate() -> None:
    assert fault(respond(GOOD._replace(cert_id=CertId.of(OTHER, CA)))) is OcspFault.ANOTHER_CERTIFICATE
    assert fault(respond(GOOD._replace(cert_id=ID._replace(key_hash=bytes(20))))) is OcspFault.ANOTHER_CERTIFICATE
    assert fault(respond(GOOD._replace(cert_id=ID._replace(name_hash=bytes(20))))) is OcspFault.ANOTHER_CERTIFICATE
    assert fault(respond(GOOD._replace(cert_id=ID._replace(algorithm=Algorithm("1.2.3"))))) is OcspFault.ANOTHER_CERTIFICATE
    assert (
        fault(respond(GOOD._replace(cert_id=ID._replace(algorithm=ID.algorithm._replace(parameters=writer.integer(1))))))
        is OcspFault.ANOTHER_CERTIFICATE
    )
    several = respond(GOOD._replace(cert_id=CertId.of(OTHER, CA)), REVOKED)
    assert check_response(several, LEAF, CA, NOW).status is CertStatus.REVOKED
    assert check_response(several, OTHER, CA, NOW).is_good


def test_of_several_answers_revoked_counts_then_the_newest() -> None:
    old = GOOD._replace(this_update=NOW - 100, next_update=NOW + 5)
    assert check_response(respond(old, GOOD, old), LEAF, CA, NOW).this_update == NOW
    assert check_response(respond(GOOD, REVOKED._replace(this_update=NOW - 50)), LEAF, CA, NOW).status is CertStatus.REVOKED
    stale = GOOD._replace(this_update=NOW - DAY, next_update=NOW - DAY // 2)
    assert check_response(respond(stale, GOOD), LEAF, CA, NOW).this_update == NOW


def test_freshness() -> None:
    """RFC 6960 §4.2.2.1, to the second."""
    end = NOW + DAY
    assert check_response(respond(), LEAF, CA, end + SKEW).is_good
    assert fault(respond(), now=end + SKEW + 1) is OcspFault.STALE
    assert fault(respond(), now=end + 1, skew=0) is OcspFault.STALE
    early = respond(GOOD._replace(this_update=NOW + SKEW))
    assert check_response(early, LEAF, CA, NOW).is_good
    assert fault(respond(GOOD._replace(this_update=NOW + SKEW + 1))) is OcspFault.NOT_YET
    assert fault(respond(), now=NOW - SKEW - 1) is OcspFault.NOT_YET
    assert fault(respond(GOOD._replace(next_update=NOW - 1))) is OcspFault.STALE  # before thisUpdate
    endless = respond(GOOD._replace(next_update=None))
    assert check_response(endless, LEAF, CA, NOW + MAXIMUM_AGE).next_update is None
    assert fault(endless, now=NOW + MAXIMUM_AGE + SKEW + 1) is OcspFault.STALE
    assert fault(endless, now=NOW + 400, maximum_age=60) is OcspFault.STALE
    signed_later = build_response([GOOD], CA_KEY, CA, now=NOW + SKEW + 1)
    assert fault(signed_later) is OcspFault.NOT_YET


@pytest.mark.parametrize("status", [one for one in ResponseStatus if one])
def test_no_answer(status: ResponseStatus) -> None:
    with pytest.raises(OcspError, match="OCSP: unsuccessful") as caught:
        check_response(build_failure(status), LEAF, CA, NOW)
    assert (caught.value.fault, caught.value.status) == (OcspFault.UNSUCCESSFUL, status)


def test_signatures() -> None:
    der = respond()
    assert fault(der[:-1] + bytes((der[-1] ^ 1,))) is OcspFault.SIGNATURE
    changed = der.replace(writer.generalized_time(NOW + DAY), writer.generalized_time(NOW + 2 * DAY))
    assert fault(changed) is OcspFault.SIGNATURE
    ecdsa = Algorithm("1.2.840.10045.4.3.2").encode()
    sha224 = Algorithm("1.2.840.10045.4.3.1").encode()
    assert len(sha224) == len(ecdsa)
    assert fault(der.replace(ecdsa, sha224)) is OcspFault.ALGORITHM
    unknown = Algorithm("1.2.840.10045.4.3.9").encode()
    assert fault(der.replace(ecdsa, unknown)) is OcspFault.ALGORITHM


def test_signed_by_somebody_else() -> None:
    stranger = bare("OCSP Root", "OCSP Root", 7, key=7, ca=True)
    assert fault(build_response([GOOD], signing("P-256", 7), stranger, now=NOW)) is OcspFault.RESPONDER
    by_name = build_response([GOOD], signing("P-256", 7), stranger, now=NOW, by_name=True, certificates=[stranger])
    assert fault(by_name) is OcspFault.RESPONDER


@pytest.mark.parametrize("by_name", [False, True])
def test_delegated(by_name: bool) -> None:
    """RFC 6960 §4.2.2.2."""
    certificate = delegate()
    key = signing("P-256", 5)
    der = build_response([GOOD], key, certificate, now=NOW, certificates=[OTHER, certificate], by_name=by_name)
    found = check_response(der, LEAF, CA, NOW)
    assert (found.is_good, found.delegated, found.no_check) == (True, True, False)
    assert fault(der, require_no_check=True) is OcspFault.RESPONDER
    no_check = delegate(further=[encode.ocsp_no_check()])
    der = build_response([GOOD], key, no_check, now=NOW, certificates=[no_check], by_name=by_name)
    assert check_response(der, LEAF, CA, NOW, require_no_check=True).no_check
    bare_response = build_response([GOOD], key, certificate, now=NOW, by_name=by_name)
    assert fault(bare_response) is OcspFault.RESPONDER
    damaged = build_response([GOOD], key, certificate, now=NOW, certificates=[certificate], by_name=by_name)
    assert fault(damaged.replace(writer.generalized_time(NOW + DAY), writer.generalized_time(NOW + 2 * DAY))) is OcspFault.SIGNATURE


USAGE = encode.key_usage((KeyUsage.KEY_CERT_SIGN,))
OCSP_PURPOSE = encode.extended_key_usage(("OCSPSigning",))


@pytest.mark.parametrize(
    "certificate",
    [
        delegate(purposes=("serverAuth",)),
        delegate(purposes=("anyExtendedKeyUsage",)),
        bare("R", CA.subject, 1, key=5, extensions=()),
        bare("R", CA.subject, 1, key=5, extensions=(OCSP_PURPOSE, USAGE)),
        bare("R", CA.subject, 2, key=5, extensions=(OCSP_PURPOSE,)),
        bare("R", "Another Root", 1, key=5, extensions=(OCSP_PURPOSE,)),
        bare("R", CA.subject, 1, key=5, extensions=(OCSP_PURPOSE,), not_after=NOW - 1),
        bare("R", CA.subject, 1, key=5, extensions=(OCSP_PURPOSE,), not_before=NOW + 1),
        bare("R", CA.subject, 1, key=5, extensions=(OCSP_PURPOSE, Extension("1.2.3", True, b""))),
        bare("R", CA.subject, 1, key=5, extensions=(OCSP_PURPOSE, Extension(oids.KEY_USAGE, True, b""))),
    ],
    ids=["serverAuth", "any", "none", "keyUsage", "signature", "issuer", "expired", "future", "critical", "malformed"],
)
def test_delegates_that_are_none(certificate: Certificate) -> None:
    der = build_response([GOOD], signing("P-256", 5), certificate, now=NOW, certificates=[certificate])
    assert fault(der) is OcspFault.RESPONDER


def test_delegates_that_may_sign() -> None:
    for usage in (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION):
        certificate = bare("R", CA.subject, 1, key=5, extensions=(OCSP_PURPOSE, encode.key_usage((usage,))))
        der = build_response([GOOD], signing("P-256", 5), certificate, now=NOW, certificates=[certificate])
        assert check_response(der, LEAF, CA, NOW).delegated


def test_a_certificate_with_a_malformed_name_or_key_is_passed_over() -> None:
    good = delegate()
    broken = Certificate(good.der.replace(good.subject_der, writer.element(0x30, b"\x30" + good.subject_der[3:])))
    der = build_response([GOOD], signing("P-256", 5), good, now=NOW, certificates=[broken, good], by_name=True)
    assert check_response(der, LEAF, CA, NOW).delegated


def test_nonces() -> None:
    """RFC 8954 §2.1."""
    der = respond(nonce=b"n" * 32)
    assert check_response(der, LEAF, CA, NOW, nonce=b"n" * 32, require_nonce=True).is_good
    assert check_response(der, LEAF, CA, NOW).is_good
    assert fault(der, nonce=b"m" * 32) is OcspFault.NONCE
    assert check_response(respond(), LEAF, CA, NOW, nonce=b"n").is_good
    assert fault(respond(), nonce=b"n", require_nonce=True) is OcspFault.NONCE
    for bad in (b"", b"x" * 129):
        with pytest.raises(DecodeError, match="nonce: "):
            check_response(respond(nonce=bad), LEAF, CA, NOW)
    for bad in (b"", b"x" * 33):
        with pytest.raises(UsageError, match="1 to 32"):
            ocsp_request(LEAF, CA, nonce=bad)


def test_critical_extensions() -> None:
    unknown, known = Extension("1.2.3", True, b"x"), Extension("1.3.6.1.5.5.7.48.1.9", True, writer.NULL)
    assert fault(respond(extensions=[unknown])) is OcspFault.CRITICAL_EXTENSION
    assert fault(respond(GOOD._replace(extensions=(unknown,)))) is OcspFault.CRITICAL_EXTENSION
    assert check_response(respond(GOOD._replace(extensions=(unknown._replace(critical=False),))), LEAF, CA, NOW).is_good
    assert check_response(respond(extensions=[known]), LEAF, CA, NOW).is_good


def test_requests() -> None:
    for hash_name in ("sha1", "sha256"):
        request = OcspRequest(ocsp_request(LEAF, CA, hash_name=hash_name, nonce=b"abc"))
        ((cert_id, extensions),) = request.entries
        assert cert_id.is_of(LEAF, CA)
        assert not cert_id.is_of(OTHER, CA)
        assert (cert_id.hash_name, extensions, request.nonce) == (hash_name, {}, b"abc")
    assert OcspRequest(ocsp_request(LEAF, CA)).nonce is None


def test_responders() -> None:
    access = encode.authority_info_access(("http://a/", "ldap://b/", "HTTPS://c/"), ("http://ca/",))
    assert responder_urls(bare("L", "Root", 0, further=(access,))) == ("http://a/", "HTTPS://c/")
    assert responder_urls(LEAF) == ()


@needs_other
@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_requests_and_another_implementation(hash_name: str) -> None:
    pair = [x509.load_der_x509_certificate(one.der) for one in (LEAF, CA)]
    chosen = getattr(hashes, hash_name.upper())()
    theirs = ocsp.OCSPRequestBuilder().add_certificate(*pair, chosen)
    der = theirs.add_extension(x509.OCSPNonce(b"abc"), critical=False).build().public_bytes(serialization.Encoding.DER)
    assert der == ocsp_request(LEAF, CA, hash_name=hash_name, nonce=b"abc")
    assert theirs.build().public_bytes(serialization.Encoding.DER) == ocsp_request(LEAF, CA, hash_name=hash_name)


def moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


@needs_other
@pytest.mark.parametrize("algorithm", [one for one in ALGORITHMS if one != "RSA-PSS"])
@pytest.mark.parametrize("answer", [GOOD, REVOKED, GOOD._replace(status=CertStatus.UNKNOWN), GOOD._replace(next_update=None)])
def test_responses_and_another_implementation(algorithm: str, answer: Answer) -> None:
    """By a delegate with a key of every kind: they read ours, we believe theirs, which is signed at the machine's time."""
    key = signing(algorithm, 5)
    certificate = issue(
        CA, CA_KEY, private(algorithm, 5).public, ("o.example",), now=NOW, purposes=("OCSPSigning",), entropy=counted(algorithm)
    )
    ours = build_response([answer], key, certificate, now=NOW, certificates=[certificate], nonce=b"n" * 16, entropy=counted("x"))
    read = ocsp.load_der_ocsp_response(ours)
    assert read.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    assert read.certificate_status.name == answer.status.name
    assert read.serial_number == LEAF.serial
    assert read.this_update_utc == moment(NOW)
    assert read.next_update_utc == (None if answer.next_update is None else moment(NOW + DAY))
    assert read.responder_key_hash == key_hash(certificate.spki, "sha1")
    assert read.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16
    if answer.status is CertStatus.REVOKED:
        assert read.revocation_time_utc == moment(NOW - 5)
        assert read.revocation_reason is x509.ReasonFlags.key_compromise
    pair = [x509.load_der_x509_certificate(one.der) for one in (LEAF, CA)]
    other = x509.load_der_x509_certificate(certificate.der)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=pair[0],
        issuer=pair[1],
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus[answer.status.name],
        this_update=moment(NOW),
        next_update=None if answer.next_update is None else moment(NOW + DAY),
        revocation_time=moment(NOW - 5) if answer.status is CertStatus.REVOKED else None,
        revocation_reason=x509.ReasonFlags.key_compromise if answer.status is CertStatus.REVOKED else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, other).certificates([other])
    signer = serialization.load_der_private_key(private(algorithm, 5).to_der(), None)
    chosen = {"Ed25519": None, "RSA": hashes.SHA256()}.get(algorithm, hashes.SHA384())  # RFC 6960 §4.3: RSA with SHA-256 for all
    theirs = builder.sign(signer, chosen)  # type: ignore[arg-type]
    found = check_response(theirs.public_bytes(serialization.Encoding.DER), LEAF, CA, NOW, skew=10**9)
    assert (found.status, found.this_update, found.next_update) == (answer.status, NOW, answer.next_update)
    assert (found.revoked_at, found.reason, found.delegated) == (answer.revoked_at, answer.reason, True)


# --- what is malformed ----------------------------------------------------------------------------------------------------


def outer(basic: bytes, kind: str = "1.3.6.1.5.5.7.48.1.1", status: int = 0) -> bytes:
    content = writer.sequence(writer.oid(kind), writer.octet_string(basic))
    return writer.sequence(writer.enumerated(status), writer.explicit(0, content))


def basic(*data: bytes, certs: bytes = b"") -> bytes:
    return writer.sequence(writer.sequence(*data), Algorithm("1.3.101.112").encode(), writer.bit_string(bytes(64)), certs)


BY_KEY = writer.explicit(2, writer.octet_string(bytes(20)))
AT = writer.generalized_time(NOW)
NONE = writer.sequence()


def single(*parts: bytes) -> bytes:
    return basic(BY_KEY, AT, writer.sequence(writer.sequence(ID.encode(), *parts)))


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (b"", "missing"),
        (writer.sequence(writer.enumerated(4)), "status 4 is none"),
        (writer.sequence(writer.enumerated(7)), "status 7 is none"),
        (writer.sequence(writer.enumerated(0)), "success without a response"),
        (outer(basic(BY_KEY, AT, NONE), status=1), "or the reverse"),
        (outer(basic(BY_KEY, AT, NONE), kind="1.2.3"), r"a response of type 1\.2\.3"),
        (outer(basic(BY_KEY, AT, NONE)) + b"\x00", "too many"),
        (outer(b"\x30\x00"), "missing"),
        (outer(basic(writer.explicit(0, writer.integer(1)), BY_KEY, AT, NONE)), "version 2"),
        (outer(basic(writer.explicit(0, writer.integer(0)), BY_KEY, AT, NONE)), "default version"),
        (outer(basic(AT, NONE)), "a2 wanted"),
        (outer(basic(BY_KEY, writer.time(NOW), NONE)), "18 wanted"),
        (outer(basic(BY_KEY, AT, NONE, writer.NULL)), "too many"),
        (outer(basic(BY_KEY, AT, NONE, certs=writer.explicit(0, writer.sequence(writer.sequence())))), "missing"),
        (outer(basic(BY_KEY, AT, NONE, certs=writer.explicit(0, writer.sequence() + writer.NULL))), "too many"),
        (outer(single()), "certStatus"),
        (outer(single(writer.element(0x80, b"x"), AT)), "with content"),
        (outer(single(writer.element(0x83, b""), AT)), "a1 wanted"),
        (outer(single(writer.element(0xA1, b""), AT)), "missing"),
        (outer(single(writer.element(0xA1, AT + writer.explicit(0, writer.enumerated(7))), AT)), "7 is none"),
        (outer(single(writer.element(0xA1, AT + writer.NULL), AT)), "too many"),
        (outer(single(writer.element(0x80, b""))), "thisUpdate"),
        (outer(single(writer.element(0x80, b""), AT, writer.explicit(0, AT + AT))), "too many"),
        (outer(single(writer.element(0x80, b""), AT, writer.NULL)), "too many"),
        (outer(single(writer.element(0x80, b""), AT, writer.explicit(1, writer.sequence()))), "empty"),
    ],
)
def test_responses_that_are_malformed(der: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        check_response(der, LEAF, CA, NOW)


ENTRY = writer.sequence(ID.encode())


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (writer.sequence(writer.sequence(writer.sequence())), "requestList: empty"),
        (writer.sequence(writer.sequence(writer.explicit(0, writer.integer(0)), writer.sequence(ENTRY))), "default version"),
        (writer.sequence(writer.sequence(writer.explicit(0, writer.integer(1)), writer.sequence(ENTRY))), "version 2"),
        (writer.sequence(writer.sequence(writer.sequence(ENTRY), writer.NULL)), "too many"),
        (writer.sequence(writer.sequence(writer.sequence(ENTRY)), writer.NULL), "too many"),
        (writer.sequence(writer.sequence(writer.sequence(writer.sequence(ID.encode(), writer.NULL)))), "too many"),
        (writer.sequence(writer.sequence(writer.sequence(writer.sequence(writer.sequence())))), "missing"),
        (writer.sequence(writer.sequence(writer.element(0xA1, writer.NULL), writer.sequence(ENTRY))), "none of the nine kinds"),
    ],
)
def test_requests_that_are_malformed(der: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        OcspRequest(der)


def test_requests_with_all_parts() -> None:
    unknown = writer.explicit(0, encode.encode_extensions([Extension("1.2.3", False, b"")]))
    der = writer.sequence(
        writer.sequence(
            writer.element(0xA1, writer.element(tags.context(2), b"me.example")),
            writer.sequence(ENTRY, writer.sequence(ID.encode(), unknown)),
            writer.explicit(2, encode.encode_extensions([Extension(NONCE, False, writer.octet_string(b"n"))])),
        ),
        writer.explicit(0, writer.sequence(Algorithm("1.2.3").encode(), writer.bit_string(b"sig"))),
    )
    request = OcspRequest(der)
    assert [list(extensions) for _, extensions in request.entries] == [[], ["1.2.3"]]
    assert request.nonce == b"n"


def test_limits() -> None:
    with pytest.raises(LimitExceeded, match="entries of an OCSP request"):
        OcspRequest(writer.sequence(writer.sequence(writer.sequence(*[ENTRY] * 257))))
    with pytest.raises(LimitExceeded, match="entries of an OCSP response"):
        decode_response(respond(*[GOOD] * 257))
    with pytest.raises(LimitExceeded, match="certificates of an OCSP response"):
        decode_response(respond(certificates=[LEAF] * 17))
    with pytest.raises(LimitExceeded, match="octets of DER"):
        decode_response(bytes(1 << 18))


def test_usage() -> None:
    for wrong in (GOOD._replace(revoked_at=1), REVOKED._replace(revoked_at=None)):
        with pytest.raises(UsageError, match="revoked_at"):
            wrong.encode()
    with pytest.raises(UsageError, match="not that of the responder"):
        build_response([GOOD], signing("P-256", 2), CA, now=NOW)
    with pytest.raises(UsageError, match="more to say"):
        build_failure(ResponseStatus.SUCCESSFUL)


@given(st.integers(0, 2**12), st.binary(min_size=1, max_size=2))
def test_no_change_of_an_octet_is_believed(place: int, change: bytes) -> None:
    der = bytearray(RESPONSE)
    at = place % len(der)
    der[at : at + 1] = change
    if bytes(der) == RESPONSE:
        return
    try:
        found = check_response(bytes(der), LEAF, CA, NOW)
    except (OcspError, DecodeError, LimitExceeded):
        return
    assert found == check_response(RESPONSE, LEAF, CA, NOW)  # what is not signed, as an unused certificate, may change


RESPONSE = respond(REVOKED)
