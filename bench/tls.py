# SPDX-License-Identifier: Apache-2.0 OR MIT
"""TLS beside tlslite-ng and OpenSSL, and under strain: `python -m bench.tls`

    handshakes   a second and in CPU time of the server, beside tlslite-ng's TLS 1.3 server and beside sws with ssl.MemoryBIO in place of
                 our TLS: one suite, group and number of tickets for all, four clients at a time (OpenSSL, see tls_client), closed by
                 close_notify; interleaved rounds, medians of the ratios within the rounds
    bulk         64 MiB to curl, beside the speed at which this interpreter seals records of 16 KiB and nothing else
    small        requests on open connections while a bulk transfer runs
    idle         connections that made one request and stay
    cold         from the start of the process to the first octet of a response
    leak         5,000 resumptions
    half-open    1,000 connections whose handshake never ends

Each row names its bar; the exit code is 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, final

from bench.servers import HERE, cpu_seconds, free_port, make_site, on_core, running
from bench.tls_client import REQUEST, client_context, load, node_load, node_program, open_tls
from bench.tls_servers import Keys, bio_command, pin_openssl, sws_command, tlslite_command
from sws.crypto.aead import AESGCM, ChaCha20Poly1305

CHACHA, AES = "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"
BULK = 64 << 20
_PYPY = sys.implementation.name == "pypy"


@final
class Bench:
    """The folder, keys, site, and what was found."""

    def __init__(self, work: pathlib.Path, rounds: int, seconds: float) -> None:
        self.work = work
        self.rounds = rounds
        self.seconds = seconds
        self.keys = Keys(work / "keys")
        self.site = make_site(work / "site")
        (self.site / "large.bin").write_bytes(os.urandom(1 << 20) * (BULK >> 20))
        self.pins = {suite: pin_openssl(work, suite, "X25519") for suite in (CHACHA, AES)}
        self.rows: list[dict[str, Any]] = []

    def row(self, name: str, value: float, unit: str, bar: float | None = None, *, most: bool = False, note: str = "") -> None:
        """Print and keep a result; `most`: the bar is an upper one."""
        missed = bar is not None and (value > bar if most else value < bar)
        self.rows.append({"name": name, "value": value, "unit": unit, "bar": bar, "missed": missed, "note": note})
        shown = "" if bar is None else f"{'<=' if most else '>='} {bar:g}"
        print(f"{name:<58}{value:>10.4g} {unit:<8}{shown:>10}{'  MISSED' if missed else '':<8} {note}", flush=True)

    @contextmanager
    def sws(self, name: str, kind: str = "p256", extra: str = "") -> Iterator[tuple[int, int]]:
        """A server on core 0.  Yields: port, master's process id."""
        port = free_port()
        command = sws_command(self.work / name, self.site, port, self.keys.pairs[kind], extra)
        with running(name, command, self.site, port) as process:
            yield port, process.pid


def cpu_time(pid: int) -> float:
    """CPU seconds of a process with one thread and of all below it: to the nanosecond where the kernel tells."""
    try:
        own = int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return cpu_seconds(pid)
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_time(int(child)) for child in children)


# --- handshakes ------------------------------------------------------------------------------------------------------


def handshakes(bench: Bench) -> None:
    """All kinds, in interleaved rounds."""
    pin = bench.pins[CHACHA]
    node = node_program()
    figures: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as stack:
        pinned = f", suites: [{CHACHA}], groups: [X25519MLKEM768, x25519]"
        ecdsa, ecdsa_pid = stack.enter_context(bench.sws("ecdsa", "p256", pinned))
        rsa, rsa_pid = stack.enter_context(bench.sws("rsa", "rsa", pinned))
        bare, bare_pid = stack.enter_context(bench.sws("bare", "p256", pinned + ", tickets: 0"))
        bio, lite, bare_lite = free_port(), free_port(), free_port()
        os.environ.update(pin)  # for the server with OpenSSL
        command = bio_command(bench.work / "bio", bench.site, bio, bench.keys.pairs["p256"])
        bio_pid = stack.enter_context(running("bio", command, bench.site, bio)).pid
        del os.environ["OPENSSL_CONF"]
        command = tlslite_command(lite, bench.keys.pairs["p256"], CHACHA, 0)
        lite_pid = stack.enter_context(running("tlslite", command, bench.site, lite)).pid
        command = tlslite_command(bare_lite, bench.keys.pairs["p256"], CHACHA, 0, tickets=0)
        bare_lite_pid = stack.enter_context(running("tlslite", command, bench.site, bare_lite)).pid
        cases: dict[str, tuple[int, Callable[[], tuple[int, float]]]] = {
            "sws": (ecdsa_pid, lambda: load(ecdsa, bench.seconds, pin)),
            "tlslite-ng": (lite_pid, lambda: load(lite, bench.seconds, pin)),
            "sws without tickets": (bare_pid, lambda: load(bare, bench.seconds, pin)),
            "tlslite-ng without tickets": (bare_lite_pid, lambda: load(bare_lite, bench.seconds, pin)),
            "OpenSSL": (bio_pid, lambda: load(bio, bench.seconds, pin)),
            "resumed": (ecdsa_pid, lambda: load(ecdsa, bench.seconds, pin, resumed=True)),
            "RSA": (rsa_pid, lambda: load(rsa, bench.seconds, pin)),
            "RSA resumed": (rsa_pid, lambda: load(rsa, bench.seconds, pin, resumed=True)),
        }
        if node is not None:
            cases["hybrid"] = ecdsa_pid, lambda: node_load(node, ecdsa, bench.seconds, "X25519MLKEM768", CHACHA)
        for _ in range(bench.rounds):
            for name, (pid, call) in cases.items():
                before = cpu_time(pid)
                total, rate = call()
                figures.setdefault(name, []).append((rate, (cpu_time(pid) - before) / total * 1e3))
    for name, values in figures.items():
        cpu = statistics.median(cpu for _, cpu in values)
        bench.row(f"handshakes, {name}", statistics.median(rate for rate, _ in values), "/s", note=f"{cpu:.2f} ms of CPU each")
    if node is None:
        print("handshakes, hybrid: not measured, there is no Node.js with OpenSSL >= 3.5")

    def ratio(over: str, under: str, index: int) -> tuple[float, str]:
        found = [a[index] / b[index] for a, b in zip(figures[over], figures[under], strict=True)]
        return statistics.median(found), f"{min(found):.2f}..{max(found):.2f}"

    for name, over, under, index, bar in (
        ("full with two tickets, beside tlslite-ng, CPU", "tlslite-ng", "sws", 1, 3.5),
        ("full with two tickets, beside tlslite-ng, a second", "sws", "tlslite-ng", 0, None),
        ("full without tickets, beside tlslite-ng, CPU", "tlslite-ng without tickets", "sws without tickets", 1, 3.5),
        ("full without tickets, beside tlslite-ng, a second", "sws without tickets", "tlslite-ng without tickets", 0, None),
        ("full, beside OpenSSL in the same loop, CPU", "OpenSSL", "sws", 1, 0.2),
        ("resumed beside full, ECDSA, CPU", "sws", "resumed", 1, 1.1),
        ("resumed beside full, RSA-2048, CPU", "RSA", "RSA resumed", 1, 3.0),
    ):
        value, spread = ratio(over, under, index)
        bench.row(name, value, "x", bar, note=spread)


# --- bulk ------------------------------------------------------------------------------------------------------------


def seal_rate(suite: str, seconds: float = 0.4) -> float:
    """Octets a second of CPU time that records of 16 KiB are sealed at, one a call, as bench.crypto does it."""
    cipher = ChaCha20Poly1305(os.urandom(32)) if suite == CHACHA else AESGCM(os.urandom(16))
    text, number = os.urandom(16384), 1 << 64
    count = 0
    begin = time.process_time()
    while (spent := time.process_time() - begin) < seconds:
        cipher.seal(number.to_bytes(12, "big"), text, b"\x17\x03\x03\x40\x11")
        number += 1
        count += 1
    return count * 16384 / spent


def fetch(port: int, path: str, suite: str) -> float:
    """Octets a second of a file to curl on core 1."""
    command = [
        "curl",
        "-sSk",
        "--no-alpn",
        "--tls13-ciphers",
        suite,
        "-o",
        "/dev/null",
        "-w",
        "%{size_download} %{time_starttransfer} %{time_total}",
    ]
    done = subprocess.run(on_core(1, [*command, f"https://127.0.0.1:{port}{path}"]), capture_output=True, text=True, check=True)
    size, began, ended = map(float, done.stdout.split())
    return size / (ended - began)


def peer_seconds(bench: Bench, suite: str, octets: int) -> list[float]:
    """CPU seconds of tlslite-ng for so many octets, where it is installed, in each round."""
    if find_spec("tlslite") is None:
        return []
    port = free_port()
    found = []
    with running("tlslite", tlslite_command(port, bench.keys.pairs["p256"], suite, octets), bench.site, port) as process:
        for _ in range(bench.rounds):
            before = cpu_time(process.pid)
            fetch(port, "/", suite)
            found.append(cpu_time(process.pid) - before)
    return found


def bulk(bench: Bench) -> None:
    """64 MiB, by both fast suites; shares and ratios are in CPU time of the servers, as the seal rate is."""
    with bench.sws("bulk") as (port, pid):
        for suite, factor in ((CHACHA, 15.0), (AES, 35.0)):
            if _PYPY:  # its compiler wants to have seen the code
                fetch(port, "/large.bin", suite)
                seal_rate(suite, 2.0)
            shares, rates, walls = [], [], []
            for _ in range(bench.rounds):
                sealing = seal_rate(suite)
                before = cpu_time(pid)
                walls.append(fetch(port, "/large.bin", suite))
                rates.append(BULK / (cpu_time(pid) - before))
                shares.append(rates[-1] * 2 / (sealing + seal_rate(suite)))
            name = suite.removeprefix("TLS_")
            wall = statistics.median(walls) / 1e6
            bench.row(f"64 MiB, {name}", statistics.median(rates) / 1e6, "MB/s", note=f"of CPU time; {wall:.1f} MB/s as curl sees it")
            note = f"{min(shares):.2f}..{max(shares):.2f}"
            bench.row(f"64 MiB, {name}, of the seal rate", statistics.median(shares), "", 0.85 if _PYPY else 0.9, note=note)
            times = [rate * spent / (1 << 20) for rate, spent in zip(rates, peer_seconds(bench, suite, 1 << 20), strict=False)]
            if times:
                note = f"{min(times):.1f}..{max(times):.1f}"
                bench.row(f"64 MiB, {name}, beside tlslite-ng", statistics.median(times), "x", factor, note=note)


# --- under strain ----------------------------------------------------------------------------------------------------


def percentile(values: list[float], part: float) -> float:
    """Of values in any order."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def small(bench: Bench) -> None:
    """Requests on four open connections, one at a time, while curl takes large files without end."""
    with bench.sws("small") as (port, _):
        url = f"https://127.0.0.1:{port}/large.bin"
        curl = subprocess.Popen(["curl", "-sSk", *[url] * 40], stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            context = client_context()
            clients = [open_tls(context, port) for _ in range(4)]
            times, fresh = [], []
            until = time.perf_counter() + 5
            while time.perf_counter() < until:
                for client in clients:
                    begin = time.perf_counter()
                    client.sendall(REQUEST)
                    client.recv(4096)
                    times.append((time.perf_counter() - begin) * 1e3)
                begin = time.perf_counter()
                with open_tls(context, port) as client:
                    client.sendall(REQUEST)
                    client.recv(4096)
                fresh.append((time.perf_counter() - begin) * 1e3)
            if curl.poll() is not None:
                raise RuntimeError("the bulk transfer ended too soon")
            for client in clients:
                client.close()
        finally:
            curl.kill()
            curl.wait()
    bench.row("small requests beside a bulk transfer, p99", percentile(times, 0.99), "ms", 50, most=True, note=f"of {len(times)}")
    bench.row("the same on new connections, p99", percentile(fresh, 0.99), "ms", note=f"of {len(fresh)}")


def worker_of(pid: int) -> int:
    """The one worker of a master, which listens before it forks."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    while not (found := children.read_text().split()):
        time.sleep(0.01)
    return int(found[0])


def resident(pid: int) -> int:
    """Octets."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def idle(bench: Bench, count: int = 5000) -> None:
    """What a connection that made one request costs while it stays."""
    with bench.sws("idle") as (port, pid):
        worker = worker_of(pid)
        context = client_context()
        for _ in range(50):
            open_tls(context, port).close()
        before = resident(worker)
        clients: list[ssl.SSLSocket] = []
        for _ in range(count):
            client = open_tls(context, port)
            client.sendall(REQUEST)
            client.recv(4096)
            clients.append(client)
        time.sleep(1)
        each = (resident(worker) - before) / count / 1024
        for client in clients:
            client.close()
    bench.row(f"memory of each of {count} idle connections", each, "KiB", 32, most=True)


def cold(bench: Bench) -> None:
    """From the start of the process to the first octet."""
    times = []
    for _ in range(5):
        port = free_port()
        command = sws_command(bench.work / "cold", bench.site, port, bench.keys.pairs["p256"])
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(HERE.parent)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            context = client_context()
            while True:
                try:
                    with open_tls(context, port) as client:
                        client.sendall(REQUEST)
                        if client.recv(1):
                            break
                except ConnectionRefusedError:
                    time.sleep(0.002)
            times.append(time.perf_counter() - begin)
        finally:
            process.terminate()
            process.wait(20)
    bench.row("cold start to the first octet", statistics.median(times), "s", 0.6, most=True, note=f"{min(times):.2f}..{max(times):.2f}")


def leak(bench: Bench, count: int = 5000) -> None:
    """Growth over many resumptions, after the first thousand."""
    with bench.sws("leak") as (port, pid):
        worker = worker_of(pid)
        load(port, 0, bench.pins[CHACHA], resumed=True, count=1000)
        before = resident(worker), len(os.listdir(f"/proc/{worker}/fd"))
        load(port, 0, bench.pins[CHACHA], resumed=True, count=count)
        time.sleep(0.5)
        grown, open_files = resident(worker) - before[0], len(os.listdir(f"/proc/{worker}/fd")) - before[1]
    bench.row(f"growth over {count} resumptions", grown / count, "octets", 64, most=True, note=f"{open_files:+d} descriptors")
    bench.row("descriptors left over", open_files, "", 0, most=True)


def half_open(bench: Bench, count: int = 1000, seconds: float = 3.0) -> None:
    """Handshakes that never end: nothing said, half a ClientHello, or the server's flight left unanswered; requests go on beside them."""
    with bench.sws("half", extra=f", handshake_timeout: {seconds}") as (port, pid):
        worker = worker_of(pid)
        context = client_context()
        descriptors = len(os.listdir(f"/proc/{worker}/fd"))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            context.wrap_bio(incoming, outgoing).do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = outgoing.read()
        times: list[float] = []
        over = threading.Event()

        def probe() -> None:
            """A small request, twenty times a second."""
            while not over.wait(0.05):
                begin = time.perf_counter()
                with open_tls(client_context(), port) as client:
                    client.sendall(REQUEST)
                    client.recv(4096)
                times.append((time.perf_counter() - begin) * 1e3)

        clients = []
        thread = threading.Thread(target=probe)
        begin = time.perf_counter()
        thread.start()
        for number in range(count):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall((b"", hello[:100], hello)[number % 3])
            clients.append(client)
        left = count
        while left > 0 and time.perf_counter() - begin < seconds + 10:
            time.sleep(0.2)
            left = len(os.listdir(f"/proc/{worker}/fd")) - descriptors - 2
        lasted = time.perf_counter() - begin
        over.set()
        thread.join()
        for client in clients:
            client.close()
    bench.row(f"{count} half-open handshakes, until all were closed", lasted, "s", seconds + 6, most=True)
    bench.row("requests on new connections meanwhile, p99", percentile(times, 0.99), "ms", note=f"of {len(times)}, none failed")


SCENES = {"handshakes": handshakes, "bulk": bulk, "small": small, "idle": idle, "cold": cold, "leak": leak, "half-open": half_open}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load")
    parser.add_argument("--only", default=",".join(SCENES), help="comma-separated scenes")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(pathlib.Path(work), arguments.rounds, arguments.seconds)
        for name in arguments.only.split(","):
            SCENES[name](bench)
    if arguments.json:
        peers = {"client": ssl.OPENSSL_VERSION, "python": sys.version.split()[0]}
        pathlib.Path(arguments.json).write_text(json.dumps({"peers": peers, "rows": bench.rows}, indent=1) + "\n")
    return int(any(row["missed"] for row in bench.rows))


if __name__ == "__main__":
    sys.exit(main())
