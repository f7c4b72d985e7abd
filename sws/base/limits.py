# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Bounds on what a peer can make grow, and counts of how near they came.

A `Bound` is the pair of a maximum and a gauge: whoever holds the growing thing calls `add`/`remove`, and the metrics read `value`
and `peak`.  Plain numeric limits (octets of a head, fields of a message) are attributes of each engine's own limits class.
"""

from __future__ import annotations

from typing import final

from sws.base.errors import LimitExceeded

__all__ = ["Bound"]


@final
class Bound:
    """A counted quantity that never passes its maximum.

    Args:
      name:     how metrics and errors call it.
      maximum:  the largest value allowed.
    """

    __slots__ = ("maximum", "name", "peak", "refused", "value")

    def __init__(self, name: str, maximum: int) -> None:
        self.name = name
        self.maximum = maximum
        self.value = 0
        self.peak = 0
        self.refused = 0

    def try_add(self, amount: int = 1) -> bool:
        """Take `amount` if the bound allows it; count the refusal otherwise."""
        value = self.value + amount
        if value > self.maximum:
            self.refused += 1
            return False
        self.value = value
        if value > self.peak:
            self.peak = value
        return True

    def add(self, amount: int = 1) -> None:
        """Take `amount`.  Raises: LimitExceeded if the bound does not allow it."""
        if not self.try_add(amount):
            raise LimitExceeded(self.name, self.value + amount, self.maximum)

    def remove(self, amount: int = 1) -> None:
        """Give `amount` back."""
        self.value -= amount
