# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The counterpart of `Reader`: builds a message of bounded size from integers and strings of octets."""

from __future__ import annotations

from typing import final

from sws.base.errors import LimitExceeded, UsageError

__all__ = ["Writer", "encode_varint"]

_SMALL_VARINTS = tuple([bytes((value,)) for value in range(0x40)])
_VARINT_FORMS = ((0x4000, 2, 1 << 14), (0x4000_0000, 4, 2 << 30), (1 << 62, 8, 3 << 62))


def encode_varint(value: int) -> bytes:
    """A variable-length integer in its shortest form.  RFC 9000 §16.

    Raises: UsageError outside 0 .. 2**62 - 1.
    """
    if value >= 0:
        if value < 0x40:
            return _SMALL_VARINTS[value]
        for bound, octets, prefix in _VARINT_FORMS:
            if value < bound:
                return (value | prefix).to_bytes(octets, "big")
    raise UsageError("a variable-length integer has 62 bits")


@final
class Writer:
    """Appends to one buffer that never grows past `maximum` octets."""

    __slots__ = ("_buffer", "_maximum")

    def __init__(self, maximum: int = 1 << 24) -> None:
        self._buffer = bytearray()
        self._maximum = maximum

    def __len__(self) -> int:
        return len(self._buffer)

    def write(self, data: bytes) -> None:
        """Octets as they are.  Raises: LimitExceeded past the maximum."""
        size = len(self._buffer) + len(data)
        if size > self._maximum:
            raise LimitExceeded("writer", size, self._maximum)
        self._buffer += data

    def uint(self, value: int, octets: int) -> None:
        """An unsigned big-endian integer.  Raises: UsageError if it does not fit."""
        if value < 0 or value >> 8 * octets:
            raise UsageError(f"{value} does not fit into {octets} octets")
        self.write(value.to_bytes(octets, "big"))

    def varint(self, value: int) -> None:
        """A variable-length integer.  RFC 9000 §16."""
        self.write(encode_varint(value))

    def vector(self, data: bytes, length_octets: int) -> None:
        """A string of octets behind its length."""
        self.uint(len(data), length_octets)
        self.write(data)

    def finish(self) -> bytes:
        """What was written."""
        return bytes(self._buffer)
