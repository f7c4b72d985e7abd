# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One request stream, and one unidirectional stream of the peer's."""

from __future__ import annotations

from typing import final

from sws.proto.h3.frames import FrameReader
from sws.proto.h3.states import Message

__all__ = ["PeerStream", "Stream"]


@final
class Stream:
    """An exchange.

    Attributes:
      heard, said:  how far the peer's message is, and ours.
      method:       of the request.
      expected:     octets of content that the peer declared, or None; `received` are those that came.
      owed:         octets of content that we declared and did not send yet, or None.
      unconsumed:   octets of content delivered and not given back.
      withheld:     octets that came behind a field section that is blocked.
      is_blocked:   a field section waits for the encoder stream.
      fin:          the peer's last octet came.
      holds:        the client waits for a 100 (Continue).
      refused:      the engine itself wants one response, and nobody the rest of the peer's message.
    """

    __slots__ = (
        "expected",
        "fin",
        "heard",
        "holds",
        "informational",
        "is_blocked",
        "method",
        "number",
        "owed",
        "reader",
        "received",
        "refused",
        "said",
        "unconsumed",
        "withheld",
    )

    def __init__(self, number: int, frame_maximum: int) -> None:
        self.number = number
        self.reader = FrameReader(frame_maximum)
        self.heard = Message.AWAITED
        self.said = Message.AWAITED
        self.method = b"GET"
        self.expected: int | None = None
        self.received = 0
        self.owed: int | None = None
        self.unconsumed = 0
        self.withheld = 0
        self.is_blocked = False
        self.fin = False
        self.holds = False
        self.refused = False
        self.informational = 0


@final
class PeerStream:
    """A unidirectional stream.

    Attributes:
      kind:    its type, -1 until that has come.
      rest:    octets of the type.
      reader:  of the control stream's frames.
    """

    __slots__ = ("kind", "reader", "rest")

    def __init__(self) -> None:
        self.kind = -1
        self.rest = b""
        self.reader: FrameReader | None = None
