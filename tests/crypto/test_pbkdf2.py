# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PBKDF2: RFC 7914 §11, RFC 6070, hashlib."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import LimitExceeded, UsageError
from sws.crypto import pbkdf2 as module
from sws.crypto.pbkdf2 import MAX_ITERATIONS, MAX_OCTETS, pbkdf2
from sws.crypto.ref.pbkdf2 import derive
from tests.kit.vectors import extra_json, load_vectors

VECTORS = load_vectors("crypto", "pbkdf2", keys=("hash", "password", "salt", "iterations", "length"))


def _arguments(test: dict[str, Any]) -> tuple[str, bytes, bytes, int, int]:
    return test["hash"], bytes.fromhex(test["password"]), bytes.fromhex(test["salt"]), test["iterations"], test["length"]


@pytest.mark.parametrize("test", VECTORS, ids=lambda test: test["id"])
def test_rfc_vectors(test: dict[str, Any]) -> None:
    assert pbkdf2(*_arguments(test)).hex() == test["result"]


@pytest.mark.parametrize("test", [test for test in VECTORS if test["iterations"] < 5000], ids=lambda test: test["id"])
def test_rfc_vectors_by_the_twin(test: dict[str, Any]) -> None:
    assert derive(*_arguments(test)).hex() == test["result"]


def test_third_party_vectors() -> None:
    for test in extra_json("rfc", "rfc7914_pbkdf2_sha256.json")["tests"]:
        expected = pbkdf2("sha256", test["password"].encode(), test["salt"].encode(), test["c"], test["dkLen"])
        assert expected.hex() == test["dk"]
    for test in extra_json("rfc", "rfc6070_pbkdf2_sha1.json")["tests"]:
        password, salt = (test[name].replace("\\0", "\0").encode() for name in ("password", "salt"))
        assert pbkdf2("sha1", password, salt, int(test["iterations"]), int(test["length"])).hex() == test["derived_key"]


def _plain(name: str, password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    """hashlib's; where PyPy's does not know the hash function, the formula over the library's HMAC."""
    if not name.startswith("sha3_"):
        return hashlib.pbkdf2_hmac(name, password, salt, iterations, length)
    key = b""
    while len(key) < length:
        u = salt + (len(key) // hashlib.new(name).digest_size + 1).to_bytes(4, "big")
        block = 0
        for _ in range(iterations):
            u = hmac.digest(password, u, name)
            block ^= int.from_bytes(u, "big")
        key += block.to_bytes(len(u), "big")
    return key[:length]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["sha1", "sha256", "sha384", "sha512", "sha3_256"]),
    st.binary(max_size=200),
    st.binary(max_size=40),
    st.integers(1, 20),
    st.integers(1, 150),
)
def test_as_hashlib(name: str, password: bytes, salt: bytes, iterations: int, length: int) -> None:
    expected = _plain(name, password, salt, iterations, length)
    assert pbkdf2(name, password, salt, iterations, length) == expected
    assert derive(name, memoryview(password), bytearray(salt), iterations, length) == expected


def test_bounds() -> None:
    assert len(pbkdf2("sha256", b"", b"", 1, MAX_OCTETS)) == MAX_OCTETS
    for iterations, length in ((0, 1), (-1, 1), (1, 0), (1, -1)):
        with pytest.raises(UsageError, match="PBKDF2 with"):
            pbkdf2("sha256", b"", b"", iterations, length)
    with pytest.raises(LimitExceeded, match="iterations"):
        pbkdf2("sha256", b"", b"", MAX_ITERATIONS + 1, 1)
    with pytest.raises(LimitExceeded, match="octets"):
        pbkdf2("sha256", b"", b"", 1, MAX_OCTETS + 1)
    with pytest.raises(UsageError, match="no hash function"):
        pbkdf2("md5", b"", b"", 1, 1)


def test_every_kernel_can_be_loaded() -> None:
    assert module._ref() is derive
    for name in ("sha256", "sha3_256"):
        assert module._stdlib()(name, b"p", b"s", 2, 40) == derive(name, b"p", b"s", 2, 40)
