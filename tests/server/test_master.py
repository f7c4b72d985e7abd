# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The whole server as a process: starting, draining, reloading, surviving."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time

import pytest

from tests.kit.server import ServerProcess, serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="workers need fork")]


@pytest.fixture
def site(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with a page and a configuration."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("first\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("second\n")
    write_config(tmp_path, "www")
    return tmp_path


def write_config(folder: pathlib.Path, root: str, workers: int = 2, more: str = "", listen: str = "http://127.0.0.1:0") -> None:
    """A configuration file."""
    (folder / "sws.yaml").write_text(
        f'server:\n  listen: ["{listen}"]\n  root: ./{root}\n  pid_file: sws.pid\n  worker: {{processes: {workers}}}\n'
        f"  timeouts: {{shutdown: 5s}}\n{more}"
    )


def log_lines(server: ServerProcess) -> list[dict[str, object]]:
    """The JSON lines of the log."""
    return [json.loads(line) for line in server.err.splitlines() if line.startswith(b"{")]


def children(pid: int) -> set[int]:
    """Process ids of the workers."""
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("no /proc with children")
    return {int(child) for child in path.read_text().split()}


def test_starts_answers_and_ends_with_zero(site: pathlib.Path) -> None:
    with serving([], site) as server:
        assert server.get()[::2] == (200, b"first\n")
        assert (site / "sws.pid").read_text() == f"{server.process.pid}\n"
        assert server.stop() == 0
        assert not (site / "sws.pid").exists()
    lines = log_lines(server)
    request = next(line for line in lines if line["mod"] == "http.access")
    assert {"ts", "lvl", "mod", "msg", "latency_us"} <= set(request)
    assert sum(line["msg"] == "drained" for line in lines) == 2


@pytest.mark.parametrize("workers", ["0", "1", "3"])
def test_worker_counts(site: pathlib.Path, workers: str) -> None:
    with serving(["--workers", workers], site) as server:
        assert len(children(server.process.pid)) == int(workers)
        assert server.get()[0] == 200
        assert server.stop(signal.SIGINT) == 0


def test_a_request_under_way_is_finished(site: pathlib.Path) -> None:
    (site / "www" / "big").write_bytes(bytes(30_000_000))
    with serving([], site) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        received = len(client.recv(1000))
        server.signal(signal.SIGTERM)
        time.sleep(0.1)
        while data := client.recv(1 << 20):
            received += len(data)
        client.close()
        assert received > 30_000_000
        assert server.wait() == 0


def test_the_grace_time_has_an_end(site: pathlib.Path) -> None:
    write_config(site, "www", workers=1)
    config = site / "sws.yaml"
    config.write_text(config.read_text().replace("shutdown: 5s", "shutdown: 200ms"))
    (site / "www" / "big").write_bytes(bytes(30_000_000))
    with serving([], site) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(1000)
        assert server.stop() == 0
        assert any(line["msg"] == "grace time is over, closing connections" for line in log_lines(server))


def test_idle_connections_do_not_hold_up_the_end(site: pathlib.Path) -> None:
    with serving([], site) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(1000)
        server.signal(signal.SIGTERM)
        assert client.recv(1000) == b""
        client.close()
        assert server.wait(5) == 0


def test_reload_takes_the_new_configuration(site: pathlib.Path) -> None:
    with serving([], site) as server:
        before = children(server.process.pid)
        write_config(site, "other", workers=3)
        server.signal(signal.SIGHUP)
        server.read_until(lambda: b'"reloaded"' in server.err)
        deadline = time.monotonic() + 10
        while before & children(server.process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.get()[2] == b"second\n"
        after = children(server.process.pid)
        assert len(after) == 3
        assert not after & before
        assert server.stop() == 0


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.1, 0.2])
def test_a_stop_while_a_reload_begins(site: pathlib.Path, delay: float) -> None:
    """Workers that have only just been forked hear of it too."""
    with serving(["--workers", "4"], site) as server:
        server.signal(signal.SIGHUP)
        time.sleep(delay)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5  # the grace time, after which it would be killed


def test_a_wrong_configuration_changes_nothing(site: pathlib.Path) -> None:
    with serving([], site) as server:
        before = children(server.process.pid)
        (site / "sws.yaml").write_text("server: {lisen: []}\n")
        server.signal(signal.SIGHUP)
        server.read_until(lambda: b"the reload failed" in server.err)
        assert b"listen" in server.err
        assert server.get()[2] == b"first\n"
        assert children(server.process.pid) == before


def test_a_reload_adds_and_removes_addresses(site: pathlib.Path) -> None:
    with serving([], site) as server:
        old = server.urls[0]
        path = site / "sock"
        write_config(site, "www", listen=f"unix:{path}")
        server.signal(signal.SIGHUP)
        server.read_until(lambda: b'"reloaded"' in server.err)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        deadline = time.monotonic() + 5
        while is_listening(int(old.rpartition(":")[2])):
            assert time.monotonic() < deadline
        assert server.stop() == 0
        assert not path.exists()


def is_listening(port: int) -> bool:
    """Whether a connection can be made, or could until just now."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:  # it stopped to listen before it took this one
        return True
    return True


def test_no_request_is_lost_over_reloads(site: pathlib.Path) -> None:
    """Clients with keep-alive and without, over three reloads: every request is answered with 200."""
    failures: list[str] = []
    counts = [0]
    stop = threading.Event()

    def client(port: int, keep_alive: bool) -> None:
        connection: http.client.HTTPConnection | None = None
        while not stop.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/", headers={} if keep_alive else {"Connection": "close"})
                response = connection.getresponse()
                body = response.read()
                counts[0] += 1
                if response.status != 200 or body not in (b"first\n", b"second\n"):
                    failures.append(f"{response.status} {body!r}")
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                connection = None
        if connection is not None:
            connection.close()

    with serving(["--no-access-log"], site) as server:
        threads = [threading.Thread(target=client, args=(server.port, index % 2 == 0), daemon=True) for index in range(6)]
        for thread in threads:
            thread.start()
        for round_number in range(3):
            write_config(site, "other" if round_number % 2 == 0 else "www", workers=2)
            server.signal(signal.SIGHUP)
            server.read_until(lambda number=round_number: server.err.count(b'"reloaded"') > number)
            time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()
        assert server.stop() == 0
    assert failures == []
    assert counts[0] > 100


def test_a_dead_worker_is_replaced(site: pathlib.Path) -> None:
    with serving(["--workers", "2"], site) as server:
        victim = min(children(server.process.pid))
        os.kill(victim, signal.SIGKILL)
        server.read_until(lambda: b"a worker died" in server.err)
        deadline = time.monotonic() + 10
        while (len(children(server.process.pid)) < 2 or victim in children(server.process.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(children(server.process.pid)) == 2
        for _ in range(20):
            assert server.get()[0] == 200
        assert server.stop() == 0


def test_workers_end_when_the_master_is_gone(site: pathlib.Path) -> None:
    with serving(["--workers", "2"], site) as server:
        workers = children(server.process.pid)
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + 10
        while any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers)


def test_logs_are_reopened(site: pathlib.Path) -> None:
    write_config(site, "www", more="  log: {file: access.log}\n")
    with serving([], site) as server:
        server.get()
        log = site / "access.log"
        deadline = time.monotonic() + 5
        while b"http.access" not in log.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.01)
        log.rename(site / "old.log")
        server.signal(signal.SIGUSR1)
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        for _ in range(4):
            server.get("/again")
        assert server.stop() == 0
        assert b"/again" in log.read_bytes()
        assert b"/again" not in (site / "old.log").read_bytes()
        assert log.stat().st_mode & 0o777 == 0o640


def test_a_worker_that_cannot_start_ends_the_server(site: pathlib.Path) -> None:
    write_config(site, "www", more="  log: {file: /dev/full/none}\n")
    server = ServerProcess([], site)
    assert server.wait() in (1, 78)
    assert b"Traceback" not in server.err


def test_socket_activation(site: pathlib.Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.set_inheritable(True)
    code = (
        f"import os,sys; os.dup2({listener.fileno()}, 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
        "os.execv(sys.executable, [sys.executable, '-m', 'sws', 'start'])"
    )
    import subprocess

    from tests.kit.server import ROOT

    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        pass_fds=[listener.fileno()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert line == f"listening on http://127.0.0.1:{listener.getsockname()[1]}\n"
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        process.terminate()
        assert process.wait(20) == 0
        process.stdout.close()
        listener.close()


def test_connections_are_bounded(site: pathlib.Path) -> None:
    """With room for 8, the ninth pushes out the connection idle longest."""
    write_config(site, "www", workers=1)
    config = site / "sws.yaml"
    config.write_text(config.read_text().replace("processes: 1", "processes: 1, max_connections: 8"))
    with serving([], site) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        for _ in range(3):
            assert server.get()[0] == 200
        alive = 0
        for client in clients:
            try:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                alive += client.recv(1000).startswith(b"HTTP/1.1 200")
            except OSError:
                pass
            client.close()
        assert 4 <= alive < 8


def test_descriptor_exhaustion_does_not_spin_or_kill(site: pathlib.Path) -> None:
    import resource

    write_config(site, "www", workers=1)
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))  # noqa: E731
    with serving([], site, preexec_fn=limit) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
        server.read_until(lambda: b"no descriptors left" in server.err)
        (worker,) = children(server.process.pid)
        before = cpu_ticks(worker)
        time.sleep(0.5)
        assert cpu_ticks(worker) - before < 20  # hundredths of a second
        for client in clients:
            client.close()
        until = time.monotonic() + 5
        while (status := server.get()[0]) == 503 and time.monotonic() < until:  # the worker may not have closed them all yet
            time.sleep(0.01)
        assert status == 200
        assert server.stop() == 0


def cpu_ticks(pid: int) -> int:
    """User and system time of a process, in clock ticks."""
    values = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(values[11]) + int(values[12])
