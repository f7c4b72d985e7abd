# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Internationalised domain names as the WHATWG URL standard reads them.  UTS #46 §4, §6 (as of Unicode 16), RFC 5890 §2.3, RFC 5891 §4.2,
§5.4, RFC 5892 appendix A.1 and A.2, RFC 5893 §2, WHATWG URL §3.3.

    "Faß.DE"  --map, NFC-->  "faß.de"  --split, decode "xn--", check-->  ["faß", "de"]  --Punycode-->  b"xn--fa-hia.de"

The mapping is computed, as UTS #46 §6 derives its table: the image of a code point is its NFKC_Casefold (case folding and NFKC until
nothing changes, default-ignorable code points left out), and the code point is

    ignored     if the image is empty,
    valid       if it is its own image,
    mapped      otherwise,
    disallowed  if its image has a "." or anything that is no character of a name: controls, formats, spaces, private use, unassigned.

ASCII is valid or mapped here and looked at again at the end, so that "=" and U+0338 can meet in U+2260 first.  The code points that
UTS #46 treats otherwise stand in `_IMAGES` and `_NEVER`.  The processing is nontransitional: ß, ς, ZWJ and ZWNJ are kept.

Two settings.  As a URL's host (strict=False): hyphens anywhere, any ASCII but the forbidden domain code points, any length; and a domain
in ASCII is only lower-cased, whatever its labels decode to.  As a name in DNS and certificates (strict=True): letters, digits and hyphens
only, no hyphen at an end of a label or in its third and fourth place, labels of 1..63 octets, at most 253 octets and no final dot.

Invariants: to_ascii(to_ascii(x)) == to_ascii(x); to_ascii(to_unicode(y)) == y in lower case, whenever to_unicode takes y.
Known limits: categories and normalisation are those of the running `unicodedata`; code points that it does not know are disallowed.  The
strict setting is UTS #46's: symbols, which IDNA2008 has not, are names to it, and it does not check CONTEXTO (RFC 5892 A.3 to A.9).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import bidirectional, category, combining, is_normalized, normalize

from sws.base.errors import DecodeError
from sws.proto.http._tables_idna import DUAL_JOINING, LEFT_JOINING, RIGHT_JOINING
from sws.proto.http.punycode import decode_punycode, encode_punycode

__all__ = ["MAX_DOMAIN", "domain_to_ascii", "domain_to_unicode"]

MAX_DOMAIN: Final = 2048
"""The longest domain that is looked at, in code points before and after mapping, and in octets; a DNS name has 253 octets."""

_ZWNJ: Final = "\u200c"
_ZWJ: Final = "\u200d"
_VIRAMA: Final = 9
"""Canonical_Combining_Class of a virama."""

_IMAGES: Final = {
    "\u3002": ".",  # the other full stops separate labels too
    "\uff0e": ".",
    "\uff61": ".",
    "\u00df": "\u00df",  # deviations: case folding makes ss and σ of them, which lost distinctions that registries keep
    "\u03c2": "\u03c2",
    _ZWNJ: _ZWNJ,  # default-ignorable, but they change the look of some scripts: their context is checked instead
    _ZWJ: _ZWJ,
    "\u1e9e": "\u00df",  # capital sharp S is the capital of a deviation
}

_NEVER: Final = frozenset(".\u3002\u31ef\ufffc\ufffd") | frozenset(map(chr, range(0x2FF0, 0x3000)))
"""Not part of any image: what separates labels, ideographic description characters (they draw others), two replacement characters."""

_IGNORED_RE: Final = re.compile(  # Default_Ignorable_Code_Point, without bidi controls, tags and unassigned ones, which are disallowed
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
)
_NO_NAME: Final = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"))

_FORBIDDEN_RE: Final = re.compile(rb"[\x00-\x20#%/:<>?@\[\\\]^|\x7f]")
_STD3_RE: Final = re.compile("[a-z0-9\u0080-\U0010ffff-]*")

_RTL_START: Final = frozenset(("R", "AL", "AN"))
_RTL_CLASSES: Final = frozenset(("R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"))
_RTL_END: Final = frozenset(("R", "AL", "EN", "AN"))
_LTR_CLASSES: Final = frozenset(("L", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"))
_LTR_END: Final = frozenset(("L", "EN"))


def domain_to_ascii(domain: str, strict: bool = False) -> bytes:
    """A domain in the form that goes over the wire.  WHATWG URL §3.3 (domain to ASCII), UTS #46 §4.2, RFC 5891 §5.

    Args:
      domain:  percent-decoded; at most MAX_DOMAIN code points.
      strict:  the rules of DNS and certificates rather than those of a URL's host.
    Returns: lower-case ASCII, not empty.
    Raises:  DecodeError if the domain cannot be converted, is empty, or has a forbidden domain code point.
    """
    if domain.isascii() and not strict:
        result = domain.lower().encode("ascii")  # what the web holds: names that were registered before their code points were disallowed
    else:
        result = b".".join([_to_a_label(label) for label in _labels(domain, strict)])
        if strict:
            _check_dns_length(result)
    _check_length(result)
    if not result:
        raise DecodeError("domain: empty")
    forbidden = _FORBIDDEN_RE.search(result)
    if forbidden is not None:
        raise DecodeError("domain: forbidden code point", forbidden.start())
    return result


def domain_to_unicode(domain: bytes) -> str:
    """A domain in the form that is shown to people.  WHATWG URL §3.3 (domain to Unicode), UTS #46 §4.3, RFC 5891 §5.

    Args:
      domain:  ASCII, in any case.
    Raises:  DecodeError if it is not ASCII, has a forbidden domain code point, is empty, or if a label that starts with "xn--" does not
      stand for a valid one (WHATWG goes on with what it has; shown to people, that would be a disguise).
    """
    if not domain.isascii():
        raise DecodeError("domain: octet above 0x7F")
    text = domain.decode("ascii")
    domain_to_ascii(text)
    return ".".join(_labels(text, strict=False))


def _labels(domain: str, strict: bool) -> list[str]:
    """Maps, normalises, splits and checks.  UTS #46 §4."""
    _check_length(domain)
    images = [_image(character) for character in domain]
    mapped = normalize("NFC", "".join([image for image in images if image is not None]))
    if None in images:
        raise DecodeError("domain: disallowed code point", images.index(None))
    _check_length(mapped)
    labels = [_from_a_label(label) for label in mapped.split(".")]
    bidi = any(bidirectional(character) in _RTL_START for label in labels for character in label)
    for label in labels:
        if label:
            _check_label(label, strict)
            if bidi:
                _check_bidi(label)
    return labels


@lru_cache(maxsize=1024)
def _image(character: str) -> str | None:
    """What a code point is mapped to; None if it is disallowed.  UTS #46 §6."""
    if character in _IMAGES:
        return _IMAGES[character]
    image, before = character, ""
    while image != before:
        before = image
        image = _IGNORED_RE.sub("", normalize("NFKC", normalize("NFKC", image).casefold()))
    if character.isascii():
        return image
    if not _NEVER.isdisjoint(image) or any(not part.isascii() and category(part) in _NO_NAME for part in image):
        return None
    return image


def _from_a_label(label: str) -> str:
    """Decodes a label that starts with "xn--".  UTS #46 §4 step 4, RFC 5891 §5.3."""
    if not label.startswith("xn--"):
        return label
    if not label.isascii():
        raise DecodeError("domain: a label starts with xn-- but is not ASCII")
    decoded = decode_punycode(label[4:].encode("ascii"))
    if decoded.isascii():
        raise DecodeError("domain: nothing but ASCII in Punycode")
    return decoded


def _to_a_label(label: str) -> bytes:
    return label.encode("ascii") if label.isascii() else b"xn--" + encode_punycode(label)


def _check_length(domain: str | bytes) -> None:
    if len(domain) > MAX_DOMAIN:
        raise DecodeError("domain: too long", MAX_DOMAIN)


def _check_dns_length(domain: bytes) -> None:
    """UTS #46 §4.2 step 4 (VerifyDnsLength), RFC 1034 §3.5."""
    if len(domain) > 253 or not all(0 < len(label) < 64 for label in domain.split(b".")):
        raise DecodeError("domain: a label or the whole has a length that DNS does not allow")


def _check_label(label: str, strict: bool) -> None:
    """The validity criteria but for the bidi rule.  UTS #46 §4.1, RFC 5891 §4.2."""
    if not is_normalized("NFC", label):
        raise DecodeError("domain: a label is not in NFC")
    if label.startswith("xn--"):
        raise DecodeError("domain: a label starts with xn-- once decoded")
    if strict and (label.startswith("-") or label.endswith("-") or label[2:4] == "--"):
        raise DecodeError("domain: misplaced hyphen")
    if category(label[0]).startswith("M"):
        raise DecodeError("domain: a label starts with a combining mark")
    if any(_image(character) != character for character in label):
        raise DecodeError("domain: disallowed code point in a label")
    if strict and _STD3_RE.fullmatch(label) is None:
        raise DecodeError("domain: ASCII other than letters, digits and hyphens")
    for index, character in enumerate(label):
        if character in (_ZWNJ, _ZWJ) and not _joiner_fits(label, index):
            raise DecodeError("domain: misplaced joiner")


def _joiner_fits(label: str, index: int) -> bool:
    """The ContextJ rules.  RFC 5892 appendix A.1, A.2."""
    if index and combining(label[index - 1]) == _VIRAMA:
        return True
    if label[index] == _ZWJ:
        return False
    before, after = index - 1, index + 1
    while before >= 0 and _is_transparent(label[before]):
        before -= 1
    while after < len(label) and _is_transparent(label[after]):
        after += 1
    joins_left, joins_right = _joining()
    return before >= 0 and after < len(label) and label[before] in joins_left and label[after] in joins_right


def _is_transparent(character: str) -> bool:
    """Joining_Type T: marks without width (formats are T too, but disallowed), and one letter."""
    return category(character) in ("Mn", "Me") or character == "\U0001e94b"


@lru_cache(maxsize=1)
def _joining() -> tuple[frozenset[str], frozenset[str]]:
    """The code points with Joining_Type L or D, and those with R or D."""
    dual = _expanded(DUAL_JOINING)
    return dual | _expanded(LEFT_JOINING), dual | _expanded(RIGHT_JOINING)


def _expanded(table: str) -> frozenset[str]:
    ranges = [(first, last or first) for first, _, last in (word.partition("-") for word in table.split())]
    return frozenset(chr(code) for first, last in ranges for code in range(int(first, 16), int(last, 16) + 1))


def _check_bidi(label: str) -> None:
    """The bidi rule, for each label of a domain with a right-to-left one.  RFC 5893 §2; the numbers are its conditions."""
    classes = [bidirectional(character) for character in label]
    end = next((name for name in reversed(classes) if name != "NSM"), "NSM")
    if classes[0] in ("R", "AL"):  # 1
        fits = _RTL_CLASSES.issuperset(classes) and end in _RTL_END and not ("EN" in classes and "AN" in classes)  # 2, 3, 4
    else:
        fits = classes[0] == "L" and _LTR_CLASSES.issuperset(classes) and end in _LTR_END  # 1, 5, 6
    if not fits:
        raise DecodeError("domain: bidi rule")
