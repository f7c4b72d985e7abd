# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Integers with a prefix: the low bits of an octet, then octets of seven bits, least first.  RFC 7541 §5.1.

Bounds: five octets may follow the prefix, which is more than any length, index or table size that can be right.
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError

__all__ = ["decode_integer", "encode_integer"]

_LAST_SHIFT: Final = 28


def encode_integer(value: int, prefix_bits: int, first: int) -> bytes:
    """An integer.  RFC 7541 §5.1.

    Args:
      value:        0 or more.
      prefix_bits:  1..8.
      first:        the bits of the first octet above the prefix.
    """
    full = (1 << prefix_bits) - 1
    if value < full:
        return bytes((first | value,))
    octets = bytearray((first | full,))
    value -= full
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def decode_integer(data: bytes, offset: int, prefix_bits: int) -> tuple[int, int]:
    """An integer and the offset behind it.  RFC 7541 §5.1.

    Args:
      offset:  of the octet with the prefix.
    Raises: DecodeError if it does not end, or is longer than five octets behind its prefix.
    """
    full = (1 << prefix_bits) - 1
    try:
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
                return value, offset
            shift += 7
            if shift > _LAST_SHIFT:
                raise DecodeError("HPACK integer: too long", offset)
    except IndexError:
        raise DecodeError("HPACK integer: truncated", len(data)) from None
