# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Does tuned keep-alive beat fixed time-outs?  `python -m bench.keepalive`

A simulation on a fake clock with the product's own `KeepAliveTuner` and `IdlePolicy`: clients arrive at random, make requests with pauses
between them, and leave.  A server of `--connections` slots serves them in one of several manners; load is calm, then a rush of many
more clients than slots, then calm again.  Two costs are counted, and their sum is compared:

    opened   connections opened beyond each client's first: a handshake each (with TLS, the dearest thing a server does)
    waited   seconds that clients stood in the accept queue because all slots were held, most of them by idle connections

A cost is `opened * HANDSHAKE + waited`: seconds of somebody's time.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from collections import deque
from dataclasses import dataclass, field

from sws.proto.http1.limits import IdlePolicy
from sws.server.keepalive import KeepAliveTuner

HANDSHAKE = 0.1
SERVICE = 0.02


@dataclass(order=True)
class Event:
    """Something at a time."""

    when: float
    order: int
    kind: str = field(compare=False)
    client: int = field(compare=False)


class Simulation:
    """One manner under one load.

    Args:
      fixed:  a fixed idle time-out, or None for the tuner.
    """

    def __init__(self, slots: int, fixed: float | None, seed: int) -> None:
        self.slots = slots
        self.policy = IdlePolicy(fixed or 60.0)
        self.tuner = None if fixed else KeepAliveTuner(self.policy, longest=60.0, shortest=2.0, max_connections=slots)
        self.random = random.Random(seed)
        self.events: list[Event] = []
        self.order = 0
        self.connected: dict[int, float] = {}  # client -> idle since, or inf while busy
        self.expiry: dict[int, float] = {}
        self.left: dict[int, int] = {}
        self.seen: set[int] = set()
        self.queue: deque[tuple[float, int]] = deque()
        self.opened = 0
        self.waited = 0.0
        self.served = 0

    def at(self, when: float, kind: str, client: int) -> None:
        """Schedule."""
        self.order += 1
        heapq.heappush(self.events, Event(when, self.order, kind, client))

    def load(self) -> None:
        """Calm, rush, calm: arrivals per second relative to the slots."""
        client = 0
        for start, end, rate in ((0, 200, self.slots / 400), (200, 320, self.slots / 12), (320, 600, self.slots / 400)):
            when = float(start)
            while when < end:
                when += self.random.expovariate(rate)
                self.left[client] = self.random.randint(2, 12)
                self.at(when, "request", client)
                client += 1
        for second in range(600):
            self.at(float(second), "tune", -1)

    def run(self) -> dict[str, float]:
        """Play it.  Returns: the costs."""
        self.load()
        while self.events:
            event = heapq.heappop(self.events)
            self.expire(event.when)
            getattr(self, "on_" + event.kind)(event.when, event.client)
        cost = self.opened * HANDSHAKE + self.waited
        return {"served": self.served, "reopened": self.opened, "waited_s": round(self.waited, 1), "cost_s": round(cost, 1)}

    def expire(self, now: float) -> None:
        """Close what idled too long, and let the queue in."""
        for client in [c for c, since in self.connected.items() if since + self.expiry.get(c, 0) <= now]:
            self.close(client)
        while self.queue and len(self.connected) < self.slots:
            since, client = self.queue.popleft()
            self.waited += now - since
            self.serve(now, client)

    def close(self, client: int) -> None:
        """A connection ends."""
        self.connected.pop(client, None)
        self.expiry.pop(client, None)

    def serve(self, now: float, client: int) -> None:
        """A request is being answered."""
        if client not in self.connected and client in self.seen:
            self.opened += 1
        self.seen.add(client)
        self.connected[client] = float("inf")
        self.at(now + SERVICE, "answer", client)

    def on_request(self, now: float, client: int) -> None:
        """A client wants something: on its connection, on a new one, or from the queue."""
        if client not in self.connected and len(self.connected) >= self.slots and self.tuner is not None:
            self.make_room(now)
        if client in self.connected or len(self.connected) < self.slots:
            self.serve(now, client)
        else:
            self.queue.append((now, client))

    def make_room(self, now: float) -> None:
        """As the worker does when it is full: the connection idle longest goes."""
        idle = [(since, c) for c, since in self.connected.items() if since <= now]
        if idle:
            self.close(min(idle)[1])

    def on_answer(self, now: float, client: int) -> None:
        """The answer left; the client thinks, or leaves and lets its connection idle, as browsers do."""
        self.served += 1
        self.connected[client] = now
        self.expiry[client] = self.policy.seconds
        self.left[client] -= 1
        if self.left[client] > 0:
            self.at(now + self.random.choice((0.3, 1.0, 4.0, 15.0)) * self.random.uniform(0.5, 1.5), "request", client)

    def on_tune(self, now: float, _client: int) -> None:
        """Once a second."""
        if self.tuner is None:
            return
        idle = sorted((since, c) for c, since in self.connected.items() if since <= now)
        surplus = self.tuner.update(len(self.connected), len(idle), 0)
        for _, client in idle[:surplus]:
            self.close(client)


def main() -> None:
    """Run all manners over the same loads."""
    parser = argparse.ArgumentParser(description="keep-alive: tuned against fixed time-outs")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    for name, fixed in (("tuned 2..60 s", None), ("fixed 60 s", 60.0), ("fixed 15 s", 15.0), ("fixed 5 s", 5.0), ("fixed 2 s", 2.0)):
        runs = [Simulation(arguments.connections, fixed, seed).run() for seed in range(arguments.seeds)]
        results[name] = {key: round(sum(run[key] for run in runs) / len(runs), 1) for key in runs[0]}
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'manner':<15}{'served':>9}{'reopened':>10}{'waited s':>11}{'cost s':>9}")
    for name, row in results.items():
        print(f"{name:<15}{row['served']:>9.0f}{row['reopened']:>10.0f}{row['waited_s']:>11.1f}{row['cost_s']:>9.1f}")


if __name__ == "__main__":
    main()
