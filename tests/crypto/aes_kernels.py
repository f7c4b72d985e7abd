# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every kernel of AES and GHASH by name, for tests that run over all of them, and what they are held against.

That is OpenSSL through `cryptography`; where this is not installed (PyPy), the readable twins, which the vectors hold.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

import pytest

from sws.crypto import aesgcm
from sws.crypto.aesgcm import AESGCM
from sws.crypto.kernels import aes_lanes, aes_tables, ghash_kronecker, ghash_lanes, ghash_tables
from sws.crypto.ref import aes as ref_aes
from sws.crypto.ref import aesgcm as ref_aesgcm
from sws.crypto.ref import ghash as ref_ghash

__all__ = ["CIPHERS", "FAST", "HASHERS", "gcm_with", "other_ctr", "other_ecb", "other_seal"]

CIPHERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "lanes": aes_lanes.AesKey,
    "constant": aes_lanes.ConstantAesKey,
    "scalar": aes_tables.AesKey,
    "ref": ref_aes.AesKey,
}
HASHERS: Final[dict[str, Callable[[bytes], Any]]] = {
    "lanes": ghash_lanes.GhashKey,
    "constant": ghash_kronecker.GhashKey,
    "scalar": ghash_tables.GhashKey,
    "ref": ref_ghash.GhashKey,
}
_COMPILED: Final = find_spec("librt") is not None
if _COMPILED:  # mypyc's run-time library, which these need where they are interpreted too
    from sws.crypto.kernels import compiled_cipher, compiled_ghash

    CIPHERS["compiled"] = compiled_cipher.AesKey
    HASHERS["compiled"] = compiled_ghash.GhashKey
FAST: Final = ("lanes", "constant", "scalar", *(("compiled",) if _COMPILED else ()))


def gcm_with(name: str, monkeypatch: pytest.MonkeyPatch) -> type[AESGCM]:
    """AESGCM on the kernels of that name, for as long as the patch holds."""
    monkeypatch.setattr(aesgcm, "_whole", None)
    monkeypatch.setattr(aesgcm, "make_cipher", CIPHERS[name])
    monkeypatch.setattr(aesgcm, "make_hasher", HASHERS[name])
    return AESGCM


_HAS_OTHER: Final = find_spec("cryptography") is not None


def other_ecb(key: bytes, blocks: bytes) -> bytes:
    """Each block encrypted, by another implementation."""
    if not _HAS_OTHER:
        return ref_aes.AesKey(key).encrypt_blocks(blocks)
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(blocks)


def other_ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """Counter mode over all 128 bits, by another implementation."""
    first = int.from_bytes(counter, "big")
    counters = b"".join(((first + number) % (1 << 128)).to_bytes(16, "big") for number in range(-(-len(data) // 16)))
    return bytes(a ^ b for a, b in zip(data, other_ecb(key, counters), strict=False))


def other_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Ciphertext and tag, by another implementation."""
    if not _HAS_OTHER:
        return b"".join(ref_aesgcm.gcm_ae(key, nonce, plaintext, aad))
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM as OTHER

    return OTHER(key).encrypt(nonce, plaintext, aad)
