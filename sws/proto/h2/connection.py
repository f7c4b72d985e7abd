# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both ends of an HTTP/2 connection have in common.  RFC 9113 §3.4, §4, §5, §6.

    octets ─▶ frames ─▶ control frames here; HEADERS and DATA to the role ─▶ events
    verbs  ─▶ role   ─▶ Sender ─▶ data_to_send

    _streams   those that are open, by number; a stream leaves it when it is closed
    _numbers   what is known of those that are not
    _block     the field block that is being put together, until its END_HEADERS
    _partial   since when the frame or field block that is not whole has been awaited

Two kinds of error (§5.4): H2ConnectionError ends everything with GOAWAY, H2StreamError one stream with RST_STREAM.  Whoever finds one
raises it; `receive` turns it into frames and events.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from sws.base.engine import Aborted, BodyChunk, Ended, Event, Field, Fields, FileSpan, Output
from sws.base.errors import DecodeError, H2ConnectionError, H2StreamError, LimitExceeded, UsageError
from sws.proto.h2.blocks import BlockAssembly
from sws.proto.h2.budgets import Budgets
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import (
    SETTINGS_ACK,
    Flag,
    FrameHeader,
    FrameType,
    decode_data,
    decode_dependency,
    decode_goaway,
    decode_headers,
    decode_ping,
    decode_priority,
    decode_push_promise,
    decode_rst_stream,
    decode_settings,
    decode_window_update,
    encode_goaway,
    encode_ping,
    encode_rst_stream,
    encode_settings,
)
from sws.proto.h2.intake import ContentIntake
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.numbers import EVERY_STREAM, StreamNumbers
from sws.proto.h2.priority import DependencyTree, UrgencyScheduler
from sws.proto.h2.sending import Sender
from sws.proto.h2.settings import MAXIMUM_WINDOW, PeerSettings, Setting
from sws.proto.h2.states import (
    CONNECTION,
    INTAKE,
    MESSAGE,
    STREAM,
    ConnectionInput,
    ConnectionState,
    Intake,
    IntakeInput,
    Message,
    MessageInput,
    StreamInput,
    StreamState,
)
from sws.proto.h2.stream import Stream
from sws.proto.hpack import Decoder, Encoder
from sws.proto.http.messages import check_sent

__all__ = ["PREFACE", "Connection"]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client's first octets are.  RFC 9113 §3.4."""

# Looking a member up in its enumeration costs twenty times as much as a global (CPython 3.11).
_OPEN: Final = StreamState.OPEN
_HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL
_HALF_CLOSED_REMOTE: Final = StreamState.HALF_CLOSED_REMOTE
_CLOSED: Final = StreamState.CLOSED
_PREFACE: Final = ConnectionState.PREFACE
_RUNNING: Final = ConnectionState.OPEN
_GOING: Final = ConnectionState.GOING
_OVER: Final = ConnectionState.CLOSED
_UNWANTED: Final = Intake.UNWANTED
_header: Final = Struct(">HBBBL").unpack_from
_CONTROL_MAXIMUM: Final = 65536
_TURN_OCTETS: Final = 131072
_TICK: Final = 1.0


class Connection:
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
        self._state = _PREFACE
        self._rest = b""
        self._streams: dict[int, Stream] = {}
        self._numbers = StreamNumbers()
        self._block: BlockAssembly | None = None
        self._partial: float | None = None
        self._decoder = Decoder(4096, limits.head)
        self._encoder = Encoder(limits.table)
        self._budgets = Budgets(limits, observe)
        self._urgencies = UrgencyScheduler()
        self._tree = DependencyTree(limits.streams) if limits.priority_tree and not client else None
        self._sender = Sender(self._streams, self._tree or self._urgencies, self._encoder, self._sent_end)
        self._intake = ContentIntake(limits, self._sender, now)
        self._peer = PeerSettings(of_client=not client)
        self._settings_sent: float | None = now
        self._deadline: float | None = now + limits.head_timeout
        self._ticked = now
        self._quiet_since = now
        self._patience = now
        self.error: H2ConnectionError | None = None  # what ended the connection, of ours or by the peer's GOAWAY
        self._greet()

    def _greet(self) -> None:
        """Our SETTINGS, and the connection's window beyond what it has at first.  RFC 9113 §3.4, §6.9.2."""
        limits = self._limits
        values = [
            (Setting.HEADER_TABLE_SIZE, limits.table),
            (Setting.MAX_CONCURRENT_STREAMS, limits.streams),
            (Setting.INITIAL_WINDOW_SIZE, limits.window),
            (Setting.MAX_FRAME_SIZE, limits.frame),
            (Setting.MAX_HEADER_LIST_SIZE, limits.head),
        ]
        if self._client:
            values[1] = (Setting.ENABLE_PUSH, 0)
        elif limits.connect_protocol:
            values.append((Setting.ENABLE_CONNECT_PROTOCOL, 1))
        values.append((Setting.NO_RFC7540_PRIORITIES, 0 if self._tree is not None else 1))
        self._sender.out.append((PREFACE if self._client else b"") + encode_settings(values) + self._intake.greeting)

    def _step(self, given: ConnectionInput) -> bool:
        """Take an input if the table has it."""
        state = CONNECTION.step((self._state, given))
        if state is None:
            return False
        self._state = state
        return True

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_close(self) -> bool:
        """Close once everything left."""
        return self._state is _OVER

    @property
    def wants_read(self) -> bool:
        """False while what we owe in answers is not taken: a peer that reads nothing gets no more of them."""
        return self._state is not _OVER and self._sender.control <= _CONTROL_MAXIMUM

    @property
    def holds_output(self) -> bool:
        """Content could leave, and `data_to_send` did not give it out: it gives some 128 KiB at a time."""
        sender = self._sender
        return sender.queued > 0 and sender.window > 0 and not sender.scheduler.is_idle

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets from the peer."""
        events: list[Event] = []
        if self._state is _OVER or not data:
            return events
        self._now = self._heard = now
        if self._rest:
            data = self._rest + data
        try:
            offset = self._begin(data) if self._state is _PREFACE else 0
            if offset >= 0:
                offset = self._read_frames(data, offset, now, events)
            self._rest = data[max(offset, 0) :]
        except H2ConnectionError as error:
            self._fail(error, events)
        if not self._rest and self._block is None:
            self._partial = None
        elif self._partial is None:
            self._partial = now
        return events

    def _begin(self, data: bytes) -> int:
        """Where frames begin, -1 if that is not known yet; the first must be SETTINGS.  RFC 9113 §3.4."""
        offset = 0 if self._client else len(PREFACE)
        if not self._client and data[:offset] != PREFACE[: len(data)]:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "not the preface of HTTP/2")
        if len(data) < offset + 9:
            return -1
        if data[offset + 3] != FrameType.SETTINGS or data[offset + 4] & Flag.ACK:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if len(data) < offset + 9 + int.from_bytes(data[offset : offset + 3], "big") <= offset + 9 + self._limits.frame:
            return -1
        self._step(ConnectionInput.SETTINGS)
        return offset

    def _read_frames(self, data: bytes, offset: int, now: float, events: list[Event]) -> int:
        end = len(data)
        maximum = self._limits.frame
        while end - offset >= 9:
            high, low, kind, flags, number = _header(data, offset)
            length = high << 8 | low
            if length > maximum:
                raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a frame larger than SETTINGS_MAX_FRAME_SIZE")
            stop = offset + 9 + length
            if stop > end:
                break
            payload = data[offset + 9 : stop]
            offset = stop
            number &= 0x7FFFFFFF
            try:
                if kind == 1 and flags & 0x2C == 4 and self._block is None and number:
                    self._section(number, payload, flags, None, now, events)
                elif kind == 0 and self._block is None:
                    self._on_data(number, flags, payload, now, events)
                else:
                    self._frame(FrameHeader(length, kind, flags, number), payload, now, events)
            except H2StreamError as error:
                self._stream_failed(error, now, events)
            if self._block is None:
                self._partial = None
            if self._state is _OVER:
                return end
        return offset

    def _frame(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        """Any frame but a DATA frame or a HEADERS frame with nothing special."""
        kind = header.type
        if self._block is not None:
            self._on_continuation(header, payload, now, events)
        elif kind == 8:
            self._on_window_update(header, payload, now)
        elif kind == 4:
            self._on_settings(header, payload, now)
        elif kind == 6:
            self._on_ping(header, payload, now)
        elif kind == 3:
            self._on_rst_stream(header, payload, now, events)
        elif kind == 1:
            self._on_headers(header, payload, now, events)
        elif kind == 2:
            self._on_priority(header, payload, now)
        elif kind == 7:
            self._on_goaway(header, payload, events)
        elif kind == 5:
            decode_push_promise(header, payload)
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE, which nobody here allows")
        elif kind == 9:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without a field block")
        elif kind == 16:
            self._on_priority_update(header, payload, now)
        else:
            self._budgets.spend("unknown", now)  # RFC 9113 §5.5: ignored

    # --- field blocks --------------------------------------------------------------------------------------------

    def _on_headers(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        fragment, priority = decode_headers(header, payload)
        if header.flags & Flag.END_HEADERS:
            self._section(header.stream, fragment, header.flags, priority, now, events)
        else:
            self._block = BlockAssembly(header, fragment, priority, self._limits)

    def _on_continuation(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        block = self._block
        if block is None or header.type != FrameType.CONTINUATION or header.stream != block.head.stream:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "another frame within a field block")
        if not block.add(payload):
            raise self._budgets.exceeded("continuation")
        if header.flags & Flag.END_HEADERS:
            self._block = None
            self._section(block.head.stream, block.joined(), block.head.flags, block.priority, now, events)
        elif not payload:
            self._budgets.spend("empty", now)

    def _section(self, number: int, block: bytes, flags: int, priority: bytes | None, now: float, events: list[Event]) -> None:
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

    def _on_section(self, number: int, fields: list[Field] | None, ended: bool, now: float, events: list[Event]) -> None:
        """Decoded HEADERS; None for a section that is too large."""
        raise NotImplementedError

    # --- DATA ----------------------------------------------------------------------------------------------------

    def _on_data(self, number: int, flags: int, payload: bytes, now: float, events: list[Event]) -> None:
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

    def _content_grew(self, stream: Stream, events: list[Event]) -> None:
        """Content without declared length may become too much; a role's affair."""

    def _discard(self, stream: Stream, length: int, ended: bool, now: float) -> None:
        """Content that nobody wants: its credit goes back at once, up to a bound."""
        self._intake.return_connection(length, now)
        if ended or stream.intake is Intake.REFUSED:
            return
        self._intake.return_stream(stream, length, now)
        if stream.received > self._limits.drain and stream.state is _HALF_CLOSED_LOCAL:
            self._reset_stream(stream, ErrorCode.NO_ERROR)

    def _peer_ended(self, stream: Stream, events: list[Event]) -> None:
        """END_STREAM came."""
        state = STREAM.step((stream.state, StreamInput.RECV_END_STREAM))
        stream.state = _CLOSED if state is None else state
        if stream.intake < _UNWANTED:
            events.append(Ended(stream.number))
        if stream.state is _CLOSED:
            self._remove(stream)

    def consumed(self, stream: int, octets: int) -> None:
        """Give back receive credit; a stream whose content is complete needs none."""
        state = self._streams.get(stream)
        if state is None:
            return
        octets = self._intake.consumed(state, octets, self._now)
        if state.state is _OPEN or state.state is _HALF_CLOSED_LOCAL:
            self._intake.return_stream(state, octets, self._now)

    # --- control frames ------------------------------------------------------------------------------------------

    def _on_window_update(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.9, §6.9.1."""
        number = header.stream
        stream = self._streams.get(number)
        if number and stream is None and self._numbers.is_idle(number):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE for an idle stream")
        increment = decode_window_update(header, payload)
        self._budgets.spend("window_update", now)
        sender = self._sender
        if not number:
            sender.window += increment
            if sender.window > MAXIMUM_WINDOW:
                raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a connection window above 2^31-1")
        elif stream is not None:
            stream.window += increment
            if stream.window > MAXIMUM_WINDOW:
                raise H2StreamError(number, ErrorCode.FLOW_CONTROL_ERROR, "a stream window above 2^31-1")
            sender.wake(stream, now)

    def _on_settings(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.5.3: taken in order, and acknowledged at once."""
        values = decode_settings(header, payload)
        if values is None:
            if self._settings_sent is not None:
                self._intake.acknowledged(now - self._settings_sent, self._streams)
                self._decoder.set_limit(self._limits.table)
                self._settings_sent = None
            return
        self._budgets.spend("settings", now)
        peer = self._peer
        window = peer.window
        peer.apply(values)
        sender = self._sender
        sender.set_frame(peer.frame)
        self._encoder.set_limit(peer.table)
        if peer.window != window:
            self._change_windows(peer.window - window, now)
        sender.answer(SETTINGS_ACK)

    def _change_windows(self, difference: int, now: float) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE changes the windows of all streams.  RFC 9113 §6.9.2."""
        sender = self._sender
        for stream in self._streams.values():
            stream.window += difference
            if stream.window > MAXIMUM_WINDOW:
                raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a stream window above 2^31-1")
            if stream.window <= 0:
                sender.scheduler.deactivate(stream.number)
            sender.wake(stream, now)

    def _on_ping(self, header: FrameHeader, payload: bytes, now: float) -> None:
        octets = decode_ping(header, payload)
        if not header.flags & Flag.ACK:
            self._budgets.spend("ping", now)
            self._sender.answer(encode_ping(octets, ack=True))
        elif self._state is _GOING:
            self._go_away()

    def _on_rst_stream(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        code = decode_rst_stream(header, payload)
        number = header.stream
        stream = self._streams.get(number)
        if stream is None:
            if self._numbers.is_idle(number):
                raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM for an idle stream")
            return
        is_complete = stream.said is Message.ENDED and not stream.queued
        self._break_off(stream)
        events.append(Aborted(number, f"reset by the peer: {ErrorCode.name_of(code)}"))
        if not self._client and not is_complete:
            self._budgets.spend("rapid_reset", now)

    def _on_priority(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.3: parsed in any case, used with the dependency tree only."""
        dependency = decode_priority(header, payload)
        self._budgets.spend("priority", now)
        if self._tree is not None and not self._peer.no_tree:
            self._tree.depend(header.stream, dependency)

    def _on_priority_update(self, header: FrameHeader, payload: bytes, now: float) -> None:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE from a server")

    def _on_goaway(self, header: FrameHeader, payload: bytes, events: list[Event]) -> None:
        """RFC 9113 §6.8: nothing new, and what it did not process will not be."""
        last, code, _ = decode_goaway(header, payload)
        if code != ErrorCode.NO_ERROR and self.error is None:
            self.error = H2ConnectionError(code, f"the peer went away: {ErrorCode.name_of(code)}")
        self._step(ConnectionInput.PEER_GOAWAY)
        if self._client:
            for number in sorted(number for number in self._streams if number > last):
                self._break_off(self._streams[number])
                events.append(Aborted(number, "the server went away before it processed this: it may be sent again"))
        self._close_when_done()

    # --- sending: what both roles have ---------------------------------------------------------------------------

    def _stream(self, number: int) -> Stream:
        stream = self._streams.get(number)
        if stream is None:
            raise UsageError(f"there is no stream {number}")
        return stream

    @staticmethod
    def _say(stream: Stream, given: MessageInput) -> None:
        state = MESSAGE.step((stream.said, given))
        if state is None:
            raise UsageError(f"{given.name} is not possible in {stream.said.name} on stream {stream.number}")
        stream.said = state

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content, or octets of a tunnel; it leaves as far as windows and turns go."""
        state = self._stream(stream)
        length = data.length if type(data) is FileSpan else len(data)
        if MESSAGE.step((state.said, MessageInput.DATA)) is None:
            raise UsageError(f"no content is possible on stream {stream}")
        if state.owed is not None:
            if length > state.owed or (ended and length < state.owed):
                raise UsageError("content and its declared length differ")
            state.owed -= length
        if ended:
            state.said = Message.ENDED
        self._sender.data(state, data, length, ended, self._now)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """Trailer fields, which end the message.  RFC 9113 §8.1."""
        state = self._stream(stream)
        if state.said is not Message.CONTENT or state.owed:
            raise UsageError(f"no trailers are possible on stream {stream}")
        trailers = check_sent(fields)
        state.said = Message.ENDED
        if trailers:
            state.trailers = trailers
            self._sender.trailers(state)
        elif not state.queued:
            self._sender.data(state, b"", 0, True, self._now)

    def reset(self, stream: int, reason: str) -> None:
        """Give the exchange up; other streams go on."""
        state = self._streams.get(stream)
        if state is not None:
            self._reset_stream(state, ErrorCode.CANCEL if self._client else ErrorCode.INTERNAL_ERROR)

    def credit(self, stream: int) -> int:
        """How many octets may be queued now, for this stream and for all."""
        state = self._streams.get(stream)
        if state is None:
            return 0
        limits, sender = self._limits, self._sender
        return max(0, min(limits.queue - state.queued - sender.ready, limits.connection_queue - sender.queued))

    def data_to_send(self, now: float) -> list[Output]:
        """What has to leave: up to about 128 KiB of content, by priority."""
        self._now = now
        sender = self._sender
        if sender.queued:
            sender.pump(_TURN_OCTETS, now)
        if self._state is _OVER:
            self._deadline = None
        elif self._streams or self._settings_sent is not None or self._partial is not None or self._state is not _RUNNING:
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
            self._remove(stream)
        else:
            self._message_complete(stream)

    def _message_complete(self, stream: Stream) -> None:
        """Our message is complete and the peer's is not; a role's affair."""

    def _break_off(self, stream: Stream) -> None:
        """A stream is closed before its end."""
        stream.state = _CLOSED
        self._sender.break_off(stream)
        self._remove(stream)

    def _remove(self, stream: Stream) -> None:
        """A stream is closed."""
        del self._streams[stream.number]
        self._intake.forget(stream, self._now)
        self._sender.scheduler.closed(stream.number)
        if self._state is not _RUNNING:
            self._close_when_done()

    def _reset_stream(self, stream: Stream, code: int) -> None:
        if stream.state is not _HALF_CLOSED_REMOTE:
            self._numbers.remember_reset(stream.number)
        self._break_off(stream)
        self._sender.answer(encode_rst_stream(stream.number, code))

    def _stream_failed(self, error: H2StreamError, now: float, events: list[Event]) -> None:
        """RFC 9113 §5.4.2; an idle stream cannot be reset, so there it is an error of the connection (§5.4.1)."""
        number = error.stream
        stream = self._streams.get(number)
        if stream is not None:
            self._reset_stream(stream, error.code)
            events.append(Aborted(number, error.reason))
        elif self._numbers.is_idle(number):
            raise H2ConnectionError(error.code, error.reason)
        elif not self._numbers.was_reset(number):
            self._numbers.remember_reset(number)
            self._sender.answer(encode_rst_stream(number, error.code))
        if not self._client:
            self._budgets.spend("broken_stream", now)

    def _abort_all(self, reason: str) -> list[Event]:
        gone = sorted(self._streams)
        for number in gone:
            self._sender.break_off(self._streams.pop(number))
        self._step(ConnectionInput.FAIL)
        self._deadline = None
        self._rest = b""
        self._block = None
        return [Aborted(number, reason) for number in gone]

    def _fail(self, error: H2ConnectionError, events: list[Event]) -> None:
        """RFC 9113 §5.4.1."""
        self.error = error
        last = 0 if self._client else min(self._numbers.highest, self._numbers.accepted)
        self._sender.out.append(encode_goaway(last, error.code, error.reason.encode("ascii", "replace")))
        events.extend(self._abort_all(error.reason))

    def receive_eof(self, now: float) -> list[Event]:
        """The peer is gone: a half-closed connection is of no use to HTTP/2."""
        self._now = now
        return self._abort_all("the connection closed")

    # --- going away ----------------------------------------------------------------------------------------------

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Two steps, so that no request that is on its way is lost (RFC 9113 §6.8): GOAWAY for all streams and a PING; when that comes
        back, or `patience` is over, the number that was reached.  Without patience, that at once.
        """
        self._now = now
        if patience > 0 and not self._client and self._step(ConnectionInput.GO_SLOWLY):
            self._patience = now + patience
            self._sender.out.append(encode_goaway(EVERY_STREAM, ErrorCode.NO_ERROR) + encode_ping(b"goingout"))
        elif self._state is not ConnectionState.LAST and self._state is not _GOING:
            self._go_away()
        return []

    def _go_away(self) -> None:
        """The last step."""
        if self._step(ConnectionInput.GO):
            if not self._client:
                self._numbers.accepted = self._numbers.highest
            self._sender.out.append(encode_goaway(0 if self._client else self._numbers.highest, ErrorCode.NO_ERROR))
            self._close_when_done()

    def _close_when_done(self) -> None:
        if not self._streams and self._step(ConnectionInput.NO_STREAMS):
            self._deadline = None

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `handle_timeout` has something to do."""
        return self._deadline

    def _quiet_deadline(self) -> float | None:
        """When a connection without streams has waited long enough; a role's affair."""
        return None

    def handle_timeout(self, now: float) -> list[Event]:
        """Time has come: once a second while anything is awaited, else when the connection has been quiet too long."""
        events: list[Event] = []
        if self._deadline is None or now < self._deadline:
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
        if self._settings_sent is not None and now - self._settings_sent >= limits.settings_timeout:
            raise H2ConnectionError(ErrorCode.SETTINGS_TIMEOUT, "SETTINGS were not acknowledged in time")
        if self._partial is not None and now - self._partial >= limits.head_timeout and not any(map(self._rest_is_data_of, self._streams)):
            raise self._budgets.exceeded("slow_frame")
        if self._state is _GOING and now >= self._patience:
            self._go_away()
        if self._sender.is_stalled(now, limits.stall_timeout, limits.body_rate):
            raise self._budgets.exceeded("stall")

    def _rest_is_data_of(self, number: int) -> bool:
        """What is not whole is content of this stream, which has clocks of its own."""
        rest = self._rest
        return len(rest) >= 9 and rest[3] == 0 and int.from_bytes(rest[5:9], "big") & 0x7FFFFFFF == number

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
