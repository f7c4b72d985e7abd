# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an engine knows of one stream."""

from __future__ import annotations

from collections import deque
from typing import final

from sws.base.engine import Fields, Output
from sws.proto.h2.states import StreamState
from sws.proto.h2.windows import ReceiveWindow

__all__ = ["Stream"]


@final
class Stream:
    """One exchange's stream, from its first HEADERS until it is closed.

    Most streams never change most of this, so it stands here once and in a stream only after it changed.

    Attributes:
      number, state:  RFC 9113 §5.1.
      window:         octets of DATA that the peer takes on this stream; negative after SETTINGS made it so (§6.9.2).
      method:         of the request.
      headed:         the final response head was sent (server) or came (client).
      said_end:       our side's end was asked for by the verbs; END_STREAM leaves when all before it has.
      queue, queued, taken:  what waits to be sent, its octets, and how many of the first piece have left already.
      trailers:       leave behind the queue.
      owed:           octets of content that the declared length still wants from us, or None.
      tunnel:         CONNECT was accepted: octets go both ways.
      receive:        our window for the peer's content; None as long as none came.
      expected:       what the peer's content-length says, or None.
      received:       octets of content that came.
      unconsumed:     delivered and not given back yet.
      discards:       nobody wants the peer's content any more.
      ends_with_reset:  once our side has ended, the stream is reset rather than drained.
      waits_for_continue:  the client sent Expect: 100-continue.
      informational:  1xx responses that came (client).
      since, heard:   when content was first and last waited for.
      blocked_since, sent:  when the queue began to wait for a window; octets sent since.
    """

    method: bytes = b"GET"
    headed: bool = False
    said_end: bool = False
    queue: deque[Output] | None = None
    queued: int = 0
    taken: int = 0
    trailers: Fields | None = None
    owed: int | None = None
    tunnel: bool = False
    receive: ReceiveWindow | None = None
    expected: int | None = None
    received: int = 0
    unconsumed: int = 0
    discards: bool = False
    ends_with_reset: bool = False
    waits_for_continue: bool = False
    informational: int = 0
    since: float = 0.0
    heard: float = 0.0
    blocked_since: float | None = None
    sent: int = 0

    def __init__(self, number: int, state: StreamState, window: int) -> None:
        self.number = number
        self.state = state
        self.window = window
