# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Settings: what each end says about itself.  RFC 9113 §6.5; RFC 8441 §3; RFC 9218 §2.1."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, final

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode

__all__ = ["DEFAULT_FRAME", "DEFAULT_WINDOW", "MAXIMUM_WINDOW", "PeerSettings", "Setting"]

DEFAULT_WINDOW: Final = 65535
MAXIMUM_WINDOW: Final = (1 << 31) - 1
DEFAULT_FRAME: Final = 16384
_MAXIMUM_FRAME: Final = (1 << 24) - 1


class Setting(IntEnum):
    """Identifiers.  RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6
    ENABLE_CONNECT_PROTOCOL = 0x8
    NO_RFC7540_PRIORITIES = 0x9


def _flag(value: int) -> None:
    if value > 1:
        raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "a setting that is neither 0 nor 1")


@final
class PeerSettings:
    """What the peer has said so far; the RFC's initial values before that.

    Attributes:
      table:             SETTINGS_HEADER_TABLE_SIZE.
      streams:           SETTINGS_MAX_CONCURRENT_STREAMS, or None.
      window:            SETTINGS_INITIAL_WINDOW_SIZE.
      frame:             SETTINGS_MAX_FRAME_SIZE.
      head:              SETTINGS_MAX_HEADER_LIST_SIZE, or None.
      connect_protocol:  SETTINGS_ENABLE_CONNECT_PROTOCOL.
      no_tree:           SETTINGS_NO_RFC7540_PRIORITIES.
    """

    __slots__ = ("_client", "_first", "connect_protocol", "frame", "head", "no_tree", "streams", "table", "window")

    def __init__(self, *, of_client: bool) -> None:
        self._client = of_client
        self._first = True
        self.table = 4096
        self.streams: int | None = None
        self.window = DEFAULT_WINDOW
        self.frame = DEFAULT_FRAME
        self.head: int | None = None
        self.connect_protocol = False
        self.no_tree = False

    def apply(self, values: Iterable[tuple[int, int]]) -> None:
        """Take a SETTINGS frame, in order.  Raises: H2ConnectionError for a value that is not allowed; unknown ones are ignored."""
        no_tree = self.no_tree
        for identifier, value in values:
            self._apply_one(identifier, value)
        if self.no_tree != no_tree and not self._first:
            raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "SETTINGS_NO_RFC7540_PRIORITIES changed")
        self._first = False

    def _apply_one(self, identifier: int, value: int) -> None:
        if identifier == Setting.HEADER_TABLE_SIZE:
            self.table = value
        elif identifier == Setting.ENABLE_PUSH:
            _flag(value)
            if value and not self._client:
                raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "a server that wants to be pushed to")
        elif identifier == Setting.MAX_CONCURRENT_STREAMS:
            self.streams = value
        elif identifier == Setting.INITIAL_WINDOW_SIZE:
            if value > MAXIMUM_WINDOW:
                raise H2ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "an initial window above 2^31-1")
            self.window = value
        elif identifier == Setting.MAX_FRAME_SIZE:
            if not DEFAULT_FRAME <= value <= _MAXIMUM_FRAME:
                raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame size out of range")
            self.frame = value
        elif identifier == Setting.MAX_HEADER_LIST_SIZE:
            self.head = value
        elif identifier == Setting.ENABLE_CONNECT_PROTOCOL:
            _flag(value)
            if self.connect_protocol and not value:
                raise H2ConnectionError(ErrorCode.PROTOCOL_ERROR, "SETTINGS_ENABLE_CONNECT_PROTOCOL taken back")
            self.connect_protocol = bool(value)
        elif identifier == Setting.NO_RFC7540_PRIORITIES:
            _flag(value)
            self.no_tree = bool(value)
