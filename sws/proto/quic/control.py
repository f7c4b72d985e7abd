# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames that say how things stand: sent until acknowledged, always with the newest value.  RFC 9000 §13.3.

A wish is a pair (kind of frame, what it is about: a stream, a sequence number, 0).  Wishing twice is wishing once, so that the queue is
bounded by the number of things there are.  Whoever knows how things stand registers a *maker* for its kind, which gives the frame when
it is about to leave, or None if there is nothing to say any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

from sws.proto.quic.recovery.loss import FrameRecord

__all__ = ["ControlFrames", "Maker"]

Maker: TypeAlias = Callable[[int], "bytes | None"]


@final
class ControlFrames:
    """The wishes of one connection."""

    __slots__ = ("_acked", "_makers", "wishes")

    def __init__(self) -> None:
        self._makers: dict[int, Maker] = {}
        self._acked: dict[int, Callable[[int], None]] = {}
        self.wishes: dict[tuple[int, int], None] = {}

    def register(self, kind: int, maker: Maker, acked: Callable[[int], None] | None = None) -> None:
        """Who makes frames of a kind, and who is told that one arrived."""
        self._makers[kind] = maker
        if acked is not None:
            self._acked[kind] = acked

    def release(self) -> None:
        """The connection is over: let go of the makers, who refer to this."""
        self._makers.clear()
        self._acked.clear()

    def want(self, kind: int, about: int = 0) -> None:
        """A frame is to be sent."""
        self.wishes[kind, about] = None

    def fill(self, parts: list[bytes], records: list[FrameRecord], room: int) -> int:
        """Puts frames into a packet while there is room; returns what is left of it."""
        for wish in list(self.wishes):
            kind, about = wish
            frame = self._makers[kind](about)
            if frame is None:
                del self.wishes[wish]
                continue
            if len(frame) > room:
                continue
            del self.wishes[wish]
            parts.append(frame)
            records.append((self, kind, about, 0))
            room -= len(frame)
        return room

    def acknowledged(self, first: int, second: int, third: int) -> None:
        """A frame arrived."""
        told = self._acked.get(first)
        if told is not None:
            told(second)

    def lost(self, first: int, second: int, third: int) -> None:
        """A frame got lost: it is wanted again, if there still is something to say."""
        self.wishes[first, second] = None
