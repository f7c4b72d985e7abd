# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files that change while they are kept ready, what is served in place of something else, and that nothing outside is."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import sys
from typing import Any

import pytest

from sws.handlers import fileresponse as module
from sws.handlers import static
from sws.handlers.fileresponse import SMALL
from sws.handlers.hotfiles import HotFile, HotStore, facts_of
from sws.os.files import LinkPolicy, Root, read_at
from tests.kit.driver import get
from tests.kit.handlers import descriptors
from tests.kit.served_folder import PAST, Site

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names and links of POSIX")


# --- files that change under us ---------------------------------------------------------------------------------------


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


# --- in place of something else ---------------------------------------------------------------------------------------


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


# --- traversal --------------------------------------------------------------------------------------------------------


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
