# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Ed25519 against RFC 8032, Wycheproof and another implementation, over every kernel."""

from __future__ import annotations

import random
from types import ModuleType

import pytest

from sws.base.errors import DecodeError
from sws.crypto import ed25519
from sws.crypto.kernels import edwards25519_comb as comb
from sws.crypto.ref import ed25519 as ref
from tests.crypto.other import Ed25519PrivateKey, Ed25519PublicKey, InvalidSignature, needs_other
from tests.crypto.wycheproof import cases
from tests.kit.vectors import load_vectors

P, L = ref.P, ref.ORDER
kernels = pytest.mark.parametrize("kernel", [comb, ref], ids=["comb", "ref"])


@pytest.mark.parametrize("case", load_vectors("crypto", "ed25519", keys=("private", "public", "message")), ids=lambda case: case["id"])
def test_rfc_8032(case: dict[str, str]) -> None:
    private, public, message = (bytes.fromhex(case[key]) for key in ("private", "public", "message"))
    assert ed25519.public(private) == public
    assert ed25519.sign(private, message).hex() == case["result"]
    assert ed25519.sign(ed25519.expand(private), message).hex() == case["result"]
    assert ed25519.verify(public, message, bytes.fromhex(case["result"]))


def test_wycheproof() -> None:
    outcomes = {"valid": 0, "invalid": 0}
    for group, test in cases("ed25519_test"):
        found = ed25519.verify(bytes.fromhex(group["publicKey"]["pk"]), bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
        assert found is (test["result"] == "valid"), (test["tcId"], test["comment"])
        outcomes[test["result"]] += 1
    assert outcomes["valid"] > 40
    assert outcomes["invalid"] > 30


@needs_other
def test_another_implementation_signs_the_same() -> None:
    chance = random.Random("sign")
    for length in (0, 1, 63, 64, 200):
        private, message = chance.randbytes(32), chance.randbytes(length)
        other = Ed25519PrivateKey.from_private_bytes(private)
        key = ed25519.expand(private)
        assert key.public == other.public_key().public_bytes_raw()
        signature = ed25519.sign(key, message)
        assert signature == other.sign(message)
        assert ed25519.verify(key.public, message, signature)
        for changed in (
            signature[:5] + bytes([signature[5] ^ 1]) + signature[6:],
            signature[:-5] + bytes([signature[-5] ^ 1]) + signature[-4:],
        ):
            assert not ed25519.verify(key.public, message, changed)
        assert not ed25519.verify(key.public, message + b"x", signature)


@pytest.mark.slow
@kernels
def test_multiples_of_the_base_point(kernel: ModuleType) -> None:
    chance = random.Random("base")
    for k in (0, 1, 2, 3, 8, 255, 256, 257, L - 1, L, L + 1, 2**254, 2**255 - 1, *(chance.getrandbits(255) for _ in range(10))):
        mask = chance.randrange(1, P)
        x, y = kernel.base_multiple(k, mask)
        assert (x, y) == ref.multiply(k, ref.BASE)
        assert (y * y - x * x - 1 - ref.D * x * x * y * y) % P == 0
        clamped = k & (2**255 - 8) | 2**254
        assert comb.base_u(clamped, mask) == (1 + (point := ref.multiply(clamped, ref.BASE))[1]) * pow(1 - point[1], -1, P) % P


@pytest.mark.slow
@kernels
def test_combinations(kernel: ModuleType) -> None:
    chance = random.Random("combination")
    scalars = [0, 1, 2, 8, 31, 32, L - 1, L - 2, *(chance.randrange(L) for _ in range(3))]
    small_order = [(0, 1), (0, P - 1), (ref.SQRT_MINUS_1, 0)]
    for point in (ref.BASE, ref.multiply(chance.randrange(L), ref.BASE), *small_order):
        for _ in range(8 if kernel is comb else 2):
            s, k = chance.choice(scalars), chance.choice(scalars)
            assert kernel.combination(s, k, point) == ref.add(ref.multiply(s, ref.BASE), ref.multiply(k, point)), (s, k)


@kernels
def test_square_roots(kernel: ModuleType) -> None:
    """x is recovered exactly where the curve has one: that is checked by the equation, and by Euler's criterion where there is none."""
    chance = random.Random("roots")
    found = 0
    for y in (0, 1, 2, 3, P - 1, P - 2, *(chance.randrange(P) for _ in range(60))):
        square = (y * y - 1) * pow(ref.D * y * y + 1, -1, P) % P
        for sign in (0, 1):
            x = kernel.recover_x(y, sign)
            if x is None:
                assert pow(square, (P - 1) // 2, P) == P - 1 or (square == 0 and sign)
            else:
                assert x * x % P == square
                assert x & 1 == sign
                found += 1
    assert found > 40


def test_the_base_point_is_the_rfcs() -> None:
    """RFC 8032 §5.1: y = 4/5 and x is positive, that is even."""
    assert (ref.recover_x(4 * pow(5, -1, P) % P, 0), 4 * pow(5, -1, P) % P) == ref.BASE
    assert ref.multiply(L, ref.BASE) == (0, 1)


@needs_other
@pytest.mark.parametrize("mask", [0, 1, 0xED, 0xFF])
def test_signatures_do_not_depend_on_the_mask(mask: int) -> None:
    private = bytes(range(32))
    assert ed25519.sign(private, b"m", lambda count: bytes([mask]) * count) == Ed25519PrivateKey.from_private_bytes(private).sign(b"m")


def test_private_keys_do_not_show() -> None:
    private = ed25519.generate()
    key = ed25519.expand(private)
    assert repr(key) == f"SigningKey(public={key.public.hex()})"
    assert ed25519.generate() != private
    assert ed25519.generate(lambda count: b"\x01" * count) == b"\x01" * 32


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(DecodeError, match="private key"):
        ed25519.sign(bytes(length), b"m")
    with pytest.raises(DecodeError, match="public key"):
        ed25519.verify(bytes(length), b"m", bytes(64))


@pytest.mark.parametrize(
    "value",
    [P, P + 1, 2**255 - 1, 1 << 255 | 1, 1 << 255 | P - 1, 2, 1 << 255 | P],
    ids=["p", "p+1", "most", "-0, y=1", "-0, y=-1", "no x", "-p"],
)
def test_public_keys_that_are_not_canonical_points_are_refused(value: int) -> None:
    with pytest.raises(DecodeError, match="not the form of a point"):
        ed25519.verify(value.to_bytes(32, "little"), b"m", bytes(64))


def test_s_must_be_below_the_order() -> None:
    private = bytes(32)
    key = ed25519.expand(private)
    signature = ed25519.sign(key, b"m")
    s = int.from_bytes(signature[32:], "little")
    for malleable in (s + L, s + 2 * L):
        assert not ed25519.verify(key.public, b"m", signature[:32] + malleable.to_bytes(32, "little"))
    for other in (signature[:-1], signature + b"\x00", b""):
        assert not ed25519.verify(key.public, b"m", other)


@needs_other
def test_the_check_is_the_one_without_cofactor() -> None:
    """A signature whose R has a component of order 2 passes only a check with cofactor; ours, as the other implementation's, refuses it."""
    a, r = 5, 7
    public = ed25519._encode(ref.multiply(a, ref.BASE))
    encoded = ed25519._encode(ref.add(ref.multiply(r, ref.BASE), (0, P - 1)))
    s = (r + ed25519._h(encoded, public, b"m") % L * a) % L
    signature = encoded + s.to_bytes(32, "little")
    assert not ed25519.verify(public, b"m", signature)
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(public).verify(signature, b"m")
