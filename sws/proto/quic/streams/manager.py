# SPDX-License-Identifier: Apache-2.0 OR MIT
"""All streams of a connection: opening and forgetting, flow control of what comes.  RFC 9000 §2, §3, §4, §19.4 ff.

The low bits of an identifier say who opened the stream (1: the server) and whether it is unidirectional (2).  Of each of the four kinds:

    ours     next identifier, and how many the peer allows
    theirs   next identifier not seen, and how many we allow: those forgotten and `concurrent` more

A stream that the peer opens opens all of its kind below it; these stand in `_implied`, one integer each, until a frame names them.

    streams.outflow   order of sending, and the connection's credit for it
    streams.stream    one stream and its states
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, final

from sws.base.errors import LimitExceeded, QuicTransportError
from sws.proto.quic.api import QuicEvent, SendData, StopSending, StreamData, StreamReset, StreamsAvailable
from sws.proto.quic.control import ControlFrames
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames import (
    encode_data_blocked,
    encode_max_data,
    encode_max_stream_data,
    encode_max_streams,
    encode_reset_stream,
    encode_stop_sending,
    encode_stream_data_blocked,
    encode_streams_blocked,
)
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.parameters import TransportParameters
from sws.proto.quic.streams.outflow import SEND_BOUND, Outflow
from sws.proto.quic.streams.send import ReadFile, SendBuffer
from sws.proto.quic.streams.states import Receive, ReceiveInput, Send, SendInput
from sws.proto.quic.streams.stream import ReceivePart, SendPart, Stream
from sws.proto.quic.streams.window import ReceiveWindow
from sws.proto.quic.varint import encode_varint

__all__ = ["StreamLimits", "Streams"]

_F: Final = FrameType


@final
@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What we allow the peer.

    Attributes:
      stream_window, connection_window:  octets at first.
      stream_maximum, connection_maximum:  what auto-tuning may make of them.
      bidirectional, unidirectional:  streams at a time.
    """

    stream_window: int = 1 << 18
    stream_maximum: int = 1 << 22
    connection_window: int = 3 << 18
    connection_maximum: int = 1 << 23
    bidirectional: int = 100
    unidirectional: int = 100


@final
class Streams:
    """The streams of one connection.

    Args:
      is_client:  our role.
      limits:     ours.
      control:    where frames other than STREAM are wanted.
      emit:       takes events.
      read_file:  for spans of files.
    """

    __slots__ = (
        "_control",
        "_emit",
        "_implied",
        "_limits",
        "_opened",
        "_peer",
        "_read_file",
        "_refused",
        "_streams",
        "_their_limit",
        "_their_next",
        "is_client",
        "now",
        "outflow",
        "received",
        "rtt",
        "window",
    )

    def __init__(
        self, is_client: bool, limits: StreamLimits, control: ControlFrames, emit: Callable[[QuicEvent], None], read_file: ReadFile | None
    ) -> None:
        self.is_client = is_client
        self._limits = limits
        self._control = control
        self._emit = emit
        self._read_file = read_file
        self._peer = TransportParameters()
        self._streams: dict[int, Stream] = {}
        self._implied: set[int] = set()
        self._opened = [0, 0]  # of ours: bidirectional, unidirectional
        self._their_next = [0, 0]
        self._their_limit = [limits.bidirectional, limits.unidirectional]
        self._refused = [False, False]
        self.outflow = Outflow(control, emit, self._lost_file)
        self.window = ReceiveWindow(limits.connection_window, limits.connection_maximum)
        self.received = 0
        self.now = 0.0
        self.rtt = 0.1
        for kind, maker in (
            (_F.MAX_DATA, lambda _: encode_max_data(self.window.limit)),
            (_F.MAX_STREAM_DATA, self._max_stream_data),
            (_F.MAX_STREAMS_BIDI, lambda _: encode_max_streams(False, self._their_limit[0])),
            (_F.MAX_STREAMS_UNI, lambda _: encode_max_streams(True, self._their_limit[1])),
            (_F.DATA_BLOCKED, lambda _: encode_data_blocked(self.outflow.max_data) if self.outflow.is_starved else None),
            (_F.STREAM_DATA_BLOCKED, self._stream_data_blocked),
            (_F.STREAMS_BLOCKED_BIDI, lambda _: encode_streams_blocked(False, self._allowed(0)) if self._refused[0] else None),
            (_F.STREAMS_BLOCKED_UNI, lambda _: encode_streams_blocked(True, self._allowed(1)) if self._refused[1] else None),
            (_F.STOP_SENDING, self._stop_frame),
        ):
            control.register(kind, maker)
        control.register(_F.RESET_STREAM, self._reset_frame, self._reset_acked)

    # --- parameters --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._streams)

    def use_peer(self, peer: TransportParameters) -> None:
        """The peer's limits, from its transport parameters or, for 0-RTT, remembered ones."""
        self._peer = peer
        self.outflow.allow(peer.initial_max_data)
        for stream in self._streams.values():
            if stream.send is not None:
                stream.send.max_data = max(stream.send.max_data, self._initial_credit(stream.identifier))
                self.outflow.make_ready(stream)
        for unidirectional in (False, True):
            if self._refused[unidirectional] and self._opened[unidirectional] < self._allowed(unidirectional):
                self._refused[unidirectional] = False
                self._emit(StreamsAvailable(unidirectional))

    def forget_all(self) -> None:
        """0-RTT data was refused: nothing of it ever was."""
        self._streams.clear()
        self.outflow.forget_all()
        self._opened = [0, 0]
        self._refused = [False, False]
        self._peer = TransportParameters()
        self._control.wishes.clear()

    def release(self) -> None:
        """The connection is over: let go of the streams, whose parts refer to them and to this."""
        for stream in self._streams.values():
            stream.send = None
        self._streams.clear()
        self.outflow.release()

    def held(self) -> int:
        """Octets in memory, both ways."""
        octets = 0
        for stream in self._streams.values():
            octets += stream.send.buffer.held if stream.send is not None else 0
            octets += stream.receive.reassembly.held if stream.receive is not None else 0
        return octets

    def _initial_credit(self, identifier: int) -> int:
        """What the peer lets us send on a stream at first."""
        if identifier & 2:
            return self._peer.initial_max_stream_data_uni
        ours = (identifier & 1) != self.is_client
        return self._peer.initial_max_stream_data_bidi_remote if ours else self._peer.initial_max_stream_data_bidi_local

    def _allowed(self, unidirectional: int) -> int:
        return self._peer.initial_max_streams_uni if unidirectional else self._peer.initial_max_streams_bidi

    def _make(self, identifier: int) -> Stream:
        stream = Stream(identifier)
        ours = (identifier & 1) != self.is_client
        if ours or not identifier & 2:
            stream.send = SendPart(self, stream, SendBuffer(self._read_file), encode_varint(identifier), self._initial_credit(identifier))
        if not ours or not identifier & 2:
            stream.receive = ReceivePart(ReceiveWindow(self._limits.stream_window, self._limits.stream_maximum))
        self._streams[identifier] = stream
        return stream

    # --- verbs -------------------------------------------------------------------------------------------------------

    def open(self, unidirectional: bool) -> int:
        """A new stream of ours.  Raises: LimitExceeded."""
        count = self._opened[unidirectional]
        if count >= self._allowed(unidirectional):
            self._refused[unidirectional] = True
            self._control.want(_F.STREAMS_BLOCKED_UNI if unidirectional else _F.STREAMS_BLOCKED_BIDI)
            raise LimitExceeded("streams that the peer allows", count + 1, count)
        self._opened[unidirectional] = count + 1
        identifier = count << 2 | unidirectional << 1 | (not self.is_client)
        self._make(identifier)
        return identifier

    def write(self, identifier: int, data: SendData, fin: bool) -> None:
        """Octets to send."""
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.send
        if stream is None or part is None or part.state > Send.SEND or part.buffer.fin:
            return
        part.buffer.write(data)
        if fin:
            part.buffer.fin = True
        self.outflow.make_ready(stream)

    def credit(self, identifier: int) -> int:
        """See `StreamTransport.stream_credit`."""
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.send
        if part is None or part.state > Send.SEND or part.buffer.fin:
            return 0
        credit = SEND_BOUND - part.buffer.unsent
        if credit > 0:
            return credit
        part.is_full = True
        return 0

    def reset(self, identifier: int, code: int) -> None:
        """Give up our part."""
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.send
        if stream is None or part is None or part.state > Send.DATA_SENT:
            return
        part.code = code
        part.final_size = part.buffer.next
        part.buffer.drop()
        part.step(SendInput.RESET)
        self.outflow.drop(stream)
        self._control.want(_F.RESET_STREAM, identifier)

    def _lost_file(self, identifier: int) -> None:
        """What was to be sent is there no more."""
        self.reset(identifier, 0)
        self._emit(StopSending(identifier, 0))

    def stop(self, identifier: int, code: int) -> None:
        """Ask the peer to stop."""
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.receive
        if stream is None or part is None or part.is_unwanted or part.is_terminal:
            return
        part.is_unwanted = True
        part.stop_code = code
        part.reassembly.drop()
        if part.state <= Receive.SIZE_KNOWN:
            if part.state is Receive.RECV:
                self._control.want(_F.STOP_SENDING, identifier)
            self._give_back(part, part.reassembly.highest)
        if part.state is Receive.SIZE_KNOWN or part.state is Receive.DATA_READ:
            self._abandon(stream, part)

    def consumed(self, identifier: int, octets: int) -> None:
        """Octets were used."""
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.receive
        if stream is None or part is None or part.is_unwanted or part.state is Receive.RESET_READ:
            return
        octets = min(octets, part.reassembly.delivered - part.window.consumed)
        self._consume_connection(octets)
        if part.window.consume(octets, self.now, self.rtt) and part.state is Receive.RECV:
            self._control.want(_F.MAX_STREAM_DATA, identifier)
        if part.state is Receive.DATA_READ:
            self.settle(stream)

    def prioritise(self, identifier: int, urgency: int, incremental: bool) -> None:
        """Order among streams."""
        stream = self._streams.get(identifier)
        if stream is None:
            return
        was_ready = self.outflow.unready(stream)
        stream.level = min(max(urgency, -1), 7) + 1
        stream.incremental = incremental
        if was_ready:
            self.outflow.make_ready(stream)

    # --- frames that come --------------------------------------------------------------------------------------------

    def _find(self, identifier: int, kind: int, is_sending: bool) -> Stream | None:
        """The stream that a frame names: about our sending part, or about our receiving part.  None: forgotten.

        Raises: QuicTransportError STREAM_STATE_ERROR, STREAM_LIMIT_ERROR.
        """
        stream = self._streams.get(identifier)
        if stream is not None:
            if (stream.send if is_sending else stream.receive) is None:
                raise QuicTransportError(ErrorCode.STREAM_STATE_ERROR, "a frame for the wrong direction of a stream", kind)
            return stream
        unidirectional = identifier >> 1 & 1
        ours = (identifier & 1) != self.is_client
        if unidirectional and is_sending != ours:
            raise QuicTransportError(ErrorCode.STREAM_STATE_ERROR, "a frame for the wrong direction of a stream", kind)
        count = identifier >> 2
        if ours:
            if count >= self._opened[unidirectional]:
                raise QuicTransportError(ErrorCode.STREAM_STATE_ERROR, "a frame for a stream that was not opened", kind)
            return None
        if count >= self._their_limit[unidirectional]:
            raise QuicTransportError(ErrorCode.STREAM_LIMIT_ERROR, "more streams than allowed", kind)
        following = self._their_next[unidirectional]
        if count >= following:
            self._implied.update(range(following << 2 | identifier & 3, identifier, 4))
            self._their_next[unidirectional] = count + 1
            return self._make(identifier)
        if identifier in self._implied:
            self._implied.discard(identifier)
            return self._make(identifier)
        return None

    def on_stream(self, identifier: int, offset: int, data: bytes, fin: bool) -> None:
        """STREAM."""
        stream = self._streams.get(identifier)
        if stream is None or stream.receive is None:
            stream = self._find(identifier, _F.STREAM, False)
        part = None if stream is None else stream.receive
        if stream is None or part is None or part.state > Receive.SIZE_KNOWN:
            return
        reassembly = part.reassembly
        stop = offset + len(data)
        fresh = stop - reassembly.highest
        if fresh > 0:
            self._count(part, stop, fresh, _F.STREAM)
        if fin:
            reassembly.end_at(stop)
            part.step(ReceiveInput.FIN)
        if part.is_unwanted:
            if reassembly.final_size is not None and stop > reassembly.final_size:
                raise QuicTransportError(ErrorCode.FINAL_SIZE_ERROR, "octets beyond the final size", _F.STREAM)
            reassembly.highest = max(stop, reassembly.highest)
            self._give_back(part, reassembly.highest)
            if fin:
                self._abandon(stream, part)
            return
        ready = reassembly.receive(offset, data)
        is_end = reassembly.delivered == reassembly.final_size
        if is_end:
            part.step(ReceiveInput.ALL_DATA)
            part.step(ReceiveInput.READ)
        if ready or is_end:
            self._emit(StreamData(identifier, ready, is_end))
        if is_end:
            self.settle(stream)

    def _count(self, part: ReceivePart, stop: int, fresh: int, kind: int) -> None:
        """Flow control of what comes."""
        self.received += fresh
        if stop > part.window.limit or self.received > self.window.limit:
            raise QuicTransportError(ErrorCode.FLOW_CONTROL_ERROR, "more octets than flow control allows", kind)

    def on_reset(self, identifier: int, code: int, size: int) -> None:
        """RESET_STREAM."""
        stream = self._find(identifier, _F.RESET_STREAM, False)
        part = None if stream is None else stream.receive
        if stream is None or part is None:
            return
        fresh = size - part.reassembly.highest
        part.reassembly.end_at(size)
        if not part.step(ReceiveInput.RESET):
            return
        if fresh > 0:
            self._count(part, size, fresh, _F.RESET_STREAM)
            part.reassembly.highest = size
        part.step(ReceiveInput.READ)
        part.reassembly.drop()
        self._give_back(part, size)
        if not part.is_unwanted:
            self._emit(StreamReset(identifier, code))
        self.settle(stream)

    def on_stop_sending(self, identifier: int, code: int) -> None:
        """STOP_SENDING: our part is reset with the same code."""
        stream = self._find(identifier, _F.STOP_SENDING, True)
        if stream is None or stream.send is None or stream.send.state > Send.DATA_SENT:
            return
        self.reset(identifier, code)
        self._emit(StopSending(identifier, code))

    def on_max_data(self, maximum: int) -> None:
        """MAX_DATA."""
        self.outflow.allow(maximum)

    def on_max_stream_data(self, identifier: int, maximum: int) -> None:
        """MAX_STREAM_DATA."""
        stream = self._find(identifier, _F.MAX_STREAM_DATA, True)
        if stream is not None and stream.send is not None and maximum > stream.send.max_data:
            stream.send.max_data = maximum
            self.outflow.make_ready(stream)

    def on_max_streams(self, unidirectional: bool, count: int) -> None:
        """MAX_STREAMS."""
        if count <= self._allowed(unidirectional):
            return
        name = "initial_max_streams_uni" if unidirectional else "initial_max_streams_bidi"
        self._peer = replace(self._peer, **{name: count})  # type: ignore[arg-type]
        if self._refused[unidirectional]:
            self._refused[unidirectional] = False
            self._emit(StreamsAvailable(unidirectional))

    def on_stream_data_blocked(self, identifier: int) -> None:
        """STREAM_DATA_BLOCKED: only checked; limits are raised as data is consumed."""
        self._find(identifier, _F.STREAM_DATA_BLOCKED, False)

    # --- flow control of what comes ----------------------------------------------------------------------------------

    def _consume_connection(self, octets: int) -> None:
        if octets > 0 and self.window.consume(octets, self.now, self.rtt):
            self._control.want(_F.MAX_DATA)

    def _give_back(self, part: ReceivePart, highest: int) -> None:
        """Octets that nobody will read count as used."""
        octets = highest - part.window.consumed
        if octets > 0:
            part.window.consumed = highest
            self._consume_connection(octets)

    def _abandon(self, stream: Stream, part: ReceivePart) -> None:
        """All that can come has come, and is not wanted."""
        size = part.reassembly.final_size or 0
        self._give_back(part, size)
        part.reassembly.delivered = size
        part.step(ReceiveInput.ALL_DATA)
        part.step(ReceiveInput.READ)
        self.settle(stream)

    def settle(self, stream: Stream) -> None:
        """Forget a stream that is over; the peer may open another."""
        if not stream.is_terminal or self._streams.pop(stream.identifier, None) is None:
            return
        identifier = stream.identifier
        self.outflow.drop(stream)
        stream.send = None  # which refers to it: they would wait for the collector
        if (identifier & 1) == self.is_client:
            unidirectional = identifier >> 1 & 1
            self._their_limit[unidirectional] += 1
            self._control.want(_F.MAX_STREAMS_UNI if unidirectional else _F.MAX_STREAMS_BIDI)

    # --- makers of control frames ------------------------------------------------------------------------------------

    def _max_stream_data(self, identifier: int) -> bytes | None:
        stream = self._streams.get(identifier)
        if stream is None or stream.receive is None or stream.receive.state is not Receive.RECV or stream.receive.is_unwanted:
            return None
        return encode_max_stream_data(identifier, stream.receive.window.limit)

    def _stream_data_blocked(self, identifier: int) -> bytes | None:
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.send
        if part is None or part.state > Send.SEND or part.buffer.next < part.max_data or not part.buffer.unsent:
            return None
        part.step(SendInput.STREAM)
        return encode_stream_data_blocked(identifier, part.max_data)

    def _stop_frame(self, identifier: int) -> bytes | None:
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.receive
        if part is None or part.state is not Receive.RECV:
            return None
        return encode_stop_sending(identifier, part.stop_code)

    def _reset_frame(self, identifier: int) -> bytes | None:
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.send
        if part is None or part.state is not Send.RESET_SENT:
            return None
        return encode_reset_stream(identifier, part.code, part.final_size)

    def _reset_acked(self, identifier: int) -> None:
        stream = self._streams.get(identifier)
        part = None if stream is None else stream.send
        if stream is not None and part is not None and part.state is Send.RESET_SENT:
            part.step(SendInput.RESET_ACKED)
            self.settle(stream)
