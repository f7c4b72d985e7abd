# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both ends of an HTTP/2 connection have in common: what HEADERS and DATA mean, and the verbs.  RFC 9113 §5, §6.

    octets ─▶ FrameReader ─▶ ControlFrames
                          └▶ HEADERS, DATA: here, then the role ─▶ events
    verbs  ─▶ role, Saying ─▶ Sender ─▶ data_to_send

    _streams    those that are open, by number (StreamTable says how they end)
    _numbers    what is known of those that are not
    _agreement  SETTINGS of both ends
    _life       where the connection stands, and GOAWAY of both ends
    _intake     the peer's content, and the credit for it

Two kinds of error (§5.4): H2ConnectionError ends everything with GOAWAY, H2StreamError one stream with RST_STREAM.  Whoever finds one
raises it; `receive` turns it into frames and events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from sws.base.engine import Aborted, BodyChunk, Ended, Event, Field, Fields, Output
from sws.base.errors import DecodeError, H2ConnectionError, H2StreamError, LimitExceeded
from sws.proto.h2.agreement import Agreement
from sws.proto.h2.budgets import Budgets
from sws.proto.h2.control import ControlFrames
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import (
    FrameHeader,
    decode_data,
    decode_dependency,
)
from sws.proto.h2.intake import ContentIntake
from sws.proto.h2.life import Life
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.numbers import StreamNumbers
from sws.proto.h2.priority import DependencyTree, UrgencyScheduler
from sws.proto.h2.reading import PREFACE, FrameReader
from sws.proto.h2.saying import Saying
from sws.proto.h2.sending import Sender
from sws.proto.h2.states import (
    INTAKE,
    STREAM,
    ConnectionInput,
    ConnectionState,
    Intake,
    IntakeInput,
    StreamInput,
    StreamState,
)
from sws.proto.h2.stream import Stream
from sws.proto.h2.streams import StreamTable
from sws.proto.hpack import Decoder, Encoder

__all__ = ["PREFACE", "Connection"]

# Looking a member up in its enumeration costs twenty times as much as a global (CPython 3.11).
_OPEN: Final = StreamState.OPEN
_HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL
_CLOSED: Final = StreamState.CLOSED
_RUNNING: Final = ConnectionState.OPEN
_OVER: Final = ConnectionState.CLOSED
_UNWANTED: Final = Intake.UNWANTED
_CONTROL_MAXIMUM: Final = 65536
_TURN_OCTETS: Final = 131072
_TICK: Final = 1.0


class Connection(ABC):
    """Both roles' base; a role says what HEADERS mean.

    Args:
      now:      when the connection was made.
      limits:   bounds and time-outs.
      client:   our role.
      observe:  told the kind of a defence that had to act; for a metric.
    """

    #: A frame is taken as soon as it is whole.
    holds_input = False

    def __init__(self, now: float, limits: Http2Limits, *, client: bool, observe: Callable[[str], None] | None) -> None:
        self._limits = limits
        self._client = client
        self._now = now
        self._heard = now
        self._streams: dict[int, Stream] = {}
        self._numbers = StreamNumbers()
        self._decoder = Decoder(4096, limits.head)
        self._encoder = Encoder(limits.table)
        self._budgets = Budgets(limits, observe)
        self._urgencies = UrgencyScheduler()
        self._tree = DependencyTree(limits.streams) if limits.priority_tree and not client else None
        self._sender = Sender(self._streams, self._tree or self._urgencies, self._encoder, self._sent_end)
        self._intake = ContentIntake(limits, self._sender, now)
        self._life = Life(client, self._streams, self._numbers, self._sender)
        self._table = StreamTable(self._streams, self._numbers, self._sender, self._intake, self._life)
        self._agreement = Agreement(client, limits, self._sender, self._intake, self._decoder, self._encoder, now)
        self._peer = self._agreement.peer
        self._saying = Saying(limits, self._sender)
        control = ControlFrames(
            client, self._table, self._sender, self._agreement, self._life, self._budgets, self._tree, self._on_priority_update
        )
        self._reader = FrameReader(client, limits, self._budgets, self._life, self, control.take)
        self._deadline: float | None = now + limits.head_timeout
        self._ticked = now
        self._quiet_since = now
        preface = PREFACE if client else b""
        self._sender.out.append(preface + self._agreement.ours(client, self._tree is not None) + self._intake.greeting)

    @property
    def error(self) -> H2ConnectionError | None:
        """What ended the connection, of ours or by the peer's GOAWAY."""
        return self._life.error

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_close(self) -> bool:
        """Close once everything left."""
        return self._life.state is _OVER

    @property
    def wants_read(self) -> bool:
        """False while what we owe in answers is not taken: a peer that reads nothing gets no more of them."""
        return self._life.state is not _OVER and self._sender.control <= _CONTROL_MAXIMUM

    @property
    def holds_output(self) -> bool:
        """Content could leave, and `data_to_send` did not give it out: it gives some 128 KiB at a time."""
        sender = self._sender
        return sender.queued > 0 and sender.window > 0 and not sender.scheduler.is_idle

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets from the peer."""
        events: list[Event] = []
        if self._life.state is _OVER or not data:
            return events
        self._now = self._heard = now
        try:
            self._reader.read(data, now, events)
        except H2ConnectionError as error:
            self._fail(error, events)
        return events

    def take_failure(self, error: H2StreamError, now: float, events: list[Event]) -> None:
        """A frame was an error of its stream.  RFC 9113 §5.4.2."""
        self._table.fail(error, now, events)
        if not self._client:
            self._budgets.spend("broken_stream", now)

    # --- field blocks --------------------------------------------------------------------------------------------

    def take_section(self, number: int, block: bytes, flags: int, priority: bytes | None, now: float, events: list[Event]) -> None:
        """A whole field block: decoded whatever happens to its stream, as all later blocks depend on it (§4.3)."""
        fields: list[Field] | None
        try:
            fields = self._decoder.decode(block)
        except DecodeError as error:
            raise H2ConnectionError(ErrorCode.COMPRESSION_ERROR, error.what) from None
        except LimitExceeded:
            fields = None
        if priority is None:
            self._take_section(number, fields, flags & 1 != 0, now, events)
            return
        try:
            dependency = decode_dependency(number, priority)
        except H2StreamError:
            self._numbers.highest = max(self._numbers.highest, number)  # it is the stream's fault, which therefore is no longer idle
            raise
        self._take_section(number, fields, flags & 1 != 0, now, events)
        self._budgets.spend("priority", now)
        if self._tree is not None and number in self._streams:
            self._tree.depend(number, dependency)

    def _take_section(self, number: int, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """A message that is malformed is an error of its stream.  RFC 9113 §8.1.1"""
        try:
            self._on_section(number, fields, ended, now, events)
        except DecodeError as error:
            raise H2StreamError(number, ErrorCode.PROTOCOL_ERROR, error.what) from None

    @abstractmethod
    def _on_section(self, number: int, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """Decoded HEADERS; None for a section that is too large."""

    # --- DATA ----------------------------------------------------------------------------------------------------

    def take_data(self, number: int, flags: int, payload: bytes, now: float, events: list[Event]) -> None:
        """DATA.  RFC 9113 §6.1"""
        length = len(payload)
        content = decode_data(FrameHeader(length, 0, flags, number), payload) if flags & 8 or not number else payload
        intake = self._intake
        stream = self._streams.get(number)
        if stream is None and self._numbers.is_idle(number):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "DATA for an idle stream")
        intake.arrived(length)
        if stream is None:
            intake.return_connection(length, now)
            self._numbers.check_late(number, "DATA")
            return
        size = len(content)
        ended = flags & 1 != 0
        try:
            if STREAM.step((stream.state, StreamInput.RECV_DATA)) is None:
                raise H2StreamError(number, ErrorCode.STREAM_CLOSED, "DATA behind END_STREAM")
            intake.on_stream(stream, length, now)
            self._check_content(stream, size, ended)
        except H2StreamError:
            intake.return_connection(length, now)
            raise
        if not size and not ended:
            self._budgets.spend("empty", now)
        stream.last = now
        if stream.intake >= _UNWANTED:
            self._discard(stream, length, ended, now)
        else:
            stream.intake = Intake.WANTED
            intake.delivered(stream, size, length, now)
            if size:
                events.append(BodyChunk(number, content))
        if stream.intake < _UNWANTED:
            self._content_grew(stream, events)
        if ended and stream.state is not _CLOSED:
            self._peer_ended(stream, events)

    def _check_content(self, stream: Stream, size: int, ended: bool) -> None:
        """Content against the length it was declared with.  RFC 9113 §8.1.1."""
        stream.received += size
        expected = stream.expected
        if expected is not None and (stream.received > expected or (ended and stream.received != expected)):
            raise H2StreamError(stream.number, ErrorCode.PROTOCOL_ERROR, "content and content-length differ")

    def _content_grew(self, stream: Stream, events: list[Event]) -> None:  # noqa: B027  a role may leave it
        """Content without declared length may become too much; a role's affair."""

    def _discard(self, stream: Stream, length: int, ended: bool, now: float) -> None:
        """Content that nobody wants: its credit goes back at once, up to a bound; a declared length was held against it before."""
        self._intake.return_connection(length, now)
        if ended or stream.intake is Intake.REFUSED:
            return
        if stream.expected is None and stream.received > self._limits.drain:
            self._intake_step(stream, IntakeInput.REFUSE)
        else:
            self._intake.return_stream(stream, length, now)

    def _peer_ended(self, stream: Stream, events: list[Event]) -> None:
        """END_STREAM came."""
        state = STREAM.step((stream.state, StreamInput.RECV_END_STREAM))
        stream.state = _CLOSED if state is None else state
        if stream.intake < _UNWANTED:
            events.append(Ended(stream.number))
        if stream.state is _CLOSED:
            self._table.remove(stream, self._now)

    def consumed(self, stream: int, octets: int) -> None:
        """Give back receive credit; a stream whose content is complete needs none."""
        state = self._streams.get(stream)
        if state is None:
            return
        octets = self._intake.consumed(state, octets, self._now)
        if state.state is _OPEN or state.state is _HALF_CLOSED_LOCAL:
            self._intake.return_stream(state, octets, self._now)

    def _on_priority_update(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9218 §7.1: a server's affair."""
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE from a server")

    # --- sending: what both roles have ---------------------------------------------------------------------------

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content, or octets of a tunnel."""
        self._saying.data(self._table.find(stream), data, ended, self._now)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """Trailer fields, which end the message.  RFC 9113 §8.1."""
        self._saying.trailers(self._table.find(stream), fields, self._now)

    def reset(self, stream: int, reason: str) -> None:
        """Give the exchange up; other streams go on."""
        state = self._streams.get(stream)
        if state is not None:
            self._reset_stream(state, ErrorCode.CANCEL if self._client else ErrorCode.INTERNAL_ERROR)

    def credit(self, stream: int) -> int:
        """How many octets may be queued now, for this stream and for all."""
        state = self._streams.get(stream)
        return 0 if state is None else self._saying.credit(state)

    def data_to_send(self, now: float) -> list[Output]:
        """What has to leave: up to about 128 KiB of content, by priority."""
        self._now = now
        sender = self._sender
        if sender.queued:
            sender.pump(_TURN_OCTETS, now)
        if self._streams or self._agreement.is_open or self._reader.partial is not None or self._life.state is not _RUNNING:
            self._quiet_since = now
            if self._deadline is None or self._deadline > now + _TICK:
                self._deadline = now + _TICK
        else:
            self._deadline = self._quiet_deadline()
        return sender.take()

    # --- the end of streams --------------------------------------------------------------------------------------

    def _sent_end(self, stream: Stream) -> None:
        """END_STREAM left."""
        if stream.state is _CLOSED:
            self._table.remove(stream, self._now)
        else:
            self._message_complete(stream)

    def _message_complete(self, stream: Stream) -> None:  # noqa: B027  a role may leave it
        """Our message is complete and the peer's is not; a role's affair."""

    def _reset_stream(self, stream: Stream, code: int) -> None:
        self._table.reset(stream, code, self._now)

    # --- the end of the connection -------------------------------------------------------------------------------

    def _fail(self, error: H2ConnectionError, events: list[Event]) -> None:
        """RFC 9113 §5.4.1."""
        self._life.fail(error)
        events.extend(self._abort_all(error.reason))

    def _abort_all(self, reason: str) -> list[Event]:
        self._life.step(ConnectionInput.FAIL)
        self._reader.stop()
        return self._table.abort_all(reason)

    def receive_eof(self, now: float) -> list[Event]:
        """The peer is gone: a half-closed connection is of no use to HTTP/2."""
        self._now = now
        return self._abort_all("the connection closed")

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Go away, so that no request that is on its way is lost; with patience in two steps (RFC 9113 §6.8)."""
        self._now = now
        self._life.leave(now, patience)
        return []

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `handle_timeout` has something to do."""
        return None if self._life.state is _OVER else self._deadline

    def _quiet_deadline(self) -> float | None:
        """When a connection without streams has waited long enough; a role's affair."""
        return None

    def handle_timeout(self, now: float) -> list[Event]:
        """Time has come: once a second while anything is awaited, else when the connection has been quiet too long."""
        events: list[Event] = []
        due = self.next_timeout()
        if due is None or now < due:
            return events
        self._now = now
        self._deadline = None
        try:
            self._check_clocks(now)
            self._check_streams(now, events)
        except H2ConnectionError as error:
            self._fail(error, events)
        self._ticked = now
        return events

    def _check_clocks(self, now: float) -> None:
        """The connection's own: SETTINGS, a frame that is not whole, patience, windows."""
        limits = self._limits
        self._agreement.check_time(now)
        reader = self._reader
        if (
            reader.partial is not None
            and now - reader.partial >= limits.head_timeout
            and not any(map(reader.is_within_data_of, self._streams))
        ):
            raise self._budgets.exceeded("slow_frame")
        self._life.check_patience(now)
        if self._sender.is_stalled(now, limits.stall_timeout, limits.body_rate):
            raise self._budgets.exceeded("stall")

    def _check_streams(self, now: float, events: list[Event]) -> None:
        """Those of the streams: responses that wait for windows."""
        limits = self._limits
        for stream in tuple(self._streams.values()):
            blocked = stream.blocked_since
            if blocked is not None and stream.window <= 0 and now - blocked >= limits.stall_timeout + stream.sent / limits.body_rate:
                self._budgets.note("stall")
                self._reset_stream(stream, ErrorCode.ENHANCE_YOUR_CALM)
                events.append(Aborted(stream.number, "the peer makes no room for the content"))

    def _intake_step(self, stream: Stream, given: IntakeInput) -> None:
        state = INTAKE.step((stream.intake, given))
        if state is not None:
            stream.intake = state
