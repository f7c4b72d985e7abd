# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A host's own error pages."""

from __future__ import annotations

import os
import pathlib

import pytest

from sws.base.errors import DecodeError
from sws.exchange.pipeline import compile_chain
from sws.handlers.errorpages import MAXIMUM, OwnPages
from sws.handlers.hotfiles import HotStore
from sws.handlers.static import StaticFiles, StaticOptions
from sws.os.files import Root
from tests.kit.driver import Response, Rig, get


def test_own_pages_are_read_when_they_are_wanted(tmp_path: pathlib.Path) -> None:
    root = Root(str(tmp_path))
    files = StaticFiles(root, StaticOptions(), HotStore(0))
    pages = OwnPages(root, {404: "/errors/404.html", 405: "/405.txt", 400: "/none.html"})
    (tmp_path / "errors").mkdir()
    page = tmp_path / "errors" / "404.html"
    page.write_text("lost")
    (tmp_path / "405.txt").write_text("not so")
    with Rig(compile_chain([pages], files)) as rig:
        client = rig.connect()

        def ask(request: bytes) -> Response:
            (response,) = rig.ask(request, client)
            return response

        response = ask(get("/x"))
        assert (response.status, response.content) == (404, b"lost")
        assert response.fields["content-type"] == "text/html; charset=utf-8"
        assert "content-language" not in response.fields
        assert response.fields["cache-control"] == "no-store"
        page.write_text("still lost")
        assert ask(get("/x")).content == b"still lost"
        refused = ask(get("/", method="PUT"))
        assert (refused.status, refused.content, refused.fields["allow"]) == (405, b"not so", "GET, HEAD, OPTIONS")
        assert b"sws" in ask(get("/%00")).content  # its page is missing: the server's own
        page.write_bytes(bytes(MAXIMUM + 1))
        assert b"sws" in ask(get("/x")).content
        page.unlink()
        os.mkdir(page)
        assert b"sws" in ask(get("/x")).content
    root.close()


def test_a_page_that_becomes_unreadable(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(str(tmp_path))
    (tmp_path / "p").write_text("x")

    def fail(_fd: int, _length: int, _offset: int) -> bytes:
        raise OSError("gone")

    monkeypatch.setattr("sws.handlers.errorpages.read_at", fail)
    assert OwnPages(root, {404: "/p"}).find(404) is None
    root.close()


def test_a_path_that_no_request_could_have() -> None:
    with pytest.raises(DecodeError):
        OwnPages(None, {404: "/%00"})  # type: ignore[arg-type]
