# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HMAC: RFC 4231, Wycheproof, the standard library."""

from __future__ import annotations

import hashlib
import hmac as library
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.crypto import hashes
from sws.crypto import hmac as ours
from tests.crypto.hash_kernels import wycheproof
from tests.kit.vectors import extra_json, load_vectors

FORMS = {"formula": ours._formula, "library": ours._library}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("test", load_vectors("crypto", "hmac", keys=("hash", "key", "data")), ids=lambda test: test["id"])
def test_rfc_4231(form: str, test: dict[str, str]) -> None:
    key, data = bytes.fromhex(test["key"]), bytes.fromhex(test["data"])
    tag = FORMS[form](hashes.find_hash(test["hash"]))(key, data)
    assert tag.hex()[: len(test["result"])] == test["result"]
    assert ours.hmac(test["hash"], key, data) == ours.HMAC(test["hash"], key, data).digest() == tag


def test_rfc_4231_in_the_third_party_set() -> None:
    for test in extra_json("rfc", "rfc4231_hmac.json")["tests"]:
        for name in ("sha224", "sha256", "sha384", "sha512"):
            tag = ours.hmac(name, bytes.fromhex(test["key"]), bytes.fromhex(test["data"]))
            assert tag.hex()[: len(test[name])] == test[name]


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_wycheproof(name: str) -> None:
    seen = 0
    for group, test in wycheproof(f"hmac_{name}_test"):
        octets = group["tagSize"] // 8
        tag = ours.hmac(name, bytes.fromhex(test["key"]), bytes.fromhex(test["msg"]))[:octets]
        assert ours.is_equal(tag, bytes.fromhex(test["tag"])) is (test["result"] == "valid"), test["tcId"]
        if octets == hashes.find_hash(name).digest_size:
            verdict = ours.verify(name, bytes.fromhex(test["key"]), bytes.fromhex(test["msg"]), bytes.fromhex(test["tag"]))
            assert verdict is (test["result"] == "valid")
        seen += 1
    assert seen > 50


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(hashes.HASHES)), st.binary(max_size=300), st.lists(st.binary(max_size=200), max_size=3))
def test_as_the_library(name: str, key: bytes, parts: list[bytes]) -> None:
    expected = library.new(key, b"".join(parts), name)
    made = ours.HMAC(name, bytearray(key))
    for part in parts:
        made.update(memoryview(part))
    twin = made.copy()
    twin.update(b"more")
    assert made.digest() == made.digest() == expected.digest() == ours.hmac(name, memoryview(key), b"".join(parts))
    assert made.hexdigest() == expected.hexdigest()
    assert twin.digest() == library.digest(key, b"".join(parts) + b"more", name)
    assert (made.name, made.digest_size, made.block_size) == (expected.name.replace("_", "_"), expected.digest_size, expected.block_size)
    assert made.verify(expected.digest())
    assert not made.verify(expected.digest()[:-1])
    for form in FORMS.values():
        assert form(hashes.find_hash(name))(key, b"".join(parts)) == expected.digest()


@pytest.mark.parametrize("name", sorted(hashes.HASHES))
@pytest.mark.parametrize("make", [ours._keyed_formula, ours._keyed_library])
def test_a_key_made_ready(make: Callable[[hashes.HashFunction], ours.Keyed], name: str) -> None:
    for size in (0, 1, 32, 63, 64, 65, 128, 129, 200):
        key = bytes(range(size))
        mac = make(hashes.find_hash(name))(key)
        for message in (b"", b"one", bytes(300)):
            assert mac(message) == library.digest(key, message, name)


def test_no_key_for_an_unknown_hash_function() -> None:
    with pytest.raises(UsageError, match="no hash function"):
        ours.find_keyed("md5")


@pytest.mark.parametrize("name", ["sha3_256x", "SHA256", "", "shake_128", "md5"])
def test_an_unknown_hash_function_is_the_callers_fault(name: str) -> None:
    with pytest.raises(UsageError, match="no hash function"):
        ours.hmac(name, b"", b"")
    with pytest.raises(UsageError, match="no hash function"):
        ours.HMAC(name, b"")


def test_hash_functions_by_name() -> None:
    for name, function in hashes.HASHES.items():
        theirs = hashlib.new(name, b"x")
        assert (function.name, function.digest_size, function.block_size) == (theirs.name, theirs.digest_size, theirs.block_size)
        assert hashes.digest(name, b"x") == hashes.new(name, b"x").digest() == theirs.digest()
        assert hashes.new(name).digest() == hashlib.new(name).digest()


def test_the_key_does_not_show() -> None:
    assert b"secret-key".hex() not in repr(ours.HMAC("sha256", b"secret-key"))
    assert "secret-key" not in repr(ours.HMAC("sha256", b"secret-key"))
