# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes AES-GCM.  Run: python -m tests.fuzz.fuzz_aesgcm --executions N --seconds S --seed K

The input is read as a key, and messages of nonce, additional data and text.  Oracles: another implementation seals the same; every kernel
opens it in one call; with a bit changed somewhere it is refused, alone.
"""

from __future__ import annotations

import random
from typing import Final

import pytest

from sws.base.errors import DecodeError
from sws.crypto import cbc
from sws.crypto.aesgcm import AESGCM, Item
from tests.crypto.aes_kernels import FAST, gcm_with, other_seal
from tests.fuzz.kit import Target, main

__all__ = ["TARGETS"]


def _read(data: bytes) -> tuple[bytes, list[Item]]:
    """A key, and messages: one octet each for the lengths of nonce, data and text, the text's in units of its own octet."""
    size = (16, 24, 32)[data[0] % 3] if data else 16
    key = data[1 : 1 + size].ljust(size, b"\0")
    at = 1 + size
    items: list[Item] = []
    while at + 3 <= len(data) and len(items) < 10:
        nonce_size = 8 + data[at] % 9 if data[at] & 1 else 12
        aad_size, units = data[at + 1] % 40, data[at + 2]
        at += 3
        nonce = data[at : at + nonce_size].ljust(nonce_size, b"\0")
        at += nonce_size
        aad = data[at : at + aad_size]
        at += aad_size
        piece = data[at : at + 1 + units % 64]
        at += len(piece)
        items.append((nonce, piece * (1 + (units >> 6) * (units >> 5)), aad))
    return key, items


def _check(data: bytes, chance: random.Random) -> str:
    key, items = _read(data)
    expected = [other_seal(key, *item) for item in items]
    sealed = [(nonce, text, aad) for (nonce, _, aad), text in zip(items, expected, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        cipher: AESGCM = gcm_with(chance.choice(FAST), patch)(key)
        if chance.random() < 0.5:
            assert cipher.seal_many(items) == expected, "sealed otherwise"
        if not items:
            return "nothing"
        changed = chance.randrange(len(items))
        parts = list(sealed[changed])
        part = chance.choice([index for index, octets in enumerate(parts) if octets])
        bit = chance.randrange(8 * len(parts[part]))
        octets = bytearray(parts[part])
        octets[bit >> 3] ^= 1 << (bit & 7)
        parts[part] = bytes(octets)
        forged = [*sealed[:changed], (parts[0], parts[1], parts[2]), *sealed[changed + 1 :]]
        opened = cipher.open_many(forged)
        assert opened == [None if index == changed else item[1] for index, item in enumerate(items)], (
            "a forgery was opened, or harmed others"
        )
        assert cipher.open_many(sealed) == [item[1] for item in items]
    return "one" if len(items) == 1 else "many"


def _check_cbc(data: bytes, chance: random.Random) -> str:
    key, iv, ciphertext = data[:16].ljust(16, b"\0"), data[16:32].ljust(16, b"\0"), data[32:]
    try:
        plaintext = cbc.decrypt(key, iv, ciphertext)
    except DecodeError:
        return "refused"
    assert cbc.encrypt(key, iv, plaintext) == ciphertext
    return "read" if plaintext else "read nothing"


def _generate(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((20, 60, 200, 200, 1000)))


def _generate_cbc(chance: random.Random) -> bytes:
    key, iv = chance.randbytes(16), chance.randbytes(16)
    return key + iv + cbc.encrypt(key, iv, chance.randbytes(chance.choice((0, 0, 7, 16, 40))))


_CORPUS: Final = [bytes(80), bytes(range(200)), b"\x01" * 60]

TARGETS: Final = (
    Target("aesgcm", _check, _CORPUS, [b"\xff" * 16, bytes(16), b"\x01\x00\x00\x00"], _generate),
    Target("aes-cbc", _check_cbc, [bytes(48), bytes(range(64))], [b"\x10" * 16, b"\x01"], _generate_cbc),
)

if __name__ == "__main__":
    main(TARGETS)
