# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What leaves a stream socket: the sending half that drivers of both roles need.

    engine.data_to_send ─▶ backlog ─▶ send / sendfile ─▶ socket

    backlog    what was taken from the engine and the kernel did not take yet, in order
    budget     octets that may leave in one turn of the loop, so that one quick peer does not hold up the others
    deadline   when the peer has been too slow: it took nothing for `send_timeout`, or less than `send_rate` on average

Nothing is taken from the engine while something waits here, so the engine's `credit` says the truth.  Small pieces that follow each other
leave in one call; a large one is never copied again and again.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from sws.base.engine import FileSpan, Output
from sws.os.loop import Loop

__all__ = ["JOIN_OCTETS", "TURN_OCTETS", "Outlet", "SendLimits"]

TURN_OCTETS: Final = 1 << 20
JOIN_OCTETS: Final = 1 << 18
_MORE: Final = getattr(socket, "MSG_MORE", 0)


@final
@dataclass(frozen=True, slots=True)
class SendLimits:
    """Bounds of sending; times in seconds.

    Attributes:
      send_timeout:  longest time in which a peer takes nothing of what is ready for it.
      send_rate:     least octets a second, averaged after `send_grace`, that a peer must take.
    """

    send_timeout: float = 30.0
    send_rate: int = 240
    send_grace: float = 30.0


@final
class Outlet:
    """Sends for one socket, which stays its owner's.

    Attributes:
      backlog:   what waits for the socket, in order.
      deadline:  when the peer has been too slow; None while nothing waits for it.
    """

    __slots__ = ("_budget", "_limits", "_loop", "_sent", "_since", "_sock", "_turn", "backlog", "deadline")

    def __init__(self, loop: Loop, sock: socket.socket, limits: SendLimits) -> None:
        self._loop = loop
        self._sock = sock
        self._limits = limits
        self.backlog: deque[Output | memoryview] = deque()
        self._turn = -1
        self._budget = 0
        self._since = 0.0
        self._sent = 0
        self.deadline: float | None = None

    def clear(self) -> None:
        """Forget what waits."""
        self.backlog.clear()
        self.deadline = None

    def send(self, take: Callable[[float], list[Output]]) -> bool:
        """Send what the socket takes and the turn's budget allows.

        Args:
          take:  gives what is to be sent next and forgets it: `data_to_send` of an engine.
        Returns: True if everything left.
        Raises:  OSError if the connection is gone, or a file became shorter than what was promised of it.
        """
        backlog = self.backlog
        loop = self._loop
        if loop.turns != self._turn:
            self._turn = loop.turns
            self._budget = TURN_OCTETS
        before = self._budget
        while True:
            if not backlog:
                backlog.extend(take(loop.now))
                if not backlog:
                    break
            if self._budget <= 0:
                break
            count = self._send_front()
            if count is None:
                break
            self._budget -= count
        self._note_progress(before - self._budget)
        return not backlog

    def _send_front(self) -> int | None:
        """Send the front of the backlog; None if the socket is full."""
        backlog = self.backlog
        front = backlog[0]
        try:
            if isinstance(front, FileSpan):
                count = self._loop.send_span(self._sock, front) if front.length else 0
                if front.length == 0:
                    backlog.popleft()
                elif count == 0:
                    raise OSError("a file became shorter while it was sent")
                return count
            if len(backlog) > 1 and len(front) < JOIN_OCTETS and not isinstance(backlog[1], FileSpan):
                front = self._join_front()
            count = self._sock.send(front, _MORE if len(backlog) > 1 else 0)
        except (BlockingIOError, InterruptedError):
            return None
        if count == len(front):
            backlog.popleft()
        else:
            backlog[0] = memoryview(front)[count:]
        return count

    def _join_front(self) -> bytes:
        """Make one of the small pieces in front."""
        parts: list[bytes | memoryview] = []
        size = 0
        while self.backlog:
            part = self.backlog[0]
            if isinstance(part, FileSpan) or (parts and size + len(part) > JOIN_OCTETS):
                break
            parts.append(part)
            size += len(part)
            self.backlog.popleft()
        joined = b"".join(parts)
        self.backlog.appendleft(joined)
        return joined

    def _note_progress(self, octets: int) -> None:
        self._sent += octets
        if not self.backlog:
            self.deadline = None
            return
        now = self._loop.now
        limits = self._limits
        if self.deadline is None:
            self._since = now
            self._sent = 0
        elif not octets:
            return
        fair = self._since + limits.send_grace + self._sent / limits.send_rate
        self.deadline = min(now + limits.send_timeout, fair)
