# SPDX-License-Identifier: Apache-2.0 OR MIT
"""AES with keys of 128, 192 and 256 bits (FIPS 197), counter mode (SP 800-38A §6.5), and QUIC's header-protection masks (RFC 9001 §5.4.3).

The cipher works on many blocks at a time: what a call costs hardly depends on whether it has one block or ten.

Which kernel is used, and whether it looks up octets at secret places, is decided once (`sws.crypto.selection`, ADR 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol, final

from sws.base.errors import UsageError
from sws.crypto.octets import octets
from sws.crypto.selection import IS_PYPY, Kernel, choose, is_compiled

__all__ = ["AES", "BLOCK", "MASK", "BlockCipher", "Run", "mask_many"]

BLOCK: Final = 16
MASK: Final = 5
"""Octets of a header-protection mask."""

Run = tuple[bytes, int, int]
"""Counter blocks in a row: their first twelve octets, the first counter, how many; modulo 2^32 (SP 800-38D §6.2)."""

_REMEMBERED_KEYS: Final = 64


class BlockCipher(Protocol):
    """What a kernel offers: the cipher under the key that it was made with."""

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, encrypted."""

    def decrypt_blocks(self, blocks: bytes) -> bytes:
        """Each block of sixteen octets, decrypted."""

    def crypt_many(self, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The first encrypted counter block of each run, and each text XOR the blocks after the first."""


class _CipherMaker(Protocol):
    def __call__(self, key: bytes, /) -> BlockCipher: ...


def _load_compiled() -> _CipherMaker:
    from sws.crypto.kernels.compiled_cipher import AesKey

    return AesKey


def _load_lanes() -> _CipherMaker:
    from sws.crypto.kernels.aes_lanes import AesKey

    return AesKey


def _load_constant() -> _CipherMaker:
    from sws.crypto.kernels.aes_lanes import ConstantAesKey

    return ConstantAesKey


def _load_scalar() -> _CipherMaker:
    from sws.crypto.kernels.aes_tables import AesKey

    return AesKey


def _load_ref() -> _CipherMaker:
    from sws.crypto.ref.aes import AesKey

    return AesKey


make_cipher: Final = choose(
    "aes",
    [
        Kernel("compiled", _load_compiled, usable=is_compiled("sws.crypto.kernels.compiled_aes")),
        Kernel("scalar", _load_scalar, secret_indexed=True, usable=IS_PYPY),
        Kernel("lanes", _load_lanes, secret_indexed=True),
        Kernel("lanes", _load_constant),
        Kernel("ref", _load_ref, secret_indexed=True),
    ],
)
"""Makes the cipher for a key of a length that was checked."""


@final
class AES:
    """The block cipher under one key.

    Args:
      key:  16, 24 or 32 octets; SECRET.
    Raises: UsageError for another length.
    Timing: as the kernel says; under SWS_KERNELS=ct it depends on lengths only.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = make_cipher(checked_key(key))

    def __repr__(self) -> str:
        return "AES(…)"

    def encrypt_block(self, block: bytes) -> bytes:
        """The cipher of FIPS 197 §5.1 on sixteen octets."""
        block = octets(block)
        if len(block) != BLOCK:
            raise UsageError(f"a block of {len(block)} octets")
        return self._cipher.encrypt_blocks(block)

    def decrypt_block(self, block: bytes) -> bytes:
        """The inverse cipher of FIPS 197 §5.3 on sixteen octets."""
        block = octets(block)
        if len(block) != BLOCK:
            raise UsageError(f"a block of {len(block)} octets")
        return self._cipher.decrypt_blocks(block)

    def encrypt_blocks(self, blocks: bytes) -> bytes:
        """Each sixteen octets encrypted for themselves (ECB, SP 800-38A §6.1): for what is built on the cipher, not for messages."""
        blocks = octets(blocks)
        if len(blocks) % BLOCK:
            raise UsageError(f"{len(blocks)} octets are not whole blocks")
        return self._cipher.encrypt_blocks(blocks)

    def decrypt_blocks(self, blocks: bytes) -> bytes:
        """Each sixteen octets decrypted for themselves."""
        blocks = octets(blocks)
        if len(blocks) % BLOCK:
            raise UsageError(f"{len(blocks)} octets are not whole blocks")
        return self._cipher.decrypt_blocks(blocks)

    def ctr(self, counter: bytes, data: bytes) -> bytes:
        """Counter mode: encryption and decryption.  SP 800-38A §6.5, with the standard incrementing function on all 128 bits (B.1).

        Args:
          counter:  the first counter block, 16 octets; never used twice under a key.
          data:     any number of octets; SECRET one way.
        """
        counter, data = octets(counter), octets(data)
        if len(counter) != BLOCK:
            raise UsageError(f"a counter block of {len(counter)} octets")
        out = []
        start = int.from_bytes(counter, "big")
        at = 0
        while at < len(data):
            # A run ends where the last 32 bits wrap; its first block is one before, because `crypt_many` gives that one apart.
            whole = (1 << 32) - (start & 0xFFFFFFFF)
            piece = data[at : at + BLOCK * whole]
            blocks = -(-len(piece) // BLOCK)
            run = ((start >> 32).to_bytes(12, "big"), start - 1 & 0xFFFFFFFF, blocks + 1)
            out += self._cipher.crypt_many([run], [piece])[1]
            at += len(piece)
            start = start + blocks & (1 << 128) - 1
        return b"".join(out)


def checked_key(key: bytes) -> bytes:
    """The key as octets.

    Raises: UsageError for a length that AES does not have.
    """
    key = octets(key)
    if len(key) not in (16, 24, 32):
        raise UsageError(f"an AES key of {len(key)} octets")
    return key


@lru_cache(maxsize=_REMEMBERED_KEYS)
def _remembered(key: bytes) -> BlockCipher:
    return make_cipher(checked_key(key))


def mask_many(key: bytes, samples: Sequence[bytes]) -> list[bytes]:
    """Header-protection masks of many packets in one call.  RFC 9001 §5.4.3.

    Args:
      key:      the header-protection key; SECRET.  The set-up of the last 64 keys is remembered.
      samples:  16 octets each.
    Returns: five octets for each sample.
    Raises:  UsageError for a sample or a key of another length.
    Timing:  as the kernel says; under SWS_KERNELS=ct it depends on lengths only.
    """
    samples = [octets(sample) for sample in samples]
    if any(len(sample) != BLOCK for sample in samples):
        raise UsageError("a sample is not of 16 octets")
    blocks = _remembered(octets(key)).encrypt_blocks(b"".join(samples))
    return [blocks[at : at + MASK] for at in range(0, len(blocks), BLOCK)]
