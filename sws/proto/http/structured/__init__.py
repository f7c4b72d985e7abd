# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Structured Field Values for HTTP.  RFC 9651.

`model` has the types, `parse` reads (§4.2), `serialise` writes (§4.1).
"""

from sws.proto.http.structured.model import BareItem, Date, Dictionary, DisplayString, InnerList, Item, List, Member, Parameters, Token
from sws.proto.http.structured.parse import parse_dictionary, parse_item, parse_list
from sws.proto.http.structured.serialise import serialise_dictionary, serialise_item, serialise_list

__all__ = [
    "BareItem",
    "Date",
    "Dictionary",
    "DisplayString",
    "InnerList",
    "Item",
    "List",
    "Member",
    "Parameters",
    "Token",
    "parse_dictionary",
    "parse_item",
    "parse_list",
    "serialise_dictionary",
    "serialise_item",
    "serialise_list",
]
