# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every test may use, and the summary of what did not run."""

from __future__ import annotations

import os

import pytest

from tests.kit.vectors import EXTRA_VARIABLE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with real peers share one worker of pytest-xdist, so that they do not time each other out."""
    for item in items:
        if item.get_closest_marker("peer"):
            item.add_marker(pytest.mark.xdist_group("peer"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which suites did not run."""
    skipped = terminalreporter.stats.get("skipped", [])
    vectors = sum(EXTRA_VARIABLE in str(report.longrepr) for report in skipped)
    peers = sum("peer missing" in str(report.longrepr) for report in skipped)
    present = "bound" if EXTRA_VARIABLE in os.environ else f"not run ({vectors} tests; set {EXTRA_VARIABLE})"
    terminalreporter.write_line(f"third-party vectors: {present}; tests skipped for a missing peer: {peers}")


@pytest.fixture(autouse=True)
def _no_stray_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the machine must not change what the tests see."""
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)
