# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How far a message on a request stream is, in each direction.  RFC 9114 §4.1, §4.4.

    HEADERS (1xx) * · HEADERS · DATA * · HEADERS (trailers) ? · end          a message
    HEADERS · DATA * · end                                                   CONNECT that was accepted: a tunnel

What has no row is H3_FRAME_UNEXPECTED when it was received, a UsageError when it was to be sent.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sws.base.fsm import TransitionTable

__all__ = ["MESSAGE", "Message", "MessageInput"]


class Message(IntEnum):
    """States."""

    AWAITED = 0
    CONTENT = 1
    TRAILED = 2
    TUNNEL = 3
    ENDED = 4


class MessageInput(IntEnum):
    """What is said."""

    INFORM = 0
    HEAD = 1
    TUNNEL = 2
    DATA = 3
    TRAILERS = 4
    END = 5


MESSAGE: Final = TransitionTable(
    "http3_message",
    Message.AWAITED,
    {
        (Message.AWAITED, MessageInput.INFORM): Message.AWAITED,
        (Message.AWAITED, MessageInput.HEAD): Message.CONTENT,
        (Message.AWAITED, MessageInput.TUNNEL): Message.TUNNEL,
        (Message.CONTENT, MessageInput.DATA): Message.CONTENT,
        (Message.CONTENT, MessageInput.TRAILERS): Message.TRAILED,
        (Message.CONTENT, MessageInput.END): Message.ENDED,
        (Message.TRAILED, MessageInput.END): Message.ENDED,
        (Message.TUNNEL, MessageInput.DATA): Message.TUNNEL,
        (Message.TUNNEL, MessageInput.END): Message.ENDED,
    },
)
