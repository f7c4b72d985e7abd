# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Drives the lanes of one process: as fast as they are answered, or at a constant rate.

    began       when all lanes were connected, or had failed to
    interval    1 / rate
    due(k)      began + phase + k * interval: when request k is to be sent, fixed before the run, whatever the server does
    next        the first k that was not sent yet
    free        lanes that carry nothing

At a constant rate a request whose time has come goes out on a free lane; if there is none it waits, and its latency counts from `due`,
not from when it was sent.  So a server that stalls is charged with everything that should have been asked meanwhile, and not with one
slow response for each connection (coordinated omission).  What is unanswered at the end, or ran into the time-out, is counted apart, and
at a constant rate enters the corrected latencies with the time that it had waited by then: a lower bound, but no omission.

Waiting for a descriptor is precise to a millisecond only, so the last one before a request is due is spent turning the loop.

A lane that cannot connect tries again after a pause that doubles; if none could at the beginning, the run is over.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, final

from sws.net.load.lane import Endpoint, Lane, LaneState
from sws.net.load.lane_h2 import Http2Lane
from sws.net.load.plan import LoadPlan, PlannedRequest
from sws.net.load.tally import Tally
from sws.os.loop import Loop

__all__ = ["Generator"]

_SPIN: Final = 0.0015
_SCAN: Final = 0.1
_SHORTEST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 1.0
_NANO: Final = 1e9


@final
class Generator:
    """One run of one process.

    Args:
      endpoint:  where all lanes connect to.
    """

    def __init__(self, loop: Loop, plan: LoadPlan, endpoint: Endpoint) -> None:
        self.tally = Tally()
        self.octets = 0
        self.connections = 0
        self.began: float | None = None
        self.is_over = False
        #: Why it ended before it began.
        self.failure: str | None = None
        self._loop = loop
        self._monotonic = loop.clock.monotonic
        self._plan = plan
        kind = Lane if plan.http == 1 else Http2Lane
        if plan.http == 3:
            from sws.net.load.lane_h3 import Http3Lane  # here: QUIC and TLS are much to load

            kind = Http3Lane
        tls = None
        if plan.secure or plan.http == 3:
            from sws.net.load.secured import client_config

            tls = client_config(plan, loop.clock.wall)
        self._lanes = [kind(loop, plan, endpoint, self, tls) for _ in range(plan.connections)]
        self._free: deque[Lane] = deque()
        self._awaited = len(self._lanes)
        self._pauses: dict[Lane, float] = {}
        self._interval = 0.0 if plan.rate is None else 1 / plan.rate
        self._first = 0.0
        self._next = 0
        self._turn = 0
        self._total = 0 if plan.rate is None else max(1, math.ceil((plan.duration - plan.phase) * plan.rate - 1e-9))
        self._record = self.tally.latency.record
        self._statuses = self.tally.statuses
        self._requests = plan.requests

    # --- running ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect all lanes; the run begins when that is over."""
        for lane in self._lanes:
            lane.open()
        self._loop.call_later(min(_SCAN, self._plan.timeout), self._scan)

    def run(self, every_turn: Callable[[], None] = lambda: None) -> Tally:
        """To the end."""
        self.start()
        while not self.is_over:
            self.step()
            every_turn()
        return self.tally

    def step(self, longest: float | None = None) -> None:
        """Send what is due, then one turn of the loop.

        Args:
          longest:  seconds to wait for something to happen, if it is not known better; None: for ever.
        """
        if self._interval and self.began is not None:
            self._send_due()
            if self._free and self._next < self._total:
                patience = max(0.0, self._first + self._next * self._interval - self._monotonic() - _SPIN)
                longest = patience if longest is None else min(patience, longest)
        self._loop.turn(longest)

    def stop(self) -> None:
        """End now."""
        if self.is_over:
            return
        self.is_over = True
        now = self._monotonic()
        tally = self.tally
        tally.octets = self.octets
        tally.opened = self.connections
        if self.began is not None:
            tally.seconds = now - self.began
            self._count_unfinished(now)
        for lane in self._lanes:
            lane.close()

    def _count_unfinished(self, now: float) -> None:
        waiting = [lane.intended for lane in self._lanes if lane.is_asked]
        if self._interval:
            while self._next < self._total and (due := self._first + self._next * self._interval) <= now:
                waiting.append(due)
                self._next += 1
            for intended in waiting:
                self._record(int((now - intended) * _NANO))
        self.tally.unfinished = len(waiting)

    def _begin(self) -> None:
        if not any(lane.state is LaneState.READY for lane in self._lanes):
            troubles = sorted({lane.trouble for lane in self._lanes if lane.trouble})
            self.failure = ": ".join(["no connection came about", *troubles[:1]])
            self.stop()
            return
        self.began = now = self._monotonic()
        self._first = now + self._plan.phase
        self._loop.call_at(now + self._plan.duration, self.stop)
        for lane in self._lanes:
            if lane not in self._pauses:
                self._give(lane, now)

    # --- the Yard of lanes -----------------------------------------------------------------------------------------

    def opened(self, lane: Lane) -> None:
        """A lane without a request is connected."""
        self._pauses.pop(lane, None)
        if self.began is None:
            self._settled()
        else:
            self._give(lane, self._monotonic())

    def _settled(self) -> None:
        self._awaited -= 1
        if not self._awaited:
            self._begin()

    def answered(self, lane: Lane, status: int) -> None:
        """A whole response: count it, and ask again."""
        now = self._monotonic()
        self._statuses[status] += 1
        self._record(int((now - lane.intended) * _NANO))
        if self._interval:
            self.tally.uncorrected.record(int((now - lane.sent) * _NANO))
            self._give(lane, now)
        elif not self.is_over:
            lane.ask(self._pick(), now, now)

    def failed(self, lane: Lane, kind: str) -> None:
        """Count it, and go on with the lane, after a pause if it could not connect."""
        self.tally.errors[kind] += 1
        if self.began is None:
            self._retry(lane)
            self._settled()
            return
        now = self._monotonic()
        if kind == "timeout" and self._interval:
            self._record(int((now - lane.intended) * _NANO))
        if kind == "connect":
            self._retry(lane)
        else:
            self._give(lane, now)

    def _retry(self, lane: Lane) -> None:
        pause = self._pauses[lane] = min(_LONGEST_PAUSE, self._pauses.get(lane, _SHORTEST_PAUSE / 2) * 2)
        self._loop.call_later(pause, partial(self._reopen, lane))

    def _reopen(self, lane: Lane) -> None:
        if not self.is_over and lane.state is LaneState.CLOSED:
            lane.open()

    # --- giving out requests ---------------------------------------------------------------------------------------

    def _pick(self) -> PlannedRequest:
        requests = self._requests
        if len(requests) == 1:
            return requests[0]
        self._turn = turn = (self._turn + 1) % len(requests)
        return requests[turn]

    def _give(self, lane: Lane, now: float) -> None:
        """The next request, if one is to be sent."""
        if self.is_over:
            return
        if not self._interval:
            lane.ask(self._pick(), now, now)
        elif self._next < self._total and not self._free and (due := self._first + self._next * self._interval) <= now:
            self._next += 1
            lane.ask(self._pick(), due, now)
        else:
            self._free.append(lane)

    def _send_due(self) -> None:
        """Everything whose time has come, as far as there are lanes."""
        free = self._free
        now = self._monotonic()
        while free and self._next < self._total and (due := self._first + self._next * self._interval) <= now:
            self._next += 1
            free.popleft().ask(self._pick(), due, now)

    # --- time-outs -------------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        """One look at all lanes now and then costs less than a timer for each request."""
        if self.is_over:
            return
        late = self._monotonic() - self._plan.timeout
        for lane in self._lanes:
            if lane.state in (LaneState.BUSY, LaneState.CONNECTING) and lane.sent <= late:
                lane.expire()
        self._loop.call_later(min(_SCAN, self._plan.timeout), self._scan)
