# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`sws benchmark` against our own server and against nobody."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from sws.cli import benchmark
from sws.cli.benchmark import BenchmarkOptions, _Progress
from sws.cli.main import cli
from sws.net.load.plan import LoadPlan, plan_requests
from sws.net.load.workers import Look, share
from tests.kit.server import ROOT, coverage_file, serving

runner = CliRunner()


def run(*arguments: str) -> Result:
    """In this process."""
    return runner.invoke(cli, ("benchmark", *arguments))


def command(*arguments: str) -> list[str]:
    """In a process of its own."""
    return [sys.executable, "-m", "sws", "benchmark", *arguments]


ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "COVERAGE_RCFILE": str(ROOT / "pyproject.toml"),
    "COVERAGE_FILE": coverage_file(),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server with a file."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "f.txt").write_bytes(b"x" * 1024)
    with serving(["--root", str(folder), "--listen", "http://127.0.0.1:0", "--workers", "0", "--no-access-log"], folder) as server:
        yield server.urls[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--url"),
        (("--url", "ftp://127.0.0.1/"), "http:// or https://"),
        (("--url", "http://127.0.0.1:1/", "--url", "https://127.0.0.1:1/"), "same scheme"),
        (("--url", "http:///x"), "does not begin with http://"),
        (("--url", "127.0.0.1:80"), "--url"),
        (("--url", "http://a/ b"), "is no URL"),
        (("--url", "http://\xe4/"), "is no URL"),
        (("--url", "http://user:pass@127.0.0.1/"), "credentials"),
        (("--url", "http://127.0.0.1:1/", "--url", "http://127.0.0.1:2/"), "same scheme, host and port"),
        (("--url", "http://127.0.0.1/", "--http", "3"), "does not begin with https://"),
        (("--url", "http://127.0.0.1/", "--http", "4"), "--http"),
        (("--url", "http://127.0.0.1/", "--concurrency", "0"), "--concurrency"),
        (("--url", "http://127.0.0.1/", "--duration", "0"), "--duration"),
        (("--url", "http://127.0.0.1/", "--rate", "0"), "--rate"),
        (("--url", "http://127.0.0.1/", "--workers", "11"), "fewer connections"),
        (("--url", "http://127.0.0.1/", "--header", "nonsense"), "NAME:VALUE"),
        (("--url", "http://127.0.0.1/", "--header", "a: b\r\nc: d"), "cannot be sent"),
        (("--url", "http://127.0.0.1/", "--method", "G T"), "cannot be sent"),
        (("--url", "http://127.0.0.1/", "--method", "CONNECT"), "CONNECT"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.output


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        result = run("--url", f"http://127.0.0.1:{sock.getsockname()[1]}/")
    assert result.exit_code == 1
    assert result.output.startswith("sws: cannot connect to 127.0.0.1:")
    assert len(result.output.splitlines()) == 1


def test_a_unix_socket_that_is_not_there() -> None:
    result = run("--url", "http://a/", "--unix-socket", "/nonexistent")
    assert (result.exit_code, "cannot connect to unix:/nonexistent" in result.output) == (1, True)


def test_a_unix_socket(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "s")
    (tmp_path / "f.txt").write_text("x")
    with serving(["--root", str(tmp_path), "--listen", f"unix:{path}", "--workers", "0", "--no-access-log"], tmp_path):
        result = run("--url", "http://a.example/f.txt", "--unix-socket", path, "--duration", "0.1", "--no-progress")
    assert result.exit_code == 0, result.output
    assert f"at unix:{path}, HTTP/1.1" in result.output


def test_workers_need_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "can_fork", False)
    result = run("--url", "http://127.0.0.1/", "--workers", "2")
    assert (result.exit_code, "cannot fork" in result.output) == (2, True)


def test_a_body_file_that_is_not_there() -> None:
    result = run("--url", "http://127.0.0.1/", "--body", "@/nonexistent")
    assert (result.exit_code, "No such file" in result.output) == (1, True)


def test_for_people(url: str) -> None:
    result = run("--url", url + "/f.txt", "--duration", "0.2", "--concurrency", "2", "--no-progress")
    assert result.exit_code == 0, result.output
    assert "answered, 0 failed" in result.output
    assert "99.99 %" in result.output
    assert result.stderr == ""


def test_json_on_standard_output_and_nothing_else(url: str) -> None:
    result = run("--url", url + "/f.txt", "--duration", "0.2", "--concurrency", "2", "--rate", "100", "--json", "-")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["requests"]["failed"] == 0
    assert found["requests"]["done"] + found["requests"]["unfinished"] == 20
    assert found["latency_us"]["count"] >= found["latency_uncorrected_us"]["count"] == found["requests"]["done"] > 2
    assert (found["statuses"].keys(), found["rate"], found["method"]) == ({"200"}, 100.0, "GET")


def test_json_into_a_file(url: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "result.json"
    result = run("--url", url + "/f.txt", "--duration", "0.1", "--method", "HEAD", "--header", "A: b", "--json", str(path))
    assert result.exit_code == 0, result.output
    assert "requests a second" in result.output
    assert json.loads(path.read_text())["method"] == "HEAD"


def test_nothing_succeeded(url: str) -> None:
    result = run("--url", url + "/none", "--duration", "0.1", "--no-progress")
    assert result.exit_code == 1
    assert "404: " in result.output
    assert "sws: no request succeeded" in result.output
    result = run("--url", url + "/f.txt", "--body", "hello", "--duration", "0.1", "--requests-per-connection", "5", "--no-progress")
    assert (result.exit_code, "405: " in result.output) == (1, True)


def test_fields_as_asked(tmp_path: pathlib.Path) -> None:
    """What a raw server sees: our fields, unless others were given; the body of a file; a query, and no fragment."""
    (tmp_path / "body").write_bytes(b"\x00\x01binary")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            command(
                "--url", f"http://[::1]:{port}/a?b#c", "--body", f"@{tmp_path}/body", "--header", "User-Agent: mine", "--duration", "9",
                "--concurrency", "1", "--no-progress",
            ),
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        listener.accept()[0].close()  # the one by which it finds the way
        with listener.accept()[0] as sock:
            data = b""
            while not data.endswith(b"binary"):
                data += sock.recv(65536)
            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            assert sock.recv(65536)  # it asks again, so it has counted the first
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert data == (
        b"POST /a?b HTTP/1.1\r\nhost: [::1]:%d\r\naccept: */*\r\nuser-agent: mine\r\ncontent-length: 8\r\n\r\n\x00\x01binary" % port
    )
    assert (process.returncode, err) == (0, b"")
    assert b"1 answered, 0 failed, 1 unfinished" in out


def test_several_workers_and_an_interrupt_of_their_parent_alone() -> None:
    """Two workers with a connection each; one request of each is answered, and the next is under way when it ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        process = subprocess.Popen(
            command("--url", f"http://127.0.0.1:{listener.getsockname()[1]}/", "--concurrency", "2", "--workers", "2"),
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        listener.accept()[0].close()
        peers = [listener.accept()[0] for _ in range(2)]
        for peer in peers:
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        for peer in peers:
            assert peer.recv(65536).startswith(b"GET / HTTP/1.1\r\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        for peer in peers:
            peer.close()
    assert (process.returncode, err) == (0, "")
    assert "2 connections, 2 workers, as fast as it answers" in out
    assert "2 answered, 0 failed, 2 unfinished" in out
    assert "2 opened" in out


@pytest.mark.slow
def test_several_workers_at_a_constant_rate(url: str) -> None:
    """Their looks and tallies are added up."""
    result = subprocess.run(
        command("--url", url + "/f.txt", "--concurrency", "3", "--workers", "2", "--duration", "0.7", "--rate", "50", "--json", "-"),
        env=ENVIRONMENT, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    found = json.loads(result.stdout)
    assert found["requests"]["done"] + found["requests"]["unfinished"] == 35
    assert (found["connections_opened"], found["requests"]["failed"], result.stderr) == (3, 0, "")


def test_progress_in_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """At most one in five seconds, with the rate since the last."""
    progress = _Progress(BenchmarkOptions(("http://a/",), 1, 60.0))
    for seconds in range(1, 13):
        progress.show(Look(float(seconds), seconds * 100, 1))
    assert capsys.readouterr().err.splitlines() == [
        "   5.0 of 60 s  500 answered  100 a second  1 failed",
        "  10.0 of 60 s  1000 answered  100 a second  1 failed",
    ]


def test_workers_against_a_server_that_goes_away() -> None:
    """It accepts the first connection, by which the way is found, and no other."""
    listener = socket.create_server(("127.0.0.1", 0))
    process = subprocess.Popen(
        command("--url", f"http://127.0.0.1:{listener.getsockname()[1]}/", "--concurrency", "2", "--workers", "2", "--no-progress"),
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    listener.settimeout(10)
    found = listener.accept()[0]
    listener.close()
    found.close()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) in [
        (1, "", "sws: no connection came about\n"),
        (1, out, "sws: no request succeeded\n"),  # a worker was quicker than the closing
    ]


@pytest.mark.slow
def test_progress_on_a_terminal(url: str) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command("--url", url + "/f.txt", "--duration", "0.8"), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=follower
    )
    os.close(follower)
    shown = b""
    try:
        while data := os.read(leader, 4096):
            shown += data
    except OSError:  # the other side is closed
        pass
    os.close(leader)
    assert process.wait(10) == 0
    assert shown.count(b"\r") >= 2
    assert b" of 0.8 s  " in shown
    assert b"a second  0 failed" in shown


def test_shares() -> None:
    """Connections and rate are divided without loss, and due times interleave."""
    plan = LoadPlan(plan_requests(b"GET", [b"/"], ((b"host", b"a"),), None), 10, 1.0, rate=30.0)
    parts = [share(plan, 3, number) for number in range(3)]
    assert [part.connections for part in parts] == [4, 3, 3]
    assert sorted(part.phase + k / (part.rate or 1) for part in parts for k in range(10)) == pytest.approx([k / 30 for k in range(30)])
    assert len({id(part.heads) for part in parts}) == 3
    closed = share(LoadPlan(plan.requests, 4, 1.0), 2, 1)
    assert (closed.connections, closed.rate, closed.phase) == (2, None, 0.0)
