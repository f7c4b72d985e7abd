# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Integers with a prefix, up to 62 bits.  RFC 9204 §4.1.1, RFC 7541 §5.1.

Writing is HPACK's.  Reading differs in two ways: HPACK's bound is 32 bits; and on QPACK's streams an integer may be cut anywhere, so
"cut short" is an IndexError, which those who read streams take for "wait".
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError
from sws.proto.hpack.integers import encode_integer

__all__ = ["decode_integer", "encode_integer"]

_MAXIMUM: Final = (1 << 62) - 1
_LAST_SHIFT: Final = 63  # a prefix filled with ones, and 62 bits and a few zeros behind it


def decode_integer(data: bytes, offset: int, prefix_bits: int) -> tuple[int, int]:
    """An integer and the offset behind it.

    Raises: IndexError if the octets end before it does; DecodeError for one beyond 62 bits.
    """
    full = (1 << prefix_bits) - 1
    value = data[offset] & full
    offset += 1
    if value < full:
        return value, offset
    shift = 0
    while True:
        octet = data[offset]
        offset += 1
        value += (octet & 127) << shift
        if octet < 128:
            if value > _MAXIMUM:
                break
            return value, offset
        shift += 7
        if shift > _LAST_SHIFT:
            break
    raise DecodeError("QPACK integer: beyond 62 bits", offset)
