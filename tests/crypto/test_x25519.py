# SPDX-License-Identifier: Apache-2.0 OR MIT
"""X25519 against RFC 7748, Wycheproof and another implementation, over every kernel."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sws.base.errors import DecodeError
from sws.crypto import x25519
from sws.crypto.kernels import emit_x25519, scalar_x25519
from sws.crypto.kernels.edwards25519_comb import base_u
from sws.crypto.kernels.x25519_ladder import exchange as ladder
from sws.crypto.ref.x25519 import x25519 as twin
from tests.crypto.other import X25519PrivateKey, needs_other
from tests.crypto.wycheproof import cases
from tests.kit.vectors import extra_json, load_vectors

P = 2**255 - 19
Multiply = Callable[[int, int, int], int]

KERNELS: dict[str, Multiply] = {"ladder": ladder, "scalar": scalar_x25519.exchange, "ref": lambda k, u, mask: twin(k, u)}
kernels = pytest.mark.parametrize("multiply", KERNELS.values(), ids=KERNELS)


def clamp(octets: bytes) -> int:
    return int.from_bytes(octets, "little") & (2**255 - 8) | 2**254


def number(octets: bytes) -> int:
    return int.from_bytes(octets, "little") & (2**255 - 1)


@pytest.mark.parametrize("case", load_vectors("crypto", "x25519", keys=("private", "public")), ids=lambda case: case["id"])
def test_rfc_7748(case: dict[str, str]) -> None:
    private, public = bytes.fromhex(case["private"]), bytes.fromhex(case["public"])
    assert x25519.exchange(private, public).hex() == case["result"]
    if case["public"] == "09".ljust(64, "0"):
        assert x25519.public(private).hex() == case["result"]


@pytest.mark.parametrize("multiply", [ladder, KERNELS["ref"]], ids=["ladder", "ref"])
def test_rfc_7748_iterated(multiply: Multiply) -> None:
    k = u = bytes.fromhex("09".ljust(64, "0"))
    after = {1: "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"}
    after[100] = "b1a5a73158904c020866c13939dd7e1aa26852ee1d2609c92e5a8f1debe2150a"  # by OpenSSL
    for round_number in range(1, 101):
        k, u = multiply(clamp(k), number(u), round_number).to_bytes(32, "little"), k
        if round_number in after:
            assert k.hex() == after[round_number]


@pytest.mark.slow
def test_rfc_7748_iterated_a_thousand_times() -> None:
    k = u = bytes.fromhex("09".ljust(64, "0"))
    for _ in range(1000):
        k, u = x25519.exchange(k, u), k
    assert k.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_wycheproof() -> None:
    counts = {"valid": 0, "acceptable": 0, "refused": 0}
    for _, test in cases("x25519_test"):
        private, public = bytes.fromhex(test["private"]), bytes.fromhex(test["public"])
        if "ZeroSharedSecret" in test["flags"]:
            assert not any(bytes.fromhex(test["shared"]))
            with pytest.raises(DecodeError, match="small order"):
                x25519.exchange(private, public)
            counts["refused"] += 1
        else:
            assert x25519.exchange(private, public).hex() == test["shared"], test["tcId"]
            counts[test["result"]] += 1
    assert counts["valid"] >= 100
    assert counts["acceptable"] >= 50
    assert counts["refused"] >= 10


@needs_other
@pytest.mark.slow
@kernels
def test_kernels_agree_with_another_implementation(multiply: Multiply) -> None:
    chance = random.Random("kernels")
    for _ in range(20):
        private, other = chance.randbytes(32), X25519PrivateKey.from_private_bytes(chance.randbytes(32)).public_key()
        shared = X25519PrivateKey.from_private_bytes(private).exchange(other)
        mask = chance.randrange(1, P)
        assert multiply(clamp(private), number(other.public_bytes_raw()), mask).to_bytes(32, "little") == shared


@kernels
@pytest.mark.parametrize("u", [0, 1, 2, 9, P - 1, P, P + 1, P + 9, 2**255 - 1], ids=hex)
@pytest.mark.parametrize("k", [2**254, 2**255 - 8, 2**254 + 8, 2**254 + 2**253], ids=hex)
def test_edges(multiply: Multiply, k: int, u: int) -> None:
    assert multiply(k, u, 1) == multiply(k, u, P - 1) == twin(k, u)


@needs_other
def test_the_comb_gives_public_keys() -> None:
    chance = random.Random("comb")
    for octets in (bytes(32), b"\xff" * 32, *(chance.randbytes(32) for _ in range(50))):
        expected = X25519PrivateKey.from_private_bytes(octets).public_key().public_bytes_raw()
        assert base_u(clamp(octets), chance.randrange(1, P)).to_bytes(32, "little") == expected
        assert x25519.public(octets) == expected


def test_the_result_does_not_depend_on_the_mask() -> None:
    private, peer = bytes(range(32)), b"\x05" * 32
    results = {x25519.exchange(private, peer, lambda count, fill=fill: bytes([fill]) * count) for fill in (0, 1, 0xED, 0xFF)}  # type: ignore[misc]
    assert results == {x25519.exchange(private, peer)}
    assert {x25519.public(private, lambda count, fill=fill: bytes([fill]) * count) for fill in (0, 0xFF)} == {x25519.public(private)}  # type: ignore[misc]


def test_generated_keys_are_fresh_and_come_from_the_given_entropy() -> None:
    assert len(x25519.generate()) == 32
    assert x25519.generate() != x25519.generate()
    assert x25519.generate(lambda count: b"\x07" * count) == b"\x07" * 32


@pytest.mark.parametrize("octets", [b"", bytes(31), bytes(33)], ids=len)
def test_keys_of_other_lengths_are_refused(octets: bytes) -> None:
    with pytest.raises(DecodeError, match="private key"):
        x25519.public(octets)
    with pytest.raises(DecodeError, match="private key"):
        x25519.exchange(octets, b"\x09" + bytes(31))
    with pytest.raises(DecodeError, match="public key"):
        x25519.exchange(bytes(32), octets)


@needs_other
@pytest.mark.parametrize("mode", ["auto", "ct", "ref"])
def test_every_mode_works(mode: str) -> None:
    """In a process of its own, because the choice is made at import."""
    code = (
        "from sws.crypto import x25519; import sys; a = bytes(range(32)); b = bytes(range(1, 33))\n"
        "print(x25519.exchange(a, x25519.public(b)).hex(), 'edwards25519_comb' in str(sys.modules.keys()))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"SWS_KERNELS": mode})
    shared = X25519PrivateKey.from_private_bytes(bytes(range(32))).exchange(
        X25519PrivateKey.from_private_bytes(bytes(range(1, 33))).public_key()
    )
    assert out.stdout.split() == [shared.hex(), str(mode == "auto")]


def test_third_party_rfc_vectors() -> None:
    """Another transcription of the RFC."""
    document = extra_json("rfc", "rfc7748_x25519_x448.json")
    for case in document["5.2"]:
        if case["alg"] == "X25519":
            assert x25519.exchange(bytes.fromhex(case["scalar"]), bytes.fromhex(case["u"])).hex() == case["out"]


def test_the_scalar_form_is_what_the_generator_writes() -> None:
    path = Path(emit_x25519.__file__).with_name(emit_x25519.TARGET)
    assert path.read_text(encoding="utf-8") == emit_x25519.source()


@pytest.mark.parametrize("name", ["_multiply", "_square", "_scale"])
def test_the_scalar_form_fits_into_64_bits(name: str) -> None:
    """Every line of the product is computed with the greatest magnitudes of its inputs, which bounds whatever limbs give."""
    text = emit_x25519.source().split(f"def {name}(")[1].split("    c: i64 = 0\n")[0]
    greatest = {f"{letter}{index}": 2 * ((1 << (25 - index % 2)) + (1 << 20)) for letter in "fg" for index in range(10)}
    found = 0
    for line in text.splitlines():
        if ": i64 = " in line:
            target, expression = line.strip().split(": i64 = ")
            greatest[target] = eval(expression, {}, greatest)
            found += greatest[target] >= 2**40
            assert greatest[target] < 2**63 - 2**26
    assert found >= 10


def test_carried_limbs_are_as_small_as_that_bound_takes_them() -> None:
    chance = random.Random("limbs")
    for _ in range(200):
        f, g = (tuple(chance.choice((-1, 1)) * chance.choice((2**26, chance.getrandbits(26))) for _ in range(10)) for _ in range(2))
        for product, expected in (
            (scalar_x25519._multiply(f, g), scalar_x25519._pack(f) * scalar_x25519._pack(g)),
            (scalar_x25519._square(f), scalar_x25519._pack(f) ** 2),
            (scalar_x25519._scale(f), scalar_x25519._pack(f) * 121665),
        ):
            assert scalar_x25519._pack(product) % P == expected % P
            assert all(abs(limb) <= (1 << (25 - index % 2)) + (1 << 20) for index, limb in enumerate(product))


@pytest.mark.parametrize("load", [x25519._compiled, x25519._compiled_ladder, x25519._ladder, x25519._lanes, x25519._ref])
def test_every_choice_computes_the_same(load: Callable[[], x25519._Functions]) -> None:
    functions = load()
    k = clamp(bytes(range(32)))
    assert functions.base(k, 5) == twin(k, 9)
    assert functions.exchange(k, 77, 5) == twin(k, 77)
