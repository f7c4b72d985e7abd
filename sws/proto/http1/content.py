# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The content of one request: cut out of what arrives, counted, and timed.  RFC 9112 §6, §7; RFC 9110 §10.1.1

A client has to send at a fair rate: `body_grace` seconds and then one for each `body_rate` octets, and never with a pause of more than
`body_timeout`.  The clock stands still while the silence is ours: as long as the window is full, or a 100 (Continue) is not sent yet.
"""

from __future__ import annotations

from typing import final

from sws.base.engine import Fields
from sws.base.errors import Http1Error
from sws.proto.http1.chunked import ChunkedDecoder
from sws.proto.http1.limits import Http1Limits
from sws.proto.http1.request import CHUNKED, Framing

__all__ = ["RequestContent"]


@final
class RequestContent:
    """What is still to come.

    Attributes:
      expects_continue:  the client waits for 100 (Continue) before it sends anything.
      stopped_at:        since when the clock stands still.
      received, dropped: octets taken from the client, and those of them that nobody wanted any more.
    """

    __slots__ = ("_decoder", "_left", "_limits", "_since", "dropped", "expects_continue", "received", "stopped_at")

    def __init__(self, limits: Http1Limits, framing: Framing, now: float) -> None:
        self._limits = limits
        self._left = framing.length
        self._decoder = ChunkedDecoder(limits) if framing.length == CHUNKED else None
        self._since = now
        self.expects_continue = framing.expects_continue
        self.stopped_at: float | None = None
        self.received = 0
        self.dropped = 0

    @property
    def done(self) -> bool:
        """Nothing is to come."""
        return self._left == 0 if self._decoder is None else self._decoder.done

    @property
    def trailers(self) -> Fields:
        """The fields behind chunked content."""
        return () if self._decoder is None else self._decoder.trailers

    @property
    def is_hopeless(self) -> bool:
        """It will not be read to its end once it is not wanted: more than we care to drain, or it waits for a 100 in vain."""
        return self.expects_continue or self._left > self._limits.drain

    def take(self, buffer: bytearray, budget: int) -> bytes:
        """The content at the beginning of `buffer`, at most `budget` octets, which leave it.

        Raises: Http1Error 400 for malformed chunks, 413 for more than is allowed.
        """
        decoder = self._decoder
        if decoder is None:
            data = bytes(memoryview(buffer)[: min(self._left, budget)])
            del buffer[: len(data)]
            self._left -= len(data)
        else:
            maximum = self._limits.body
            if maximum is not None:
                budget = min(budget, maximum - self.received + 1)
            data = decoder.decode(buffer, budget)
            if maximum is not None and self.received + len(data) > maximum:
                raise Http1Error(413, "the content is too large")
        self.received += len(data)
        return data

    def deadline(self, now: float, wanted: bool) -> float | None:
        """When more has to have come; None while it is we who are waited for.

        Args:
          wanted:  there is room for more.
        """
        if self.stopped_at is not None:
            self._since += now - self.stopped_at
            self.stopped_at = None
        if not wanted or (self.expects_continue and not self.received):
            self.stopped_at = now
            return None
        limits = self._limits
        fair = self._since + limits.body_grace + self.received / limits.body_rate
        return min(now + limits.body_timeout, fair)
