# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The box by hashes: beside its formula written with the standard library, and against changes of every kind."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import AuthenticationError, UsageError
from sws.crypto.hashbox import HashBox

KEY = bytes(range(32))
NONCE = bytes(range(100, 116))


def by_the_formula(key: bytes, nonce: bytes, text: bytes, aad: bytes) -> bytes:
    def expanded(info: bytes) -> bytes:
        return hmac.digest(key, info + b"\x01", "sha256")

    stream = b"".join(hmac.digest(expanded(b"sws box stream"), nonce + n.to_bytes(4, "big"), "sha256") for n in range(len(text) // 32 + 1))
    hidden = bytes(a ^ b for a, b in zip(text, stream, strict=False))
    return hidden + hmac.digest(expanded(b"sws box tag"), len(aad).to_bytes(8, "big") + aad + nonce + hidden, "sha256")[:16]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16), st.binary(max_size=200), st.binary(max_size=50))
@settings(max_examples=60, deadline=None)
def test_it_is_the_formula_and_opens_again(key: bytes, nonce: bytes, text: bytes, aad: bytes) -> None:
    sealed = HashBox(key).seal(nonce, text, aad)
    assert sealed == by_the_formula(key, nonce, text, aad)
    assert HashBox(key).open(nonce, sealed, aad) == text


def test_the_longest_text() -> None:
    text = hashlib.shake_128(b"x").digest(65536)
    assert HashBox(KEY).open(NONCE, HashBox(KEY).seal(NONCE, text)) == text
    with pytest.raises(UsageError):
        HashBox(KEY).seal(NONCE, text + b"y")
    with pytest.raises(AuthenticationError):
        HashBox(KEY).open(NONCE, bytes(65536 + 17))


@pytest.mark.parametrize("size", [0, 1, 32, 33, 70])
def test_a_change_is_noticed(size: int) -> None:
    box = HashBox(KEY)
    sealed = box.seal(NONCE, bytes(size), b"more")
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(AuthenticationError):
            box.open(NONCE, changed, b"more")
    others: list[tuple[HashBox, bytes, bytes, bytes]] = [
        (HashBox(bytes(32)), NONCE, sealed, b"more"),
        (box, NONCE[::-1], sealed, b"more"),
        (box, NONCE, sealed, b"mor"),
        (box, NONCE, sealed[:-1], b"more"),
        (box, NONCE, sealed[1:], b"more"),
        (box, NONCE, sealed + b"\0", b"more"),
        (box, NONCE, b"", b"more"),
        (box, NONCE, sealed[:15], b"more"),
    ]
    for other, nonce, text, aad in others:
        with pytest.raises(AuthenticationError):
            other.open(nonce, text, aad)


def test_octets_cannot_move_between_parts() -> None:
    """Additional data has its length in front, a nonce has one length only."""
    box = HashBox(KEY)
    sealed = box.seal(NONCE, b"", b"ab")
    with pytest.raises(AuthenticationError):
        box.open(b"b" + NONCE[:15], NONCE[15:] + sealed, b"a")


def test_misuse_and_repr() -> None:
    with pytest.raises(UsageError):
        HashBox(bytes(31))
    for nonce in (b"", bytes(12)):
        with pytest.raises(UsageError):
            HashBox(KEY).seal(nonce, b"")
        with pytest.raises(UsageError):
            HashBox(KEY).open(nonce, bytes(16))
    views: Any = (bytearray(NONCE), memoryview(b"text"), bytearray(b"more"))
    assert HashBox(bytearray(KEY)).seal(*views) == HashBox(KEY).seal(NONCE, b"text", b"more")
    assert repr(HashBox(KEY)) == "HashBox(…)"
