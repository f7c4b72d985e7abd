# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every kernel of AES and GHASH by name, for tests that run over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from sws.crypto import aesgcm
from sws.crypto.aesgcm import AESGCM
from sws.crypto.kernels import aes_lanes, aes_tables, ghash_kronecker, ghash_lanes, ghash_tables
from sws.crypto.ref import aes as ref_aes
from sws.crypto.ref import ghash as ref_ghash

__all__ = ["CIPHERS", "FAST", "HASHERS", "gcm_with"]

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
FAST: Final = ("lanes", "constant", "scalar")


def gcm_with(name: str, monkeypatch: pytest.MonkeyPatch) -> type[AESGCM]:
    """AESGCM on the kernels of that name, for as long as the patch holds."""
    monkeypatch.setattr(aesgcm, "make_cipher", CIPHERS[name])
    monkeypatch.setattr(aesgcm, "make_hasher", HASHERS[name])
    return AESGCM
