# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3 while the server's processes come and go: two workers, reloads under load, a worker that dies, sockets handed over."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from sws.os.datagrams import open_quic_socket
from tests.kit.server import ROOT, ServerProcess, serving
from tests.server.test_master import children, log_lines

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="workers need fork")]

SLOWNESS = 4.0
PATIENCE = 3.0  # undisturbed it is below 0.1 s; a machine that tests has other things to do
SLOW = f"""
import pathlib, time
from sws.server.worker import Worker
start = Worker.start
def start_slowly(worker):
    if pathlib.Path("slow").exists():
        time.sleep({SLOWNESS})
    start(worker)
Worker.start = start_slowly
"""


@pytest.fixture
def site(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder with a file, and a configuration of two workers."""
    monkeypatch.setenv("SWS_STATE", str(tmp_path / "state"))
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "file").write_bytes(bytes(1024))
    (tmp_path / "www" / "big").write_bytes(bytes(4_000_000))
    configure(tmp_path, 2)
    return tmp_path


def configure(folder: pathlib.Path, workers: int, listen: str = "https://127.0.0.1:0", *, access: bool = False) -> None:
    """Writes the configuration."""
    (folder / "sws.yaml").write_text(
        f'server:\n  listen: ["{listen}"]\n  root: ./www\n  tls: {{self_signed: true}}\n  worker: {{processes: {workers}}}\n'
        f"  timeouts: {{shutdown: 20s}}\n  log: {{access: {str(access).lower()}}}\n"
    )


def load(port: int, seconds: float, *more: str, http: int = 3) -> subprocess.Popen[bytes]:
    """Our client: connections that ask again and again, and open anew when they are told to go."""
    url = f"{'https' if http == 3 else 'http'}://127.0.0.1:{port}/file"
    command = [sys.executable, "-m", "sws", "benchmark", "--http", str(http), "--no-progress", "--json", "-", "--url", url]
    command += ["--concurrency", "6", "--duration", str(seconds), *more]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)


def result(process: subprocess.Popen[bytes]) -> tuple[int, int, dict[str, int], float]:
    """What it found: requests answered, failed, why, and the longest latency in seconds."""
    found = json.loads(process.communicate(timeout=60)[0])
    return found["requests"]["succeeded"], found["requests"]["failed"], found["errors"], found["latency_us"]["max"] / 1e6


def wait_for(server: ServerProcess, what: bytes, count: int) -> None:
    server.read_until(lambda: server.err.count(what) >= count)


def forwarded(server: ServerProcess) -> float:
    """Datagrams that processes handed on, by those that told."""
    return sum(float(str(line["sws_quic_forwarded_total"])) for line in log_lines(server) if line["msg"] == "drained")


def test_reloads_lose_no_request(site: pathlib.Path) -> None:
    """More workers, then fewer, under a rate of requests: each is answered, and soon."""
    with serving([], site) as server:
        client = load(server.port, 4.0, "--rate", "60")
        for count, workers in enumerate((2, 3, 1), 1):
            time.sleep(0.8)
            configure(site, workers)
            server.signal(signal.SIGHUP)
            wait_for(server, b'"reloaded"', count)
        answered, failed, errors, longest = result(client)
        assert server.stop() == 0
    assert (failed, errors) == (0, {})
    assert answered > 120  # of 240, were the machine not busy
    assert longest < PATIENCE
    assert forwarded(server) > 0
    assert not [line for line in log_lines(server) if line["lvl"] == "error"]


@pytest.mark.parametrize("http", [1, 3])
def test_nobody_waits_for_a_worker_to_come(site: pathlib.Path, http: int) -> None:
    """More workers that take long to start: newcomers are served by the old ones meanwhile, though sockets for the new ones exist."""
    (site / "modules").mkdir()
    (site / "modules" / "sitecustomize.py").write_text(SLOW)
    listen = "https://127.0.0.1:0" if http == 3 else "http://127.0.0.1:0"
    configure(site, 2, listen, access=True)
    with serving([], site, modules=site / "modules") as server:
        client = load(server.port, SLOWNESS + 2.0, "--rate", "20", "--requests-per-connection", "2", http=http)
        wait_for(server, b"/file", 1)
        (site / "slow").touch()
        configure(site, 4, listen, access=True)
        server.signal(signal.SIGHUP)
        wait_for(server, b'"reloaded"', 1)
        answered, failed, errors, longest = result(client)
        assert server.stop() == 0
    assert (failed, errors) == (0, {})
    assert answered > 60  # of 120
    assert longest < PATIENCE


def test_a_transfer_goes_on_over_a_reload(site: pathlib.Path) -> None:
    """ngtcp2's client, whose one connection stays with the old worker while the new one reads the socket."""
    client = shutil.which("gtlsclient")
    if client is None:
        pytest.skip("needs gtlsclient (Debian: ngtcp2-client)")
    (site / "got").mkdir()
    (site / "www" / "big").write_bytes(bytes(30_000_000))
    with serving([], site) as server:
        command = [client, "-q", "--exit-on-all-streams-close", f"--download={site / 'got'}", "127.0.0.1", str(server.port)]
        with subprocess.Popen(
            [*command, f"https://localhost:{server.port}/big"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            got = site / "got" / "big"
            until = time.monotonic() + 10
            while (not got.exists() or got.stat().st_size < 200_000) and time.monotonic() < until:
                time.sleep(0.01)
            before = children(server.process.pid)
            server.signal(signal.SIGHUP)
            wait_for(server, b'"reloaded"', 1)
            assert process.wait(30) == 0
        assert got.stat().st_size == 30_000_000
        until = time.monotonic() + 10
        while before & children(server.process.pid) and time.monotonic() < until:
            time.sleep(0.02)
        server.stop()
    assert forwarded(server) > 100


def test_a_worker_that_dies_is_replaced(site: pathlib.Path) -> None:
    with serving([], site) as server:
        assert result(load(server.port, 0.5))[1:3] == (0, {})
        for victim in children(server.process.pid):
            os.kill(victim, signal.SIGKILL)
        wait_for(server, b"a worker died", 2)
        assert result(load(server.port, 1.0))[1:3] == (0, {})
        assert server.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_sockets_of_a_service_manager(site: pathlib.Path, workers: int) -> None:
    """One UDP socket for all workers: what the wrong one reads is handed on."""
    configure(site, workers)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        datagrams = stack.enter_context(open_quic_socket("127.0.0.1", port))
        code = (
            f"import os, sys; os.dup2({datagrams.fileno()}, 900); os.dup2({listener.fileno()}, 901); os.dup2(900, 3); os.dup2(901, 4);"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2');"
            "os.execv(sys.executable, [sys.executable, '-m', 'sws', 'start'])"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=site,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[listener.fileno(), datagrams.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            assert line == f"listening on https://127.0.0.1:{port}\n", process.stderr.read() if process.stderr and not line else line
            assert result(load(port, 1.0))[1:3] == (0, {})
        finally:
            process.terminate()
            said = process.communicate(timeout=20)[1]
        assert process.returncode == 0
        counts = [float(n) for n in re.findall(rb'"sws_quic_forwarded_total":([0-9.]+)', said)]
        assert len(counts) == workers
        assert (sum(counts) > 0) == (workers > 1)
