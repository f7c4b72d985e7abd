# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both ends of an HTTP/3 connection have in common: whose event it is, and the verbs.  RFC 9114 §4, §5, §6, §7.

    QUIC events ─▶ receive ─▶ RequestReader ─▶ the role ─▶ events of exchanges
                           └▶ PeerStreams: control frames, QPACK's streams
    verbs ─▶ frames ─▶ QUIC streams, which queue, order and send them

    _streams   those whose exchange is not over, by number (StreamTable says how they end)
    _numbers   what is known of those that are not
    _ours      our unidirectional streams: SETTINGS, GOAWAY, QPACK
    _life      where the connection stands, and GOAWAY of both ends

QUIC does flow control, retransmission and scheduling, so this engine queues nothing: `credit` is the transport's, and priorities are
handed to it.

Two kinds of error (§8): H3ConnectionError closes the connection, H3StreamError resets one stream.  Whoever finds one raises it; `receive`
turns it into verbs and events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Final

from sws.base.engine import Datagram, Event, Field, Fields, FileSpan, Output
from sws.base.errors import H3ConnectionError, H3StreamError, QpackError, UsageError
from sws.proto.h3.budgets import Budgets
from sws.proto.h3.capsules import decode_datagram, encode_datagram
from sws.proto.h3.control import PeerStreams
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.frames import encode_frame, encode_frame_head
from sws.proto.h3.life import Life
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.numbers import StreamNumbers
from sws.proto.h3.outgoing import OurStreams
from sws.proto.h3.reading import RequestReader
from sws.proto.h3.settings import PeerSettings
from sws.proto.h3.states import MESSAGE, Message, MessageInput
from sws.proto.h3.stream import Stream
from sws.proto.h3.streams import StreamTable
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

__all__ = ["DATA_MAXIMUM", "Connection"]

_AWAITED: Final = Message.AWAITED
_ENDED: Final = Message.ENDED
_DATA: Final = MessageInput.DATA
DATA_MAXIMUM: Final = 65536  # octets of content in one frame that we send: there are receivers that take no larger frame


class Connection(ABC):
    """Both roles' base; a role says what HEADERS mean.

    Args:
      transport:  the QUIC connection; its handshake need not be over.
      now:        when it was made.
      limits:     bounds and time-outs.
      chance:     a number nobody expects, for grease (RFC 9114 §7.2.8).
      observe:    told the kind of a defence that had to act; for a metric.
    """

    #: What can be read is read at once, and what can leave is the transport's at once.
    holds_input = False
    holds_output = False

    def __init__(
        self, transport: StreamTransport, now: float, limits: Http3Limits, chance: int, observe: Callable[[str], None] | None
    ) -> None:
        self._transport = transport
        self._limits = limits
        self._client = transport.is_client
        self._streams: dict[int, Stream] = {}
        self._numbers = StreamNumbers()
        self._decoder = Decoder(limits.table, limits.blocked, limits.head)
        self._encoder = Encoder(limits.table)
        self._budgets = Budgets(limits, observe)
        self._ours = OurStreams(transport, limits, self._encoder, self._decoder, chance)
        self._life = Life(transport, self._streams, self._numbers, self._ours, now)
        self._table = StreamTable(self._streams, transport, limits, self._decoder, self._budgets, self._life)
        self._reader = RequestReader(self, transport, self._table, self._decoder, self._budgets)
        self._peer_streams = PeerStreams(self, self._decoder, self._encoder, limits, self._budgets)
        self._handshake_done = transport.is_handshake_complete
        self.peer = PeerSettings()
        #: Reads spans of files at once, for those who close them soon; else the transport reads them when they leave.
        self.read_span: Callable[[FileSpan], bytes] | None = None
        self._ours.open()

    @property
    def error(self) -> H3ConnectionError | QpackError | None:
        """What ended the connection, if it was our finding."""
        return self._life.error

    @property
    def wants_close(self) -> bool:
        """It is over."""
        return self._life.wants_close

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_read(self) -> bool:
        """QUIC's windows bound what can come."""
        return not self._life.wants_close

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take the transport's events.  `data` is empty: what came is in the transport already.

        Raises: UsageError for octets; they belong into the transport.
        """
        if data:
            raise UsageError("octets are for the transport")
        return self.take(self._transport.take_events(), now)

    def take(self, transport_events: Iterable[QuicEvent], now: float) -> list[Event]:
        """`receive`, for who has taken the transport's events already."""
        life = self._life
        life.now = now
        events: list[Event] = []
        for event in transport_events:
            if life.wants_close and type(event) is not ConnectionClosed:
                continue
            try:
                self._on_event(event, now, events)
            except (H3ConnectionError, QpackError) as error:
                self._fail(error, events)
        self._ours.flush()
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
            self._ours.forget()
            events.extend(self._table.forget_all("0-RTT was not accepted: it may be sent again"))
            self._greet()
        elif kind is ConnectionClosed:
            events.extend(self._abort_all(f"the connection closed: {ErrorCode.name_of(event.code)}"))  # type: ignore[union-attr]

    def _greet(self) -> None:
        """More streams of ours may be possible now."""
        self._ours.open()
        if self._peer_streams.settings_came:
            self.take_settings(self.peer)

    def _on_data(self, number: int, data: bytes, fin: bool, now: float, events: list[Event]) -> None:
        if number & 2:
            self._transport.consumed(number, len(data))
            for freed in self._peer_streams.receive(number, data, fin, now, events):
                stream = self._streams.get(freed)
                if stream is not None:
                    self._reader.read(stream, b"", True, now, events)
            return
        stream = self._streams.get(number)
        if stream is None:
            stream = self._unknown_stream(number, now)
            if stream is None:
                self._transport.consumed(number, len(data))
                if fin:
                    self._table.unwanted.pop(number, None)
                return
        stream.fin = fin
        self._reader.read(stream, data, False, now, events)

    @abstractmethod
    def _unknown_stream(self, number: int, now: float) -> Stream | None:
        """Data for a stream that has no exchange: a new one, or None where nobody wants it."""

    def consumed(self, stream: int, octets: int) -> None:
        """Give back receive credit."""
        state = self._streams.get(stream)
        if state is not None:  # else it went back when the exchange ended
            octets = min(octets, state.unconsumed)
            state.unconsumed -= octets
            self._transport.consumed(stream, octets)

    def _on_datagram(self, payload: bytes, now: float, events: list[Event]) -> None:
        """RFC 9297 §2.1; what belongs to no exchange is dropped."""
        number, data = decode_datagram(payload)
        stream = self._streams.get(number)
        if not self._limits.datagrams or stream is None or stream.heard is _AWAITED or stream.refused:
            self._budgets.spend("datagram", now)
            return
        events.append(Datagram(number, data))

    # --- what RequestReader reports --------------------------------------------------------------------------------

    @abstractmethod
    def on_head(self, stream: Stream, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """The head of a message; None for one that is too large."""

    @abstractmethod
    def on_trailers(self, stream: Stream, fields: list[Field] | None, now: float, events: list[Event]) -> None:
        """Trailer fields."""

    @abstractmethod
    def on_push_promise(self, payload: bytes) -> None:
        """A promise of the server, or the fault of a client.  RFC 9114 §7.2.5"""

    @abstractmethod
    def content_grew(self, stream: Stream, events: list[Event]) -> None:
        """A role's bound on content."""

    # --- the peer takes back -------------------------------------------------------------------------------------

    def _on_reset(self, number: int, code: int, now: float, events: list[Event]) -> None:
        """RESET_STREAM: the peer's message will not be complete."""
        if number & 2:
            self._peer_streams.reset(number)
            return
        stream = self._streams.get(number)
        if stream is None:
            stream = self._unknown_stream(number, now)
            if stream is None:
                self._table.unwanted.pop(number, None)
                return
        self._decoder.cancel(number)
        if stream.refused and code == ErrorCode.H3_NO_ERROR:
            stream.fin = True
            return
        self._transport.reset_stream(number, ErrorCode.H3_REQUEST_CANCELLED)
        self._table.was_reset(stream, f"reset by the peer: {ErrorCode.name_of(code)}", now, events)

    def _on_stop(self, number: int, code: int, now: float, events: list[Event]) -> None:
        """STOP_SENDING: the peer reads no more of our message."""
        if number & 2:
            if self._ours.is_critical(number):
                raise H3ConnectionError(ErrorCode.H3_CLOSED_CRITICAL_STREAM, "the peer reads a critical stream no more")
            return
        stream = self._streams.get(number)
        if stream is None or stream.said is _ENDED:
            return
        self._stopped(stream, code, now, events)

    @abstractmethod
    def _stopped(self, stream: Stream, code: int, now: float, events: list[Event]) -> None:
        """The peer wants no more of our message: a response cut short, or a request taken back.  RFC 9114 §4.1.1"""

    # --- what PeerStreams reports --------------------------------------------------------------------------------

    def take_settings(self, settings: PeerSettings) -> None:
        """The peer's SETTINGS.  RFC 9114 §7.2.4.2, RFC 9297 §2.1.1."""
        if settings.datagrams and not self._transport.datagram_limit():
            raise H3ConnectionError(ErrorCode.H3_SETTINGS_ERROR, "SETTINGS_H3_DATAGRAM without QUIC datagrams")
        self.peer = settings
        self._ours.take_settings(settings)

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

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content, or octets of a tunnel."""
        state = self._table.find(stream)
        length = data.length if isinstance(data, FileSpan) else len(data)
        if MESSAGE.step((state.said, _DATA)) is None:
            raise UsageError(f"no content is possible on stream {stream}")
        if state.owed is not None:
            if length > state.owed or (ended and length < state.owed):
                raise UsageError("content and its declared length differ")
            state.owed -= length
        while length > DATA_MAXIMUM:
            first, data = _split(data, DATA_MAXIMUM)
            length -= DATA_MAXIMUM
            self._send_data_frame(stream, first, DATA_MAXIMUM, False)
        self._send_data_frame(stream, data, length, ended)
        if ended:
            self._said_end(state)

    def _send_data_frame(self, stream: int, data: Output, length: int, ended: bool) -> None:
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

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """Trailer fields, which end the message.  RFC 9114 §4.1."""
        state = self._table.find(stream)
        if state.owed:
            raise UsageError("content and its declared length differ")
        trailers = check_sent(fields)
        self._table.say(state, MessageInput.TRAILERS)
        frame = encode_frame(1, self._ours.section(stream, trailers)) if trailers else b""
        self._transport.send_stream_data(stream, frame, True)
        self._said_end(state)

    def _said_end(self, stream: Stream) -> None:
        """Our FIN was queued."""
        stream.said = _ENDED
        if stream.heard is _ENDED and stream.fin:
            self._table.remove(stream)
        else:
            self._message_complete(stream)

    def _message_complete(self, stream: Stream) -> None:  # noqa: B027  a role may leave it
        """Our message is complete and the peer's is not."""

    def send_datagram(self, stream: int, data: bytes) -> bool:
        """An HTTP datagram (RFC 9297 §2.1); False if the peer takes none, or it is too large, or too many wait."""
        self._table.find(stream)
        return self.peer.datagrams and self._transport.send_datagram(encode_datagram(stream, data))

    def reset(self, stream: int, reason: str) -> None:
        """Give the exchange up; other streams go on."""
        state = self._streams.get(stream)
        if state is not None:
            self._table.give_up(state, ErrorCode.H3_REQUEST_CANCELLED if self._client else ErrorCode.H3_INTERNAL_ERROR)

    def credit(self, stream: int) -> int:
        """How many octets may be queued now."""
        return self._transport.stream_credit(stream) if stream in self._streams else 0

    def data_to_send(self, now: float) -> list[Output]:
        """Nothing: what has to leave is the transport's, which takes the last of it now."""
        self._life.now = now
        self._ours.flush()
        return []

    # --- the end -------------------------------------------------------------------------------------------------

    def _abort_all(self, reason: str) -> list[Event]:
        self._life.end()
        return self._table.forget_all(reason)

    def _fail(self, error: H3ConnectionError | QpackError, events: list[Event]) -> None:
        """RFC 9114 §8."""
        self._life.fail(error)
        events.extend(self._table.forget_all(error.reason))

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Two steps, so that no request that is on its way is lost (RFC 9114 §5.2): GOAWAY for all streams, and after `patience` for those
        that have not come.  Without patience, or as a client, the last step at once.
        """
        self._life.leave(now, patience)
        return []

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `handle_timeout` has something to do."""
        if self._life.wants_close:
            return None
        times = [*self._life.deadlines(), *self._table.deadlines()]
        quiet = self._quiet_deadline()
        if quiet is not None:
            times.append(quiet)
        return min(times, default=None)

    def _quiet_deadline(self) -> float | None:
        """When a connection without streams has been so for too long."""
        return None

    def handle_timeout(self, now: float) -> list[Event]:
        """Time has come."""
        life = self._life
        life.now = now
        events: list[Event] = []
        if life.wants_close:
            return events
        if life.check(now):
            return self._table.forget_all("the connection closed")
        quiet = self._quiet_deadline()
        if quiet is not None and now >= quiet:
            self.shutdown(now)
        try:
            self._check_streams(now, events)
        except H3ConnectionError as error:
            self._fail(error, events)
        return events

    def _check_streams(self, now: float, events: list[Event]) -> None:
        table = self._table
        table.stop_unwanted(now)
        while (number := table.slow_head(now)) is not None:
            self._budgets.note("slow_head")
            table.fail(H3StreamError(number, ErrorCode.H3_REQUEST_CANCELLED, "the head came too slowly"), now, events)
        while (stream := table.slow_upload(now)) is not None:
            if stream.unconsumed:  # the silence is ours
                table.upload_went_on(stream.number, now)
            else:
                self._budgets.note("slow_body")
                self._too_slow(stream, now, events)

    @abstractmethod
    def _too_slow(self, stream: Stream, now: float, events: list[Event]) -> None:
        """Content that does not come."""


def _split(data: Output, at: int) -> tuple[Output, Output]:
    """The first octets and the others."""
    if isinstance(data, FileSpan):
        first = FileSpan(data.fd, data.offset, at)
        data.offset += at  # the same span: whoever sends it may wait until it is empty
        data.length -= at
        return first, data
    return data[:at], data[at:]
