# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The unidirectional streams that the peer opens: control, QPACK's two, push, and unknown ones.  RFC 9114 §6.2, §7.2, RFC 9204 §4.2."""

from __future__ import annotations

from typing import Final, Protocol, final
from weakref import proxy

from sws.base.engine import Event
from sws.base.errors import H3ConnectionError
from sws.proto.h3.budgets import Budgets
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import (
    FRAME_UNEXPECTED_TYPES,
    FrameReader,
    FrameType,
    StreamType,
    decode_id,
    decode_priority_update,
    read_varint,
)
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.settings import PeerSettings, decode_settings
from sws.proto.h3.stream import PeerStream
from sws.proto.qpack import Decoder, Encoder
from sws.proto.quic.api import StreamTransport

__all__ = ["Owner", "PeerStreams"]

_NOT_HERE: Final = FRAME_UNEXPECTED_TYPES | {FrameType.DATA, FrameType.HEADERS, FrameType.PUSH_PROMISE}
_DISCARDED: Final = -2
_NONE: Final[list[int]] = []


class Owner(Protocol):
    """Who is told what the control stream says: the connection."""

    _transport: StreamTransport

    def take_settings(self, settings: PeerSettings) -> None:
        """SETTINGS."""

    def take_goaway(self, identifier: int, events: list[Event]) -> None:
        """GOAWAY."""

    def take_max_push_id(self, identifier: int) -> None:
        """MAX_PUSH_ID."""

    def take_priority_update(self, element: int, value: bytes, push: bool) -> None:
        """PRIORITY_UPDATE."""


@final
class PeerStreams:
    """The streams by number."""

    __slots__ = ("_budgets", "_decoder", "_encoder", "_limits", "_owner", "_streams", "_types", "settings_came")

    def __init__(self, owner: Owner, decoder: Decoder, encoder: Encoder, limits: Http3Limits, budgets: Budgets) -> None:
        self._owner: Owner = proxy(owner)  # it owns us: with a reference back, both would wait for the collector
        self._decoder = decoder
        self._encoder = encoder
        self._limits = limits
        self._budgets = budgets
        self._streams: dict[int, PeerStream] = {}
        self._types: dict[int, int] = {}  # critical type -> stream
        self.settings_came = False

    def receive(self, number: int, data: bytes, fin: bool, now: float, events: list[Event]) -> list[int]:
        """Octets of a stream; returns the request streams that QPACK blocks no longer.  Raises: H3ConnectionError, QpackError."""
        stream = self._streams.get(number)
        if stream is None:
            stream = self._streams[number] = PeerStream()
        if stream.kind == -1:
            data = stream.rest + data
            try:
                stream.kind, offset = read_varint(data, 0)
            except IndexError:
                stream.rest = data
                if fin:  # RFC 9114 §6.2: a stream may end before its type has come
                    del self._streams[number]
                return _NONE
            data = data[offset:]
            stream.rest = b""
            self._opened(number, stream, now)
        kind = stream.kind
        freed = _NONE
        if kind == StreamType.CONTROL:
            self._on_control(stream, data, now, events)
        elif kind == StreamType.QPACK_ENCODER:
            freed = self._decoder.receive(data)
        elif kind == StreamType.QPACK_DECODER:
            self._encoder.receive(data)
        if fin:
            self.reset(number)
        return freed

    def reset(self, number: int) -> None:
        """The stream ended or was reset; a critical one may not.  RFC 9114 §6.2.1, RFC 9204 §4.2."""
        stream = self._streams.pop(number, None)
        if stream is not None and self._types.get(stream.kind) == number:
            raise H3ConnectionError(ErrorCode.H3_CLOSED_CRITICAL_STREAM, "a critical stream that ends")

    def _opened(self, number: int, stream: PeerStream, now: float) -> None:
        """The type of a stream came."""
        kind = stream.kind
        transport = self._owner._transport
        if kind in (StreamType.CONTROL, StreamType.QPACK_ENCODER, StreamType.QPACK_DECODER):
            if kind in self._types:
                raise H3ConnectionError(ErrorCode.H3_STREAM_CREATION_ERROR, "a second stream of a kind that comes once")
            self._types[kind] = number
            if kind == StreamType.CONTROL:
                stream.reader = FrameReader(self._limits.frame)
        elif kind == StreamType.PUSH:
            if not transport.is_client:
                raise H3ConnectionError(ErrorCode.H3_STREAM_CREATION_ERROR, "a push stream from a client")
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "a push that was not allowed")
        else:
            stream.kind = _DISCARDED
            self._budgets.spend("unknown", now)
            transport.stop_sending(number, ErrorCode.H3_STREAM_CREATION_ERROR)

    def _on_control(self, stream: PeerStream, data: bytes, now: float, events: list[Event]) -> None:
        """RFC 9114 §6.2.1, §7.2."""
        reader = stream.reader
        if reader is None:
            return
        reader.feed(data)
        while (piece := reader.read()) is not None:
            kind, payload = piece
            if not self.settings_came:
                if kind != FrameType.SETTINGS:
                    raise H3ConnectionError(ErrorCode.H3_MISSING_SETTINGS, "a control stream that does not begin with SETTINGS")
                self.settings_came = True
                self._owner.take_settings(decode_settings(payload or b""))
            elif kind in _NOT_HERE or kind == FrameType.SETTINGS:
                raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "a frame that does not belong on a control stream")
            elif kind not in _HANDLED:
                if payload is None:
                    self._budgets.spend("unknown", now)
            else:
                self._budgets.spend("priority" if kind >= FrameType.PRIORITY_UPDATE else "control", now)
                self._control_frame(kind, payload or b"", events)

    def _control_frame(self, kind: int, payload: bytes, events: list[Event]) -> None:
        owner = self._owner
        if kind == FrameType.GOAWAY:
            owner.take_goaway(decode_id(payload), events)
        elif kind == FrameType.MAX_PUSH_ID:
            owner.take_max_push_id(decode_id(payload))
        elif kind == FrameType.CANCEL_PUSH:
            decode_id(payload)
            raise H3ConnectionError(ErrorCode.H3_ID_ERROR, "CANCEL_PUSH of a push that was not promised")  # RFC 9114 §7.2.3
        else:
            owner.take_priority_update(*decode_priority_update(payload), kind == FrameType.PRIORITY_UPDATE_PUSH)


_HANDLED: Final = frozenset(
    (FrameType.GOAWAY, FrameType.MAX_PUSH_ID, FrameType.CANCEL_PUSH, FrameType.PRIORITY_UPDATE, FrameType.PRIORITY_UPDATE_PUSH)
)
