# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES in CBC with PKCS#7 padding."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, UsageError
from sws.crypto.cbc import decrypt, encrypt
from tests.kit.vectors import extra_json


def test_wycheproof() -> None:
    seen = Counter[str]()
    for group in extra_json("crypto", "wycheproof", "aes_cbc_pkcs5_test.json")["testGroups"]:
        for case in group["tests"]:
            key, iv, message, ciphertext = (bytes.fromhex(case[name]) for name in ("key", "iv", "msg", "ct"))
            seen[case["result"]] += 1
            if case["result"] == "valid":
                assert encrypt(key, iv, message) == ciphertext
                assert decrypt(key, iv, ciphertext) == message
            else:
                with pytest.raises(DecodeError):
                    decrypt(key, iv, ciphertext)
    assert min(seen["valid"], seen["invalid"]) > 30


@given(st.sampled_from([16, 24, 32]), st.binary(min_size=48, max_size=48), st.binary(max_size=100))
def test_what_was_encrypted_is_decrypted(size: int, entropy: bytes, plaintext: bytes) -> None:
    key, iv = entropy[:size], entropy[32:]
    ciphertext = encrypt(key, iv, plaintext)
    assert len(ciphertext) == len(plaintext) // 16 * 16 + 16
    assert decrypt(key, iv, ciphertext) == plaintext


@given(st.binary(max_size=64))
def test_any_octets_are_decrypted_or_refused(ciphertext: bytes) -> None:
    try:
        plaintext = decrypt(bytes(16), bytes(16), ciphertext)
    except DecodeError:
        return
    assert encrypt(bytes(16), bytes(16), plaintext) == ciphertext


@pytest.mark.parametrize("iv", [b"", bytes(12), bytes(17)])
def test_an_iv_of_another_length_is_refused(iv: bytes) -> None:
    for call in (encrypt, decrypt):
        with pytest.raises(UsageError, match="initialization vector"):
            call(bytes(16), iv, bytes(16))


@pytest.mark.parametrize("size", [0, 15, 17])
def test_what_is_not_whole_blocks_is_refused(size: int) -> None:
    with pytest.raises(DecodeError, match="whole blocks"):
        decrypt(bytes(16), bytes(16), bytes(size))
