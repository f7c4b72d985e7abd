# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Static serving against the letter of RFC 9110 §8.8, §12.5.5, §13, §14, §15: what a hostile tester would send.

Expected values are read off the RFC's text; tests/handlers/test_static.py has the usual cases.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from sws.handlers.fileresponse import SMALL
from tests.handlers.test_static import DIGITS, PAST, PAST_DATE, Site, parts_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="file names and links of POSIX")


@pytest.fixture(params=[0, 1 << 20], ids=["disk", "hot"])
def site(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Site]:
    site = Site(tmp_path, cache=request.param)
    site.write("f", DIGITS)
    site.ask("/f")
    yield site
    site.close()


@pytest.mark.parametrize(
    ("value", "status", "content_range"),
    [
        ("bytes=0-" + "9" * 30, 206, "bytes 0-9/10"),  # §14.1.2: a last-pos beyond the end is the end
        ("bytes=-" + "9" * 30, 206, "bytes 0-9/10"),
        ("bytes=" + "9" * 30 + "-", 416, "bytes */10"),
        ("bytes=" + "0" * 50 + "3-3", 206, "bytes 3-3/10"),
        ("bytes=" + "9" * 5000 + "-", 200, None),  # no integer of that length is read at all
        ("bytes=9-9", 206, "bytes 9-9/10"),
        ("bytes=10-10", 416, "bytes */10"),
        ("bytes=-0,10-", 416, "bytes */10"),
        ("bytes=-0,0-0", 206, "bytes 0-0/10"),  # §14.1.2: one satisfiable range is enough
        ("bytes=20-,0-0", 206, "bytes 0-0/10"),
        ("BYTES=1-2", 206, "bytes 1-2/10"),  # §14.1: range units are case-insensitive
        ("bytes=,1-2,,", 206, "bytes 1-2/10"),  # §5.6.1: empty list elements
        ("bytes=1-2\t,\t3-3", 206, "bytes 1-3/10"),
        ("bytes = 1-2", 200, None),
        ("bytes=1 -2", 200, None),
        ("bytes=+1-2", 200, None),
        ("bytes=1-2-3", 200, None),
        ("bytes=0x1-2", 200, None),
        ("bytes=--1", 200, None),
        ("bytes=-", 200, None),
        ("bytes=", 200, None),
        ("bytes=,", 200, None),
        ("bytes", 200, None),
        ("bytes=0-0,5-4", 200, None),  # §14.1.1: one invalid range-spec makes the set invalid
        ("bytes=0-5,1-6,2-7", 200, None),  # §14.2: more than two that overlap
        ("bytes=" + ",".join(["0-0"] * 100), 200, None),
    ],
)
def test_range_values(site: Site, value: str, status: int, content_range: str | None) -> None:
    response = site.ask("/f", f"Range: {value}")
    assert (response.status, response.fields.get("content-range")) == (status, content_range)
    if status == 200:
        assert response.content == DIGITS
    elif content_range and status == 206:
        first, last = map(int, content_range.removeprefix("bytes ").removesuffix("/10").split("-"))
        assert response.content == DIGITS[first : last + 1]
        assert response.fields["content-length"] == str(last - first + 1)  # §15.3.7.1: of the part


def test_two_range_lines_are_no_range(site: Site) -> None:
    """§14.2 defines one ranges-specifier; what two of them mean together is left to nobody's guess (§5.3)."""
    for second in ("bytes=2-3", "2-3"):
        assert site.ask("/f", "Range: bytes=0-1", f"Range: {second}").status == 200


def test_parts_come_in_the_order_asked_for(site: Site) -> None:
    """§15.3.7.2: and the boundary occurs nowhere in the content."""
    response = site.ask("/f", "Range: bytes=7-8,0-0,4-5")
    assert [content for _, content in parts_of(response)] == [b"78", b"0", b"45"]
    assert all(fields["content-range"].endswith("/10") for fields, _ in parts_of(response))


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_range_is_for_get_alone(site: Site, method: str) -> None:
    """§14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or for which …"."""
    response = site.ask("/f", "Range: bytes=50-", method=method)
    assert (response.status, "content-range" in response.fields) == (200 if method == "HEAD" else 204, False)


def test_if_range_without_range_says_nothing(site: Site) -> None:
    """§13.1.5: a recipient of If-Range MUST ignore it if the request has no Range."""
    assert site.ask("/f", 'If-Range: "other"').status == 200
    assert site.ask("/f", 'If-Range: "other"', method="HEAD").status == 200


@pytest.mark.parametrize(
    "value", ['"x", "y"', "*", "", '"unclosed', "W/", PAST_DATE.lower(), PAST_DATE + " ", "Wed, 01 Jan 2025 00:00:00 UTC"]
)
def test_an_if_range_that_does_not_match_exactly_sends_everything(site: Site, value: str) -> None:
    expected = 206 if value.strip() == PAST_DATE else 200  # white space around a value is none of it (§5.5)
    assert site.ask("/f", "Range: bytes=0-1", f"If-Range: {value}").status == expected


def test_if_range_of_a_failed_condition_hides_416(site: Site) -> None:
    """§13.1.5: a false condition makes the Range be ignored, satisfiable or not."""
    assert site.ask("/f", "Range: bytes=50-", 'If-Range: "other"').status == 200
    tag = site.ask("/f").fields["etag"]
    assert site.ask("/f", "Range: bytes=50-", f"If-Range: {tag}").status == 416


@pytest.mark.parametrize(
    ("date", "status"),
    [
        ("Wed, 01 Jan 2025 00:00:00 GMT", 304),
        ("Wednesday, 01-Jan-25 00:00:00 GMT", 304),  # §5.6.7: the obsolete forms are read as well
        ("Wed Jan  1 00:00:00 2025", 304),
        ("Wednesday, 01-Jan-99 00:00:00 GMT", 200),  # more than 50 years ahead is a year of the past
        ("Wed, 31 Dec 9999 23:59:59 GMT", 304),
        ("Wed, 01 Jan 2025 00:00:00 +0000", 200),
        ("Wed, 1 Jan 2025 00:00:00 GMT", 200),
        ("Tue, 30 Feb 2027 00:00:00 GMT", 200),
        ("1735689600", 200),
        ("", 200),
    ],
)
def test_dates_of_if_modified_since(site: Site, date: str, status: int) -> None:
    """§13.1.3: a recipient MUST ignore what is no valid HTTP-date."""
    assert site.ask("/f", f"If-Modified-Since: {date}").status == status


def test_two_dates_are_no_date(site: Site) -> None:
    assert site.ask("/f", f"If-Modified-Since: {PAST_DATE}", f"If-Modified-Since: {PAST_DATE}").status == 200
    old = "Tue, 31 Dec 2024 23:59:59 GMT"
    assert site.ask("/f", f"If-Unmodified-Since: {old}", f"If-Unmodified-Since: {old}").status == 200


def test_the_order_of_conditions(site: Site) -> None:
    """§13.2.2, step by step; every field of lower rank says the opposite."""
    tag = site.ask("/f").fields["etag"]
    old = "Tue, 31 Dec 2024 23:59:59 GMT"
    assert site.ask("/f", f"If-Match: {tag}", f"If-Unmodified-Since: {old}").status == 200
    assert site.ask("/f", 'If-Match: "x"', f"If-Unmodified-Since: {PAST_DATE}", f"If-None-Match: {tag}").status == 412
    assert site.ask("/f", f"If-Unmodified-Since: {old}", f"If-None-Match: {tag}").status == 412
    assert site.ask("/f", f"If-Match: {tag}", f"If-None-Match: {tag}").status == 304
    assert site.ask("/f", 'If-None-Match: "x"', f"If-Modified-Since: {PAST_DATE}", "Range: bytes=0-0").status == 206
    assert site.ask("/f", f"If-None-Match: {tag}", "Range: bytes=50-").status == 304
    assert site.ask("/nothing", "If-Match: *").status == 404  # §13.2.1: only where the answer would be a 2xx
    assert site.ask("/f", "If-Match: *", method="DELETE").status == 405


def test_a_malformed_list_of_tags_is_no_match(site: Site) -> None:
    tag = site.ask("/f").fields["etag"]
    for value in (tag.strip('"'), f"{tag} {tag}", f"w/{tag}", "'x'", f"*, {tag}", ""):
        assert site.ask("/f", f"If-None-Match: {value}").status == 200, value
        assert site.ask("/f", f"If-Match: {value}").status == 412, value
    for value in (f", ,{tag}", f'"a,b",{tag}', f'"", {tag}'):  # a comma is allowed within a tag
        assert site.ask("/f", f"If-None-Match: {value}").status == 304, value


def test_304_has_the_fields_a_cache_needs_and_no_others(tmp_path: pathlib.Path) -> None:
    """§15.4.5: Content-Location, Date, ETag, Vary, Cache-Control and Expires as in the 200; no metadata of the content (§8.6, too)."""
    site = Site(tmp_path, max_age=60, precompressed=("gzip",))
    site.write("f.txt", DIGITS)
    site.write("f.txt.gz", b"GZ")
    for accept in ("gzip", "identity"):
        whole = site.ask("/f.txt", f"Accept-Encoding: {accept}")
        answer = site.ask("/f.txt", f"Accept-Encoding: {accept}", f"If-None-Match: {whole.fields['etag']}")
        assert answer.status == 304
        for name in ("date", "etag", "vary", "cache-control"):
            assert answer.fields[name] == whole.fields[name]
        assert not {"content-type", "content-encoding", "content-length", "content-range", "transfer-encoding"} & set(answer.fields)
        head = site.ask("/f.txt", f"Accept-Encoding: {accept}", f"If-None-Match: {whole.fields['etag']}", method="HEAD")
        assert (head.status, head.fields["vary"]) == (304, "accept-encoding")
    site.close()


def test_one_coding_s_tag_does_not_validate_another_s(tmp_path: pathlib.Path) -> None:
    """§8.8.3.3: a tag names a representation; a resumed download must not join two codings."""
    site = Site(tmp_path, precompressed=("gzip",))
    site.write("f.txt", DIGITS)
    site.write("f.txt.gz", b"GZGZ")
    plain = site.ask("/f.txt").fields["etag"]
    coded = site.ask("/f.txt", "Accept-Encoding: gzip").fields["etag"]
    assert plain != coded
    assert site.ask("/f.txt", "Accept-Encoding: gzip", f"If-None-Match: {plain}").status == 200
    assert site.ask("/f.txt", "Accept-Encoding: gzip", "Range: bytes=0-1", f"If-Range: {plain}").status == 200
    part = site.ask("/f.txt", "Accept-Encoding: gzip", "Range: bytes=2-3", f"If-Range: {coded}")
    assert (part.status, part.content, part.fields["content-range"]) == (206, b"GZ", "bytes 2-3/4")
    several = site.ask("/f.txt", "Accept-Encoding: gzip", "Range: bytes=0-0,3-3")
    assert several.fields["content-encoding"] == "gzip"
    assert [fields["content-range"] for fields, _ in parts_of(several)] == ["bytes 0-0/4", "bytes 3-3/4"]
    site.close()


@pytest.mark.parametrize("size", [1, SMALL, SMALL + 1, SMALL * 3])
def test_parts_of_every_size_join_to_the_whole(site: Site, size: int) -> None:
    content = os.urandom(size)
    site.write("g", content, PAST)
    middle = size // 2
    if not middle:
        return
    tag = site.ask("/g").fields["etag"]
    first = site.ask("/g", f"Range: bytes=0-{middle - 1}", f"If-Range: {tag}")
    second = site.ask("/g", f"Range: bytes={middle}-", f"If-Range: {tag}")
    assert first.content + second.content == content
    assert {first.status, second.status} == {206}
    assert first.fields["etag"] == second.fields["etag"] == tag
