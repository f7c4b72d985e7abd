# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads ready to leave: what `proto.http.heads` takes apart, in HPACK's octets.

    group    the fields that many responses share (status, content-type, server …); they go into the connection's HPACK table
    literal  the others (length, validators …) as octets that touch no table, so that they are good on every connection

What a group is on one connection is a `HeadBlocks` matter: its octets are kept as long as the table and the Date stay the same, which is a
second.  A head then is two pieces of octets put together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Field
from sws.proto.hpack import Encoder
from sws.proto.hpack.encoder import encode_literal
from sws.proto.http.heads import HeadParts, PlanMemo

__all__ = ["HeadBlocks", "HeadPlan", "plan_head"]

_GROUPS_MAXIMUM: Final = 1024
_BLOCKS_MAXIMUM: Final = 64
_OK: Final = (b":status", b"200")


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


def _make_plan(parts: HeadParts) -> HeadPlan:
    key = parts.shared, parts.dated
    group = _groups.get(key)
    if group is None:
        if len(_groups) >= _GROUPS_MAXIMUM:
            _groups.clear()
        group = _groups[key] = _Group(*key)
    whole = -1 if parts.length is None or parts.shared[0] != _OK else parts.length
    literal = b"".join([encode_literal(field) for field in parts.own])
    return HeadPlan(group, literal, parts.length, whole)


plan_head: Final = PlanMemo(_make_plan).find


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
