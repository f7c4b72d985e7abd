# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The receiving part of a stream, also of CRYPTO octets: puts them in order.  RFC 9000 §2.2, §3.2, §4.5.

    delivered   all octets below it went up
    highest     the largest offset seen: what flow control counts
    buffer      octets from `delivered` on, with gaps; `ranges` says which are there

Octets that come in order go up as they are; a buffer exists only while there are gaps, and is never longer than the window.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import LimitExceeded, QuicTransportError
from sws.base.rangeset import RangeSet
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames.types import FrameType

__all__ = ["Reassembly"]

_GAPS_MAXIMUM: Final = 2048


@final
class Reassembly:
    """Octets by offset in, octets in order out."""

    __slots__ = ("_buffer", "_ranges", "delivered", "final_size", "highest")

    def __init__(self) -> None:
        self.delivered = 0
        self.highest = 0
        self.final_size: int | None = None
        self._buffer: bytearray | None = None
        self._ranges: RangeSet | None = None

    @property
    def is_complete(self) -> bool:
        """All octets up to the final size went up."""
        return self.delivered == self.final_size

    @property
    def held(self) -> int:
        """Octets of memory behind gaps."""
        return 0 if self._buffer is None else len(self._buffer)

    def end_at(self, size: int) -> None:
        """The final size.  Raises: QuicTransportError FINAL_SIZE_ERROR if it was another, or is below what came."""
        if self.final_size is None and size >= self.highest:
            self.final_size = size
        elif size != self.final_size:
            raise QuicTransportError(ErrorCode.FINAL_SIZE_ERROR, "a final size that changed, or octets beyond it", FrameType.STREAM)

    def receive(self, offset: int, data: bytes) -> bytes:
        """Octets; returns those that are next.

        Raises: QuicTransportError FINAL_SIZE_ERROR beyond the final size; INTERNAL_ERROR for more gaps than are remembered.
        """
        stop = offset + len(data)
        if stop > self.highest:
            if self.final_size is not None and stop > self.final_size:
                raise QuicTransportError(ErrorCode.FINAL_SIZE_ERROR, "octets beyond the final size", FrameType.STREAM)
            self.highest = stop
        delivered = self.delivered
        if stop <= delivered or not data:
            return b""
        if self._buffer is None:
            if offset <= delivered:
                self.delivered = stop
                return data if offset == delivered else data[delivered - offset :]
            self._buffer = bytearray()
            self._ranges = RangeSet(_GAPS_MAXIMUM)
        return self._insert(offset, stop, data)

    def _insert(self, offset: int, stop: int, data: bytes) -> bytes:
        buffer, ranges = self._buffer, self._ranges
        if buffer is None or ranges is None:
            return b""
        base = self.delivered
        if offset < base:
            data = data[base - offset :]
            offset = base
        try:
            ranges.add(offset, stop)
        except LimitExceeded as error:
            raise QuicTransportError(ErrorCode.INTERNAL_ERROR, "more gaps in a stream than are remembered", FrameType.STREAM) from error
        missing = stop - base - len(buffer)
        if missing > 0:
            buffer.extend(bytes(missing))
        buffer[offset - base : stop - base] = data
        first, last = next(iter(ranges))
        if first > base:
            return b""
        ready = bytes(buffer[: last - base])
        del buffer[: last - base]
        ranges.remove(first, last)
        self.delivered = last
        if not ranges:
            self._buffer = self._ranges = None
        return ready

    def drop(self) -> None:
        """Nobody reads on: gaps need not be kept."""
        self._buffer = self._ranges = None
