# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The URL setter vectors of web-platform-tests: what they expect, read with our parser.

The setters themselves are a browser's interface that sws has not.  But each case says how a URL is written after the call and which
components it then has, so it is a case of splitting: `parse_uri` must take the URL and find the same components, and write it again as it
was.  What RFC 3986 refuses must fall under one of the rules of test_url_vectors.py.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sws.base.errors import DecodeError
from sws.proto.http.url import Uri, parse_uri
from tests.kit.vectors import extra_json
from tests.proto.http.test_url_vectors import REFUSALS, Case


def _split(uri: Uri) -> dict[str, str]:
    """Our components under the names and with the delimiters of WHATWG URL §6.1."""
    user, _, password = (uri.userinfo or b"").partition(b":")
    port = b"" if uri.port is None else b"%d" % uri.port
    hostname = uri.host or b""
    path = uri.path.removeprefix(b"/.") if uri.host is None and uri.path.startswith(b"/.//") else uri.path  # WHATWG URL §4.5
    parts = {
        "protocol": (uri.scheme or b"") + b":",
        "username": user,
        "password": password,
        "hostname": hostname,
        "port": port,
        "host": hostname + b":" + port if port else hostname,
        "pathname": path,
        "search": b"?" + uri.query if uri.query else b"",
        "hash": b"#" + uri.fragment if uri.fragment else b"",
        "href": bytes(uri),
    }
    return {name: part.decode("ascii") for name, part in parts.items()}


def _verdict(expected: dict[str, str]) -> str:
    """`agree`, the rule by which RFC 3986 refuses the URL, or what is wrong."""
    href = expected["href"]
    try:
        ours = _split(parse_uri(href.encode("utf-8", "surrogatepass")))
    except DecodeError:
        rule = next((rule for rule in REFUSALS if rule(Case(href, None))), None)
        return "UNEXPLAINED refusal" if rule is None else f"refuse: {rule.__name__}"
    wrong = [name for name in expected if ours.get(name) != expected[name]]
    return f"WRONG {' '.join(wrong)}" if wrong else "agree"


def test_setter_cases() -> None:
    groups: dict[str, Any] = extra_json("url", "wpt-url", "setters_tests.json")
    records = [record for group in groups.values() if isinstance(group, list) for record in group if isinstance(record, dict)]
    verdicts = [(_verdict(record["expected"]), record["expected"]) for record in records]
    counts = Counter(verdict for verdict, _ in verdicts)
    print("setters_tests.json", dict(counts))
    failures = [(verdict, expected) for verdict, expected in verdicts if not verdict.startswith(("agree", "refuse: "))]
    assert failures == [], "\n".join(map(ascii, failures))
    assert counts["agree"] > len(records) * 3 // 4, counts


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [
        ({"href": "http://u:p@h:81/a?b#c", "protocol": "http:", "username": "u", "password": "p", "host": "h:81", "port": "81"}, "agree"),
        ({"href": "http://u:p@h:81/a?b#c", "hostname": "h", "pathname": "/a", "search": "?b", "hash": "#c"}, "agree"),
        ({"href": "http://h/?#", "search": "", "hash": "", "port": "", "username": ""}, "agree"),
        ({"href": "a:/.//p", "pathname": "//p", "host": ""}, "agree"),
        ({"href": "a:b c"}, "refuse: _unencoded"),
        ({"href": "http://h/a", "pathname": "/b"}, "WRONG pathname"),
        ({"href": "http://h:65536/"}, "UNEXPLAINED refusal"),
        ({"href": "http://h/", "origin": "http://h"}, "WRONG origin"),
    ],
)
def test_the_rules(expected: dict[str, str], verdict: str) -> None:
    assert _verdict(expected) == verdict
