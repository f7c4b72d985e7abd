# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES in cipher-block chaining with PKCS#7 padding: for encrypted private keys (PKCS#8 PBES2, RFC 8018 §6.2.2 and B.2.5), for nothing else.

SP 800-38A §6.2; the padding is that of RFC 5652 §6.3: n octets of the value n, 1 <= n <= 16.

Known limitation: a wrong padding is told apart from a right one, as RFC 8018 has it.
Whoever could send many ciphertexts and see the answers
would learn the plaintext; never use it on a network.
"""

from __future__ import annotations

from sws.base.errors import DecodeError, UsageError
from sws.crypto.aes import AES, BLOCK
from sws.crypto.octets import octets

__all__ = ["decrypt", "encrypt"]


def encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Pads and encrypts.

    Args:
      key:        16, 24 or 32 octets; SECRET.
      iv:         16 octets that nobody can foresee.
      plaintext:  SECRET.
    Raises: UsageError for a key or an iv of another length.
    Timing: as the AES kernel says.
    """
    cipher, previous = AES(key), _checked_iv(iv)
    plaintext = octets(plaintext)
    padding = BLOCK - len(plaintext) % BLOCK
    padded = plaintext + bytes([padding]) * padding
    blocks = []
    for at in range(0, len(padded), BLOCK):
        previous = cipher.encrypt_block(_xor(padded[at : at + BLOCK], previous))
        blocks.append(previous)
    return b"".join(blocks)


def decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Decrypts and takes the padding off.

    Raises: UsageError for a key or an iv of another length; DecodeError for a ciphertext that is not whole blocks, or whose padding is
            wrong (most often: a wrong key).
    Timing: as the AES kernel says; whether the padding is right shows.
    """
    cipher, first = AES(key), _checked_iv(iv)
    ciphertext = octets(ciphertext)
    if not ciphertext or len(ciphertext) % BLOCK:
        raise DecodeError("a CBC ciphertext that is not whole blocks", len(ciphertext))
    padded = _xor(cipher.decrypt_blocks(ciphertext), first + ciphertext[:-BLOCK])
    padding = padded[-1]
    if not 1 <= padding <= BLOCK or padded[-padding:] != bytes([padding]) * padding:
        raise DecodeError("PKCS#7 padding", len(padded))
    return padded[:-padding]


def _checked_iv(iv: bytes) -> bytes:
    iv = octets(iv)
    if len(iv) != BLOCK:
        raise UsageError(f"an initialization vector of {len(iv)} octets")
    return iv


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
