# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Certificates and requests: another implementation and OpenSSL read all that we write, and we read theirs, for every key."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import subprocess
from typing import Any

import pytest

from sws.crypto.x509 import Certificate, CertificateRequest, Name, build_request, issue, new_authority, self_signed, verify_chain
from tests.crypto.other import HAVE_OTHER, hashes, needs_other
from tests.crypto.x509.chains import ALGORITHMS, DAY, NOW, authority, counted, private, signing
from tests.kit.peers import peer

if HAVE_OTHER:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("a.example", "*.b.example", "127.0.0.1", "2001:db8::1")


def of_every_kind(algorithm: str) -> list[Certificate]:
    key = signing(algorithm)
    root = new_authority(
        key, Name.build([("C", "NZ"), ("O", "Exämple, Ltd"), ("CN", "Root")]), now=NOW, path_length=1, entropy=counted("root")
    )
    sub = new_authority(signing("P-256", 3), "Sub", now=NOW, parent=(root, key), entropy=counted("sub"))
    server = issue(sub, signing("P-256", 3), private(algorithm).public, NAMES, now=NOW, entropy=counted("server"))
    return [server, sub, root, self_signed(key, NAMES, now=NOW, entropy=counted("own"))]


@needs_other
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_implementation_reads_ours(algorithm: str) -> None:
    for ours in of_every_kind(algorithm):
        other = x509.load_der_x509_certificate(ours.der)
        assert other.serial_number == ours.serial > 0
        assert other.serial_number.bit_length() <= 159
        assert other.subject.public_bytes() == ours.subject_der
        assert other.issuer.public_bytes() == ours.issuer_der
        assert int(other.not_valid_before_utc.timestamp()) == ours.not_before
        assert int(other.not_valid_after_utc.timestamp()) == ours.not_after
        assert [one.oid.dotted_string for one in other.extensions] == list(ours.extensions)
        assert other.tbs_certificate_bytes == ours.tbs
        constraints = other.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert ours.basic_constraints == (constraints.ca, constraints.path_length)
        found = [str(one.value) for one in names_of(other)]
        assert found == (list(NAMES) if not constraints.ca else [])


def names_of(certificate: Any) -> list[Any]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


@needs_other
@pytest.mark.parametrize("algorithm", [one for one in ALGORITHMS if one != "RSA-PSS"])
def test_we_read_theirs(algorithm: str) -> None:
    key = serialization.load_der_private_key(private(algorithm).to_der(), None)
    chosen = None if algorithm == "Ed25519" else hashes.SHA384()
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "NZ"), x509.NameAttribute(NameOID.COMMON_NAME, "Thé root")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(77)  # type: ignore[arg-type]
    builder = builder.not_valid_before(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
    builder = builder.not_valid_after(datetime.datetime.fromtimestamp(NOW + DAY, datetime.UTC))
    listed = [x509.DNSName("a.example"), x509.IPAddress(ipaddress.ip_address("::1")), x509.RFC822Name("me@a.example")]
    builder = builder.add_extension(x509.SubjectAlternativeName(listed), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    theirs = builder.sign(key, chosen)  # type: ignore[arg-type]
    ours = Certificate.from_pem(theirs.public_bytes(serialization.Encoding.PEM))
    assert str(ours.subject) == "CN=Thé root,C=NZ"
    assert (ours.serial, ours.not_before, ours.not_after) == (77, NOW, NOW + DAY)
    assert [str(one) for one in ours.subject_alt_names] == ["DNS:a.example", "IP:::1", "email:me@a.example"]
    assert ours.is_self_issued
    assert ours.is_signed_by(private(algorithm).public)
    assert not ours.is_signed_by(private(algorithm if algorithm == "P-384" else "P-384", 7).public)
    assert verify_chain(ours, [], [ours], now=NOW, name="::1") == (ours,)
    request = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(x509.SubjectAlternativeName(listed), critical=False)
    read = CertificateRequest.load(request.sign(key, chosen).public_bytes(serialization.Encoding.DER))  # type: ignore[arg-type]
    assert read.is_signed
    assert read.subject_alt_names == ours.subject_alt_names
    mine = build_request(signing(algorithm), NAMES, entropy=counted("csr"))
    other = x509.load_der_x509_csr(mine.der)
    assert other.is_signature_valid
    assert [str(one.value) for one in names_of(other)] == list(NAMES)


@pytest.mark.peer
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_openssl_believes_ours(algorithm: str, tmp_path: pathlib.Path) -> None:
    server, sub, root, own = of_every_kind(algorithm)
    for name, one in (("server", server), ("sub", sub), ("root", root), ("own", own)):
        (tmp_path / name).write_text(one.to_pem())
    request = build_request(signing(algorithm), NAMES)
    (tmp_path / "request").write_text(request.to_pem())
    common = ("verify", "-x509_strict", "-attime", str(NOW), "-purpose", "sslserver")
    for arguments, said in (
        ((*common, "-verify_hostname", "x.b.example", "-CAfile", "root", "-untrusted", "sub", "server"), "server: OK"),
        ((*common, "-verify_ip", "127.0.0.1", "-CAfile", "own", "own"), "own: OK"),
        (("req", "-in", "request", "-verify", "-noout"), "OK"),
    ):
        done = subprocess.run([peer("openssl"), *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert said in done.stdout + done.stderr, done.stderr
        assert done.returncode == 0


def test_a_chain_of_ours() -> None:
    for algorithm in ALGORITHMS:
        server, sub, root, own = of_every_kind(algorithm)
        assert verify_chain(server, [sub], [root], now=NOW, name="c.b.example") == (server, sub, root)
        assert verify_chain(own, [], [own], now=NOW, name="[2001:db8::1]") == (own,)
    assert authority("Root", 0).is_self_issued
