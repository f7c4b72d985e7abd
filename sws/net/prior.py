# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/1.1 or HTTP/2 on one cleartext port: by the client's first octets.  RFC 9113 §3.3 (prior knowledge), §3.4 (the preface).

An `ExchangeEngine` for as long as it is not known which; then `chosen` is told the real one, takes its place, and this one is never asked
again, so that it costs a connection one look at its first octets.  Until then it is the HTTP/1.1 engine as far as anybody sees: an idle
client is timed out by its clocks.

A first line of three words of letters has the shape of a request line or of the preface, and neither a target nor a version of HTTP: it is
the preface of another protocol, and an answer of HTTP/1.1 would be read as whatever that is.  Such a connection is closed (§3.4: a GOAWAY
may be omitted there).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.engine import Event, ExchangeEngine, Fields, Output
from sws.base.errors import UsageError
from sws.proto.http1 import ServerConnection as Http1Server

__all__ = ["PriorKnowledge"]

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


_LINE_MAXIMUM: Final = 256


def _is_foreign(data: bytes) -> bool | None:
    """Whether the first line is of neither HTTP/1.1 nor HTTP/2; None as long as that is not known."""
    line, end, _ = data[:_LINE_MAXIMUM].partition(b"\n")
    words = line.removesuffix(b"\r").split(b" ")
    if not all(word.isalpha() for word in words if word):
        return False
    if end or len(data) >= _LINE_MAXIMUM:
        return bool(end) and len(words) == 3 and all(words)
    return None


@final
class PriorKnowledge:
    """The first octets of one connection.

    Args:
      http1:   the engine if it is not HTTP/2.
      http2:   makes the engine if it is, from what time it is.
      chosen:  told which.
    """

    #: See ExchangeEngine.
    holds_output = False
    holds_input = False

    def __init__(self, http1: Http1Server, http2: Callable[[float], ExchangeEngine], chosen: Callable[[ExchangeEngine], None]) -> None:
        self._http1 = http1
        self._http2 = http2
        self._chosen = chosen
        self._first = b""

    @property
    def wants_read(self) -> bool:
        """Unless it timed out."""
        return self._http1.wants_read

    @property
    def wants_close(self) -> bool:
        """It timed out."""
        return self._http1.wants_close

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Octets from the client."""
        if not data or self._http1.wants_close:
            return []
        data = self._first + data if self._first else data
        is_prefix = _PREFACE.startswith(data[: len(_PREFACE)])
        if not is_prefix and (is_foreign := _is_foreign(data)) is not None:
            if is_foreign:
                return self._http1.shutdown(now)
            self._chosen(self._http1)
            return self._http1.receive(data, now)
        if not is_prefix or len(data) < len(_PREFACE):
            self._first = data
            return []
        engine = self._http2(now)
        self._chosen(engine)
        return engine.receive(data, now)

    def receive_eof(self, now: float) -> list[Event]:
        """The client closed before it was known."""
        self._chosen(self._http1)
        found = self._http1.receive(self._first, now) if self._first else []
        return found + self._http1.receive_eof(now)

    def data_to_send(self, now: float) -> list[Output]:
        """Nothing yet."""
        return self._http1.data_to_send(now)

    def next_timeout(self) -> float | None:
        """The end of the wait for a head."""
        return self._http1.next_timeout()

    def handle_timeout(self, now: float) -> list[Event]:
        """Who said nothing, or part of a preface, is given up in silence."""
        return self._http1.handle_timeout(now)

    def shutdown(self, now: float, patience: float = 0.0) -> list[Event]:
        """As an idle connection of HTTP/1.1."""
        return self._http1.shutdown(now, patience)

    # --- verbs: there is no exchange yet -------------------------------------------------------------------------

    def expects_continue(self, stream: int) -> bool:
        """See ExchangeEngine."""
        return False

    def send_informational(self, stream: int, status: int, fields: Fields) -> None:
        """See ExchangeEngine."""
        raise UsageError(_NO_STREAM)

    def send_headers(self, stream: int, status: int, fields: Fields, ended: bool = False) -> None:
        """See ExchangeEngine."""
        raise UsageError(_NO_STREAM)

    def send_response(self, stream: int, status: int, fields: Fields, content: bytes) -> None:
        """See ExchangeEngine."""
        raise UsageError(_NO_STREAM)

    def send_data(self, stream: int, data: Output, ended: bool = False) -> None:
        """See ExchangeEngine."""
        raise UsageError(_NO_STREAM)

    def send_trailers(self, stream: int, fields: Fields) -> None:
        """See ExchangeEngine."""
        raise UsageError(_NO_STREAM)

    def reset(self, stream: int, reason: str) -> None:
        """See ExchangeEngine."""

    def consumed(self, stream: int, octets: int) -> None:
        """See ExchangeEngine."""

    def credit(self, stream: int) -> int:
        """See ExchangeEngine."""
        return 0


_NO_STREAM: Final = "no protocol is chosen yet"
