# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's own pages."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from sws.exchange import pages
from sws.exchange.exchange import Exchange
from sws.exchange.pages import error_page, redirect, respond_error, set_language
from tests.kit.driver import Rig, get


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    pages._cache.clear()
    yield
    set_language("en")
    pages._cache.clear()


@pytest.mark.parametrize("status", [*pages._EXPLANATIONS, 418, 299])
def test_an_error_page_is_html_with_its_status(status: int) -> None:
    page = error_page(status)
    HTMLParser().feed(page.decode())
    assert f"<title>{status}".encode() in page
    assert page is error_page(status)
    assert b'lang="en"' in page


def test_the_language() -> None:
    set_language("de")
    assert b'lang="de"' in error_page(404)


def test_responding() -> None:
    async def handler(exchange: Exchange) -> None:
        respond_error(exchange, 405, ((b"allow", b"GET"),))

    with Rig(handler) as rig:
        (response,) = rig.ask(get('/"><script>'.replace('"><script>', "%22%3E%3Cscript%3E")))
        assert response.status == 405
        assert response.fields["allow"] == "GET"
        assert response.fields["content-type"] == "text/html; charset=utf-8"
        assert response.fields["cache-control"] == "no-store"
        assert response.content == error_page(405)
        assert b"script" not in response.content


def test_redirecting_escapes_where_to() -> None:
    async def handler(exchange: Exchange) -> None:
        redirect(exchange, b"/a?b=\"'><script>&c")

    with Rig(handler) as rig:
        (response,) = rig.ask(get())
        assert response.status == 308
        assert response.fields["location"] == "/a?b=\"'><script>&c"
        assert b"<script>" not in response.content
        assert b'href="/a?b=&quot;&#x27;&gt;&lt;script&gt;&amp;c"' in response.content
