# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Range requests over octets.  RFC 9110 §14.1, §14.2, §14.4, §15.3.7, §17.15.

    Range = "bytes=" 1#( first-pos "-" [ last-pos ] / "-" suffix-length )

A field value and the length of the representation give one of three things: IGNORE (answer 200 with everything), UNSATISFIABLE
(answer 416) or the ranges to send, clipped to the representation.  Everything that §14.2 lets a server take for a broken or hostile
client is ignored: malformed values, more than `maximum` ranges, more than two ranges that overlap.  Two that overlap, and ranges
that touch, are sent as one (§15.3.7.2), at the place of the first of them.

Invariants: the ranges returned are disjoint and lie inside the representation, so together they are never longer than it.
Known limits: other range units are ignored; Content-Range is written, not read.
"""

from __future__ import annotations

import re
from enum import Enum, unique
from typing import Final, Literal, NamedTuple, TypeAlias, final

__all__ = [
    "IGNORE",
    "MAX_RANGES",
    "UNSATISFIABLE",
    "ByteRange",
    "Ignore",
    "RangeVerdict",
    "Unsatisfiable",
    "content_range",
    "parse_range",
    "unsatisfied_range",
]

MAX_RANGES: Final = 64
"""How many ranges, empty list elements included, are considered."""

_MAX_OVERLAPPING: Final = 2
_SINGLE_RE: Final = re.compile(rb"bytes=([0-9]{0,100})-([0-9]{0,100})")
_SET_RE: Final = re.compile(rb"[Bb][Yy][Tt][Ee][Ss]=(.*)", re.DOTALL)
_SPEC_RE: Final = re.compile(rb"([0-9]{0,100})-([0-9]{0,100})")


@final
@unique
class RangeVerdict(Enum):
    """Why there are no ranges to send.  RFC 9110 §14.2."""

    IGNORE = 200
    UNSATISFIABLE = 416


Ignore: TypeAlias = Literal[RangeVerdict.IGNORE]
Unsatisfiable: TypeAlias = Literal[RangeVerdict.UNSATISFIABLE]
IGNORE: Final = RangeVerdict.IGNORE
UNSATISFIABLE: Final = RangeVerdict.UNSATISFIABLE


@final
class ByteRange(NamedTuple):
    """Octets `first` to `last`, both included, 0 <= first <= last < length.  RFC 9110 §14.1.2."""

    first: int
    last: int


def parse_range(value: bytes, length: int, maximum: int = MAX_RANGES) -> Ignore | Unsatisfiable | list[ByteRange]:
    """Reads a Range field against a representation.  RFC 9110 §14.2.

    Args:
      value:    of the one Range field; with several lines, ignore the field instead.
      length:   octets of the selected representation.
      maximum:  how many ranges are considered; a value with more is ignored.
    Returns: IGNORE, UNSATISFIABLE, or at least one range, in the order asked for.
    """
    single = _SINGLE_RE.fullmatch(value)
    if single is not None:
        resolved = _resolve(single, length)
        return [resolved] if isinstance(resolved, ByteRange) else resolved
    range_set = _SET_RE.fullmatch(value)
    if range_set is None:
        return IGNORE
    specs = range_set.group(1).split(b",")
    if len(specs) > maximum:
        return IGNORE
    ranges: list[ByteRange] = []
    some = False
    for text in specs:
        text = text.strip(b" \t")
        if not text:
            continue
        spec = _SPEC_RE.fullmatch(text)
        resolved = IGNORE if spec is None else _resolve(spec, length)
        if resolved is IGNORE:
            return IGNORE
        some = True
        if isinstance(resolved, ByteRange):
            ranges.append(resolved)
    if not ranges:
        return UNSATISFIABLE if some else IGNORE
    return ranges if len(ranges) == 1 else _coalesce(ranges)


def content_range(first: int, last: int, length: int | None) -> bytes:
    """The Content-Range of a part; `length` is None if unknown.  RFC 9110 §14.4."""
    return b"bytes %d-%d/*" % (first, last) if length is None else b"bytes %d-%d/%d" % (first, last, length)


def unsatisfied_range(length: int) -> bytes:
    """The Content-Range of a 416 response.  RFC 9110 §14.4, §15.5.17."""
    return b"bytes */%d" % length


def _resolve(spec: re.Match[bytes], length: int) -> ByteRange | Ignore | Unsatisfiable:
    """One range-spec against the length; IGNORE if it is invalid."""
    first_digits, last_digits = spec.groups()
    if first_digits:
        first = int(first_digits)
        if not last_digits:
            return ByteRange(first, length - 1) if first < length else UNSATISFIABLE
        last = int(last_digits)
        if last < first:
            return IGNORE
        return ByteRange(first, min(last, length - 1)) if first < length else UNSATISFIABLE
    if not last_digits:
        return IGNORE
    suffix = int(last_digits)
    if suffix == 0:
        return UNSATISFIABLE
    # A suffix of nothing is satisfiable (§14.1.2) but no Content-Range can say so; §14.2 allows to ignore the field.
    return ByteRange(max(0, length - suffix), length - 1) if length else IGNORE


def _coalesce(ranges: list[ByteRange]) -> Ignore | list[ByteRange]:
    """Joins ranges that overlap or touch; IGNORE if more than two overlap."""
    order = sorted(range(len(ranges)), key=ranges.__getitem__)
    joined: list[tuple[int, ByteRange]] = []  # (place of its first member in the request, range)
    overlapping: set[int] = set()
    place, (first, last) = order[0], ranges[order[0]]
    furthest = order[0]  # the member that reaches furthest right
    for index in order[1:]:
        following = ranges[index]
        if following.first > last + 1:
            joined.append((place, ByteRange(first, last)))
            place, furthest, (first, last) = index, index, following
            continue
        if following.first <= last:
            overlapping.update((furthest, index))
        place = min(place, index)
        if following.last > last:
            last, furthest = following.last, index
    joined.append((place, ByteRange(first, last)))
    if len(overlapping) > _MAX_OVERLAPPING:
        return IGNORE
    joined.sort()
    return [part for _, part in joined]
