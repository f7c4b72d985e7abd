# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Internationalised domain names: each rule with a case that keeps it and one that breaks it."""

from __future__ import annotations

import runpy
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError
from sws.proto.http import _generate_tables_idna, _tables_idna
from sws.proto.http.idna import MAX_DOMAIN, domain_to_ascii, domain_to_unicode

_LDH = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
_NAMES = st.lists(_LDH, min_size=1, max_size=4).map(".".join)
_MIXED = st.text(  # what the rules look at, more often than chance would bring it
    alphabet=st.sampled_from("aAß.-0\u3002\u0300\u00ad\u094d\u200c\u200d\u05d0\u0627\u0660\u06f0\u064b\u1806\ufe12\ud800") | st.characters()
)


def _ace(label: str) -> str:
    """An A-label, whatever it decodes to."""
    return "xn--" + label.encode("punycode").decode()


@pytest.mark.parametrize(
    ("domain", "result"),
    [
        ("example.org", b"example.org"),
        ("EXAMPLE.org.", b"example.org."),
        ("münchen.de", b"xn--mnchen-3ya.de"),
        ("MU\u0308NCHEN.de", b"xn--mnchen-3ya.de"),
        ("faß.de", b"xn--fa-hia.de"),
        ("FA\u1e9e.de", b"xn--fa-hia.de"),
        ("ὀδυσσεύς", _ace("ὀδυσσεύς").encode()),
        ("日本語。ＪＰ", b"xn--wgv71a119e.jp"),
        ("a\u00adb\u180ec", b"abc"),
        ("①", b"1"),
        ("=\u0338", b"xn--1ch"),  # meet in U+2260
        ("ü_!~{}\"'", _ace("ü_!~{}\"'").encode()),
        ("ü..-a-.ab--c.", b"xn--tda..-a-.ab--c."),
        ("xn--a", b"xn--a"),  # ASCII is never refused for what it decodes to
        ("XN--TDA.ü", b"xn--tda.xn--tda"),
        ("נ0.a1", _ace("נ0").encode() + b".a1"),
    ],
)
def test_converted(domain: str, result: bytes) -> None:
    assert domain_to_ascii(domain) == result
    assert domain_to_ascii(result.decode()) == result


@pytest.mark.parametrize(
    ("domain", "what"),
    [
        ("", "empty"),
        ("\u00ad", "empty"),
        ("a b", "forbidden"),
        ("a%62", "forbidden"),
        ("a\x7f", "forbidden"),
        ("a:1", "forbidden"),
        ("ü\u00a0", "forbidden"),  # a space by its mapping
        ("ü/", "forbidden"),
        ("℀ü", "forbidden"),  # "a/c"
        ("a" * (MAX_DOMAIN + 1), "too long"),
        ("\ufdfa" * (MAX_DOMAIN // 2), "too long"),  # 18 characters each
        ("ü" * MAX_DOMAIN, "too long"),  # with its prefix
        ("\u2024", "disallowed"),  # "."
        ("\ufe12", "disallowed"),  # would become a label separator
        ("\u2ff0", "disallowed"),
        ("\ufffd", "disallowed"),
        ("\ue000", "disallowed"),
        (chr(0xD800), "disallowed"),
        ("\uffff", "disallowed"),  # unassigned for ever
        ("\u202e", "disallowed"),
        ("\u0301a", "combining mark"),
        ("a.\u094d", "combining mark"),
        ("xn--é", "starts with xn-- but is not ASCII"),
        ("xn--a.é", "disallowed"),
        ("xn--.é", "nothing but ASCII"),
        ("xn--abc-.é", "nothing but ASCII"),
        ("xn--0.é", "ends inside"),
        ("xn--ls8h=.é", "not a digit"),
        (_ace("xn--é") + ".é", "xn-- once decoded"),
        (_ace("É") + ".é", "disallowed code point in"),
        (_ace("e\u0301") + ".é", "not in NFC"),
        ("a\u200db", "joiner"),
        ("\u200d", "joiner"),
        ("a\u200cb", "joiner"),
        ("\u0628\u200c", "joiner"),
        ("\u200c\u0628", "joiner"),
        ("\u0627\u200c\u0628", "joiner"),  # alef joins to its right only
        ("\u0628\u200d\u0628", "joiner"),
        ("0\u05d0", "bidi"),  # condition 1
        ("0.\u05d0", "bidi"),  # condition 1, of a label in ASCII
        ("\u05d0a", "bidi"),  # condition 2
        ("\u05d0-", "bidi"),  # condition 3
        ("\u06270\u0660", "bidi"),  # condition 4
        ("a\u05d0b", "bidi"),  # condition 5
        ("a-.\u05d0", "bidi"),  # condition 6
        ("\u0660", "bidi"),  # an Arabic number alone makes the domain a bidi domain
    ],
)
def test_refused(domain: str, what: str) -> None:
    with pytest.raises(DecodeError, match=what):
        domain_to_ascii(domain)


@pytest.mark.parametrize(
    "label",
    [
        "\u0915\u094d\u200d\u0937",  # ZWJ and ZWNJ behind a virama
        "\u0915\u094d\u200c\u0937",
        "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc",  # D ZWNJ R
        "\u0628\u064b\u200c\u064b\u0628",  # with transparent marks around
        "\ua872\u200c\ua840",  # L ZWNJ D
        "\u05d0\u05b0",  # marks without width at the end
        "\u0627\u0660",
        "\u05d0-\u05d0",
    ],
)
def test_contexts_that_fit(label: str) -> None:
    result = domain_to_ascii(label)
    assert domain_to_unicode(result) == label


@pytest.mark.parametrize("domain", ["a-b.ü", "xn--tda", "a" * 63, ".".join(["a" * 49] * 5) + ".abc", "ß", "≠"])
def test_strict(domain: str) -> None:
    assert domain_to_ascii(domain, strict=True) == domain_to_ascii(domain)


@pytest.mark.parametrize(
    ("domain", "what"),
    [
        ("-a", "hyphen"),
        ("a-.b", "hyphen"),
        ("ab--c", "hyphen"),
        ("ü-", "hyphen"),
        ("a_b", "letters"),
        ("ü_", "letters"),
        ("a b", "letters"),
        ("xn--a", "disallowed"),
        ("", "length"),
        ("a..b", "length"),
        ("a.", "length"),
        ("a" * 64, "length"),
        ("ü" * 60, "length"),
        (".".join(["a" * 49] * 5) + ".abcd", "length"),
    ],
)
def test_strictly_refused(domain: str, what: str) -> None:
    with pytest.raises(DecodeError, match=what):
        domain_to_ascii(domain, strict=True)


@pytest.mark.parametrize(
    ("domain", "result"),
    [(b"Xn--Mnchen-3yA.DE", "münchen.de"), (b"a.xn--fa-hia", "a.faß"), (b"example.org.", "example.org."), (b"xn--zca.", "ß.")],
)
def test_shown(domain: bytes, result: str) -> None:
    assert domain_to_unicode(domain) == result


@pytest.mark.parametrize(
    ("domain", "what"),
    [
        (b"", "empty"),
        (b"a b", "forbidden"),
        (b"\xc3\xbc", "0x7F"),
        (b"xn--a", "disallowed"),
        (b"xn--1ug", "joiner"),
        (b"a" * 3000, "too long"),
    ],
)
def test_not_shown(domain: bytes, what: str) -> None:
    with pytest.raises(DecodeError, match=what):
        domain_to_unicode(domain)


@given(_NAMES)
def test_plain_names_stay(name: str) -> None:
    assert domain_to_ascii(name) == name.encode()


@given(_MIXED, st.booleans())
def test_only_declared_errors_and_stable(domain: str, strict: bool) -> None:
    try:
        result = domain_to_ascii(domain, strict)
    except DecodeError:
        return
    assert domain_to_ascii(result.decode(), strict) == result
    if not domain.isascii():  # then it was checked, and can be shown
        shown = domain_to_unicode(result)
        assert unicodedata.is_normalized("NFC", shown)
        assert domain_to_ascii(shown, strict) == result


@given(st.binary(max_size=60) | _NAMES.map(lambda name: b"xn--" + name.encode()))
def test_what_is_shown_leads_back(domain: bytes) -> None:
    try:
        shown = domain_to_unicode(domain)
    except DecodeError:
        return
    assert domain_to_ascii(shown) == domain.lower()


def test_long_hostile_domains_take_no_long_time() -> None:
    for domain in ("\u0628\u200c" * 1023 + "\u0628", "\u0628" + "\u064b" * 2046 + "\u200c", "ü." * 1024, "\u0300\u0316" * 1024):
        try:
            assert domain_to_ascii(domain)
        except DecodeError:
            pass


def test_the_table_is_what_its_generator_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = {"D": _tables_idna.DUAL_JOINING, "L": _tables_idna.LEFT_JOINING, "R": _tables_idna.RIGHT_JOINING}
    lines = [f"# DerivedJoiningType-{_tables_idna.UNICODE_VERSION}.txt", "", "00AD ; T # Cf SOFT HYPHEN"]
    for letter, ranges in letters.items():
        lines += [f"{word.replace('-', '..')} ; {letter} # Lo" for word in ranges.split()]
    source = tmp_path / "DerivedJoiningType.txt"
    source.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("sys.argv", ["generate", str(source)])
    runpy.run_path(_generate_tables_idna.__file__, run_name="__main__")
    assert capsys.readouterr().out == Path(_tables_idna.__file__).read_text()


def test_the_generator_refuses_another_file() -> None:
    with pytest.raises(ValueError, match=r"not a DerivedJoiningType\.txt"):
        _generate_tables_idna.parse_joining_types(["# Blocks-15.0.0.txt"])
