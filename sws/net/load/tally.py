# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What came of a run, for one worker or several added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, final

from sws.net.load.histogram import Histogram

__all__ = ["Tally"]

_COUNTS = ("octets", "opened", "unfinished")


@final
@dataclass(slots=True)
class Tally:
    """Counts and latencies (nanoseconds).

    Attributes:
      latency:      from the moment when a request was to be sent to its response's last octet.
      uncorrected:  from the moment when it was sent; differs at a constant rate only.
      statuses:     whole responses by status.
      errors:       requests without one, by kind: connect, timeout, closed, reset, protocol.
      octets:       received.
      opened:       connections.
      unfinished:   requests under way, or due and not yet sent, at the end.
      seconds:      how long it took; of several workers the longest.
      cpu_seconds:  the generator's own.
    """

    latency: Histogram = field(default_factory=Histogram)
    uncorrected: Histogram = field(default_factory=Histogram)
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    octets: int = 0
    opened: int = 0
    unfinished: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def done(self) -> int:
        """Whole responses."""
        return sum(self.statuses.values())

    @property
    def succeeded(self) -> int:
        """Whole responses that are no errors (RFC 9110 §15): status below 400."""
        return sum(count for status, count in self.statuses.items() if status < 400)

    @property
    def failed(self) -> int:
        """Requests without a whole response."""
        return sum(self.errors.values())

    def add(self, other: Tally) -> None:
        """Another worker's on top."""
        self.latency.add(other.latency)
        self.uncorrected.add(other.uncorrected)
        self.statuses += other.statuses
        self.errors += other.errors
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.seconds = max(self.seconds, other.seconds)
        self.cpu_seconds += other.cpu_seconds

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the process that adds them up."""
        return {
            "latency": self.latency.to_dict(),
            "uncorrected": self.uncorrected.to_dict(),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "errors": dict(self.errors),
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            **{name: getattr(self, name) for name in _COUNTS},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Tally:
        """What `to_dict` came from."""
        return cls(
            **{
                **data,
                "latency": Histogram.from_dict(**data["latency"]),
                "uncorrected": Histogram.from_dict(**data["uncorrected"]),
                "statuses": Counter({int(status): count for status, count in data["statuses"].items()}),
                "errors": Counter(data["errors"]),
            }
        )
