# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys as a few secret octets: signatures from them verify, and octets that are no such key's do not sign."""

from __future__ import annotations

import functools

import pytest

from sws.base.errors import DecodeError, UsageError
from sws.crypto.keys import SigningKey, generate_private_key, pack_secret, schemes_of, sign_packed, verify_signature

ALGORITHMS = ["P-256", "P-384", "Ed25519", pytest.param("RSA", marks=pytest.mark.slow), pytest.param("RSA-PSS", marks=pytest.mark.slow)]
OCTETS = {"P-256": 32, "P-384": 48, "Ed25519": 64, "RSA": 3 * 256, "RSA-PSS": 3 * 256}


@functools.cache
def made(algorithm: str) -> SigningKey:
    return SigningKey(generate_private_key(algorithm))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signatures(algorithm: str) -> None:
    key = made(algorithm)
    packed = pack_secret(key)
    assert len(packed) == OCTETS[algorithm]
    for scheme in schemes_of(key.public):
        for secret in (packed, bytes(packed)):
            signature = sign_packed(key.public, secret, scheme, b"message")
            assert verify_signature(key.public, scheme, b"message", signature)
    assert packed == pack_secret(key)


@pytest.mark.parametrize(("algorithm", "scheme"), [("P-256", "ecdsa_secp256r1_sha256"), ("Ed25519", "ed25519")])
def test_the_same_signature_as_the_key_makes(algorithm: str, scheme: str) -> None:
    """With the same entropy; Ed25519 takes the key's form of RFC 8032, so a wrong prefix would show here."""
    key = made(algorithm)

    def entropy(count: int) -> bytes:
        return b"\x17" * count

    assert sign_packed(key.public, pack_secret(key), scheme, b"m", entropy) == key.sign(scheme, b"m", entropy)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_octets_that_are_no_key(algorithm: str) -> None:
    public, packed = made(algorithm).public, bytes(pack_secret(made(algorithm)))
    for octets in (b"", packed[:-1], packed + b"\0"):
        with pytest.raises(DecodeError):
            sign_packed(public, octets, schemes_of(public)[0], b"m")
    if algorithm != "Ed25519":
        with pytest.raises(DecodeError):  # as a wiped buffer would be
            sign_packed(public, bytes(len(packed)), schemes_of(public)[0], b"m")


def test_schemes_that_are_not_the_keys() -> None:
    key = made("P-256")
    for scheme in ("ed25519", "none"):
        with pytest.raises(UsageError):
            sign_packed(key.public, pack_secret(key), scheme, b"m")
