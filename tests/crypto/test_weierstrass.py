# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys and multiples on P-256 and P-384: every kernel against the affine twin and another implementation."""

from __future__ import annotations

import random

import pytest

from sws.base.errors import DecodeError, UsageError
from sws.crypto import weierstrass
from sws.crypto.curves import P256, P384, Curve, curve_named
from sws.crypto.kernels import weierstrass_comb as comb
from sws.crypto.ref import weierstrass as ref
from tests.crypto.other import HAVE_OTHER, ec

CURVES = (P256, P384)
OTHER = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
curves = pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)


def other_multiple(curve: Curve, k: int) -> tuple[int, int]:
    if not HAVE_OTHER:
        return ref.multiply(curve, k, (curve.gx, curve.gy))  # type: ignore[return-value]
    numbers = ec.derive_private_key(k, OTHER[curve.name]).public_key().public_numbers()
    return numbers.x, numbers.y


def exceptional(curve: Curve) -> list[int]:
    """Scalars next to multiples of n, for which the last addition of a kernel meets equal points, and their neighbours."""
    window = 9 if curve is P256 else 8
    rows = -(-8 * curve.octets // window)
    ends = [2 * digit << window * (rows - 1) for digit in ((1 << window) - 1, (1 << (window - 1)) - 1, 255, 31, 15, 1)]
    scalars = [1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, curve.n // 2, curve.n // 2 + 1]
    scalars += [2 * digit for digit in range(1, 32)]
    scalars += [end % curve.n for end in ends]
    return sorted({value for k in scalars for value in (k, curve.n - k) if 0 < value < curve.n})


@curves
def test_parameters(curve: Curve) -> None:
    """By what defines them: G is on the curve and has the order n, which is a prime in Hasse's interval."""
    assert (curve.gx**3 - 3 * curve.gx + curve.b - curve.gy**2) % curve.p == 0
    assert ref.multiply(curve, curve.n, (curve.gx, curve.gy)) is None
    assert abs(curve.n - curve.p - 1) ** 2 <= 4 * curve.p
    for prime in (curve.p, curve.n):
        assert all(pow(base, prime - 1, prime) == 1 for base in (2, 3, 5, 7))
    assert curve.p % 4 == 3
    assert curve.p.bit_length() == curve.n.bit_length() == 8 * curve.octets
    assert other_multiple(curve, 1) == (curve.gx, curve.gy)


@curves
def test_base_multiples(curve: Curve) -> None:
    chance = random.Random(curve.name)
    for k in exceptional(curve) + [chance.randrange(1, curve.n) for _ in range(50)]:
        assert comb.base_multiple(curve, k, chance.randrange(1, curve.p)) == other_multiple(curve, k), k


@curves
def test_the_twin(curve: Curve) -> None:
    chance = random.Random(curve.name)
    for k in (1, 2, 3, curve.n - 1, chance.randrange(curve.n), chance.randrange(curve.n)):
        assert ref.base_multiple(curve, k, 1) == other_multiple(curve, k)
    assert ref.multiple(curve, curve.n, (curve.gx, curve.gy), 1) is None
    g = curve.gx, curve.gy
    assert ref.add(curve, g, None) == ref.add(curve, None, g) == g
    assert ref.add(curve, None, None) is None


@curves
def test_multiples_of_other_points(curve: Curve) -> None:
    chance = random.Random(curve.name)
    a = chance.randrange(1, curve.n)
    point = other_multiple(curve, a)
    for k in exceptional(curve) + [chance.randrange(1, curve.n) for _ in range(10)]:
        assert comb.multiple(curve, k, point, chance.randrange(1, curve.p)) == other_multiple(curve, k * a % curve.n), k


@curves
def test_the_kernel_meets_exceptions_and_asks_the_twin(curve: Curve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the scalars above few take that way.  For a multiple of another point it is k = n − 2m, m = n − 32 modulo 64 if that is below 32.

    For P-384 that is m = 19, for P-256 there is none.
    """
    asked: list[int] = []
    monkeypatch.setattr(ref, "base_multiple", lambda curve, k, mask: asked.append(k))
    monkeypatch.setattr(ref, "multiple", lambda curve, k, point, mask: asked.append(-k))
    for k in exceptional(curve):
        comb.base_multiple(curve, k, 1)
        comb.multiple(curve, k, (curve.gx, curve.gy), 1)
    assert 0 < len([k for k in asked if k > 0]) < 10
    assert {-k for k in asked if k < 0} == ({curve.n - 38, 38} if curve is P384 else set())


@curves
@pytest.mark.parametrize("u1", ["zero", "one", "same", "inverse", "random"])
def test_the_check_of_a_signature(curve: Curve, u1: str) -> None:
    chance = random.Random(f"{curve.name} {u1}")
    for _ in range(4):
        a, k2 = chance.randrange(1, curve.n), chance.randrange(1, curve.n)
        point = other_multiple(curve, a)
        product = a * k2 % curve.n
        k1 = {"zero": 0, "one": 1, "same": product, "inverse": curve.n - product, "random": chance.randrange(curve.n)}[u1]
        total = (k1 + product) % curve.n
        r = other_multiple(curve, total)[0] % curve.n if total else chance.randrange(1, curve.n)
        assert comb.x_matches(curve, k1, k2, point, r) is (total != 0)
        assert not comb.x_matches(curve, k1, k2, point, r ^ 1)
    assert ref.x_matches(curve, k1, k2, point, r) is (total != 0)
    assert not ref.x_matches(curve, k1, k2, point, r ^ 1)


@curves
def test_the_check_with_small_numbers(curve: Curve) -> None:
    """Digits of both scalars at the same places, points that are equal or inverse on the way: all sums are known."""
    for a in (1, 2, curve.n - 1, curve.n - 2, 3):
        point = other_multiple(curve, a)
        for k1 in range(6):
            for k2 in range(1, 6):
                total = (k1 + a * k2) % curve.n
                r = other_multiple(curve, total)[0] % curve.n if total else 1
                assert comb.x_matches(curve, k1, k2, point, r) is (total != 0), (a, k1, k2)


@curves
def test_an_x_above_n_counts_by_its_residue(curve: Curve) -> None:
    """FIPS 186-5 §6.4.2 step 7 compares modulo n; a point whose x is n or more exists for few x, so it is searched and taken as Q."""
    x = curve.n + 1
    while pow(x**3 - 3 * x + curve.b, (curve.p - 1) // 2, curve.p) != 1:
        x += 1
    assert x < curve.p
    y = pow(x**3 - 3 * x + curve.b, (curve.p + 1) // 4, curve.p)
    for functions in (comb, ref):
        assert functions.x_matches(curve, 0, 1, (x, y), x - curve.n)
        assert not functions.x_matches(curve, 0, 1, (x, y), x - curve.n + 1)


@curves
def test_points_are_written_and_read(curve: Curve) -> None:
    key = weierstrass.generate(curve.name)
    octets = weierstrass.public(key)
    read = weierstrass.decode_point(octets)
    assert read == (curve, other_multiple(curve, int.from_bytes(key.scalar, "big")))
    assert weierstrass.encode_point(*read) == octets


@curves
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda octets: b"", "0 octets"),
        (lambda octets: b"\x00", "1 octets"),
        (lambda octets: octets[:-1], "octets"),
        (lambda octets: octets + b"\x00", "octets"),
        (lambda octets: b"\x06" + octets[1:], "uncompressed"),
        (lambda octets: b"\x02" + octets[1:], "uncompressed"),
        (lambda octets: octets[:1] + b"\xff" * (len(octets) // 2) + octets[1 + len(octets) // 2 :], "range"),
        (lambda octets: octets[: 1 + len(octets) // 2] + b"\xff" * (len(octets) // 2), "range"),
        (lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]), "not on the curve"),
        (lambda octets: b"\x04" + bytes(len(octets) - 1), "not on the curve"),
    ],
)
def test_what_is_no_point_is_refused(curve: Curve, change: object, message: str) -> None:
    octets = weierstrass.encode_point(curve, (curve.gx, curve.gy))
    with pytest.raises(DecodeError, match=message):
        weierstrass.decode_point(change(octets))  # type: ignore[operator]


@curves
def test_private_keys_are_checked_and_do_not_show(curve: Curve) -> None:
    for value in (0, curve.n, curve.n + 1, 2 ** (8 * curve.octets) - 1):
        with pytest.raises(DecodeError, match="range"):
            weierstrass.EcPrivateKey(curve.name, value.to_bytes(curve.octets, "big"))
    for octets in (b"", bytes(curve.octets - 1) + b"\x01\x01"):
        with pytest.raises(DecodeError, match="octets"):
            weierstrass.EcPrivateKey(curve.name, octets)
    key = weierstrass.EcPrivateKey(curve.name, (curve.n - 1).to_bytes(curve.octets, "big"))
    assert repr(key) == f"EcPrivateKey({curve.name})"
    assert weierstrass.public(key) == weierstrass.encode_point(curve, (curve.gx, curve.p - curve.gy))


def test_other_curves_are_refused() -> None:
    for refused in (lambda: curve_named("P-521"), lambda: weierstrass.generate("p256"), lambda: weierstrass.EcPrivateKey("", b"\x01")):
        with pytest.raises(UsageError, match="P-256 or P-384"):
            refused()


def test_random_numbers_cover_their_range() -> None:
    assert weierstrass.random_below(7, bytes) == 1
    chance = random.Random(4)
    assert {weierstrass.random_below(7, chance.randbytes) for _ in range(200)} == set(range(1, 7))
    asked: list[int] = []
    weierstrass.random_below(P256.n, lambda count: asked.append(count) or bytes(count))  # type: ignore[func-returns-value]
    assert asked == [40]


def test_remembered_multiples_are_bounded() -> None:
    cache = comb._multiples_of_key
    point = (P256.gx, P256.gy)
    cache.cache_clear()
    for k in range(1, 51):
        r = other_multiple(P256, k)
        assert comb.x_matches(P256, 0, 1, r, r[0] % P256.n)
    assert cache.cache_info().currsize == cache.cache_info().maxsize == 32
    assert cache(P256, point) == tuple(other_multiple(P256, k) for k in range(1, 16, 2))
