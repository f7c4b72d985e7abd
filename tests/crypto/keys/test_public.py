# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SubjectPublicKeyInfo: RFC 8410's example, Wycheproof's keys in DER, another implementation's, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto import ecdh
from sws.crypto.asn1 import writer
from sws.crypto.curves import P256
from sws.crypto.keys import algorithms, load_public_key
from sws.crypto.keys.algorithms import Algorithm, PssParameters
from sws.crypto.keys.public import (
    PublicKey,
    curve_algorithm,
    decode_rsa_public,
    encode_point_spki,
    encode_rsa_public,
    encode_rsa_spki,
    raw_algorithm,
)
from sws.crypto.pem import encode_pem
from sws.crypto.rsa_keys import RsaPublicKey
from tests.crypto.other import HAVE_OTHER, ec, needs_other
from tests.crypto.wycheproof import cases
from tests.crypto.x509.chains import ALGORITHMS, private
from tests.kit.vectors import load_vectors

if HAVE_OTHER:
    from cryptography.hazmat.primitives import serialization

EVERY = (*ALGORITHMS, "X25519")


def spki(algorithm: Algorithm, octets: bytes) -> bytes:
    return writer.sequence(algorithm.encode(), writer.bit_string(octets))


@pytest.mark.parametrize("case", load_vectors("keys", "rfc8410", keys=("pem",)), ids=lambda case: case["id"])
def test_rfc_8410(case: dict[str, Any]) -> None:
    """result: [algorithm, private key in hex or null, public key in hex], or null."""
    from sws.crypto.keys import load_private_key

    if case["result"] is None:
        with pytest.raises(DecodeError):
            load_private_key(case["pem"])
        return
    algorithm, secret, public = case["result"]
    if secret is None:
        key = load_public_key(case["pem"])
    else:
        found = load_private_key(case["pem"])
        assert isinstance(found.key, bytes)
        assert (found.algorithm, found.key.hex()) == (algorithm, secret)
        key = found.public
    assert isinstance(key.key, bytes)
    assert (key.algorithm, key.key.hex()) == (algorithm, public)


def test_wycheproof_keys_in_der() -> None:
    """ECDH with SubjectPublicKeyInfo: a key is refused, or gives the secret that stands there."""
    outcomes = {"valid": 0, "invalid": 0, "acceptable": 0, "refused": 0}
    for _, test in cases("ecdh_secp256r1_test"):
        secret = int(test["private"], 16).to_bytes(32, "big")
        try:
            public = load_public_key(bytes.fromhex(test["public"]))
            if public.algorithm != "P-256" or not isinstance(public.key, bytes):
                raise DecodeError("another curve")
            shared: bytes | None = ecdh.exchange(ecdh.EcPrivateKey("P-256", secret), public.key)
        except (DecodeError, LimitExceeded):
            shared = None
        if test["result"] == "valid":
            assert shared == bytes.fromhex(test["shared"]), test["tcId"]
        elif test["result"] == "invalid":
            assert shared is None, (test["tcId"], test["comment"])
        else:
            assert shared in (None, bytes.fromhex(test["shared"])), test["tcId"]
            outcomes["refused"] += shared is None
        outcomes[test["result"]] += 1
    assert outcomes["valid"] > 100
    assert outcomes["invalid"] > 30
    assert outcomes["acceptable"] > outcomes["refused"]  # compressed points are among them, and read


@pytest.mark.parametrize(
    "name",
    [
        "ecdsa_secp256r1_sha256_test",
        "ecdsa_secp384r1_sha384_test",
        "ed25519_test",
        "rsa_signature_2048_sha256_test",
        "rsa_signature_4096_sha256_test",
        "rsa_pss_2048_sha256_mgf1_32_test",
        "rsa_pss_misc_test",
    ],
)
def test_wycheproof_groups_in_der_and_pem(name: str) -> None:
    """The keys of the groups: DER and PEM say the same, and are written as they were read."""
    seen = set()
    for group, _ in cases(name):
        text = group["publicKeyDer"]
        if text in seen:
            continue
        seen.add(text)
        key = load_public_key(bytes.fromhex(text))
        assert load_public_key(group["publicKeyPem"]) == key
        assert key.spki.hex() == text
        if isinstance(key.key, RsaPublicKey):
            assert encode_rsa_spki(key.key, key.algorithm, key.pss).hex() == text
            assert encode_rsa_public(key.key).hex() == group["publicKeyAsn"] if "publicKeyAsn" in group else True
        elif key.algorithm.startswith("P-"):
            assert encode_point_spki(key.algorithm, key.key).hex() == text
            assert key.key.hex() == group["publicKey"]["uncompressed"]
        else:
            assert key.key.hex() == group["publicKey"]["pk"]
    assert seen


@needs_other
@pytest.mark.parametrize("algorithm", EVERY)
def test_another_implementation_reads_and_writes_the_same(algorithm: str) -> None:
    ours = private(algorithm).public
    if algorithm == "RSA-PSS":  # the other one reads such a key, and forgets that it is one
        other = serialization.load_der_public_key(ours.spki)
        assert load_public_key(ours.spki) == ours
        assert other.public_numbers().n == ours.key.n  # type: ignore[union-attr]
        return
    other = serialization.load_der_public_key(ours.spki)
    theirs = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert load_public_key(theirs) == ours
    assert theirs.decode() == encode_pem("PUBLIC KEY", ours.spki)
    if algorithm == "RSA":
        old = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
        assert load_public_key(old) == ours


@needs_other
@pytest.mark.parametrize(("algorithm", "curve"), [("P-256", ec.SECP256R1()), ("P-384", ec.SECP384R1())])
@pytest.mark.parametrize("number", range(6))
def test_compressed_points(algorithm: str, curve: Any, number: int) -> None:
    ours = private(algorithm, number).public
    assert isinstance(ours.key, bytes)
    other = ec.EllipticCurvePublicKey.from_encoded_point(curve, ours.key)
    short = other.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    read = load_public_key(spki(curve_algorithm(algorithm), short))
    assert (read.algorithm, read.key) == (algorithm, ours.key)


def test_a_compressed_point_that_is_none() -> None:
    """x = 1 has no y on P-256: 1 − 3 + b is no square there, as Euler's criterion says."""
    assert pow(1 - 3 + P256.b, (P256.p - 1) // 2, P256.p) == P256.p - 1
    with pytest.raises(DecodeError, match="not on"):
        load_public_key(spki(curve_algorithm("P-256"), b"\x02" + (1).to_bytes(32, "big")))


RSA = private("RSA").public


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (RSA.spki + b"\x00", "too many"),
        (spki(Algorithm(algorithms.RSA), encode_rsa_public(RSA.key)), "not NULL"),  # type: ignore[arg-type]
        (spki(Algorithm(algorithms.RSA, writer.integer(0)), encode_rsa_public(RSA.key)), "not NULL"),  # type: ignore[arg-type]
        (spki(Algorithm(algorithms.RSA, writer.NULL), b"\x30\x00"), "modulus: an element is missing"),
        (spki(Algorithm(algorithms.RSA, writer.NULL), writer.sequence(writer.integer(9), writer.integer(3))), "modulus"),
        (spki(Algorithm(algorithms.RSA, writer.NULL), encode_rsa_public(RSA.key) + b"\x00"), "too many"),  # type: ignore[arg-type]
        (spki(Algorithm(algorithms.RSA_PSS, writer.integer(1)), encode_rsa_public(RSA.key)), "30 wanted"),  # type: ignore[arg-type]
        (spki(Algorithm(algorithms.EC), b"\x04" + bytes(64)), "curve's name"),
        (spki(Algorithm(algorithms.EC, writer.oid("1.3.132.0.35")), b"\x04" + bytes(132)), "no curve that we have"),
        (spki(Algorithm(algorithms.EC, writer.sequence(writer.integer(1))), b"\x04" + bytes(64)), "06 wanted"),
        (spki(curve_algorithm("P-256"), b"\x04" + bytes(64)), "not on"),
        (spki(curve_algorithm("P-384"), private("P-256").public.key), "another curve"),  # type: ignore[arg-type]
        (spki(curve_algorithm("P-256"), b"\x00"), "1 octets"),
        (spki(curve_algorithm("P-256"), b""), "0 octets"),
        (spki(curve_algorithm("P-256"), b"\x02" + bytes(31)), "32 octets"),
        (spki(Algorithm(algorithms.ED25519), bytes(31)), "not 32 octets"),
        (spki(Algorithm(algorithms.ED25519, writer.NULL), bytes(32)), "parameters"),
        (spki(Algorithm("1.3.101.113"), bytes(57)), "1.3.101.113"),
        (writer.sequence(Algorithm(algorithms.ED25519).encode(), writer.bit_string(bytes(32), 1)), "whole octets"),
        (writer.sequence(Algorithm(algorithms.ED25519).encode(), writer.bit_string(bytes(32)), writer.NULL), "too many"),
    ],
)
def test_what_is_refused(der: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        load_public_key(der)


def test_pem() -> None:
    assert load_public_key(encode_pem("X", b"") + encode_pem("PUBLIC KEY", RSA.spki)) == RSA
    with pytest.raises(DecodeError, match="without a public key"):
        load_public_key(encode_pem("CERTIFICATE", b"\x30\x00"))


def test_keys_of_pss_keep_their_restriction() -> None:
    restricted = encode_rsa_spki(RSA.key, "RSA-PSS", PssParameters("sha256", "sha256", 32))  # type: ignore[arg-type]
    read = load_public_key(restricted)
    assert (read.algorithm, read.pss, read.spki) == ("RSA-PSS", PssParameters("sha256", "sha256", 32), restricted)


def test_bits_and_usage() -> None:
    assert [private(algorithm).public.bits for algorithm in EVERY] == [256, 384, 255, 2048, 2048, 255]
    for call in (lambda: curve_algorithm("P-521"), lambda: raw_algorithm("Ed448"), lambda: encode_rsa_spki(RSA.key, "P-256")):  # type: ignore[arg-type]
        with pytest.raises(UsageError):
            call()
    with pytest.raises(DecodeError, match="too many"):
        decode_rsa_public(writer.sequence(writer.integer(1), writer.integer(1), writer.integer(1)))
    assert "spki" not in repr(PublicKey("Ed25519", bytes(32), b"x"))
