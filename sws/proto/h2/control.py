# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Frames that carry no message: what each of them changes.  RFC 9113 §5.5, §6.3 to §6.9, RFC 9218 §7.1.

Each kind that costs us more than the peer has a budget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, final

from sws.base.engine import Aborted, Event
from sws.base.errors import H2ConnectionError
from sws.proto.h2.agreement import Agreement
from sws.proto.h2.budgets import Budgets
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import (
    Flag,
    FrameHeader,
    FrameType,
    decode_goaway,
    decode_ping,
    decode_priority,
    decode_push_promise,
    decode_rst_stream,
    decode_window_update,
    encode_ping,
)
from sws.proto.h2.life import Life
from sws.proto.h2.priority import DependencyTree
from sws.proto.h2.sending import Sender
from sws.proto.h2.states import Message
from sws.proto.h2.streams import StreamTable

__all__ = ["ControlFrames"]

_Update: TypeAlias = Callable[[FrameHeader, bytes, float], None]
# Comparing with a member of an enumeration costs more than with a number (CPython 3.11).
_RST_STREAM: Final = int(FrameType.RST_STREAM)
_SETTINGS: Final = int(FrameType.SETTINGS)
_PING: Final = int(FrameType.PING)
_WINDOW_UPDATE: Final = int(FrameType.WINDOW_UPDATE)


@final
class ControlFrames:
    """Those of one connection.

    Args:
      client:  our role.
      tree:    if streams are served by the dependency tree of RFC 7540.
      update:  takes PRIORITY_UPDATE.
    """

    __slots__ = ("_agreement", "_budgets", "_client", "_life", "_sender", "_table", "_tree", "_update")

    def __init__(
        self,
        client: bool,
        table: StreamTable,
        sender: Sender,
        agreement: Agreement,
        life: Life,
        budgets: Budgets,
        tree: DependencyTree | None,
        update: _Update,
    ) -> None:
        self._client = client
        self._table = table
        self._sender = sender
        self._agreement = agreement
        self._life = life
        self._budgets = budgets
        self._tree = tree
        self._update = update

    def take(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        """A frame of any type but DATA, HEADERS and CONTINUATION.  Raises: H2ConnectionError, H2StreamError."""
        kind = header.type
        if kind == _WINDOW_UPDATE:
            self._on_window_update(header, payload, now)
        elif kind == _SETTINGS:
            if self._agreement.take(header, payload, self._table.streams, now):
                self._budgets.spend("settings", now)
        elif kind == _PING:
            self._on_ping(header, payload, now)
        elif kind == _RST_STREAM:
            self._on_rst_stream(header, payload, now, events)
        elif kind == FrameType.PRIORITY:
            self._on_priority(header, payload, now)
        elif kind == FrameType.GOAWAY:
            self._on_goaway(header, payload, now, events)
        elif kind == FrameType.PUSH_PROMISE:
            decode_push_promise(header, payload)
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE, which nobody here allows")
        elif kind == FrameType.PRIORITY_UPDATE:
            self._update(header, payload, now)
        else:
            self._budgets.spend("unknown", now)  # RFC 9113 §5.5: ignored

    def _on_window_update(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.9."""
        number = header.stream
        if number and self._table.is_idle(number):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE for an idle stream")
        increment = decode_window_update(header, payload)
        self._budgets.spend("window_update", now)
        self._sender.add_window(number, increment, now)

    def _on_ping(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.7."""
        octets = decode_ping(header, payload)
        if not header.flags & Flag.ACK:
            self._budgets.spend("ping", now)
            self._sender.answer(encode_ping(octets, ack=True))
        else:
            self._life.came_back()

    def _on_rst_stream(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        """RFC 9113 §6.4: dropped if it comes late."""
        code = decode_rst_stream(header, payload)
        number = header.stream
        if self._table.is_idle(number):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM for an idle stream")
        stream = self._table.streams.get(number)
        if stream is None:
            return
        is_complete = stream.said is Message.ENDED and not stream.queued
        self._table.break_off(stream, now)
        events.append(Aborted(number, f"reset by the peer: {ErrorCode.name_of(code)}"))
        if not self._client and not is_complete:
            self._budgets.spend("rapid_reset", now)

    def _on_priority(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.3: parsed in any case, used with the dependency tree only."""
        dependency = decode_priority(header, payload)
        self._budgets.spend("priority", now)
        if self._tree is not None and not self._agreement.peer.no_tree:
            self._tree.depend(header.stream, dependency)

    def _on_goaway(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        """RFC 9113 §6.8: nothing new, and what a server did not process it will not."""
        last, code, _ = decode_goaway(header, payload)
        self._life.peer_goes(code)
        if self._client:
            for number in sorted(number for number in self._table.streams if number > last):
                self._table.break_off(self._table.streams[number], now)
                events.append(Aborted(number, "the server went away before it processed this: it may be sent again"))
        self._life.close_when_done()
