# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RFC 9110 for files, sentence by sentence: see docs/requirements/rfc9110.yaml.  Over the real driver and engine, on a fake clock."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from sws.base.errors import DecodeError
from sws.handlers.hotfiles import HotStore
from sws.handlers.static import StaticFiles, StaticOptions
from sws.os.files import Root
from sws.proto.http.fields import parse_list
from sws.proto.http.url import parse_uri, resolve_reference
from tests.kit.driver import Response, Rig, get

NOW = 1767225600  # of the rig's clock and Date
CONTENT = b"0123456789" * 10
BIG = bytes(range(256)) * 512  # leaves by sendfile
_LATER = "Fri, 02 Jan 2026 00:00:00 GMT"
_EARLIER = "Mon, 01 Jan 2001 00:00:00 GMT"


@pytest.fixture
def rig(tmp_path: pathlib.Path) -> Iterator[Rig]:
    """a.txt and big.bin of an hour ago, fresh.txt of this second, future.txt of next year, folder/ without index; listings on."""
    for name, content, age in (
        ("a.txt", CONTENT, 3600),
        ("big.bin", BIG, 3600),
        ("fresh.txt", b"x", 0),
        ("future.txt", b"x", -31_536_000),
        ("folder/b.txt", b"b", 3600),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (NOW - age, NOW - age))
    with Rig(StaticFiles(Root(str(tmp_path)), StaticOptions(listing=True, max_age=60), HotStore(1 << 20))) as made:
        yield made


def _ask(rig: Rig, path: str = "/a.txt", *fields: str, method: str = "GET") -> Response:
    """One request on a connection of its own."""
    client = rig.connect()
    client.send(get(path, *fields, "Connection: close", method=method))
    rig.until(lambda: client.eof)
    head, _, content = bytes(client.received).partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    names = [field.partition(":")[0].lower() for field in lines]
    assert len(set(names)) == len(names), "§5.3: no field comes twice"
    values = {field.partition(":")[0].lower(): field.partition(":")[2].strip() for field in lines}
    return Response(int(line.split(" ")[1]), values, content)


_EVERY_KIND = [
    ("/a.txt", (), "GET", 200),
    ("/a.txt", (), "HEAD", 200),
    ("/a.txt", ("Range: bytes=0-4",), "GET", 206),
    ("/a.txt", ("Range: bytes=500-",), "GET", 416),
    ("/a.txt", ("If-None-Match: *",), "GET", 304),
    ("/a.txt", ('If-Match: "other"',), "GET", 412),
    ("/a.txt", (), "POST", 405),
    ("/a.txt", (), "OPTIONS", 204),
    ("/a.txt", (), "BREW", 501),
    ("/none", (), "GET", 404),
    ("/folder", (), "GET", 308),
    ("/folder/", (), "GET", 200),
]


@pytest.mark.parametrize(("path", "fields", "method", "status"), _EVERY_KIND)
def test_5_3_and_6_6_1_no_field_twice_and_a_date(rig: Rig, path: str, fields: tuple[str, ...], method: str, status: int) -> None:
    """`_ask` looks at §5.3; Date is in every 2xx, 3xx and 4xx."""
    response = _ask(rig, path, *fields, method=method)
    assert response.status == status
    assert response.fields["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_2_3_what_we_send_we_take(rig: Rig) -> None:
    first = _ask(rig)
    tag, date = first.fields["etag"], first.fields["last-modified"]
    assert _ask(rig, "/a.txt", f"If-None-Match: {tag}").status == 304
    assert _ask(rig, "/a.txt", f"If-Match: {tag}", f"If-Modified-Since: {date}").status == 304
    assert _ask(rig, _ask(rig, "/folder?x={y}").fields["location"]).status == 200


@pytest.mark.parametrize("target", ["/folder", "//folder", "/folder?a=|^`[]{}%7C", "//evil.example//a.txt?x=http://u@h/", "///"])
def test_2_2_and_4_2_a_location_is_a_path(rig: Rig, target: str) -> None:
    """In the grammar (§2.2); without an empty host (§4.2.1, §4.2.2) and user information (§4.2.4), as it has no authority."""
    response = _ask(rig, target)
    assert response.status == 308
    try:
        location = parse_uri(response.fields["location"].encode("latin-1"))
    except DecodeError:
        pytest.fail(f"no URI reference: {response.fields['location']}")
    assert (location.scheme, location.host) == (None, None)
    assert location.path.startswith(b"/")


@pytest.mark.parametrize(("path", "size"), [("/a.txt", len(CONTENT)), ("/big.bin", len(BIG)), ("/fresh.txt", 1)])
def test_9_1_get_and_head(rig: Rig, path: str, size: int) -> None:
    response = _ask(rig, path)
    assert (response.status, len(response.content)) == (200, size)
    head = _ask(rig, path, method="HEAD")
    assert (head.status, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/a.txt", "/big.bin", "/none", "/folder", "/folder/"])
def test_8_6_and_9_3_2_head_says_the_length_of_get_and_has_no_content(rig: Rig, path: str) -> None:
    head, whole = _ask(rig, path, method="HEAD"), _ask(rig, path)
    assert head.content == b""
    assert head.status == whole.status
    assert head.fields == whole.fields
    assert int(head.fields["content-length"]) == len(whole.content)


def test_8_6_the_length_in_304(rig: Rig) -> None:
    response = _ask(rig, "/a.txt", "If-None-Match: *")
    assert response.fields.get("content-length", str(len(CONTENT))) == str(len(CONTENT))


@pytest.mark.parametrize("path", ["/a.txt", "/fresh.txt", "/future.txt"])
def test_8_8_2_1_nothing_was_modified_after_the_response(rig: Rig, path: str) -> None:
    response = _ask(rig, path)
    assert parsedate_to_datetime(response.fields["last-modified"]) <= parsedate_to_datetime(response.fields["date"])


def test_5_6_7_last_modified_is_an_imf_fixdate(rig: Rig) -> None:
    assert _ask(rig).fields["last-modified"] == "Wed, 31 Dec 2025 23:00:00 GMT"


@pytest.mark.parametrize(("path", "weak"), [("/a.txt", False), ("/fresh.txt", True), ("/future.txt", True)])
def test_8_8_3_a_tag_that_may_outlive_its_content_is_weak(rig: Rig, path: str, weak: bool) -> None:
    """A file of this second can change once more without its times changing."""
    assert _ask(rig, path).fields["etag"].startswith('W/"') is weak
    rig.clock.advance(2)
    if path == "/fresh.txt":
        assert _ask(rig, path).fields["etag"].startswith('"')


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_10_2_1_405_says_what_is_allowed(rig: Rig, method: str) -> None:
    """And in §15.5.6; a list without empty elements (§5.6.1.1)."""
    response = _ask(rig, "/a.txt", method=method)
    assert response.status == 405
    allow = response.fields["allow"].encode()
    assert parse_list(allow) == [element.strip() for element in allow.split(b",")]
    assert {"GET", "HEAD"} <= set(allow.decode().split(", "))
    for allowed in allow.decode().split(", "):
        assert _ask(rig, "/a.txt", method=allowed).status < 300


# --- §13 Conditions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/a.txt", "/big.bin", "/folder/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_13_1_1_if_match(rig: Rig, path: str, method: str) -> None:
    """A listing has a current representation, though no tag."""
    assert _ask(rig, path, 'If-Match: "other"', method=method).status == 412
    assert _ask(rig, path, "If-Match: *", method=method).status == 200


def test_13_1_1_if_match_compares_strongly(rig: Rig) -> None:
    tag = _ask(rig).fields["etag"]
    assert _ask(rig, "/a.txt", f'If-Match: "x", {tag}').status == 200
    assert _ask(rig, "/a.txt", f"If-Match: W/{tag}").status == 412
    weak = _ask(rig, "/fresh.txt").fields["etag"]
    assert _ask(rig, "/fresh.txt", f"If-Match: {weak}").status == 412


@pytest.mark.parametrize("path", ["/a.txt", "/big.bin", "/folder/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_13_1_2_if_none_match(rig: Rig, path: str, method: str) -> None:
    response = _ask(rig, path, "If-None-Match: *", method=method)
    assert (response.status, response.content) == (304, b"")
    assert _ask(rig, path, 'If-None-Match: "other"', method=method).status == 200


def test_13_1_2_if_none_match_compares_weakly(rig: Rig) -> None:
    tag = _ask(rig).fields["etag"]
    assert _ask(rig, "/a.txt", f"If-None-Match: W/{tag}").status == 304
    weak = _ask(rig, "/fresh.txt").fields["etag"]
    assert _ask(rig, "/fresh.txt", f"If-None-Match: {weak.removeprefix('W/')}").status == 304


def test_13_1_3_if_modified_since(rig: Rig) -> None:
    """By our clock: what we sent as Last-Modified is not earlier than it."""
    date = _ask(rig).fields["last-modified"]
    assert _ask(rig, "/a.txt", f"If-Modified-Since: {date}").status == 304
    assert _ask(rig, "/a.txt", f"If-Modified-Since: {_EARLIER}").status == 200
    assert _ask(rig, "/a.txt", f"If-Modified-Since: {date}", 'If-None-Match: "other"').status == 200
    for value in ("yesterday", f"{date}, {date}", date.lower()):
        assert _ask(rig, "/a.txt", f"If-Modified-Since: {value}").status == 200
    assert _ask(rig, "/a.txt", f"If-Modified-Since: {date}", f"If-Modified-Since: {date}").status == 200
    assert _ask(rig, "/folder/", f"If-Modified-Since: {_LATER}").status == 200  # no modification date there


def test_13_1_4_if_unmodified_since(rig: Rig) -> None:
    first = _ask(rig)
    tag, date = first.fields["etag"], first.fields["last-modified"]
    assert _ask(rig, "/a.txt", f"If-Unmodified-Since: {date}").status == 200
    response = _ask(rig, "/a.txt", f"If-Unmodified-Since: {_EARLIER}")
    assert response.status == 412
    assert CONTENT not in response.content
    assert _ask(rig, "/a.txt", f"If-Unmodified-Since: {_EARLIER}", f"If-Match: {tag}").status == 200
    for value in ("yesterday", f"{_EARLIER}, {_EARLIER}"):
        assert _ask(rig, "/a.txt", f"If-Unmodified-Since: {value}").status == 200
    assert _ask(rig, "/folder/", f"If-Unmodified-Since: {_EARLIER}").status == 200


@pytest.mark.parametrize("condition", ['If-Match: "other"', "If-None-Match: *", f"If-Unmodified-Since: {_EARLIER}"])
@pytest.mark.parametrize(("path", "method", "status"), [("/none", "GET", 404), ("/folder", "GET", 308), ("/a.txt", "PUT", 405)])
def test_13_2_1_conditions_do_not_hide_other_answers(rig: Rig, condition: str, path: str, method: str, status: int) -> None:
    assert _ask(rig, path, condition, method=method).status == status


def test_13_2_1_conditions_do_not_apply_to_options(rig: Rig) -> None:
    assert _ask(rig, "/a.txt", 'If-Match: "other"', "If-None-Match: *", method="OPTIONS").status == 204


def test_13_2_2_conditions_come_before_the_range(rig: Rig) -> None:
    tag = _ask(rig).fields["etag"]
    assert _ask(rig, "/a.txt", "Range: bytes=0-4", f"If-None-Match: {tag}").status == 304
    assert _ask(rig, "/a.txt", "Range: bytes=0-4", 'If-Match: "other"', "If-None-Match: *").status == 412
    assert _ask(rig, "/a.txt", "Range: bytes=0-4", f"If-Match: {tag}", f"If-Range: {tag}").status == 206


# --- §13.1.5, §14, §15.3.7 Ranges ------------------------------------------------------------------------------------


def test_13_1_5_if_range(rig: Rig) -> None:
    first = _ask(rig)
    tag, date = first.fields["etag"], first.fields["last-modified"]
    for value in (tag, date):
        response = _ask(rig, "/a.txt", "Range: bytes=5-9", f"If-Range: {value}")
        assert (response.status, response.content) == (206, b"56789")
    for value in ('"other"', f"W/{tag}", _EARLIER, _LATER, "nothing"):
        response = _ask(rig, "/a.txt", "Range: bytes=5-9", f"If-Range: {value}")
        assert (response.status, response.content) == (200, CONTENT)


def test_13_1_5_if_range_without_a_range_is_ignored(rig: Rig) -> None:
    for path in ("/a.txt", "/folder/"):
        for value in ('"other"', "nothing"):
            assert _ask(rig, path, f"If-Range: {value}").status == 200
    assert _ask(rig, "/folder/", "Range: bytes=0-4", 'If-Range: "other"').status == 200


@pytest.mark.parametrize(("path", "content"), [("/a.txt", CONTENT), ("/big.bin", BIG)])
@pytest.mark.parametrize(("wanted", "first", "last"), [("bytes=5-9", 5, 9), ("bytes=-3", -3, -1), ("bytes=7-", 7, -1)])
def test_15_3_7_a_single_part(rig: Rig, path: str, content: bytes, wanted: str, first: int, last: int) -> None:
    """All fields of the 200 are there, and Content-Range; no multipart content (§15.3.7.2)."""
    size = len(content)
    first, last = first % size, last % size
    whole, part = _ask(rig, path), _ask(rig, path, f"Range: {wanted}")
    assert part.status == 206
    assert part.content == content[first : last + 1]
    assert part.fields["content-range"] == f"bytes {first}-{last}/{size}"
    assert {"date", "etag", "cache-control", "content-type", "last-modified"} <= set(part.fields)
    for name, value in whole.fields.items():
        if name != "content-length":
            assert part.fields[name] == value


@pytest.mark.parametrize("path", ["/a.txt", "/big.bin"])
def test_14_2_a_range_is_for_get_only(rig: Rig, path: str) -> None:
    for wanted in ("bytes=0-4", "bytes=999999999-"):
        response = _ask(rig, path, f"Range: {wanted}", method="HEAD")
        assert response.status == 200
        assert "content-range" not in response.fields
    assert _ask(rig, path, "Range: bytes=0-4", method="POST").status == 405
    assert _ask(rig, path, "Range: bytes=0-4", method="OPTIONS").status == 204


@pytest.mark.parametrize("wanted", ["lines=0-4", "octets=0-4", "=0-4", "0-4"])
def test_14_2_an_unknown_unit_is_ignored(rig: Rig, wanted: str) -> None:
    response = _ask(rig, "/a.txt", f"Range: {wanted}")
    assert (response.status, response.content) == (200, CONTENT)


def test_14_1_2_a_position_is_never_cut_short(rig: Rig) -> None:
    """2**64 + 5 is not 5."""
    assert _ask(rig, "/a.txt", "Range: bytes=18446744073709551621-").status == 416
    assert _ask(rig, "/a.txt", "Range: bytes=95-18446744073709551621").content == CONTENT[95:]
    assert _ask(rig, "/a.txt", "Range: bytes=-18446744073709551621").content == CONTENT


def test_14_4_content_range_in_a_request_is_ignored(rig: Rig) -> None:
    response = _ask(rig, "/a.txt", "Content-Range: bytes 0-4/100")
    assert (response.status, response.content) == (200, CONTENT)


def test_15_4_5_304_has_the_fields_a_cache_needs(rig: Rig) -> None:
    whole, response = _ask(rig), _ask(rig, "/a.txt", "If-None-Match: *")
    assert response.status == 304
    for name in ("cache-control", "content-location", "date", "etag", "expires", "vary"):
        assert response.fields.get(name) == whole.fields.get(name)
    assert {"cache-control", "date", "etag"} <= set(response.fields)
    listing = _ask(rig, "/folder/", "If-None-Match: *")
    assert listing.fields["cache-control"] == _ask(rig, "/folder/").fields["cache-control"]


def test_10_1_1_a_final_response_instead_of_100(rig: Rig) -> None:
    """A handler that wants no content answers at once."""
    client = rig.connect()
    client.send(get("/a.txt", "Expect: 100-continue", "Content-Length: 5", method="PUT"))
    rig.until(lambda: client.eof)
    assert client.received.startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(
    "data", [b"POST / HTTP/1.0\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"]
)
def test_refusals_are_not_chunked(rig: Rig, data: bytes) -> None:
    """RFC 9112 §6.1: nobody knows whether the client of a refused request understands the coding."""
    client = rig.connect()
    client.send(data)
    rig.until(lambda: client.eof)
    head, _, content = bytes(client.received).lower().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"\r\ncontent-length: %d\r\n" % len(content) in head


def test_rfc3986_4_2_a_name_with_a_colon_is_no_scheme_in_a_listing(rig: Rig, tmp_path: pathlib.Path) -> None:
    (tmp_path / "folder" / "javascript:x").write_bytes(b"")
    (tmp_path / "folder" / "a%41?b#c").write_bytes(b"found")
    page = _ask(rig, "/folder/").content.decode()
    links = [part.partition('"')[0] for part in page.split('<td><a href="')[1:]]
    assert len(links) == 4
    for link in links:
        assert parse_uri(link.encode()).scheme is None
        assert _ask(rig, bytes(resolve_reference(parse_uri(b"http://a/folder/"), parse_uri(link.encode()))).decode()).status == 200
