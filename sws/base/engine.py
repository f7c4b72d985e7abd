# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every protocol engine looks like from outside: four shapes without I/O.

An engine is fed bytes (or datagrams) and verbs, and hands back events and bytes.  It owns no socket, no clock and no entropy:
`now` is an argument of each call (seconds of any monotonic clock), entropy and configuration are arguments of the constructor.
"More data needed" is an empty list or None, never an exception.  Drivers are therefore written once, against these Protocols.

- `ByteFilter`      TLS records: ciphertext on one side, plaintext on the other.          (base/handshake.py)
- `HandshakeCore`   the TLS handshake, for QUIC and for the record layer alike.            (base/handshake.py)
- `ExchangeEngine`  HTTP/1.1, HTTP/2, HTTP/3: many exchanges, each named by a stream id.   (here)
- `DatagramEngine`  QUIC.                                                                  (base/datagrams.py)

Flow control, both ways, is counted in octets of content.  *Receive*: an engine delivers at most its window of BodyChunk octets
per stream until `consumed(stream, n)` gives them back; while any window is full `wants_read` may be False and the driver stops
reading.  *Send*: `credit(stream)` is how many octets `send_data` takes without queueing more than the engine's bound; a
sender that overruns it is not refused, but one that obeys it keeps memory flat.

After content was `consumed`, and after a response that has ended if the engine `holds_input`, the driver calls `receive(b"", now)`:
what the engine held back goes on then.  A `next_timeout()` in the past means: call `handle_timeout` now.  `send_response` for a
request whose response has no content (HEAD) drops it; `send_data` there is a UsageError.

Field names are lower-case bytes in every protocol; pseudo-fields never appear in `fields`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, final

__all__ = [
    "Aborted",
    "BodyChunk",
    "Datagram",
    "Ended",
    "Event",
    "ExchangeEngine",
    "Field",
    "Fields",
    "FileSpan",
    "Informational",
    "Output",
    "Refused",
    "RequestHead",
    "RequestStarted",
    "ResponseStarted",
    "Trailers",
    "TunnelOpened",
    "index_fields",
]

Field: TypeAlias = tuple[bytes, bytes]
Fields: TypeAlias = Sequence[Field]


@final
@dataclass(slots=True)
class RequestHead:
    """The control data and fields of a request, the same for every version.  RFC 9110 §6.2, §7.1.

    Attributes:
      method:     as sent; methods are case-sensitive.
      scheme:     "http" or "https", of the connection or of an absolute-form target.
      authority:  host[:port] of the target, from absolute-form, `:authority` or Host; empty only in HTTP/1.0.
      target:     origin-form (path and query), "*" for a server-wide OPTIONS, empty for CONNECT.
      fields:     all fields in order of arrival, names in lower case.
      index:      name -> combined field value (RFC 9110 §5.3), for look-ups.
      version:    10, 11, 20 or 30.
      protocol:   the `:protocol` of an extended CONNECT (RFC 8441) or the accepted token of an Upgrade; else None.
      early:      it came as 0-RTT data and may be a replay.  RFC 8470 §3.
    """

    method: bytes
    scheme: bytes
    authority: bytes
    target: bytes
    fields: Fields
    index: dict[bytes, bytes] = field(repr=False)
    version: int
    protocol: bytes | None = None
    early: bool = False


def index_fields(fields: Iterable[Field]) -> dict[bytes, bytes]:
    """Name -> value with repeated fields combined by ", " (cookies by "; ").  RFC 9110 §5.3, RFC 9113 §8.2.3."""
    index: dict[bytes, bytes] = {}
    for name, value in fields:
        if name in index:
            index[name] += (b"; " if name == b"cookie" else b", ") + value
        else:
            index[name] = value
    return index


@final
@dataclass(slots=True)
class FileSpan:
    """A part of an open file that leaves as it is, so that zero copy survives the engine.

    The engine never reads it: the driver does, by sendfile where it can.  Whoever made the span keeps `fd` open until the
    span has left or the exchange ended.
    """

    fd: int
    offset: int
    length: int


Output: TypeAlias = bytes | FileSpan


# --- events of an exchange -----------------------------------------------------------------------------------------


@final
@dataclass(slots=True)
class RequestStarted:
    """A request head arrived (server role).  `ended`: it has no content, no Ended follows."""

    stream: int
    request: RequestHead
    ended: bool


@final
@dataclass(slots=True)
class ResponseStarted:
    """A final response head arrived (client role).  `ended`: it has no content, no Ended follows."""

    stream: int
    status: int
    fields: Fields
    ended: bool


@final
@dataclass(slots=True)
class Informational:
    """A 1xx response arrived (client role).  RFC 9110 §15.2."""

    stream: int
    status: int
    fields: Fields


@final
@dataclass(slots=True)
class BodyChunk:
    """Some content; or raw bytes once a tunnel is open.  Give the octets back with `consumed`."""

    stream: int
    data: bytes


@final
@dataclass(slots=True)
class Trailers:
    """Trailer fields, kept apart from the head's.  RFC 9110 §6.5.  Ended follows."""

    stream: int
    fields: Fields


@final
@dataclass(slots=True)
class Ended:
    """The peer's message is complete; in a tunnel, the peer's half is closed."""

    stream: int


@final
@dataclass(slots=True)
class Aborted:
    """The exchange is dead: reset, connection lost, protocol broken.  Nothing can be sent on it any more."""

    stream: int
    reason: str


@final
@dataclass(slots=True)
class Refused:
    """A request head or content that the engine will not accept; exactly one final response may still be sent on `stream`.

    `status` and `reason` say which; the connection or stream is closed after the response as the protocol asks.  When it
    comes after RequestStarted of the same stream, the request's content ended badly.
    """

    stream: int
    status: int
    reason: str


@final
@dataclass(slots=True)
class TunnelOpened:
    """From here on the stream carries raw bytes both ways (CONNECT, Upgrade)."""

    stream: int


@final
@dataclass(slots=True)
class Datagram:
    """An HTTP datagram.  RFC 9297."""

    stream: int
    data: bytes


Event: TypeAlias = (
    RequestStarted | ResponseStarted | Informational | BodyChunk | Trailers | Ended | Aborted | Refused | TunnelOpened | Datagram
)


class ExchangeEngine(Protocol):
    """HTTP of any version, either role: bytes in, events out; verbs in, bytes out."""

    @property
    def wants_read(self) -> bool:
        """False while every byte that could arrive would only queue: the driver stops reading."""

    @property
    def wants_close(self) -> bool:
        """True once the connection is to be closed after `data_to_send` has left."""

    @property
    def holds_input(self) -> bool:
        """Bytes, or their end, that were held back wait for `receive(b"")`."""

    @property
    def holds_output(self) -> bool:
        """More is ready to leave, but not in this turn of the loop: its budget is used up."""

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Bytes from the peer; b"" asks for events of bytes held back before (after a response ended, or `consumed`)."""

    def receive_eof(self, now: float) -> list[Event]:
        """The peer's half is closed."""

    def expects_continue(self, stream: int) -> bool:
        """The peer waits for a 100 (Continue) before it sends content."""

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """A 1xx response; 101 opens the tunnel."""

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """The final response head."""

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """A whole final response in one go: send_headers and send_data, and one write where the protocol allows it."""

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """Content; a FileSpan stays one until the driver sends it."""

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """Trailer fields, which end the message."""

    def reset(self, stream: int, reason: str) -> None:
        """Give the exchange up at once."""

    def consumed(self, stream: int, octets: int) -> None:
        """`octets` of BodyChunk data have been used: the peer may send as many again."""

    def credit(self, stream: int) -> int:
        """How many octets of content may be sent now without queueing beyond the bound."""

    def data_to_send(self, now: float) -> list[Output]:
        """What has to leave, in order; taken once, and leaves at `now`."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` must be called, on the clock of `now`."""

    def handle_timeout(self, now: float) -> list[Event]:
        """Time has come; early or needless calls do nothing."""

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """Finish what is under way, take nothing new, then close (GOAWAY, `Connection: close`).

        Where the protocol cannot tell an idle peer so, the connection stays for `patience` seconds and closes after its next exchange.
        """
