# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The WHATWG URL vectors against our RFC 3986 parser.

Both read the same references but differ on purpose: a browser repairs what RFC 3986 refuses, and treats some schemes specially.  Every
case must either agree (both refuse it, or both find the same components once normalised by RFC 3986 §6.2) or fall under a rule below
that says why it differs, and in which way: we *refuse* what they take, we *accept* what they refuse, or the results *differ*.
A rule looks at input and base alone, never at our result, so a wrong result outside the rules' reach is a failure.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from sws.base.errors import DecodeError
from sws.proto.http.url import QUERY_SAFE, Uri, normalise_uri, parse_uri, percent_decode, percent_encode, resolve_reference
from tests.kit.vectors import extra_json

_SPECIAL = ("http", "https", "ws", "wss", "ftp", "file")  # WHATWG URL §4.2
_RFC_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")  # RFC 3986 §2
_DRIVE = re.compile(r"(?:^|/)[A-Za-z](?::|%3A)(?:[/?#]|$)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])")


@dataclass
class Case:
    """A case, and what the rules want to know about it."""

    text: str
    base: str | None

    @cached_property
    def scheme(self) -> str | None:
        match = re.match(r"([A-Za-z][A-Za-z0-9+\-.]*):", self.text)
        return match[1].lower() if match else None

    @cached_property
    def base_scheme(self) -> str | None:
        return Case(self.base, None).scheme if self.base else None

    @cached_property
    def special(self) -> bool:
        return (self.scheme or self.base_scheme) in _SPECIAL

    @cached_property
    def file(self) -> bool:
        return (self.scheme or self.base_scheme) == "file"

    @cached_property
    def rest(self) -> str:
        """What follows the scheme."""
        return self.text if self.scheme is None else self.text[len(self.scheme) + 1 :]

    @cached_property
    def authority(self) -> str | None:
        return re.split("[/?#]", self.rest[2:], maxsplit=1)[0] if self.rest.startswith("//") else None

    @cached_property
    def host(self) -> str | None:
        return None if self.authority is None else re.sub(r":[0-9]*$", "", self.authority.rpartition("@")[2])

    @cached_property
    def opaque_base(self) -> bool:
        return (
            self.base is not None
            and re.match(r"[A-Za-z][A-Za-z0-9+\-.]*:(?!/)", self.base) is not None
            and self.base_scheme not in _SPECIAL
        )


def _stripped(case: Case) -> bool:
    """WHATWG removes tab and newline everywhere, and spaces and controls at both ends."""
    return re.search(r"^[\x00-\x20]|[\x00-\x20]$|[\t\n\r]", case.text) is not None


def _backslash(case: Case) -> bool:
    """WHATWG reads a backslash as a slash in special schemes, and takes it elsewhere."""
    return "\\" in case.text


def _unencoded(case: Case) -> bool:
    """Octets that RFC 3986 has nowhere, and "%" without two digits: WHATWG encodes them, maps them (IDNA), or leaves them."""
    return _RFC_CHARACTERS.fullmatch(case.text) is None


def _misplaced_delimiter(case: Case) -> bool:
    """Brackets outside a host, a second "#", and "@" in user information: gen-delims that RFC 3986 wants encoded there."""
    outside = case.text if case.authority is None else case.text.replace(case.authority, "", 1)
    userinfo = (case.authority or "").rpartition("@")[0]
    return bool(set("[]") & set(outside) or set("[]@") & set(userinfo) or case.text.count("#") > 1)


def _colon_in_first_segment(case: Case) -> bool:
    """A relative path whose first segment has a colon (RFC 3986 §4.2 wants "./" before it)."""
    return case.scheme is None and not case.text.startswith("/") and ":" in re.split("[/?#]", case.text, maxsplit=1)[0]


def _slash_fix_up(case: Case) -> bool:
    """A special scheme with any other number of slashes than two: WHATWG takes what comes for an authority, or as relative."""
    if case.file:
        return False
    slashes = len(case.rest) - len(case.rest.lstrip("/"))
    return case.special and (slashes != 2 if case.scheme else slashes > 2)


def _file_url(case: Case) -> bool:
    """The file scheme: without two slashes it is relative, its host "localhost" is none, it has no port and no user."""
    if not case.file:
        return False
    if case.authority is None:
        return case.scheme is not None and (not case.rest.startswith("/") or case.base_scheme == "file")
    return case.host == "localhost" or case.authority != case.host


def _drive_letter(case: Case) -> bool:
    """A file URL with a Windows drive letter, which is never a host and which ".." never removes."""
    return case.file and any(_DRIVE.search(re.sub("^[a-z]+:", "", text or "", flags=re.IGNORECASE)) for text in (case.text, case.base))


def _numeric_host(case: Case) -> bool:
    """A special host that ends in a number is an IPv4 address in WHATWG, in any of its old spellings, or is refused."""
    if case.host is None or not case.special:
        return False
    host = percent_decode(case.host.encode("utf-8", "replace")).decode("utf-8", "replace")
    return _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None and _IPV4.fullmatch(host) is None


def _domain_to_ascii(case: Case) -> bool:
    """A special host is percent-decoded, mapped by IDNA and checked; RFC 3986 leaves that to whoever resolves the name."""
    return case.host is not None and case.special and ("%" in case.host or re.search(r"(?:^|\.)xn--", case.host, re.IGNORECASE) is not None)


def _empty_host(case: Case) -> bool:
    """WHATWG has no special URL without host, and no user or port without one; to RFC 3986 an empty host is a host."""
    return case.host == "" and (case.authority != "" or (case.special and not case.file))


def _opaque_base(case: Case) -> bool:
    """WHATWG resolves nothing but a fragment against a base like mailto:; RFC 3986 §5.2 resolves against any base."""
    return case.opaque_base and case.scheme is None and not case.text.startswith("#")


def _ip_future(case: Case) -> bool:
    """The IPvFuture literals of RFC 3986 §3.2.2, which nobody has defined yet."""
    return case.host is not None and re.match(r"\[v[0-9a-f]+\.", case.host, re.IGNORECASE) is not None


def _more_encoding(case: Case) -> bool:
    """Sub-delims that WHATWG encodes all the same: an apostrophe in the query of a special scheme, ";", "=" and ":" in user information."""
    query = case.text.partition("#")[0].partition("?")[2]
    _, _, password = (case.authority or "").rpartition("@")[0].partition(":")
    return (case.special and "'" in query) or ":" in password or bool(set(";=") & set((case.authority or "").rpartition("@")[0]))


def _opaque_path(case: Case) -> bool:
    """A path without leading slash is opaque to WHATWG, and its dot segments stay; RFC 3986 §5.2.4 removes them."""
    return not case.special and case.scheme is not None and not case.rest.startswith("/") and "." in case.rest


REFUSALS: tuple[Callable[[Case], bool], ...] = (_stripped, _backslash, _unencoded, _misplaced_delimiter, _colon_in_first_segment)
"""Why RFC 3986 refuses what a browser takes."""

_RULES: dict[str, tuple[Callable[[Case], bool], ...]] = {
    "refuse": REFUSALS,
    "accept": (_opaque_base, _empty_host, _numeric_host, _domain_to_ascii, _slash_fix_up, _file_url, _ip_future),
    "differ": (_drive_letter, _file_url, _slash_fix_up, _numeric_host, _domain_to_ascii, _more_encoding, _opaque_path),
}


def _resolved(case: Case) -> Uri | None:
    """What we make of a case, normalised; None if refused."""
    try:
        reference = parse_uri(case.text.encode("utf-8", "surrogatepass"))
        base = None if case.base is None else parse_uri(case.base.encode("utf-8", "surrogatepass"))
        if base is not None and base.scheme is None:
            return None
        if base is None and reference.scheme is None:
            return None
        return _comparable(normalise_uri(resolve_reference(base or Uri(b"unused"), reference)))
    except DecodeError:
        return None


def _expected(record: dict[str, Any]) -> Uri | None:
    """What the case says, normalised in the same way; None if refused."""
    if record.get("failure"):
        return None
    value = {name: record[name].encode("utf-8", "surrogatepass") for name in record if isinstance(record[name], str)}
    return _comparable(
        normalise_uri(
            Uri(
                value["protocol"][:-1],
                value["username"] + b":" + value["password"],
                value["hostname"],
                int(value["port"]) if value["port"] else None,
                value["pathname"],
                value["search"][1:],
                value["hash"][1:],
            )
        )
    )


def _comparable(uri: Uri) -> Uri:
    """WHATWG does not tell an empty component from an absent one."""
    user, _, password = (uri.userinfo or b"").partition(b":")
    return Uri(uri.scheme, user + b":" + password, uri.host or b"", uri.port, uri.path, uri.query or b"", uri.fragment or b"")


def _verdict(case: Case, ours: Uri | None, theirs: Uri | None) -> str:
    if ours == theirs:
        return "agree"
    kind = "refuse" if ours is None else "accept" if theirs is None else "differ"
    for rule in _RULES[kind]:
        if rule(case) or (kind == "refuse" and case.base is not None and rule(Case(case.base, None))):
            return f"{kind}: {rule.__name__}"
    return f"UNEXPLAINED {kind}"


def _run(name: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    failures = []
    for number, record in enumerate(extra_json("url", "wpt-url", name)):
        if isinstance(record, str):  # a comment
            continue
        case = Case(record["input"], record.get("base"))
        ours, theirs = _resolved(case), _expected(record)
        verdict = _verdict(case, ours, theirs)
        counts[verdict] += 1
        if verdict.startswith("UNEXPLAINED"):
            failures.append((number, verdict, record["input"], record.get("base"), ours, theirs))
    assert failures == [], "\n".join(map(str, failures))
    return counts


def test_url_cases() -> None:
    counts = _run("urltestdata.json")
    assert counts["agree"] >= sum(counts.values()) // 2, counts


def test_more_url_cases() -> None:
    counts = _run("ada_extra_urltestdata.json")
    assert counts["agree"], counts


@pytest.mark.parametrize(
    ("text", "base", "theirs", "verdict"),  # what WHATWG URL §4.4 makes of the text, worked out by hand
    [
        (" http://h/", None, Uri(b"http", b":", b"h", path=b"/", query=b"", fragment=b""), "refuse: _stripped"),
        ("http://h\\a", None, Uri(b"http", b":", b"h", path=b"/a", query=b"", fragment=b""), "refuse: _backslash"),
        ("http://h/é", None, Uri(b"http", b":", b"h", path=b"/%C3%A9", query=b"", fragment=b""), "refuse: _unencoded"),
        ("http://h/[", None, Uri(b"http", b":", b"h", path=b"/[", query=b"", fragment=b""), "refuse: _misplaced_delimiter"),
        ("1:2", "http://h/", Uri(b"http", b":", b"h", path=b"/1:2", query=b"", fragment=b""), "refuse: _colon_in_first_segment"),
        ("x", "a:b", None, "accept: _opaque_base"),
        ("http://:1/", None, None, "accept: _empty_host"),
        ("http://1.2.3.256/", None, None, "accept: _numeric_host"),
        ("http://%00/", None, None, "accept: _domain_to_ascii"),
        ("http:", None, None, "accept: _slash_fix_up"),
        ("file://h:1/", None, None, "accept: _file_url"),
        ("http://[v1.a]/", None, None, "accept: _ip_future"),
        ("..", "file:///C:/", Uri(b"file", b":", b"", path=b"/C:/", query=b"", fragment=b""), "differ: _drive_letter"),
        ("file:a", None, Uri(b"file", b":", b"", path=b"/a", query=b"", fragment=b""), "differ: _file_url"),
        ("http:h", None, Uri(b"http", b":", b"h", path=b"/", query=b"", fragment=b""), "differ: _slash_fix_up"),
        ("http://127.1/", None, Uri(b"http", b":", b"127.0.0.1", path=b"/", query=b"", fragment=b""), "differ: _numeric_host"),
        ("http://%C3%A9/", None, Uri(b"http", b":", b"xn--9ca", path=b"/", query=b"", fragment=b""), "differ: _domain_to_ascii"),
        ("http://h/?'", None, Uri(b"http", b":", b"h", path=b"/", query=b"%27", fragment=b""), "differ: _more_encoding"),
        ("a:b/../c", None, Uri(b"a", b":", b"", path=b"b/../c", query=b"", fragment=b""), "differ: _opaque_path"),
    ],
)
def test_every_rule_has_a_case(text: str, base: str | None, theirs: Uri | None, verdict: str) -> None:
    case = Case(text, base)
    assert _verdict(case, _resolved(case), theirs) == verdict


@pytest.mark.parametrize(
    ("text", "base", "ours", "theirs"),
    [
        ("http://h/a", None, Uri(b"http", host=b"h", path=b"/b"), Uri(b"http", host=b"h", path=b"/a")),
        ("http://h/a", None, None, Uri(b"http", host=b"h", path=b"/a")),
        ("http://h:70000/a", None, Uri(b"http", host=b"h", path=b"/a"), None),
        ("b", "http://h/a", Uri(b"http", host=b"h", path=b"/a"), Uri(b"http", host=b"h", path=b"/b")),
        ("file:///a", None, Uri(b"file", host=b"", path=b"/b"), Uri(b"file", host=b"", path=b"/a")),
        ("file:///a", None, Uri(b"file", host=b"", path=b"/b"), None),
    ],
)
def test_the_rules_do_not_excuse_everything(text: str, base: str | None, ours: Uri | None, theirs: Uri | None) -> None:
    kind = "refuse" if ours is None else "accept" if theirs is None else "differ"
    assert _verdict(Case(text, base), ours, theirs) == f"UNEXPLAINED {kind}"


# WHATWG Encoding §4.2: its names, and the Python codec that encodes alike but for the code points in _SUBSTITUTES.  Names that are left
# out have no such codec: x-user-defined.  §4.3: what cannot be an output encoding is UTF-8.
_CODECS = (
    {name: name for name in ("utf-8", "gb18030", "gbk", "euc-jp", "koi8-r", "koi8-u", "macintosh")}
    | {f"iso-8859-{part}": f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)}
    | {f"windows-{page}": f"cp{page}" for page in (874, *range(1250, 1259))}
    | {"big5": "cp950", "euc-kr": "cp949", "shift_jis": "cp932", "iso-2022-jp": "iso2022_jp", "ibm866": "cp866"}
    | {"iso-8859-8-i": "iso8859_8", "x-mac-cyrillic": "mac_cyrillic"}
    | dict.fromkeys(("replacement", "utf-16le", "utf-16be"), "utf-8")
)
_SUBSTITUTES: dict[str, dict[str, str | None]] = {
    "gbk": {"\ue5e5": None},  # §10.2.2: an error, as decoding would give U+3000
    "gb18030": {"\ue5e5": None},
    "shift_jis": {"\u2212": "\uff0d"},  # §12.3.2: MINUS SIGN and FULLWIDTH HYPHEN-MINUS are encoded alike; each codec has one of them
    "euc-jp": {"\uff0d": "\u2212"},
    "iso-2022-jp": {"\uff0d": "\u2212", **dict.fromkeys("\x0e\x0f\x1b", "\ufffd")},  # §12.2.2: controls that would change the state
}


def _percent_encode_after_encoding(text: str, charset: str) -> str | None:
    """WHATWG URL §1.3: what the charset lacks becomes a numeric character reference, itself encoded; None without a faithful codec."""
    if charset not in _CODECS:
        return None
    safe = QUERY_SAFE + b"%[]\\^`{|}"  # the query of a browser leaves more octets alone than RFC 3986 does
    encoder = codecs.getincrementalencoder(_CODECS[charset])()
    result = ""
    for character in text:
        replacement = _SUBSTITUTES.get(charset, {}).get(character, character)
        try:
            result += percent_encode(encoder.encode(replacement or "\udc00"), safe).decode()
        except UnicodeEncodeError:
            result += f"%26%23{ord(replacement or character)}%3B"
    return result + percent_encode(encoder.encode("", final=True), safe).decode()


def test_percent_encoding_cases() -> None:
    """Every column; those without a faithful codec are counted."""
    counts: Counter[str] = Counter()
    for record in extra_json("url", "wpt-url", "percent-encoding.json"):
        for charset, theirs in () if isinstance(record, str) else record["output"].items():
            ours = _percent_encode_after_encoding(record["input"], charset)
            counts["no faithful codec" if ours is None else "agree"] += 1
            assert ours is None or ours == theirs, (charset, record["input"])
    print(dict(counts))
    assert counts["agree"] > counts["no faithful codec"], counts


@pytest.mark.parametrize(
    ("text", "charset", "result"),  # by WHATWG Encoding and URL §1.3, worked out by hand
    [
        ("\u2020", "windows-1252", "%86"),
        ("\u2020", "big5", "%26%238224%3B"),
        ("\u2020", "euc-kr", "%A2%D3"),
        ("\x0eA", "iso-2022-jp", "%26%2365533%3BA"),
        ("\u2212", "iso-2022-jp", "%1B$B!]%1B(B"),
        ("\u2212", "euc-jp", "%A1%DD"),
        ("\u00e9", "utf-16le", "%C3%A9"),
        ("a", "x-user-defined", None),
    ],
)
def test_percent_encoding_in_other_charsets(text: str, charset: str, result: str | None) -> None:
    assert _percent_encode_after_encoding(text, charset) == result
