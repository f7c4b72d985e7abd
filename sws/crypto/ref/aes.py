# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES as FIPS 197 states it, in its order: §4 arithmetic, §5.1 cipher, §5.2 key expansion, §5.3 inverse cipher.

A state is a list of sixteen octets, s[r + 4c] the octet at row r, column c, which is the order of the input (§3.4).

Timing: looks up the S-box at secret places; for reading and as an oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

__all__ = ["AesKey", "cipher", "inverse_cipher", "key_expansion", "multiply", "s_box"]


def multiply(a: int, b: int) -> int:
    """The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.  FIPS 197 §4.2."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11B
    return product


@cache
def s_box() -> bytes:
    """S(b): the inverse of b (0 for 0), then the affine transformation.  FIPS 197 §5.1.1."""
    inverses = map(_inverse, range(256))
    return bytes(b ^ _rotated(b, 1) ^ _rotated(b, 2) ^ _rotated(b, 3) ^ _rotated(b, 4) ^ 0x63 for b in inverses)


def _inverse(a: int) -> int:
    """The multiplicative inverse, a^254 = a^2 * a^4 * … * a^128; 0 for 0."""
    inverse, power = 1, a
    for _ in range(7):
        power = multiply(power, power)
        inverse = multiply(inverse, power)
    return inverse


def _rotated(octet: int, places: int) -> int:
    return (octet << places | octet >> (8 - places)) & 0xFF


@cache
def _inverse_s_box() -> bytes:
    return bytes(s_box().index(value) for value in range(256))


# --- FIPS 197 §5.1 -------------------------------------------------------------------------------------------------------


def _sub_bytes(state: list[int]) -> list[int]:
    return [s_box()[octet] for octet in state]


def _shift_rows(state: list[int]) -> list[int]:
    return [state[r + 4 * ((c + r) % 4)] for c in range(4) for r in range(4)]


def _mix_columns(state: list[int], coefficients: Sequence[int] = (2, 3, 1, 1)) -> list[int]:
    mixed = []
    for c in range(4):
        for r in range(4):
            octet = 0
            for i in range(4):
                octet ^= multiply(coefficients[(i - r) % 4], state[i + 4 * c])
            mixed.append(octet)
    return mixed


def _add_round_key(state: Sequence[int], key: bytes) -> list[int]:
    return [a ^ b for a, b in zip(state, key, strict=True)]


def cipher(block: bytes, round_keys: Sequence[bytes]) -> bytes:
    """CIPHER of FIPS 197 §5.1.

    Args:
      block:       16 octets.
      round_keys:  of `key_expansion`; SECRET.
    """
    state = _add_round_key(block, round_keys[0])
    for key in round_keys[1:-1]:
        state = _add_round_key(_mix_columns(_shift_rows(_sub_bytes(state))), key)
    return bytes(_add_round_key(_shift_rows(_sub_bytes(state)), round_keys[-1]))


# --- FIPS 197 §5.2 -------------------------------------------------------------------------------------------------------


def key_expansion(key: bytes) -> list[bytes]:
    """KEYEXPANSION: the round keys, 16 octets each; SECRET.

    Args:
      key:  16, 24 or 32 octets; SECRET.
    """
    n_k = len(key) // 4
    words = [key[4 * i : 4 * i + 4] for i in range(n_k)]
    round_constant = 1
    for i in range(n_k, 4 * (n_k + 7)):
        word = words[i - 1]
        if i % n_k == 0:
            word = bytes(s_box()[octet] for octet in word[1:] + word[:1])
            word = bytes([word[0] ^ round_constant]) + word[1:]
            round_constant = multiply(round_constant, 2)
        elif n_k > 6 and i % n_k == 4:
            word = bytes(s_box()[octet] for octet in word)
        words.append(bytes(a ^ b for a, b in zip(words[i - n_k], word, strict=True)))
    return [b"".join(words[i : i + 4]) for i in range(0, len(words), 4)]


# --- FIPS 197 §5.3 -------------------------------------------------------------------------------------------------------


def inverse_cipher(block: bytes, round_keys: Sequence[bytes]) -> bytes:
    """INVCIPHER of FIPS 197 §5.3; arguments as for `cipher`."""
    state = _add_round_key(block, round_keys[-1])
    for number in range(len(round_keys) - 2, -1, -1):
        state = [state[r + 4 * ((c - r) % 4)] for c in range(4) for r in range(4)]
        state = _add_round_key([_inverse_s_box()[octet] for octet in state], round_keys[number])
        if number:
            state = _mix_columns(state, (14, 11, 13, 9))
    return bytes(state)


class AesKey:
    """The cipher under one key, in the form that `sws.crypto.aes` uses."""

    def __init__(self, key: bytes) -> None:
        self._round_keys = key_expansion(key)

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, encrypted."""
        return b"".join(cipher(blocks[at : at + 16], self._round_keys) for at in range(0, len(blocks), 16))

    def decrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, decrypted."""
        return b"".join(inverse_cipher(blocks[at : at + 16], self._round_keys) for at in range(0, len(blocks), 16))

    def keystream(self, runs: Sequence[tuple[bytes, int, int]]) -> bytes:
        """Encrypted counter blocks: twelve octets, the first counter, how many; the counter is modulo 2^32."""
        counters = [prefix + ((first + i) % (1 << 32)).to_bytes(4, "big") for prefix, first, count in runs for i in range(count)]
        return self.encrypt_blocks(b"".join(counters))

    def crypt_many(self, runs: Sequence[tuple[bytes, int, int]], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The first encrypted counter block of each run, and each text XOR the blocks after the first."""
        streams = [self.keystream([run]) for run in runs]
        outputs = [bytes(a ^ b for a, b in zip(text, stream[16:], strict=False)) for text, stream in zip(texts, streams, strict=True)]
        return [stream[:16] for stream in streams], outputs
