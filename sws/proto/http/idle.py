# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How long connections may stay between requests, for all versions of HTTP alike."""

from __future__ import annotations

from typing import final

__all__ = ["IdlePolicy"]


@final
class IdlePolicy:
    """The idle time-out; whoever owns it changes it with the load.

    Attributes:
      seconds:  the time-out in force now.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float = 60.0) -> None:
        self.seconds = seconds
