# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Everything a peer can make grow or last on an HTTP/1.1 connection, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from sws.proto.http.idle import IdlePolicy

__all__ = ["Http1Limits", "IdlePolicy"]


@final
@dataclass(frozen=True, slots=True)
class Http1Limits:
    """Bounds of one connection; times in seconds.

    Attributes:
      request_line:   octets of the first line; past it a request gets 414.  RFC 9112 §3 asks for at least 8000.
      head:           octets of all field lines together, trailers likewise; past it 431.
      fields:         how many fields a head or trailer section may have; past it 431.
      body:           octets of content; past it 413.  None: no bound.
      chunk_extensions:  octets of chunk extensions in one message, and of one chunk line; past it 400.
      window:         octets of content delivered but not yet consumed.
      queue:          octets waiting to be sent before `credit` is 0.
      drain:          octets of unwanted content read to keep a connection alive after an early response.
      requests:       how many requests one connection may carry; the last response says `Connection: close`.
      head_timeout:   from the first octet of a head (or the connection's opening) to its end.
      body_timeout:   longest silence within content.
      body_rate:      least octets a second of content, averaged, after `body_grace`.
      require_length: refuse content without Content-Length with 411 (RFC 9110 §15.5.12).
    """

    request_line: int = 8192
    head: int = 32768
    fields: int = 100
    body: int | None = 1 << 30
    chunk_extensions: int = 4096
    window: int = 65536
    queue: int = 262144
    drain: int = 65536
    requests: int = 1_000_000
    head_timeout: float = 10.0
    body_timeout: float = 30.0
    body_rate: int = 240
    body_grace: float = 10.0
    require_length: bool = False
