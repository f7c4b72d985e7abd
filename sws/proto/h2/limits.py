# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Everything a peer can make grow, last or repeat on an HTTP/2 connection, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

__all__ = ["Http2Limits", "IdlePolicy"]


@final
@dataclass(frozen=True, slots=True)
class Http2Limits:
    """Bounds of one connection; times in seconds.

    Attributes:
      streams:        how many a peer may have open at once (SETTINGS_MAX_CONCURRENT_STREAMS).
      head:           octets of a decoded field section, each field counting 32 more (SETTINGS_MAX_HEADER_LIST_SIZE); past it 431.
      fields:         how many fields a section may have; past it 431.
      block:          octets of a field block before it is decoded; past it the connection ends.
      continuations:  CONTINUATION frames of one field block; past it the connection ends.
      body:           octets of content; past it 413.  None: no bound.
      frame:          largest payload accepted (SETTINGS_MAX_FRAME_SIZE).
      table:          octets of the peer's HPACK table (SETTINGS_HEADER_TABLE_SIZE), and of ours at most.
      window:         octets of content that a stream may have on their way at first (SETTINGS_INITIAL_WINDOW_SIZE).
      window_maximum: what that may grow to while content is consumed as fast as it comes.
      connection_window:  the same for all streams together, and what may wait unconsumed before the connection's window stays shut.
      queue:          octets waiting to be sent on one stream before `credit` is 0.
      drain:          octets of unwanted content taken after an early response before the stream is reset.
      requests:       how many requests one connection may carry before it is told to go away.
      head_timeout:   for the preface, and for the rest of a field block or frame that has begun.
      settings_timeout:  for the acknowledgement of our SETTINGS.
      body_timeout:   longest silence within content.
      body_rate:      least octets a second, averaged after `body_grace`, of content, and of responses the peer has to make room for.
      body_grace:     see there.
      stall_timeout:  how long a response may wait for a window before its stream is reset.
      resets:         streams that may be taken back or broken in a burst; `resets_rate` more come with each second.
      controls:       SETTINGS, PING, PRIORITY and their like in a burst, each kind by itself; `controls_rate` likewise.
      require_length: refuse content without content-length with 411.
      connect_protocol:  accept extended CONNECT (RFC 8441).
      priority_tree:  serve by the dependency tree of RFC 7540 §5.3 instead of the urgencies of RFC 9218.
    """

    streams: int = 100
    head: int = 32768
    fields: int = 100
    block: int = 65536
    continuations: int = 32
    body: int | None = 1 << 30
    frame: int = 16384
    table: int = 4096
    window: int = 65535
    window_maximum: int = 1 << 20
    connection_window: int = 1 << 20
    queue: int = 65536
    drain: int = 65536
    requests: int = 1_000_000
    head_timeout: float = 10.0
    settings_timeout: float = 10.0
    body_timeout: float = 30.0
    body_rate: int = 240
    body_grace: float = 10.0
    stall_timeout: float = 30.0
    resets: int = 200
    resets_rate: float = 20.0
    controls: int = 200
    controls_rate: float = 20.0
    require_length: bool = False
    connect_protocol: bool = False
    priority_tree: bool = False


@final
class IdlePolicy:
    """How long a connection may stay without streams; whoever owns it changes it with the load.

    Attributes:
      seconds:  the time-out in force now.
    """

    __slots__ = ("seconds",)

    def __init__(self, seconds: float = 60.0) -> None:
        self.seconds = seconds
