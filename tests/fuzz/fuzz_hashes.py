# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes the hash functions' kernels.  Run: python -m tests.fuzz.fuzz_hashes --executions N --seconds S --seed K

Oracle: hashlib, for a message whole, in random parts, and through copies.
"""

from __future__ import annotations

import hashlib
import random
from typing import Any, Final

from tests.crypto.hash_kernels import SHA2_KERNELS, SHA2_NAMES, SHA3_KERNELS, SHA3_NAMES
from tests.fuzz.kit import Target, main

__all__ = ["TARGETS"]

_NEW: Final[dict[str, list[Any]]] = {
    **{name: [getattr(SHA2_KERNELS[kernel], name) for kernel in ("lanes", "scalar")] for name in SHA2_NAMES},
    **{name: [getattr(SHA3_KERNELS[kernel], name) for kernel in ("lanes", "scalar")] for name in (*SHA3_NAMES, "shake_128", "shake_256")},
}


def _check(data: bytes, chance: random.Random) -> str:
    name = chance.choice(tuple(_NEW))
    size = [chance.randrange(400)] if name.startswith("shake") else []
    made = chance.choice(_NEW[name])()
    at = 0
    while at < len(data):
        end = at + chance.choice((1, 7, 64, 128, 136, 500, 5000))
        if chance.random() < 0.2:
            made, spoilt = made.copy(), made
            spoilt.update(b"another way")
        made.update(memoryview(data)[at:end])
        at = end
    assert made.digest(*size) == hashlib.new(name, data).digest(*size)
    return name


def _generate(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 55, 56, 64, 111, 112, 128, 135, 136, 168, chance.randrange(1500))))


TARGETS: Final = [Target("hashes", _check, [b"", b"abc", bytes(200)], [bytes(64), b"\x80", b"\xff" * 128], _generate)]

if __name__ == "__main__":
    main(TARGETS)
