# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Eight urgencies.  RFC 9218 §10.

Within an urgency, incremental responses take turns, frame by frame; the others go one after the other in the order of their requests,
and the one at the head of that line counts as one more taker of turns.  A lower urgency waits for a higher one, but for one frame in
`_SHARE`: so nothing starves, however long a flood of urgent responses goes on.

A place in a ring or line is a cell, a list with the stream in it; taking a stream out empties its cell, which is thrown away when its turn
comes.  So all operations cost the same however many wait; only joining a line costs a logarithm of its length.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Final, final

from sws.proto.http.priority import DEFAULT, Priority

__all__ = ["UrgencyScheduler"]

_SHARE: Final = 16
_LEVELS: Final = 8


@final
class _Level:
    """Who waits in one urgency."""

    __slots__ = ("count", "line", "ring", "ring_turn")

    def __init__(self) -> None:
        self.count = 0
        self.ring: deque[list[int]] = deque()
        self.line: list[tuple[int, int, list[int]]] = []  # (stream, when it joined, cell)
        self.ring_turn = False

    def pick(self) -> int:
        """The next taker of a turn; there is one."""
        line, ring = self.line, self.ring
        while line and not line[0][2][0]:
            heappop(line)
        while ring and not ring[0][0]:
            ring.popleft()
        if line and not (ring and self.ring_turn):
            self.ring_turn = True
            return line[0][0]
        self.ring_turn = False
        cell = ring[0]
        ring.rotate(-1)
        return cell[0]


@final
class UrgencyScheduler:
    """A `Scheduler` by urgency."""

    __slots__ = ("_cells", "_joined", "_levels", "_mask", "_priorities", "_turns")

    def __init__(self) -> None:
        self._levels: list[_Level | None] = [None] * _LEVELS
        self._mask = 0  # bit u: somebody waits in urgency u
        self._cells: dict[int, list[int]] = {}
        self._priorities: dict[int, Priority] = {}  # of those that do not have the default
        self._joined = 0
        self._turns = 0

    @property
    def is_idle(self) -> bool:
        """Nobody waits."""
        return not self._mask

    def priority_of(self, stream: int) -> Priority:
        """What it was given last."""
        return self._priorities.get(stream, DEFAULT)

    def prioritise(self, stream: int, priority: Priority) -> None:
        """A Priority field or PRIORITY_UPDATE: now and from here on."""
        waits = stream in self._cells
        if waits:
            self.deactivate(stream)
        self._priorities[stream] = priority
        if waits:
            self.activate(stream)

    def activate(self, stream: int) -> None:
        """See `Scheduler`."""
        if stream in self._cells:
            return
        urgency, incremental = self._priorities.get(stream, DEFAULT)
        level = self._levels[urgency]
        if level is None:
            level = self._levels[urgency] = _Level()
        cell = self._cells[stream] = [stream]
        if incremental:
            level.ring.append(cell)
        else:
            self._joined += 1
            heappush(level.line, (stream, self._joined, cell))
        level.count += 1
        self._mask |= 1 << urgency

    def deactivate(self, stream: int) -> None:
        """See `Scheduler`."""
        cell = self._cells.pop(stream, None)
        if cell is None:
            return
        cell[0] = 0
        urgency = self._priorities.get(stream, DEFAULT).urgency
        level = self._levels[urgency]
        if level is not None:
            level.count -= 1
            if not level.count:
                self._mask &= ~(1 << urgency)
                self._levels[urgency] = None

    def pick(self) -> int:
        """See `Scheduler`."""
        mask = self._mask
        if not mask:
            return 0
        self._turns += 1
        if self._turns % _SHARE == 0 and mask & (mask - 1):
            mask &= mask - 1  # one for the next urgency
            if self._turns % (_SHARE * _SHARE) == 0 and mask & (mask - 1):
                mask = 1 << mask.bit_length() - 1  # and now and then one for the last
        level = self._levels[(mask & -mask).bit_length() - 1]
        return 0 if level is None else level.pick()

    def sent(self, stream: int, octets: int) -> None:
        """A turn is a frame, whatever its length."""

    def closed(self, stream: int) -> None:
        """See `Scheduler`."""
        if stream in self._cells:
            self.deactivate(stream)
        if self._priorities:
            self._priorities.pop(stream, None)
