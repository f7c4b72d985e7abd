# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GCM as SP 800-38D states it: §6.2 incrementing, §6.5 GCTR, §7.1 authenticated encryption, §7.2 authenticated decryption."""

from __future__ import annotations

from sws.base.errors import AuthenticationError
from sws.crypto.ref.aes import cipher, key_expansion
from sws.crypto.ref.ghash import ghash

__all__ = ["gcm_ad", "gcm_ae"]


def _inc32(block: bytes) -> bytes:
    return block[:12] + ((int.from_bytes(block[12:], "big") + 1) % (1 << 32)).to_bytes(4, "big")


def _gctr(round_keys: list[bytes], counter: bytes, text: bytes) -> bytes:
    """GCTR_K(ICB, X) of §6.5."""
    out = b""
    for at in range(0, len(text), 16):
        piece = text[at : at + 16]
        out += bytes(a ^ b for a, b in zip(piece, cipher(counter, round_keys), strict=False))
        counter = _inc32(counter)
    return out


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 16)


def _bits(octets: bytes) -> bytes:
    return (8 * len(octets)).to_bytes(8, "big")


def _prepared(round_keys: list[bytes], iv: bytes) -> tuple[bytes, bytes]:
    """Steps 1 and 2 of §7.1: the hash subkey and the pre-counter block J0."""
    h = cipher(bytes(16), round_keys)
    if len(iv) == 12:
        return h, iv + b"\x00\x00\x00\x01"
    return h, ghash(h, _padded(iv) + bytes(8) + _bits(iv))


def gcm_ae(key: bytes, iv: bytes, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes]:
    """GCM-AE_K(IV, P, A) of §7.1: the ciphertext and a tag of 16 octets."""
    round_keys = key_expansion(key)
    h, j0 = _prepared(round_keys, iv)
    ciphertext = _gctr(round_keys, _inc32(j0), plaintext)
    s = ghash(h, _padded(aad) + _padded(ciphertext) + _bits(aad) + _bits(ciphertext))
    return ciphertext, _gctr(round_keys, j0, s)


def gcm_ad(key: bytes, iv: bytes, ciphertext: bytes, aad: bytes, tag: bytes) -> bytes:
    """GCM-AD_K(IV, C, A, T) of §7.2: the plaintext.

    Raises: AuthenticationError where the specification returns FAIL.
    """
    round_keys = key_expansion(key)
    h, j0 = _prepared(round_keys, iv)
    s = ghash(h, _padded(aad) + _padded(ciphertext) + _bits(aad) + _bits(ciphertext))
    if _gctr(round_keys, j0, s) != tag:
        raise AuthenticationError
    return _gctr(round_keys, _inc32(j0), ciphertext)
