# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From the configuration to the bounds of HTTP/2 connections."""

from __future__ import annotations

from sws.config.model import ServerConfig
from sws.proto.h2 import Http2Limits

__all__ = ["http2_limits"]

_PER_SECOND = 0.1  # of a burst's size that comes back each second


def http2_limits(server: ServerConfig) -> Http2Limits:
    """What `server.http2`, `server.limits` and `server.timeouts` say."""
    http2 = server.http2
    limits = server.limits
    timeouts = server.timeouts
    return Http2Limits(
        streams=http2.streams,
        head=limits.head,
        fields=limits.fields,
        block=max(2 * limits.head, 16384),
        body=limits.body,
        table=http2.table,
        window=http2.window,
        window_maximum=max(http2.window_maximum, http2.window),
        connection_window=http2.connection_window,
        requests=limits.requests_per_connection,
        head_timeout=timeouts.head,
        settings_timeout=timeouts.head,
        body_timeout=timeouts.body,
        body_rate=timeouts.rate,
        stall_timeout=http2.stall,
        resets=http2.resets,
        resets_rate=http2.resets * _PER_SECOND,
        controls=http2.controls,
        controls_rate=http2.controls * _PER_SECOND,
        require_length=limits.require_length,
        priority_tree=http2.priorities == "tree",
    )
