# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads ready to leave: what `proto.http.heads` takes apart, in QPACK's octets.

    shared   the fields that many responses have (status, content-type, server …); they may go into the connection's QPACK table
    literal  the others (length, validators, Date …) as octets that touch no table, so that they are good on every connection

What `shared` is on one connection is kept as long as QPACK allows the same section again.  A head then is two pieces of octets and the
Date, which is encoded once a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Field
from sws.proto.http.heads import HeadParts, PlanMemo
from sws.proto.qpack.encoder import Encoder, Section
from sws.proto.qpack.literals import encode_literal

__all__ = ["HeadPlan", "HeadSections", "plan_head"]

_SHARED_MAXIMUM: Final = 1024
_SECTIONS_MAXIMUM: Final = 64


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


def _make_plan(parts: HeadParts) -> HeadPlan:
    shared = _shared.get(parts.shared)
    if shared is None:
        if len(_shared) >= _SHARED_MAXIMUM:
            _shared.clear()
        shared = _shared[parts.shared] = parts.shared
    literal = b"".join([encode_literal(field) for field in parts.own])
    return HeadPlan(shared, literal, parts.dated, parts.length)


plan_head: Final = PlanMemo(_make_plan).find

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
