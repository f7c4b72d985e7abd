# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes ChaCha20-Poly1305 and its masks.  Run: python -m tests.fuzz.fuzz_chacha --executions N --seconds S --seed K

Oracles: another implementation seals the same; one changed bit, or a message cut short, is a forgery and harms no other of its batch; every
kernel gives the same masks.
"""

from __future__ import annotations

import random
from importlib.util import find_spec
from typing import Final

import pytest

from sws.crypto.chacha20poly1305 import Item
from tests.crypto.chacha_kernels import CHACHA, NAMES, aead_with
from tests.fuzz.kit import Target, main

__all__ = ["TARGETS"]

_FAST: Final = tuple(name for name in NAMES if name != "ref")


def _other_seal(key: bytes, item: Item) -> bytes:
    if find_spec("cryptography") is None:  # PyPy: the readable twins, which the vectors hold
        with pytest.MonkeyPatch.context() as patch:
            return aead_with("ref", patch)(key).seal(*item)
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305 as Other

    return Other(key).encrypt(*item)


def _read(data: bytes) -> tuple[bytes, list[Item]]:
    """A key, and messages: an octet each for the length of the data, of a piece of text, and how often it is repeated."""
    key = data[:32].ljust(32, b"\0")
    at = 32
    items: list[Item] = []
    while at + 3 <= len(data) and len(items) < 10:
        aad_size, size, times = data[at] % 40, data[at + 1] % 80, data[at + 2]
        at += 3
        nonce = data[at : at + 12].ljust(12, b"\0")
        at += 12
        aad = data[at : at + aad_size]
        at += aad_size
        items.append((nonce, data[at : at + size] * (times % 48 if times & 1 else 1), aad))
        at += size
    return key, items


def _check(data: bytes, chance: random.Random) -> str:
    key, items = _read(data)
    expected = [_other_seal(key, item) for item in items]
    sealed = [(nonce, text, aad) for (nonce, _, aad), text in zip(items, expected, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        aead = aead_with(chance.choice(_FAST), patch)(key)
        assert aead.seal_many(items) == expected, "sealed otherwise"
        if not items:
            return "nothing"
        changed = chance.randrange(len(items))
        nonce, text, aad = sealed[changed]
        if chance.random() < 0.2:
            text = text[: chance.randrange(len(text))]
        else:
            parts = [nonce, text, aad]
            part = chance.choice([index for index, octets in enumerate(parts) if octets])
            bit = chance.randrange(8 * len(parts[part]))
            octets = bytearray(parts[part])
            octets[bit >> 3] ^= 1 << (bit & 7)
            parts[part] = bytes(octets)
            nonce, text, aad = parts
        forged = [*sealed[:changed], (nonce, text, aad), *sealed[changed + 1 :]]
        wanted = [None if index == changed else item[1] for index, item in enumerate(items)]
        assert aead.open_many(forged) == wanted, "a forgery was opened, or harmed others"
        assert aead.open_many(sealed) == [item[1] for item in items]
    return "one" if len(items) == 1 else "many"


def _check_masks(data: bytes, chance: random.Random) -> str:
    key = data[:32].ljust(32, b"\0")
    samples = [data[at : at + 16] for at in range(32, len(data) - 15, 16)][:80]
    masks = {name: kernel.first_octets(key, samples) for name, kernel in CHACHA.items()} if samples else {}
    assert all(found == masks["ref"] for found in masks.values()), "masks differ"
    return "nothing" if not samples else "few" if len(samples) < 11 else "many"


def _generate(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((20, 60, 200, 200, 1000)))


_CORPUS: Final = [bytes(80), bytes(range(200)), b"\xff" * 300]
_DICTIONARY: Final = [b"\xff" * 16, bytes(16), b"\xfb" + b"\xff" * 15, b"\x00\x40\x03"]

TARGETS: Final = (
    Target("chacha20poly1305", _check, _CORPUS, _DICTIONARY, _generate),
    Target("chacha20-masks", _check_masks, _CORPUS, _DICTIONARY, _generate),
)

if __name__ == "__main__":
    main(TARGETS)
