# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QUIC: processor time of a server for a MiB of one stream, beside aioquic's with its C cryptography.  `python -m bench.quic`

The client is ngtcp2's (C, with GnuTLS): its own processor time is shown too, since a client that is busier than the server would be what is
measured.  Rounds are interleaved; the ratio of each round is taken, then the median.  UDP payloads are at most 1452 octets on both sides,
congestion control (CUBIC) and pacing are on.  Servers: ours on this Python, ours on PyPy if PYPY names one, aioquic on this Python.

Each server serves the same transfer several times, each to a new client.  The ratio is given for the first, with all that a process must do
once (PyPy's JIT compiles), and for the last, with which a server spends its life; both sides are treated the same.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from sws.os.pypy import ROOM

CIPHERS = {"1301": "AES-128-GCM", "1303": "CHACHA20-POLY1305"}
PRIORITY = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+"


def free_port() -> int:
    """A UDP port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def cpu_of(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def transfers(server: list[str], octets: int, suite: str, folder: Path, times: int) -> tuple[list[tuple[float, float, float]], str]:
    """For each transfer the server's and the client's processor seconds, wall seconds; what the server says at its end."""
    port = free_port()
    command = [*server, "--port", str(port), "--octets", str(octets), "--cert", str(folder / "c.pem"), "--key", str(folder / "k.pem")]
    environment = {"PYPY_GC_MIN": ROOM, **os.environ}  # as `sws start` has it
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        found = []
        for _ in range(times):
            before = cpu_of(process.pid)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.monotonic()
            subprocess.run(
                [
                    "gtlsclient", "-q", "--exit-on-all-streams-close", f"--ciphers={PRIORITY}{CIPHERS[suite]}",
                    "--max-udp-payload-size=1452", "127.0.0.1", str(port), f"https://localhost:{port}/x",
                ],
                check=True, capture_output=True, timeout=300,
            )  # fmt: skip
            wall = time.monotonic() - start
            client = resource.getrusage(resource.RUSAGE_CHILDREN)
            theirs = client.ru_utime + client.ru_stime - used.ru_utime - used.ru_stime
            found.append((cpu_of(process.pid) - before, theirs, wall))
        process.terminate()
        said = process.stdout.read().strip()
        return found, said
    finally:
        process.kill()
        process.wait()


def compared(ours: list[list[float]], theirs: list[list[float]]) -> str:
    """How good we are beside the peer in the first and in the last transfer: medians over the rounds, and their spread."""
    said = []
    for name, index in (("first", 0), ("last", -1)):
        ratios = [peer[index] / our[index] for our, peer in zip(ours, theirs, strict=True)]
        said.append(f"{statistics.median(ratios):.2f}x as good as aioquic in the {name} transfer ({min(ratios):.2f} to {max(ratios):.2f})")
    return ", ".join(said)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--transfers", type=int, default=6, help="of each server in each round; PyPy goes on compiling for some of them")
    parser.add_argument("--suites", default="1303,1301")
    parser.add_argument("--no-offload", action="store_true")
    options = parser.parse_args()
    if shutil.which("gtlsclient") is None:
        sys.exit("bench.quic needs ngtcp2's gtlsclient (Debian: ngtcp2-client)")
    octets = options.mib << 20
    live = ["-m", "tests.kit.quic_live", *(["--no-offload"] if options.no_offload else [])]
    pypy = os.environ.get("PYPY", "pypy3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
             "-keyout", str(folder / "k.pem"), "-out", str(folder / "c.pem"), "-days", "2"],
            check=True, capture_output=True,
        )  # fmt: skip
        print(f"{options.mib} MiB, offload {'off' if options.no_offload else 'on'}, aioquic {version('aioquic')}")
        for suite in options.suites.split(","):
            servers = {
                "sws CPython": [sys.executable, *live, "--suite", suite],
                "aioquic": [sys.executable, "-m", "bench.quic_aioquic"],
            }
            if shutil.which(pypy):
                servers["sws PyPy"] = [pypy, *live, "--suite", suite]
            figures: dict[str, list[list[float]]] = {label: [] for label in servers}
            for _ in range(options.rounds):
                for label, command in servers.items():
                    found, said = transfers(command, octets, suite, folder, options.transfers)
                    costs = [1000 * spent / options.mib for spent, _, _ in found]
                    figures[label].append(costs)
                    shown = " ".join(f"{cost:5.1f}" for cost in costs)
                    _, theirs, wall = found[-1]
                    print(
                        f"{CIPHERS[suite]:18} {label:12} {shown} ms/MiB, last client {theirs:.2f} s, wall {wall:.2f} s  {said}", flush=True
                    )
            for label in servers:
                if label != "aioquic":
                    print(f"{CIPHERS[suite]:18} {label}: {compared(figures[label], figures['aioquic'])}")


if __name__ == "__main__":
    main()
