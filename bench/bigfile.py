# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One large file beside nginx: `python -m bench.bigfile`

Workload: a file of 1 GiB, in the page cache, asked for over one connection at a time; server on one core, client on another.  The client
takes octets from its socket without copying them (MSG_TRUNC), so that it is the server that is measured; a first transfer to each is
read and compared.  Rounds are interleaved; a figure is the median over rounds of the ratio within the round.

Memory is the growth of the serving process's peak of resident memory: `first` over the first transfer, `later` over all that follow.
The bar holds for both together; for PyPy, which compiles its loops during the first one, for the later ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack

from bench.servers import commands, cpu_seconds, free_port, make_site, running, versions

BARS = {"ratio": 0.8, "growth_mib": 5.0}
PIECE = 1 << 20


def make_file(path: pathlib.Path, octets: int) -> str:
    """A file that no other of its kind is like.  Returns: its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while octets > 0:
            piece = os.urandom(min(octets, PIECE))
            digest.update(piece)
            file.write(piece)
            octets -= len(piece)
    return digest.hexdigest()


def fetch(port: int, octets: int, digest: str | None) -> float:
    """One transfer.  Returns: seconds.  Raises: RuntimeError unless all came, and as it should be if `digest` is given."""
    buffer = bytearray(PIECE)
    seen = hashlib.sha256()
    flags = 0 if digest else socket.MSG_TRUNC
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        begin = time.perf_counter()
        client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1 if len(head) < 4096 else 0)  # octet by octet: none of the content may be in it
            if not head.startswith(b"HTTP/1.1 200"[: len(head)]):
                raise RuntimeError(f"no 200 but {head!r}")
        left = octets
        while left > 0:
            count = client.recv_into(buffer, PIECE, flags)
            if count == 0:
                raise RuntimeError(f"{left} octets are missing")
            if digest:
                seen.update(memoryview(buffer)[:count])
            left -= count
        taken = time.perf_counter() - begin
        if client.recv(1) or left:
            raise RuntimeError("more came than the file has")
    if digest and seen.hexdigest() != digest:
        raise RuntimeError("the content is another")
    return taken


def processes(pid: int) -> list[int]:
    """A process and all below it."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in processes(int(child)))]


def peak(pid: int) -> dict[int, int]:
    """Of each process, the most octets that were ever resident."""
    found = {}
    for each in processes(pid):
        status = pathlib.Path(f"/proc/{each}/status").read_text()
        found[each] = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--only", help="comma-separated names", default="nginx,sws,sws-pypy")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if shutil.which("nginx") is None:
        sys.exit("bench.bigfile needs nginx")
    octets = arguments.mib << 20
    rounds: dict[str, list[tuple[float, float]]] = {}
    growth: dict[str, tuple[float, float]] = {}
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as work, ExitStack() as stack:
        site = make_site(pathlib.Path(work) / "site")
        digest = make_file(site / "big", octets)
        servers = {}
        for name in commands(site, 0, pathlib.Path(work)):
            if name in arguments.only.split(","):
                port = free_port()
                folder = pathlib.Path(work) / name
                folder.mkdir()
                process = stack.enter_context(running(name, commands(site, port, folder)[name], site, port))
                servers[name] = port, process.pid
        for port, _ in servers.values():
            make_request_first(port)
        before = {name: peak(pid) for name, (_, pid) in servers.items()}
        for port, _ in servers.values():
            fetch(port, octets, digest)
        between = {name: peak(pid) for name, (_, pid) in servers.items()}
        for _ in range(arguments.rounds):
            for name, (port, pid) in servers.items():
                cpu = cpu_seconds(pid)
                taken = fetch(port, octets, None)
                rounds.setdefault(name, []).append((octets / taken, cpu_seconds(pid) - cpu))
        for name, (_, pid) in servers.items():
            after = peak(pid)
            growth[name] = most_growth(before[name], between[name]), most_growth(between[name], after)
    sys.exit(not report(rounds, growth, arguments.json))


def most_growth(before: dict[int, int], after: dict[int, int]) -> float:
    """MiB, of the process that grew most."""
    return max(octets - before.get(each, 0) for each, octets in after.items()) / 2**20


def make_request_first(port: int) -> None:
    """A server's memory settles with its first request."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET /f/1.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while client.recv(65536):
            pass


def report(rounds: dict[str, list[tuple[float, float]]], growth: dict[str, tuple[float, float]], file: str | None) -> bool:
    """Table, JSON; whether sws met its bars."""
    about = versions()
    print(", ".join(f"{name} {version}" for name, version in about.items()))
    print(f"{'server':<12}{'MiB/s':>8}{'ratio':>7}{'spread':>14}{'CPU s':>8}{'growth MiB, first, later':>26}   (against nginx)")
    rows: dict[str, dict[str, float]] = {}
    met = True
    for name, values in rounds.items():
        ratios = [rate / other for (rate, _), (other, _) in zip(values, rounds["nginx"], strict=True)]
        row = {
            "rate_mib": statistics.median(rate for rate, _ in values) / 2**20,
            "ratio": statistics.median(ratios),
            "low": min(ratios),
            "high": max(ratios),
            "cpu_seconds": statistics.median(cpu for _, cpu in values),
            "growth_first_mib": growth[name][0],
            "growth_later_mib": growth[name][1],
        }
        rows[name] = row
        grown = growth[name][1] + (0 if "pypy" in name else growth[name][0])
        good = row["ratio"] >= BARS["ratio"] and grown < BARS["growth_mib"]
        met = met and (good or name == "nginx")
        print(
            f"{name:<12}{row['rate_mib']:>8.0f}{row['ratio']:>7.2f}{row['low']:>7.2f}..{row['high']:<5.2f}{row['cpu_seconds']:>8.2f}"
            f"{row['growth_first_mib']:>18.1f}{row['growth_later_mib']:>8.1f}{'' if good or name == 'nginx' else '   MISSED'}"
        )
    if file:
        pathlib.Path(file).write_text(json.dumps({"versions": about, "bars": BARS, "servers": rows}, indent=2) + "\n")
    return met


if __name__ == "__main__":
    main()
