# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Chromium loads the start page, by the very configuration that `make serve` uses."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest

from tests.kit.chromium import browsing, console_errors
from tests.kit.server import ROOT, serving

pytestmark = [pytest.mark.peer, pytest.mark.slow]


def test_the_start_page_shows_the_request_without_a_complaint(tmp_path: pathlib.Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    shutil.copytree(ROOT / "www", tmp_path / "www")
    shutil.copy(ROOT / "sws.yaml", tmp_path)
    with serving(["--listen", "http://127.0.0.1:0"], tmp_path) as server, browsing(tmp_path) as chrome:
        chrome.get(server.urls[0] + "/")
        WebDriverWait(chrome, 10).until(lambda driver: len(driver.find_elements(By.CSS_SELECTOR, "#facts dd")) > 5)
        facts = dict(
            zip(
                [element.text for element in chrome.find_elements(By.CSS_SELECTOR, "#facts dt")],
                [element.text for element in chrome.find_elements(By.CSS_SELECTOR, "#facts dd")],
                strict=True,
            )
        )
        assert facts["Protocol"] == "HTTP/1.1"
        assert facts["Cipher"] == "none"
        assert facts["Server"].startswith("sws ")
        assert facts["Host asked for"] == server.urls[0].removeprefix("http://")
        assert console_errors(chrome) == []
        picture = os.environ.get("SWS_SCREENSHOT")
        if picture:
            chrome.save_screenshot(picture)
        chrome.get(server.urls[0] + "/nope")
        assert chrome.title == "404 Not Found"


def test_a_listing_can_be_walked(tmp_path: pathlib.Path) -> None:
    from selenium.webdriver.common.by import By

    names = ["a b", "100%", "q?x#y", "<b>", "javascript:alert(1)", "ü"]
    (tmp_path / "www" / "in ner").mkdir(parents=True)
    for name in names:
        (tmp_path / "www" / "in ner" / f"{name}.txt").write_text(name)
    (tmp_path / "sws.yaml").write_text("server: {static: {listing: true}}\n")
    with serving(["--listen", "http://127.0.0.1:0"], tmp_path) as server, browsing(tmp_path) as chrome:
        chrome.get(server.urls[0] + "/")
        chrome.find_element(By.LINK_TEXT, "in ner/").click()
        for name in names:
            chrome.find_element(By.LINK_TEXT, f"{name}.txt").click()
            assert chrome.find_element(By.TAG_NAME, "body").text == name
            chrome.back()
        picture = os.environ.get("SWS_SCREENSHOT")
        if picture:
            chrome.save_screenshot(picture + ".listing.png")
        assert [error for error in console_errors(chrome) if "favicon" not in error] == []
