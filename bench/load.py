# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Service under load that is meant to hurt: `python -m bench.load`

One worker, loopback only, bounded in count and time.  Each scene runs while a probe asks for a small file ten times a second; what
counts is that every probe is answered, how soon, and what a connection costs.

    idle         10,000 connections that made one request and stay: resident memory of each
    active       how much slower 64 busy connections are served while these 10,000 idle: two servers, one with them and one without,
                 measured in turns by wrk (bench.h1's workload); median of the rounds' ratios, and the same in CPU time a request
    slow-loris   2,000 connections that send a head octet by octet: told 408, and meanwhile nobody waits for them
    rst          20,000 connections reset after a part of a request
    half         2,000 connections that send a request and close their half: answered
    descriptors  twice as many connections as descriptors: no spinning meanwhile, service afterwards
    log full     the access log on a full disk: answered nevertheless

A bar that is missed, or a probe that failed, makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.h1 import measure
from bench.servers import HERE, free_port, make_site, on_core

_BIND_ADDRESS_NO_PORT = 24  # of Linux; the socket module has no name for it before 3.12
REQUEST = b"GET /f/1.txt HTTP/1.1\r\nHost: a\r\nUser-Agent: load\r\n\r\n"


@contextmanager
def server(site: pathlib.Path, log: str | None = None) -> Iterator[tuple[int, int]]:
    """A server with one worker.  Yields: port, worker's process id."""
    port = free_port()
    config = site.parent / f"sws-{port}.yaml"
    log_line = f"\n  log: {{file: {log}}}" if log else "\n  log: {access: false, level: error}"
    config.write_text(
        f'server:\n  listen: ["http://127.0.0.1:{port}"]\n  root: {site}\n  worker: {{processes: 1}}{log_line}\n'
        "  timeouts: {idle: 300s, head: 20s}\n"
    )
    process = subprocess.Popen(
        on_core(0, [sys.executable, "-m", "sws", "start", "-c", str(config)]),
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline().startswith(b"listening"):
            raise RuntimeError("the server did not start")
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield port, int(children[0])
    finally:
        process.terminate()
        process.wait(60)


class Probe:
    """Asks ten times a second on connections of its own, and keeps what it saw."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.times: list[float] = []
        self.failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            begin = time.perf_counter()
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
                    client.sendall(REQUEST)
                    if not client.recv(100).startswith(b"HTTP/1.1 200"):
                        raise OSError("no 200")
                self.times.append(time.perf_counter() - begin)
            except OSError:
                self.failures += 1

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, float]:
        """Counts and milliseconds."""
        ordered = sorted(self.times) or [0.0]
        return {
            "answered": len(self.times),
            "failed": self.failures,
            "median_ms": round(ordered[len(ordered) // 2] * 1000, 1),
            "worst_ms": round(ordered[-1] * 1000, 1),
        }


def resident(pid: int) -> int:
    """Octets."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def connect(port: int) -> socket.socket:
    """One connection; loopback has ports enough when the source address varies."""
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)  # else finding a free port takes the kernel longer than all the rest
    connect.count += 1  # type: ignore[attr-defined]
    sock.bind((f"127.0.0.{2 + connect.count // 20000 % 250}", 0))  # type: ignore[attr-defined]
    sock.connect(("127.0.0.1", port))
    return sock


connect.count = 0  # type: ignore[attr-defined]


def idle_clients(port: int, count: int) -> list[socket.socket]:
    """Connections that made one request and stay."""
    clients = []
    for _ in range(count):
        client = connect(port)
        client.sendall(REQUEST)
        client.recv(2000)
        clients.append(client)
    return clients


def idle(port: int, pid: int, count: int) -> dict[str, float]:
    """Idle keep-alive connections."""
    before = resident(pid)
    clients = idle_clients(port, count)
    time.sleep(1)
    each = (resident(pid) - before) / count
    out = {"connections": count, "kib_each": round(each / 1024, 2)}
    for client in clients:
        client.close()
    return out


def active(site: pathlib.Path, count: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Busy connections beside idle ones."""
    with server(site) as beside, server(site) as alone, Probe(beside[0]) as probe:
        clients = idle_clients(beside[0], count)
        pairs = []
        for server_port, pid in (beside, alone):
            measure(server_port, pid, 1, 64)
        for number in range(rounds):
            order = (beside, alone) if number % 2 else (alone, beside)  # whoever comes second in a round may have it easier
            found = {each: measure(*each, seconds, 64) for each in order}
            pairs.append((found[beside], found[alone]))
        for client in clients:
            client.close()
    drops = [100 * (1 - rate / rate_alone) for (rate, _), (rate_alone, _) in pairs]
    cpu = [100 * (1 - cpu_alone / cpu) for (_, cpu), (_, cpu_alone) in pairs]
    return {
        "connections": count,
        "rate": round(statistics.median(rate for (rate, _), _ in pairs)),
        "rate_alone": round(statistics.median(rate for _, (rate, _) in pairs)),
        "drop_percent": round(statistics.median(drops), 1),
        "drops": [round(drop, 1) for drop in sorted(drops)],
        "cpu_drop_percent": round(statistics.median(cpu), 1),
        "cpu_drops": [round(drop, 1) for drop in sorted(cpu)],
        "probe": probe.figures(),
    }


def slow_loris(port: int, _pid: int, count: int) -> dict[str, float]:
    """Heads that come octet by octet, until the server has had enough."""
    clients = [connect(port) for _ in range(count)]
    began = time.monotonic()
    cut = 0
    for position in range(25):
        for client in clients:
            try:
                client.send(REQUEST[position : position + 1])
            except OSError:
                cut += 1
        time.sleep(1)
        if cut >= count:
            break
    answered = 0
    for client in clients:
        client.settimeout(1)
        try:
            answered += client.recv(20).startswith(b"HTTP/1.1 408")
        except OSError:
            pass
        client.close()
    return {"connections": count, "told_408": answered, "seconds": round(time.monotonic() - began, 1)}


def resets(port: int, _pid: int, count: int) -> dict[str, float]:
    """Half a request, then a reset."""
    began = time.monotonic()
    for number in range(count):
        client = connect(port)
        client.send(REQUEST[: number % len(REQUEST)] or b"G")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    return {"connections": count, "seconds": round(time.monotonic() - began, 1)}


def half_closed(port: int, _pid: int, count: int) -> dict[str, float]:
    """A request, then the client's half closed: it is still answered."""
    clients = []
    for _ in range(count):
        client = connect(port)
        client.sendall(REQUEST)
        client.shutdown(socket.SHUT_WR)
        clients.append(client)
    answered = 0
    for client in clients:
        client.settimeout(5)
        answered += client.recv(2000).startswith(b"HTTP/1.1 200")
        client.close()
    return {"connections": count, "answered": answered}


def descriptors(port: int, pid: int, count: int) -> dict[str, float]:
    """More connections than descriptors."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, count))
    clients = [connect(port) for _ in range(count * 2)]
    time.sleep(2)
    ticks = cpu_ticks(pid)
    time.sleep(1)
    spent = (cpu_ticks(pid) - ticks) * 1.0
    for client in clients:
        client.close()
    with connect(port) as client:
        client.settimeout(5)
        client.sendall(REQUEST)
        served = client.recv(100).startswith(b"HTTP/1.1 200")
    return {"limit": count, "connections": count * 2, "cpu_percent_while_full": spent, "served_afterwards": int(served)}


def cpu_ticks(pid: int) -> int:
    """Hundredths of a second of CPU time."""
    values = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(values[11]) + int(values[12])


#: scene -> figure, the bar, and whether more is better
BARS: dict[str, tuple[str, float, bool]] = {
    "idle": ("kib_each", 12, False),
    "active": ("drop_percent", 10, False),
    "slow-loris": ("told_408", 2000, True),
    "half": ("answered", 2000, True),
    "descriptors": ("served_afterwards", 1, True),
    "log full": ("answered", 2000, True),
}


def judge(name: str, row: dict[str, Any]) -> tuple[str, bool]:
    """What was wanted of a scene, and whether it came."""
    served = not row["probe"]["failed"] or name == "descriptors"  # where nobody can be let in, a probe may have to wait too long
    if name not in BARS:
        return "every probe answered", served
    figure, bar, more = BARS[name]
    return f"{figure} {'>=' if more else '<='} {bar:g}", served and (row[figure] >= bar if more else row[figure] <= bar)


def show(name: str, row: dict[str, Any]) -> bool:
    """One line of the table; whether the bar was met."""
    wanted, met = judge(name, row)
    probe = row["probe"]
    shown = " ".join(f"{key}={value}" for key, value in row.items() if key != "probe")
    seen = f"{probe['answered']}+{probe['failed']}  {probe['median_ms']:.1f} / {probe['worst_ms']:.1f}"
    print(f"{name:<12}{seen:<24}{wanted:<25}{'met' if met else 'MISSED':<8}{shown}", flush=True)
    return met


def main() -> None:
    """Play all scenes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--idle", type=int, default=10000, help="how many idle connections")
    parser.add_argument("--rounds", type=int, default=5, help="of the scene `active`")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a round")
    parser.add_argument("--only", help="comma-separated scenes")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < arguments.idle + 200:
        sys.exit(
            f"{arguments.idle} connections need as many descriptors; there are {hard}: raise the limit (ulimit -Hn), or take fewer (--idle)"
        )
    scenes: dict[str, tuple[Callable[[int, int, int], dict[str, Any]], int, str | None]] = {
        "idle": (idle, arguments.idle, None),
        "slow-loris": (slow_loris, 2000, None),
        "rst": (resets, 20000, None),
        "half": (half_closed, 2000, None),
        "descriptors": (descriptors, 200, None),
        "log full": (half_closed, 2000, "/dev/full"),
    }
    names = arguments.only.split(",") if arguments.only else ["idle", "active", *list(scenes)[1:]]
    print(f"{'scene':<12}{'probes  median / ms':<24}{'bar':<25}{'':<8}figures")
    rows: dict[str, dict[str, Any]] = {}
    met = True
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(pathlib.Path(folder) / "site")
        for name in names:
            if name == "active":
                if shutil.which("wrk") is None:
                    print("active      not measured: it needs wrk")
                    continue
                rows[name] = active(site, arguments.idle, arguments.rounds, arguments.seconds)
            else:
                scene, count, log = scenes[name]
                with server(site, log) as (port, pid), Probe(port) as probe:
                    figures = scene(port, pid, count)
                    time.sleep(0.5)
                rows[name] = {**figures, "probe": probe.figures()}
            met = show(name, rows[name]) and met
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")
    sys.exit(not met)


if __name__ == "__main__":
    main()
