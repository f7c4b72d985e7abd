# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The IDNA vectors of web-platform-tests: toascii.json by hand, IdnaTestV2.json from Unicode's own test file.

Both say what a URL's host becomes, null for refused.  Every case must come out exactly so, or fall under one of two rules:

  newer Unicode   we refuse it, and it has a code point that the running `unicodedata` does not know yet;
  host parsing    the result ends in a number, so that a URL's host is an IPv4 address or nothing: that is decided behind domain to ASCII.

The comments of IdnaTestV2 are the status codes of UTS #46 §8.2: the steps that failed, those marked "(ignored)" being what the URL
standard leaves out.  So each case is used twice more: strictly, where every code is a refusal, and, if it is ASCII (which `domain_to_ascii`
takes as it is), to Unicode, where every code that is not ignored is one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sws.base.errors import DecodeError
from sws.proto.http.idna import domain_to_ascii, domain_to_unicode
from sws.proto.http.punycode import decode_punycode
from sws.proto.http.url import percent_decode
from tests.kit.vectors import extra_json

_NUMBER_AT_END = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")  # WHATWG URL §3.5, ends in a number

_NEVER_ASSIGNED = "\uffff".encode("punycode").decode()


def _converted(convert: Callable[[], str]) -> str | None:
    try:
        return convert()
    except DecodeError:
        return None


def _host(text: str) -> str:
    """What the host parser hands over: scalar values, percent-decoded.  WHATWG URL §3.5."""
    return percent_decode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()).decode("utf-8", "replace")


def _has_newer_code_points(text: str) -> bool:
    """A code point, plain or in Punycode, that this interpreter's Unicode does not know."""
    labels = text.lower().split(".")
    shown = [_converted(partial(decode_punycode, label[4:].encode())) for label in labels if label.startswith("xn--")]
    return any(unicodedata.category(character) == "Cn" for part in (text, *shown) for character in part or "")


def _verdict(text: str, ours: str | None, theirs: str | None) -> str:
    if ours == theirs:
        return "agree"
    if ours is None and _has_newer_code_points(text):
        return "newer Unicode"
    if ours is not None and _NUMBER_AT_END.fullmatch(ours):
        return "host parsing"
    return "UNEXPLAINED"


def _run(name: str, convert: Callable[[dict[str, Any]], tuple[str, str | None, str | None] | None]) -> Counter[str]:
    counts: Counter[str] = Counter()
    failures = []
    for record in extra_json("url", "wpt-url", name):
        result = None if isinstance(record, str) else convert(record)
        if result is not None:
            verdict = _verdict(*result)
            counts[verdict] += 1
            if verdict == "UNEXPLAINED":
                failures.append((ascii(result), record.get("comment")))
    print(name, dict(counts))
    assert failures == [], "\n".join(map(str, failures))
    assert counts["agree"] > counts["newer Unicode"] + counts["host parsing"], counts
    return counts


def _to_ascii(record: dict[str, Any]) -> tuple[str, str | None, str | None]:
    host = _host(record["input"])
    return host, _converted(lambda: domain_to_ascii(host).decode()), record["output"]


def _codes(record: dict[str, Any]) -> dict[str, bool]:
    """The status codes of a case, and whether the URL standard ignores them."""
    codes = re.findall(r"([A-Z][0-9](?:_[0-9])?)( \(ignored\))?", record.get("comment") or "")
    return {code: bool(ignored) for code, ignored in codes}


def _to_ascii_strictly(record: dict[str, Any]) -> tuple[str, str | None, str | None]:
    host = _host(record["input"])
    return host, _converted(lambda: domain_to_ascii(host, strict=True).decode()), None if _codes(record) else record["output"]


def _to_unicode_and_back(record: dict[str, Any]) -> tuple[str, str | None, str | None] | None:
    host = _host(record["input"])
    if not host.isascii():
        return None
    back = _converted(lambda: domain_to_ascii(domain_to_unicode(host.encode())).decode())
    return host, back, record["output"] if all(_codes(record).values()) else None


def test_to_ascii_cases() -> None:
    _run("toascii.json", _to_ascii)


def test_unicode_cases() -> None:
    _run("IdnaTestV2.json", _to_ascii)


def test_unicode_cases_strictly() -> None:
    _run("IdnaTestV2.json", _to_ascii_strictly)


def test_unicode_cases_in_ascii_to_unicode() -> None:
    _run("IdnaTestV2.json", _to_unicode_and_back)


@pytest.mark.parametrize(
    ("text", "ours", "theirs", "verdict"),
    [
        ("a", "a", "a", "agree"),
        ("\uffff", None, "a", "newer Unicode"),  # never assigned, in any version
        (f"XN--{_NEVER_ASSIGNED}.é", None, "a", "newer Unicode"),
        ("\u2460.", "1.", None, "host parsing"),
        ("a", None, "a", "UNEXPLAINED"),
        ("xn--9ca.xn--", None, "a", "UNEXPLAINED"),
        ("a", "b", "a", "UNEXPLAINED"),
        ("\uffff", "a", None, "UNEXPLAINED"),
        ("1a", "1a", None, "UNEXPLAINED"),
    ],
)
def test_the_rules(text: str, ours: str | None, theirs: str | None, verdict: str) -> None:
    assert _verdict(text, ours, theirs) == verdict


def test_the_host_parser_comes_first() -> None:
    assert _host("a%C3%A9\ud800") == "aé\ufffd"
