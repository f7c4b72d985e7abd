# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads ready to leave.

A server answers with few different sets of fields.  What a set needs is computed once, as a *plan*, and remembered under (status,
fields) for all connections:

    shared   the fields that many responses have (status, content-type, server …); they may go into the connection's QPACK table
    literal  the others (length, validators, Date …) as octets that touch no table, so that they are good on every connection

What `shared` is on one connection is kept as long as QPACK allows the same section again.  A head then is two pieces of octets and the
Date, which is encoded once a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Field, Fields
from sws.base.errors import UsageError
from sws.proto.http.messages import check_sent
from sws.proto.qpack.encoder import Encoder, Section, encode_literal

__all__ = ["HeadPlan", "HeadSections", "plan_head"]

_MEMO_SIZE: Final = 1024
_SECTIONS_MAXIMUM: Final = 64
_OWN: Final = frozenset(
    b"accept-ranges age content-length content-range etag expires last-modified location set-cookie x-request-id date".split()
)


@final
class HeadPlan:
    """A response head.

    Attributes:
      shared, literal:  see above.
      dated:   a Date is to be added.
      length:  what content-length says, or None.
    """

    __slots__ = ("dated", "length", "literal", "shared")

    def __init__(self, shared: tuple[Field, ...], literal: bytes, dated: bool, length: int | None) -> None:
        self.shared = shared
        self.literal = literal
        self.dated = dated
        self.length = length


_shared: dict[tuple[Field, ...], tuple[Field, ...]] = {}
_memo: dict[tuple[int, tuple[Field, ...]], HeadPlan] = {}
#: id of a tuple of fields -> (the tuple, status, plan): the quick way for a tuple that comes again, which hashing is not.
_by_identity: dict[int, tuple[tuple[Field, ...], int, HeadPlan]] = {}


def _make_plan(status: int, fields: tuple[Field, ...]) -> HeadPlan:
    if not 100 <= status <= 599:
        raise UsageError("a status code has three digits")
    shared: list[Field] = [(b":status", b"%d" % status)]
    literal = b""
    length: int | None = None
    dated = status >= 200
    for field in check_sent(fields):
        name, value = field
        if name == b"content-length":
            if length is not None or not value.isdigit():
                raise UsageError("one content-length, in digits")
            length = int(value)
        elif name == b"date":
            dated = False
        if name in _OWN:
            literal += encode_literal(field)
        else:
            shared.append(field)
    if length is not None and (status < 200 or status == 204):
        raise UsageError("this status has no content-length (RFC 9110 §8.6)")
    if len(_shared) >= _MEMO_SIZE:
        _shared.clear()
    key = tuple(shared)
    return HeadPlan(_shared.setdefault(key, key), literal, dated, length)


def plan_head(status: int, fields: Fields) -> HeadPlan:
    """The plan of a head, remembered.  Raises: UsageError for fields that cannot be sent."""
    known = _by_identity.get(id(fields))
    if known is not None and known[0] is fields and known[1] == status:
        return known[2]
    key = (status, fields if type(fields) is tuple else tuple(fields))
    plan = _memo.get(key)
    if plan is None:
        plan = _make_plan(*key)
        if len(_memo) >= _MEMO_SIZE:
            _memo.clear()
        _memo[key] = plan
    if type(fields) is tuple:
        if len(_by_identity) >= _MEMO_SIZE:
            _by_identity.clear()
        _by_identity[id(fields)] = (fields, status, plan)
    return plan


_dates: dict[bytes, bytes] = {}


def _encode_date(value: bytes) -> bytes:
    code = _dates.get(value)
    if code is None:
        if len(_dates) > 1:
            _dates.clear()
        code = _dates[value] = encode_literal((b"date", value))
    return code


@final
class HeadSections:
    """The field sections of one connection's responses.

    Args:
      encoder:  the connection's.
      date:     gives the value of Date.
    """

    __slots__ = ("_date", "_encoder", "_sections")

    def __init__(self, encoder: Encoder, date: Callable[[], bytes]) -> None:
        self._encoder = encoder
        self._date = date
        self._sections: dict[tuple[Field, ...], Section] = {}

    def section(self, stream: int, plan: HeadPlan) -> bytes:
        """The field section of a response, to be sent next."""
        shared = plan.shared
        known = self._sections.get(shared)
        if known is None or not self._encoder.repeat(stream, known):
            known = self._encoder.encode_section(stream, shared)
            if known.settled:
                if len(self._sections) >= _SECTIONS_MAXIMUM:
                    self._sections.clear()
                self._sections[shared] = known
            else:
                self._sections.pop(shared, None)
        if plan.dated:
            return known.octets + plan.literal + _encode_date(self._date())
        return known.octets + plan.literal
