# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a QUIC connection is to the protocol above it: streams, datagrams, events.  RFC 9000 §2, §3; RFC 9221.

Above stands HTTP/3 (or hq-interop in tests); below, the driver steps the same object as a `DatagramEngine` (base/datagrams.py).

    driver ─ receive(datagrams, now) ─▶ connection ─ take_events() ─▶ HTTP/3
    driver ◀ datagrams_to_send(now) ── connection ◀ send_stream_data … ─ HTTP/3

Quantities.  *Receive*: the connection delivers StreamData in order, without gaps, and never more than the stream's window beyond what
was given back by `consumed(stream, n)`.  *Send*: `stream_credit(stream)` is how many octets may be queued without passing the
connection's bound; whoever overruns it is not refused, but who obeys keeps memory flat.  Credit that was used up comes back with
StreamWritable.

Streams that the peer opened need no word: their first event is StreamData, StreamReset or StopSending.  A stream is forgotten once
both its parts are in a terminal state and its last event was taken; verbs for a stream that is forgotten do nothing, `stream_credit` is 0.
Events of data that came in 0-RTT packets stand before HandshakeDone: a server that has not seen HandshakeDone yet holds a request
that may be a replay (RFC 8470).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias, final

from sws.base.engine import FileSpan

__all__ = [
    "ConnectionClosed",
    "DatagramReceived",
    "EarlyDataRejected",
    "HandshakeDone",
    "QuicEvent",
    "SendData",
    "StopSending",
    "StreamData",
    "StreamReset",
    "StreamTransport",
    "StreamWritable",
    "StreamsAvailable",
]

SendData: TypeAlias = bytes | bytearray | memoryview | FileSpan
"""A FileSpan is read by the function that the connection's configuration names, when its octets are about to leave."""


@final
@dataclass(slots=True)
class StreamData:
    """The next octets of a stream.  `fin`: they are the last (there may be none).  Give them back with `consumed`."""

    stream: int
    data: bytes
    fin: bool


@final
@dataclass(slots=True)
class StreamReset:
    """The peer gave up its sending part: no more data comes.  RFC 9000 §3.2."""

    stream: int
    code: int


@final
@dataclass(slots=True)
class StopSending:
    """The peer does not read on.  The sending part was reset with the same code already (RFC 9000 §3.5)."""

    stream: int
    code: int


@final
@dataclass(slots=True)
class StreamWritable:
    """`stream_credit` was used up and is there again."""

    stream: int


@final
@dataclass(slots=True)
class StreamsAvailable:
    """`open_stream` was refused and may succeed now."""

    unidirectional: bool


@final
@dataclass(slots=True)
class DatagramReceived:
    """An unreliable datagram.  RFC 9221."""

    data: bytes


@final
@dataclass(slots=True)
class HandshakeDone:
    """The TLS handshake is complete: `alpn` was agreed on.  `early`: 0-RTT data was accepted."""

    alpn: bytes
    early: bool = False


@final
@dataclass(slots=True)
class EarlyDataRejected:
    """Client role: the server did not take 0-RTT data; every stream so far is forgotten, begin again.  Comes before HandshakeDone."""


@final
@dataclass(slots=True)
class ConnectionClosed:
    """The last event.  `code` is a transport error code, or the application's if `application`.

    `by_peer`: the peer said so; else it was our `close`, a fault that we found, the idle time-out (code 0, "idle timeout") or a
    stateless reset (code 0, "stateless reset").
    """

    code: int
    reason: str
    by_peer: bool
    application: bool = False


QuicEvent: TypeAlias = (
    StreamData
    | StreamReset
    | StopSending
    | StreamWritable
    | StreamsAvailable
    | DatagramReceived
    | HandshakeDone
    | EarlyDataRejected
    | ConnectionClosed
)


class StreamTransport(Protocol):
    """A QUIC connection as the protocol above it sees it; `ServerConnection` and `ClientConnection` have this shape."""

    @property
    def is_client(self) -> bool:
        """Our role."""

    @property
    def alpn(self) -> bytes:
        """The application protocol as soon as it is known: at a server before 0-RTT data comes, at a client that sends some at once."""

    @property
    def is_handshake_complete(self) -> bool:
        """HandshakeDone was queued."""

    @property
    def is_closed(self) -> bool:
        """ConnectionClosed was queued, or `close` called: verbs do nothing any more."""

    def take_events(self) -> list[QuicEvent]:
        """What happened since the last call, in order."""

    def open_stream(self, unidirectional: bool) -> int:
        """The identifier of a new stream of ours.  Raises: LimitExceeded while the peer allows no more (StreamsAvailable follows)."""

    def send_stream_data(self, stream: int, data: SendData, fin: bool = False) -> None:
        """Queue octets; `fin` ends our part.  After StopSending or `reset_stream` it does nothing."""

    def stream_credit(self, stream: int) -> int:
        """Octets that may be queued now without passing the bound."""

    def reset_stream(self, stream: int, code: int) -> None:
        """Give up our sending part at once.  RFC 9000 §3.1."""

    def stop_sending(self, stream: int, code: int) -> None:
        """Ask the peer to stop; no more StreamData comes for it.  RFC 9000 §3.5."""

    def consumed(self, stream: int, octets: int) -> None:
        """Octets of StreamData were used: the peer may send as many again."""

    def set_priority(self, stream: int, urgency: int, incremental: bool) -> None:
        """Order among our streams: urgency 0 to 7, as RFC 9218 has them, and -1 before all; 3 and not incremental at first."""

    def datagram_limit(self) -> int:
        """The largest datagram that can be sent now; 0 if the peer takes none."""

    def send_datagram(self, data: bytes) -> bool:
        """Queue an unreliable datagram; False if it is too large or the queue is full."""

    def close(self, code: int, reason: str = "", application: bool = True) -> None:
        """End the connection; ConnectionClosed follows at once."""
