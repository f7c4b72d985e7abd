# SPDX-License-Identifier: Apache-2.0 OR MIT
"""SETTINGS of both ends: ours leave once, at the beginning; the peer's may come at any time.  RFC 9113 §3.4, §6.5.

Ours hold from the moment the peer has acknowledged them (§6.5.3); the time until then is taken for the round trip.  The peer's are taken in
order and acknowledged at once, and reach whom they concern: the sender's frames and windows, and the encoder's table.
"""

from __future__ import annotations

from typing import final

from sws.base.errors import H2ConnectionError
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.frames import SETTINGS_ACK, FrameHeader, decode_settings, encode_settings
from sws.proto.h2.intake import ContentIntake
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.sending import Sender
from sws.proto.h2.settings import PeerSettings, Setting
from sws.proto.h2.stream import Stream
from sws.proto.hpack import Decoder, Encoder

__all__ = ["Agreement"]


@final
class Agreement:
    """That of one connection.

    Args:
      client:   our role.
      decoder:  of the peer's field blocks.
      encoder:  of ours.
      now:      when ours leave.
    Attributes:
      peer:     what the peer has said.
      is_open:  ours are not acknowledged yet.
    """

    __slots__ = ("_decoder", "_encoder", "_intake", "_limits", "_sender", "_sent", "is_open", "peer")

    def __init__(
        self, client: bool, limits: Http2Limits, sender: Sender, intake: ContentIntake, decoder: Decoder, encoder: Encoder, now: float
    ) -> None:
        self._limits = limits
        self._sender = sender
        self._intake = intake
        self._decoder = decoder
        self._encoder = encoder
        self._sent = now
        self.peer = PeerSettings(of_client=not client)
        self.is_open = True

    def ours(self, client: bool, tree: bool) -> bytes:
        """The frame that says what we take.

        Args:
          tree:  serve by the dependency tree of RFC 7540.
        """
        limits = self._limits
        values = [
            (Setting.HEADER_TABLE_SIZE, limits.table),
            (Setting.MAX_CONCURRENT_STREAMS, limits.streams),
            (Setting.INITIAL_WINDOW_SIZE, limits.window),
            (Setting.MAX_FRAME_SIZE, limits.frame),
            (Setting.MAX_HEADER_LIST_SIZE, limits.head),
        ]
        if client:
            values[1] = (Setting.ENABLE_PUSH, 0)
        elif limits.connect_protocol:
            values.append((Setting.ENABLE_CONNECT_PROTOCOL, 1))
        values.append((Setting.NO_RFC7540_PRIORITIES, 0 if tree else 1))
        return encode_settings(values)

    def take(self, header: FrameHeader, payload: bytes, streams: dict[int, Stream], now: float) -> bool:
        """A SETTINGS frame.  Returns: whether it was the peer's own, not an acknowledgement.  Raises: H2ConnectionError."""
        values = decode_settings(header, payload)
        if values is None:
            if self.is_open:
                self._intake.acknowledged(now - self._sent, streams)
                self._decoder.set_limit(self._limits.table)
                self.is_open = False
            return False
        peer = self.peer
        window = peer.window
        peer.apply(values)
        sender = self._sender
        sender.set_frame(peer.frame)
        self._encoder.set_limit(peer.table)
        if peer.window != window:
            sender.change_windows(peer.window - window, now)
        sender.answer(SETTINGS_ACK)
        return True

    def check_time(self, now: float) -> None:
        """Raises: H2ConnectionError if ours were not acknowledged in time.  RFC 9113 §6.5.3."""
        if self.is_open and now - self._sent >= self._limits.settings_timeout:
            raise H2ConnectionError(ErrorCode.SETTINGS_TIMEOUT, "SETTINGS were not acknowledged in time")
