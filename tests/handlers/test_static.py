# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files of a folder over real connections.  RFC 9110 §8.8, §9.3, §13, §14, §15."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from sws.handlers import fileresponse as module
from sws.handlers import static
from sws.handlers.fileresponse import SMALL
from sws.handlers.hotfiles import HotFile, HotStore, facts_of
from sws.handlers.static import StaticFiles, StaticOptions
from sws.os.files import LinkPolicy, Root, read_at
from tests.kit.driver import Client, Response, Rig, get

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names and links of POSIX")

PAST = 1735689600  # 2025-01-01, a year before the rig's clock
PAST_DATE = "Wed, 01 Jan 2025 00:00:00 GMT"


class Site:
    """A folder, a handler, a rig."""

    def __init__(self, path: pathlib.Path, links: LinkPolicy = LinkPolicy.INSIDE, cache: int = 0, **options: Any) -> None:
        self.path = path
        self.store = HotStore(cache)
        self.root = Root(str(path), links)
        self.handler = StaticFiles(self.root, StaticOptions(**options), self.store)
        self.rig = Rig(self.handler)
        self.client: Client | None = None

    def write(self, name: str, content: bytes = b"content", mtime: float = PAST) -> pathlib.Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (mtime, mtime))
        return path

    def ask(self, path: str, *fields: str, method: str = "GET") -> Response:
        """Over one connection, which a HEAD ends."""
        if self.client is None or self.client.eof:
            self.client = self.rig.connect()
        if method == "HEAD":
            client, self.client = self.client, None
            before = len(client.received)
            client.send(get(path, *fields, method=method))
            self.rig.settle()
            head, separator, rest = bytes(client.received[before:]).partition(b"\r\n\r\n")
            assert separator
            assert rest == b"", "a response to HEAD has no content (RFC 9110 §9.3.2)"
            line, *lines = head.decode("latin-1").split("\r\n")
            pairs = [text.lower().partition(": ") for text in lines]
            return Response(int(line.split(" ")[1]), {name: value for name, _, value in pairs}, b"")
        (response,) = self.rig.ask(get(path, *fields, method=method), self.client)
        assert self.rig.errors == []
        return response

    def close(self) -> None:
        self.rig.close()
        self.root.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


@pytest.fixture(params=[0, 1 << 20], ids=["disk", "hot"])
def cache(request: pytest.FixtureRequest) -> int:
    """Nothing kept in memory, and small files kept."""
    return int(request.param)


@pytest.fixture
def site(tmp_path: pathlib.Path, cache: int) -> Iterator[Site]:
    (tmp_path / "www").mkdir()
    (tmp_path / "secret").write_text("SECRET")
    before = descriptors()
    site = Site(tmp_path / "www", cache=cache)
    yield site
    site.close()
    assert descriptors() == before


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_file_and_its_fields(site: Site) -> None:
    site.write("a.html", b"<p>hi")
    for _ in range(3):
        response = site.ask("/a.html")
        assert (response.status, response.content) == (200, b"<p>hi")
        fields = response.fields
        assert fields["content-type"] == "text/html; charset=utf-8"
        assert fields["content-length"] == "5"
        assert fields["last-modified"] == PAST_DATE
        assert re.fullmatch(r'"[0-9a-f-]+"', fields["etag"])
        assert fields["accept-ranges"] == "bytes"
        assert fields["x-content-type-options"] == "nosniff"
        assert "cache-control" not in fields


@pytest.mark.parametrize("size", [0, 1, SMALL - 1, SMALL, SMALL + 1, 1_000_000])
def test_every_size(site: Site, size: int) -> None:
    content = os.urandom(size)
    site.write("f", content)
    for _ in range(2):
        response = site.ask("/f")
        assert response.content == content
        assert response.fields["content-length"] == str(size)


def test_max_age_and_own_types(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, max_age=60, types={".FOO": "text/x-foo", "html": "text/x-html"})
    for name, expected in (("a.foo", "text/x-foo"), ("a.FOO", "text/x-foo"), ("a.html", "text/x-html"), ("a.png", "image/png")):
        site.write(name)
        response = site.ask("/" + name)
        assert response.fields["content-type"] == expected
        assert response.fields["cache-control"] == "max-age=60"
    site.write("foo")
    assert site.ask("/foo").fields["content-type"] == "application/octet-stream"
    site.close()


def test_names_beyond_ascii(site: Site) -> None:
    site.write("grüße und 100%.txt", b"x")
    assert site.ask("/gr%C3%BC%c3%9fe%20und%20100%25.txt").content == b"x"


@pytest.mark.parametrize("path", ["/nothing", "/nothing/", "/a/nothing", "/f/x", "/f/", "/" + "x" * 300, "/f/..%2f"])
def test_what_is_not_there(site: Site, path: str) -> None:
    site.write("f")
    site.write("a/b")
    assert site.ask(path).status in (404, 400)


def test_what_may_not_be_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """403 for a file of ours without permission; what leads outside is as if it were not there."""

    def refuse(_segments: object) -> tuple[int, os.stat_result]:
        raise PermissionError(errno.EACCES, "no", "f")

    monkeypatch.setattr(Root, "open", lambda _self, segments: refuse(segments))
    assert site.ask("/f").status == 403


def test_links(site: Site) -> None:
    site.write("a/f", b"inside")
    (site.path / "in").symlink_to("a/f")
    (site.path / "out").symlink_to("../secret")
    (site.path / "abs").symlink_to(site.path / "a" / "f")
    assert site.ask("/in").content == b"inside"
    assert [site.ask(path).status for path in ("/out", "/abs")] == [404, 404]


def test_names_that_the_system_s_encoding_has_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Root, segments: object) -> tuple[int, os.stat_result]:
        raise UnicodeEncodeError("latin-1", "\u65e5", 0, 1, "no")

    monkeypatch.setattr(Root, "open", refuse)
    assert site.ask("/x").status == 404


# --- methods ---------------------------------------------------------------------------------------------------------


def test_methods(site: Site) -> None:
    site.write("f")
    for path in ("/f", "/nothing", "*"):
        response = site.ask(path, method="OPTIONS")
        assert (response.status, response.fields["allow"]) == (204, "GET, HEAD, OPTIONS")
        assert "content-length" not in response.fields  # RFC 9110 §8.6: none with 204
    for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"):
        response = site.ask("/f", "Content-Length: 0", method=method)
        assert (response.status, response.fields["allow"]) == (405, "GET, HEAD, OPTIONS")  # RFC 9110 §15.5.6
    for method in ("get", "NONSENSE"):
        assert site.ask("/f", method=method).status == 501  # RFC 9110 §15.6.2; methods are case-sensitive


@pytest.mark.parametrize("path", ["/f", "/big", "/empty", "/dir", "/dir/", "/nothing", "//f", "/%ff", "/%zz", "/index/", "/.hidden"])
@pytest.mark.parametrize("field", [None, "If-None-Match: *", 'If-Match: "no"', "Range: bytes=0-1"])
def test_head_says_what_get_says(tmp_path: pathlib.Path, path: str, field: str | None) -> None:
    """RFC 9110 §9.3.2: the same fields, but for Range, which is defined for GET alone (§14.2)."""
    site = Site(tmp_path, listing=True)
    site.write("f")
    site.write("big", bytes(SMALL + 1))
    site.write("empty", b"")
    site.write("dir/x")
    site.write("index/index.html")
    fields = () if field is None or field.startswith("Range") else (field,)
    wanted = site.ask(path, *fields)
    got = site.ask(path, *(() if field is None else (field,)), method="HEAD")
    for response in (wanted, got):
        response.fields.pop("connection", None)  # a malformed target ends the connection
    assert got.status == wanted.status
    assert got.fields == {name: value.lower() for name, value in wanted.fields.items()}
    site.close()


# --- conditions ------------------------------------------------------------------------------------------------------


def test_conditions_by_tag(site: Site) -> None:
    site.write("f")
    tag = site.ask("/f").fields["etag"]
    response = site.ask("/f", f"If-None-Match: {tag}")
    assert (response.status, response.content) == (304, b"")
    # RFC 9110 §15.4.5: ETag, Cache-Control … as in a 200; §8.6: content-length only if it is that of the 200
    assert response.fields["etag"] == tag
    assert response.fields["last-modified"] == PAST_DATE
    assert "content-type" not in response.fields
    assert response.fields.get("content-length", "7") == "7"
    assert "date" in response.fields
    assert site.ask("/f", f'If-None-Match: "x", W/{tag}').status == 304
    assert site.ask("/f", "If-None-Match: *").status == 304
    assert site.ask("/f", 'If-None-Match: "x"').status == 200
    assert site.ask("/f", 'If-None-Match: "x"', f"If-None-Match: {tag}").status == 304
    assert site.ask("/f", f"If-Match: {tag}").status == 200
    assert site.ask("/f", "If-Match: *").status == 200
    assert site.ask("/f", 'If-Match: "x"').status == 412
    assert site.ask("/f", f"If-Match: W/{tag}").status == 412  # strong comparison, §13.1.1


def test_conditions_by_date(site: Site) -> None:
    site.write("f")
    assert site.ask("/f", f"If-Modified-Since: {PAST_DATE}").status == 304
    assert site.ask("/f", "If-Modified-Since: Tue, 31 Dec 2024 23:59:59 GMT").status == 200
    assert site.ask("/f", "If-Modified-Since: nonsense").status == 200
    assert site.ask("/f", f"If-Unmodified-Since: {PAST_DATE}").status == 200
    assert site.ask("/f", "If-Unmodified-Since: Tue, 31 Dec 2024 23:59:59 GMT").status == 412
    # §13.2.2: a tag comes before a date
    assert site.ask("/f", 'If-None-Match: "x"', f"If-Modified-Since: {PAST_DATE}").status == 200


def test_a_changed_file_has_another_tag(site: Site) -> None:
    path = site.write("f", b"one")
    first = site.ask("/f")
    assert site.ask("/f").fields["etag"] == first.fields["etag"]
    site.write("f", b"two", PAST + 1)
    second = site.ask("/f")
    assert (second.content, second.fields["etag"] != first.fields["etag"]) == (b"two", True)
    path.unlink()
    assert site.ask("/f").status == 404
    site.write("f", b"new", PAST)
    assert site.ask("/f").content == b"new"


def test_a_file_of_this_second_has_a_weak_tag(site: Site) -> None:
    """RFC 9110 §8.8.1: it may change once more without the tag showing it."""
    now = site.rig.clock.wall()
    site.write("f", mtime=now)
    tag = site.ask("/f").fields["etag"]
    assert tag.startswith("W/")
    assert site.ask("/f", f"If-None-Match: {tag}").status == 304
    assert site.ask("/f", f"If-Match: {tag}").status == 412
    response = site.ask("/f", "Range: bytes=0-1", f"If-Range: {tag}")
    assert response.status == 200  # §13.1.5: a weak validator never matches
    site.write("f", b"changed", mtime=now)
    assert site.ask("/f").content == b"changed"  # and it is not kept in memory
    site.rig.clock.advance(1)
    site.rig.turn()
    assert site.ask("/f").fields["etag"] == tag.removeprefix("W/")


@pytest.mark.parametrize("ahead", [3600, 10**9])
def test_a_file_from_the_future(site: Site, ahead: int) -> None:
    """RFC 9110 §8.8.2.1: Last-Modified is never later than Date."""
    site.write("f", mtime=site.rig.clock.wall() + ahead)
    response = site.ask("/f")
    assert response.fields["last-modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert response.fields["etag"].startswith("W/")


def test_a_file_from_before_the_epoch(site: Site) -> None:
    site.write("f", mtime=-86400)
    assert site.ask("/f").fields["last-modified"] == "Wed, 31 Dec 1969 00:00:00 GMT"


# --- ranges ----------------------------------------------------------------------------------------------------------

DIGITS = b"0123456789"


@pytest.mark.parametrize(
    ("value", "status", "content", "content_range"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=7-100", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-100", 206, DIGITS, "bytes 0-9/10"),
        ("bytes=1-2,3-4", 206, b"1234", "bytes 1-4/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=4-2", 200, DIGITS, None),
        ("bytes=x", 200, DIGITS, None),
        ("lines=1-2", 200, DIGITS, None),
        ("bytes=0-0,0-1", 206, DIGITS[:2], "bytes 0-1/10"),  # joined into one
    ],
)
def test_ranges(site: Site, value: str, status: int, content: bytes | None, content_range: str | None) -> None:
    site.write("f", DIGITS)
    site.ask("/f")
    response = site.ask("/f", f"Range: {value}")
    assert response.status == status
    assert response.fields.get("content-range") == content_range
    if content is not None:
        assert response.content == content
        assert response.fields["etag"]


def parts_of(response: Response) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a multipart/byteranges response.  RFC 2046 §5.1, written from the grammar."""
    kind, _, parameter = response.fields["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    assert len(response.content) == int(response.fields["content-length"])
    preamble, *pieces, epilogue = response.content.split(b"\r\n--" + parameter.encode())
    assert (preamble, epilogue) == (b"", b"--\r\n")
    parts = []
    for piece in pieces:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        parts.append((dict(line.split(": ", 1) for line in head.decode().split("\r\n")), content))
    return parts


def test_several_ranges_are_multipart(site: Site) -> None:
    """RFC 9110 §14.6: each part with its Content-Range and type; none on the whole."""
    site.write("f.txt", DIGITS)
    response = site.ask("/f.txt", "Range: bytes=0-1, 4-4, -2")
    assert response.status == 206
    assert "content-range" not in response.fields
    assert parts_of(response) == [
        ({"content-type": "text/plain; charset=utf-8", "content-range": "bytes 0-1/10"}, DIGITS[:2]),
        ({"content-type": "text/plain; charset=utf-8", "content-range": "bytes 4-4/10"}, DIGITS[4:5]),
        ({"content-type": "text/plain; charset=utf-8", "content-range": "bytes 8-9/10"}, DIGITS[8:]),
    ]
    other = site.ask("/f.txt", "Range: bytes=0-0,5-5")
    assert other.fields["content-type"] != response.fields["content-type"]  # a boundary of its own
    assert site.ask("/f.txt", "Range: bytes=0-0,5-5", 'If-Range: "x"').status == 200
    assert site.ask("/f.txt", "Range: bytes=20-,30-").status == 416


def test_large_parts_leave_by_sendfile(site: Site) -> None:
    content = os.urandom(SMALL * 4)
    site.write("f", content)
    first, second = (10, SMALL * 2), (SMALL * 3, SMALL * 3 + 5)
    response = site.ask("/f", f"Range: bytes={first[0]}-{first[1]},{second[0]}-{second[1]}")
    assert [part for _, part in parts_of(response)] == [content[first[0] : first[1] + 1], content[second[0] : second[1] + 1]]
    assert site.ask("/f").content == content  # the connection goes on


def test_ranges_of_large_and_of_empty_files(site: Site) -> None:
    content = os.urandom(SMALL * 3)
    site.write("f", content)
    response = site.ask("/f", f"Range: bytes=5-{SMALL * 2}")
    assert (response.status, response.content) == (206, content[5 : SMALL * 2 + 1])
    site.write("e", b"")
    assert site.ask("/e", "Range: bytes=0-").status == 416
    assert site.ask("/e", "Range: bytes=-1").status == 200


def test_if_range(site: Site) -> None:
    site.write("f", DIGITS)
    tag = site.ask("/f").fields["etag"]
    for value, status in ((tag, 206), (PAST_DATE, 206), ('"x"', 200), ("Thu, 02 Jan 2025 00:00:00 GMT", 200), (f"W/{tag}", 200)):
        assert site.ask("/f", "Range: bytes=0-1", f"If-Range: {value}").status == status


def test_a_condition_comes_before_a_range(site: Site) -> None:
    site.write("f", DIGITS)
    tag = site.ask("/f").fields["etag"]
    assert site.ask("/f", "Range: bytes=0-1", f"If-None-Match: {tag}").status == 304
    assert site.ask("/f", "Range: bytes=50-", 'If-Match: "x"').status == 412


# --- directories -----------------------------------------------------------------------------------------------------


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


# --- listing ---------------------------------------------------------------------------------------------------------


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


# --- files that change under us --------------------------------------------------------------------------------------


def test_a_small_file_that_shrinks_between_stat_and_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = site.write("f", b"0123456789")

    def shrink(fd: int, length: int, offset: int) -> bytes:
        os.truncate(path, 5)
        return read_at(fd, length, offset)

    monkeypatch.setattr(module, "read_at", shrink)
    assert site.ask("/f").status == 500  # the head had not left: nothing is padded, nothing cut
    assert isinstance(site.rig.service.errors[-1], OSError)


def test_descriptors_are_given_back(site: Site) -> None:
    site.write("f")
    site.write("big", bytes(SMALL + 1))
    site.write("d/index.html")
    site.ask("/f")
    before = descriptors()
    for path in ("/f", "/big", "/d/", "/d", "/nothing", "/f/", "/.x", "/%zz"):
        site.ask(path)
        site.ask(path, "Range: bytes=0-1")
        if site.client is not None and site.client.eof:
            site.client = None
    site.rig.settle()
    assert descriptors() <= before + len(site.rig.clients)


def test_the_memo_of_metadata_is_bounded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MEMO_MAXIMUM", 3)
    site = Site(tmp_path)
    for number in range(8):
        site.write(f"f{number}")
        assert site.ask(f"/f{number}").status == 200
        assert len(site.handler._responder._memo) <= 3
    site.close()


def test_what_is_kept_in_memory_is_bounded_and_follows_the_file(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, cache=10_000)
    for number in range(10):
        site.write(f"f{number}", b"x" * 1000)
        assert site.ask(f"/f{number}").status == 200
        assert site.store.octets <= 10_000
    assert len(site.handler._hot) == 3
    site.write("huge", bytes(SMALL))
    site.ask("/huge")
    site.ask("/f9?query")
    assert len(site.handler._hot) == 3
    path = site.write("f9", b"changed", PAST)  # same time of modification: the time of change tells
    assert site.ask("/f9").content == b"changed"
    path.chmod(0)
    assert len(site.handler._hot) == 3
    assert site.handler._hot.get(b"/f9", 0.0) is None
    path.unlink()
    assert site.ask("/f9").status == 404
    site.ask("/f8")
    (tmp_path / "f8").unlink()
    assert site.ask("/f8").status == 404
    assert len(site.handler._hot) == 1
    site.close()


def test_a_file_found_unchanged_is_taken_to_be_so_for_a_while(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, cache=10_000, revalidate=2.0)
    site.write("f", b"first")
    assert [site.ask("/f").content for _ in range(2)] == [b"first"] * 2  # kept; looked at once
    site.write("f", b"second")
    site.rig.clock.advance(1.9)
    assert site.ask("/f").content == b"first"
    site.rig.clock.advance(0.2)
    assert site.ask("/f").content == b"second"
    site.close()


def test_one_that_is_put_twice(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, cache=10_000)
    path = site.write("f", b"x" * 1000)
    for _ in range(5):
        site.handler._hot.put(b"/f", HotFile("f", facts_of(path.stat()), (), b"x" * 1000))
    assert len(site.handler._hot) == 1
    assert site.store.octets < 4000
    site.close()


def test_what_is_used_outlives_what_is_not() -> None:
    store = HotStore(4 * (1000 + 2048))
    home: dict[bytes, HotFile] = {}
    for name in (b"1", b"2", b"3", b"4"):
        store.put(home, name, HotFile("f", (0, 0, 0, 0, 0), (), bytes(1000)))
    home[b"1"].used = home[b"3"].used = True
    store.put(home, b"5", HotFile("f", (0, 0, 0, 0, 0), (), bytes(1000)))
    assert sorted(home) == [b"1", b"3", b"4", b"5"]  # 1 had its second chance
    store.put(home, b"6", HotFile("f", (0, 0, 0, 0, 0), (), bytes(1000)))
    assert sorted(home) == [b"1", b"3", b"5", b"6"]
    store.put(home, b"7", HotFile("f", (0, 0, 0, 0, 0), (), bytes(1000)))
    assert sorted(home) == [b"3", b"5", b"6", b"7"]  # and used it up
    assert store.octets == 4 * (1000 + 2048)


def test_names_that_windows_would_take_for_streams(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write("f")
    monkeypatch.setattr(static, "_REFUSED_NAME", ":")
    assert site.ask("/f::$DATA").status == 404


# --- in place of something else ------------------------------------------------------------------------------------------


def test_suffixes(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, suffixes=(".html", ".txt"))
    site.write("about.html", b"about")
    site.write("note.txt", b"note")
    (tmp_path / "folder").mkdir()
    assert site.ask("/about").content == b"about"
    assert site.ask("/about").fields["content-type"] == "text/html; charset=utf-8"
    assert site.ask("/note").content == b"note"
    assert site.ask("/about/").status == 404
    assert site.ask("/folder").status == 308
    assert site.ask("/none").status == 404
    site.write("about", b"itself")
    assert site.ask("/about").content == b"itself"
    site.close()


def test_the_fallback_answers_for_what_is_missing(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, cache=1 << 20, fallback="/app/main.html")
    (tmp_path / "app").mkdir()
    site.write("real.txt", b"real")
    assert site.ask("/nowhere").status == 404  # the fallback itself is missing
    site.write("app/main.html", b"application")
    for path in ("/nowhere", "/deep/er", "/real.txt/", "/", "/app/"):
        response = site.ask(path)
        assert (response.status, response.content) == (200, b"application"), path
    assert site.ask("/real.txt").content == b"real"
    assert site.ask("/.hidden").status == 404
    assert site.ask("/%2e%2e/x").status == 400
    site.close()


@pytest.mark.parametrize("cache", [0, 1 << 20])
def test_precompressed_neighbours(tmp_path: pathlib.Path, cache: int) -> None:
    """RFC 9110 §8.4, §12.5.3: the coding the client weighs most, with a tag of its own and Vary."""
    site = Site(tmp_path, cache=cache, precompressed=("br", "zstd", "gzip"))
    for name, content in (("a.js", b"plain"), ("a.js.br", b"BR"), ("a.js.gz", b"GZ"), ("b.js", b"bare")):
        site.write(name, content)
    tags = set()
    for accept, coding, content in (
        (None, None, b"plain"),
        ("br, gzip", "br", b"BR"),
        ("gzip", "gzip", b"GZ"),
        ("gzip, br;q=0.5", "gzip", b"GZ"),
        ("zstd", None, b"plain"),
        ("zstd, gzip;q=0.1", "gzip", b"GZ"),
        ("br;q=0", None, b"plain"),
    ):
        for _ in range(2):
            response = site.ask("/a.js", *([f"Accept-Encoding: {accept}"] if accept else []))
            assert (response.fields.get("content-encoding"), response.content) == (coding, content), accept
            assert response.fields["vary"] == "accept-encoding"
            assert response.fields["content-type"] == "text/javascript; charset=utf-8"
            tags.add(response.fields["etag"])
    assert len(tags) == 3
    assert site.ask("/b.js", "Accept-Encoding: br").content == b"bare"
    ranged = site.ask("/a.js", "Accept-Encoding: br", "Range: bytes=1-")
    assert (ranged.status, ranged.content, ranged.fields["content-encoding"]) == (206, b"R", "br")
    tag = site.ask("/a.js", "Accept-Encoding: br").fields["etag"]
    unchanged = site.ask("/a.js", "Accept-Encoding: br", f"If-None-Match: {tag}")
    assert (unchanged.status, unchanged.fields["vary"], "content-encoding" in unchanged.fields) == (304, "accept-encoding", False)
    site.close()


@pytest.mark.parametrize("cache", [0, 1 << 20])
def test_a_neighbour_older_than_its_file_is_left_alone(tmp_path: pathlib.Path, cache: int) -> None:
    site = Site(tmp_path, cache=cache, precompressed=("gzip",))
    site.write("a.js", b"old")
    site.write("a.js.gz", b"GZ")
    (tmp_path / "d.js").write_bytes(b"d")
    (tmp_path / "d.js.gz").mkdir()
    assert site.ask("/a.js", "Accept-Encoding: gzip").content == b"GZ"
    site.write("a.js", b"newer")
    os.utime(tmp_path / "a.js", (PAST + 60, PAST + 60))
    assert site.ask("/a.js", "Accept-Encoding: gzip").content == b"newer"
    assert site.ask("/d.js", "Accept-Encoding: gzip").content == b"d"
    site.close()


def test_a_listing_as_json(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, listing=True)
    (tmp_path / "sub").mkdir()
    site.write("a.txt", b"12345")
    os.utime(tmp_path / "sub", (PAST, PAST))
    response = site.ask("/", "Accept: application/json")
    assert response.fields["content-type"] == "application/json"
    assert response.fields["vary"] == "accept"
    assert json.loads(response.content) == {
        "path": "/",
        "entries": [
            {"name": "sub", "type": "directory", "size": None, "modified": "2025-01-01T00:00:00Z"},
            {"name": "a.txt", "type": "file", "size": 5, "modified": "2025-01-01T00:00:00Z"},
        ],
    }
    for accept in ("text/html", "text/html, application/json", "*/*", "application/json;q=0.5, text/*", '"'):
        assert site.ask("/", f"Accept: {accept}").fields["content-type"] == "text/html; charset=utf-8"
    assert site.ask("/", "Accept: application/json, text/html;q=0.9").fields["content-type"] == "application/json"
    site.close()


# --- traversal -------------------------------------------------------------------------------------------------------

_opened: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open" and isinstance(arguments[0], (str, bytes)):
        _opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_audit)

ATTACKS = [
    "/../secret",
    "/a/../../secret",
    "/..",
    "/%2e%2e/secret",
    "/.%2e/secret",
    "/%2E%2E%2Fsecret",
    "/..%2fsecret",
    "/a/..%2f..%2fsecret",
    "/%252e%252e/secret",
    "/%252e%252e%252fsecret",
    "/..%5csecret",
    "/..\\secret",
    "/a\\..\\..\\secret",
    "/%c0%ae%c0%ae/secret",
    "/%c0%ae%c0%ae%c0%afsecret",
    "/%e0%80%ae%e0%80%ae/secret",
    "/%u002e%u002e/secret",
    "/..%00/secret",
    "/f%00.html",
    "/%00",
    "/..;/secret",
    "/.../secret",
    "/....//secret",
    "//../secret",
    "/./../secret",
    "/a/./../../secret",
    "/%ef%bc%8e%ef%bc%8e/secret",
    "/\u2025/secret".encode().decode("latin-1"),
    "/file:///etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "/link/secret",
    "/link",
    "/updir/secret",
    "/updir/www/f",
    "/proc/self/environ",
    "/~root",
    "/%2fetc%2fpasswd",
    "/C:/windows",
    "/f::$DATA",
    "http://a.example/../secret",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("links", [LinkPolicy.INSIDE, LinkPolicy.NONE])
def test_nothing_outside_is_ever_opened(tmp_path: pathlib.Path, attack: str, links: LinkPolicy) -> None:
    global _opened
    (tmp_path / "www").mkdir()
    (tmp_path / "secret").write_text("SECRET")
    site = Site(tmp_path / "www", links, hidden=True, listing=True)
    site.write("f")
    site.write("a/f")
    (site.path / "link").symlink_to("../secret")
    (site.path / "updir").symlink_to("..")
    client = site.rig.connect()
    _opened = []
    try:
        client.send(get(attack, "Connection: close"))
        site.rig.until(lambda: client.eof)
    finally:
        opened, _opened = _opened, None
    (response,) = client.responses()
    assert response.status in (308, 400, 404)
    assert b"SECRET" not in response.content
    for name in opened:  # each is one component, relative to the directory before it
        assert "/" not in name, name
        assert name != "..", name
    location = response.fields.get("location")
    assert location is None or (location[0] == "/" and not location.startswith("//"))
    site.close()


def test_want_of_descriptors_is_not_a_missing_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, suffixes=(".html",), fallback="/f")
    site.write("f")

    def exhausted(_segments: object) -> Any:
        raise OSError(errno.EMFILE, "no descriptors")

    monkeypatch.setattr(Root, "open", lambda _self, segments: exhausted(segments))
    response = site.ask("/f")
    assert (response.status, response.fields["retry-after"]) == (503, "1")
    monkeypatch.undo()
    assert site.ask("/f").status == 200
    site.close()
