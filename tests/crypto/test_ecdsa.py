# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ECDSA against RFC 6979, Wycheproof and another implementation; its DER form, and its nonces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, UsageError
from sws.crypto import ecdsa
from sws.crypto import hashes as digests
from sws.crypto.curves import P256, curve_named
from tests.crypto.other import InvalidSignature, decode_dss_signature, ec, encode_dss_signature, hashes, needs_other
from tests.crypto.wycheproof import cases
from tests.kit.vectors import load_vectors

HASHES = {"sha224": hashes.SHA224(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
OTHER = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
KEYS = {curve: ecdsa.EcPrivateKey(curve, bytes(range(1, curve_named(curve).octets + 1))) for curve in OTHER}
VECTORS = [
    case
    for case in load_vectors("crypto", "ecdsa_deterministic", keys=("private", "public", "hash", "message", "k"))
    if case["hash"] in digests.HASHES
]


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["id"])
def test_rfc_6979(case: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    curve = case["id"].split()[0]
    key = ecdsa.EcPrivateKey(curve, bytes.fromhex(case["private"]))
    message, public = bytes.fromhex(case["message"]), bytes.fromhex(case["public"])
    assert ecdsa.public(key) == public
    drawn: list[int] = []
    real = ecdsa.kernel.base_multiple
    monkeypatch.setattr(
        ecdsa, "kernel", ecdsa.kernel._replace(base_multiple=lambda curve, k, mask: drawn.append(k) or real(curve, k, mask))
    )
    signature = ecdsa.sign(key, message, case["hash"], entropy=None)
    assert drawn == [int(case["k"], 16)]
    assert ecdsa.decode_signature(signature) == tuple(int(value, 16) for value in case["result"])
    assert ecdsa.verify(public, message, signature, case["hash"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ecdsa_secp256r1_sha256_test", "ecdsa_secp384r1_sha384_test"])
def test_wycheproof(name: str) -> None:
    outcomes = {"valid": 0, "invalid": 0}
    for group, test in cases(name):
        public = bytes.fromhex(group["publicKey"]["uncompressed"])
        hash_name = group["sha"].lower().replace("-", "")
        found = ecdsa.verify(public, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]), hash_name)
        if test["result"] != "acceptable":
            assert found is (test["result"] == "valid"), (test["tcId"], test["comment"])
            outcomes[test["result"]] += 1
    assert outcomes["valid"] > 50
    assert outcomes["invalid"] > 50


@needs_other
@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("curve", OTHER)
def test_another_implementation_takes_ours_and_we_take_its(curve: str, hash_name: str) -> None:
    key = KEYS[curve]
    other = ec.derive_private_key(int.from_bytes(key.scalar, "big"), OTHER[curve])
    algorithm = ec.ECDSA(HASHES[hash_name])
    message = f"{curve} {hash_name}".encode()
    other.public_key().verify(ecdsa.sign(key, message, hash_name), message, algorithm)
    signature = other.sign(message, algorithm)
    assert ecdsa.verify(ecdsa.public(key), message, signature, hash_name)
    assert not ecdsa.verify(ecdsa.public(key), message + b".", signature, hash_name)


def test_a_signature_of_another_key_is_none() -> None:
    signature = ecdsa.sign(KEYS["P-256"], b"m", "sha256")
    assert not ecdsa.verify(ecdsa.public(ecdsa.generate("P-256")), b"m", signature, "sha256")
    assert not ecdsa.verify(ecdsa.public(KEYS["P-384"]), b"m", signature, "sha256")
    with pytest.raises(DecodeError, match="public key"):
        ecdsa.verify(b"\x04" + bytes(64), b"m", signature, "sha256")


def test_an_unknown_hash_is_the_callers_fault() -> None:
    with pytest.raises(UsageError):
        ecdsa.sign(KEYS["P-256"], b"m", "md5")


def test_nonces_are_hedged() -> None:
    """With fresh entropy two signatures of one message differ; with the same entropy, or none, they are the same."""
    key = KEYS["P-256"]
    public = ecdsa.public(key)
    signatures = {ecdsa.sign(key, b"m", "sha256") for _ in range(4)}
    assert len(signatures) == 4
    assert all(ecdsa.verify(public, b"m", signature, "sha256") for signature in signatures)
    assert len({ecdsa.sign(key, b"m", "sha256", None) for _ in range(2)}) == 1

    def stuck(count: int) -> bytes:
        return b"\x2a" * count

    one, other = ecdsa.sign(key, b"m", "sha256", stuck), ecdsa.sign(key, b"n", "sha256", stuck)
    assert one == ecdsa.sign(key, b"m", "sha256", stuck)
    assert ecdsa.decode_signature(one)[0] != ecdsa.decode_signature(other)[0], "a stuck source must not repeat a nonce for another message"


def test_a_nonce_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6979 §3.2 step h.3: with a first candidate of n or more, the next one is taken, and the signature is still good."""
    real = ecdsa._Generator.octets
    calls: list[bytes] = []

    def octets(self: object, count: int) -> bytes:
        found = real(self, count)  # type: ignore[arg-type]
        calls.append(found)
        return b"\xff" * count if len(calls) == 1 else found

    monkeypatch.setattr(ecdsa._Generator, "octets", octets)
    signature = ecdsa.sign(KEYS["P-256"], b"m", "sha256")
    assert len(calls) == 2
    assert calls[0] != calls[1]
    assert ecdsa.verify(ecdsa.public(KEYS["P-256"]), b"m", signature, "sha256")


def test_a_zero_in_the_signature_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIPS 186-5 §6.4.1 step 11: r or s of 0 is thrown away."""
    real = ecdsa.kernel.base_multiple
    calls: list[int] = []

    def base_multiple(curve: object, k: int, mask: int) -> tuple[int, int] | None:
        calls.append(k)
        return (P256.n, 1) if len(calls) == 1 else real(P256, k, mask)

    monkeypatch.setattr(ecdsa, "kernel", type("Kernel", (), {"base_multiple": staticmethod(base_multiple)}))
    signature = ecdsa.sign(KEYS["P-256"], b"m", "sha256")
    monkeypatch.undo()
    assert len(calls) == 2
    assert ecdsa.verify(ecdsa.public(KEYS["P-256"]), b"m", signature, "sha256")


integers = st.integers(0, 2**384 - 1)


@needs_other
@given(integers, integers)
def test_der_as_another_implementation_writes_it(r: int, s: int) -> None:
    octets = ecdsa.encode_signature(r, s)
    assert octets == encode_dss_signature(r, s)
    assert ecdsa.decode_signature(octets) == (r, s)


@needs_other
@given(st.binary(max_size=24) | st.builds(lambda content: bytes((0x30, len(content))) + content, st.binary(max_size=20)))
def test_what_is_read_is_written_the_same(octets: bytes) -> None:
    try:
        r, s = ecdsa.decode_signature(octets)
    except DecodeError:
        return
    assert ecdsa.encode_signature(r, s) == octets
    assert decode_dss_signature(octets) == (r, s)


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "30",
        "3000",
        "31060201010201 01",
        "3006020101",
        "3005020101020101",
        "308106020101020101",
        "3080020101020101",
        "3003020101",
        "300402010102",
        "300502010102 01",
        "3006030101020101",
        "3006020101030101",
        "3005020002 0101",
        "300602018102 0101",
        "30070202000102 0101",
        "300702020001 020101",
        "3008020101020101 0500",
        "300602020101 0201",
        "30060201010202 01",
    ],
)
def test_loose_der_is_refused(octets: str) -> None:
    with pytest.raises(DecodeError, match="ECDSA signature"):
        ecdsa.decode_signature(bytes.fromhex(octets))
    assert not ecdsa.verify(ecdsa.public(KEYS["P-256"]), b"m", bytes.fromhex(octets), "sha256")


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (P256.n, 1), (1, P256.n), (P256.n + 1, 1), (2**300, 1)])
def test_numbers_out_of_range_are_refused(r: int, s: int) -> None:
    assert not ecdsa.verify(ecdsa.public(KEYS["P-256"]), b"m", ecdsa.encode_signature(r, s), "sha256")


@needs_other
def test_the_other_implementation_can_refuse() -> None:
    """The oracle itself: it does not take everything."""
    other = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    with pytest.raises(InvalidSignature):
        other.verify(ecdsa.sign(KEYS["P-256"], b"m", "sha256"), b"m", ec.ECDSA(hashes.SHA256()))
