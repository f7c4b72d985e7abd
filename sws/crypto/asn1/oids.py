# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Object identifiers: content octets to dotted text and back.  X.690 §8.19.

    1.2.840.113549  =  2A 86 48 86 F7 0D

The first two arcs are one number, 40·1 + 2; every number is to the base 128, all its octets but the last with bit 8 set.

An identifier is a `str` everywhere outside this file.  The last few hundred that were seen are remembered, as certificates repeat them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sws.base.errors import DecodeError, LimitExceeded, UsageError

__all__ = ["MAX_OCTETS", "decode_oid", "encode_oid"]

MAX_OCTETS: Final = 64
"""Of an identifier's content; the longest in use have about twenty."""


@lru_cache(maxsize=512)
def decode_oid(content: bytes) -> str:
    """Dotted text.

    Raises: DecodeError if a number is not in its shortest form or does not end; LimitExceeded for more than MAX_OCTETS.
    """
    if len(content) > MAX_OCTETS:
        raise LimitExceeded("octets of an object identifier", len(content), MAX_OCTETS)
    if not content or content[-1] & 0x80:
        raise DecodeError("OBJECT IDENTIFIER: without end", len(content))
    arcs: list[int] = []
    value, fresh = 0, True
    for at, octet in enumerate(content):
        if fresh and octet == 0x80:
            raise DecodeError("OBJECT IDENTIFIER: a number that is not the shortest", at)
        value = value << 7 | octet & 0x7F
        fresh = octet < 0x80
        if fresh:
            arcs.append(value)
            value = 0
    root = min(arcs[0] // 40, 2)
    return ".".join(map(str, (root, arcs[0] - 40 * root, *arcs[1:])))


@lru_cache(maxsize=512)
def encode_oid(dotted: str) -> bytes:
    """Content octets.  Raises: UsageError for text that is no identifier."""
    parts = dotted.split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and str(int(part)) == part for part in parts):
        raise UsageError(f"object identifier {dotted!r}")
    root, second, *rest = map(int, parts)
    if root > 2 or (root < 2 and second > 39):
        raise UsageError(f"object identifier {dotted!r}")
    content = bytearray()
    for arc in (40 * root + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return bytes(content)
