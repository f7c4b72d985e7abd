# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads ready to leave, for the versions that compress fields.  RFC 9113 §8.3.2, RFC 9114 §4.3.2.

A server answers with few different sets of fields.  What a set needs is computed once, as a *plan*, and remembered under (status,
fields) for all connections.  A plan keeps apart what many responses have (status, content-type, server …), which may go into a
connection's table, and what is a response's own (length, validators …), which is encoded without one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar, final

from sws.base.engine import Field, Fields
from sws.base.errors import UsageError
from sws.proto.http.messages import check_sent

__all__ = ["HeadParts", "PlanMemo", "split_head"]

_MEMO_SIZE: Final = 1024
_OWN: Final = frozenset(
    b"accept-ranges age content-length content-range etag expires last-modified location set-cookie x-request-id date".split()
)

Plan = TypeVar("Plan")


@final
class HeadParts(NamedTuple):
    """A response head, taken apart.

    Attributes:
      shared:  `:status`, and the fields that many responses have.
      own:     the others.
      dated:   a Date is to be added.
      length:  what content-length says, or None.
    """

    shared: tuple[Field, ...]
    own: tuple[Field, ...]
    dated: bool
    length: int | None


def split_head(status: int, fields: Fields) -> HeadParts:
    """Check a head and take it apart.  Raises: UsageError for what cannot be sent."""
    if not 100 <= status <= 599:
        raise UsageError("a status code has three digits")
    shared: list[Field] = [(b":status", b"%d" % status)]
    own: list[Field] = []
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
        (own if name in _OWN else shared).append(field)
    if length is not None and (status < 200 or status == 204):
        raise UsageError("this status has no content-length (RFC 9110 §8.6)")
    return HeadParts(tuple(shared), tuple(own), dated, length)


@final
class PlanMemo(Generic[Plan]):
    """Plans that were made, within bounds.

    Args:
      make:  makes one.
    """

    __slots__ = ("_by_identity", "_make", "_memo")

    def __init__(self, make: Callable[[HeadParts], Plan]) -> None:
        self._make = make
        self._memo: dict[tuple[int, tuple[Field, ...]], Plan] = {}
        #: id of a tuple of fields -> (the tuple, status, plan): the quick way for a tuple that comes again, which hashing is not.
        self._by_identity: dict[int, tuple[tuple[Field, ...], int, Plan]] = {}

    def find(self, status: int, fields: Fields) -> Plan:
        """The plan of a head, remembered.  Raises: UsageError for fields that cannot be sent."""
        known = self._by_identity.get(id(fields))
        if known is not None and known[0] is fields and known[1] == status:
            return known[2]
        key = (status, fields if type(fields) is tuple else tuple(fields))
        plan = self._memo.get(key)
        if plan is None:
            plan = self._make(split_head(*key))
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[key] = plan
        if type(fields) is tuple:
            if len(self._by_identity) >= _MEMO_SIZE:
                self._by_identity.clear()
            self._by_identity[id(fields)] = (fields, status, plan)
        return plan
