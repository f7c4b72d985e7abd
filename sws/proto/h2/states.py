# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The life of a stream.  RFC 9113 §5.1, figure 2.

                 send H / recv H
          IDLE ─────────────────▶ OPEN ── recv ES ──▶ HALF_CLOSED_REMOTE ── send ES ──┐
                                   │  └── send ES ──▶ HALF_CLOSED_LOCAL ─── recv ES ──┤
                                   └───────── send R / recv R, here and from both ────┴──▶ CLOSED

"Local" and "remote" are seen from us; the table knows no roles.  Nobody pushes here (we announce SETTINGS_ENABLE_PUSH = 0 and send no
PUSH_PROMISE), so the figure's two reserved states do not exist.  END_STREAM is an input of its own, after the frame that bears it, as the
figure has it.  WINDOW_UPDATE and RST_STREAM may come late on a closed stream (§5.1 "closed"); PRIORITY may come at any time and is no
input.  A pair that is absent is an error of the peer, or a UsageError of ours.

Where the engine has just looked at the state itself (a whole request, a whole response) it sets the state that the table would give.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sws.base.fsm import TransitionTable

__all__ = ["STREAM", "StreamInput", "StreamState"]


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
