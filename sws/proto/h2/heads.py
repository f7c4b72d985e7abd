# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads ready to leave.

A server answers with few different sets of fields.  What a set needs is computed once, as a *plan*, and remembered under (status,
fields) for all connections:

    group    the fields that many responses share (status, content-type, server …); they go into the connection's HPACK table
    literal  the others (length, validators …) as octets that touch no table, so that they are good on every connection

What a group is on one connection is a `HeadBlocks` matter: its octets are kept as long as the table and the Date stay the same, which is a
second.  A head then is two pieces of octets put together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Field, Fields
from sws.base.errors import UsageError
from sws.proto.h2.fields import check_sent
from sws.proto.hpack import Encoder
from sws.proto.hpack.encoder import encode_literal

__all__ = ["HeadBlocks", "HeadPlan", "plan_head"]

_MEMO_SIZE: Final = 1024
_BLOCKS_MAXIMUM: Final = 64
_OWN: Final = frozenset(
    b"accept-ranges age content-length content-range etag expires last-modified location set-cookie x-request-id date".split()
)


@final
class _Group:
    """Fields that responses share, compared by identity."""

    __slots__ = ("dated", "fields")

    def __init__(self, fields: tuple[Field, ...], dated: bool) -> None:
        self.fields = fields
        self.dated = dated


@final
class HeadPlan:
    """A response head.

    Attributes:
      group, literal:  see above.
      length:          what content-length says, or None.
      whole:           the same for a 200, else -1: such a head may leave with its content at once.
    """

    __slots__ = ("group", "length", "literal", "whole")

    def __init__(self, group: _Group, literal: bytes, length: int | None, whole: int) -> None:
        self.group = group
        self.literal = literal
        self.length = length
        self.whole = whole


_groups: dict[tuple[tuple[Field, ...], bool], _Group] = {}
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
    key = tuple(shared), dated
    group = _groups.get(key)
    if group is None:
        if len(_groups) >= _MEMO_SIZE:
            _groups.clear()
        group = _groups[key] = _Group(*key)
    return HeadPlan(group, literal, length, length if status == 200 and length is not None else -1)


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


@final
class HeadBlocks:
    """The field blocks of one connection's responses.

    Args:
      encoder:  the connection's.
      date:     gives the value of Date.
    """

    __slots__ = ("_blocks", "_date", "_encoder", "_generation", "_value")

    def __init__(self, encoder: Encoder, date: Callable[[], bytes]) -> None:
        self._encoder = encoder
        self._date = date
        self._blocks: dict[_Group, bytes] = {}
        self._generation = -1
        self._value = b""

    def block(self, plan: HeadPlan) -> bytes:
        """The field block of a response, to be sent next."""
        date = self._date()
        if date is not self._value or self._encoder.generation != self._generation:
            self._blocks.clear()
            self._value = date
            self._generation = self._encoder.generation
        known = self._blocks.get(plan.group)
        return (known or self._encode(plan.group)) + plan.literal

    def _encode(self, group: _Group) -> bytes:
        fields = (*group.fields, (b"date", self._value)) if group.dated else group.fields
        block = self._encoder.encode(fields)
        if self._encoder.generation == self._generation:  # nothing was put into the table, so the same octets mean the same again
            if len(self._blocks) >= _BLOCKS_MAXIMUM:
                self._blocks.clear()
            self._blocks[group] = block
        return block
