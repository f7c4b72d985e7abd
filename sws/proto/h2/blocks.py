# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A field block in several frames: HEADERS and its CONTINUATIONs.  RFC 9113 §4.3, §6.10."""

from __future__ import annotations

from typing import final

from sws.proto.h2.frames import FrameHeader
from sws.proto.h2.limits import Http2Limits

__all__ = ["BlockAssembly"]


@final
class BlockAssembly:
    """The fragments so far.

    Args:
      head, fragment, priority:  of the HEADERS frame, padding and priority taken off.
      limits:                    how large the block may grow, and in how many frames (CVE-2024-27316 and its like).
    """

    __slots__ = ("_fragments", "_limits", "_size", "head", "priority")

    def __init__(self, head: FrameHeader, fragment: bytes, priority: bytes | None, limits: Http2Limits) -> None:
        self.head = head
        self.priority = priority
        self._limits = limits
        self._fragments = [fragment]
        self._size = len(fragment)

    def add(self, fragment: bytes) -> bool:
        """A CONTINUATION's; False if that is too much."""
        self._fragments.append(fragment)
        self._size += len(fragment)
        return self._size <= self._limits.block and len(self._fragments) <= self._limits.continuations + 1

    def joined(self) -> bytes:
        """The whole block."""
        return b"".join(self._fragments)
