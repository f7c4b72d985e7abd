# SPDX-License-Identifier: Apache-2.0 OR MIT
"""GHASH, the universal hash of GCM.  SP 800-38D §6.3, §6.4.

The hash of blocks X1 … Xn under H is X1 * H^n + X2 * H^(n-1) + … + Xn * H in GF(2^128), where a block is a polynomial whose leftmost bit is
the coefficient of x^0, modulo x^128 + x^7 + x^2 + x + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from sws.base.errors import UsageError
from sws.crypto.octets import octets
from sws.crypto.selection import IS_PYPY, Kernel, choose, is_compiled

__all__ = ["Hasher", "ghash"]


class Hasher(Protocol):
    """What a kernel offers: GHASH under the subkey that it was made with."""

    def many(self, messages: Sequence[bytes]) -> list[bytes]:
        """The hash of each message; a message is whole blocks, at least one."""


class _HasherMaker(Protocol):
    def __call__(self, h: bytes, /) -> Hasher: ...


def _load_compiled() -> _HasherMaker:
    from sws.crypto.kernels.compiled_ghash import GhashKey

    return GhashKey


def _load_lanes() -> _HasherMaker:
    from sws.crypto.kernels.ghash_lanes import GhashKey

    return GhashKey


def _load_kronecker() -> _HasherMaker:
    from sws.crypto.kernels.ghash_kronecker import GhashKey

    return GhashKey


def _load_scalar() -> _HasherMaker:
    from sws.crypto.kernels.ghash_tables import GhashKey

    return GhashKey


def _load_ref() -> _HasherMaker:
    from sws.crypto.ref.ghash import GhashKey

    return GhashKey


make_hasher: Final = choose(
    "ghash",
    [
        Kernel("compiled", _load_compiled, usable=is_compiled("sws.crypto.kernels.compiled_ghash")),
        Kernel("scalar", _load_scalar, secret_indexed=True, usable=IS_PYPY),
        Kernel("lanes", _load_lanes, secret_indexed=True),
        Kernel("lanes", _load_kronecker),
        Kernel("ref", _load_ref, secret_indexed=True),
    ],
)
"""Makes the hash for a subkey of sixteen octets."""


def ghash(h: bytes, blocks: bytes) -> bytes:
    """GHASH_H.  SP 800-38D §6.4.

    Args:
      h:       the hash subkey, 16 octets; SECRET.
      blocks:  whole blocks; none hash to zero.
    Raises: UsageError if a length is wrong.
    Timing: as the kernel says; under SWS_KERNELS=ct it depends on lengths only.
    """
    h, blocks = octets(h), octets(blocks)
    if len(h) != 16 or len(blocks) % 16:
        raise UsageError(f"GHASH with a subkey of {len(h)} octets and {len(blocks)} octets of blocks")
    return make_hasher(h).many([blocks])[0] if blocks else bytes(16)
