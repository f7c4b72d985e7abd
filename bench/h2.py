# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/2 requests a second beside other servers: `python -m bench.h2`

Workload: h2load with 8 connections of 32 streams on one core, each server alone on another; 500 URLs of 1 KiB (`h2load -i`).  Rounds are
interleaved, so that a noisy moment hits all; a figure is the median over rounds of the ratio within the round, with the spread.  hypercorn
answers the same octets from memory, nginx and sws from files.  Clear text by prior knowledge is compared with clear text, TLS with TLS.

Two figures: requests a second, and the server's CPU time a request, which a machine shared with others disturbs less.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from bench.h1 import compare
from bench.servers import FILES, HERE, cpu_seconds, free_port, make_site, on_core, running

_FINISHED = re.compile(r"finished in ([0-9.]+)(us|ms|s), ([0-9.]+) req/s")
_COUNTS = re.compile(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed")


def make_certificate(folder: pathlib.Path) -> tuple[str, str]:
    """A P-256 certificate that nobody trusts."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*command, "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return str(cert), str(key)


def commands(site: pathlib.Path, port: int, work: pathlib.Path) -> dict[str, list[str]]:
    """Name -> command, of those that are installed; names with +tls speak TLS."""
    found: dict[str, list[str]] = {}
    cert, key = make_certificate(work)
    sws = ["-m", "sws", "start", "--root", str(site), "--workers", "1", "--no-access-log"]
    clear = ["--listen", f"http://127.0.0.1:{port}"]
    secure = ["--listen", f"https://127.0.0.1:{port}", "--cert", cert, "--key", key]
    trusting = work / "sws.yaml"  # as nginx.conf beside this file has it: files are looked at again after 60 s
    trusting.write_text("server: {static: {revalidate: 60}}\n")
    found["sws"] = [sys.executable, *sws, *clear]
    found["sws+tls"] = [sys.executable, *sws, *secure]
    pypy = os.environ.get("PYPY_VENV")
    if pypy:
        found["sws-pypy"] = [f"{pypy}/bin/python", *sws, *clear]
        found["sws-pypy+60s"] = [f"{pypy}/bin/python", *sws, *clear, "-c", str(trusting)]
        found["sws-pypy+tls"] = [f"{pypy}/bin/python", *sws, *secure]
    hypercorn = [sys.executable, "-m", "hypercorn", "bench.peer_app:app", "--workers", "1", "--log-level", "error"]
    found["hypercorn"] = [*hypercorn, "--bind", f"127.0.0.1:{port}"]
    found["hypercorn+tls"] = [*hypercorn, "--bind", f"127.0.0.1:{port}", "--certfile", cert, "--keyfile", key]
    nginx = shutil.which("nginx")
    if nginx:
        text = (HERE / "nginx.conf").read_text().replace("@ backlog=4096;", "@ http2 backlog=4096;")
        for name, value in {"PORT": str(port), "ROOT": str(site), "WORK": str(work), "USER": getpass.getuser()}.items():
            text = text.replace(f"@{name}@", value)
        (work / "nginx.conf").write_text(text.replace("access_log off;", "access_log off; http2_max_requests 1000000000;"))
        found["nginx"] = [nginx, "-c", str(work / "nginx.conf"), "-p", str(work), "-e", str(work / "error.log")]
    return found


def measure(pid: int, urls: pathlib.Path, count: int) -> tuple[float, float]:
    """Requests a second as h2load sees them, and microseconds of the server's CPU time for each.  Raises: RuntimeError if any failed."""
    before = cpu_seconds(pid)
    command = ["h2load", "-i", str(urls), "-c8", "-m32", f"-n{count}"]
    out = subprocess.run(on_core(1, command), capture_output=True, text=True, check=True).stdout
    finished, counts = _FINISHED.search(out), _COUNTS.search(out)
    if finished is None or counts is None or int(counts[2]):
        raise RuntimeError(out)
    return float(finished[3]), (cpu_seconds(pid) - before) * 1e6 / int(counts[1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a measurement lasts, about")
    parser.add_argument("--only", help="comma-separated names")
    parser.add_argument("--against", default="hypercorn", help="compared with; those over TLS with this name and +tls")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    if shutil.which("h2load") is None:
        sys.exit("bench.h2 needs h2load")
    rounds: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        work = pathlib.Path(temporary)
        work.chmod(0o755)
        site = make_site(work / "site")
        servers: dict[str, tuple[int, pathlib.Path, int]] = {}
        for name in commands(site, 0, work):
            if arguments.only and name not in arguments.only.split(","):
                continue
            port = free_port()
            folder = work / name
            folder.mkdir()
            process = stack.enter_context(running(name, commands(site, port, folder)[name], site, port))
            urls = folder / "urls"
            scheme = "https" if name.endswith("+tls") else "http"
            urls.write_text("".join(f"{scheme}://127.0.0.1:{port}/f/{number}.txt\n" for number in range(FILES)))
            for _ in range(3 if "pypy" in name else 1):
                rate, _ = measure(process.pid, urls, 60000 if "pypy" in name and scheme == "http" else 2000)
            servers[name] = process.pid, urls, max(1000, int(rate * arguments.seconds))
        for _ in range(arguments.rounds):
            for name, (pid, urls, count) in servers.items():
                rounds.setdefault(name, []).append(measure(pid, urls, count))
    rows = {}
    for suffix in ("", "+tls"):
        group = {name: values for name, values in rounds.items() if name.endswith("+tls") == bool(suffix)}
        if group:
            rows.update(compare(group, group.get(arguments.against + suffix) or next(iter(group.values()))))
    print(f"{'server':<14}{'req/s':>9}{'ratio':>8}{'spread':>16}{'CPU us':>9}{'ratio':>8}{'spread':>16}   (against {arguments.against})")
    for name, row in rows.items():
        print(
            f"{name:<14}{row['rate']:>9.0f}{row['ratio']:>8.2f}{row['low']:>9.2f}..{row['high']:<5.2f}"
            f"{row['cpu_us']:>9.1f}{row['cpu_ratio']:>8.2f}{row['cpu_low']:>9.2f}..{row['cpu_high']:.2f}"
        )
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
