# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a run is told as."""

from __future__ import annotations

import json
from collections import Counter

from sws.net.load.histogram import Histogram
from sws.net.load.report import RunFacts, lines, summary
from sws.net.load.tally import Tally


def tally() -> Tally:
    """1000 requests of 1..1000 ms, some failed."""
    latency, uncorrected = Histogram(), Histogram()
    for number in range(1, 1001):
        latency.record(number * 1_000_000)
        uncorrected.record(1_000_000)
    return Tally(latency, uncorrected, Counter({200: 990, 404: 10}), Counter({"timeout": 3, "closed": 1}), 5_000_000, 7, 2, 10.0, 9.5)


def facts(rate: float | None = None, urls: tuple[str, ...] = ("http://a/",), workers: int = 1) -> RunFacts:
    """What was asked for."""
    return RunFacts(urls, "127.0.0.1:80", "GET", "1.1", 64, workers, 10.0, rate)


def test_summary() -> None:
    found = json.loads(json.dumps(summary(facts(), tally())))
    assert found["requests"] == {"succeeded": 990, "done": 1000, "failed": 4, "unfinished": 2}
    assert found["requests_per_second"] == 100.0
    assert found["octets_per_second"] == 500_000.0
    assert found["statuses"] == {"200": 990, "404": 10}
    assert found["errors"] == {"closed": 1, "timeout": 3}
    assert (found["rate"], found["generator_cpu"], found["connections_opened"]) == (None, 0.95, 7)
    latency = found["latency_us"]
    assert list(latency["percentiles"]) == ["50", "75", "90", "95", "99", "99.9", "99.99"]
    for percent, value in latency["percentiles"].items():
        right = -(-1000 * float(percent) // 100) * 1000
        assert right <= value <= right * (1 + 1 / 1024)
    assert (latency["min"], latency["mean"], latency["max"], latency["count"]) == (1000.0, 500_500.0, 1_000_000.0, 1000)
    assert "latency_uncorrected_us" not in found


def test_both_latencies_at_a_constant_rate() -> None:
    found = summary(facts(100.0), tally())
    assert found["latency_uncorrected_us"]["max"] == 1000.0
    shown = list(lines(found))
    assert any("from due ms" in line and "from sent ms" in line for line in shown)
    assert any(line.split() == ["max", "1000.000", "1.000"] for line in shown)
    assert not any("generator" in line for line in shown)


def test_lines() -> None:
    shown = "\n".join(lines(summary(facts(urls=("http://a/", "http://a/b"), workers=2), tally())))
    for part in (
        "http://a/ and 1 more at 127.0.0.1:80, HTTP/1.1", "64 connections, 2 workers, as fast as it answers, 10.00 s",
        "1000 answered, 4 failed, 2 unfinished", "100.0 requests a second, 0.50 MB a second", "200: 990, 404: 10", "closed: 1, timeout: 3",
    ):  # fmt: skip
        assert part in shown
    assert "generator" not in shown  # half a core each
    assert "used 95% of a core" in "\n".join(lines(summary(facts(), tally())))


def test_nothing_happened() -> None:
    found = summary(facts(), Tally())
    assert (found["requests_per_second"], found["latency_us"]["min"], found["latency_us"]["max"]) == (0.0, 0.0, 0.0)
    assert "errors       none" in list(lines(found))


def test_tallies_add_up_and_travel() -> None:
    total = Tally()
    for _ in range(2):
        total.add(Tally.from_dict(json.loads(json.dumps(tally().to_dict()))))
    assert (total.done, total.succeeded, total.failed, total.octets, total.opened, total.unfinished) == (2000, 1980, 8, 10_000_000, 14, 4)
    assert (total.seconds, total.cpu_seconds, total.latency.count, total.uncorrected.count) == (10.0, 19.0, 2000, 2000)
