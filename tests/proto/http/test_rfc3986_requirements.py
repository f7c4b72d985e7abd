# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RFC 3986's sentences that the other tests do not hold: see docs/requirements/rfc3986.yaml."""

from __future__ import annotations

import pytest

from sws.base.errors import DecodeError, UsageError
from sws.proto.http.target import path_segments
from sws.proto.http.url import PATH_SAFE, normalise_uri, parse_uri, percent_decode, percent_encode, resolve_reference


@pytest.mark.parametrize("octet", b"/?#[]%")
def test_2_2_data_that_looks_like_a_delimiter_is_encoded(octet: int) -> None:
    """A "%" too, as %25: §2.4.  PATH_SAFE leaves "/" alone, since it is given whole paths."""
    data = b"a%cb" % octet
    assert percent_encode(data) == b"a%%%02Xb" % octet
    assert percent_decode(percent_encode(data)) == data
    assert (percent_encode(data, PATH_SAFE) == data) is (octet == 0x2F)


def test_2_4_octets_are_decoded_once_and_behind_the_split() -> None:
    assert path_segments(b"/a%253Fb/%25%32%45%252E").segments == ("a%3Fb", "%2E%2E")
    assert path_segments(b"/a%3Fb%23c/d").segments == ("a?b#c", "d")
    with pytest.raises(DecodeError):
        path_segments(b"/a%2Fb")  # no segment of a file system holds one


@pytest.mark.parametrize(("base", "reference"), [(b"http://a", b"g"), (b"http://a?q", b"g"), (b"http://a", b"./g"), (b"http://a", b"?q")])
def test_3_3_a_path_behind_an_authority_is_empty_or_absolute(base: bytes, reference: bytes) -> None:
    target = resolve_reference(parse_uri(base), parse_uri(reference))
    assert target.path[:1] in (b"", b"/")
    assert parse_uri(bytes(target)).host == b"a"


def test_4_2_a_relative_path_does_not_begin_like_a_scheme() -> None:
    assert parse_uri(b"./this:that").scheme is None
    assert parse_uri(b"this:that").scheme == b"this"
    with pytest.raises(DecodeError):
        parse_uri(b"1this:that")


def test_5_1_a_base_has_a_scheme_and_its_fragment_is_not_inherited() -> None:
    base = parse_uri(b"http://a/b?c#fragment")
    assert bytes(resolve_reference(base, parse_uri(b""))) == b"http://a/b?c"
    assert bytes(resolve_reference(base, parse_uri(b"d"))) == b"http://a/d"
    with pytest.raises(UsageError):
        resolve_reference(parse_uri(b"//a/b"), parse_uri(b"c"))


def test_5_2_1_a_reference_is_not_normalised_before_it_is_resolved() -> None:
    """Its dot segments belong to the base's path."""
    reference = normalise_uri(parse_uri(b"../../g"))
    assert bytes(resolve_reference(parse_uri(b"http://a/b/c/d"), reference)) == b"http://a/g"


@pytest.mark.parametrize("escape", [b"%0D%0A", b"%00", b"%20"])
def test_7_3_escapes_of_delimiters_stay_escapes(escape: bytes) -> None:
    uri = normalise_uri(parse_uri(b"http://a/x" + escape + b"y?" + escape))
    assert uri.path == b"/x" + escape + b"y"
    assert uri.query == escape
