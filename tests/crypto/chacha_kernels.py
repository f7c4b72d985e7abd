# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every kernel of ChaCha20 and Poly1305 by name, and the AEAD over each."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

import pytest

from sws.crypto import chacha20, chacha20poly1305
from sws.crypto.chacha20poly1305 import ChaCha20Poly1305
from sws.crypto.kernels import chacha20_lanes, chacha20_words, poly1305_lanes
from sws.crypto.ref import chacha20 as ref_chacha20
from sws.crypto.ref import poly1305 as ref_poly1305
from sws.crypto.selection import is_compiled

__all__ = ["CHACHA", "MACS", "NAMES", "aead_with", "other_chacha_seal"]

CHACHA: Final[dict[str, chacha20.ChaChaKernel]] = {"lanes": chacha20_lanes, "words": chacha20_words, "ref": ref_chacha20}
MACS: Final[dict[str, Callable[[bytes, bytes], bytes]]] = {
    "lanes": poly1305_lanes.mac,
    "words": chacha20_words.mac,
    "ref": ref_poly1305.mac,
}
if find_spec("librt") is not None:  # mypyc's run-time library, which this needs where it is interpreted too
    from sws.crypto.kernels import compiled_poly1305

    MACS["compiled"] = compiled_poly1305.mac
if is_compiled("sws.crypto.kernels.compiled_chacha20"):  # its words wrap around, as Python's integers do not
    from sws.crypto.kernels import compiled_chacha20

    CHACHA["compiled"] = compiled_chacha20
NAMES: Final = tuple(CHACHA)


def aead_with(name: str, patch: pytest.MonkeyPatch) -> type[ChaCha20Poly1305]:
    """The AEAD over one kernel of each."""
    patch.setattr(chacha20poly1305, "_whole", None)
    patch.setattr(chacha20poly1305, "crypt_many", CHACHA[name].crypt_many)
    patch.setattr(chacha20poly1305, "crypt_under", chacha20_lanes.crypt_under if name == "lanes" else None)
    patch.setattr(chacha20poly1305, "one_time_mac", MACS[name])
    return ChaCha20Poly1305


def other_chacha_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """ChaCha20-Poly1305 by another implementation, or by the readable twins of its parts.  RFC 8439 §2.8"""
    if find_spec("cryptography") is not None:
        from cryptography.hazmat.primitives.ciphers import aead

        return aead.ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)
    (one_time,), (text,) = ref_chacha20.crypt_many(key, [(nonce, 0, 1 + -(-len(plaintext) // 64))], [plaintext])
    lengths = len(aad).to_bytes(8, "little") + len(text).to_bytes(8, "little")
    return text + ref_poly1305.mac(one_time, b"".join((aad, bytes(-len(aad) % 16), text, bytes(-len(text) % 16), lengths)))
