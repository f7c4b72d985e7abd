# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files of a folder over real connections: methods, conditions, ranges.  RFC 9110 §8.8, §9.3, §13, §14, §15."""

from __future__ import annotations

import errno
import os
import pathlib
import re

import pytest

from sws.handlers.fileresponse import SMALL
from sws.os.files import Root
from tests.kit.driver import Response
from tests.kit.served_folder import PAST, PAST_DATE, Site

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names and links of POSIX")


# --- files ------------------------------------------------------------------------------------------------------------


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


# --- methods ----------------------------------------------------------------------------------------------------------


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


# --- conditions -------------------------------------------------------------------------------------------------------


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


# --- ranges -----------------------------------------------------------------------------------------------------------


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
