# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Variable-length integers, read from and put into octets with as few calls as can be.  RFC 9000 §16.

The two leading bits of the first octet are the binary logarithm of the length: 1, 2, 4 or 8 octets, of which the other bits are the value.
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError
from sws.base.writer import encode_varint

__all__ = ["VARINT_MAXIMUM", "encode_varint", "read_varint", "varint_size"]

VARINT_MAXIMUM: Final = (1 << 62) - 1
_MASKS: Final = {2: 0x3FFF, 4: 0x3FFF_FFFF, 8: 0x3FFF_FFFF_FFFF_FFFF}


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The integer at an offset, and the offset behind it.  Raises: DecodeError if the octets end before it does."""
    if at >= len(data):
        raise DecodeError("variable-length integer: nothing left", at)
    first = data[at]
    if first < 0x40:
        return first, at + 1
    size = 1 << (first >> 6)
    end = at + size
    if end > len(data):
        raise DecodeError("variable-length integer: cut short", at)
    return int.from_bytes(data[at:end], "big") & _MASKS[size], end


def varint_size(value: int) -> int:
    """How many octets the shortest form has."""
    return 1 if value < 0x40 else 2 if value < 0x4000 else 4 if value < 0x4000_0000 else 8
