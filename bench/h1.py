# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/1.1 requests a second beside other servers: `python -m bench.h1`

Workload: wrk with 64 connections on one core, each server alone on another; 500 URLs of 1 KiB, full heads with fields that vary
(h1_workload.lua).  Rounds are interleaved, so that a noisy moment hits all; a figure is the median over rounds of the ratio within the
round, with the spread.  uvicorn and granian answer the same octets from memory, nginx and sws from files.

Two figures: requests a second, and the server's CPU time a request, which a machine shared with others disturbs less.  The ratio in
CPU time is the peer's time by ours, so that more is better in both columns.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from bench.servers import HERE, commands, cpu_seconds, free_port, make_site, on_core, running, versions


def measure(port: int, pid: int, seconds: float, connections: int) -> tuple[float, float]:
    """Requests a second as wrk sees them, and microseconds of the server's CPU time for each.  Raises: RuntimeError if any failed."""
    before = cpu_seconds(pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(HERE / "h1_workload.lua"), f"http://127.0.0.1:{port}/"]
    out = subprocess.run(on_core(1, command), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    found = re.search(r"([0-9]+) requests in .*Requests/sec:\s+([0-9.]+)", out, re.DOTALL)
    if found is None:
        raise RuntimeError(out)
    return float(found.group(2)), (cpu_seconds(pid) - before) * 1e6 / int(found.group(1))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--only", help="comma-separated names")
    parser.add_argument("--against", default="uvicorn-std")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("bench.h1 needs wrk")
    rounds: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as work, ExitStack() as stack:
        site = make_site(pathlib.Path(work) / "site")
        ports: dict[str, tuple[int, int]] = {}
        names = list(commands(site, 0, pathlib.Path(work)))
        for name in names:
            if arguments.only and name not in arguments.only.split(","):
                continue
            port = free_port()
            folder = pathlib.Path(work) / name
            folder.mkdir()
            process = stack.enter_context(running(name, commands(site, port, folder)[name], site, port))
            ports[name] = port, process.pid
        for name, (port, pid) in ports.items():
            measure(port, pid, 6 if "pypy" in name else 1, arguments.connections)
        for _ in range(arguments.rounds):
            for name, (port, pid) in ports.items():
                rounds.setdefault(name, []).append(measure(port, pid, arguments.seconds, arguments.connections))
    about = versions()
    print(", ".join(f"{name} {version}" for name, version in about.items()))
    rows = compare(rounds, rounds.get(arguments.against) or next(iter(rounds.values())))
    print(f"{'server':<14}{'req/s':>9}{'ratio':>8}{'spread':>16}{'CPU us':>9}{'ratio':>8}{'spread':>16}   (against {arguments.against})")
    for name, row in rows.items():
        print(
            f"{name:<14}{row['rate']:>9.0f}{row['ratio']:>8.2f}{row['low']:>9.2f}..{row['high']:<5.2f}"
            f"{row['cpu_us']:>9.1f}{row['cpu_ratio']:>8.2f}{row['cpu_low']:>9.2f}..{row['cpu_high']:.2f}"
        )
    if arguments.json:
        pathlib.Path(arguments.json).write_text(
            json.dumps({"versions": about, "against": arguments.against, "servers": rows}, indent=2) + "\n"
        )


def compare(rounds: dict[str, list[tuple[float, float]]], base: list[tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Medians over the rounds, and of the ratios within each round."""
    rows = {}
    for name, values in rounds.items():
        ratios = [rate / other for (rate, _), (other, _) in zip(values, base, strict=True)]
        cpu_ratios = [other / cpu for (_, cpu), (_, other) in zip(values, base, strict=True)]
        rows[name] = {
            "rate": statistics.median(rate for rate, _ in values),
            "ratio": statistics.median(ratios),
            "low": min(ratios),
            "high": max(ratios),
            "cpu_us": statistics.median(cpu for _, cpu in values),
            "cpu_ratio": statistics.median(cpu_ratios),
            "cpu_low": min(cpu_ratios),
            "cpu_high": max(cpu_ratios),
        }
    return rows


if __name__ == "__main__":
    main()
