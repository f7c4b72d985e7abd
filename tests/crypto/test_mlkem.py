# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ML-KEM-768, every kernel: Wycheproof, OpenSSL through `cryptography`, and the twin against the fast forms."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import DecodeError
from sws.crypto import mlkem
from sws.crypto.kernels import mlkem_bits, mlkem_lanes, mlkem_loops, mlkem_transform
from sws.crypto.ref import mlkem as ref
from tests.crypto.hash_kernels import wycheproof

KERNELS = {"lanes": mlkem_lanes, "loops": mlkem_loops, "ref": ref}
Q = 3329

every_kernel = pytest.mark.parametrize("kernel", KERNELS)

#: The twin and the loops take one case in so many of a file on CPython: the lanes, which serve there, take all.
STEP = {"lanes": 1, "loops": 4, "ref": 16}


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The kernel that a test names is the one behind the public functions."""
    name = request.node.callspec.params.get("kernel") if hasattr(request.node, "callspec") else None
    if name:
        monkeypatch.setattr(mlkem, "_pke", KERNELS[name])


def _seeded(text: str, octets: int) -> bytes:
    return hashlib.shake_256(text.encode()).digest(octets)


@pytest.mark.slow
@every_kernel
def test_wycheproof_key_generation(kernel: str) -> None:
    seen = 0
    for _, test in list(wycheproof("mlkem_768_keygen_seed_test"))[:: STEP[kernel]]:
        public, private = mlkem.from_seed(bytes.fromhex(test["seed"]))
        assert (public.hex(), private.hex()) == (test["ek"], test["dk"])
        seen += 1
    assert seen >= 4


@pytest.mark.slow
@every_kernel
def test_wycheproof_encapsulation(kernel: str) -> None:
    seen = {"valid": 0, "invalid": 0}
    for _, test in list(wycheproof("mlkem_768_encaps_test"))[:: STEP[kernel]]:
        seen[test["result"]] += 1
        message = bytes.fromhex(test["m"])
        if test["result"] == "invalid":
            with pytest.raises(DecodeError):
                mlkem.encapsulate(bytes.fromhex(test["ek"]), lambda octets, message=message: message)
            continue
        secret, ciphertext = mlkem.encapsulate(bytes.fromhex(test["ek"]), lambda octets, message=message: message)
        assert (secret.hex(), ciphertext.hex()) == (test["K"], test["c"])
    assert min(seen.values()) >= 1


@pytest.mark.slow
@every_kernel
def test_wycheproof_decapsulation(kernel: str) -> None:
    seen = 0
    for _, test in list(wycheproof("mlkem_768_test"))[:: STEP[kernel]]:
        seen += 1
        if test["result"] == "invalid":
            with pytest.raises(DecodeError):
                mlkem.decapsulate(mlkem.from_seed(bytes.fromhex(test["seed"]))[1], bytes.fromhex(test["c"]))
            continue
        public, private = mlkem.from_seed(bytes.fromhex(test["seed"]))
        assert public.hex() == test["ek"]
        assert mlkem.decapsulate(private, bytes.fromhex(test["c"])).hex() == test["K"]
    assert seen >= 7


@every_kernel
def test_wycheproof_expanded_keys(kernel: str) -> None:
    verdicts = []
    for _, test in wycheproof("mlkem_768_semi_expanded_decaps_test"):
        verdicts.append(test["result"])
        if test["result"] == "invalid":
            with pytest.raises(DecodeError):
                mlkem.decapsulate(bytes.fromhex(test["dk"]), bytes.fromhex(test["c"]))
        else:
            assert mlkem.decapsulate(bytes.fromhex(test["dk"]), bytes.fromhex(test["c"])).hex() == test["K"]
    assert {"valid", "invalid"} <= set(verdicts)


@every_kernel
def test_both_directions_with_openssl(kernel: str) -> None:
    openssl = pytest.importorskip(
        "cryptography.hazmat.primitives.asymmetric.mlkem", reason="cryptography is not installed for this interpreter"
    )
    for number in range(3):
        seed = _seeded(f"openssl {number}", 64)
        theirs = openssl.MLKEM768PrivateKey.from_seed_bytes(seed)
        public, private = mlkem.generate(lambda octets, seed=seed: seed)
        assert public == theirs.public_key().public_bytes_raw()
        secret, ciphertext = mlkem.encapsulate(public)
        assert theirs.decapsulate(ciphertext) == secret == mlkem.decapsulate(private, ciphertext)
        secret, ciphertext = openssl.MLKEM768PublicKey.from_public_bytes(public).encapsulate()
        assert mlkem.decapsulate(private, ciphertext) == secret
        spoilt = bytearray(ciphertext)
        spoilt[number * 500] ^= 1
        rejected = mlkem.decapsulate(private, bytes(spoilt))
        assert rejected == theirs.decapsulate(bytes(spoilt)) != secret


@settings(max_examples=4, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.binary(min_size=1088, max_size=1088))
def test_kernels_agree(d: bytes, message: bytes, noise: bytes) -> None:
    public, private = ref.generate(d)
    ciphertext = ref.encrypt(public, message, d)
    decrypted = ref.decrypt(private, noise)
    assert ref.decrypt(private, ciphertext) == message
    for kernel in (mlkem_lanes, mlkem_loops):
        assert kernel.generate(d) == (public, private)
        assert kernel.encrypt(public, message, d) == ciphertext
        assert kernel.decrypt(private, ciphertext) == message
        assert kernel.decrypt(private, noise) == decrypted


@every_kernel
def test_extreme_coefficients(kernel: str) -> None:
    """All of a key or a ciphertext as large as it may be: the bounds of the lanes hold."""
    largest = b"".join(ref._byte_encode([Q - 1] * 256, 12) for _ in range(3))
    rho = _seeded("rho", 32)
    for message in (bytes(32), b"\xff" * 32):
        assert KERNELS[kernel].encrypt(largest + rho, message, rho) == ref.encrypt(largest + rho, message, rho)
    for ciphertext in (bytes(1088), b"\xff" * 1088):
        assert KERNELS[kernel].decrypt(largest, ciphertext) == ref.decrypt(largest, ciphertext)


@every_kernel
@pytest.mark.parametrize("place", [0, 1, 255, 256, 767])
def test_a_coefficient_that_is_not_reduced_is_refused(kernel: str, place: int) -> None:
    public, _ = mlkem.from_seed(_seeded("reduced", 64))
    value = int.from_bytes(public[:1152], "little")
    for coefficient, verdict in ((Q - 1, True), (Q, False), (4095, False)):
        changed = value & ~(0xFFF << 12 * place) | coefficient << 12 * place
        key = changed.to_bytes(1152, "little") + public[1152:]
        assert KERNELS[kernel].is_reduced(key) is verdict
        if not verdict:
            with pytest.raises(DecodeError, match="not reduced"):
                mlkem.encapsulate(key)


def test_every_kernel_can_be_loaded() -> None:
    assert (mlkem._lanes(), mlkem._loops(), mlkem._ref()) == (mlkem_lanes, mlkem_loops, ref)


def test_lengths() -> None:
    public, private = mlkem.generate()
    secret, ciphertext = mlkem.encapsulate(bytearray(public))
    assert (len(public), len(private), len(ciphertext), len(secret)) == (
        mlkem.PUBLIC_OCTETS,
        mlkem.PRIVATE_OCTETS,
        mlkem.CIPHERTEXT_OCTETS,
        mlkem.SECRET_OCTETS,
    )
    assert mlkem.decapsulate(memoryview(private), bytearray(ciphertext)) == secret
    for wrong in (public[:-1], public + b"\0", b""):
        with pytest.raises(DecodeError, match="encapsulation key of"):
            mlkem.encapsulate(wrong)
    for wrong in (ciphertext[:-1], ciphertext + b"\0", b""):
        with pytest.raises(DecodeError, match="ciphertext of"):
            mlkem.decapsulate(private, wrong)
    for wrong in (private[:-1], private + b"\0", b""):
        with pytest.raises(DecodeError, match="decapsulation key of"):
            mlkem.decapsulate(wrong, ciphertext)
    for wrong in (bytes(63), bytes(65)):
        with pytest.raises(DecodeError, match="seed of"):
            mlkem.from_seed(wrong)


def test_a_key_without_its_hash_is_refused() -> None:
    _, private = mlkem.from_seed(_seeded("hash", 64))
    for place in (1152, 1152 + 1183, 1152 + 1184, 1152 + 1184 + 31):
        spoilt = bytearray(private)
        spoilt[place] ^= 0x80
        with pytest.raises(DecodeError, match="without the hash"):
            mlkem.decapsulate(bytes(spoilt), bytes(1088))


def test_a_refused_ciphertext_gives_the_hash_of_z_and_itself() -> None:
    public, private = mlkem.from_seed(_seeded("z", 64))
    _, ciphertext = mlkem.encapsulate(public)
    for place in (0, 959, 960, 1087):
        spoilt = bytearray(ciphertext)
        spoilt[place] ^= 1
        assert mlkem.decapsulate(private, bytes(spoilt)) == hashlib.shake_256(private[-32:] + spoilt).digest(32)


def test_the_twins_transforms_are_products_of_polynomials() -> None:
    chance = random.Random(203)
    f, g = ([chance.randrange(Q) for _ in range(256)] for _ in range(2))
    assert ref.inverse_ntt(ref.ntt(f)) == f
    product = [0] * 256
    for i, x in enumerate(f):
        for j, y in enumerate(g):
            sign = 1 if i + j < 256 else -1
            product[(i + j) % 256] = (product[(i + j) % 256] + sign * x * y) % Q
    assert ref.inverse_ntt(ref.multiply_ntts(ref.ntt(f), ref.ntt(g))) == product


def test_compression_rounds_to_the_nearest() -> None:
    for d in (1, 4, 10):
        for x in range(Q):
            exact = (2 * (x << d) + Q) // (2 * Q) % (1 << d)  # round half up, in rationals
            assert ref.compress(x, d) == exact
        for y in range(1 << d):
            assert ref.compress(ref.decompress(y, d), d) == y


def test_quotients_in_lanes_are_exact() -> None:
    chance = random.Random(1)
    values = [0, 1, Q - 1, Q, Q + 1, (1 << 28) - 1, *(k * Q - 1 for k in (2, 1000, 80_000)), *(k * Q for k in (2, 1000, 80_000))]
    values += [chance.randrange(1 << 28) for _ in range(200)]
    x = sum(value << 64 * lane for lane, value in enumerate(values))
    for lane, value in enumerate(values):
        assert mlkem_transform.quotient(x, len(values)) >> 64 * lane & (1 << 64) - 1 == value // Q
        assert mlkem_transform.remainder(x, len(values)) >> 64 * lane & (1 << 64) - 1 == value % Q


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 1023), min_size=256, max_size=256), st.lists(st.integers(0, 4095), min_size=256, max_size=256))
def test_encodings_as_the_twin(tens: list[int], twelves: list[int]) -> None:
    words = b"".join(value.to_bytes(2, "little") for value in tens)
    assert mlkem_bits.merge(words) == ref._byte_encode(tens, 10)
    assert mlkem_bits.spread(mlkem_bits.merge(words)) == words
    words = b"".join(value.to_bytes(2, "little") for value in twelves)
    assert mlkem_bits.encode_12(words) == ref._byte_encode(twelves, 12)
    assert mlkem_bits.decode_12(mlkem_bits.encode_12(words)) == words
    assert mlkem_bits.bits_to_octets(words[:32]) == bytes(ref._bytes_to_bits(words[:32]))


def test_sampling_when_three_blocks_do_not_suffice() -> None:
    """One seed in a hundred needs a fourth block: all kernels go on."""
    long = [seed for seed in (_seeded(f"seed {n}", 32) for n in range(40)) if _needs_more(seed)]
    assert long, "none of the seeds is long"
    for rho in long[:2]:
        expected = [b"".join(x.to_bytes(2, "little") for x in f) for row in ref._matrix(rho) for f in row]
        assert mlkem_bits.sample_matrix(rho) == expected
        assert mlkem_loops._matrix(rho) == ref._matrix(rho)


def _needs_more(rho: bytes) -> bool:
    for i in range(3):
        for j in range(3):
            words = mlkem_bits.decode_12(hashlib.shake_128(rho + bytes((j, i))).digest(504))
            if sum(int.from_bytes(words[at : at + 2], "little") < Q for at in range(0, len(words), 2)) < 256:
                return True
    return False
