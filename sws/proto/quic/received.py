# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What arrived in one packet number space, and when to say so.  RFC 9000 §13.2, §13.4.1, §12.3.

    ranges    lowest and highest numbers, ascending; at most 64, the lowest go first
    floor     numbers below it count as received: too old, acknowledged and heard of, or dropped for room

Initial and Handshake packets are acknowledged at once, the first parts of a ClientHello with the last.  In application data: every second
packet that asks for it, at once if it is out of order or marked by the network, and otherwise before `max_ack_delay` is over.  Packets of
one batch are acknowledged together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from sws.proto.quic.frames.ack import encode_ack

__all__ = ["ACK_DELAY_EXPONENT", "MAX_ACK_DELAY", "ReceivedSpace"]

MAX_ACK_DELAY: Final = 0.025
ACK_DELAY_EXPONENT: Final = 3
_RANGES_MAXIMUM: Final = 64
_EVERY: Final = 2


@final
class ReceivedSpace:
    """One space.

    Attributes:
      largest:    -1 for none.
      ack_at:     when an acknowledgement is to leave; None: nothing to acknowledge.
      patience:   how long, for now, what is to be acknowledged waits for what follows it; 0: not at all.
    """

    __slots__ = ("_delay", "_eliciting", "_floor", "_highs", "_largest_time", "_lows", "ack_at", "ecn", "has_ecn", "largest", "patience")

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._lows: list[int] = []
        self._highs: list[int] = []
        self._floor = 0
        self._eliciting = 0
        self._largest_time = 0.0
        self.largest = -1
        self.ack_at: float | None = None
        self.patience = 0.0
        self.ecn = [0, 0, 0]
        self.has_ecn = False

    def has(self, number: int) -> bool:
        """Whether a packet was received, or is too old to tell.  Duplicates are dropped without a word (§12.3)."""
        if number > self.largest:
            return False
        if number < self._floor:
            return True
        for low, high in zip(reversed(self._lows), reversed(self._highs), strict=True):
            if number > high:
                return False
            if number >= low:
                return True
        return False

    def add(self, number: int, is_eliciting: bool, ecn: int, now: float) -> None:
        """A packet that was processed."""
        highs = self._highs
        in_order = number == self.largest + 1
        if highs and highs[-1] == number - 1:
            highs[-1] = number
        else:
            self._insert(number)
        if number > self.largest:
            self.largest = number
            self._largest_time = now
        if ecn:
            self.has_ecn = True
            self.ecn[(0, 1, 0, 2)[ecn]] += 1  # 01 is ECT(1), 10 ECT(0), 11 CE
        if not is_eliciting:
            return
        self._eliciting += 1
        if self.patience:
            if self.ack_at is None:
                self.ack_at = now + self.patience
        elif self._eliciting >= _EVERY or not in_order or ecn == 3 or not self._delay:
            self.ack_at = now
        elif self.ack_at is None:
            self.ack_at = now + self._delay

    def _insert(self, number: int) -> None:
        lows, highs = self._lows, self._highs
        at = len(lows)
        while at and lows[at - 1] > number:
            at -= 1
        if at and highs[at - 1] == number - 1:
            highs[at - 1] = number
            if at < len(lows) and lows[at] == number + 1:
                highs[at - 1] = highs[at]
                del lows[at], highs[at]
        elif at < len(lows) and lows[at] == number + 1:
            lows[at] = number
        else:
            lows.insert(at, number)
            highs.insert(at, number)
            if len(lows) > _RANGES_MAXIMUM:
                self._floor = highs[0] + 1
                del lows[0], highs[0]

    def ranges(self) -> Sequence[tuple[int, int]]:
        """(lowest, highest), the highest first."""
        return list(zip(reversed(self._lows), reversed(self._highs), strict=True))

    def frame(self, now: float, room: int) -> bytes | None:
        """The ACK frame, with as many ranges as there is room for; None if nothing was received or nothing fits."""
        if not self._lows or room < 25:
            return None
        delay = int(max(0.0, now - self._largest_time) * 1e6) >> ACK_DELAY_EXPONENT if self._delay else 0
        ranges = self.ranges()[: max(1, (room - 49) // 8)]
        self._eliciting = 0
        self.ack_at = None
        return encode_ack(ranges, delay, (self.ecn[0], self.ecn[1], self.ecn[2]) if self.has_ecn and room >= 49 else None)

    def acknowledged(self, first: int, second: int, third: int) -> None:
        """The peer has heard of all numbers up to the one given: they need not be told again.  §13.2.4"""
        if first < self._floor:
            return
        self._floor = first + 1
        lows, highs = self._lows, self._highs
        keep = 0
        while keep < len(highs) and highs[keep] <= first and keep < len(highs) - 1:
            keep += 1
        del lows[:keep], highs[:keep]
        if lows and lows[0] <= first:
            lows[0] = min(first + 1, highs[0])

    def lost(self, first: int, second: int, third: int) -> None:
        """The next acknowledgement says it again."""
