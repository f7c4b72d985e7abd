# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The end of a connection.  RFC 9000 §10.

    ACTIVE ── we close ──▶ CLOSING ── three probe time-outs ──▶ CLOSED
       │                      └── the peer's CONNECTION_CLOSE ──▶ DRAINING
       ├── the peer closes, or a stateless reset ──▶ DRAINING ── three probe time-outs ──▶ CLOSED
       └── idle ──▶ CLOSED

In CLOSING every packet that comes is answered with CONNECTION_CLOSE, ever more seldom (§10.2.1); in DRAINING nothing is sent.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, final

from sws.base.fsm import TransitionTable

__all__ = ["CLOSING", "Closing", "End", "EndInput"]

_REASON_MAXIMUM: Final = 256


class End(IntEnum):
    """How far the end has come."""

    ACTIVE = 0
    CLOSING = 1
    DRAINING = 2
    CLOSED = 3


class EndInput(IntEnum):
    """What happens to a connection."""

    CLOSE = 0
    PEER_CLOSE = 1
    TIMEOUT = 2


_E, _I = End, EndInput

CLOSING: Final = TransitionTable(
    "closing",
    _E.ACTIVE,
    {
        (_E.ACTIVE, _I.CLOSE): _E.CLOSING,
        (_E.ACTIVE, _I.PEER_CLOSE): _E.DRAINING,
        (_E.ACTIVE, _I.TIMEOUT): _E.CLOSED,
        (_E.CLOSING, _I.PEER_CLOSE): _E.DRAINING,
        (_E.CLOSING, _I.TIMEOUT): _E.CLOSED,
        (_E.DRAINING, _I.TIMEOUT): _E.CLOSED,
    },
)


@final
class Closing:
    """One connection's end.

    Attributes:
      code, frame_type, reason, application:  of our CONNECTION_CLOSE.
      wants_to_send:  CONNECTION_CLOSE is to leave.
      is_told:        CONNECTION_CLOSE left once.
      until:          when CLOSING or DRAINING is over.
    """

    __slots__ = ("_answer_after", "_came", "application", "code", "frame_type", "is_told", "reason", "state", "until", "wants_to_send")

    def __init__(self) -> None:
        self.state = End.ACTIVE
        self.code = 0
        self.frame_type = 0
        self.reason = b""
        self.application = False
        self.wants_to_send = False
        self.is_told = False
        self.until: float | None = None
        self._came = 0
        self._answer_after = 1

    def step(self, given: EndInput) -> bool:
        """The state after an input; False if it changes nothing any more."""
        state = CLOSING.step((self.state, given))
        if state is None:
            return False
        self.state = state
        return True

    def close(self, code: int, frame_type: int, reason: str, application: bool, until: float) -> bool:
        """We close."""
        if not self.step(EndInput.CLOSE):
            return False
        self.code, self.frame_type, self.application = code, frame_type, application
        self.reason = reason.encode()[:_REASON_MAXIMUM]
        self.wants_to_send = True
        self.until = until
        return True

    def drain(self, until: float) -> bool:
        """The peer closed."""
        was_active = self.state is End.ACTIVE
        if not self.step(EndInput.PEER_CLOSE):
            return False
        self.wants_to_send = False
        if was_active:
            self.until = until
        return True

    def on_packet(self) -> None:
        """Something came while closing: every first, second, fourth, eighth … packet is answered."""
        self._came += 1
        if self._came >= self._answer_after:
            self._came = 0
            self._answer_after *= 2
            self.wants_to_send = True
