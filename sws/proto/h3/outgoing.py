# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The unidirectional streams that we open: control, QPACK's two, and one of a reserved type.  RFC 9114 §6.2, §7.2.4; RFC 9204 §4.2.

They are opened as soon as the peer lets us.  What QPACK has to say leaves by `flush`; a field section whose instructions have no room on
the encoder stream does without them (RFC 9204 §2.1.3).
"""

from __future__ import annotations

from typing import Final, final

from sws.base.engine import Field
from sws.base.errors import LimitExceeded
from sws.proto.h3.frames import FrameType, StreamType, encode_frame, encode_frame_head, grease
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.settings import PeerSettings, Setting, encode_settings
from sws.proto.qpack import Decoder, Encoder
from sws.proto.quic.api import StreamTransport

__all__ = ["OurStreams"]

_CRITICAL: Final = (StreamType.CONTROL, StreamType.QPACK_ENCODER, StreamType.QPACK_DECODER)


@final
class OurStreams:
    """Those of one connection.

    Args:
      chance:  a number nobody expects, for grease (RFC 9114 §7.2.8).
    """

    __slots__ = (
        "_by_kind",
        "_chance",
        "_decoder",
        "_decoder_stream",
        "_encoder",
        "_encoder_stream",
        "_has_grease",
        "_limits",
        "_transport",
    )

    def __init__(self, transport: StreamTransport, limits: Http3Limits, encoder: Encoder, decoder: Decoder, chance: int) -> None:
        self._transport = transport
        self._limits = limits
        self._encoder = encoder
        self._decoder = decoder
        self._chance = chance
        self._by_kind: dict[int, int] = {}
        self._encoder_stream: int | None = None
        self._decoder_stream: int | None = None
        self._has_grease = False

    def open(self) -> None:
        """Those that are not open yet, SETTINGS first."""
        transport = self._transport
        try:
            for kind in _CRITICAL:
                if kind not in self._by_kind:
                    self._by_kind[kind] = stream = transport.open_stream(True)
                    transport.set_priority(stream, -1, False)  # what others wait for must not wait for a file to have left
                    transport.send_stream_data(stream, self._opening(kind))
            if not self._has_grease:
                stream = transport.open_stream(True)
                self._has_grease = True
                transport.send_stream_data(stream, encode_frame_head(grease(self._chance >> 1), 0), True)
        except LimitExceeded:  # the others when there is room for them
            pass
        self._encoder_stream = self._by_kind.get(StreamType.QPACK_ENCODER)
        self._decoder_stream = self._by_kind.get(StreamType.QPACK_DECODER)

    def forget(self) -> None:
        """0-RTT was not accepted: none of them ever was."""
        self._by_kind.clear()
        self._encoder_stream = self._decoder_stream = None
        self._has_grease = False

    def _opening(self, kind: int) -> bytes:
        opening = bytes((kind,))
        if kind == StreamType.CONTROL:
            opening += encode_frame(FrameType.SETTINGS, encode_settings(self._settings()))
            opening += encode_frame(grease(self._chance >> 3), b"grease"[: self._chance % 7])
        return opening

    def _settings(self) -> list[tuple[int, int]]:
        limits = self._limits
        values = [
            (int(Setting.QPACK_MAX_TABLE_CAPACITY), limits.table),
            (int(Setting.MAX_FIELD_SECTION_SIZE), limits.head),
            (int(Setting.QPACK_BLOCKED_STREAMS), limits.blocked),
            (grease(self._chance), self._chance & 0x3F),
        ]
        if limits.datagrams:
            values.append((int(Setting.H3_DATAGRAM), 1))
        if limits.connect_protocol and not self._transport.is_client:
            values.append((int(Setting.ENABLE_CONNECT_PROTOCOL), 1))
        return values

    def is_critical(self, number: int) -> bool:
        """Whether a stream is one that may not end.  RFC 9114 §6.2.1, RFC 9204 §4.2."""
        return number in self._by_kind.values()

    def control(self, frame: bytes) -> None:
        """A frame on the control stream, if there is one."""
        stream = self._by_kind.get(StreamType.CONTROL)
        if stream is not None:
            self._transport.send_stream_data(stream, frame)

    # --- QPACK ---------------------------------------------------------------------------------------------------

    def take_settings(self, peer: PeerSettings) -> None:
        """What the peer's decoder allows."""
        if self._encoder_stream is not None:
            self._encoder.set_limits(peer.table, peer.blocked)
            self.flush()

    def make_room(self) -> Encoder:
        """The encoder, told how much its instructions may take: it is used at once, and `flush` follows."""
        stream = self._encoder_stream
        self._encoder.room = 0 if stream is None else self._transport.stream_credit(stream)
        return self._encoder

    def section(self, number: int, fields: list[Field]) -> bytes:
        """A field section; what it needs on the encoder stream leaves first."""
        section = self.make_room().encode(number, fields)
        self.flush()
        return section

    def flush(self) -> None:
        """QPACK's instructions."""
        stream = self._encoder_stream
        if stream is not None:
            out = self._encoder.data_to_send()
            if out:
                self._transport.send_stream_data(stream, out)
        stream = self._decoder_stream
        if stream is not None:
            out = self._decoder.data_to_send()
            if out:
                self._transport.send_stream_data(stream, out)
