# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keep-alive that follows load: how long connections may idle, and how many.

    load      the greater of  open connections / max_connections  and  resident memory / memory bound
    seconds   the idle time-out: `longest` up to half load, `shortest` from 90 % on, geometrically between
    allowed   how many idle connections are kept: all that fit up to half load; what the busy ones and a reserve for newcomers leave above

A fixed long time-out lets idle clients fill the server while others wait in the accept queue; a fixed short one makes every client
open a new connection after each pause.  `bench/keepalive.py` shows both against this.
"""

from __future__ import annotations

from typing import Final, final

from sws.proto.http1.limits import IdlePolicy

__all__ = ["KeepAliveTuner"]

_CALM: Final = 0.5
_FULL: Final = 0.9


@final
class KeepAliveTuner:
    """Recomputes the policy; the worker calls `update` every second.

    Args:
      policy:   shared with the engines, which read it when a connection becomes idle.
      longest, shortest:  bounds of the time-out in seconds.
      max_connections:    of the worker.
      memory:   resident octets the worker should stay below; 0 for no bound.
    """

    def __init__(self, policy: IdlePolicy, *, longest: float, shortest: float, max_connections: int, memory: int = 0) -> None:
        self.policy = policy
        self._longest = longest
        self._shortest = min(shortest, longest)
        self._max_connections = max_connections
        self._memory = memory
        policy.seconds = longest

    def update(self, open_connections: int, idle_connections: int, resident: int) -> int:
        """Set the time-out for this load.

        Returns: how many of the idle connections should be closed now, the longest idle first.
        """
        load = open_connections / self._max_connections
        if self._memory:
            load = max(load, resident / self._memory)
        strain = min(1.0, max(0.0, (load - _CALM) / (_FULL - _CALM)))
        self.policy.seconds = self._longest * (self._shortest / self._longest) ** strain
        if strain == 0.0:
            return 0
        busy = open_connections - idle_connections
        allowed = max(0, int(self._max_connections * _FULL) - busy)
        if self._memory and resident >= self._memory:
            allowed = min(allowed, idle_connections // 2)
        return max(0, idle_connections - allowed)
