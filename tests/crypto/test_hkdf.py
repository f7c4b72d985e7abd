# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HKDF: RFC 5869, Wycheproof, every derivation of the RFC 8448 traces, `cryptography`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.crypto import hkdf
from tests.crypto.hash_kernels import wycheproof
from tests.kit.vectors import extra_json, load_vectors

SIZE = {"sha256": 32, "sha384": 48, "sha512": 64}


@pytest.mark.parametrize(
    "test", load_vectors("crypto", "hkdf", keys=("hash", "ikm", "salt", "info", "length", "prk")), ids=lambda test: test["id"]
)
def test_rfc_5869(test: dict[str, Any]) -> None:
    prk = hkdf.extract(test["hash"], bytes.fromhex(test["salt"]), bytes.fromhex(test["ikm"]))
    assert prk.hex() == test["prk"]
    assert hkdf.expand(test["hash"], prk, bytes.fromhex(test["info"]), test["length"]).hex() == test["result"]


def test_rfc_5869_in_the_third_party_set() -> None:
    """With SHA-1, too, and with a salt that is not given."""
    for test in extra_json("rfc", "rfc5869_hkdf.json")["tests"]:
        name = test["hash"].replace("-", "").lower()
        salt = None if test["salt"] is None else bytes.fromhex(test["salt"])
        prk = hkdf.extract(name, salt, bytes.fromhex(test["IKM"]))
        assert prk.hex() == test["PRK"]
        assert hkdf.expand(name, prk, bytes.fromhex(test["info"]), test["L"]).hex() == test["OKM"]


@pytest.mark.parametrize("name", ["sha256", "sha384"])
def test_wycheproof(name: str) -> None:
    seen = 0
    for _, test in wycheproof(f"hkdf_{name}_test"):
        prk = hkdf.extract(name, bytes.fromhex(test["salt"]), bytes.fromhex(test["ikm"]))
        info = bytes.fromhex(test["info"])
        if test["result"] == "invalid":
            with pytest.raises(UsageError):
                hkdf.expand(name, prk, info, test["size"])
        else:
            assert hkdf.expand(name, prk, info, test["size"]).hex() == test["okm"], test["tcId"]
        seen += 1
    assert seen > 50


@pytest.mark.parametrize("name", ["s3_simple_1_rtt_handshake", "s4_resumed_0_rtt_handshake", "s5_helloretryrequest"])
def test_every_derivation_of_the_traces(name: str) -> None:
    extracted = expanded = 0
    for step in extra_json("rfc", f"rfc8448_{name}.json")["steps"]:
        fields = {key: bytes.fromhex(value) for key, value in step["fields"].items()}
        if "IKM" in fields and "secret" in fields:
            assert hkdf.extract("sha256", fields["salt"], fields["IKM"]) == fields["secret"]
            extracted += 1
        for info, result in (("info", "expanded"), ("key info", "key expanded"), ("iv info", "iv expanded")):
            if info not in fields:
                continue
            length, (label, rest) = int.from_bytes(fields[info][:2], "big"), _vector(fields[info][2:])
            context, rest = _vector(rest)
            assert (label[:6], rest) == (b"tls13 ", b"")
            for form in (label[6:], label[6:].decode()):
                assert hkdf.expand_label("sha256", fields["PRK"], form, context, length) == fields[result]
            assert hkdf.expand("sha256", fields["PRK"], fields[info], length) == fields[result]
            expanded += 1
    assert extracted >= 2
    assert expanded >= 10


def _peer(name: str) -> tuple[Any, Any]:
    """`cryptography`'s module of HKDF, and one of its hash functions."""
    reason = "cryptography is not installed for this interpreter"
    module = pytest.importorskip("cryptography.hazmat.primitives.kdf.hkdf", reason=reason)
    return module, getattr(pytest.importorskip("cryptography.hazmat.primitives.hashes", reason=reason), name.upper())()


def _vector(data: bytes) -> tuple[bytes, bytes]:
    """An opaque vector with a length of one octet, and what follows it."""
    return data[1 : 1 + data[0]], data[1 + data[0] :]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SIZE)), st.binary(max_size=150), st.binary(max_size=100), st.binary(max_size=50), st.integers(1, 400))
def test_as_cryptography(name: str, ikm: bytes, salt: bytes, info: bytes, length: int) -> None:
    module, algorithm = _peer(name)
    prk = hkdf.extract(name, salt or None, ikm)
    assert hkdf.expand(name, prk, info, length) == module.HKDF(algorithm, length, salt, info).derive(ikm)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SIZE)),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=249),
    st.binary(max_size=255),
    st.integers(1, 200),
)
def test_labels_as_cryptography_expands_them(name: str, label: str, context: bytes, length: int) -> None:
    module, algorithm = _peer(name)
    secret = bytes(range(SIZE[name]))
    full = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    expected = module.HKDFExpand(algorithm, length, info).derive(secret)
    for _ in range(2):  # the second time from memory
        assert hkdf.expand_label(name, secret, label.encode(), context, length) == expected
    assert hkdf.expand_label(name, memoryview(secret), label, context, length) == expected


def test_the_same_label_with_other_contexts_and_hashes() -> None:
    results = {
        hkdf.expand_label(name, bytes(64), b"key", bytes(size), length)[:16]
        for name in ("sha256", "sha384")
        for size in (0, 1, 32)
        for length in (16, 32)
    }
    assert len(results) == 12


def test_what_is_remembered_is_bounded() -> None:
    for number in range(1000):
        hkdf.expand_label("sha256", bytes(32), f"label {number}", b"", 16)
        assert len(hkdf._prefixes) <= 128
    assert hkdf.expand_label("sha256", bytes(32), "label 1", b"", 16) == hkdf.expand_label("sha256", bytes(32), b"label 1", b"", 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sha256", bytes(32), b"", b"", 32), "label of 0"),
        (("sha256", bytes(32), b"x" * 250, b"", 32), "label of 250"),
        (("sha256", bytes(32), b"x", bytes(256), 32), "context of 256"),
        (("sha256", bytes(32), b"x", b"", -1), "-1 octets"),
        (("sha256", bytes(32), b"x", b"", 255 * 32 + 1), "8161"),
        (("sha512", bytes(64), b"x", b"", 65536), "65536"),
        (("sha256", bytes(31), b"x", b"", 32), "31 octets"),
        (("md5", bytes(32), b"x", b"", 32), "no hash function"),
    ],
)
def test_broken_bounds_of_labels(arguments: tuple[str, bytes, bytes, bytes, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        hkdf.expand_label(*arguments)


def test_a_short_secret_is_refused_from_memory_too() -> None:
    hkdf.expand_label("sha256", bytes(32), b"remembered", b"", 32)
    with pytest.raises(UsageError, match="31 octets"):
        hkdf.expand_label("sha256", bytes(31), b"remembered", b"", 32)


@pytest.mark.parametrize("name", ["sha256", "sha384"])
def test_several_labels_of_one_secret(name: str) -> None:
    secret = bytes(range(SIZE[name]))
    expand = hkdf.expander(name, secret)
    for _ in range(2):  # labels are remembered
        for label, context, length in (
            (b"key", b"", 16),
            (b"iv", b"", 12),
            (b"several", bytes(32), 32),
            (b"long", b"", 200),
            (b"none", b"", 0),
        ):
            assert expand(label, context, length) == hkdf.expand_label(name, secret, label, context, length)
    with pytest.raises(UsageError, match="wants"):
        hkdf.expander(name, secret[1:])
    with pytest.raises(UsageError, match="no hash function"):
        hkdf.expander("md5", secret)
    with pytest.raises(UsageError):
        expand(b"", b"", 16)


def test_bounds_of_expand() -> None:
    assert hkdf.expand("sha256", bytes(32), b"", 0) == b""
    assert len(hkdf.expand("sha256", bytes(32), b"", 255 * 32)) == 255 * 32
    assert hkdf.expand_label("sha256", bytes(32), b"x" * 249, bytes(255), 0) == b""
    for length in (-1, 255 * 32 + 1):
        with pytest.raises(UsageError, match="HKDF gives"):
            hkdf.expand("sha256", bytes(32), b"", length)
    with pytest.raises(UsageError, match="pseudorandom key of 31"):
        hkdf.expand("sha256", bytes(31), b"", 32)
    with pytest.raises(UsageError, match="no hash function"):
        hkdf.extract("sha1x", b"", b"")
