# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Service under load that is meant to hurt: `python -m bench.load`

One worker, loopback only, bounded in count and time.  Each scene runs while a probe asks for a small file ten times a second; what
counts is that every probe is answered, how soon, and what a connection costs.

    idle        10,000 connections that made one request and stay
    slow-loris  2,000 connections that send a head octet by octet
    rst         20,000 connections reset after half a request
    half        2,000 connections that close their half and wait
    log         the log on a full disk
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.servers import HERE, free_port, make_site

REQUEST = b"GET /f/1.txt HTTP/1.1\r\nHost: a\r\nUser-Agent: load\r\n\r\n"


@contextmanager
def server(site: pathlib.Path, log: str | None = None) -> Iterator[tuple[int, int]]:
    """A server with one worker.  Yields: port, worker's process id."""
    port = free_port()
    config = site.parent / "sws.yaml"
    log_line = f"\n  log: {{file: {log}}}" if log else "\n  log: {access: false, level: error}"
    config.write_text(
        f'server:\n  listen: ["http://127.0.0.1:{port}"]\n  root: {site}\n  worker: {{processes: 1}}{log_line}\n'
        "  timeouts: {idle: 300s, head: 20s}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "sws", "start", "-c", str(config)],
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
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connect.count += 1  # type: ignore[attr-defined]
    sock.bind((f"127.0.0.{2 + connect.count // 20000}", 0))  # type: ignore[attr-defined]
    sock.connect(("127.0.0.1", port))
    return sock


connect.count = 0  # type: ignore[attr-defined]


def idle(port: int, pid: int, count: int) -> dict[str, float]:
    """Idle keep-alive connections."""
    before = resident(pid)
    clients = []
    for _ in range(count):
        client = connect(port)
        client.sendall(REQUEST)
        client.recv(2000)
        clients.append(client)
    time.sleep(1)
    each = (resident(pid) - before) / count
    out = {"connections": count, "octets_each": round(each)}
    for client in clients:
        client.close()
    return out


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
    out = {"limit": count, "connections": count * 2, "cpu_percent_while_full": (cpu_ticks(pid) - ticks) * 1.0}
    for client in clients:
        client.close()
    return out


def cpu_ticks(pid: int) -> int:
    """Hundredths of a second of CPU time."""
    values = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(values[11]) + int(values[12])


def main() -> None:
    """Play all scenes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--idle", type=int, default=10000)
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    scenes: list[tuple[str, Callable[[int, int, int], dict[str, float]], int, str | None]] = [
        ("idle", idle, arguments.idle, None),
        ("slow-loris", slow_loris, 2000, None),
        ("rst", resets, 20000, None),
        ("half", half_closed, 2000, None),
        ("descriptors", descriptors, 200, None),
        ("log full", half_closed, 2000, "/dev/full"),
    ]
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(pathlib.Path(folder) / "site")
        for name, scene, count, log in scenes:
            with server(site, log) as (port, pid), Probe(port) as probe:
                figures = scene(port, pid, count)
                time.sleep(0.5)
            rows[name] = {**figures, "probe": probe.figures()}
            print(f"{name:<12} {json.dumps(rows[name])}", flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")
    sys.exit(any(row["probe"]["failed"] for name, row in rows.items() if name != "descriptors"))


if __name__ == "__main__":
    main()
