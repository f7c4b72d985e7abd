# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ChaCha20 (RFC 8439 §2.1 to §2.4) and QUIC's header-protection masks with it (RFC 9001 §5.4.4).

The cipher is a function from key, counter and nonce to a block of 64 octets.  Kernels compute the blocks of many *runs* in one call: what a
call costs hardly depends on whether it has one block or ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final, Protocol

from sws.base.errors import UsageError
from sws.crypto.octets import octets
from sws.crypto.selection import IS_PYPY, Kernel, choose, is_compiled, together

__all__ = [
    "BLOCK",
    "KEY",
    "NONCE",
    "ChaChaKernel",
    "Run",
    "block",
    "crypt",
    "crypt_many",
    "crypt_under",
    "key_streams",
    "mask_groups",
    "mask_many",
]

BLOCK: Final = 64
KEY: Final = 32
NONCE: Final = 12

Run = tuple[bytes, int, int]
"""Blocks in a row: the nonce, the first counter, how many; counters go on modulo 2^32."""


class ChaChaKernel(Protocol):
    """What a kernel offers."""

    def key_streams(self, key: bytes, runs: Sequence[Run]) -> bytes:
        """The blocks of all runs, one run after the other.

        Args:
          key:   32 octets; SECRET.
          runs:  with nonces of 12 octets.
        Returns: 64 octets for each block; SECRET.
        """

    def crypt_many(self, key: bytes, runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The first 32 octets of each run, and each text XOR the run's blocks after the first."""

    def first_octets(self, key: bytes, samples: Sequence[bytes]) -> list[bytes]:
        """The first five octets of the block of each sample: four octets of counter and twelve of nonce."""


class _ManyKeys(Protocol):
    """What lanes can do besides: each run, each sample under a key of its own."""

    def crypt_under(self, keys: Sequence[bytes], runs: Sequence[Run], texts: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]: ...

    def first_octets_under(self, keys: Sequence[bytes], samples: Sequence[bytes]) -> list[bytes]: ...


def _load_compiled() -> ChaChaKernel:
    from sws.crypto.kernels import compiled_chacha20

    return compiled_chacha20


def _load_words() -> ChaChaKernel:
    from sws.crypto.kernels import chacha20_words
    from sws.crypto.system import allow_long_loops

    allow_long_loops()
    return chacha20_words


def _load_lanes() -> ChaChaKernel:
    from sws.crypto.kernels import chacha20_lanes

    return chacha20_lanes


def _load_many_keys() -> _ManyKeys:
    from sws.crypto.kernels import chacha20_lanes

    return chacha20_lanes


def _load_ref() -> ChaChaKernel:
    from sws.crypto.ref import chacha20

    return chacha20


_kernel: Final = choose(
    "chacha20",
    [
        Kernel("compiled", _load_compiled, usable=is_compiled("sws.crypto.kernels.compiled_chacha20")),
        Kernel("scalar", _load_words, usable=IS_PYPY),
        Kernel("lanes", _load_lanes),
        Kernel("ref", _load_ref),
    ],
)
key_streams: Final = _kernel.key_streams
"""See ChaChaKernel; arguments are not checked."""

crypt_many: Final = _kernel.crypt_many
"""See ChaChaKernel; arguments are not checked."""

_many_keys: Final = together(("chacha20",), "lanes", _load_many_keys)
crypt_under: Final = None if _many_keys is None else _many_keys.crypt_under
"""`crypt_many` with a key for each run, where that costs less than a call for each key; not checked."""


def block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """The block function.  §2.3

    Args:
      key:      32 octets; SECRET.
      counter:  0 to 2^32 − 1.
      nonce:    12 octets.
    Returns: 64 octets; SECRET.
    Raises:  UsageError for a wrong length or counter.
    Timing:  the same operations whatever the values are, down to the Python-integer caveat.
    """
    key, nonce = _checked(key, counter, nonce)
    return key_streams(key, ((nonce, counter, 1),))


def crypt(key: bytes, counter: int, nonce: bytes, data: bytes) -> bytes:
    """Encryption and decryption: data XOR key stream.  §2.4

    Raises: UsageError for a wrong length or counter, or data that would take the counter past 2^32 (§2.3).
    Timing: as `block`; depends on the data's length.
    """
    key, nonce = _checked(key, counter, nonce)
    data = octets(data)
    size = len(data)
    count = (size + BLOCK - 1) // BLOCK
    if counter + count > 1 << 32:
        raise UsageError("more data than the counter has blocks for")
    if not count:
        return b""
    stream = key_streams(key, ((nonce, counter, count),))
    return (int.from_bytes(data, "little") ^ int.from_bytes(stream[:size], "little")).to_bytes(size, "little")


def _checked(key: bytes, counter: int, nonce: bytes) -> tuple[bytes, bytes]:
    key, nonce = octets(key), octets(nonce)
    if len(key) != KEY or len(nonce) != NONCE:
        raise UsageError("ChaCha20 has a key of 32 octets and a nonce of 12")
    if not 0 <= counter < 1 << 32:
        raise UsageError("ChaCha20 has a counter of 32 bits")
    return key, nonce


def mask_many(key: bytes, samples: Sequence[bytes]) -> list[bytes]:
    """Header-protection masks of five octets: the sample is counter and nonce.  RFC 9001 §5.4.4

    Args:
      key:      32 octets; SECRET.
      samples:  16 octets each.
    Raises: UsageError for a wrong length.
    """
    key, samples = octets(key), [octets(sample) for sample in samples]
    if len(key) != KEY or any(len(sample) != 16 for sample in samples):
        raise UsageError("a mask needs a key of 32 octets and a sample of 16")
    return _kernel.first_octets(key, samples) if samples else []


def mask_groups(groups: Sequence[tuple[bytes, Sequence[bytes]]]) -> list[list[bytes]]:
    """`mask_many` for each (key, samples), in one call where the kernel can.  Raises: UsageError for a wrong length."""
    if _many_keys is None or len(groups) < 2:
        return [mask_many(key, samples) for key, samples in groups]
    keys, samples = [octets(key) for key, some in groups for _ in some], [octets(sample) for _, some in groups for sample in some]
    if any(len(key) != KEY for key in keys) or any(len(sample) != 16 for sample in samples):
        raise UsageError("a mask needs a key of 32 octets and a sample of 16")
    found = iter(_many_keys.first_octets_under(keys, samples))
    return [list(islice(found, len(some))) for _, some in groups]
