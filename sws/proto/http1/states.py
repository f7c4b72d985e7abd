# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who may say what when on an HTTP/1.1 connection.  RFC 9112 §9.

Two machines run side by side, one for each speaker; neither knows which of the two ends we are.  A server *receives* with the
requester's machine and *sends* with the responder's; a client the other way round.

    requester   IDLE ─head─▶ BODY ─end─▶ DONE ─next─▶ IDLE
    responder   IDLE ─request─▶ OWED ─head─▶ BODY ─end─▶ DONE ─next─▶ IDLE

The pair returns to IDLE together: `NEXT` is given to both when both are DONE and the connection persists (§9.3).  `SWITCH` makes a
tunnel of both after a 101 or a 2xx to CONNECT.  `CLOSE` is the end of what this speaker says, `FAULT` means that what it said
cannot be understood any further.  What a peer sends and what our verbs say goes through
these tables where it can be refused; where the engine has just looked at both states itself (the usual whole response), it sets the
state that the table would give.  A pair that is absent is refused: by the peer, a protocol error; by ourselves, a UsageError.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sws.base.fsm import TransitionTable

__all__ = ["REQUESTER", "RESPONDER", "Said", "State"]


class State(IntEnum):
    """Where a speaker stands in the current exchange."""

    IDLE = 0
    OWED = 1
    BODY = 2
    DONE = 3
    TUNNEL = 4
    CLOSED = 5
    ERROR = 6


class Said(IntEnum):
    """What a speaker said, or what the other's words mean for it."""

    REQUEST = 0
    INFORMATIONAL = 1
    HEAD = 2
    HEAD_ENDED = 3
    END = 4
    NEXT = 5
    SWITCH = 6
    CLOSE = 7
    FAULT = 8


REQUESTER: Final = TransitionTable(
    "http1_requester",
    State.IDLE,
    {
        (State.IDLE, Said.HEAD): State.BODY,
        (State.IDLE, Said.HEAD_ENDED): State.DONE,
        (State.IDLE, Said.CLOSE): State.CLOSED,
        (State.IDLE, Said.FAULT): State.ERROR,
        (State.BODY, Said.END): State.DONE,
        (State.BODY, Said.CLOSE): State.CLOSED,
        (State.BODY, Said.FAULT): State.ERROR,
        (State.DONE, Said.NEXT): State.IDLE,
        (State.DONE, Said.SWITCH): State.TUNNEL,
        (State.DONE, Said.CLOSE): State.CLOSED,
        (State.TUNNEL, Said.CLOSE): State.CLOSED,
        (State.ERROR, Said.CLOSE): State.CLOSED,
    },
)

RESPONDER: Final = TransitionTable(
    "http1_responder",
    State.IDLE,
    {
        (State.IDLE, Said.REQUEST): State.OWED,
        (State.IDLE, Said.CLOSE): State.CLOSED,
        (State.IDLE, Said.FAULT): State.ERROR,
        (State.OWED, Said.INFORMATIONAL): State.OWED,
        (State.OWED, Said.HEAD): State.BODY,
        (State.OWED, Said.HEAD_ENDED): State.DONE,
        (State.OWED, Said.SWITCH): State.TUNNEL,
        (State.OWED, Said.CLOSE): State.CLOSED,
        (State.OWED, Said.FAULT): State.ERROR,
        (State.BODY, Said.END): State.DONE,
        (State.BODY, Said.CLOSE): State.CLOSED,
        (State.BODY, Said.FAULT): State.ERROR,
        (State.DONE, Said.NEXT): State.IDLE,
        (State.DONE, Said.CLOSE): State.CLOSED,
        (State.TUNNEL, Said.CLOSE): State.CLOSED,
        (State.ERROR, Said.CLOSE): State.CLOSED,
    },
)
