# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a peer may do that costs us more than it costs the peer, and how often.  RFC 9114 §10.5.

Each kind is a bucket of tokens that fills again with time; what finds it empty ends the connection with H3_EXCESSIVE_LOAD.

    reset     a stream that was taken back before its response was complete, or that the peer's fault made us reset
    unknown   frames of unknown types, unidirectional streams of unknown types
    control   MAX_PUSH_ID, GOAWAY
    priority  PRIORITY_UPDATE, of which browsers send many
    empty     DATA frames without octets
    datagram  HTTP datagrams that belong to no stream
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.errors import H3ConnectionError
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.limits import Http3Limits

__all__ = ["Budgets"]

_PRIORITIES: Final = 10


@final
class Budgets:
    """The buckets of one connection.

    Args:
      observe:  told the kind whenever a bucket was found empty; for a metric.
    """

    __slots__ = ("_buckets", "_limits", "_observe")

    def __init__(self, limits: Http3Limits, observe: Callable[[str], None] | None = None) -> None:
        self._limits = limits
        self._observe = observe
        self._buckets: dict[str, list[float]] = {}  # kind -> [tokens, when they were counted]

    def spend(self, kind: str, now: float) -> None:
        """Take a token.  Raises: H3ConnectionError when there is none."""
        limits = self._limits
        capacity, rate = (limits.resets, limits.resets_rate) if kind == "reset" else (limits.controls, limits.controls_rate)
        if kind == "priority":
            capacity *= _PRIORITIES
            rate *= _PRIORITIES
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = self._buckets[kind] = [float(capacity), now]
        tokens = bucket[0] - 1.0
        if tokens < 0:
            tokens = min(capacity, bucket[0] + (now - bucket[1]) * rate) - 1.0
            bucket[1] = now
            if tokens < 0:
                self.note(kind)
                raise H3ConnectionError(ErrorCode.H3_EXCESSIVE_LOAD, f"too much: {kind}")
        bucket[0] = tokens

    def note(self, kind: str) -> None:
        """A defence acted."""
        if self._observe is not None:
            self._observe(kind)
