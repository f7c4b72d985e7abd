# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AEADs whose batch is one array of words, as PyPy has them: the same as another implementation's, whatever the sizes are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import UsageError
from sws.crypto import aesgcm, chacha20poly1305
from sws.crypto.kernels import aesgcm_words, chacha20poly1305_words
from sws.crypto.kernels.aes_tables import AesKey
from sws.crypto.kernels.ghash_tables import GhashKey
from tests.crypto.aes_kernels import other_seal
from tests.crypto.chacha_kernels import other_chacha_seal

_SIZES = st.sampled_from((0, 1, 3, 4, 15, 16, 17, 47, 48, 49, 61, 63, 64, 65, 112, 113, 200))
_ITEMS = st.lists(
    st.tuples(
        st.binary(min_size=12, max_size=12),
        _SIZES.flatmap(lambda size: st.binary(min_size=size, max_size=size)),
        st.sampled_from((b"", b"a", bytes(13), bytes(range(16)), bytes(range(17)))),
    ),
    max_size=5,
)
_LONG = (bytes(12), bytes(16 * 256), b"")  # so many blocks that GHASH makes its tables


def _forged(sealed: bytes, at: int) -> bytes:
    place = at % len(sealed)
    return sealed[:place] + bytes((sealed[place] ^ 1,)) + sealed[place + 1 :]


@given(st.binary(min_size=32, max_size=32), _ITEMS, st.integers(0, 1000))
def test_chacha20_poly1305(key: bytes, items: list[tuple[bytes, bytes, bytes]], at: int) -> None:
    sealed = chacha20poly1305_words.seal_many(key, items)
    assert sealed == [other_chacha_seal(key, nonce, text, aad) for nonce, text, aad in items]
    back = [(nonce, text, aad) for (nonce, _, aad), text in zip(items, sealed, strict=True)]
    assert chacha20poly1305_words.open_many(key, back) == [text for _, text, _ in items]
    forged = [(nonce, _forged(text, at), aad) for nonce, text, aad in back]
    assert chacha20poly1305_words.open_many(key, [*forged, *back]) == [None] * len(items) + [text for _, text, _ in items]
    assert chacha20poly1305_words.open_many(key, [(nonce, text[:15], aad) for nonce, text, aad in back]) == [None] * len(items)


@pytest.fixture(scope="module")
def aes() -> dict[int, tuple[bytes, AesKey, GhashKey]]:
    """A key of each length, and the tables of it, which take longer to make than all else here."""
    made = {}
    for size in (16, 24, 32):
        key = bytes(range(size))
        cipher = AesKey(key)
        made[size] = key, cipher, GhashKey(cipher.encrypt_blocks(bytes(16)))
    return made


@settings(max_examples=50, deadline=None)
@given(st.sampled_from((16, 24, 32)), _ITEMS, st.integers(0, 1000))
def test_aes_gcm(aes: dict[int, tuple[bytes, AesKey, GhashKey]], size: int, items: list[tuple[bytes, bytes, bytes]], at: int) -> None:
    key, cipher, hasher = aes[size]
    items = [_LONG, *items]
    sealed = aesgcm_words.seal_many(cipher, hasher, items)
    assert sealed == [other_seal(key, nonce, text, aad) for nonce, text, aad in items]
    back = [(nonce, text, aad) for (nonce, _, aad), text in zip(items, sealed, strict=True)]
    assert aesgcm_words.open_many(cipher, hasher, back) == [text for _, text, _ in items]
    forged = [(nonce, _forged(text, at), aad) for nonce, text, aad in back]
    assert aesgcm_words.open_many(cipher, hasher, [*forged, *back]) == [None] * len(items) + [text for _, text, _ in items]
    assert aesgcm_words.open_many(cipher, hasher, [(nonce, text[:15], aad) for nonce, text, aad in back]) == [None] * len(items)


def test_aes_gcm_of_few_blocks_is_left_to_others() -> None:
    cipher = AesKey(bytes(16))
    hasher = GhashKey(cipher.encrypt_blocks(bytes(16)))
    assert aesgcm_words.seal_many(cipher, hasher, [(bytes(12), b"text", b"")]) is None
    assert aesgcm_words.open_many(cipher, hasher, [(bytes(12), b"text and its tag", b"")]) is None


def test_chacha20_poly1305_takes_it_where_both_primitives_are_scalar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chacha20poly1305, "_whole", chacha20poly1305_words)
    ours = chacha20poly1305.ChaCha20Poly1305(bytes(32))
    items: list[Any] = [(bytes(12), bytearray(b"some text"), b"data"), (bytearray(12), b"", memoryview(b""))]
    sealed = ours.seal_many(items)
    assert sealed == [other_chacha_seal(bytes(32), bytes(nonce), bytes(text), bytes(aad)) for nonce, text, aad in items]
    opened = ours.open_many([(bytes(12), sealed[0], b"data"), (bytes(12), sealed[1], b"other")])
    assert opened == [b"some text", None]
    for call in (ours.seal_many, ours.open_many):
        with pytest.raises(UsageError):
            call([(bytes(11), bytes(20), b"")])


def test_aes_gcm_takes_it_where_both_primitives_are_scalar(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_whole", aesgcm_words), ("make_cipher", AesKey), ("make_hasher", GhashKey)):
        monkeypatch.setattr(aesgcm, name, value)
    ours = aesgcm.AESGCM(bytes(16))
    items: list[Any] = [(bytes(12), bytearray(b"some text"), b"data"), (bytearray(12), b"", memoryview(b"")), _LONG]
    expected = [other_seal(bytes(16), bytes(nonce), bytes(text), bytes(aad)) for nonce, text, aad in items]
    for _ in range(3):  # H is not known yet, few blocks, tables
        assert ours.seal_many(items) == expected
        assert ours.open_many([(bytes(12), expected[0], b"data"), (bytes(12), expected[1], b"other")]) == [b"some text", None]
    assert ours.seal_many([]) == []
    assert ours.open_many([]) == []
    assert ours.seal(bytes(16), b"text") == other_seal(bytes(16), bytes(16), b"text", b"")
    assert ours.open(bytes(16), ours.seal(bytes(16), b"text")) == b"text"
