# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a peer may do that costs us more than it costs the peer, and how often.  RFC 9113 §10.5.

Each kind is a bucket of tokens that fills again with time; what finds it empty ends the connection with ENHANCE_YOUR_CALM.

    rapid_reset      RST_STREAM of a stream whose response was not complete (CVE-2023-44487)
    broken_stream    a stream error that the peer provoked, so that we reset the stream (CVE-2025-8671, "MadeYouReset")
    refused_stream   a stream beyond the concurrency limit
    settings, ping, priority, window_update, unknown   frames of these kinds
    empty            DATA or CONTINUATION frames without octets and without a flag that means anything

The first two share a bucket: they are two ways of doing one thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.limits import Http2Limits

__all__ = ["Budgets"]

_SHARED: Final = {"broken_stream": "rapid_reset", "refused_stream": "rapid_reset"}
_WINDOW_UPDATES: Final = 20  # a peer that reads in small pieces sends many; a bucket of theirs is so much larger


@final
class Budgets:
    """The buckets of one connection.

    Args:
      observe:  told the kind whenever a bucket was found empty; for a metric.
    """

    __slots__ = ("_buckets", "_limits", "_observe")

    def __init__(self, limits: Http2Limits, observe: Callable[[str], None] | None = None) -> None:
        self._limits = limits
        self._observe = observe
        self._buckets: dict[str, list[float]] = {}  # kind -> [tokens, when they were counted]

    def spend(self, kind: str, now: float) -> None:
        """Take a token.  Raises: H2ConnectionError when there is none."""
        bucket = self._buckets.get(kind) or self._bucket(kind, now)
        tokens = bucket[0] - 1.0
        if tokens < 0:
            capacity, rate = self._measure(kind)
            tokens = min(capacity, bucket[0] + (now - bucket[1]) * rate) - 1.0
            bucket[1] = now
            if tokens < 0:
                raise self.exceeded(kind)
        bucket[0] = tokens

    def exceeded(self, kind: str) -> H2ConnectionError:
        """The error for a bound of another kind, counted like those here."""
        if self._observe is not None:
            self._observe(kind)
        return H2ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, f"too much: {kind}")

    def _bucket(self, kind: str, now: float) -> list[float]:
        shared = _SHARED.get(kind, kind)
        bucket = self._buckets.get(shared)
        if bucket is None:
            bucket = self._buckets[shared] = [float(self._measure(kind)[0]), now]
        self._buckets[kind] = bucket
        return bucket

    def _measure(self, kind: str) -> tuple[float, float]:
        limits = self._limits
        if kind == "rapid_reset" or kind in _SHARED:
            return limits.resets, limits.resets_rate
        if kind == "window_update":
            return limits.controls * _WINDOW_UPDATES, limits.controls_rate * _WINDOW_UPDATES
        return limits.controls, limits.controls_rate
