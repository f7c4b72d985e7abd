# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whose frame is next: by urgency (RFC 9218), or by the dependency tree (RFC 7540 §5.3)."""

from __future__ import annotations

from typing import Protocol

from sws.proto.h2.priority.tree import DependencyTree
from sws.proto.h2.priority.urgency import UrgencyScheduler

__all__ = ["DependencyTree", "Scheduler", "UrgencyScheduler"]


class Scheduler(Protocol):
    """Streams that could send if it were their turn.  All of it costs the same however many there are."""

    @property
    def is_idle(self) -> bool:
        """Nobody waits."""

    def activate(self, stream: int) -> None:
        """It has octets and room in its window; nothing if it is waiting already."""

    def deactivate(self, stream: int) -> None:
        """It has nothing more, no room, or is gone; nothing if it does not wait."""

    def pick(self) -> int:
        """Who sends the next frame.  0: nobody."""

    def sent(self, stream: int, octets: int) -> None:
        """It was picked and sent so much."""

    def closed(self, stream: int) -> None:
        """It is over."""
