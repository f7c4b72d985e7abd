# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Private keys: every algorithm in every container, there and back, another implementation's and OpenSSL's; what is refused."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto.asn1 import tags, writer
from sws.crypto.keys import PrivateKey, algorithms, generate_private_key, load_private_key, pbes2
from sws.crypto.keys.algorithms import Algorithm, PssParameters
from sws.crypto.keys.private import _compressed
from sws.crypto.keys.public import curve_algorithm
from sws.crypto.pem import encode_pem
from sws.crypto.rsa_keys import RsaPrivateKey
from sws.crypto.weierstrass import EcPrivateKey
from tests.crypto.other import HAVE_OTHER, needs_other
from tests.crypto.x509.chains import ALGORITHMS, counted, private
from tests.kit.peers import peer

if HAVE_OTHER:
    from cryptography.hazmat.primitives import serialization

EVERY = (*ALGORITHMS, "X25519")
PLAIN = tuple(name for name in EVERY if name != "RSA-PSS")


@pytest.mark.parametrize("algorithm", EVERY)
def test_there_and_back(algorithm: str) -> None:
    key = private(algorithm)
    assert load_private_key(key.to_der()) == key
    assert load_private_key(key.to_pem()) == key
    assert load_private_key(b"text\n" + key.to_pem().encode()) == key
    encrypted = pbes2.encrypt(key.to_der(), b"secret", iterations=3, entropy=counted("pbes2"))
    assert load_private_key(encrypted, "secret") == key
    assert load_private_key(pbes2.encrypt_pem(key.to_der(), b"secret", iterations=3), b"secret") == key
    if algorithm in ("P-256", "P-384", "RSA"):
        assert load_private_key(key.to_traditional_pem()) == key
    else:
        with pytest.raises(UsageError, match="PKCS #8 only"):
            key.to_traditional_pem()


@pytest.mark.parametrize("algorithm", EVERY)
def test_what_is_shown_has_no_secret(algorithm: str) -> None:
    key = private(algorithm)
    secret = key.key.d if isinstance(key.key, RsaPrivateKey) else key.key.scalar if isinstance(key.key, EcPrivateKey) else key.key
    shown = repr(key)
    assert str(secret) not in shown
    assert repr(secret) not in shown


def private_bytes(key: Any, container: str, password: bytes | None = None) -> bytes:
    encryption = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, container), encryption)  # type: ignore[no-any-return]


@needs_other
@pytest.mark.parametrize("algorithm", PLAIN)
def test_another_implementation(algorithm: str) -> None:
    ours = private(algorithm)
    other = serialization.load_pem_private_key(ours.to_pem().encode(), None)
    assert load_private_key(private_bytes(other, "PKCS8")) == ours
    assert load_private_key(private_bytes(other, "PKCS8", b"secret"), b"secret") == ours
    encrypted = pbes2.encrypt_pem(ours.to_der(), "pässword".encode(), iterations=10)
    again = serialization.load_pem_private_key(encrypted.encode(), "pässword".encode())
    assert private_bytes(again, "PKCS8") == private_bytes(other, "PKCS8")
    if algorithm in ("P-256", "P-384", "RSA"):
        old = private_bytes(other, "TraditionalOpenSSL")
        assert load_private_key(old) == ours
        assert old.decode() == ours.to_traditional_pem()


def openssl(*arguments: str, data: str = "") -> str:
    done = subprocess.run([peer("openssl"), *arguments], input=data, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.peer
@pytest.mark.parametrize("algorithm", EVERY)
def test_openssl_reads_ours(algorithm: str) -> None:
    ours = private(algorithm)
    assert openssl("pkey", "-pubout", data=ours.to_pem()) == encode_pem("PUBLIC KEY", ours.public.spki)
    encrypted = pbes2.encrypt_pem(ours.to_der(), b"secret", iterations=10)
    assert openssl("pkey", "-pubout", "-passin", "pass:secret", data=encrypted) == encode_pem("PUBLIC KEY", ours.public.spki)
    if algorithm in ("P-256", "P-384", "RSA"):
        old = openssl("pkey", "-pubout", data=ours.to_traditional_pem())
        assert old == encode_pem("PUBLIC KEY", ours.public.spki)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("P-256", ("EC", "-pkeyopt", "ec_paramgen_curve:P-256")),
        ("P-384", ("EC", "-pkeyopt", "ec_paramgen_curve:P-384")),
        ("Ed25519", ("ED25519",)),
        ("X25519", ("X25519",)),
        ("RSA", ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")),
        ("RSA-PSS", ("RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")),
        (
            "RSA-PSS sha256",
            ("RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_pss_keygen_md:sha256",
             "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha256", "-pkeyopt", "rsa_pss_keygen_saltlen:32"),
        ),
    ],
)  # fmt: skip
def test_ours_reads_openssl(algorithm: str, options: tuple[str, ...]) -> None:
    name, _, hash_name = algorithm.partition(" ")
    text = openssl("genpkey", "-algorithm", *options)
    key = load_private_key(text)
    assert key.algorithm == name
    assert key.public.pss == (PssParameters("sha256", "sha256", 32) if hash_name else None)
    assert openssl("pkey", "-pubout", data=text) == encode_pem("PUBLIC KEY", key.public.spki)
    assert key.to_pem() == text
    for cipher, prf in (("-aes-128-cbc", "hmacWithSHA1"), ("-aes-192-cbc", "hmacWithSHA384"), ("-aes-256-cbc", "hmacWithSHA512")):
        encrypted = openssl("pkcs8", "-topk8", "-v2", cipher[1:], "-v2prf", prf, "-iter", "20", "-passout", "pass:x", data=text)
        assert load_private_key(encrypted, "x") == key
    if name in ("P-256", "P-384", "RSA"):
        assert load_private_key(openssl("pkey", "-traditional", data=text)) == key
        with pytest.raises(DecodeError, match="headers"):
            load_private_key(openssl("pkey", "-traditional", "-aes128", "-passout", "pass:x", data=text), "x")
    with pytest.raises(DecodeError, match="not by PBES2"):
        load_private_key(openssl("pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:x", data=text), "x")


# --- what is refused ------------------------------------------------------------------------------------------------------

EC = private("P-256")
SCALAR = EC.key.scalar  # type: ignore[union-attr]
POINT = EC.public.key
OTHER_POINT = private("P-256", 1).public.key
RSA_KEY = private("RSA").key
CURVE = curve_algorithm("P-256").parameters or b""


def sec1(*parts: bytes, version: int = 1, scalar: bytes = SCALAR) -> bytes:
    return writer.sequence(writer.integer(version), writer.octet_string(scalar), *parts)


def pkcs8(algorithm: Algorithm, inner: bytes, *parts: bytes, version: int = 0) -> bytes:
    return writer.sequence(writer.integer(version), algorithm.encode(), writer.octet_string(inner), *parts)


def pkcs1(**changes: int) -> bytes:
    numbers = {"version": 0} | {name: getattr(RSA_KEY, name) for name in ("n", "e", "d", "p", "q", "dp", "dq", "q_inv")} | changes
    return writer.sequence(*map(writer.integer, numbers.values()))


def public(point: object) -> bytes:
    assert isinstance(point, bytes)
    return writer.explicit(1, writer.bit_string(point))


def test_forms_of_one_key() -> None:
    named = writer.explicit(0, CURVE)
    for der in (
        sec1(named, public(POINT)),
        sec1(named),
        sec1(named, public(_compressed(EC.public))),
        pkcs8(curve_algorithm("P-256"), sec1()),
        pkcs8(curve_algorithm("P-256"), sec1(named)),
        pkcs8(curve_algorithm("P-256"), sec1(), writer.element(tags.constructed(0), b"")),
        pkcs8(curve_algorithm("P-256"), sec1(), writer.element(tags.context(1), b"\x00" + POINT), version=1),  # type: ignore[operator]
    ):
        assert load_private_key(der) == EC
    assert load_private_key(pkcs1()) == private("RSA")


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (sec1(), "no curve"),
        (sec1(writer.explicit(0, CURVE), version=2), "a version that is not 1"),
        (sec1(writer.explicit(0, writer.oid("1.3.132.0.35"))), "no curve that we have"),
        (sec1(writer.explicit(0, CURVE + writer.NULL)), "too many"),
        (sec1(writer.explicit(0, CURVE), public(OTHER_POINT)), "not the private one's"),
        (sec1(writer.explicit(0, CURVE), public(POINT), writer.NULL), "too many"),
        (sec1(writer.explicit(0, CURVE), scalar=bytes(32)), "."),
        (sec1(writer.explicit(0, CURVE), scalar=b"\xff" * 32), "."),
        (sec1(writer.explicit(0, CURVE), scalar=SCALAR[1:]), "."),
        (pkcs8(curve_algorithm("P-384"), sec1(writer.explicit(0, CURVE))), "two curves"),
        (pkcs8(Algorithm(algorithms.EC), sec1()), "curve's name"),
        (pkcs8(Algorithm(algorithms.EC, writer.oid("1.2.3")), sec1()), "no curve that we have"),
        (pkcs8(curve_algorithm("P-256"), sec1(), version=2), "version 2"),
        (pkcs8(curve_algorithm("P-256"), sec1(), writer.element(tags.context(1), b"\x00" + POINT)), "too many"),  # type: ignore[operator]
        (pkcs8(curve_algorithm("P-256"), sec1(), writer.element(tags.context(1), b"\x00" + OTHER_POINT), version=1), "private one's"),  # type: ignore[operator]
        (pkcs8(Algorithm(algorithms.RSA), pkcs1()), "not NULL"),
        (pkcs8(Algorithm(algorithms.RSA, writer.NULL), pkcs1(version=1)), "two primes"),
        (pkcs1(dp=5), "not those of the primes"),
        (pkcs1(q_inv=5), "not those of the primes"),
        (pkcs1(d=5), "."),
        (pkcs1(n=7), "."),
        (pkcs1(more=7), "too many"),
        (pkcs8(Algorithm("1.3.101.113"), writer.octet_string(bytes(57))), "no algorithm that we have"),
        (pkcs8(Algorithm(algorithms.ED25519), writer.octet_string(bytes(31))), "not 32 octets"),
        (pkcs8(Algorithm(algorithms.ED25519, writer.NULL), writer.octet_string(bytes(32))), "parameters"),
        (pkcs8(Algorithm(algorithms.ED25519), writer.octet_string(bytes(32)) + b"\x00"), "too many"),
        (EC.to_der() + b"\x00", "too many"),
        (b"\x30\x00", "missing"),
        (b"", "missing"),
        (writer.sequence(writer.sequence()), "no password"),
        (encode_pem("CERTIFICATE", b"\x30\x00").encode(), "without a private key"),
    ],
)
def test_what_is_refused(der: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        load_private_key(der)


def test_usage() -> None:
    with pytest.raises(UsageError, match="a key of P-256 for P-384"):
        PrivateKey.of("P-384", EC.key)
    with pytest.raises(UsageError, match="no key of 'Ed448'"):
        PrivateKey.of("Ed448", bytes(32))
    with pytest.raises(UsageError):
        generate_private_key("DSA")
    assert generate_private_key("X25519", entropy=counted("a")) == generate_private_key("X25519", entropy=counted("a"))


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["RSA", "RSA-PSS"])
def test_rsa_is_generated(algorithm: str) -> None:
    key = generate_private_key(algorithm, bits=2048, entropy=counted("rsa"))
    assert (key.algorithm, key.public.bits) == (algorithm, 2048)
    assert load_private_key(key.to_der()) == key


# --- PBES2 ------------------------------------------------------------------------------------------------------------------

HMAC_SHA256 = Algorithm("1.2.840.113549.2.9", writer.NULL).encode()
AES256 = Algorithm(pbes2._AES256, writer.octet_string(bytes(16))).encode()


def encrypted(
    *, scheme: str = pbes2._PBES2, derivation: str = pbes2._PBKDF2, salt: bytes = b"salt", iterations: int = 1, tail: bytes = HMAC_SHA256,
    cipher: bytes = AES256, extra: bytes = b"",
) -> bytes:  # fmt: skip
    kdf = Algorithm(derivation, writer.sequence(writer.octet_string(salt), writer.integer(iterations), tail)).encode()
    return writer.sequence(Algorithm(scheme, writer.sequence(kdf, cipher, extra)).encode(), writer.octet_string(bytes(16)))


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (encrypted(scheme="1.2.840.113549.1.5.3"), "not by PBES2"),
        (encrypted(derivation="1.3.6.1.4.1.11591.4.11"), "not PBKDF2"),
        (encrypted(cipher=Algorithm("1.2.840.113549.3.7", writer.octet_string(bytes(8))).encode()), "not AES in CBC mode"),
        (encrypted(cipher=Algorithm(pbes2._AES256, writer.octet_string(bytes(15))).encode()), "initialization vector"),
        (encrypted(cipher=Algorithm(pbes2._AES256).encode()), "missing"),
        (encrypted(tail=Algorithm("1.2.840.113549.2.5").encode()), "not HMAC with SHA-1 or SHA-2"),
        (encrypted(tail=Algorithm("1.2.840.113549.2.9", writer.integer(1)).encode()), "not HMAC"),
        (encrypted(tail=writer.integer(16) + HMAC_SHA256), "not the cipher's"),
        (encrypted(tail=HMAC_SHA256 + writer.NULL), "too many"),
        (encrypted(iterations=0), "no iterations"),
        (encrypted(iterations=-1), "negative"),
        (encrypted(extra=writer.NULL), "too many"),
        (encrypted(), "the password is wrong"),
        (encrypted() + b"\x00", "too many"),
    ],
)
def test_encryption_that_is_refused(der: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        load_private_key(der, "secret")


def test_forms_of_encryption() -> None:
    """The key's length written out, and HMAC with SHA-1 by default: the same key as another spelling gives."""
    der = private("Ed25519").to_der()
    assert load_private_key(pbes2.encrypt(der, b"x", iterations=1, entropy=counted("1")), "x") == private("Ed25519")
    from sws.crypto import cbc
    from sws.crypto.pbkdf2 import pbkdf2

    for prf, tail in (("sha256", writer.integer(32) + HMAC_SHA256), ("sha1", b""), ("sha1", writer.integer(32))):
        data = cbc.encrypt(pbkdf2(prf, b"x", b"salt", 2, 32), bytes(16), der)
        outer = encrypted(iterations=2, tail=tail)
        whole = writer.sequence(outer[2:-18], writer.octet_string(data))
        assert load_private_key(whole, "x") == private("Ed25519")


def test_a_wrong_password() -> None:
    der = pbes2.encrypt(private().to_der(), b"right", iterations=1, entropy=counted("2"))
    for password in ("wrong", "", "right "):
        with pytest.raises(DecodeError):
            load_private_key(der, password)


def test_too_many_iterations() -> None:
    with pytest.raises(LimitExceeded, match="iterations"):
        load_private_key(encrypted(iterations=1 << 40), "x")
