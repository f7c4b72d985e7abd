# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is not octets is not sealed; what is octets in another form is sealed as such."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from sws.base.errors import AuthenticationError, UsageError
from sws.crypto.aead import AESGCM, ChaCha20Poly1305

BOTH = pytest.mark.parametrize(("kind", "size"), [(ChaCha20Poly1305, 32), (AESGCM, 16)])
NONCE = bytes(range(12))


@BOTH
@pytest.mark.parametrize("wrong", [5, [1, 2], "text", None, 1.5])
def test_what_is_not_octets_is_refused(kind: Any, size: int, wrong: Any) -> None:
    cipher = kind(bytes(size))
    for call in (
        lambda: kind(wrong),
        lambda: cipher.seal(wrong, b""),
        lambda: cipher.seal(NONCE, wrong),
        lambda: cipher.seal(NONCE, b"", wrong),
        lambda: cipher.open(NONCE, wrong),
        lambda: cipher.open_many([(NONCE, bytes(20), wrong)]),
        lambda: cipher.seal_many([(NONCE, wrong, b"")]),
    ):
        with pytest.raises(UsageError):
            call()


@BOTH
@pytest.mark.parametrize("form", [bytearray, memoryview, lambda data: array("I", data), lambda data: memoryview(array("I", data))])
def test_octets_in_other_forms_count_by_octets(kind: Any, size: int, form: Any) -> None:
    key, text, aad = bytes(range(size)), bytes(range(40)), bytes(range(8))
    sealed = kind(key).seal(NONCE, text, aad)
    other = kind(form(key))
    assert other.seal(form(NONCE), form(text), form(aad)) == sealed
    assert other.seal_many([(form(NONCE), form(text), form(aad))]) == [sealed]
    assert other.open(form(NONCE), form(sealed), form(aad)) == text
    with pytest.raises(UsageError):
        kind(array("I", range(size)))


@BOTH
def test_nothing_and_too_little(kind: Any, size: int) -> None:
    cipher = kind(bytes(size))
    assert cipher.seal_many([]) == cipher.open_many([]) == []
    for octets in range(16):
        with pytest.raises(AuthenticationError):
            cipher.open(NONCE, bytes(octets))
