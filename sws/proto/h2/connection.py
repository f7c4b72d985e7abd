# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What both ends of an HTTP/2 connection have in common.  RFC 9113 §3.4, §4, §5, §6.

    octets ─▶ frames ─▶ _frame ─▶ control frames here; HEADERS and DATA to the role ─▶ events
    verbs  ─▶ role   ─▶ Sender ─▶ data_to_send

    _streams     those that are open, by number; a stream leaves it when it is closed
    _last_peer   highest number that the peer has opened
    _reset       numbers of streams that we reset while the peer could still send: what comes for them is dropped (§5.1 "closed")
    _block       the field block that is being put together, until its END_HEADERS
    _window      our receive window for the whole connection
    _unconsumed  octets of content delivered and not given back, of all streams

Two kinds of error (§5.4): H2ConnectionError ends everything with GOAWAY, H2StreamError one stream with RST_STREAM.  Whoever finds one
raises it; `receive` turns it into frames and events.

Connection credit is given back as DATA arrives, so that content nobody reads does not stop other streams; only when `connection_window`
octets lie unread altogether does it wait until they are consumed.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from sws.base.engine import Aborted, BodyChunk, Ended, Event, Fields, Output
from sws.base.errors import DecodeError, H2ConnectionError, H2StreamError, LimitExceeded, UsageError
from sws.proto.h2.budgets import Budgets
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.fields import check_sent
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
    encode_window_update,
)
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.priority import DependencyTree, Scheduler, UrgencyScheduler
from sws.proto.h2.sending import Sender
from sws.proto.h2.settings import DEFAULT_WINDOW, MAXIMUM_WINDOW, PeerSettings, Setting
from sws.proto.h2.states import STREAM, StreamInput, StreamState
from sws.proto.h2.stream import Stream
from sws.proto.h2.windows import ReceiveWindow
from sws.proto.hpack import Decoder, Encoder

__all__ = ["PREFACE", "Connection"]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client's first octets are.  RFC 9113 §3.4."""

_OPEN: Final = StreamState.OPEN
_HALF_CLOSED_LOCAL: Final = StreamState.HALF_CLOSED_LOCAL
_HALF_CLOSED_REMOTE: Final = StreamState.HALF_CLOSED_REMOTE
_CLOSED: Final = StreamState.CLOSED
_header: Final = Struct(">HBBBL").unpack_from
_RESET_MAXIMUM: Final = 1024
_CONTROL_MAXIMUM: Final = 65536
_TURN_OCTETS: Final = 131072
_TICK: Final = 1.0
_ROUND_TRIP: Final = 0.1  # until it is measured
_EVERY_STREAM: Final = (1 << 31) - 1


class Connection:
    """Both roles' base; a role says what HEADERS mean.

    Args:
      now:      when the connection was made.
      limits:   bounds and time-outs.
      client:   our role.
      observe:  told the kind of a defence that had to act; for a metric.
    """

    def __init__(self, now: float, limits: Http2Limits, *, client: bool, observe: Callable[[str], None] | None) -> None:
        self._limits = limits
        self._client = client
        self._now = now
        self._rest = b""
        self._begun = False  # the peer's preface is complete: its first SETTINGS came
        self._streams: dict[int, Stream] = {}
        self._last_peer = 0
        self._reset: dict[int, None] = {}
        self._block: list[bytes] | None = None
        self._block_head = FrameHeader(0, 0, 0, 0)
        self._block_size = 0
        self._block_since = now
        self._block_priority: bytes | None = None
        self._decoder = Decoder(4096, limits.head)
        self._encoder = Encoder(limits.table)
        self._budgets = Budgets(limits, observe)
        self._tree = DependencyTree(limits.streams) if limits.priority_tree and not client else None
        self._urgencies = None if self._tree is not None else UrgencyScheduler()
        scheduler: Scheduler = self._tree or self._urgencies or UrgencyScheduler()
        self._sender = Sender(self._streams, scheduler, self._encoder, self._sent_end)
        self._peer = PeerSettings(of_client=not client)
        self._window = ReceiveWindow(limits.connection_window, limits.connection_window, now)
        self._unconsumed = 0
        self._withheld = 0
        self._initial_window = DEFAULT_WINDOW  # what new streams have, as far as the peer has acknowledged it
        self._settings_sent: float | None = now
        self._round_trip = _ROUND_TRIP
        self._deadline: float | None = now + limits.head_timeout
        self._shutting = False
        self._going_since: float | None = None  # the first of two GOAWAYs was sent
        self._last_accepted = _EVERY_STREAM  # what our last GOAWAY says
        self._peer_going = False
        self.error: H2ConnectionError | None = None  # what ended the connection, of ours or by the peer's GOAWAY
        self.wants_close = False
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
            values.append((Setting.NO_RFC7540_PRIORITIES, 1))
        else:
            if limits.connect_protocol:
                values.append((Setting.ENABLE_CONNECT_PROTOCOL, 1))
            values.append((Setting.NO_RFC7540_PRIORITIES, 0 if limits.priority_tree else 1))
        out = (PREFACE if self._client else b"") + encode_settings(values)
        more = limits.connection_window - DEFAULT_WINDOW
        if more > 0:
            out += encode_window_update(0, more)
        else:
            self._window.granted = DEFAULT_WINDOW
        self._sender.out.append(out)

    # --- receiving -----------------------------------------------------------------------------------------------

    @property
    def wants_read(self) -> bool:
        """False while what we owe in answers is not taken: a peer that reads nothing gets no more of them."""
        return not self.wants_close and self._sender.control <= _CONTROL_MAXIMUM

    @property
    def holds_input(self) -> bool:
        """A frame is taken as soon as it is whole."""
        return False

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets from the peer."""
        events: list[Event] = []
        if self.wants_close or not data:
            return events
        self._now = now
        if self._rest:
            data = self._rest + data
        try:
            offset = 0
            if not self._begun and not self._client:
                offset = self._read_preface(data)
            if offset >= 0:
                offset = self._read_frames(data, offset, now, events)
                self._rest = data[offset:] if offset < len(data) else b""
            else:
                self._rest = data
        except H2ConnectionError as error:
            self._fail(error, events)
        return events

    def _read_preface(self, data: bytes) -> int:
        """Where frames begin, -1 if that is not known yet.  RFC 9113 §3.4."""
        size = len(PREFACE)
        if data[:size] != PREFACE[: len(data)]:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "not the preface of HTTP/2")
        return size if len(data) >= size else -1

    def _read_frames(self, data: bytes, offset: int, now: float, events: list[Event]) -> int:
        end = len(data)
        maximum = self._limits.frame
        if not self._begun:
            if end - offset < 9:
                return 0
            if data[offset + 3] != FrameType.SETTINGS or data[offset + 4] & Flag.ACK:
                raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        while end - offset >= 9:
            high, low, kind, flags, stream = _header(data, offset)
            length = high << 8 | low
            if length > maximum:
                raise H2ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a frame larger than SETTINGS_MAX_FRAME_SIZE")
            stop = offset + 9 + length
            if stop > end:
                break
            payload = data[offset + 9 : stop]
            offset = stop
            if not self._begun:
                self._begun = True
                self._deadline = None
            try:
                self._frame(FrameHeader(length, kind, flags, stream & 0x7FFFFFFF), payload, now, events)
            except H2StreamError as error:
                self._stream_failed(error, now, events)
        return offset if self._begun else 0

    def _frame(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        kind = header.type
        if self._block is not None:
            if kind != FrameType.CONTINUATION or header.stream != self._block_head.stream:
                raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "another frame within a field block")
            self._on_continuation(header, payload, now, events)
        elif kind == 1:
            self._on_headers(header, payload, now, events)
        elif kind == 0:
            self._on_data(header, payload, now, events)
        elif kind == 8:
            self._on_window_update(header, payload, now)
        elif kind == 4:
            self._on_settings(header, payload, now)
        elif kind == 6:
            self._on_ping(header, payload, now)
        elif kind == 3:
            self._on_rst_stream(header, payload, now, events)
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
        if header.flags & 0x28 or not header.stream:
            payload, priority = decode_headers(header, payload)
        else:
            priority = None
        if header.flags & 4:
            self._section(header, payload, priority, now, events)
            return
        self._block = [payload]
        self._block_head = header
        self._block_size = len(payload)
        self._block_since = now
        self._block_priority = priority

    def _on_continuation(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        block = self._block
        if block is None:
            return
        block.append(payload)
        self._block_size += len(payload)
        if self._block_size > self._limits.block or len(block) > self._limits.continuations + 1:
            raise self._budgets.exceeded("continuation")
        if header.flags & 4:
            self._block = None
            self._section(self._block_head, b"".join(block), self._block_priority, now, events)
        elif not payload:
            self._budgets.spend("empty", now)

    def _section(self, header: FrameHeader, block: bytes, priority: bytes | None, now: float, events: list[Event]) -> None:
        """A whole field block: decoded whatever happens to its stream, as all later blocks depend on it (§4.3)."""
        try:
            fields = self._decoder.decode(block)
        except DecodeError as error:
            raise H2ConnectionError(ErrorCode.COMPRESSION_ERROR, error.what) from None
        except LimitExceeded:
            fields = None
        dependency = None if priority is None else decode_dependency(header.stream, priority)
        self._on_section(header.stream, fields, bool(header.flags & 1), now, events)
        if dependency is not None:
            self._budgets.spend("priority", now)
            if self._tree is not None and header.stream in self._streams:
                self._tree.depend(header.stream, dependency)

    def _on_section(self, number: int, fields: list[tuple[bytes, bytes]] | None, ended: bool, now: float, events: list[Event]) -> None:
        """Decoded HEADERS; None for a section that is too large."""
        raise NotImplementedError

    def _closed_stream(self, number: int) -> None:
        """HEADERS or DATA came for a stream that is not open: dropped, or an error of the connection.  RFC 9113 §5.1."""
        if number in self._reset or number > self._last_accepted:
            return
        if self._is_idle(number):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame for an idle stream")
        raise H2ConnectionError(ErrorCode.STREAM_CLOSED, "a frame for a closed stream")

    def _is_idle(self, number: int) -> bool:
        """Nobody has opened the stream."""
        return number > self._last_peer or bool(number & 1) is self._client

    # --- DATA ----------------------------------------------------------------------------------------------------

    def _on_data(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        number = header.stream
        length = len(payload)
        content = payload if number and not header.flags & 8 else decode_data(header, payload)
        window = self._window
        window.granted -= length
        if window.granted < 0:
            raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window")
        stream = self._streams.get(number)
        if stream is None:
            self._return_connection(length, now)
            self._closed_stream(number)
            return
        if stream.state is not _OPEN and stream.state is not _HALF_CLOSED_LOCAL:
            self._return_connection(length, now)
            raise H2StreamError(number, ErrorCode.STREAM_CLOSED, "DATA behind END_STREAM")
        receive = stream.receive
        if receive is None:
            receive = stream.receive = ReceiveWindow(self._initial_window, self._limits.window_maximum, now)
        receive.granted -= length
        if receive.granted < 0:
            self._return_connection(length, now)
            raise H2StreamError(number, ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the stream's window")
        ended = bool(header.flags & 1)
        if not length and not ended:
            self._budgets.spend("empty", now)
        stream.heard = now
        size = len(content)
        self._check_content(stream, size, ended)
        padding = length - size
        if stream.discards:
            self._discard(stream, size, length, ended, now)
        else:
            self._unconsumed += size
            stream.unconsumed += size
            if self._unconsumed <= self._limits.connection_window:
                self._return_connection(length, now)
            else:
                self._withheld += length
            if padding and not ended:
                self._return_stream(stream, padding, now)
            self._deliver(stream, content, events)
        if ended:
            self._peer_ended(stream, events)

    def _check_content(self, stream: Stream, size: int, ended: bool) -> None:
        """Content against the length it was declared with.  RFC 9113 §8.1.1."""
        stream.received += size
        expected = stream.expected
        if expected is not None and (stream.received > expected or (ended and stream.received != expected)):
            raise H2StreamError(stream.number, ErrorCode.PROTOCOL_ERROR, "content and content-length differ")

    def _deliver(self, stream: Stream, content: bytes, events: list[Event]) -> None:
        if content:
            events.append(BodyChunk(stream.number, content))

    def _discard(self, stream: Stream, size: int, length: int, ended: bool, now: float) -> None:
        """Content that nobody wants: its credit goes back at once, up to a bound."""
        self._return_connection(length, now)
        if not ended:
            self._return_stream(stream, length, now)
        if stream.received > self._limits.drain and not ended and stream.state is _HALF_CLOSED_LOCAL:
            self._reset_stream(stream, ErrorCode.NO_ERROR)

    def _peer_ended(self, stream: Stream, events: list[Event]) -> None:
        """END_STREAM came."""
        state = STREAM.step((stream.state, StreamInput.RECV_END_STREAM))
        stream.state = _CLOSED if state is None else state
        if not stream.discards:
            events.append(Ended(stream.number))
        if stream.state is _CLOSED:
            self._remove(stream)

    def _return_connection(self, octets: int, now: float) -> None:
        increment = self._window.give_back(octets, now, self._round_trip)
        if increment:
            self._sender.answer(encode_window_update(0, increment))

    def _return_stream(self, stream: Stream, octets: int, now: float) -> None:
        if stream.receive is not None:
            increment = stream.receive.give_back(octets, now, self._round_trip)
            if increment:
                self._sender.answer(encode_window_update(stream.number, increment))

    def consumed(self, stream: int, octets: int) -> None:
        """Give back receive credit; a stream whose content is complete needs none."""
        state = self._streams.get(stream)
        if state is None:
            return
        octets = min(octets, state.unconsumed)
        state.unconsumed -= octets
        self._less_unconsumed(octets)
        if state.state is _OPEN or state.state is _HALF_CLOSED_LOCAL:
            state.heard = self._now
            self._return_stream(state, octets, self._now)

    def _less_unconsumed(self, octets: int) -> None:
        self._unconsumed -= octets
        if self._withheld and self._unconsumed <= self._limits.connection_window:
            withheld, self._withheld = self._withheld, 0
            self._return_connection(withheld, self._now)

    # --- control frames ------------------------------------------------------------------------------------------

    def _on_window_update(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.9, §6.9.1."""
        number = header.stream
        if number and number not in self._streams and self._is_idle(number):
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE for an idle stream")
        increment = decode_window_update(header, payload)
        self._budgets.spend("window_update", now)
        sender = self._sender
        if not number:
            sender.window += increment
            if sender.window > MAXIMUM_WINDOW:
                raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a connection window above 2^31-1")
            if sender.queued and increment:
                self._unblock(now)
            return
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.window += increment
        if stream.window > MAXIMUM_WINDOW:
            raise H2StreamError(number, ErrorCode.FLOW_CONTROL_ERROR, "a stream window above 2^31-1")
        sender.wake(stream, now)

    def _unblock(self, now: float) -> None:
        """The connection's window opened: whoever waited for that alone waits no more, as far as the clock of stalls goes."""
        for stream in self._streams.values():
            if stream.blocked_since is not None and stream.window > 0 and stream.sent:
                stream.blocked_since = now
                stream.sent = 0

    def _on_settings(self, header: FrameHeader, payload: bytes, now: float) -> None:
        """RFC 9113 §6.5.3: taken in order, and acknowledged at once."""
        values = decode_settings(header, payload)
        if values is None:
            if self._settings_sent is not None:
                self._round_trip = max(now - self._settings_sent, 0.001)
                self._settings_sent = None
                self._decoder.set_limit(self._limits.table)
                self._take_initial_window()
            return
        self._budgets.spend("settings", now)
        peer = self._peer
        window = peer.window
        peer.apply(values)
        sender = self._sender
        sender.set_frame(peer.frame)
        self._encoder.set_limit(peer.table)
        if peer.window != window:
            for stream in self._streams.values():
                stream.window += peer.window - window
                if stream.window > MAXIMUM_WINDOW:
                    raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a stream window above 2^31-1")
                if stream.window <= 0:
                    sender.scheduler.deactivate(stream.number)
                sender.wake(stream, now)
        sender.answer(SETTINGS_ACK)

    def _take_initial_window(self) -> None:
        """The peer knows our SETTINGS_INITIAL_WINDOW_SIZE now, and applies it to open streams too.  RFC 9113 §6.9.2."""
        difference = self._limits.window - self._initial_window
        self._initial_window = self._limits.window
        for stream in self._streams.values():
            if stream.receive is not None:
                stream.receive.granted += difference
                stream.receive.size = max(stream.receive.size + difference, 1)

    def _on_ping(self, header: FrameHeader, payload: bytes, now: float) -> None:
        octets = decode_ping(header, payload)
        if header.flags & Flag.ACK:
            if self._going_since is not None:
                self._go_away()
            return
        self._budgets.spend("ping", now)
        self._sender.answer(encode_ping(octets, ack=True))

    def _on_rst_stream(self, header: FrameHeader, payload: bytes, now: float, events: list[Event]) -> None:
        code = decode_rst_stream(header, payload)
        stream = self._streams.get(header.stream)
        if stream is None:
            if self._is_idle(header.stream):
                raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "RST_STREAM for an idle stream")
            return
        stream.state = _CLOSED
        self._remove(stream)
        if not self._client:
            self._budgets.spend("rapid_reset", now)
        if not (stream.discards and stream.said_end):
            events.append(Aborted(header.stream, f"reset by the peer: {ErrorCode.name_of(code)}"))

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
        self._peer_going = True
        if code != ErrorCode.NO_ERROR and self.error is None:
            self.error = H2ConnectionError(code, f"the peer went away: {ErrorCode.name_of(code)}")
        if self._client:
            for number in sorted(number for number in self._streams if number > last):
                stream = self._streams[number]
                stream.state = _CLOSED
                self._remove(stream)
                events.append(Aborted(number, "the server went away before it processed this: it may be sent again"))
        self._close_when_done()

    # --- sending: what both roles have ---------------------------------------------------------------------------

    def _stream(self, number: int) -> Stream:
        stream = self._streams.get(number)
        if stream is None:
            raise UsageError(f"there is no stream {number}")
        return stream

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content, or octets of a tunnel; it leaves as far as windows and turns go."""
        state = self._stream(stream)
        length = len(data) if type(data) is bytes else data.length  # type: ignore[union-attr]
        if not self._may_send_content(state):
            raise UsageError(f"no content is possible on stream {stream}")
        if state.owed is not None:
            if length > state.owed or (ended and length < state.owed):
                raise UsageError("content and its declared length differ")
            state.owed -= length
        state.said_end = ended
        self._sender.data(state, data, length, self._now)

    def _may_send_content(self, stream: Stream) -> bool:
        """The head was sent, and the end was not."""
        return not stream.said_end and (stream.headed or self._client)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """Trailer fields, which end the message.  RFC 9113 §8.1."""
        state = self._stream(stream)
        if not self._may_send_content(state) or state.owed or state.tunnel:
            raise UsageError(f"no trailers are possible on stream {stream}")
        trailers = check_sent(fields)
        state.said_end = True
        if trailers:
            state.trailers = trailers
            self._sender.trailers(state)
        else:
            self._sender.data(state, b"", 0, self._now)

    def reset(self, stream: int, reason: str) -> None:
        """Give the exchange up; other streams go on."""
        state = self._streams.get(stream)
        if state is not None:
            complete = state.said_end and state.discards
            self._reset_stream(state, ErrorCode.NO_ERROR if complete else ErrorCode.CANCEL if self._client else ErrorCode.INTERNAL_ERROR)

    def credit(self, stream: int) -> int:
        """How many octets may be queued now."""
        state = self._streams.get(stream)
        return 0 if state is None else max(0, self._limits.queue - state.queued)

    def holds_output(self, stream: int) -> bool:
        """Content of this stream waits for a window or its turn."""
        state = self._streams.get(stream)
        return state is not None and state.queued > 0

    def data_to_send(self, now: float) -> list[Output]:
        """What has to leave: up to about 128 KiB of content, by priority."""
        self._now = now
        sender = self._sender
        if sender.queued:
            sender.pump(_TURN_OCTETS, now)
        self._set_deadline(now)
        return sender.take()

    # --- the end of streams --------------------------------------------------------------------------------------

    def _sent_end(self, stream: Stream) -> None:
        """END_STREAM left."""
        if stream.state is _CLOSED:
            self._remove(stream)
        elif not self._client and not stream.tunnel:
            self._response_complete(stream)

    def _response_complete(self, stream: Stream) -> None:
        """The response is complete and the request is not: drain the rest, or say that it is not wanted.  RFC 9113 §8.1."""
        self._less_unconsumed(stream.unconsumed)
        stream.unconsumed = 0
        if stream.ends_with_reset:
            self._reset_stream(stream, ErrorCode.NO_ERROR)
            return
        stream.discards = True
        stream.received = 0 if stream.expected is None else stream.received

    def _remove(self, stream: Stream) -> None:
        """A stream is closed."""
        del self._streams[stream.number]
        self._less_unconsumed(stream.unconsumed)
        self._sender.forget(stream)
        if self._shutting or self._peer_going:
            self._close_when_done()

    def _reset_stream(self, stream: Stream, code: int) -> None:
        if stream.state is not _HALF_CLOSED_REMOTE:
            self._remember_reset(stream.number)
        stream.state = _CLOSED
        self._remove(stream)
        self._sender.answer(encode_rst_stream(stream.number, code))

    def _remember_reset(self, number: int) -> None:
        if len(self._reset) >= _RESET_MAXIMUM:
            del self._reset[next(iter(self._reset))]
        self._reset[number] = None

    def _stream_failed(self, error: H2StreamError, now: float, events: list[Event]) -> None:
        """RFC 9113 §5.4.2; an idle stream cannot be reset, so there it is an error of the connection (§5.4.1)."""
        number = error.stream
        stream = self._streams.get(number)
        if stream is not None:
            self._reset_stream(stream, error.code)
            if not (stream.discards and stream.said_end):
                events.append(Aborted(number, error.reason))
        elif self._is_idle(number):
            raise H2ConnectionError(error.code, error.reason)
        elif number not in self._reset:
            self._remember_reset(number)
            self._sender.answer(encode_rst_stream(number, error.code))
        if not self._client:
            self._budgets.spend("broken_stream", now)

    def _abort_all(self, reason: str) -> list[Event]:
        gone = sorted(self._streams)
        for number in gone:
            stream = self._streams.pop(number)
            self._sender.forget(stream)
        self._unconsumed = 0
        self.wants_close = True
        self._deadline = None
        return [Aborted(number, reason) for number in gone]

    def _fail(self, error: H2ConnectionError, events: list[Event]) -> None:
        """RFC 9113 §5.4.1."""
        self.error = error
        self._rest = b""
        self._block = None
        last = 0 if self._client else min(self._last_peer, self._last_accepted)
        self._sender.out.append(encode_goaway(last, error.code, error.reason.encode("ascii", "replace")))
        events.extend(self._abort_all(error.reason))

    def receive_eof(self, now: float) -> list[Event]:
        """The peer is gone: a half-closed connection is of no use to HTTP/2."""
        return self._abort_all("the connection closed")

    # --- going away ----------------------------------------------------------------------------------------------

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Two steps, so that no request that is on its way is lost (RFC 9113 §6.8): GOAWAY for all streams and a PING; when that comes
        back, or `patience` is over, the number that was reached.  Without patience, that at once.
        """
        self._now = now
        if self.wants_close or self._shutting:
            return []
        self._shutting = True
        if patience > 0 and not self._client:
            self._going_since = now
            self._sender.out.append(encode_goaway(_EVERY_STREAM, ErrorCode.NO_ERROR) + encode_ping(b"goingout"))
            self._deadline = now + patience if self._deadline is None else min(self._deadline, now + patience)
            self._limit_patience = now + patience
        else:
            self._go_away()
        return []

    def _go_away(self) -> None:
        """The last step."""
        self._going_since = None
        self._last_accepted = self._last_peer
        self._sender.out.append(encode_goaway(self._last_peer, ErrorCode.NO_ERROR))
        self._close_when_done()

    def _close_when_done(self) -> None:
        if not self._streams and self._going_since is None and (self._shutting or self._client):
            self.wants_close = True
            self._deadline = None

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `handle_timeout` has something to do."""
        return self._deadline

    def _set_deadline(self, now: float) -> None:
        raise NotImplementedError

    def handle_timeout(self, now: float) -> list[Event]:
        """Time has come."""
        raise NotImplementedError
