# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-3 and SHAKE, every kernel: the standard's examples, and hashlib."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.crypto import sha3
from sws.crypto.ref import sha3 as ref
from tests.crypto.hash_kernels import SHA3_KERNELS, SHA3_NAMES
from tests.kit.vectors import load_vectors

KERNELS = pytest.mark.parametrize("kernel", SHA3_KERNELS)
XOFS = ("shake_128", "shake_256")


@KERNELS
@pytest.mark.parametrize("test", load_vectors("crypto", "sha3", keys=("hash", "message")), ids=lambda test: test["id"])
def test_examples_of_the_standard(kernel: str, test: dict[str, str]) -> None:
    made = getattr(SHA3_KERNELS[kernel], test["hash"])(bytes.fromhex(test["message"]))
    length = [len(test["result"]) // 2] if test["hash"] in XOFS else []
    assert made.digest(*length).hex() == made.hexdigest(*length) == test["result"]


@KERNELS
@pytest.mark.parametrize("name", SHA3_NAMES)
def test_lengths_around_the_blocks(kernel: str, name: str) -> None:
    rate = hashlib.new(name).block_size
    message = bytes(range(256)) * 2
    for length in (0, 1, rate - 2, rate - 1, rate, rate + 1, 2 * rate - 1, 2 * rate, 3 * rate):
        part = message[:length]
        assert getattr(SHA3_KERNELS[kernel], name)(part).digest() == hashlib.new(name, part).digest(), length


@KERNELS
@pytest.mark.parametrize("name", XOFS)
def test_lengths_of_output(kernel: str, name: str) -> None:
    ours, theirs = getattr(SHA3_KERNELS[kernel], name)(b"message"), hashlib.new(name, b"message")
    rate = ours.block_size
    for length in (0, 1, 32, rate - 1, rate, rate + 1, 2 * rate, 3 * rate + 5):
        assert ours.digest(length) == theirs.digest(length)  # type: ignore[call-arg]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SHA3_NAMES + XOFS), st.sampled_from(sorted(SHA3_KERNELS)), st.lists(st.binary(max_size=250), max_size=4))
def test_parts_make_the_whole(name: str, kernel: str, parts: list[bytes]) -> None:
    length = [77] if name in XOFS else []
    ours = getattr(SHA3_KERNELS[kernel], name)()
    for number, part in enumerate(parts):
        before = ours.copy()
        ours.update((part, bytearray(part), memoryview(part))[number % 3])
        assert before.digest(*length) == hashlib.new(name, b"".join(parts[:number])).digest(*length)
    theirs = hashlib.new(name, b"".join(parts))
    assert ours.digest(*length) == ours.digest(*length) == theirs.digest(*length)
    assert (ours.name, ours.digest_size, ours.block_size) == (theirs.name, theirs.digest_size, theirs.block_size)


@pytest.mark.parametrize("kernel", [kernel for kernel in SHA3_KERNELS if kernel != "stdlib"])
def test_a_negative_length_is_refused(kernel: str) -> None:
    with pytest.raises(UsageError, match="negative"):
        SHA3_KERNELS[kernel].shake_128(b"").digest(-1)


def test_public_names() -> None:
    for name in SHA3_NAMES:
        expected = hashlib.new(name, b"abc").digest()
        assert getattr(sha3, name)(b"abc") == getattr(sha3, name.upper())(b"abc").digest() == expected
    assert sha3.shake128(b"abc", 200) == sha3.SHAKE128(b"abc").digest(200) == hashlib.shake_128(b"abc").digest(200)
    assert sha3.shake256(b"abc", 200) == sha3.SHAKE256(b"abc").digest(200) == hashlib.shake_256(b"abc").digest(200)


def test_the_standards_tables_follow_from_its_rules() -> None:
    # FIPS 202 table 2 (offsets modulo 64), rows y = 0, 1; and RC of rounds 0, 1 and 23 as the reference documentation prints them.
    assert ref.rotation_offsets()[:10] == (0, 1, 62, 28, 27, 36, 44, 6, 55, 20)
    constants = ref.round_constants()
    assert (constants[0], constants[1], constants[23]) == (0x1, 0x8082, 0x8000000080008008)


@KERNELS
@pytest.mark.parametrize(("size", "count", "length"), [(34, 9, 504), (33, 7, 128), (0, 1, 0), (168, 2, 168), (135, 3, 300)])
def test_many_messages_at_once(kernel: str, size: int, count: int, length: int) -> None:
    messages = [hashlib.shake_128(bytes([number])).digest(size) for number in range(count)]
    for name in XOFS:
        many = getattr(SHA3_KERNELS[kernel], f"{name}_many")
        assert many(messages, length) == [hashlib.new(name, message).digest(length) for message in messages]  # type: ignore[call-arg]
    assert sha3.shake128_many(messages, length) == [hashlib.shake_128(message).digest(length) for message in messages]
    assert sha3.shake256_many(messages, length) == [hashlib.shake_256(message).digest(length) for message in messages]


def test_every_kernel_can_be_loaded() -> None:
    loaded = [load() for load in (sha3._stdlib, sha3._lanes, sha3._scalar, sha3._ref)]
    assert loaded == list(SHA3_KERNELS.values())
