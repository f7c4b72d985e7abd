# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3: the server's processor time for a request of 1 KiB, beside hypercorn's (aioquic, with C cryptography).  `python -m bench.h3`

Eight clients of ngtcp2 (C, with GnuTLS) at once, each with one connection and as many streams as it is let; the server alone on one core,
the clients on another.  Rounds are interleaved; a figure is the median of the ratios within the rounds, with the spread.  Handshakes are
measured likewise, with clients of one request, after `sws benchmark` has made connections of one request for some seconds: a process that
makes many of them, where starting clients would take most of the time.  PYPY names a PyPy that has PyYAML and click, options behind it if
wanted, for a further row, which is warmed up for longer; COMPILED a CPython whose sws has the compiled kernels (`SWS_MYPYC=1` at install).
A server that does not answer has a row that says so.  The clients are quiet, since what they print costs them more than what they ask.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from bench.servers import cpu_seconds, free_port, make_site, on_core

CLIENTS = 8
HANDSHAKES = 20 * CLIENTS
PASSES = 2  # the last is measured
PYPY_PASSES = 18
WARM = 4  # seconds
PYPY_WARM = 20


def make_pair(folder: Path) -> None:
    """A key and its certificate in folder/c.pem and folder/k.pem."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "k.pem")]
    subprocess.run([*command, "-out", str(folder / "c.pem")], check=True, capture_output=True)


def servers(folder: Path, site: Path) -> dict[str, list[str]]:
    """Name -> command, with PORT for the port."""
    pair = ["--cert", str(folder / "c.pem"), "--key", str(folder / "k.pem")]
    ours = ["-m", "sws", "start", "--root", str(site), "--listen", "https://127.0.0.1:PORT", "--workers", "0", "--no-access-log", *pair]
    found = {"sws": [sys.executable, *ours]}
    if pypy := os.environ.get("PYPY"):
        found["sws on PyPy"] = [*pypy.split(), *ours]
    if compiled := os.environ.get("COMPILED"):
        found["sws compiled"] = ["env", "-C", str(folder), compiled, *ours]  # from here it would take the sources beside it
    hypercorn = [sys.executable, "-m", "hypercorn", "--quic-bind", "127.0.0.1:PORT", "--bind", "127.0.0.1:PORT", "--workers", "0"]
    found["hypercorn"] = [*hypercorn, "--certfile", pair[1], "--keyfile", pair[3], "bench.peer_app:app"]
    return found


def load(command: list[str], requests: int, connections: int, passes: int, warm: int = 0) -> tuple[float, float, int]:
    """Processor seconds of the server, wall seconds, and how many requests were answered.

    Args:
      passes:  the last counts.
      warm:    seconds of connections with one request each, before.
    """
    port = free_port()
    server = subprocess.Popen(
        on_core(0, [part.replace("PORT", str(port)) for part in command]), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    client = client_of(port, requests)
    try:
        if not is_answered_soon(client, server):
            return 0.0, 0.0, 0
        if warm:
            connect_often(client[-1], warm)
        for _ in range(passes):
            before, begin = cpu_seconds(server.pid), time.monotonic()
            answered = sum(ask(client, min(CLIENTS, connections - at)) for at in range(0, connections, CLIENTS))
            took, wall = cpu_seconds(server.pid) - before, time.monotonic() - begin
        return took, wall, answered
    finally:
        server.terminate()
        server.wait()


def connect_often(url: str, seconds: int) -> None:
    """Connections of one request, for so long."""
    command = [sys.executable, "-m", "sws", "benchmark", "--http", "3", "--url", url, "--requests-per-connection", "1"]
    command += ["--concurrency", str(CLIENTS), "--duration", str(seconds), "--no-progress"]
    subprocess.run(on_core(1, command), stdout=subprocess.DEVNULL, check=True)


def client_of(port: int, requests: int) -> list[str]:
    """The command of one client: one connection, so many requests, the address last."""
    return ["gtlsclient", "--exit-on-all-streams-close", "-n", str(requests), "127.0.0.1", str(port), f"https://localhost:{port}/f/7.txt"]


def is_answered_soon(client: list[str], server: subprocess.Popen[bytes], seconds: int = 15) -> bool:
    """Ask until a server that starts answers, or ends, or so much time is over."""
    until = time.monotonic() + seconds
    while not (alive := is_answered(client)) and server.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    return alive


def is_answered(client: list[str]) -> bool:
    """Ask once, and look at what comes."""
    said = subprocess.run([*client[:3], "1", *client[4:]], capture_output=True, check=False, timeout=60)
    return b"[:status: 200]" in said.stderr


def ask(client: list[str], count: int) -> int:
    """Run so many clients at once; returns how many requests were answered: all of a client that ended well, or none."""
    command = on_core(1, [client[0], "-q", *client[1:]])
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(count)]
    answered = 0
    for process in running:
        try:
            answered += int(client[3]) if process.wait(60) == 0 else 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return answered


def table(times: dict[str, dict[str, list[float | None]]]) -> Iterator[str]:
    """What was found, each beside hypercorn."""
    for what, rows in times.items():
        for server, values in rows.items():
            found = [value for value in values if value is not None]
            pairs = [(ours, theirs) for ours, theirs in zip(values, rows["hypercorn"], strict=True) if ours and theirs]
            if not found:
                yield f"{what:<10} {server:<12} no answer"
                continue
            ratios = [theirs / ours for ours, theirs in pairs]
            beside = (
                f"{statistics.median(ratios):.2f}x hypercorn ({min(ratios):.2f}..{max(ratios):.2f})" if ratios else "nothing to compare"
            )
            yield f"{what:<10} {server:<12} {statistics.median(found) * 1e6:8.0f} us of the server: {beside}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=1000)
    options = parser.parse_args()
    if shutil.which("gtlsclient") is None:
        sys.exit("gtlsclient (Debian: ngtcp2-client) is needed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = make_site(folder / "site")
        make_pair(folder)
        os.environ["BENCH_ROOT"] = str(site)
        times: dict[str, dict[str, list[float | None]]] = {"request": {}, "handshake": {}}
        for _ in range(options.rounds):
            for server, command in servers(folder, site).items():
                passes, warm = (PYPY_PASSES, PYPY_WARM) if "PyPy" in server else (PASSES, WARM)
                took, wall, answered = load(command, options.requests, CLIENTS, passes)
                whole = answered == options.requests * CLIENTS
                times["request"].setdefault(server, []).append(took / answered if whole else None)
                rate = f"{answered / wall:.0f} requests/s, {took / answered * 1e6:.0f} us each" if answered else "no answer"
                took, wall, answered = load(command, 1, HANDSHAKES, passes, warm)
                times["handshake"].setdefault(server, []).append(took / answered if answered == HANDSHAKES else None)
                print(f"  {server}: {rate}; {took / answered * 1e6 if answered else 0:.0f} us a handshake", flush=True)
        print(f"{sys.implementation.name} {sys.version.split()[0]}, hypercorn {version('hypercorn')}, aioquic {version('aioquic')}")
        print("\n".join(table(times)))


if __name__ == "__main__":
    main()
