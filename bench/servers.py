# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Starts the servers that are compared, each pinned to one core, on a folder of 500 files of 1 KiB and one of 1 GiB on demand."""

from __future__ import annotations

import getpass
import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata

from sws import _version

HERE = pathlib.Path(__file__).parent
FILES = 500


def make_site(folder: pathlib.Path) -> pathlib.Path:
    """500 files of 1 KiB below f/."""
    (folder / "f").mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        (folder / "f" / f"{number}.txt").write_bytes((b"%06d " % number * 200)[:1024])
    return folder


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all below it, so far."""
    values = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return total + sum(cpu_seconds(int(child)) for child in children)


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """The command pinned to a core where taskset is to be had."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(core), *command] if taskset else list(command)


def pypy_venv() -> str | None:
    """An environment of PyPy with what sws needs at run time: named by PYPY_VENV, else the one that `make test-pypy` makes."""
    ours = HERE.parent / ".venv-pypy"
    return os.environ.get("PYPY_VENV") or (str(ours) if (ours / "bin" / "python").exists() else None)


def versions() -> dict[str, str]:
    """What was measured, on what."""
    found = {"system": platform.platform(), "processor": _processor(), "cores": str(os.cpu_count()), "sws": _version.__version__}
    found["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    for name in ("uvicorn", "uvloop", "httptools", "h11", "granian"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    pypy = pypy_venv()
    said = {"nginx": ["nginx", "-v"], "wrk": ["wrk", "-v"], "pypy": [f"{pypy}/bin/python", "-VV"]}
    for name, command in said.items():
        if shutil.which(command[0]):
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            numbers = re.search(r"PyPy ([0-9.]+)|nginx/([0-9.]+)|wrk \S*?([0-9]+\.[0-9.]+)", result.stdout + result.stderr)
            found[name] = next(filter(None, numbers.groups())) if numbers else "unknown"
    return found


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def commands(site: pathlib.Path, port: int, work: pathlib.Path) -> dict[str, list[str]]:
    """Name -> command, of those that are installed."""
    found: dict[str, list[str]] = {}
    sws = ["-m", "sws", "start", "--root", str(site), "--listen", f"http://127.0.0.1:{port}", "--workers", "1"]
    found["sws"] = [sys.executable, *sws, "--no-access-log"]
    found["sws+log"] = [sys.executable, *sws]
    trusting = work / "sws.yaml"  # as nginx.conf beside this file has it: files are looked at again after 60 s
    trusting.write_text("server: {static: {revalidate: 60}}\n")
    found["sws+60s"] = [sys.executable, *sws, "-c", str(trusting), "--no-access-log"]
    pypy = pypy_venv()
    if pypy:
        found["sws-pypy"] = [f"{pypy}/bin/python", *sws, "--no-access-log"]
        found["sws-pypy+60s"] = [f"{pypy}/bin/python", *sws, "-c", str(trusting), "--no-access-log"]
        found["bare-pypy"] = [f"{pypy}/bin/python", "-m", "bench.bare", str(port)]
    found["bare"] = [sys.executable, "-m", "bench.bare", str(port)]
    uvicorn = [sys.executable, "-m", "uvicorn", "bench.peer_app:app", "--port", str(port), "--no-access-log", "--log-level", "error"]
    found["uvicorn-std"] = [*uvicorn, "--loop", "uvloop", "--http", "httptools"]
    found["uvicorn-h11"] = [*uvicorn, "--loop", "asyncio", "--http", "h11"]
    granian = [sys.executable, "-m", "granian", "--port", str(port), "--workers", "1", "--loop", "uvloop", "--http", "1", "--no-ws"]
    granian += ["--runtime-mode", "st", "--backlog", "4096", "--no-access-log", "--log-level", "error"]
    found["granian"] = [*granian, "--interface", "rsgi", "bench.peer_app:rsgi"]
    found["granian-asgi"] = [*granian, "--interface", "asgi", "bench.peer_app:app"]
    nginx = shutil.which("nginx")
    if nginx:
        text = (HERE / "nginx.conf").read_text()
        for name, value in {"PORT": str(port), "ROOT": str(site), "WORK": str(work), "USER": getpass.getuser()}.items():
            text = text.replace(f"@{name}@", value)
        (work / "nginx.conf").write_text(text)
        found["nginx"] = [nginx, "-c", str(work / "nginx.conf"), "-p", str(work), "-e", str(work / "error.log")]
    return found


@contextmanager
def running(name: str, command: Sequence[str], site: pathlib.Path, port: int, core: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """A server that accepts connections."""
    environment = {**os.environ, "BENCH_ROOT": str(site), "PYTHONPATH": str(HERE.parent)}
    process = subprocess.Popen(on_core(core, command), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{name} did not start") from None
                time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(20)
