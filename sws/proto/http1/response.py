# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Response heads as octets, and what a head says about its own framing.  RFC 9112 §4, §6.

A server answers with few different sets of fields, often the very same tuple for a file as long as it does not change.  So the
octets of a head and the facts read from it are one `HeadPlan`, kept in a bounded memo under (status, fields); only Date and
the framing and connection fields, which depend on the request, are appended for each response.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from sws.base.engine import Field, Fields
from sws.base.errors import UsageError
from sws.proto.http.status import REASONS

__all__ = ["HeadPlan", "encode_fields", "plan_head"]

_MEMO_SIZE: Final = 1024
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE: Final = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_OWN_FIELDS: Final = frozenset((b"transfer-encoding", b"connection", b"keep-alive", b"proxy-connection"))


@final
@dataclass(frozen=True, slots=True)
class HeadPlan:
    """A response head in octets, without its empty line.

    Attributes:
      block:           status line and field lines.
      content_length:  what the fields declare, or None.
      has_date:        the fields carry a Date of their own (a proxied response).
      close:           the handler asked for `Connection: close`.
      whole:           `content_length`, if the block needs nothing but a Date to be the head of a 200; else -1.
      upgrade:         the fields offer or name another protocol; the block then has `Connection: upgrade` (RFC 9110 §7.8).
    """

    block: bytes
    content_length: int | None
    has_date: bool
    close: bool
    upgrade: bool
    whole: int


def encode_fields(fields: Fields) -> bytes:
    """Field lines.  Raises: UsageError for a name or value that could be read as anything but itself (response splitting)."""
    lines: list[bytes] = []
    for name, value in fields:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise UsageError("a field that cannot be sent")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def _make_plan(status: int, fields: tuple[Field, ...]) -> HeadPlan:
    if not 100 <= status <= 599:
        raise UsageError("a status code has three digits")
    sent: list[Field] = []
    length: int | None = None
    close = has_date = upgrade = False
    for name, value in fields:
        if name == b"connection" and value == b"close":
            close = True
            continue
        if name == b"content-length":
            if length is not None or not value.isdigit():
                raise UsageError("one content-length, in digits")
            length = int(value)
        elif name == b"date":
            has_date = True
        elif name == b"upgrade":
            upgrade = True
        elif name in _OWN_FIELDS:
            raise UsageError("framing and connection fields belong to the engine")
        sent.append((name, value))
    if length is not None and (status < 200 or status == 204):
        raise UsageError("this status has no content-length (RFC 9110 §8.6)")
    line = b"HTTP/1.1 %d %b\r\n" % (status, REASONS.get(status, b""))
    if upgrade:
        sent.append((b"connection", b"upgrade"))
    whole = -1 if length is None or status != 200 or has_date or close or upgrade else length
    return HeadPlan(line + encode_fields(sent), length, has_date, close, upgrade, whole)


_memo: dict[tuple[int, tuple[Field, ...]], HeadPlan] = {}


def plan_head(status: int, fields: Fields) -> HeadPlan:
    """The plan of a head, remembered.  Raises: UsageError for fields that cannot be sent."""
    key = (status, fields if type(fields) is tuple else tuple(fields))
    plan = _memo.get(key)
    if plan is None:
        plan = _make_plan(*key)
        if len(_memo) >= _MEMO_SIZE:
            _memo.clear()
        _memo[key] = plan
    return plan
