# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-1: NIST's vectors, hashlib."""

from __future__ import annotations

import hashlib

import pytest

from sws.crypto import sha1
from tests.kit.vectors import extra_json

KERNELS = {"stdlib": sha1._stdlib(), "ref": sha1._ref()}


@pytest.mark.parametrize("kernel", KERNELS)
def test_nist_messages(kernel: str) -> None:
    for test in extra_json("crypto", "nist-cavp", "sha1.json")["tests"]:
        message = bytes.fromhex(test["Msg"])[: int(test["Len"]) // 8]
        if kernel == "stdlib" or len(message) < 1500:
            assert KERNELS[kernel](message).hexdigest() == test["MD"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_lengths_around_the_blocks(kernel: str) -> None:
    for length in (0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 200):
        message = bytes(range(length))
        assert KERNELS[kernel](message).digest() == hashlib.sha1(message).digest() == sha1.sha1(message)


def test_the_answer_of_a_websocket_handshake() -> None:
    # RFC 6455 §1.3
    digest = sha1.sha1(b"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    assert digest.hex() == "b37a4f2cc0624f1690f64606cf385945b2bec4ea"
