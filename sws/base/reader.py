# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A bounded cursor over bytes: what binary decoders read from.

Every read is checked against the end; running over it is a DecodeError that names what was wanted and the offset.  `sub` gives a
reader over a part, so that a length prefix inside a message cannot reach beyond it.
"""

from __future__ import annotations

from typing import final

from sws.base.errors import DecodeError

__all__ = ["Reader"]


@final
class Reader:
    """Reads integers and strings of octets from `data[start:end]`, front to back."""

    __slots__ = ("_data", "_end", "offset")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self.offset = start
        self._end = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        """Octets not read yet."""
        return self._end - self.offset

    def take(self, length: int, what: str = "octets") -> bytes:
        """The next `length` octets.  Raises: DecodeError if there are fewer."""
        start = self.offset
        end = start + length
        if length < 0 or end > self._end:
            raise self._short(length, start, what)
        self.offset = end
        return self._data[start:end]

    def _short(self, wanted: int, start: int, what: str) -> DecodeError:
        return DecodeError(f"{what}: {wanted} octets wanted, {self._end - start} left", start)

    def uint(self, octets: int, what: str = "integer") -> int:
        """An unsigned big-endian integer of `octets` octets.  Raises: DecodeError."""
        start = self.offset
        end = start + octets
        if end > self._end:
            raise self._short(octets, start, what)
        self.offset = end
        return int.from_bytes(self._data[start:end], "big")

    def u8(self, what: str = "integer") -> int:
        """One octet."""
        return self.uint(1, what)

    def u16(self, what: str = "integer") -> int:
        """Two octets, big-endian."""
        start = self.offset
        if start + 2 > self._end:
            raise self._short(2, start, what)
        self.offset = start + 2
        return self._data[start] << 8 | self._data[start + 1]

    def u24(self, what: str = "integer") -> int:
        """Three octets, big-endian."""
        return self.uint(3, what)

    def u32(self, what: str = "integer") -> int:
        """Four octets, big-endian."""
        return self.uint(4, what)

    def varint(self, what: str = "integer") -> int:
        """A variable-length integer.  RFC 9000 §16."""
        first = self.u8(what)
        octets = 1 << (first >> 6)
        return (first & 0x3F) << 8 * (octets - 1) | self.uint(octets - 1, what)

    def vector(self, length_octets: int, what: str = "vector", minimum: int = 0) -> bytes:
        """A string of octets behind a length of `length_octets` octets.  RFC 9846 §3.4."""
        at = self.offset
        start = at + length_octets
        if start > self._end:
            raise self._short(length_octets, at, what)
        length = int.from_bytes(self._data[at:start], "big")
        end = start + length
        if length < minimum:
            raise DecodeError(f"{what}: {length} octets, at least {minimum} wanted", at)
        if end > self._end:
            raise self._short(length, start, what)
        self.offset = end
        return self._data[start:end]

    def sub(self, length: int, what: str = "part") -> Reader:
        """A reader over the next `length` octets, which this one skips."""
        start = self.offset
        if length < 0 or start + length > self._end:
            raise self._short(length, start, what)
        self.offset = start + length
        return Reader(self._data, start, start + length)

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self._end - self.offset)

    def finish(self, what: str = "message") -> None:
        """Raises: DecodeError if anything is left."""
        if self.offset != self._end:
            raise DecodeError(f"{what}: {self._end - self.offset} octets too many", self.offset)
