# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES, counter mode and header-protection masks, over all kernels."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.crypto.aes import AES, mask_many
from sws.crypto.kernels import aes_bitslice, aes_schedule, aes_translate
from sws.crypto.ref import aes as ref
from sws.crypto.selection import is_compiled
from tests.crypto.aes_kernels import CIPHERS, FAST, other_ctr, other_ecb
from tests.kit.vectors import extra_json, load_vectors

_BLOCKS: Final = load_vectors("crypto", "aes_block", keys=("key", "plaintext"))
_CTR: Final = load_vectors("crypto", "aes_ctr", keys=("key", "counter", "plaintext"))
_MASKS: Final = load_vectors("crypto", "aes_masks", keys=("key", "sample"))
_NIST: Final = [f"aes{bits}_ecb_{kind}" for bits in (128, 256) for kind in ("gfsbox", "keysbox", "mmt", "varkey", "vartxt")]


@pytest.fixture(params=sorted(CIPHERS))
def make(request: pytest.FixtureRequest) -> Any:
    return CIPHERS[request.param]


@pytest.mark.parametrize("case", _BLOCKS, ids=lambda case: case["id"])
def test_the_examples_of_the_standard(make: Any, case: dict[str, Any]) -> None:
    cipher, plaintext, result = make(bytes.fromhex(case["key"])), bytes.fromhex(case["plaintext"]), bytes.fromhex(case["result"])
    assert cipher.encrypt_blocks(plaintext) == result
    assert cipher.decrypt_blocks(result) == plaintext


@pytest.mark.parametrize("name", _NIST)
def test_nist_block_cases(make: Any, name: str) -> None:
    for case in extra_json("crypto", "nist-cavp", f"{name}.json")["tests"]:
        plaintext, ciphertext = bytes.fromhex(case["PLAINTEXT"]), bytes.fromhex(case["CIPHERTEXT"])
        cipher = make(bytes.fromhex(case["KEY"]))
        assert cipher.encrypt_blocks(plaintext) == ciphertext
        assert cipher.decrypt_blocks(ciphertext) == plaintext


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 87, 329, 330, 513, 1089])
def test_many_blocks_are_each_encrypted(name: str, size: int, count: int) -> None:
    chance = random.Random(f"{size}/{count}")
    key, blocks = chance.randbytes(size), chance.randbytes(16 * count)
    for _ in range(3):  # with and without what is remembered
        assert CIPHERS[name](key).encrypt_blocks(blocks) == other_ecb(key, blocks)
    assert CIPHERS[name](key).decrypt_blocks(other_ecb(key, blocks)) == blocks


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize(
    "runs",
    [
        [(bytes(12), 0, 1)],
        [(b"\xff" * 12, 1, 6)],
        [(b"prefixprefix", 1, 400)],
        [(b"prefixprefix", 2030, 40)],
        [(b"prefixprefix", 0xFFFFFFFF, 3)],
        [(b"prefixprefix", 0xFF80, 400)],  # the third octet of the counter changes on the way
        [(b"prefixprefix", 0x12345, 1300)],
        [(b"prefixprefix", 1, 2500)],
        [(b"prefix one..", 1, 86), (b"prefix two..", 7, 1), (b"prefix 3....", 0xFFFFFFF0, 300)],
    ],
    ids=str,
)
def test_counter_blocks_are_encrypted_and_added(name: str, runs: list[tuple[bytes, int, int]]) -> None:
    chance = random.Random(str(runs))
    key = chance.randbytes(16)
    cipher = CIPHERS[name](key)
    for _ in range(3):
        texts = [chance.randbytes(16 * (count - 1) - chance.choice((0, 0, 5)) * (count > 1)) for _, _, count in runs]
        firsts, outputs = cipher.crypt_many(runs, texts)
        for (prefix, start, count), text, first, output in zip(runs, texts, firsts, outputs, strict=True):
            stream = other_ecb(key, b"".join(prefix + ((start + i) % 2**32).to_bytes(4, "big") for i in range(count)))
            assert first == stream[:16]
            assert output == bytes(a ^ b for a, b in zip(text, stream[16:], strict=False))


def test_starts_of_the_same_length_do_not_pile_up() -> None:
    """Bit-slicing remembers a difference for each first counter, but few."""
    key = bytes(range(16))
    cipher = CIPHERS["lanes"](key)
    text = bytes(16 * 399)
    for start in (1, 1, 2, 3, 4, 5, 6, 1):
        stream = other_ecb(key, b"".join(b"prefixprefix" + (start + i).to_bytes(4, "big") for i in range(400)))
        assert cipher.crypt_many([(b"prefixprefix", start, 400)], [text]) == ([stream[:16]], [stream[16:]])
    assert len(cipher._bits(400)[1]) <= 4


def test_the_readable_twin_adds_counter_blocks() -> None:
    runs, texts = [(b"prefixprefix", 0xFFFFFFFF, 3), (b"prefix two..", 1, 1)], [b"some text of 20 oct.", b""]
    key = bytes(range(16))
    assert ref.AesKey(key).crypt_many(runs, texts) == CIPHERS["lanes"](key).crypt_many(runs, texts)


@pytest.mark.parametrize("case", _CTR, ids=lambda case: case["id"])
def test_counter_mode(case: dict[str, Any]) -> None:
    cipher, counter = AES(bytes.fromhex(case["key"])), bytes.fromhex(case["counter"])
    assert cipher.ctr(counter, bytes.fromhex(case["plaintext"])).hex() == case["result"]
    assert cipher.ctr(counter, bytes.fromhex(case["result"])).hex() == case["plaintext"]


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.integers(0, 40), st.binary(max_size=200))
def test_counter_mode_counts_over_all_bits(key: bytes, before: int, data: bytes) -> None:
    for end in (1 << 32, 1 << 96, 1 << 128):
        counter = ((end - before) % (1 << 128)).to_bytes(16, "big")
        assert AES(key).ctr(counter, data) == other_ctr(key, counter, data)


@pytest.mark.parametrize("case", _MASKS, ids=lambda case: case["id"])
def test_masks_of_the_rfc(case: dict[str, Any]) -> None:
    assert mask_many(bytes.fromhex(case["key"]), [bytes.fromhex(case["sample"])]) == [bytes.fromhex(case["result"])]


def test_masks_in_one_call_are_those_of_single_calls() -> None:
    chance = random.Random(1)
    for size in (16, 32):
        key = chance.randbytes(size)
        samples = [chance.randbytes(16) for _ in range(40)]
        assert mask_many(key, samples) == [mask_many(key, [sample])[0] for sample in samples]
        assert mask_many(key, samples) == [other_ecb(key, sample)[:5] for sample in samples]
    assert mask_many(key, []) == []


@pytest.mark.parametrize("samples", [[bytes(15)], [bytes(15), bytes(17)], [b"", bytes(16)]])
def test_samples_of_other_lengths_are_refused(samples: list[bytes]) -> None:
    with pytest.raises(UsageError, match="sample"):
        mask_many(bytes(16), samples)


@pytest.mark.parametrize("size", [0, 15, 17, 33])
def test_keys_of_other_lengths_are_refused(size: int) -> None:
    with pytest.raises(UsageError, match=f"key of {size} octets"):
        AES(bytes(size))
    with pytest.raises(UsageError, match="key"):
        mask_many(bytes(size), [bytes(16)])


def test_single_blocks_and_their_lengths() -> None:
    cipher = AES(bytes(16))
    assert cipher.decrypt_block(cipher.encrypt_block(bytes(range(16)))) == bytes(range(16))
    assert cipher.encrypt_blocks(b"") == cipher.decrypt_blocks(b"") == b""
    for call in (cipher.encrypt_block, cipher.decrypt_block, cipher.encrypt_blocks, cipher.decrypt_blocks):
        with pytest.raises(UsageError, match="octets"):
            call(bytes(15))
    with pytest.raises(UsageError, match="counter block of 12"):
        cipher.ctr(bytes(12), b"x")


def test_no_key_is_shown() -> None:
    assert "41" not in repr(AES(b"A" * 16))
    assert "A" * 4 not in repr(AES(b"A" * 16))


def test_the_tables_are_those_of_the_standard() -> None:
    assert aes_schedule.sbox() == ref.s_box()
    assert bytes(aes_schedule.sbox()[value] for value in aes_schedule.inverse_sbox()) == bytes(range(256))


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_both_key_schedules_are_the_standards(key: bytes) -> None:
    expected = ref.key_expansion(key)
    assert aes_schedule.expand(key) == expected
    assert aes_schedule.expand(key, aes_schedule.sub_word_by_circuit) == expected


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 40), st.randoms(use_true_random=False))
def test_techniques_agree(key: bytes, count: int, chance: random.Random) -> None:
    blocks = chance.randbytes(16 * count)
    round_keys = aes_schedule.expand(key)
    by_octets = aes_translate.encrypt(aes_translate.spread_keys(round_keys, count), blocks)
    lanes = aes_bitslice.lanes_for(count)
    assert aes_bitslice.encrypt(aes_bitslice.spread_keys(aes_bitslice.patterns(round_keys), lanes), blocks) == by_octets
    assert aes_translate.decrypt(aes_translate.spread_keys(round_keys, count), by_octets) == blocks


@pytest.mark.parametrize(
    ("mode", "cipher", "hasher"),
    [
        ("auto", "aes_lanes.AesKey", "ghash_lanes.GhashKey"),
        ("pure", "aes_lanes.AesKey", "ghash_lanes.GhashKey"),
        ("ct", "aes_lanes.ConstantAesKey", "ghash_kronecker.GhashKey"),
        ("ref", "aes.AesKey", "ghash.GhashKey"),
    ],
)
def test_what_each_mode_takes(mode: str, cipher: str, hasher: str) -> None:
    if is_compiled("sws.crypto.kernels.compiled_aes") and mode != "ref":
        cipher, hasher = "compiled_cipher.AesKey", "compiled_ghash.GhashKey"
    if sys.implementation.name == "pypy" and mode in ("auto", "pure"):
        cipher, hasher = "aes_tables.AesKey", "ghash_tables.GhashKey"
    code = (
        "from sws.crypto.aesgcm import AESGCM, make_cipher, make_hasher\n"
        "for made in (make_cipher, make_hasher): print(made.__module__.rpartition('.')[2] + '.' + made.__name__)\n"
        "assert AESGCM(bytes(16)).seal(bytes(12), b'').hex() == '58e2fccefa7e3061367f1d57a4e7455a'"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"SWS_KERNELS": mode})
    assert out.stdout.split() == [cipher, hasher]
