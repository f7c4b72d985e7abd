# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The abstract types of structured fields.  RFC 9651 §3.

    RFC 9651           here                     RFC 9651           here
    Integer  §3.3.1    int                      Boolean  §3.3.6    bool
    Decimal  §3.3.2    decimal.Decimal          Date     §3.3.7    Date(seconds)
    String   §3.3.3    str (ASCII)              Display  §3.3.8    DisplayString(text)
    Token    §3.3.4    Token(text)              Inner List §3.1.1  InnerList(items, parameters)
    Bytes    §3.3.5    bytes                    Parameters §3.1.2  dict[str, bare item]

A List is a list and a Dictionary a dict of *members*, a member being an Item or an InnerList.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, final

__all__ = ["BareItem", "Date", "Dictionary", "DisplayString", "InnerList", "Item", "List", "Member", "Parameters", "Token"]


@final
@dataclass(frozen=True, slots=True)
class Token:
    """A short textual word.  RFC 9651 §3.3.4."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class Date:
    """Seconds since 1970-01-01T00:00:00Z, without leap seconds.  RFC 9651 §3.3.7."""

    seconds: int


@final
@dataclass(frozen=True, slots=True)
class DisplayString:
    """Text for people, of any Unicode scalar values.  RFC 9651 §3.3.8."""

    text: str


BareItem: TypeAlias = int | Decimal | str | bytes | Token | Date | DisplayString
Parameters: TypeAlias = dict[str, BareItem]


@final
@dataclass(slots=True)
class Item:
    """A bare item with parameters.  RFC 9651 §3.3."""

    value: BareItem
    parameters: Parameters = field(default_factory=dict)


@final
@dataclass(slots=True)
class InnerList:
    """A list of items inside a list or dictionary.  RFC 9651 §3.1.1."""

    items: list[Item]
    parameters: Parameters = field(default_factory=dict)


Member: TypeAlias = Item | InnerList
List: TypeAlias = list[Member]
Dictionary: TypeAlias = dict[str, Member]
