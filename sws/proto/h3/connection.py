# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both ends of an HTTP/3 connection have in common.  RFC 9114 §4, §5, §6, §7.

    QUIC events ─▶ receive ─▶ request streams ─▶ frames ─▶ the role ─▶ events of exchanges
                           └▶ PeerStreams (proto.h3.control): control frames, QPACK's streams
    verbs ─▶ frames ─▶ QUIC streams, which queue, order and send them

QUIC does flow control, retransmission and scheduling, so this engine queues nothing: `credit` is the transport's, and priorities are
handed to it.  What it keeps of a stream's octets are a frame that has to be whole and is not, and what came behind a field section that
waits for QPACK's encoder stream; the latter's credit is withheld, so that the stream's window bounds it.

    _streams   those whose exchange is not over, by number
    _highest   the highest request stream seen; `_skipped` are lower ones that have not been (QUIC delivers in any order)
    _waiting   streams without a complete head, and since when
    _uploads   streams whose content is not complete, and when the last of it came

Two kinds of error (§8): H3ConnectionError closes the connection, H3StreamError resets one stream.  Whoever finds one raises it; `receive`
turns it into verbs and events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Final

from sws.base.engine import Aborted, BodyChunk, Datagram, Ended, Event, Fields, FileSpan, Output
from sws.base.errors import H3ConnectionError, H3StreamError, LimitExceeded, QpackError, UsageError
from sws.proto.h3.budgets import Budgets
from sws.proto.h3.capsules import decode_datagram, encode_datagram
from sws.proto.h3.control import PeerStreams
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import FRAME_UNEXPECTED_TYPES, FrameType, StreamType, encode_frame, encode_frame_head, grease
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.settings import PeerSettings, Setting, encode_settings
from sws.proto.h3.states import MESSAGE, Message, MessageInput
from sws.proto.h3.stream import Stream
from sws.proto.http.messages import check_sent
from sws.proto.qpack import Decoder, Encoder
from sws.proto.quic.api import (
    ConnectionClosed,
    DatagramReceived,
    EarlyDataRejected,
    HandshakeDone,
    QuicEvent,
    StopSending,
    StreamData,
    StreamReset,
    StreamsAvailable,
    StreamTransport,
)

__all__ = ["Connection"]

_AWAITED: Final = Message.AWAITED
_CONTENT: Final = Message.CONTENT
_TUNNEL: Final = Message.TUNNEL
_ENDED: Final = Message.ENDED
_CONTROL_ONLY: Final = FRAME_UNEXPECTED_TYPES | {
    FrameType.SETTINGS,
    FrameType.GOAWAY,
    FrameType.MAX_PUSH_ID,
    FrameType.CANCEL_PUSH,
    FrameType.PRIORITY_UPDATE,
    FrameType.PRIORITY_UPDATE_PUSH,
}
_EVERY_STREAM: Final = (1 << 62) - 4
_LINGER: Final = 2.0
Field = tuple[bytes, bytes]


class Connection(ABC):
    """Both roles' base; a role says what HEADERS mean.

    Args:
      transport:  the QUIC connection; its handshake need not be over.
      now:        when it was made.
      limits:     bounds and time-outs.
      chance:     a number nobody expects, for grease (RFC 9114 §7.2.8).
      observe:    told the kind of a defence that had to act; for a metric.
    """

    def __init__(
        self, transport: StreamTransport, now: float, limits: Http3Limits, chance: int, observe: Callable[[str], None] | None
    ) -> None:
        self._transport = transport
        self._limits = limits
        self._client = transport.is_client
        self._now = now
        self._chance = chance
        self._streams: dict[int, Stream] = {}
        self._highest = -4
        self._skipped: set[int] = set()
        self._waiting: dict[int, float] = {}
        self._uploads: dict[int, float] = {}
        self._decoder = Decoder(limits.table, limits.blocked, limits.head)
        self._encoder = Encoder(limits.table)
        self._budgets = Budgets(limits, observe)
        self.peer = PeerSettings()
        self._peer_streams = PeerStreams(self, self._decoder, self._encoder, limits, self._budgets)
        self._ours: dict[int, int] = {}  # stream type -> our unidirectional stream
        self._handshake_done = transport.is_handshake_complete
        self._shutting = False
        self._going_until: float | None = None
        self._last_accepted = _EVERY_STREAM
        self._peer_goaway: int | None = None
        self._quiet_since = now
        self._close_at: float | None = None
        self.error: H3ConnectionError | QpackError | None = None  # what ended the connection, if it was our finding
        self.wants_close = False
        #: Reads spans of files at once, for those who close them soon; else the transport reads them when they leave.
        self.read_span: Callable[[FileSpan], bytes] | None = None
        self._greet()

    def _greet(self) -> None:
        """Our unidirectional streams, SETTINGS first, as soon as the peer lets us open them.  RFC 9114 §6.2, §6.2.1, RFC 9204 §4.2."""
        transport = self._transport
        for kind in (StreamType.CONTROL, StreamType.QPACK_ENCODER, StreamType.QPACK_DECODER):
            if kind in self._ours:
                continue
            try:
                stream = transport.open_stream(True)
            except LimitExceeded:
                return
            self._ours[kind] = stream
            opening = bytes((kind,))
            if kind == StreamType.CONTROL:
                opening += encode_frame(FrameType.SETTINGS, encode_settings(self._settings()))
                opening += encode_frame(grease(self._chance >> 3), b"grease"[: self._chance % 7])
                transport.set_priority(stream, 0, False)
            transport.send_stream_data(stream, opening)
        if self._peer_streams.settings_came:
            self.take_settings(self.peer)
        if -1 not in self._ours:
            try:
                self._ours[-1] = stream = transport.open_stream(True)
            except LimitExceeded:
                return
            transport.send_stream_data(stream, encode_frame_head(grease(self._chance >> 1), 0), True)

    def _settings(self) -> list[tuple[int, int]]:
        limits = self._limits
        values = [
            (int(Setting.QPACK_MAX_TABLE_CAPACITY), limits.table),
            (int(Setting.MAX_FIELD_SECTION_SIZE), limits.head),
            (int(Setting.QPACK_BLOCKED_STREAMS), limits.blocked),
            (grease(self._chance), self._chance & 0x3F),
        ]
        if limits.datagrams:
            values.append((int(Setting.H3_DATAGRAM), 1))
        if limits.connect_protocol and not self._client:
            values.append((int(Setting.ENABLE_CONNECT_PROTOCOL), 1))
        return values

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_read(self) -> bool:
        """QUIC's windows bound what can come."""
        return not self.wants_close

    @property
    def holds_input(self) -> bool:
        """What can be read is read at once."""
        return False

    @property
    def holds_output(self) -> bool:
        """What can leave is the transport's at once."""
        return False

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take the transport's events.  `data` is empty: what came is in the transport already.

        Raises: UsageError for octets; they belong into the transport.
        """
        if data:
            raise UsageError("octets are for the transport")
        return self.take(self._transport.take_events(), now)

    def take(self, transport_events: Iterable[QuicEvent], now: float) -> list[Event]:
        """`receive`, for who has taken the transport's events already."""
        self._now = now
        events: list[Event] = []
        for event in transport_events:
            if self.wants_close and type(event) is not ConnectionClosed:
                continue
            try:
                self._on_event(event, now, events)
            except (H3ConnectionError, QpackError) as error:
                self._fail(error, events)
        self._flush()
        return events

    def receive_eof(self, now: float) -> list[Event]:
        """The transport is gone."""
        return self._abort_all("the connection closed")

    def _on_event(self, event: QuicEvent, now: float, events: list[Event]) -> None:
        kind = type(event)
        if kind is StreamData:
            self._on_data(event.stream, event.data, event.fin, now, events)  # type: ignore[union-attr]
        elif kind is StreamReset:
            self._on_reset(event.stream, event.code, now, events)  # type: ignore[union-attr]
        elif kind is StopSending:
            self._on_stop(event.stream, event.code, now, events)  # type: ignore[union-attr]
        elif kind is HandshakeDone:
            self._handshake_done = True
            self._greet()
        elif kind is StreamsAvailable:
            self._greet()
        elif kind is DatagramReceived:
            self._on_datagram(event.data, now, events)  # type: ignore[union-attr]
        elif kind is EarlyDataRejected:
            self._ours.clear()
            events.extend(self._forget_all("0-RTT was not accepted: it may be sent again"))
            self._greet()
        elif kind is ConnectionClosed:
            events.extend(self._abort_all(f"the connection closed: {ErrorCode.name_of(event.code)}"))  # type: ignore[union-attr]

    def _on_data(self, number: int, data: bytes, fin: bool, now: float, events: list[Event]) -> None:
        if number & 2:
            self._transport.consumed(number, len(data))
            for freed in self._peer_streams.receive(number, data, fin, now, events):
                stream = self._streams.get(freed)
                if stream is not None:
                    self._guarded(stream, b"", True, now, events)
            return
        stream = self._streams.get(number)
        if stream is None:
            stream = self._unknown_stream(number, now)
            if stream is None:
                self._transport.consumed(number, len(data))
                return
        stream.fin = fin
        self._guarded(stream, data, False, now, events)

    @abstractmethod
    def _unknown_stream(self, number: int, now: float) -> Stream | None:
        """Data for a stream that has no exchange: a new one, or None where nobody wants it."""

    def _guarded(self, stream: Stream, data: bytes, resume: bool, now: float, events: list[Event]) -> None:
        try:
            self._read(stream, data, resume, now, events)
        except H3StreamError as error:
            self._stream_failed(error, now, events)

    def _read(self, stream: Stream, data: bytes, resume: bool, now: float, events: list[Event]) -> None:
        """Frames of a request stream, as far as they have come; credit for all that is not content goes back at once."""
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
            while not stream.is_blocked and (piece := reader.read()) is not None:
                if stream.discards and stream.heard is _ENDED:
                    break
                kind, payload = piece
                if kind == 0:
                    self._on_content(stream, payload or b"", now, events)
                elif kind == 1:
                    self._on_section(stream, payload or b"", False, now, events)
                elif kind in _CONTROL_ONLY:
                    raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "a frame that does not belong on a request stream")
                elif kind == FrameType.PUSH_PROMISE:
                    self._on_push_promise(payload or b"")
                elif payload is None:
                    self._budgets.spend("unknown", now)
            if stream.is_blocked:
                stream.withheld = reader.waiting
            elif stream.fin and stream.heard is not _ENDED and stream.number in self._streams:
                if not reader.is_between:
                    raise H3ConnectionError(ErrorCode.H3_FRAME_ERROR, "a stream that ends within a frame")
                self._peer_ended(stream, now, events)
        finally:
            size -= max(0, stream.unconsumed - before) + stream.withheld
            if size:
                self._transport.consumed(stream.number, size)

    def _on_content(self, stream: Stream, content: bytes, now: float, events: list[Event]) -> None:
        """DATA.  RFC 9114 §7.2.1."""
        if MESSAGE.step((stream.heard, MessageInput.DATA)) is None:
            raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "DATA outside of a message's content")
        size = len(content)
        if not size:
            if not stream.reader.is_inside:
                self._budgets.spend("empty", now)
            return
        stream.received += size
        if stream.expected is not None and stream.received > stream.expected:
            raise H3StreamError(stream.number, ErrorCode.H3_MESSAGE_ERROR, "content and content-length differ")
        if stream.number in self._uploads:
            del self._uploads[stream.number]
            self._uploads[stream.number] = now
        stream.holds = False
        if not stream.discards:
            stream.unconsumed += size
            events.append(BodyChunk(stream.number, content))
            self._content_grew(stream, events)

    def _content_grew(self, stream: Stream, events: list[Event]) -> None:  # noqa: B027  a role may leave it
        """A role's bound on content."""

    def _on_section(self, stream: Stream, section: bytes, resume: bool, now: float, events: list[Event]) -> None:
        """HEADERS, or the field section that was blocked."""
        number = stream.number
        if stream.heard is not _AWAITED and stream.heard is not _CONTENT:
            raise H3ConnectionError(ErrorCode.H3_FRAME_UNEXPECTED, "HEADERS behind the end of a message")
        fields: list[Field] | None
        try:
            fields = self._decoder.resume(number) if resume else self._decoder.decode(number, section)
            if fields is None:
                stream.is_blocked = True
                return
        except LimitExceeded:
            fields = None
        ended = stream.fin and stream.reader.is_between
        if stream.discards:
            return
        if stream.heard is _AWAITED:
            self._on_head(stream, fields, ended, now, events)
        else:
            self._on_trailers(stream, fields, now, events)

    @abstractmethod
    def _on_head(self, stream: Stream, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """The head of a message; None for one that is too large."""

    @abstractmethod
    def _on_trailers(self, stream: Stream, fields: list[Field] | None, now: float, events: list[Event]) -> None:
        """Trailer fields."""

    @abstractmethod
    def _on_push_promise(self, payload: bytes) -> None:
        """A promise of the server, or the fault of a client.  RFC 9114 §7.2.5"""

    def _peer_ended(self, stream: Stream, now: float, events: list[Event]) -> None:
        """The last octet of the peer's message came."""
        number = stream.number
        state = MESSAGE.step((stream.heard, MessageInput.END))
        if state is None:
            raise H3StreamError(number, ErrorCode.H3_REQUEST_INCOMPLETE, "a stream that ends before its message does")
        if stream.expected is not None and stream.received != stream.expected and not stream.discards:
            raise H3StreamError(number, ErrorCode.H3_MESSAGE_ERROR, "content and content-length differ")
        stream.heard = state
        self._uploads.pop(number, None)
        if not stream.discards:
            events.append(Ended(number))
        if stream.said is _ENDED:
            self._remove(stream)

    def consumed(self, stream: int, octets: int) -> None:
        """Give back receive credit."""
        state = self._streams.get(stream)
        if state is not None:  # else it went back when the exchange ended
            octets = min(octets, state.unconsumed)
            state.unconsumed -= octets
            self._transport.consumed(stream, octets)

    # --- the peer takes back -------------------------------------------------------------------------------------

    def _on_reset(self, number: int, code: int, now: float, events: list[Event]) -> None:
        """RESET_STREAM: the peer's message will not be complete."""
        if number & 2:
            self._peer_streams.reset(number)
            return
        stream = self._streams.get(number)
        if stream is None:
            if self._unknown_stream(number, now) is None:
                return
            stream = self._streams[number]
        self._decoder.cancel(number)
        if stream.discards and stream.said is not _ENDED and code == ErrorCode.H3_NO_ERROR:
            stream.heard = _ENDED
            return
        self._transport.reset_stream(number, ErrorCode.H3_REQUEST_CANCELLED)
        told = stream.heard is not _AWAITED or self._client
        self._remove(stream)
        if told and not (stream.discards and stream.said is _ENDED):
            events.append(Aborted(number, f"reset by the peer: {ErrorCode.name_of(code)}"))
        if not self._client:
            self._budgets.spend("reset", now)

    def _on_stop(self, number: int, code: int, now: float, events: list[Event]) -> None:
        """STOP_SENDING: the peer reads no more of our message."""
        if number & 2:
            if number in self._ours.values() and number != self._ours.get(-1):
                raise H3ConnectionError(ErrorCode.H3_CLOSED_CRITICAL_STREAM, "the peer reads a critical stream no more")
            return
        stream = self._streams.get(number)
        if stream is None or stream.said is _ENDED:
            return
        self._stopped(stream, code, now, events)

    @abstractmethod
    def _stopped(self, stream: Stream, code: int, now: float, events: list[Event]) -> None:
        """The peer wants no more of our message: a response cut short, or a request taken back.  RFC 9114 §4.1.1"""

    def _on_datagram(self, payload: bytes, now: float, events: list[Event]) -> None:
        """RFC 9297 §2.1; what belongs to no exchange is dropped."""
        number, data = decode_datagram(payload)
        stream = self._streams.get(number)
        if not self._limits.datagrams or stream is None or stream.heard is _AWAITED or stream.discards:
            self._budgets.spend("datagram", now)
            return
        events.append(Datagram(number, data))

    # --- what PeerStreams reports --------------------------------------------------------------------------------

    def take_settings(self, settings: PeerSettings) -> None:
        """The peer's SETTINGS.  RFC 9114 §7.2.4.2, RFC 9297 §2.1.1."""
        if settings.datagrams and not self._transport.datagram_limit():
            raise H3ConnectionError(ErrorCode.H3_SETTINGS_ERROR, "SETTINGS_H3_DATAGRAM without QUIC datagrams")
        self.peer = settings
        if StreamType.QPACK_ENCODER in self._ours:
            self._encoder.set_limits(settings.table, settings.blocked)
            self._flush()

    @abstractmethod
    def take_goaway(self, identifier: int, events: list[Event]) -> None:
        """GOAWAY.  RFC 9114 §5.2."""

    @abstractmethod
    def take_max_push_id(self, identifier: int) -> None:
        """MAX_PUSH_ID.  RFC 9114 §7.2.7."""

    @abstractmethod
    def take_priority_update(self, element: int, value: bytes, push: bool) -> None:
        """PRIORITY_UPDATE.  RFC 9218 §7.2."""

    # --- sending -------------------------------------------------------------------------------------------------

    def _stream(self, number: int) -> Stream:
        stream = self._streams.get(number)
        if stream is None:
            raise UsageError(f"there is no stream {number}")
        return stream

    def _say(self, stream: Stream, said: MessageInput) -> None:
        state = MESSAGE.step((stream.said, said))
        if state is None:
            raise UsageError(f"{said.name} is not possible on stream {stream.number} now")
        stream.said = state

    def _encode(self, number: int, fields: list[Field]) -> bytes:
        """A field section; what it needs on the encoder stream leaves first."""
        self._encoder.room = self._encoder_room()
        section = self._encoder.encode(number, fields)
        self._flush()
        return section

    def _encoder_room(self) -> int:
        """RFC 9204 §2.1.3."""
        stream = self._ours.get(StreamType.QPACK_ENCODER)
        return 0 if stream is None else self._transport.stream_credit(stream)

    def _flush(self) -> None:
        """QPACK's instructions."""
        out = self._encoder.data_to_send()
        if out:
            self._transport.send_stream_data(self._ours[StreamType.QPACK_ENCODER], out)
        stream = self._ours.get(StreamType.QPACK_DECODER)
        if stream is not None:
            out = self._decoder.data_to_send()
            if out:
                self._transport.send_stream_data(stream, out)

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content, or octets of a tunnel."""
        state = self._stream(stream)
        length = data.length if isinstance(data, FileSpan) else len(data)
        if MESSAGE.step((state.said, MessageInput.DATA)) is None:
            raise UsageError(f"no content is possible on stream {stream}")
        if state.owed is not None:
            if length > state.owed or (ended and length < state.owed):
                raise UsageError("content and its declared length differ")
            state.owed -= length
        transport = self._transport
        if isinstance(data, FileSpan):
            if length and self.read_span is not None:
                transport.send_stream_data(stream, encode_frame_head(0, length) + self.read_span(data), ended)
            elif length:
                transport.send_stream_data(stream, encode_frame_head(0, length))
                transport.send_stream_data(stream, data, ended)
            elif ended:
                transport.send_stream_data(stream, b"", True)
        elif length or ended:
            transport.send_stream_data(stream, encode_frame_head(0, length) + data if length else b"", ended)
        if ended:
            self._said_end(state)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """Trailer fields, which end the message.  RFC 9114 §4.1."""
        state = self._stream(stream)
        if state.owed:
            raise UsageError("content and its declared length differ")
        trailers = check_sent(fields)
        self._say(state, MessageInput.TRAILERS)
        frame = encode_frame(1, self._encode(stream, trailers)) if trailers else b""
        self._transport.send_stream_data(stream, frame, True)
        self._said_end(state)

    def _said_end(self, stream: Stream) -> None:
        """Our FIN was queued."""
        stream.said = _ENDED
        if stream.heard is _ENDED:
            self._remove(stream)
        else:
            self._message_complete(stream)

    def _message_complete(self, stream: Stream) -> None:  # noqa: B027  a role may leave it
        """Our message is complete and the peer's is not."""

    def send_datagram(self, stream: int, data: bytes) -> bool:
        """An HTTP datagram (RFC 9297 §2.1); False if the peer takes none, or it is too large, or too many wait."""
        self._stream(stream)
        return self.peer.datagrams and self._transport.send_datagram(encode_datagram(stream, data))

    def reset(self, stream: int, reason: str) -> None:
        """Give the exchange up; other streams go on."""
        state = self._streams.get(stream)
        if state is not None:
            self._give_up(state, ErrorCode.H3_REQUEST_CANCELLED if self._client else ErrorCode.H3_INTERNAL_ERROR)

    def _give_up(self, stream: Stream, code: int) -> None:
        """Both parts of a stream.  RFC 9114 §4.1.1."""
        transport = self._transport
        if stream.said is not _ENDED:
            transport.reset_stream(stream.number, code)
        if stream.heard is not _ENDED:
            if not stream.fin:
                transport.stop_sending(stream.number, code)
            self._decoder.cancel(stream.number)
        self._remove(stream)

    def credit(self, stream: int) -> int:
        """How many octets may be queued now."""
        return self._transport.stream_credit(stream) if stream in self._streams else 0

    def data_to_send(self, now: float) -> list[Output]:
        """Nothing: what has to leave is the transport's, which takes the last of it now."""
        self._now = now
        self._flush()
        return []

    # --- the end -------------------------------------------------------------------------------------------------

    def _remove(self, stream: Stream) -> None:
        number = stream.number
        del self._streams[number]
        self._waiting.pop(number, None)
        self._uploads.pop(number, None)
        if stream.unconsumed or stream.withheld:
            self._transport.consumed(number, stream.unconsumed + stream.withheld)
        if not self._streams:
            self._quiet_since = self._now
            self._close_when_done()

    def _stream_failed(self, error: H3StreamError, now: float, events: list[Event]) -> None:
        """RFC 9114 §8."""
        stream = self._streams.get(error.stream)
        if stream is None:
            return
        told = stream.heard is not _AWAITED or self._client
        self._give_up(stream, error.code)
        if told and not (stream.discards and stream.said is _ENDED):
            events.append(Aborted(error.stream, error.reason))
        if not self._client:
            self._budgets.spend("reset", now)

    def _forget_all(self, reason: str) -> list[Event]:
        gone = sorted(number for number, stream in self._streams.items() if stream.heard is not _AWAITED or self._client)
        self._streams.clear()
        self._waiting.clear()
        self._uploads.clear()
        return [Aborted(number, reason) for number in gone]

    def _abort_all(self, reason: str) -> list[Event]:
        self.wants_close = True
        self._close_at = self._going_until = None
        return self._forget_all(reason)

    def _fail(self, error: H3ConnectionError | QpackError, events: list[Event]) -> None:
        """RFC 9114 §8."""
        self.error = error
        self._transport.close(error.code, error.reason)
        events.extend(self._abort_all(error.reason))

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Two steps, so that no request that is on its way is lost (RFC 9114 §5.2): GOAWAY for all streams, and after `patience` for those
        that have not come.  Without patience, or as a client, the last step at once.
        """
        self._now = now
        if not self._shutting and not self.wants_close:
            self._shutting = True
            if patience > 0 and not self._client:
                self._send_goaway(_EVERY_STREAM)
                self._going_until = now + patience
            else:
                self._go_away()
        return []

    def _go_away(self) -> None:
        """The last step."""
        self._going_until = None
        self._last_accepted = 0 if self._client else self._highest + 4
        self._send_goaway(self._last_accepted)
        self._close_when_done()

    def _send_goaway(self, identifier: int) -> None:
        stream = self._ours.get(StreamType.CONTROL)
        if stream is not None:
            self._transport.send_stream_data(stream, encode_frame(FrameType.GOAWAY, encode_frame_head(identifier, 0)[:-1]))

    def _close_when_done(self) -> None:
        """A client that has all it wants closes; a server leaves its last octets the time to arrive."""
        if self._streams or self._going_until is not None or self.wants_close:
            return
        if self._client:
            if self._shutting or self._peer_goaway is not None:
                self._transport.close(ErrorCode.H3_NO_ERROR)
                self.wants_close = True
        elif self._shutting and self._close_at is None:
            self._close_at = self._now + _LINGER

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `handle_timeout` has something to do."""
        if self.wants_close:
            return None
        limits = self._limits
        times = [time for time in (self._close_at, self._going_until, self._quiet_deadline()) if time is not None]
        if self._waiting:
            times.append(next(iter(self._waiting.values())) + limits.head_timeout)
        if self._uploads:
            times.append(next(iter(self._uploads.values())) + limits.body_timeout)
        return min(times, default=None)

    def _quiet_deadline(self) -> float | None:
        """When a connection without streams has been so for too long."""
        return None

    def handle_timeout(self, now: float) -> list[Event]:
        """Time has come."""
        self._now = now
        events: list[Event] = []
        if self.wants_close:
            return events
        if self._close_at is not None and now >= self._close_at:
            self._transport.close(ErrorCode.H3_NO_ERROR)
            return self._abort_all("the connection closed")
        if self._going_until is not None and now >= self._going_until:
            self._go_away()
        quiet = self._quiet_deadline()
        if quiet is not None and now >= quiet:
            self.shutdown(now)
        try:
            self._check_streams(now, events)
        except H3ConnectionError as error:
            self._fail(error, events)
        return events

    def _check_streams(self, now: float, events: list[Event]) -> None:
        limits = self._limits
        while self._waiting:
            number, since = next(iter(self._waiting.items()))
            if now < since + limits.head_timeout:
                break
            self._budgets.note("slow_head")
            self._stream_failed(H3StreamError(number, ErrorCode.H3_REQUEST_CANCELLED, "the head came too slowly"), now, events)
        while self._uploads:
            number, last = next(iter(self._uploads.items()))
            if now < last + limits.body_timeout:
                break
            self._too_slow(self._streams[number], now, events)

    def _too_slow(self, stream: Stream, now: float, events: list[Event]) -> None:
        """Content that does not come."""
        self._budgets.note("slow_body")
        self._stream_failed(H3StreamError(stream.number, ErrorCode.H3_REQUEST_CANCELLED, "the content came too slowly"), now, events)
