# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Priority field and the value of PRIORITY_UPDATE.  RFC 9218 §4, §5.

A request that says nothing has the default urgency, and is served in turns with the others of its kind (`incremental`): §10 leaves that to
the server, and a large response then never keeps a small one waiting.  Who says `u` alone has also said that `i` is false (§4.2).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.http.structured import parse_dictionary

__all__ = ["DEFAULT", "Priority", "parse_priority"]

_MEMO_MAXIMUM: Final = 64
_URGENCY: Final = 3


class Priority(NamedTuple):
    """Urgency 0..7, 0 first; whether parts of the response are of use before the whole has come."""

    urgency: int
    incremental: bool


DEFAULT: Final = Priority(_URGENCY, True)

_memo: dict[bytes, Priority] = {}


def parse_priority(value: bytes) -> Priority:
    """A field value.  What cannot be read or is out of range is as if it were not there (§4, §5)."""
    known = _memo.get(value)
    if known is None:
        known = _parse(value)
        if len(_memo) >= _MEMO_MAXIMUM:
            _memo.clear()
        _memo[bytes(value)] = known
    return known


def _parse(value: bytes) -> Priority:
    try:
        members = parse_dictionary(value)
    except (DecodeError, LimitExceeded):
        return DEFAULT
    if not members:
        return DEFAULT
    urgency: object = getattr(members.get("u"), "value", None)
    incremental: object = getattr(members.get("i"), "value", None)
    is_level = type(urgency) is int and 0 <= urgency <= 7
    return Priority(urgency if is_level else _URGENCY, incremental is True)  # type: ignore[arg-type]
