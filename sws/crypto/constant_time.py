# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Comparison that takes the same time wherever two strings differ.

The standard library's is C code that looks at every octet.  Where SWS_KERNELS forbids it the differences are gathered in one integer, which
looks at all octets too, as far as Python's integers go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sws.crypto.hash_types import Octets
from sws.crypto.octets import octets
from sws.crypto.selection import IS_PYPY, Kernel, choose

__all__ = ["equal"]


_Equal = Callable[[Octets, Octets], bool]


def _gathered(a: Octets, b: Octets) -> bool:
    """One XOR over all octets and one test."""
    a, b = octets(a), octets(b)
    return len(a) == len(b) and not int.from_bytes(a, "little") ^ int.from_bytes(b, "little")


def _load_stdlib() -> _Equal:
    from hmac import compare_digest

    if not IS_PYPY:
        return compare_digest

    def by_octets(a: Octets, b: Octets) -> bool:
        return compare_digest(octets(a), octets(b))  # PyPy's goes by items

    return by_octets


def _load_gathered() -> _Equal:
    return _gathered


equal: Final[_Equal] = choose("constant-time", [Kernel("stdlib", _load_stdlib), Kernel("ref", _load_gathered)])
"""Whether two strings of octets are the same.  Timing: depends on their lengths."""
