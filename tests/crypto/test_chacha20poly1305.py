# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20-Poly1305 over all kernels and beside another implementation."""

from __future__ import annotations

import random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import AuthenticationError, UsageError
from sws.crypto import aead
from sws.crypto.chacha20poly1305 import ChaCha20Poly1305
from tests.crypto.chacha_kernels import NAMES, aead_with
from tests.crypto.wycheproof import cases
from tests.kit.vectors import load_vectors

_CASES: Final = load_vectors("crypto", "chacha20_poly1305", keys=("key", "nonce", "plaintext", "aad"))


@pytest.fixture(params=NAMES)
def cipher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[ChaCha20Poly1305]:
    return aead_with(request.param, monkeypatch)


def test_the_rfcs_cases(cipher: type[ChaCha20Poly1305]) -> None:
    for case in _CASES:
        key, nonce, plaintext, aad, sealed = (bytes.fromhex(case[name]) for name in ("key", "nonce", "plaintext", "aad", "result"))
        assert cipher(key).seal(nonce, plaintext, aad) == sealed
        assert cipher(key).open(nonce, sealed, aad) == plaintext


def test_wycheproof(cipher: type[ChaCha20Poly1305]) -> None:
    count = 0
    for _, case in cases("chacha20_poly1305_test"):
        key, iv, aad, msg, ct, tag = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag"))
        count += 1
        if len(iv) != 12:
            assert case["result"] == "invalid"
            with pytest.raises(UsageError):
                cipher(key).open(iv, ct + tag, aad)
        elif case["result"] == "valid":
            assert cipher(key).seal(iv, msg, aad) == ct + tag
            assert cipher(key).open(iv, ct + tag, aad) == msg
        else:
            with pytest.raises(AuthenticationError):
                cipher(key).open(iv, ct + tag, aad)
    assert count > 150


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_sealed_is_opened_and_a_change_is_noticed(data: st.DataObject) -> None:
    key = data.draw(st.binary(min_size=32, max_size=32))
    size = st.sampled_from((0, 1, 15, 16, 17, 63, 64, 65, 300))
    items = [
        (index.to_bytes(12, "big"), data.draw(st.binary(min_size=n, max_size=n)), data.draw(st.binary(max_size=20)))
        for index, n in enumerate(data.draw(st.lists(size, min_size=1, max_size=5)))
    ]
    cipher = ChaCha20Poly1305(key)
    sealed = cipher.seal_many(items)
    assert sealed == [cipher.seal(*item) for item in items]
    given_back = [(nonce, text, aad) for (nonce, _, aad), text in zip(items, sealed, strict=True)]
    assert cipher.open_many(given_back) == [text for _, text, _ in items]
    at = data.draw(st.integers(0, len(items) - 1))
    octets = bytearray(sealed[at])
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    given_back[at] = (items[at][0], bytes(octets), items[at][2])
    assert cipher.open_many(given_back) == [None if index == at else item[1] for index, item in enumerate(items)]


def test_beside_another_implementation(cipher: type[ChaCha20Poly1305]) -> None:
    other = pytest.importorskip("cryptography.hazmat.primitives.ciphers.aead", reason="cryptography is not installed here")
    chance = random.Random(8)
    key = chance.randbytes(32)
    items = [(chance.randbytes(12), chance.randbytes(size), chance.randbytes(size % 21)) for size in (0, 5, 64, 128, 1350, 4000, 17000)]
    expected = [other.ChaCha20Poly1305(key).encrypt(*item) for item in items]
    assert cipher(key).seal_many(items) == expected
    assert [cipher(key).seal(*item) for item in items[:4]] == expected[:4]
    views: Any = [(bytearray(nonce), memoryview(text), bytearray(aad)) for nonce, text, aad in items]
    assert cipher(key).seal_many(views) == expected


@pytest.mark.parametrize("sizes", [(), ((),), ((70, 3), (0, 16, 64, 65)), ((5,), (), (1300, 1)), ((4000,), (1, 2))])
def test_groups_are_batches_under_several_keys(cipher: type[ChaCha20Poly1305], sizes: tuple[tuple[int, ...], ...]) -> None:
    chance = random.Random(11)
    groups: list[aead.Group] = []
    for some in sizes:
        items = [(chance.randbytes(12), chance.randbytes(size), chance.randbytes(size % 21)) for size in some]
        groups.append((cipher(chance.randbytes(32)), items))
    sealed = aead.seal_groups(groups)
    assert sealed == [box.seal_many(items) for box, items in groups]
    back: list[aead.Group] = [
        (box, [(nonce, text, aad) for (nonce, _, aad), text in zip(items, texts, strict=True)])
        for (box, items), texts in zip(groups, sealed, strict=True)
    ]
    assert aead.open_groups(back) == [[text for _, text, _ in items] for _, items in groups]
    if len(sizes) > 1:
        box, items = back[0]
        nonce, text, more = items[0]
        back[0] = box, [(nonce, bytes((text[0] ^ 1,)) + text[1:], more), *items[1:]]
        assert aead.open_groups(back)[0] == [None, *[text for _, text, _ in groups[0][1][1:]]]
        back[0] = box, [(nonce, text[:15], more)]
        assert aead.open_groups(back)[0] == [None]
        back[0] = box, [(nonce[1:], text, more)]
        with pytest.raises(UsageError):
            aead.open_groups(back)


def test_groups_of_both_kinds() -> None:
    groups: list[aead.Group] = [(kind(bytes(32)), [(bytes(12), b"text", b"more")]) for kind in (aead.AESGCM, aead.ChaCha20Poly1305)]
    sealed = aead.seal_groups(groups)
    assert sealed == [box.seal_many(items) for box, items in groups]
    assert (
        aead.open_groups([(box, [(bytes(12), texts[0], b"more")]) for (box, _), texts in zip(groups, sealed, strict=True)])
        == [[b"text"]] * 2
    )


def test_misuse(cipher: type[ChaCha20Poly1305]) -> None:
    with pytest.raises(UsageError):
        cipher(bytes(31))
    with pytest.raises(UsageError):
        cipher(bytes(32)).seal(bytes(8), b"")
    for short in (b"", bytes(15)):
        with pytest.raises(AuthenticationError):
            cipher(bytes(32)).open(bytes(12), short)
    assert cipher(bytes(32)).seal_many([]) == []
    assert cipher(bytes(32)).open_many([]) == []
    assert repr(cipher(b"k" * 32)) == "ChaCha20Poly1305(…)"


def test_both_kinds_stand_in_one_module() -> None:
    for kind in (aead.AESGCM, aead.ChaCha20Poly1305):
        box = kind(bytes(32))
        assert box.open(bytes(12), box.seal(bytes(12), b"text", b"more"), b"more") == b"text"
        with pytest.raises(aead.AuthenticationError):
            box.open(bytes(12), box.seal(bytes(12), b"text", b"more"), b"less")
