# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RSA signatures against Wycheproof, the readable twin and another implementation; keys and their protection."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from sws.base.errors import DecodeError, SwsError, UsageError
from sws.crypto import hashes as digests
from sws.crypto import rsa, rsa_keys
from sws.crypto.ref import rsa as twin
from tests.crypto.other import HAVE_OTHER, hashes, needs_other, padding
from tests.crypto.other import rsa as other_rsa
from tests.crypto.wycheproof import cases
from tests.kit.vectors import extra_json

HASHES = {"sha224": hashes.SHA224(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
NAMES = {
    name: spelled
    for name in ("SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
    if (spelled := name.lower().replace("-", "")) in digests.HASHES
}
WITHOUT = "its hash function is not among ours"


def made(bits: int) -> tuple[other_rsa.RSAPrivateKey, rsa.RsaPrivateKey]:
    if not HAVE_OTHER:
        chance = random.Random(bits)
        p, q = (rsa_keys._random_prime(half, 65537, chance.randbytes) for half in (bits // 2, bits - bits // 2))
        return None, rsa.RsaPrivateKey(p * q, 65537, pow(65537, -1, math.lcm(p - 1, q - 1)), p, q)  # type: ignore[return-value]
    other = other_rsa.generate_private_key(65537, bits)
    numbers = other.private_numbers()
    public = numbers.public_numbers
    return other, rsa.RsaPrivateKey(public.n, public.e, numbers.d, numbers.p, numbers.q)


OTHER, KEY = made(2048)
ODD_OTHER, ODD_KEY = made(1025)


def hexed(text: str) -> int:
    return int(text, 16)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "rsa_signature_2048_sha256_test",
        "rsa_signature_2048_sha384_test",
        "rsa_signature_2048_sha512_test",
        "rsa_signature_4096_sha256_test",
    ],
)
def test_wycheproof_pkcs1(name: str) -> None:
    outcomes = {"valid": 0, "invalid": 0, "acceptable": 0}
    for group, test in cases(name):
        key = rsa.RsaPublicKey(hexed(group["publicKey"]["modulus"]), hexed(group["publicKey"]["publicExponent"]))
        found = rsa.verify_pkcs1(key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]), NAMES[group["sha"]])
        outcomes[test["result"]] += 1
        if test["result"] != "acceptable":
            assert found is (test["result"] == "valid"), (test["tcId"], test["comment"])
    assert outcomes["valid"] >= 4
    assert outcomes["invalid"] > 80


@pytest.mark.slow
def test_wycheproof_pkcs1_generation() -> None:
    outcomes = {"signed": 0, WITHOUT: 0}
    for group, test in cases("rsa_pkcs1_2048_sig_gen_test"):
        numbers = group["privateKey"]
        if group["sha"] not in NAMES:
            outcomes[WITHOUT] += 1
            continue
        key = rsa.RsaPrivateKey.from_exponents(
            hexed(numbers["modulus"]), hexed(numbers["publicExponent"]), hexed(numbers["privateExponent"])
        )
        signature = rsa.sign_pkcs1(key, bytes.fromhex(test["msg"]), NAMES[group["sha"]])
        assert signature.hex() == test["sig"], test["tcId"]
        assert rsa.verify_pkcs1(rsa.public(key), bytes.fromhex(test["msg"]), signature, NAMES[group["sha"]])
        outcomes["signed"] += 1
    assert outcomes["signed"] >= 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "rsa_pss_2048_sha256_mgf1_32_test",
        "rsa_pss_2048_sha384_mgf1_48_test",
        "rsa_pss_4096_sha512_mgf1_64_test",
        "rsa_pss_misc_test",
    ],
)
def test_wycheproof_pss(name: str) -> None:
    outcomes: dict[str, int] = {"valid": 0, "invalid": 0, "acceptable": 0, WITHOUT: 0}
    for group, test in cases(name):
        if group["sha"] not in NAMES or group["mgfSha"] not in NAMES:
            outcomes[WITHOUT] += 1
            continue
        key = rsa.RsaPublicKey(hexed(group["publicKey"]["modulus"]), hexed(group["publicKey"]["publicExponent"]))
        message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
        found = rsa.verify_pss(key, message, signature, NAMES[group["sha"]], group["sLen"], NAMES[group["mgfSha"]])
        outcomes[test["result"]] += 1
        if test["result"] != "acceptable":
            assert found is (test["result"] == "valid"), (test["tcId"], test["comment"])
    assert outcomes["valid"] > 10 or outcomes["invalid"] > 10
    assert (outcomes[WITHOUT] > 0) is (name == "rsa_pss_misc_test" and "SHA-1" not in NAMES)


@needs_other
@pytest.mark.parametrize("hash_name", HASHES)
def test_pkcs1_is_what_another_implementation_signs(hash_name: str) -> None:
    for other, key in ((OTHER, KEY), (ODD_OTHER, ODD_KEY)):
        message = hash_name.encode()
        signature = rsa.sign_pkcs1(key, message, hash_name)
        assert signature == other.sign(message, padding.PKCS1v15(), HASHES[hash_name])
        encoded = twin.emsa_pkcs1_v1_5(message, hash_name, key.octets)
        assert signature == twin.i2osp(twin.rsasp1(key.n, key.d, twin.os2ip(encoded)), key.octets)
        assert rsa.verify_pkcs1(rsa.public(key), message, signature, hash_name)
        assert not rsa.verify_pkcs1(rsa.public(key), message + b".", signature, hash_name)


@needs_other
@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("salt", [None, 0, 20])
def test_pss_goes_both_ways(hash_name: str, salt: int | None) -> None:
    for other, key in ((OTHER, KEY), (ODD_OTHER, ODD_KEY)):
        length = HASHES[hash_name].digest_size if salt is None else salt
        if 2 * HASHES[hash_name].digest_size + 2 > key.octets - 1 and salt is None:
            with pytest.raises(UsageError, match="too short"):
                rsa.sign_pss(key, b"m", hash_name)
            continue
        scheme = padding.PSS(padding.MGF1(HASHES[hash_name]), length)
        signature = rsa.sign_pss(key, b"m", hash_name, salt)
        other.public_key().verify(signature, b"m", scheme, HASHES[hash_name])
        assert rsa.verify_pss(rsa.public(key), b"m", other.sign(b"m", scheme, HASHES[hash_name]), hash_name, salt)
        assert not rsa.verify_pss(rsa.public(key), b"n", signature, hash_name, salt)
        assert not rsa.verify_pss(rsa.public(key), b"m", signature, hash_name, length + 1)


@needs_other
def test_pss_with_another_hash_in_the_mask() -> None:
    scheme = padding.PSS(padding.MGF1(HASHES["sha512"]), 11)
    signature = rsa.sign_pss(KEY, b"m", "sha256", 11, mgf_hash_name="sha512")
    OTHER.public_key().verify(signature, b"m", scheme, HASHES["sha256"])
    assert rsa.verify_pss(rsa.public(KEY), b"m", signature, "sha256", 11, "sha512")
    assert not rsa.verify_pss(rsa.public(KEY), b"m", signature, "sha256", 11)


@pytest.mark.parametrize("key", [KEY, ODD_KEY], ids=["2048", "1025"])
def test_pss_is_the_twins(key: rsa.RsaPrivateKey) -> None:
    """With a salt that is known, the whole signature is."""
    salt = bytes(range(20))
    source = iter([salt])
    signature = rsa.sign_pss(key, b"m", "sha256", 20, lambda count: next(source, None) or b"\x07" * count)
    encoded = twin.emsa_pss(b"m", "sha256", key.n.bit_length() - 1, salt)
    assert signature == twin.i2osp(twin.rsasp1(key.n, key.d, twin.os2ip(encoded)), key.octets)


def encoded_pss(change: Any, key: rsa.RsaPrivateKey) -> bytes:
    """A signature whose encoding was changed before it was signed."""
    encoded = bytearray(twin.emsa_pss(b"m", "sha256", key.n.bit_length() - 1, b"\x11" * 32))
    change(encoded)
    return twin.i2osp(pow(twin.os2ip(bytes(encoded)), key.d, key.n), key.octets)


def _set(index: int, value: int) -> Any:
    def change(encoded: bytearray) -> None:
        encoded[index] = value

    return change


def _flip(index: int, bits: int) -> Any:
    def change(encoded: bytearray) -> None:
        encoded[index] ^= bits

    return change


def test_every_part_of_the_pss_encoding_is_checked() -> None:
    public = rsa.public(KEY)
    assert rsa.verify_pss(public, b"m", encoded_pss(lambda encoded: None, KEY), "sha256")
    for change in (_set(-1, 0xCC), _flip(-2, 1), _flip(0, 0x01), _flip(100, 1), _flip(190, 2), _flip(200, 1)):
        assert not rsa.verify_pss(public, b"m", encoded_pss(change, KEY), "sha256")
    spare = rsa.RsaPublicKey((1 << 2047) + 1, 3)
    assert not rsa.verify_pss(spare, b"m", (1 << 2046).to_bytes(256, "big"), "sha256"), "0xbc is missing"


def test_the_top_bit_of_the_pss_encoding_must_be_clear() -> None:
    """With e = 1 the encoding would be the signature; a number whose e-th power is known does as well: s = 2^k with e·k in the top bit."""
    n = (1 << 2049) - 1
    key = rsa.RsaPublicKey(n, 3)
    value = 1 << 683  # its cube is 2^2049 = 1 modulo n
    assert not rsa.verify_pss(key, b"m", value.to_bytes(257, "big"), "sha256")
    masked = rsa._verify_pss(bytes(32), b"\x80" + bytes(254) + b"\xbc", 2047, 32, rsa.find_hash("sha256"), rsa.find_hash("sha256"))
    assert masked is False


def test_signatures_of_wrong_size_are_refused() -> None:
    public = rsa.public(KEY)
    signature = rsa.sign_pkcs1(KEY, b"m", "sha256")
    value = int.from_bytes(signature, "big")
    for octets in (b"", signature[1:], b"\x00" + signature, signature + b"\x00"):
        assert not rsa.verify_pkcs1(public, b"m", octets, "sha256")
        assert not rsa.verify_pss(public, b"m", octets, "sha256")
    if value + KEY.n < 1 << 2048:
        assert not rsa.verify_pkcs1(public, b"m", (value + KEY.n).to_bytes(256, "big"), "sha256")
    assert not rsa.verify_pkcs1(public, b"m", KEY.n.to_bytes(256, "big"), "sha256")


def test_a_value_of_n_or_more_is_refused() -> None:
    key = next(key for key in (made(1024)[1] for _ in range(200)) if key.n < 2**1024 * 4 // 5)
    value = next(
        value for index in range(200) if (value := int.from_bytes(rsa.sign_pkcs1(key, b"%d" % index, "sha256"), "big")) + key.n < 1 << 1024
    )
    message = next(b"%d" % index for index in range(200) if int.from_bytes(rsa.sign_pkcs1(key, b"%d" % index, "sha256"), "big") == value)
    assert rsa.verify_pkcs1(key.public, message, value.to_bytes(128, "big"), "sha256")
    assert not rsa.verify_pkcs1(key.public, message, (value + key.n).to_bytes(128, "big"), "sha256")


def test_unknown_hashes() -> None:
    for call in (
        lambda: rsa.sign_pkcs1(KEY, b"m", "sha3_256"),
        lambda: rsa.verify_pkcs1(KEY.public, b"m", bytes(256), "md5"),
        lambda: rsa.sign_pss(KEY, b"m", "md5"),
        lambda: rsa.verify_pss(KEY.public, b"m", bytes(256), "sha256", mgf_hash_name="md5"),
    ):
        with pytest.raises(UsageError):
            call()


def test_the_private_operation_is_the_formula() -> None:
    chance = random.Random("rsa")
    for key in (KEY, ODD_KEY):
        for c in (0, 1, 2, key.n - 1, key.p, key.q, key.n - key.p, *(chance.randrange(key.n) for _ in range(3))):
            assert rsa_keys.private_operation(key, c) == twin.rsasp1(key.n, key.d, c)
        assert twin.rsavp1(key.n, key.e, twin.rsasp1(key.n, key.d, 12345)) == 12345


@pytest.mark.parametrize("part", ["dp", "dq", "q_inv"])
def test_a_damaged_key_does_not_sign(part: str) -> None:
    """The attack of Boneh, DeMillo and Lipton: a wrong half would show a factor of n; it is caught before it leaves."""
    key = rsa.RsaPrivateKey(KEY.n, KEY.e, KEY.d, KEY.p, KEY.q)
    object.__setattr__(key, part, getattr(key, part) ^ 2)
    with pytest.raises(SwsError, match="went wrong"):
        rsa.sign_pkcs1(key, b"m", "sha256")


def test_blinding_changes_what_is_raised_not_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []

    def power(base: int, exponent: int, modulus: int) -> int:
        if modulus == KEY.p:
            raised.append((base % modulus, exponent))
        return pow(base, exponent, modulus)

    monkeypatch.setattr(rsa_keys, "pow", power, raising=False)
    results = {rsa_keys.private_operation(KEY, 12345) for _ in range(3)}
    assert len(results) == 1
    assert len({base for base, _ in raised}) == 3
    assert len({exponent for _, exponent in raised}) == 3
    assert all(base != 12345 and exponent % (KEY.p - 1) == KEY.dp for base, exponent in raised)


@needs_other
@pytest.mark.slow
@pytest.mark.parametrize("e", [65537, 2**32 + 15])
def test_generated_keys(e: int) -> None:
    key = rsa.generate(2048, e)
    assert key.n.bit_length() == 2048
    assert key.e == e
    assert key.p > key.q
    assert key.d < math.lcm(key.p - 1, key.q - 1)
    assert min(key.p, key.q) ** 2 >= 1 << 2047
    key.check_primes()
    crt = other_rsa.rsa_crt_dmp1(key.d, key.p), other_rsa.rsa_crt_dmq1(key.d, key.q), other_rsa.rsa_crt_iqmp(key.p, key.q)
    assert (key.dp, key.dq, key.q_inv) == crt
    numbers = other_rsa.RSAPrivateNumbers(key.p, key.q, key.d, *crt, other_rsa.RSAPublicNumbers(key.e, key.n))
    other = numbers.private_key()
    other.public_key().verify(rsa.sign_pkcs1(key, b"m", "sha256"), b"m", padding.PKCS1v15(), hashes.SHA256())


@needs_other
def test_primes_of_a_key_lie_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIPS 186-5 §A.1.3 step 5.4 and §A.1.1: primes too close, and a small d, are drawn again."""
    near = OTHER.private_numbers().p
    drawn = iter([near, near + 2, KEY.p, KEY.q])
    monkeypatch.setattr(rsa_keys, "_random_prime", lambda bits, e, entropy: next(drawn))
    monkeypatch.setattr(rsa_keys.math, "lcm", lambda *values: math.prod(values) // math.gcd(*values))
    assert rsa.generate(2048).n == KEY.n
    assert next(drawn, None) is None


def test_candidates_that_will_not_do_are_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too small, a predecessor that has a factor in common with e, composite; the fourth is taken."""
    top = 0b11 << 1022
    candidates = [(1 << 1023) | 1, top | 1, top | 3, top | 5]
    source = iter(candidates)
    monkeypatch.setattr(rsa_keys, "is_probable_prime", lambda n, rounds, entropy: n == candidates[3])
    e = next(
        divisor for divisor in range(3, 10**6, 2) if (candidates[1] - 1) % divisor == 0 and all((c - 1) % divisor for c in candidates[2:])
    )
    assert rsa_keys._random_prime(1024, e, lambda count: next(source).to_bytes(count, "big")) == candidates[3]


@pytest.mark.parametrize(("bits", "e"), [(1024, 65537), (2047, 65537), (2048, 3), (2048, 65536), (2048, 65538), (2048, 2**256 + 1)])
def test_what_is_not_generated(bits: int, e: int) -> None:
    with pytest.raises(UsageError, match="RSA keys have"):
        rsa.generate(bits, e)


@pytest.mark.parametrize(
    ("n", "e"),
    [
        (1 << 1022 | 1, 3),
        (1 << 8192 | 1, 3),
        (1 << 2047, 3),
        (-(1 << 2047 | 1), 3),
        (1 << 2047 | 1, 1),
        (1 << 2047 | 1, 4),
        (1 << 2047 | 1, -3),
        (1 << 2047 | 1, 1 << 256 | 1),
    ],
)
def test_public_keys_out_of_bounds(n: int, e: int) -> None:
    with pytest.raises(DecodeError, match="RSA public key"):
        rsa.RsaPublicKey(n, e)


@pytest.mark.slow
def test_private_keys_that_do_not_belong_together() -> None:
    n, e, d, p, q = KEY.n, KEY.e, KEY.d, KEY.p, KEY.q
    for numbers in ((n, e, d + 2, p, q), (n, e, 0, p, q), (n, e, d + n, p, q), (n, e, d, p + 2, q), (n, e, d, n, 1), (p * p, e, d, p, p)):
        with pytest.raises(DecodeError, match="RSA private key"):
            rsa.RsaPrivateKey(*numbers)
    shared = 3 * p, 3 * q
    n2, order = 9 * p * q, math.lcm(3 * p - 1, 3 * q - 1)
    with pytest.raises(DecodeError, match="primes are none"):
        rsa.RsaPrivateKey(n2, 65537, pow(65537, -1, order), *shared)
    for exponent in (d + 2, 0, n):
        with pytest.raises(DecodeError, match="RSA private key"):
            rsa.RsaPrivateKey.from_exponents(n, e, exponent)


def test_primes_that_are_none_are_found_when_looked_for() -> None:
    p, q = 3 * KEY.p, KEY.q
    key = rsa.RsaPrivateKey(p * q, 65537, pow(65537, -1, math.lcm(p - 1, q - 1)), p, q)
    with pytest.raises(DecodeError, match="primes are none"):
        key.check_primes()
    KEY.check_primes()


def test_primes_are_found_again_and_secrets_do_not_show() -> None:
    found = rsa.RsaPrivateKey.from_exponents(KEY.n, KEY.e, KEY.d)
    assert {found.p, found.q} == {KEY.p, KEY.q}
    assert repr(KEY) == "RsaPrivateKey(2048 bits)"
    assert str(KEY.d) not in f"{KEY!s} {KEY!r}"
    assert rsa.public(KEY) == rsa.RsaPublicKey(KEY.n, KEY.e)


def test_rfc_8448_keys() -> None:
    """The server's key of the traces, with its CRT numbers."""
    (numbers,) = (key for key in extra_json("rfc", "rfc8448_s2_private_keys.json")["keys"] if "prime1" in key)
    key = rsa.RsaPrivateKey(
        *(hexed(numbers[name]) for name in ("modulus (public)", "public exponent", "private exponent", "prime1", "prime2"))
    )
    crt = {name: value for name, value in numbers.items() if "exponent1" in name or "exponent2" in name or "coefficient" in name}
    assert {key.dp, key.dq, key.q_inv} >= {hexed(value) for value in crt.values()}
    assert rsa.verify_pss(key.public, b"m", rsa.sign_pss(key, b"m", "sha256"), "sha256")
