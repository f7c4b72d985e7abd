# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a run is told as: a dict for JSON, and lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, final

from sws.net.load.histogram import Histogram
from sws.net.load.tally import Tally

__all__ = ["PERCENTILES", "RunFacts", "lines", "summary"]

PERCENTILES: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99)
_BUSY: Final = 0.9


@final
@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was asked for.

    Attributes:
      address:  where the connections led.
      rate:     requests a second wanted; None: as fast as answers came.
    """

    urls: tuple[str, ...]
    address: str
    method: str
    http: str
    connections: int
    workers: int
    duration: float
    rate: float | None


def _latency(histogram: Histogram) -> dict[str, Any]:
    """Microseconds."""
    values = histogram.percentiles(PERCENTILES)
    return {
        "count": histogram.count,
        "mean": round(histogram.mean / 1000, 3),
        "min": (histogram.minimum if histogram.count else 0) / 1000,
        "max": histogram.maximum / 1000,
        "percentiles": {f"{percent:g}": value / 1000 for percent, value in zip(PERCENTILES, values, strict=True)},
    }


def summary(facts: RunFacts, tally: Tally) -> dict[str, Any]:
    """Everything, for JSON; latencies in microseconds.

    `latency_us` counts from the moment when a request was to be sent; `latency_uncorrected_us`, at a constant rate only, from when it was.
    """
    seconds = tally.seconds or 1.0
    found: dict[str, Any] = {
        "urls": list(facts.urls),
        "address": facts.address,
        "method": facts.method,
        "http": facts.http,
        "connections": facts.connections,
        "workers": facts.workers,
        "duration": facts.duration,
        "rate": facts.rate,
        "seconds": round(tally.seconds, 6),
        "requests": {"succeeded": tally.succeeded, "done": tally.done, "failed": tally.failed, "unfinished": tally.unfinished},
        "requests_per_second": round(tally.done / seconds, 3),
        "octets": tally.octets,
        "octets_per_second": round(tally.octets / seconds, 3),
        "statuses": {str(status): tally.statuses[status] for status in sorted(tally.statuses)},
        "errors": {kind: tally.errors[kind] for kind in sorted(tally.errors)},
        "connections_opened": tally.opened,
        "generator_cpu": round(tally.cpu_seconds / seconds / facts.workers, 3),
        "latency_us": _latency(tally.latency),
    }
    if facts.rate is not None:
        found["latency_uncorrected_us"] = _latency(tally.uncorrected)
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """A summary for people; latencies in milliseconds."""
    urls = found["urls"]
    yield f"target       {urls[0]}{f' and {len(urls) - 1} more' if len(urls) > 1 else ''} at {found['address']}, HTTP/{found['http']}"
    load = "as fast as it answers" if found["rate"] is None else f"{found['rate']:g} requests a second"
    yield f"load         {found['connections']} connections, {found['workers']} workers, {load}, {found['seconds']:.2f} s"
    requests = found["requests"]
    yield f"requests     {requests['done']} answered, {requests['failed']} failed, {requests['unfinished']} unfinished"
    yield f"rate         {found['requests_per_second']:.1f} requests a second, {found['octets_per_second'] / 1e6:.2f} MB a second"
    yield f"statuses     {_counts(found['statuses'])}"
    yield f"errors       {_counts(found['errors'])}"
    yield f"connections  {found['connections_opened']} opened"
    both = [("latency ms", found["latency_us"])]
    if "latency_uncorrected_us" in found:
        both = [("from due ms", found["latency_us"]), ("from sent ms", found["latency_uncorrected_us"])]
    yield ""
    yield "             " + "".join(f"{title:>14}" for title, _ in both)
    for name in ("min", "mean"):
        yield f"{name:>12} " + "".join(f"{values[name] / 1000:14.3f}" for _, values in both)
    for percent in both[0][1]["percentiles"]:
        yield f"{percent + ' %':>12} " + "".join(f"{values['percentiles'][percent] / 1000:14.3f}" for _, values in both)
    yield f"{'max':>12} " + "".join(f"{values['max'] / 1000:14.3f}" for _, values in both)
    if found["rate"] is None and found["generator_cpu"] >= _BUSY:  # a constant rate is waited for by turning the loop
        yield ""
        yield f"The generator itself used {found['generator_cpu']:.0%} of a core: it may be what was measured. Try more --workers."


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none"
