# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The command line: what it prints, and with which code it ends."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner, Result

from sws import __version__
from sws.cli.main import cli, main
from tests.kit.server import ROOT, serving

runner = CliRunner()


def run(*arguments: str) -> Result:
    """One command, in this process."""
    return runner.invoke(cli, arguments)


def failing_start(folder: pathlib.Path, *arguments: str) -> tuple[int, str]:
    """A start that is expected to fail: exit code, and the one line it says."""
    done = subprocess.run(
        [sys.executable, "-m", "sws", "start", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("serving ")]
    assert len(lines) == 1, done.stderr
    return done.returncode, lines[0]


@pytest.fixture
def site(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with www/index.html."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("hello\n")
    return tmp_path


def test_version() -> None:
    assert run("--version").output == f"sws, version {__version__}\n"


def test_no_command_and_unknown_options_are_usage_errors() -> None:
    assert run("start", "--nonsense").exit_code == 2
    assert run("start", "--workers", "-1").exit_code == 2
    assert run("start", "--log-level", "loud").exit_code == 2
    assert run("nonsense").exit_code == 2
    assert run("config", "check").exit_code == 2


def test_main_is_the_entry_point(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["sws", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (("--self-signed", "--cert", "a"), 2, "either --self-signed"),
        (("--cert", "a"), 78, "server.tls.key is missing"),
        (("--key", "b"), 78, "server.tls.cert is missing"),
        (("--cert", "nowhere.pem", "--key", "nowhere.pem"), 78, "nowhere.pem cannot be read"),
    ],
)
def test_flags_of_tls_are_checked(flags: tuple[str, ...], code: int, says: str) -> None:
    result = run("start", "--listen", "https://127.0.0.1:0", *flags)
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_config_check_says_what_is_there(site: pathlib.Path) -> None:
    file = site / "good.yaml"
    file.write_text("server: {root: ./www, hosts: [{names: [a.example]}]}\n")
    result = run("config", "check", str(file))
    assert (result.exit_code, "1 addresses, 1 virtual hosts" in result.output) == (0, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("server:\n  lisen: []\n", "bad.yaml:2: server.lisen: "),
        ("server:\n  tls: {self_sined: true}\n", "bad.yaml:2: server.tls.self_sined"),
        ("server:\n  listen: ['https://127.0.0.1:0']\n  tls: {cert: nowhere.pem, key: nowhere.pem}\n", "nowhere.pem"),
        ("server: {security: {waf: {mode: blocking}}}\n", "server.security"),
        ("server: {listen: ['https://127.0.0.1:0']}\n", "server.tls"),
        ("server: {root: ./nowhere}\n", "nowhere"),
        ("server: [\n", "bad.yaml"),
    ],
)
def test_config_check_names_file_line_and_key(site: pathlib.Path, text: str, says: str) -> None:
    file = site / "bad.yaml"
    file.write_text(text)
    result = run("config", "check", str(file))
    assert result.exit_code == 78
    assert says in result.output


def test_config_check_of_a_missing_file(tmp_path: pathlib.Path) -> None:
    result = run("config", "check", str(tmp_path / "none.yaml"))
    assert result.exit_code == 78
    assert "none.yaml" in result.output


def test_config_schema_is_json() -> None:
    assert json.loads(run("config", "schema").output)["properties"]["server"]


def test_info_names_pollers_and_what_is_missing() -> None:
    output = run("info").output
    assert __version__ in output
    assert "select" in output
    assert "server.security" in output
    assert "TLS 1.3" in output


def test_info_names_every_primitive_and_its_kernel() -> None:
    line = next(line for line in run("info").output.splitlines() if line.startswith("kernels:"))
    for primitive in ("hmac", "mlkem", "pbkdf2", "sha1", "sha2", "sha3"):
        assert f"{primitive} " in line


def test_info_names_the_memory_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, shown in (("memfd_secret", "memfd_secret"), ("locked", "locked (no:"), ("plain", "plain (no:")):
        monkeypatch.setattr("sws.cli.info.available_kind", lambda kind=kind: kind)
        line = next(line for line in run("info").output.splitlines() if line.startswith("key memory:"))
        assert line.split(maxsplit=2)[2].startswith(shown)


def test_info_under_another_choice_of_kernels() -> None:
    command = [sys.executable, "-m", "sws", "info"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SWS_KERNELS": "ref"}
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    line = next(line for line in output.splitlines() if line.startswith("kernels:"))
    assert "hmac ref, mlkem ref," in line


@pytest.mark.parametrize("command", ["start", "info"])
def test_a_choice_of_kernels_that_is_none_is_one_line(command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SWS_KERNELS": "fastest"}
    result = subprocess.run([sys.executable, "-m", "sws", command], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 78
    assert result.stderr == "sws: SWS_KERNELS is 'fastest', not one of auto, pure, ct, ref\n"
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["stop", "reload"])
@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such pid file"), ("rubbish", "cannot be read as a pid file"), ("1", "not a process id"), ("4194399", "is not running")],
)
def test_bad_pid_files(tmp_path: pathlib.Path, command: str, content: str | None, says: str) -> None:
    file = tmp_path / "pid"
    if content is not None:
        file.write_text(content)
    result = run(command, "--pid-file", str(file))
    assert result.exit_code == 1
    assert says in result.output


@pytest.mark.slow
def test_start_reload_stop_by_pid_file(site: pathlib.Path) -> None:
    pid_file = str(site / "sws.pid")
    with serving(["--pid-file", pid_file, "--listen", "http://127.0.0.1:0", "--root", "www", "--workers", "1"], site) as server:
        assert server.get()[2] == b"hello\n"
        assert run("reload", "--pid-file", pid_file).exit_code == 0
        server.read_until(lambda: b'"reloaded"' in server.err)
        assert run("stop", "--pid-file", pid_file).exit_code == 0
        assert server.wait() == 0


@pytest.mark.slow
def test_stop_kills_after_the_grace_time(site: pathlib.Path) -> None:
    (site / "www" / "big").write_bytes(bytes(30_000_000))
    pid_file = str(site / "sws.pid")
    with serving(["--pid-file", pid_file, "--listen", "http://127.0.0.1:0"], site) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            client.recv(1000)
            result = run("stop", "--pid-file", pid_file, "--grace", "0.2")
        assert result.exit_code == 1
        assert "was killed" in result.output
        assert server.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_with_nothing_given_it_serves_www_on_loopback(site: pathlib.Path) -> None:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 8080))
        except OSError:
            pytest.skip("port 8080 is taken on this machine")
    with serving([], site) as server:
        assert server.urls == ["http://127.0.0.1:8080"]
        server.read_until(lambda: b"serving" in server.err)
        assert str(site / "www").encode() in server.err
        assert server.get()[2] == b"hello\n"


@pytest.mark.slow
def test_without_www_it_serves_the_folder_itself(tmp_path: pathlib.Path) -> None:
    (tmp_path / "page.txt").write_text("here")
    with serving(["--listen", "http://127.0.0.1:0"], tmp_path) as server:
        assert server.get("/page.txt")[2] == b"here"


@pytest.mark.slow
def test_flags_override_the_file(site: pathlib.Path) -> None:
    (site / "sws.yaml").write_text("server: {listen: ['http://127.0.0.1:1'], root: ./nowhere, worker: {processes: 7}}\n")
    arguments = ["--listen", "http://127.0.0.1:0", "--root", "www", "--workers", "0", "--no-access-log", "--log-level", "warn"]
    with serving(arguments, site) as server:
        assert server.get()[0] == 200
        server.stop()
        assert b"http.access" not in server.err


@pytest.mark.slow
def test_several_addresses_dual_stack_and_unix(site: pathlib.Path) -> None:
    path = site / "s"
    arguments = ["--listen", "http://[::]:0", "--listen", f"unix:{path}", "--listen", "http://127.0.0.1:0"]
    with serving(arguments, site, count=3) as server:
        assert server.urls[0].startswith("http://[::]:")
        assert server.get()[0] == 200  # over IPv4 on the dual-stack address
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    assert not path.exists()


def test_port_in_use_is_one_line(site: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, line = failing_start(site, "--listen", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert code == 1
    assert "in use" in line


@pytest.mark.slow
def test_a_second_server_on_the_same_port_is_refused(site: pathlib.Path) -> None:
    """SO_REUSEPORT would let it share the port in silence."""
    with serving(["--listen", "http://127.0.0.1:0", "--workers", "2"], site) as server:
        code, line = failing_start(site, "--listen", server.urls[0], "--workers", "2")
    assert code == 1
    assert "in use" in line


def test_a_foreign_address_is_one_line(site: pathlib.Path) -> None:
    code, line = failing_start(site, "--listen", "http://192.0.2.1:0")
    assert code == 1
    assert "no such address" in line


def test_a_missing_root_is_a_configuration_error(site: pathlib.Path) -> None:
    code, line = failing_start(site, "--root", "nowhere")
    assert code == 78
    assert "nowhere" in line


def test_a_bad_listen_url_is_a_configuration_error(site: pathlib.Path) -> None:
    code, line = failing_start(site, "--listen", "gopher://x")
    assert code == 78
    assert "gopher" in line


def test_an_unreadable_log_is_one_line(site: pathlib.Path) -> None:
    (site / "sws.yaml").write_text("server: {log: {file: /dev/null/x}}\n")
    code, line = failing_start(site)
    assert code == 78
    assert "server.log.file" in line


@pytest.mark.slow
def test_first_byte_comes_soon(site: pathlib.Path) -> None:
    """A coarse guard on start-up; the figure itself is measured by bench/startup.py."""
    begin = time.monotonic()
    with serving(["--listen", "http://127.0.0.1:0", "--workers", "1"], site) as server:
        assert server.get()[0] == 200
    assert time.monotonic() - begin < 10
