# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes keys and ciphertexts of ML-KEM-768.  Run: python -m tests.fuzz.fuzz_mlkem --executions N --seconds S --seed K

Oracles: only DecodeError; a key is taken exactly when its length is right and a plain reader finds every coefficient below q; what we
encapsulate the owner's key decapsulates; the other kernel gives the same ciphertext and message; a ciphertext that is not ours gives
SHAKE256(z | ciphertext).
"""

from __future__ import annotations

import hashlib
import random
from typing import Final

from sws.base.errors import DecodeError
from sws.crypto import mlkem
from sws.crypto.kernels import mlkem_lanes, mlkem_loops
from tests.fuzz.kit import Target, main

__all__ = ["TARGETS"]

_SEED: Final = bytes(range(64))
_PUBLIC, _PRIVATE = mlkem.from_seed(_SEED)
_SECRET, _CIPHERTEXT = mlkem.encapsulate(_PUBLIC, bytes)
_OTHER: Final = (mlkem_loops, mlkem_lanes)[mlkem._pke is mlkem_loops]


def _is_good_key(data: bytes) -> bool:
    if len(data) != 1184:
        return False
    value = int.from_bytes(data[:1152], "little")
    return all((value >> 12 * place & 0xFFF) < 3329 for place in range(768))


def _check_key(data: bytes, chance: random.Random) -> str:
    message = chance.randbytes(32)
    try:
        secret, ciphertext = mlkem.encapsulate(data, lambda octets: message)
    except DecodeError:
        assert not _is_good_key(data)
        return "a key that is too long or short" if len(data) != 1184 else "a key that is not reduced"
    assert _is_good_key(data)
    if chance.random() < 0.1:
        expected = hashlib.sha3_512(message + hashlib.sha3_256(data).digest()).digest()
        assert (secret, ciphertext) == (expected[:32], _OTHER.encrypt(data, message, expected[32:]))
    return "a key"


def _check_ciphertext(data: bytes, chance: random.Random) -> str:
    try:
        secret = mlkem.decapsulate(_PRIVATE, data)
    except DecodeError:
        assert len(data) != 1088
        return "too long or short"
    assert len(data) == 1088
    if data == _CIPHERTEXT:
        assert secret == _SECRET
        return "ours"
    assert secret == hashlib.shake_256(_SEED[32:] + data).digest(32)
    if chance.random() < 0.1:
        assert mlkem_lanes.decrypt(_PRIVATE[:1152], data) == mlkem_loops.decrypt(_PRIVATE[:1152], data)
    return "refused"


def _random_key(chance: random.Random) -> bytes:
    """Coefficients around q, seldom above it."""
    value = 0
    for _ in range(768):
        value = value << 12 | (chance.randrange(3329) if chance.random() < 0.999 else chance.randrange(3328, 4096))
    return value.to_bytes(1152, "little") + chance.randbytes(32)


def _random_ciphertext(chance: random.Random) -> bytes:
    return _CIPHERTEXT if chance.random() < 0.1 else chance.randbytes(1088)


TARGETS: Final = [
    Target("ml-kem keys", _check_key, [_PUBLIC], [b"\xff\xff\xff", b"\x00\x0d", b"\x01\x0d"], _random_key),
    Target("ml-kem ciphertexts", _check_ciphertext, [_CIPHERTEXT], [bytes(32), b"\xff" * 32], _random_ciphertext),
]

if __name__ == "__main__":
    main(TARGETS)
