# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Directories and their listings, over real connections."""

from __future__ import annotations

import errno
import os
import pathlib
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from sws.os.files import Root
from tests.kit.served_folder import Site

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names and links of POSIX")


# --- directories ------------------------------------------------------------------------------------------------------


def test_the_index(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, index=("index.html", "index.txt"), cache=1 << 20)
    site.write("index.html", b"top")
    site.write("a/index.txt", b"second")
    (tmp_path / "b" / "index.html").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    for _ in range(2):
        assert site.ask("/").content == b"top"
        assert site.ask("/a/").content == b"second"
    assert site.ask("/a/").fields["content-type"] == "text/plain; charset=utf-8"
    site.write("a/index.html", b"better")
    assert site.ask("/a/").content == b"better"
    assert [site.ask(path).status for path in ("/b/", "/c/")] == [404, 404]
    site.close()


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/dir", "/dir/"),
        ("/dir?a=b&c=%2F", "/dir/?a=b&c=%2F"),
        ("//dir", "/dir"),
        ("//evil.example", "/evil.example"),
        ("//evil.example/", "/evil.example/"),
        ("//evil.example/%2e%2e", "/"),
        ("///evil.example//x//", "/evil.example/x/"),
        ("/dir//f", "/dir/f"),
        ("/dir//", "/dir/"),
        ("//", "/"),
        ("///?x", "/?x"),
        ("//a%20b%3Fc%23d", "/a%20b%3Fc%23d"),
        ("//gr%C3%BC%C3%9Fe", "/gr%C3%BC%C3%9Fe"),
        ("//http://evil.example/", "/http:/evil.example/"),
        ("/./", None),
    ],
)
def test_redirects_stay_on_this_host(site: Site, path: str, location: str | None) -> None:
    """RFC 3986 §4.2: a Location that began with two slashes would name another host."""
    site.write("dir/f")
    response = site.ask(path)
    assert response.fields.get("location") == location
    if location is not None:
        assert response.status == 308
        assert not location.startswith(("//", "/\\"))
        assert urlsplit(urljoin("http://a.example" + path, location)).netloc == "a.example"


def test_hidden_names(tmp_path: pathlib.Path) -> None:
    for hidden, expected in ((False, 404), (True, 200)):
        site = Site(tmp_path, hidden=hidden, listing=True)
        for name in (".x", "a/.x", ".git/config", ".well-known/acme", "a/.well-known/y", ".well-known/.x", "..x", "..."):
            site.write(name)
            wanted = 200 if name == ".well-known/acme" else expected
            assert site.ask("/" + name).status == wanted, name
            assert site.ask("/" + name.replace(".", "%2e")).status in (wanted, 400), name
        page = site.ask("/a/").content.decode()
        assert (".x" in page) is hidden
        site.close()


# --- listing ----------------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """All links of a page with their text, and every tag."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self._href = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag == "a":
            self._href = dict(attrs)["href"] or ""

    def handle_data(self, data: str) -> None:
        if self._href:
            self.links.append((self._href, data))
            self._href = ""


ODD_NAMES = [
    "javascript:alert(1)",
    "a b<.txt",
    "<script>alert(1)</script>"[:8] + "x",
    '"onmouseover="x',
    "&amp;",
    "100%.txt",
    "a?b",
    "a#b",
    "grüße",
    "\u202egnp.exe",
    "http:",
    "~",
    "'",
    "a;b=c",
]


def test_a_listing_leads_to_every_file(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, listing=True)
    for name in ODD_NAMES:
        site.write("d <i>/" + name, name.encode())
    (tmp_path / "d <i>" / "sub").mkdir()
    os.mkfifo(tmp_path / "d <i>" / "fifo")
    response = site.ask("/d%20%3Ci%3E/")
    assert response.fields["content-type"] == "text/html; charset=utf-8"
    page = Links(response.content)
    assert not page.tags & {"script", "i", "img"}
    base = "http://a.example/d%20%3Ci%3E/"
    found = {}
    for href, text in page.links:
        target = urljoin(base, href)
        assert urlsplit(target)[:2] == ("http", "a.example"), href
        found[text] = target
    assert set(found) == {*ODD_NAMES, "sub/", "../", "/", "d <i>"}
    assert found["../"] == found["/"] == "http://a.example/"
    for name in ODD_NAMES:
        assert unquote(urlsplit(found[name]).path) == "/d <i>/" + name
        assert site.ask(urlsplit(found[name]).path).content == name.encode()
    site.close()


def test_a_listing_has_folders_first_and_then_names(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, listing=True)
    for name in ("b", "A", "c", "Z/x", "d/x"):
        site.write(name)
    page = Links(site.ask("/").content)
    assert [text for _, text in page.links] == ["/", "d/", "Z/", "A", "b", "c"]
    assert b"5 entries" in site.ask("/").content
    assert b"1 entry " in site.ask("/d/").content
    site.close()


def test_a_listing_survives_names_that_are_not_utf_8_and_impossible_times(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, listing=True)
    site.write("good")
    try:
        with open(os.path.join(os.fsencode(tmp_path), b"bad\xff"), "wb"):
            pass
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    os.utime(tmp_path / "good", (2**40, 2**40))
    response = site.ask("/")
    assert response.status == 200
    page = Links(response.content)
    assert ("./good", "good") in page.links
    assert [name for _, name in page.links if name.startswith("bad")] == []  # no request could name it
    site.close()


def test_conditions_on_a_listing(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, listing=True)
    site.write("x")
    assert site.ask("/", "If-None-Match: *").status == 304
    assert site.ask("/", 'If-Match: "x"').status == 412
    assert site.ask("/", 'If-None-Match: "x"').status == 200
    site.close()


def test_a_directory_that_vanishes_before_it_is_listed(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, listing=True)

    def vanish(_self: Root, _segments: object, _maximum: int) -> list[object]:
        raise FileNotFoundError(errno.ENOENT, "gone")

    monkeypatch.setattr(Root, "entries", vanish)
    assert site.ask("/").status == 404
    site.close()
