# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SHA-1, for protocols that still name it: RFC 6455 §4.2.2, RFC 6960 §4.1.1, RFC 8018 §B.1.1.  FIPS 180-4 §6.1.

Never for signatures: collisions can be made.

Timing: depends on the message's length only.
"""

from __future__ import annotations

from typing import Final

from sws.crypto.hash_types import HashFactory, Octets
from sws.crypto.selection import Kernel, choose

__all__ = ["SHA1", "sha1"]


def _stdlib() -> HashFactory:
    from hashlib import sha1

    return sha1


def _ref() -> HashFactory:
    from sws.crypto.ref.sha1 import NEW

    return NEW


SHA1: Final[HashFactory] = choose("sha1", [Kernel("stdlib", _stdlib), Kernel("ref", _ref)])


def sha1(data: Octets) -> bytes:
    """The SHA-1 digest, 20 octets."""
    return SHA1(data).digest()
