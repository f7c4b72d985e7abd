# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packet numbers on the wire: their low octets.  RFC 9000 §17.1, appendix A.2, A.3.

The sender sends enough octets that the number is unambiguous within twice the span between it and the largest acknowledged one; the
receiver takes the number nearest to what it expects.
"""

from __future__ import annotations

from typing import Final

__all__ = ["PACKET_NUMBER_MAXIMUM", "SENT_OCTETS", "decode_packet_number", "octets_needed"]

PACKET_NUMBER_MAXIMUM: Final = (1 << 62) - 1
SENT_OCTETS: Final = 4
"""What our packets always have: the sample of header protection is then where the ciphertext begins, and no packet too small for it."""


def octets_needed(number: int, largest_acknowledged: int) -> int:
    """How many octets a number needs.

    Args:
      largest_acknowledged:  -1 if none was.
    """
    return max(1, ((number - largest_acknowledged).bit_length() + 8) // 8)


def decode_packet_number(largest: int, truncated: int, octets: int) -> int:
    """The number that the sender meant.

    Args:
      largest:  the largest number received so far in this space, -1 for none.
    """
    expected = largest + 1
    window = 1 << 8 * octets
    candidate = expected - expected % window + truncated
    if candidate <= expected - window // 2 and candidate + window <= PACKET_NUMBER_MAXIMUM:
        return candidate + window
    if candidate > expected + window // 2 and candidate >= window:
        return candidate - window
    return candidate
