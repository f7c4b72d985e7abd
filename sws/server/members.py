# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who the worker processes are to each other: numbers for connection IDs, and inboxes for datagrams that came to the wrong one.

The master gives every process a number and an inbox before it forks it.  Those made at once know each other; those made later know all that
live, and introduce themselves to them (net.relay).  The master keeps the writing ends only, so that a process that died has no reader.
"""

from __future__ import annotations

import socket
from itertools import chain
from typing import TYPE_CHECKING, Final, final

from sws.os.inbox import make_inbox

if TYPE_CHECKING:
    from sws.net.relay import Membership

__all__ = ["Members", "Seat"]

_NUMBERS: Final = 0xFFFF


@final
class Seat:
    """One process's.

    Attributes:
      process:     its number among all, in connection IDs.
      number:      which worker of its generation it is.
      generation:  made from one reading of the configuration.
      batch:       those of one batch have inherited each other's inboxes.
    """

    __slots__ = ("batch", "generation", "number", "process", "reader", "writer")

    def __init__(self, process: int, number: int, generation: int, batch: int) -> None:
        self.process = process
        self.number = number
        self.generation = generation
        self.batch = batch
        self.reader: socket.socket
        self.writer: socket.socket
        self.reader, self.writer = make_inbox()

    def leave(self) -> None:
        """Nobody sits there any more."""
        self.reader.close()
        self.writer.close()


@final
class Members:
    """Of one master."""

    def __init__(self) -> None:
        self._seats: dict[int, Seat] = {}
        self._last = 0
        self._batch = 0

    def seat(self, numbers: list[int], generation: int) -> list[Seat]:
        """Seats for processes that are forked now.  Raises: OSError."""
        self._batch += 1
        made = []
        for number in numbers:
            self._last = next(n for n in chain(range(self._last + 1, _NUMBERS + 1), range(1, self._last + 1)) if n not in self._seats)
            made.append(Seat(self._last, number, generation, self._batch))
            self._seats[self._last] = made[-1]
        return made

    def leave(self, seat: Seat) -> None:
        """The process is gone."""
        self._seats.pop(seat.process, None)
        seat.leave()

    def take(self, seat: Seat | None) -> Membership | None:
        """In the child: what it needs, and no more than that; nothing without a seat."""
        if seat is None:
            for other in self._seats.values():
                other.leave()
            return None
        from sws.net.relay import Member, Membership  # here: who serves no https does not pay for it at the start

        others = []
        for other in self._seats.values():
            if other is not seat:
                other.reader.close()
                older, knows_us = other.generation < seat.generation, other.batch == seat.batch
                others.append(Member(other.process, other.number, other.writer, older, knows_us))
        return Membership(seat.process, seat.number, seat.reader, seat.writer, others)
