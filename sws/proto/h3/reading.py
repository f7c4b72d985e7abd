# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Request streams as they come: frames out of octets, messages out of frames.  RFC 9114 §4.1, §7.1, §7.2.1, §7.2.2.

    octets ─▶ FrameReader of the stream ─▶ DATA      content, for the exchange
                                        └▶ HEADERS   QPACK ─▶ the role: a head, or trailers

What is kept of a stream's octets are a frame that has to be whole and is not, and what came behind a field section that waits for QPACK's
encoder stream; the latter's credit is withheld, so that the stream's window bounds it.
"""

from __future__ import annotations

from typing import Final, Protocol, final
from weakref import proxy

from sws.base.engine import BodyChunk, Ended, Event, Field
from sws.base.errors import H3ConnectionError, H3StreamError, LimitExceeded
from sws.proto.h3.budgets import Budgets
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import FRAME_UNEXPECTED_TYPES, FrameType
from sws.proto.h3.states import MESSAGE, Message, MessageInput
from sws.proto.h3.stream import Stream
from sws.proto.h3.streams import StreamTable
from sws.proto.qpack import Decoder
from sws.proto.quic.api import StreamTransport

__all__ = ["RequestReader", "Role"]

_AWAITED: Final = Message.AWAITED
_CONTENT: Final = Message.CONTENT
_ENDED: Final = Message.ENDED
_DATA: Final = MessageInput.DATA
_END: Final = MessageInput.END
_CONTROL_ONLY: Final = FRAME_UNEXPECTED_TYPES | {
    FrameType.SETTINGS,
    FrameType.GOAWAY,
    FrameType.MAX_PUSH_ID,
    FrameType.CANCEL_PUSH,
    FrameType.PRIORITY_UPDATE,
    FrameType.PRIORITY_UPDATE_PUSH,
}


class Role(Protocol):
    """Who says what messages mean: the connection."""

    def on_head(self, stream: Stream, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """The head of a message; None for one that is too large."""

    def on_trailers(self, stream: Stream, fields: list[Field] | None, now: float, events: list[Event]) -> None:
        """Trailer fields."""

    def on_push_promise(self, payload: bytes) -> None:
        """A promise of the server, or the fault of a client.  RFC 9114 §7.2.5"""

    def content_grew(self, stream: Stream, events: list[Event]) -> None:
        """A role's bound on content."""


@final
class RequestReader:
    """Reads the request streams of one connection."""

    __slots__ = ("_budgets", "_decoder", "_role", "_table", "_transport")

    def __init__(self, role: Role, transport: StreamTransport, table: StreamTable, decoder: Decoder, budgets: Budgets) -> None:
        self._role: Role = proxy(role)  # it owns us: with a reference back, both would wait for the collector
        self._transport = transport
        self._table = table
        self._decoder = decoder
        self._budgets = budgets

    def read(self, stream: Stream, data: bytes, resume: bool, now: float, events: list[Event]) -> None:
        """Octets of a stream; an error of the stream ends it.

        Args:
          resume:  QPACK has what the field section waited for.
        """
        try:
            self._read(stream, data, resume, now, events)
        except H3StreamError as error:
            self._table.fail(error, now, events)

    def _read(self, stream: Stream, data: bytes, resume: bool, now: float, events: list[Event]) -> None:
        """Frames, as far as they have come; credit for all that is not content goes back at once."""
        if stream.refused:
            self._transport.consumed(stream.number, len(data))
            return
        reader = stream.reader
        size = len(data) + stream.withheld
        reader.feed(data)
        if resume:
            stream.is_blocked = False
        elif stream.is_blocked:
            stream.withheld = size
            return
        stream.withheld = 0
        before = stream.unconsumed
        try:
            if resume:
                self._on_section(stream, b"", True, now, events)
            self._frames(stream, now, events)
            if stream.is_blocked:
                stream.withheld = reader.waiting
            elif stream.fin and stream.heard is not _ENDED and stream.number in self._table.streams:
                if not reader.is_between:
                    raise H3ConnectionError(ErrorCode.H3_FRAME_ERROR, "a stream that ends within a frame")
                self._peer_ended(stream, events)
        finally:
            size -= max(0, stream.unconsumed - before) + stream.withheld
            if size:
                self._transport.consumed(stream.number, size)

    def _frames(self, stream: Stream, now: float, events: list[Event]) -> None:
        reader = stream.reader
        while not stream.is_blocked and (piece := reader.read()) is not None:
            if stream.refused:
                break
            kind, payload = piece
            if kind == 0:
                self._on_content(stream, payload or b"", now, events)
            elif kind == 1:
                self._on_section(stream, payload or b"", False, now, events)
            elif kind in _CONTROL_ONLY:
                raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "a frame that does not belong on a request stream")
            elif kind == FrameType.PUSH_PROMISE:
                self._role.on_push_promise(payload or b"")
            elif payload is None:
                self._budgets.spend("unknown", now)

    def _on_content(self, stream: Stream, content: bytes, now: float, events: list[Event]) -> None:
        """DATA.  RFC 9114 §7.2.1."""
        if MESSAGE.step((stream.heard, _DATA)) is None:
            raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "DATA outside of a message's content")
        size = len(content)
        if not size:
            if not stream.reader.is_inside:
                self._budgets.spend("empty", now)
            return
        stream.received += size
        if stream.expected is not None and stream.received > stream.expected:
            raise H3StreamError(stream.number, ErrorCode.H3_MESSAGE_ERROR, "content and content-length differ")
        if stream.number in self._table.uploads:
            self._table.upload_went_on(stream.number, now)
        stream.holds = False
        stream.unconsumed += size
        events.append(BodyChunk(stream.number, content))
        self._role.content_grew(stream, events)

    def _on_section(self, stream: Stream, section: bytes, resume: bool, now: float, events: list[Event]) -> None:
        """HEADERS, or the field section that was blocked."""
        if stream.heard is not _AWAITED and stream.heard is not _CONTENT:
            raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "HEADERS behind the end of a message")
        fields: list[Field] | None
        try:
            fields = self._decoder.resume(stream.number) if resume else self._decoder.decode(stream.number, section)
            if fields is None:
                stream.is_blocked = True
                return
        except LimitExceeded:
            fields = None
        if stream.heard is _AWAITED:
            self._role.on_head(stream, fields, stream.fin and stream.reader.is_between, now, events)
        else:
            self._role.on_trailers(stream, fields, now, events)

    def _peer_ended(self, stream: Stream, events: list[Event]) -> None:
        """The last octet of the peer's message came."""
        number = stream.number
        state = MESSAGE.step((stream.heard, _END))
        if state is None:
            raise H3StreamError(number, ErrorCode.H3_REQUEST_INCOMPLETE, "a stream that ends before its message does")
        if stream.expected is not None and stream.received != stream.expected:
            raise H3StreamError(number, ErrorCode.H3_MESSAGE_ERROR, "content and content-length differ")
        stream.heard = state
        self._table.uploads.pop(number, None)
        events.append(Ended(number))
        if stream.said is _ENDED:
            self._table.remove(stream)
