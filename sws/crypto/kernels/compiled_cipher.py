# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES where mypyc has compiled `compiled_aes`: four blocks at a time, without look-ups.

Timing: depends on lengths only; the key schedule goes by the circuit too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sws.crypto.kernels.aes_bitslice import patterns, spread_keys
from sws.crypto.kernels.aes_lanes import ConstantAesKey, Run
from sws.crypto.kernels.aes_schedule import expand
from sws.crypto.kernels.compiled_aes import count_blocks, encrypt_blocks, sub_word

__all__ = ["AesKey"]

_LANES: Final = 4
_BLOCK: Final = bytes(16)
_ZEROS: Final = tuple(bytes(count) for count in range(64))


class AesKey:
    """The cipher under one key.

    Args:
      key:  16, 24 or 32 octets; SECRET.
    """

    __slots__ = ("_key", "_planes")

    def __init__(self, key: bytes) -> None:
        planes = spread_keys(patterns(expand(key, sub_word), 0), _LANES)
        self._key = key
        self._planes = b"".join([plane.to_bytes(8, "little") for planes_of_round in planes for plane in planes_of_round])

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, encrypted."""
        return encrypt_blocks(self._planes, blocks + _ZEROS[-len(blocks) & 63])[: len(blocks)]

    def decrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, decrypted: by big integers, because nothing that is in a hurry does so."""
        return ConstantAesKey(self._key).decrypt_blocks(blocks)

    def crypt_many(self, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The first encrypted counter block of each run, and each text XOR the blocks after the first."""
        firsts, outputs = [], []
        for (prefix, first, _), text in zip(runs, texts, strict=True):
            size = 16 + len(text)
            octets = count_blocks(self._planes, prefix, first, b"".join((_BLOCK, text, _ZEROS[-size & 63])))
            firsts.append(octets[:16])
            outputs.append(octets[16:size])
        return firsts, outputs
