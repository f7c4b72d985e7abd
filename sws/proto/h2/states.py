# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The life of a stream (RFC 9113 §5.1, figure 2), of the two messages on it (§8.1), and of the connection (§3.4, §6.8).

                 send H / recv H
          IDLE ─────────────────▶ OPEN ── recv ES ──▶ HALF_CLOSED_REMOTE ── send ES ──┐
                                   │  └── send ES ──▶ HALF_CLOSED_LOCAL ─── recv ES ──┤
                                   └───────── send R / recv R, here and from both ────┴──▶ CLOSED

"Local" and "remote" are seen from us; the table knows no roles.  Nobody pushes here (we announce SETTINGS_ENABLE_PUSH = 0 and send no
PUSH_PROMISE), so the figure's two reserved states do not exist.  END_STREAM is an input of its own, after the frame that bears it, as the
figure has it.  WINDOW_UPDATE and RST_STREAM may come late on a closed stream (§5.1 "closed"); PRIORITY may come at any time and is no
input.  A pair that is absent is an error of the peer, or a UsageError of ours.

MESSAGE is what our verbs have said so far on a stream; it runs ahead of the stream's state, since what was said may have to wait for
windows.  INTAKE is what becomes of the peer's content.  CONNECTION is the connection's life:

    PREFACE ─first SETTINGS─▶ OPEN ─shutdown with patience─▶ GOING ─PING came back, or time is over─▶ LAST ─no streams─▶ CLOSED
                               ├──────── shutdown at once ────────────────────────────────────────────▶ LAST
                               └──────── the peer's GOAWAY ──────────▶ PEER_GOING ─no streams─▶ CLOSED

Where the engine has just looked at the state itself (a whole request, a whole response) it sets the state that the table would give.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sws.base.fsm import TransitionTable

__all__ = [
    "CONNECTION",
    "INTAKE",
    "MESSAGE",
    "STREAM",
    "ConnectionInput",
    "ConnectionState",
    "Intake",
    "IntakeInput",
    "Message",
    "MessageInput",
    "StreamInput",
    "StreamState",
]


class StreamState(IntEnum):
    """Where a stream stands."""

    IDLE = 0
    OPEN = 1
    HALF_CLOSED_LOCAL = 2
    HALF_CLOSED_REMOTE = 3
    CLOSED = 4


class StreamInput(IntEnum):
    """A frame, or the END_STREAM flag of one, sent by us or received."""

    SEND_HEADERS = 0
    SEND_DATA = 1
    SEND_END_STREAM = 2
    SEND_RST_STREAM = 3
    RECV_HEADERS = 4
    RECV_DATA = 5
    RECV_END_STREAM = 6
    RECV_RST_STREAM = 7
    RECV_WINDOW_UPDATE = 8


STREAM: Final = TransitionTable(
    "http2_stream",
    StreamState.IDLE,
    {
        (StreamState.IDLE, StreamInput.SEND_HEADERS): StreamState.OPEN,
        (StreamState.IDLE, StreamInput.RECV_HEADERS): StreamState.OPEN,
        (StreamState.OPEN, StreamInput.SEND_HEADERS): StreamState.OPEN,
        (StreamState.OPEN, StreamInput.SEND_DATA): StreamState.OPEN,
        (StreamState.OPEN, StreamInput.SEND_END_STREAM): StreamState.HALF_CLOSED_LOCAL,
        (StreamState.OPEN, StreamInput.SEND_RST_STREAM): StreamState.CLOSED,
        (StreamState.OPEN, StreamInput.RECV_HEADERS): StreamState.OPEN,
        (StreamState.OPEN, StreamInput.RECV_DATA): StreamState.OPEN,
        (StreamState.OPEN, StreamInput.RECV_END_STREAM): StreamState.HALF_CLOSED_REMOTE,
        (StreamState.OPEN, StreamInput.RECV_RST_STREAM): StreamState.CLOSED,
        (StreamState.OPEN, StreamInput.RECV_WINDOW_UPDATE): StreamState.OPEN,
        (StreamState.HALF_CLOSED_LOCAL, StreamInput.SEND_RST_STREAM): StreamState.CLOSED,
        (StreamState.HALF_CLOSED_LOCAL, StreamInput.RECV_HEADERS): StreamState.HALF_CLOSED_LOCAL,
        (StreamState.HALF_CLOSED_LOCAL, StreamInput.RECV_DATA): StreamState.HALF_CLOSED_LOCAL,
        (StreamState.HALF_CLOSED_LOCAL, StreamInput.RECV_END_STREAM): StreamState.CLOSED,
        (StreamState.HALF_CLOSED_LOCAL, StreamInput.RECV_RST_STREAM): StreamState.CLOSED,
        (StreamState.HALF_CLOSED_LOCAL, StreamInput.RECV_WINDOW_UPDATE): StreamState.HALF_CLOSED_LOCAL,
        (StreamState.HALF_CLOSED_REMOTE, StreamInput.SEND_HEADERS): StreamState.HALF_CLOSED_REMOTE,
        (StreamState.HALF_CLOSED_REMOTE, StreamInput.SEND_DATA): StreamState.HALF_CLOSED_REMOTE,
        (StreamState.HALF_CLOSED_REMOTE, StreamInput.SEND_END_STREAM): StreamState.CLOSED,
        (StreamState.HALF_CLOSED_REMOTE, StreamInput.SEND_RST_STREAM): StreamState.CLOSED,
        (StreamState.HALF_CLOSED_REMOTE, StreamInput.RECV_RST_STREAM): StreamState.CLOSED,
        (StreamState.HALF_CLOSED_REMOTE, StreamInput.RECV_WINDOW_UPDATE): StreamState.HALF_CLOSED_REMOTE,
        (StreamState.CLOSED, StreamInput.RECV_RST_STREAM): StreamState.CLOSED,
        (StreamState.CLOSED, StreamInput.RECV_WINDOW_UPDATE): StreamState.CLOSED,
    },
)


class Message(IntEnum):
    """What we have said on a stream."""

    AWAITED = 0
    CONTENT = 1
    TUNNEL = 2
    ENDED = 3


class MessageInput(IntEnum):
    """What a verb says."""

    INFORM = 0
    HEAD = 1
    TUNNEL = 2
    DATA = 3
    END = 4


MESSAGE: Final = TransitionTable(
    "http2_message",
    Message.AWAITED,
    {
        (Message.AWAITED, MessageInput.INFORM): Message.AWAITED,
        (Message.AWAITED, MessageInput.HEAD): Message.CONTENT,
        (Message.AWAITED, MessageInput.TUNNEL): Message.TUNNEL,
        (Message.CONTENT, MessageInput.DATA): Message.CONTENT,
        (Message.CONTENT, MessageInput.END): Message.ENDED,
        (Message.TUNNEL, MessageInput.DATA): Message.TUNNEL,
        (Message.TUNNEL, MessageInput.END): Message.ENDED,
    },
)


class Intake(IntEnum):
    """What becomes of the peer's content.

    HELD is content that the client sends after a 100 (Continue); REFUSED is content that ended badly, or will not be read to its end:
    once we have said all, the stream is reset.
    """

    WANTED = 0
    HELD = 1
    UNWANTED = 2
    REFUSED = 3


class IntakeInput(IntEnum):
    """What changes that."""

    ARRIVED = 0
    HOLD = 1
    CONTINUE = 2
    REFUSE = 3
    ANSWERED = 4


INTAKE: Final = TransitionTable(
    "http2_intake",
    Intake.WANTED,
    {
        (Intake.WANTED, IntakeInput.ARRIVED): Intake.WANTED,
        (Intake.WANTED, IntakeInput.HOLD): Intake.HELD,
        (Intake.WANTED, IntakeInput.CONTINUE): Intake.WANTED,
        (Intake.WANTED, IntakeInput.REFUSE): Intake.REFUSED,
        (Intake.WANTED, IntakeInput.ANSWERED): Intake.UNWANTED,
        (Intake.HELD, IntakeInput.ARRIVED): Intake.WANTED,
        (Intake.HELD, IntakeInput.CONTINUE): Intake.WANTED,
        (Intake.HELD, IntakeInput.REFUSE): Intake.REFUSED,
        (Intake.HELD, IntakeInput.ANSWERED): Intake.REFUSED,
        (Intake.UNWANTED, IntakeInput.ARRIVED): Intake.UNWANTED,
        (Intake.UNWANTED, IntakeInput.REFUSE): Intake.REFUSED,
        (Intake.REFUSED, IntakeInput.ARRIVED): Intake.REFUSED,
        (Intake.REFUSED, IntakeInput.REFUSE): Intake.REFUSED,
        (Intake.REFUSED, IntakeInput.ANSWERED): Intake.REFUSED,
    },
)


class ConnectionState(IntEnum):
    """Where a connection stands."""

    PREFACE = 0
    OPEN = 1
    PEER_GOING = 2
    GOING = 3
    LAST = 4
    CLOSED = 5


class ConnectionInput(IntEnum):
    """What changes that."""

    SETTINGS = 0
    PEER_GOAWAY = 1
    GO_SLOWLY = 2
    GO = 3
    NO_STREAMS = 4
    FAIL = 5


_S = ConnectionState
_I = ConnectionInput
CONNECTION: Final = TransitionTable(
    "http2_connection",
    _S.PREFACE,
    {
        (_S.PREFACE, _I.SETTINGS): _S.OPEN,
        (_S.PREFACE, _I.GO): _S.LAST,
        (_S.PREFACE, _I.FAIL): _S.CLOSED,
        (_S.OPEN, _I.PEER_GOAWAY): _S.PEER_GOING,
        (_S.OPEN, _I.GO_SLOWLY): _S.GOING,
        (_S.OPEN, _I.GO): _S.LAST,
        (_S.OPEN, _I.FAIL): _S.CLOSED,
        (_S.PEER_GOING, _I.PEER_GOAWAY): _S.PEER_GOING,
        (_S.PEER_GOING, _I.GO_SLOWLY): _S.GOING,
        (_S.PEER_GOING, _I.GO): _S.LAST,
        (_S.PEER_GOING, _I.NO_STREAMS): _S.CLOSED,
        (_S.PEER_GOING, _I.FAIL): _S.CLOSED,
        (_S.GOING, _I.PEER_GOAWAY): _S.GOING,
        (_S.GOING, _I.GO): _S.LAST,
        (_S.GOING, _I.FAIL): _S.CLOSED,
        (_S.LAST, _I.SETTINGS): _S.LAST,
        (_S.LAST, _I.PEER_GOAWAY): _S.LAST,
        (_S.LAST, _I.NO_STREAMS): _S.CLOSED,
        (_S.LAST, _I.FAIL): _S.CLOSED,
    },
)
