# SPDX-License-Identifier: Apache-2.0 OR MIT
"""ACK.  RFC 9000 §19.3.

    02 or 03 | largest | delay | count of ranges | first range | (gap, range)* | (03: ECT(0), ECT(1), CE counts)

In memory an acknowledgement is its ranges `(lowest, highest)`, both included, the highest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sws.base.errors import DecodeError
from sws.proto.quic.varint import encode_varint, read_varint

__all__ = ["decode_ack", "encode_ack"]

EcnCounts: TypeAlias = tuple[int, int, int]


def decode_ack(data: bytes, at: int, has_ecn: bool) -> tuple[list[tuple[int, int]], int, EcnCounts | None, int]:
    """Behind the type: ranges, delay as on the wire, ECN counts, the offset behind.

    Raises: DecodeError for a frame that is cut short or reaches below packet 0.
    """
    highest, at = read_varint(data, at)
    delay, at = read_varint(data, at)
    count, at = read_varint(data, at)
    length, at = read_varint(data, at)
    lowest = highest - length
    ranges = [(lowest, highest)]
    for _ in range(min(count, len(data))):
        gap, at = read_varint(data, at)
        length, at = read_varint(data, at)
        highest = lowest - gap - 2
        lowest = highest - length
        ranges.append((lowest, highest))
    if lowest < 0:
        raise DecodeError("ACK: a range below packet 0", at)
    if count >= len(ranges):
        raise DecodeError("ACK: more ranges than octets", at)
    if not has_ecn:
        return ranges, delay, None, at
    ect0, at = read_varint(data, at)
    ect1, at = read_varint(data, at)
    marked, at = read_varint(data, at)
    return ranges, delay, (ect0, ect1, marked), at


def encode_ack(ranges: Sequence[tuple[int, int]], delay: int, ecn: EcnCounts | None = None) -> bytes:
    """A frame.

    Args:
      ranges:  at least one, highest first, with gaps between them.
      delay:   in units of 2**ack_delay_exponent microseconds.
    """
    lowest, highest = ranges[0]
    parts = [
        b"\2" if ecn is None else b"\3",
        encode_varint(highest),
        encode_varint(delay),
        encode_varint(len(ranges) - 1),
        encode_varint(highest - lowest),
    ]
    for low, high in ranges[1:]:
        parts.append(encode_varint(lowest - high - 2))
        parts.append(encode_varint(high - low))
        lowest = low
    if ecn is not None:
        parts += [encode_varint(count) for count in ecn]
    return b"".join(parts)
