# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Poly1305, a one-time authenticator.  RFC 8439 §2.5.

A key authenticates one message: two tags under one key give the key away.  So this is for building other things, first of all
`sws.crypto.chacha20poly1305`, which derives a key for each nonce.
"""

from __future__ import annotations

from typing import Final, Protocol, final

from sws.base.errors import UsageError
from sws.crypto.constant_time import equal
from sws.crypto.octets import octets
from sws.crypto.selection import IS_PYPY, Kernel, choose, is_compiled

__all__ = ["KEY", "TAG", "Poly1305", "mac", "one_time_mac", "verify"]

KEY: Final = 32
TAG: Final = 16


class _Mac(Protocol):
    def __call__(self, key: bytes, message: bytes, /) -> bytes: ...


def _load_compiled() -> _Mac:
    from sws.crypto.kernels.compiled_poly1305 import mac

    return mac


def _load_words() -> _Mac:
    from sws.crypto.kernels.chacha20_words import mac

    return mac


def _load_lanes() -> _Mac:
    from sws.crypto.kernels.poly1305_lanes import mac

    return mac


def _load_ref() -> _Mac:
    from sws.crypto.ref.poly1305 import mac

    return mac


one_time_mac: Final = choose(
    "poly1305",
    [
        Kernel("compiled", _load_compiled, usable=is_compiled("sws.crypto.kernels.compiled_poly1305")),
        Kernel("scalar", _load_words, usable=IS_PYPY),
        Kernel("lanes", _load_lanes),
        Kernel("ref", _load_ref),
    ],
)
"""(key, message) → tag, of `bytes` whose lengths are right; not checked."""


def mac(key: bytes, message: bytes) -> bytes:
    """The tag of a message.

    Args:
      key:  32 octets, for this one message; SECRET.
    Returns: 16 octets.
    Raises:  UsageError for another length of the key.
    Timing:  depends on the message's length, down to the Python-integer caveat.
    """
    key = octets(key)
    if len(key) != KEY:
        raise UsageError("Poly1305 has a key of 32 octets")
    return one_time_mac(key, octets(message))


def verify(key: bytes, message: bytes, tag: bytes) -> bool:
    """Whether `tag` is the message's.  Timing: as `mac`; the comparison takes the same time wherever the tags differ."""
    return equal(mac(key, message), octets(tag))


@final
class Poly1305:
    """The tag of a message that comes in parts, which are kept until it is asked for.

    Args:
      key:      32 octets, for this one message; SECRET.
      maximum:  octets of all parts.
    """

    __slots__ = ("_key", "_maximum", "_parts", "_size")

    def __init__(self, key: bytes, maximum: int = 1 << 24) -> None:
        self._key = octets(key)
        if len(self._key) != KEY:
            raise UsageError("Poly1305 has a key of 32 octets")
        self._parts: list[bytes] = []
        self._size = 0
        self._maximum = maximum

    def __repr__(self) -> str:
        return "Poly1305(…)"

    def update(self, data: bytes) -> None:
        """One more part.  Raises: UsageError past the maximum."""
        data = octets(data)
        self._size += len(data)
        if self._size > self._maximum:
            raise UsageError("more than the maximum of octets")
        self._parts.append(data)

    def digest(self) -> bytes:
        """The tag of all parts so far."""
        return one_time_mac(self._key, b"".join(self._parts))
