# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Conditional requests: entity tags and the order of preconditions.  RFC 9110 §8.8.3, §13.1, §13.2.

An entity tag is `[ "W/" ] DQUOTE opaque DQUOTE`; a backslash in it is an ordinary octet.  Two tags match *weakly* if their
opaque parts are equal, and *strongly* if moreover neither is weak.  §13.2.2 orders the four fields; a field that cannot be read is
resolved towards safety: an unreadable date is ignored (§13.1.3, §13.1.4), an unreadable tag list of a GET or HEAD means the
full response, and one of a method that could change something fails the precondition.

Invariants: `evaluate` and `if_range_matches` never raise for any field value.
Known limits: a failed If-Match is 412 even if the change it asks for was already made (§13.1.1 leaves the choice).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.http.date import parse_http_date
from sws.proto.http.method import UNSELECTIVE_METHODS

__all__ = ["MAX_ETAGS", "ETag", "Outcome", "evaluate", "if_range_matches", "parse_etag", "parse_etag_list"]

MAX_ETAGS: Final = 256
"""How many entity tags of one list are read."""

_TAG: Final = rb'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_ETAG_RE: Final = re.compile(_TAG)
_LIST_ITEM_RE: Final = re.compile(rb"[ \t]*(?:" + _TAG + rb"[ \t]*)?(?:,|\Z)")


@final
@dataclass(frozen=True, slots=True)
class ETag:
    """An entity tag.  RFC 9110 §8.8.3.

    Args:
      opaque:  the octets between the quotes.
      weak:    whether it is marked `W/`.
    """

    opaque: bytes
    weak: bool = False

    def __bytes__(self) -> bytes:
        return b'W/"%b"' % self.opaque if self.weak else b'"%b"' % self.opaque

    def strongly_matches(self, other: ETag) -> bool:
        """Strong comparison.  RFC 9110 §8.8.3.2."""
        return self.opaque == other.opaque and not self.weak and not other.weak

    def weakly_matches(self, other: ETag) -> bool:
        """Weak comparison.  RFC 9110 §8.8.3.2."""
        return self.opaque == other.opaque


@final
@unique
class Outcome(Enum):
    """What the preconditions of a request lead to.  RFC 9110 §13.2.2."""

    PROCEED = 0
    NOT_MODIFIED = 304
    PRECONDITION_FAILED = 412


def parse_etag(value: bytes) -> ETag:
    """Reads one entity tag.  RFC 9110 §8.8.3.

    Raises:  DecodeError if `value` is not exactly one.
    """
    match = _ETAG_RE.fullmatch(value)
    if match is None:
        raise DecodeError("entity-tag: malformed")
    return ETag(match.group(2), match.group(1) is not None)


def parse_etag_list(value: bytes, maximum: int = MAX_ETAGS) -> list[ETag] | None:
    """Reads If-Match or If-None-Match.  RFC 9110 §13.1.1, §13.1.2.

    Args:
      value:    the field value, several lines joined by a comma.
      maximum:  how many elements, empty ones included, are read.
    Returns: the tags in order, or None for `*`.
    Raises:  DecodeError if malformed or without any tag; LimitExceeded for more than `maximum`.
    """
    if value.strip(b" \t") == b"*":
        return None
    tags: list[ETag] = []
    position, end, count = 0, len(value), 0
    while position < end:
        match = _LIST_ITEM_RE.match(value, position)
        if match is None:
            raise DecodeError("entity-tag list: malformed", position)
        count += 1
        if count > maximum:
            raise LimitExceeded("entity tags", count, maximum)
        opaque = match.group(2)
        if opaque is not None:
            tags.append(ETag(opaque, match.group(1) is not None))
        position = match.end()
    if not tags:
        raise DecodeError("entity-tag list: empty")
    return tags


def evaluate(
    method: bytes,
    field: Callable[[bytes], Sequence[bytes]],
    etag: ETag | None,
    last_modified: int | None,
    now: int,
    exists: bool = True,
) -> Outcome:
    """Evaluates the preconditions of a request in their order.  RFC 9110 §13.2.

    Call it only when the answer without preconditions would be a 2xx (§13.2.1); If-Range comes after it.
    Args:
      method:         of the request.
      field:          gives the values of all lines of a request field by its lower-case name; empty if there is none.
      etag:           of the selected representation, or None.
      last_modified:  of the selected representation, in seconds since the epoch, or None.
      now:            seconds since the epoch; places two-digit years.
      exists:         whether there is a current representation.
    """
    if method in UNSELECTIVE_METHODS:
        return Outcome.PROCEED
    if_match = field(b"if-match")
    if if_match:
        if not _matches(if_match, etag, exists, weak=False, unreadable=False):
            return Outcome.PRECONDITION_FAILED
    elif last_modified is not None:
        date = _single_date(field(b"if-unmodified-since"), now)
        if date is not None and last_modified > date:
            return Outcome.PRECONDITION_FAILED
    reading = method in (b"GET", b"HEAD")
    if_none_match = field(b"if-none-match")
    if if_none_match:
        if _matches(if_none_match, etag, exists, weak=True, unreadable=not reading):
            return Outcome.NOT_MODIFIED if reading else Outcome.PRECONDITION_FAILED
    elif reading and last_modified is not None:
        date = _single_date(field(b"if-modified-since"), now)
        if date is not None and last_modified <= date:
            return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def if_range_matches(value: bytes, etag: ETag | None, last_modified: int | None, date: int) -> bool:
    """Whether the condition of If-Range is true, so that Range is honoured.  RFC 9110 §13.1.5.

    Args:
      value:          of the If-Range field.
      etag:           of the selected representation, or None.
      last_modified:  of the selected representation, in seconds since the epoch, or None.
      date:           the Date of the response being made.  A Last-Modified is a strong validator only if it is at least one
                      second older than that (§8.8.2.2): within the same second the representation may change once more.
    """
    match = _ETAG_RE.fullmatch(value)
    if match is not None:
        return etag is not None and etag.strongly_matches(ETag(match.group(2), match.group(1) is not None))
    if last_modified is None or last_modified + 1 > date:
        return False
    return parse_http_date(value, date) == last_modified


def _matches(values: Sequence[bytes], etag: ETag | None, exists: bool, *, weak: bool, unreadable: bool) -> bool:
    """Whether a list of tags names the current representation; `unreadable` is the answer for a malformed list."""
    try:
        tags = parse_etag_list(values[0] if len(values) == 1 else b",".join(values))
    except (DecodeError, LimitExceeded):
        return unreadable
    if tags is None:
        return exists
    if etag is None or not exists or (etag.weak and not weak):
        return False
    opaque = etag.opaque
    return any(tag.opaque == opaque and (weak or not tag.weak) for tag in tags)


def _single_date(values: Sequence[bytes], now: int) -> int | None:
    """The date of a field that came exactly once and is readable."""
    return parse_http_date(values[0], now) if len(values) == 1 else None
