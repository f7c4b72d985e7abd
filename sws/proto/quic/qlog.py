# SPDX-License-Identifier: Apache-2.0 OR MIT
"""qlog: a trace of one connection as JSON text sequences.  draft-ietf-quic-qlog-main-schema, -quic-events; RFC 7464.

Each record is RS, a JSON object, LF; the first describes the trace, each other is one event with its time in milliseconds since the
first.  Nothing is written by itself: records go to a function, which decides where.  Off unless a configuration asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final, final

__all__ = ["PACKET_NAMES", "QlogTrace"]

PACKET_NAMES: Final = ("initial", "0RTT", "handshake", "1RTT", "retry", "version_negotiation")


@final
class QlogTrace:
    """One connection's trace.

    Args:
      write:      takes each record, whole.
      original:   the client's first destination ID, which names the connection.
      is_client:  our role.
    """

    __slots__ = ("_start", "_write")

    def __init__(self, write: Callable[[bytes], None], original: bytes, is_client: bool) -> None:
        self._write = write
        self._start: float | None = None
        self._record(
            {
                "qlog_version": "0.3",
                "qlog_format": "JSON-SEQ",
                "trace": {
                    "vantage_point": {"type": "client" if is_client else "server"},
                    "common_fields": {"ODCID": original.hex(), "time_format": "relative"},
                },
            }
        )

    def _record(self, value: dict[str, object]) -> None:
        self._write(b"\x1e" + json.dumps(value, separators=(",", ":")).encode() + b"\n")

    def event(self, now: float, name: str, data: dict[str, object]) -> None:
        """One event, such as `transport:packet_sent`."""
        if self._start is None:
            self._start = now
        self._record({"time": round((now - self._start) * 1000, 3), "name": name, "data": data})

    def packet(self, now: float, sent: bool, kind: int, number: int, size: int, frames: list[str]) -> None:
        """A packet that left or came, with the names of its frames."""
        self.event(
            now,
            "transport:packet_sent" if sent else "transport:packet_received",
            {
                "header": {"packet_type": PACKET_NAMES[kind], "packet_number": number},
                "raw": {"length": size},
                "frames": [{"frame_type": name} for name in frames],
            },
        )

    def metrics(self, now: float, window: int, in_flight: int, smoothed: float, latest: float) -> None:
        """What recovery believes."""
        self.event(
            now,
            "recovery:metrics_updated",
            {
                "congestion_window": window,
                "bytes_in_flight": in_flight,
                "smoothed_rtt": round(smoothed * 1000, 3),
                "latest_rtt": round(latest * 1000, 3),
            },
        )
