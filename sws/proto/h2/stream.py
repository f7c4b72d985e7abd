# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an engine knows of one stream."""

from __future__ import annotations

from collections import deque
from typing import final

from sws.base.engine import Field, Output
from sws.proto.h2.states import Intake, Message, StreamState
from sws.proto.h2.windows import ReceiveWindow

__all__ = ["Stream"]


@final
class Stream:
    """One exchange's stream, from its first HEADERS until it is closed.

    Most streams never change most of this, so it stands here once and in a stream only after it changed.

    Attributes:
      number, state:  RFC 9113 §5.1.
      window:         octets of DATA that the peer takes on this stream; negative after SETTINGS made it so (§6.9.2).
      said:           how far our message is.
      heard:          how far the peer's response is (client).
      intake:         what becomes of the peer's content.
      method:         of the request.
      queue, queued:  what waits to be sent, and its octets.
      trailers:       leave behind the queue.
      owed:           octets of content that the declared length still wants from us, or None.
      receive:        our window for the peer's content; None as long as none came.
      expected:       what the peer's content-length says, or None.
      received:       octets of content that came.
      unconsumed:     delivered and not given back yet.
      informational:  1xx responses that came (client).
      since, last:    when the peer's content was first and last waited for.
      blocked_since, sent:  when the queue began to wait for a window; octets sent since.
    """

    said: Message = Message.AWAITED
    heard: Message = Message.AWAITED
    intake: Intake = Intake.WANTED
    method: bytes = b"GET"
    queue: deque[Output | memoryview] | None = None
    queued: int = 0
    trailers: list[Field] | None = None
    owed: int | None = None
    receive: ReceiveWindow | None = None
    expected: int | None = None
    received: int = 0
    unconsumed: int = 0
    informational: int = 0
    since: float = 0.0
    last: float = 0.0
    blocked_since: float | None = None
    sent: int = 0

    def __init__(self, number: int, state: StreamState, window: int) -> None:
        self.number = number
        self.state = state
        self.window = window
