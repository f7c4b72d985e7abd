# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`sws benchmark --http 3` against the running server."""

from __future__ import annotations

import json
import pathlib

import pytest
from click.testing import CliRunner

from sws.cli.main import cli
from tests.kit.server import serving

pytestmark = pytest.mark.slow


def ask(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner().invoke(cli, ["benchmark", "--http", "3", *arguments])
    return result.exit_code, result.output


def test_a_short_run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWS_STATE", str(tmp_path / "state"))
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "a.txt").write_bytes(b"hello")
    with serving(["--listen", "https://127.0.0.1:0", "--self-signed"], tmp_path) as server:
        report = tmp_path / "report.json"
        load = ("--concurrency", "2", "--duration", "0.5", "--requests-per-connection", "4", "--json", str(report), "--no-progress")
        code, output = ask("--url", server.urls[0] + "/a.txt", "--url", server.urls[0] + "/none", *load)
        assert code == 0, output
        found = json.loads(report.read_text())
        assert set(found["statuses"]) == {"200", "404"}
        assert found["connections_opened"] > 2
        code, output = ask(
            "--url", server.urls[0] + "/a.txt", "--method", "POST", "--body", "x" * 1000, "--concurrency", "1", "--duration", "0.3"
        )
        assert (code, "405" in output) == (1, True)  # nothing succeeded
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--url", "http://127.0.0.1:1/"), "https://"),
        (("--url", "https://127.0.0.1:1/", "--unix-socket", "/x"), "unix"),
    ],
)
def test_what_cannot_be_asked(arguments: tuple[str, ...], says: str) -> None:
    code, output = ask(*arguments)
    assert code == 2
    assert says in output
