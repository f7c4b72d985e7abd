# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/1.1 requests a second beside other servers: `python -m bench.h1`

Workload: wrk with 64 connections on one core, each server alone on another; 500 URLs of 1 KiB, full heads with fields that vary
(h1_workload.lua).  Rounds are interleaved, so that a noisy moment hits all; a figure is the median over rounds of the ratio within the
round, with the spread.  uvicorn answers the same octets from memory, nginx and sws from files.
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

from bench.servers import HERE, commands, free_port, make_site, on_core, running


def rate(port: int, seconds: float, connections: int) -> float:
    """Requests a second as wrk sees them.  Raises: RuntimeError if any failed."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(HERE / "h1_workload.lua"), f"http://127.0.0.1:{port}/"]
    out = subprocess.run(on_core(1, command), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", out)
    if found is None:
        raise RuntimeError(out)
    return float(found.group(1))


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
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as work, ExitStack() as stack:
        site = make_site(pathlib.Path(work) / "site")
        ports: dict[str, int] = {}
        names = list(commands(site, 0, pathlib.Path(work)))
        for name in names:
            if arguments.only and name not in arguments.only.split(","):
                continue
            ports[name] = free_port()
            folder = pathlib.Path(work) / name
            folder.mkdir()
            command = commands(site, ports[name], folder)[name]
            stack.enter_context(running(name, command, site, ports[name]))
        for name, port in ports.items():
            rate(port, 6 if "pypy" in name else 1, arguments.connections)
        for _ in range(arguments.rounds):
            for name, port in ports.items():
                rates.setdefault(name, []).append(rate(port, arguments.seconds, arguments.connections))
    base = rates.get(arguments.against) or next(iter(rates.values()))
    print(f"{'server':<14}{'req/s':>9}{'ratio':>8}{'spread':>16}   (against {arguments.against})")
    rows = {}
    for name, values in rates.items():
        ratios = [value / other for value, other in zip(values, base, strict=True)]
        rows[name] = {"rate": statistics.median(values), "ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
        row = rows[name]
        print(f"{name:<14}{row['rate']:>9.0f}{row['ratio']:>8.2f}{row['low']:>9.2f}..{row['high']:.2f}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
