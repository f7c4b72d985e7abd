# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES-GCM, over all kernels and beside another implementation."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import AuthenticationError, UsageError
from sws.crypto import aesgcm
from sws.crypto.aesgcm import AESGCM, TAG
from sws.crypto.kernels.plans import kept
from sws.crypto.ref.aesgcm import gcm_ad, gcm_ae
from tests.crypto.aes_kernels import FAST, gcm_with, other_seal
from tests.kit.vectors import extra_json, load_vectors

_CASES: Final = load_vectors("crypto", "aes_gcm", keys=("key", "iv", "plaintext", "aad"))


@pytest.fixture(params=FAST)
def gcm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[AESGCM]:
    return gcm_with(request.param, monkeypatch)


def _bytes(case: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def _wycheproof() -> list[dict[str, Any]]:
    groups = extra_json("crypto", "wycheproof", "aes_gcm_test.json")["testGroups"]
    return [{**case, "tagSize": group["tagSize"]} for group in groups for case in group["tests"]]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["id"])
def test_the_specifications_cases(gcm: type[AESGCM], case: dict[str, Any]) -> None:
    key, iv, plaintext, aad = _bytes(case, "key", "iv", "plaintext", "aad")
    assert gcm(key).seal(iv, plaintext, aad).hex() == case["result"]
    assert gcm(key).open(iv, bytes.fromhex(case["result"]), aad) == plaintext


def test_the_readable_twins_as_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    for case in _CASES[::3]:
        key, iv, plaintext, aad = _bytes(case, "key", "iv", "plaintext", "aad")
        assert gcm_with("ref", monkeypatch)(key).seal_many([(iv, plaintext, aad)] * 2) == [bytes.fromhex(case["result"])] * 2


def test_the_readable_twin_on_the_specifications_cases() -> None:
    for case in _CASES:
        key, iv, plaintext, aad = _bytes(case, "key", "iv", "plaintext", "aad")
        ciphertext, tag = gcm_ae(key, iv, plaintext, aad)
        assert (ciphertext + tag).hex() == case["result"]
        assert gcm_ad(key, iv, ciphertext, aad, tag) == plaintext
        with pytest.raises(AuthenticationError):
            gcm_ad(key, iv, ciphertext, aad, bytes(16))


def test_wycheproof(gcm: type[AESGCM]) -> None:
    seen = Counter[str]()
    for case in _wycheproof():
        assert case["tagSize"] == 8 * TAG
        seen[case["result"]] += 1
        key, iv, message, aad, ciphertext, tag = _bytes(case, "key", "iv", "msg", "aad", "ct", "tag")
        if case["result"] == "valid":
            assert gcm(key).seal(iv, message, aad) == ciphertext + tag, case["tcId"]
            assert gcm(key).open(iv, ciphertext + tag, aad) == message, case["tcId"]
        else:
            with pytest.raises((AuthenticationError, UsageError)):
                gcm(key).open(iv, ciphertext + tag, aad)
            assert iv or "ZeroLengthIv" in case["flags"]
    assert seen["valid"] > 100
    assert seen["invalid"] > 20


@pytest.mark.parametrize("bits", [128, 256])
def test_nist_encryption(gcm: type[AESGCM], bits: int) -> None:
    for case in extra_json("crypto", "nist-cavp", f"aes{bits}_gcm_encrypt.json")["tests"]:
        key, iv, plaintext, aad, ciphertext, tag = _bytes(case, "Key", "IV", "PT", "AAD", "CT", "Tag")
        sealed = gcm(key).seal(iv, plaintext, aad)
        assert (sealed[:-TAG], sealed[-TAG:][: len(tag)]) == (ciphertext, tag)


@pytest.mark.parametrize("bits", [128, 256])
def test_nist_decryption(gcm: type[AESGCM], bits: int) -> None:
    """Its tags are of 4 to 16 octets: a shorter one is the beginning of ours."""
    failed = 0
    for case in extra_json("crypto", "nist-cavp", f"aes{bits}_gcm_decrypt.json")["tests"]:
        key, iv, ciphertext, aad, tag = _bytes(case, "Key", "IV", "CT", "AAD", "Tag")
        cipher = gcm(key)
        plaintext = cipher.seal(iv, ciphertext, aad)[:-TAG]  # decryption is the same addition of a key stream
        sealed = cipher.seal(iv, plaintext, aad)
        assert sealed[:-TAG] == ciphertext
        right = sealed[-TAG:][: len(tag)] == tag
        assert right != case.get("FAIL", False)
        failed += not right
        if right:
            assert plaintext.hex() == case["PT"]
            assert cipher.open(iv, sealed, aad) == plaintext
        elif len(tag) == TAG:
            with pytest.raises(AuthenticationError):
                cipher.open(iv, ciphertext + tag, aad)
    assert failed > 100


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 60, 175, 176, 1350, 5260, 5300, 16384, 40000])
def test_lengths_beside_another_implementation(gcm: type[AESGCM], size: int, length: int) -> None:
    chance = random.Random(f"{size}/{length}")
    key = chance.randbytes(size)
    cipher = gcm(key)
    for _ in range(3 if length < 5000 else 1):
        nonce, plaintext, aad = chance.randbytes(12), chance.randbytes(length), chance.randbytes(chance.choice((0, 5, 13, 16, 33)))
        sealed = cipher.seal(nonce, plaintext, aad)
        assert sealed == other_seal(key, nonce, plaintext, aad)
        assert cipher.open(nonce, sealed, aad) == plaintext


_ITEM = st.tuples(
    st.binary(min_size=8, max_size=20), st.one_of(st.binary(max_size=100), st.integers(0, 3000).map(bytes)), st.binary(max_size=40)
)


@pytest.mark.parametrize("name", FAST)
@settings(max_examples=30, deadline=None)
@given(st.sampled_from([16, 24, 32]), st.lists(_ITEM, max_size=8), st.randoms(use_true_random=False))
def test_batches_are_single_messages(name: str, size: int, items: list[tuple[bytes, bytes, bytes]], chance: random.Random) -> None:
    key = chance.randbytes(size)
    with pytest.MonkeyPatch.context() as patch:
        cipher = gcm_with(name, patch)(key)
        sealed = cipher.seal_many(items)
        assert sealed == [other_seal(key, *item) for item in items]
        assert cipher.open_many([(nonce, text, aad) for (nonce, _, aad), text in zip(items, sealed, strict=True)]) == [
            item[1] for item in items
        ]


def test_one_forgery_costs_only_itself(gcm: type[AESGCM]) -> None:
    chance = random.Random(5)
    key = chance.randbytes(16)
    items = [(chance.randbytes(12), chance.randbytes(length), b"header") for length in (0, 40, 1350, 1350, 1350, 7)]
    sealed = [(nonce, text, aad) for (nonce, _, aad), text in zip(items, gcm(key).seal_many(items), strict=True)]
    for broken in range(len(items)):
        nonce, text, aad = sealed[broken]
        forged = [
            (nonce, text[:-1] + bytes([text[-1] ^ 1]), aad),
            (nonce, bytes([text[0] ^ 0x80]) + text[1:], aad),
            (nonce, text[:-1], aad),
            (nonce, text, aad + b"\0"),
            (bytes([nonce[0] ^ 1]) + nonce[1:], text, aad),
            (nonce, text[:TAG - 1], aad),
            (nonce, b"", aad),
        ]  # fmt: skip
        for item in forged:
            opened = gcm(key).open_many([*sealed[:broken], item, *sealed[broken + 1 :]])
            assert opened == [None if at == broken else plaintext for at, (_, plaintext, _) in enumerate(items)]


def test_bytes_like_arguments(gcm: type[AESGCM]) -> None:
    key, nonce, text, aad = bytes(range(16)), bytes(range(12)), b"text of some length", b"aad"
    sealed = gcm(bytearray(key)).seal(memoryview(nonce), bytearray(text), memoryview(aad))
    assert sealed == gcm(key).seal(nonce, text, aad)
    assert type(sealed) is bytes
    assert gcm(key).open(bytearray(nonce), memoryview(sealed), bytearray(aad)) == text


def test_nothing_in_nothing_out(gcm: type[AESGCM]) -> None:
    assert gcm(bytes(16)).seal_many([]) == []
    assert gcm(bytes(16)).open_many([]) == []


def test_wrong_calls() -> None:
    with pytest.raises(UsageError, match="key of 15"):
        AESGCM(bytes(15))
    with pytest.raises(UsageError, match="empty nonce"):
        AESGCM(bytes(16)).seal(b"", b"text")
    with pytest.raises(UsageError, match="empty nonce"):
        AESGCM(bytes(16)).open(b"", bytes(16))
    with pytest.raises(AuthenticationError):
        AESGCM(bytes(16)).open(bytes(12), bytes(15))


def test_a_text_longer_than_the_counter_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aesgcm, "MAX_TEXT", 100)
    with pytest.raises(UsageError, match="too long"):
        AESGCM(bytes(16)).seal(bytes(12), bytes(101))
    assert len(AESGCM(bytes(16)).seal(bytes(12), bytes(100))) == 116


def test_no_key_is_shown() -> None:
    assert repr(AESGCM(b"A" * 16)) == "AESGCM(…)"


@pytest.mark.parametrize("name", ["lanes", "constant"])
def test_a_key_that_small_messages_used_is_small(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 8 KiB a key without a plan for bulk."""
    tracemalloc = pytest.importorskip("tracemalloc", reason="PyPy does not trace allocations")

    make = gcm_with(name, monkeypatch)
    warm = make(bytes(16))
    keys = [bytes([number]) * 16 for number in range(6)]

    def use(cipher: AESGCM) -> AESGCM:
        for _ in range(3):
            cipher.open(bytes(12), cipher.seal(bytes(12), bytes(100), bytes(13)), bytes(13))
        return cipher

    use(warm)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        held = [use(make(key)) for key in keys]
        each = (tracemalloc.get_traced_memory()[0] - before) / len(held)
    finally:
        tracemalloc.stop()
    assert each <= 8192


def test_plans_go_with_their_key(monkeypatch: pytest.MonkeyPatch) -> None:
    import gc

    make = gcm_with("lanes", monkeypatch)
    gc.collect()
    before = kept()
    cipher = make(b"key of this test")
    for _ in range(3):
        cipher.seal(bytes(12), bytes(16384))
    assert kept()[1] > before[1] + 100_000
    del cipher
    gc.collect()
    assert kept() == before
