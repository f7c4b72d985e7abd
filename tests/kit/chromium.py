# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Headless Chromium by WebDriver: real pages, real console, real network stack."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.kit.peers import peer

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

__all__ = ["browsing", "console_errors"]

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--window-size=1100,900",
)


@contextmanager
def browsing(folder: pathlib.Path, *arguments: str) -> Iterator[Chrome]:
    """A browser with a profile of its own.

    Args:
      folder:     for the profile.
      arguments:  further switches.
    """
    browser, driver = peer("chromium", "google-chrome", "chrome"), peer("chromedriver")
    selenium = pytest.importorskip("selenium.webdriver", reason="peer missing: the selenium package")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for argument in (*_ARGUMENTS, *arguments, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = selenium.Chrome(options=options, service=selenium.ChromeService(executable_path=driver))
    try:
        chrome.set_page_load_timeout(30)
        yield chrome
    finally:
        chrome.quit()


def console_errors(chrome: Chrome) -> list[str]:
    """What the page's console complains of."""
    return [entry["message"] for entry in chrome.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
