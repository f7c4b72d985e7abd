# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Everything a peer can make grow, last or repeat on an HTTP/3 connection, and how far; QUIC's own bounds are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

__all__ = ["Http3Limits"]


@final
@dataclass(frozen=True, slots=True)
class Http3Limits:
    """Bounds of one connection; times in seconds.

    Attributes:
      head:           octets of a decoded field section, each field counting 32 more (SETTINGS_MAX_FIELD_SECTION_SIZE); past it 431.
      fields:         how many fields a section may have; past it 431.
      frame:          octets of a HEADERS or control frame; past it the connection ends.
      body:           octets of content; past it 413.  None: no bound.
      table:          octets of the peer's QPACK table (SETTINGS_QPACK_MAX_TABLE_CAPACITY), and of ours at most.
      blocked:        streams that may wait for the encoder stream (SETTINGS_QPACK_BLOCKED_STREAMS).
      requests:       how many requests one connection may carry before it is told to go away.
      head_timeout:   for a request's head, once its stream has begun, its QPACK instructions included.
      body_timeout:   longest silence within content.
      resets:         streams that may be taken back or broken in a burst; `resets_rate` more come with each second.
      controls:       PRIORITY_UPDATE, unknown frames and streams, and their like in a burst, each kind by itself; `controls_rate` likewise.
      datagrams:      take HTTP datagrams (RFC 9297).
      connect_protocol:  accept extended CONNECT (RFC 9220).
      require_length: refuse content without content-length with 411.
    """

    head: int = 32768
    fields: int = 100
    frame: int = 65536
    body: int | None = 1 << 30
    table: int = 4096
    blocked: int = 32
    requests: int = 1_000_000
    head_timeout: float = 10.0
    body_timeout: float = 30.0
    resets: int = 200
    resets_rate: float = 20.0
    controls: int = 200
    controls_rate: float = 20.0
    datagrams: bool = False
    connect_protocol: bool = False
    require_length: bool = False
