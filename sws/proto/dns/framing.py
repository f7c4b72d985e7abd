# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Messages on a stream: each behind two octets with its length.  RFC 1035 §4.2.2, RFC 7766 §8."""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import DecodeError, UsageError
from sws.proto.dns.types import HEADER_OCTETS, MAX_MESSAGE

__all__ = ["FrameDecoder", "frame"]

_PREFIX: Final = 2


def frame(message: bytes) -> bytes:
    """Length and message in one, as RFC 7766 §8 wants them sent.  Raises: UsageError past 65535 octets."""
    if len(message) > MAX_MESSAGE:
        raise UsageError(f"a DNS message of {len(message)} octets")
    return len(message).to_bytes(_PREFIX, "big") + message


@final
class FrameDecoder:
    """Takes a stream apart; never holds more than one unfinished message."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> list[bytes]:
        """The messages that are complete with `data`.  Raises: DecodeError for a length that no message has."""
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        at = 0
        while len(buffer) - at >= _PREFIX:
            length = int.from_bytes(buffer[at : at + _PREFIX], "big")
            if length < HEADER_OCTETS:
                raise DecodeError(f"a DNS message of {length} octets", at)
            end = at + _PREFIX + length
            if end > len(buffer):
                break
            messages.append(bytes(buffer[at + _PREFIX : end]))
            at = end
        del buffer[:at]
        return messages
