# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Poly1305 over all kernels, by RFC 8439 and beside each other."""

from __future__ import annotations

import random
from typing import Any, Final

import pytest

from sws.base.errors import UsageError
from sws.crypto import poly1305
from sws.crypto.poly1305 import Poly1305, mac, verify
from sws.crypto.ref.poly1305 import mac as ref_mac
from tests.crypto.chacha_kernels import MACS, NAMES
from tests.kit.vectors import load_vectors

_CASES: Final = load_vectors("crypto", "poly1305", keys=("key", "text"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["id"])
def test_the_rfcs_cases(name: str, case: dict[str, Any]) -> None:
    key, text = bytes.fromhex(case["key"]), bytes.fromhex(case["text"])
    assert MACS[name](key, text).hex() == case["result"]
    assert mac(key, text).hex() == case["result"]
    assert verify(key, text, bytes.fromhex(case["result"]))
    assert not verify(key, text, bytes(16) if case["result"] != "00" * 16 else b"\1" * 16)


#: Horner's rule with whole and broken blocks; then, for each number of lanes, every length that the first of some segments may have.
_SIZES: Final = (
    *range(0, 480, 5),
    *range(448, 1000, 16),
    *range(1696, 2480, 16),
    *range(8976, 10528, 16),
    16384,
    16415,
    50001,
)


@pytest.mark.parametrize("name", ["lanes", "words"])
@pytest.mark.parametrize("fill", ["random", "ones"])
def test_every_length_is_what_the_twin_says(name: str, fill: str) -> None:
    chance = random.Random(1)
    for size in _SIZES:
        key = chance.randbytes(32) if fill == "random" else b"\xff" * 32
        text = chance.randbytes(size) if fill == "random" else b"\xff" * size
        assert MACS[name](key, text) == ref_mac(key, text), size


def test_parts_are_what_the_whole_is() -> None:
    key, text = bytes(range(32)), bytes(range(250))
    parts = Poly1305(key)
    for start in range(0, 250, 17):
        parts.update(memoryview(text)[start : start + 17])
    assert parts.digest() == mac(key, text)
    assert repr(parts) == "Poly1305(…)"


def test_misuse() -> None:
    with pytest.raises(UsageError):
        mac(bytes(31), b"")
    with pytest.raises(UsageError):
        Poly1305(bytes(33))
    with pytest.raises(UsageError):
        Poly1305(bytes(32), maximum=3).update(b"four")
    assert poly1305.TAG == 16
