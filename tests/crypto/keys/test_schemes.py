# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signatures by their names in TLS and in certificates: every scheme against another implementation and OpenSSL, both ways."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any

import pytest

from sws.base.errors import DecodeError, UsageError
from sws.crypto.asn1 import writer
from sws.crypto.keys import SCHEMES, PrivateKey, SigningKey, algorithms, schemes_of, verify_signature
from sws.crypto.keys.algorithms import Algorithm, PssParameters, encode_pss
from sws.crypto.keys.public import PublicKey, encode_rsa_spki
from sws.crypto.keys.schemes import SignatureAlgorithm, algorithm_of_scheme, find_signature_algorithm, verify_by_algorithm
from sws.crypto.rsa_keys import RsaPrivateKey, RsaPublicKey
from tests.crypto.other import HAVE_OTHER, ec, hashes, needs_other, padding
from tests.crypto.x509.chains import ALGORITHMS, counted, private, signing
from tests.kit.peers import peer

if HAVE_OTHER:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization

MESSAGE = b"what is signed"


def test_every_key_has_its_schemes() -> None:
    assert {algorithm: signing(algorithm).schemes for algorithm in ALGORITHMS} == {
        "P-256": ("ecdsa_secp256r1_sha256",),
        "P-384": ("ecdsa_secp384r1_sha384",),
        "Ed25519": ("ed25519",),
        "RSA": (
            "rsa_pss_rsae_sha256",
            "rsa_pss_rsae_sha384",
            "rsa_pss_rsae_sha512",
            "rsa_pkcs1_sha256",
            "rsa_pkcs1_sha384",
            "rsa_pkcs1_sha512",
        ),
        "RSA-PSS": ("rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512"),
    }
    assert schemes_of(private("X25519").public) == ()
    with pytest.raises(UsageError, match="does not sign"):
        SigningKey(private("X25519"))


def other_arguments(scheme: str) -> tuple[Any, ...]:
    _, kind, hash_name = SCHEMES[scheme]
    if scheme == "ed25519":
        return ()
    chosen = getattr(hashes, hash_name.upper())()
    if scheme.startswith("ecdsa"):
        return (ec.ECDSA(chosen),)
    if kind == "pss":
        return padding.PSS(padding.MGF1(chosen), chosen.digest_size), chosen
    return padding.PKCS1v15(), chosen


@needs_other
@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_implementation(scheme: str) -> None:
    algorithm = SCHEMES[scheme].algorithm
    key = signing(algorithm)
    other = serialization.load_der_private_key(private(algorithm).to_der(), None)
    ours = key.sign(scheme, MESSAGE, counted("sign"))
    other.public_key().verify(ours, MESSAGE, *other_arguments(scheme))  # type: ignore[union-attr]
    with pytest.raises(InvalidSignature):
        other.public_key().verify(ours, MESSAGE + b"x", *other_arguments(scheme))  # type: ignore[union-attr]
    theirs = other.sign(MESSAGE, *other_arguments(scheme))  # type: ignore[union-attr]
    assert verify_signature(key.public, scheme, MESSAGE, theirs)
    assert verify_signature(key.public_spki, scheme, MESSAGE, theirs)
    assert not verify_signature(key.public, scheme, MESSAGE + b"x", theirs)
    assert not verify_signature(key.public, scheme, MESSAGE, theirs[:-1] + bytes((theirs[-1] ^ 1,)))


@pytest.mark.peer
@pytest.mark.parametrize(
    "scheme", ["ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "rsa_pss_pss_sha256", "rsa_pkcs1_sha512", "ed25519"]
)
def test_openssl(scheme: str, tmp_path: pathlib.Path) -> None:
    algorithm, kind, hash_name = SCHEMES[scheme]
    key = private(algorithm)
    for name, data in (("key", key.to_pem().encode()), ("message", MESSAGE), ("ours", signing(algorithm).sign(scheme, MESSAGE))):
        (tmp_path / name).write_bytes(data)
    options = ["-rawin", "-inkey", "key", "-in", "message"]
    if hash_name:
        options += ["-digest", hash_name]
    if kind == "pss":
        options += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]
    for command in (["-verify", "-sigfile", "ours"], ["-sign", "-out", "theirs"]):
        done = subprocess.run([peer("openssl"), "pkeyutl", *command, *options], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert verify_signature(key.public, scheme, MESSAGE, (tmp_path / "theirs").read_bytes())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_goes_with_its_key_alone(scheme: str) -> None:
    wanted = SCHEMES[scheme].algorithm
    for algorithm in (*ALGORITHMS, "X25519"):
        if algorithm != wanted:
            assert not verify_signature(private(algorithm).public, scheme, MESSAGE, b"")
            if algorithm != "X25519":
                with pytest.raises(UsageError, match="does not sign by"):
                    signing(algorithm).sign(scheme, MESSAGE)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_in_certificates(scheme: str) -> None:
    """The identifier of a scheme means the signature that the scheme makes."""
    algorithm = algorithm_of_scheme(scheme)
    found = find_signature_algorithm(algorithm)
    key = signing(SCHEMES[scheme].algorithm)
    signature = key.sign(scheme, MESSAGE, counted("in"))
    assert verify_by_algorithm(key.public, found, MESSAGE, signature)
    assert not verify_by_algorithm(key.public, found, MESSAGE + b"x", signature)
    for other in (*ALGORITHMS, "X25519"):
        if other[:3] != key.algorithm[:3] and not (other[:1] == key.algorithm[:1] == "P"):
            assert not verify_by_algorithm(private(other).public, found, MESSAGE, signature)


@pytest.mark.parametrize(
    ("oid", "parameters", "found"),
    [
        ("1.2.840.10045.4.3.2", None, SignatureAlgorithm("ecdsa", "sha256")),
        ("1.2.840.10045.4.3.4", None, SignatureAlgorithm("ecdsa", "sha512")),
        ("1.2.840.10045.4.1", None, SignatureAlgorithm("ecdsa", "sha1")),
        ("1.2.840.113549.1.1.11", writer.NULL, SignatureAlgorithm("pkcs1", "sha256")),
        ("1.2.840.113549.1.1.11", None, SignatureAlgorithm("pkcs1", "sha256")),
        ("1.3.14.3.2.29", writer.NULL, SignatureAlgorithm("pkcs1", "sha1")),
        ("1.3.101.112", None, SignatureAlgorithm("ed25519", "")),
        (algorithms.RSA_PSS, encode_pss(PssParameters("sha256", "sha384", 5)), SignatureAlgorithm("pss", "sha256", "sha384", 5)),
        ("1.2.840.10045.4.3.2", writer.NULL, "parameters where none belong"),
        ("1.2.840.113549.1.1.11", writer.integer(1), "not NULL"),
        ("1.3.101.112", writer.NULL, "parameters where none belong"),
        (algorithms.RSA_PSS, None, "no parameters"),
        (algorithms.RSA_PSS, writer.NULL, "30 wanted"),
        ("1.2.840.113549.1.1.4", writer.NULL, "none that we have"),
    ],
)
def test_identifiers(oid: str, parameters: bytes | None, found: SignatureAlgorithm | str) -> None:
    algorithm = Algorithm(oid, parameters)
    if isinstance(found, str):
        with pytest.raises(DecodeError, match=found):
            find_signature_algorithm(algorithm)
    else:
        assert find_signature_algorithm(algorithm) == found


def restricted(hash_name: str, salt: int) -> PublicKey:
    key = private("RSA").public.key
    assert isinstance(key, RsaPublicKey)
    pss = PssParameters(hash_name, hash_name, salt)
    return PublicKey("RSA-PSS", key, encode_rsa_spki(key, "RSA-PSS", pss), pss)


def test_keys_that_are_restricted() -> None:
    """RFC 4055 §3.3: the same hash and mask, no less salt; pkcs1 never with a key of RSA-PSS."""
    signature = signing("RSA-PSS").sign("rsa_pss_pss_sha256", MESSAGE)
    algorithm = SignatureAlgorithm("pss", "sha256", "sha256", 32)
    assert verify_by_algorithm(restricted("sha256", 32), algorithm, MESSAGE, signature)
    assert verify_by_algorithm(restricted("sha256", 20), algorithm, MESSAGE, signature)
    assert not verify_by_algorithm(restricted("sha256", 33), algorithm, MESSAGE, signature)
    assert not verify_by_algorithm(restricted("sha384", 32), algorithm, MESSAGE, signature)
    assert schemes_of(restricted("sha256", 32)) == ("rsa_pss_pss_sha256",)
    assert schemes_of(restricted("sha256", 20)) == ()
    old = signing("RSA").sign("rsa_pkcs1_sha256", MESSAGE)
    pkcs1 = SignatureAlgorithm("pkcs1", "sha256")
    assert verify_by_algorithm(private("RSA").public, pkcs1, MESSAGE, old)
    assert not verify_by_algorithm(private("RSA-PSS").public, pkcs1, MESSAGE, old)


def test_a_small_modulus_has_no_room_for_sha_512() -> None:
    """RFC 8017 §9.1.1: emLen is at least hLen + sLen + 2."""
    small = PublicKey("RSA", RsaPublicKey((1 << 1023) + 1, 3), b"")
    assert "rsa_pss_rsae_sha512" not in schemes_of(small)
    assert "rsa_pss_rsae_sha384" in schemes_of(small)


def test_what_is_wrong() -> None:
    with pytest.raises(UsageError, match="no signature scheme 'rsa_pkcs1_sha1'"):
        verify_signature(private().public, "rsa_pkcs1_sha1", b"", b"")
    assert not verify_signature(b"\x30\x00", "ed25519", MESSAGE, b"")
    assert not verify_signature(PublicKey("Ed25519", b"\x02" + bytes(30) + b"\x80", b""), "ed25519", MESSAGE, bytes(64))
    assert repr(signing()) == "SigningKey(P-256)"
    assert SigningKey.load(private().to_pem()).public == private().public
    assert isinstance(private("RSA").key, RsaPrivateKey)
    assert isinstance(private(), PrivateKey)
