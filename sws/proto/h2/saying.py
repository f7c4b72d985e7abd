# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Our messages, in the order that they have to have.  RFC 9113 §8.1; the table is MESSAGE in `states`.

What is said may wait for windows in the sender; what may be said next does not depend on that.
"""

from __future__ import annotations

from typing import final

from sws.base.engine import Fields, FileSpan, Output
from sws.base.errors import UsageError
from sws.proto.h2.limits import Http2Limits
from sws.proto.h2.sending import Sender
from sws.proto.h2.states import MESSAGE, Message, MessageInput
from sws.proto.h2.stream import Stream
from sws.proto.http.messages import check_sent

__all__ = ["Saying"]


@final
class Saying:
    """That of one connection.  Every verb raises UsageError for what may not be said there."""

    __slots__ = ("_limits", "_sender")

    def __init__(self, limits: Http2Limits, sender: Sender) -> None:
        self._limits = limits
        self._sender = sender

    @staticmethod
    def say(stream: Stream, given: MessageInput) -> None:
        """A part of a message that needs no more than its turn."""
        state = MESSAGE.step((stream.said, given))
        if state is None:
            raise UsageError(f"{given.name} is not possible in {stream.said.name} on stream {stream.number}")
        stream.said = state

    def data(self, stream: Stream, data: Output, ended: bool, now: float) -> None:
        """Content, or octets of a tunnel; it leaves as far as windows and turns go."""
        length = data.length if type(data) is FileSpan else len(data)
        if MESSAGE.step((stream.said, MessageInput.DATA)) is None:
            raise UsageError(f"no content is possible on stream {stream.number}")
        if stream.owed is not None:
            if length > stream.owed or (ended and length < stream.owed):
                raise UsageError("content and its declared length differ")
            stream.owed -= length
        if ended:
            stream.said = Message.ENDED
        self._sender.data(stream, data, length, ended, now)

    def trailers(self, stream: Stream, fields: Fields, now: float) -> None:
        """Trailer fields, which end the message."""
        if stream.said is not Message.CONTENT or stream.owed:
            raise UsageError(f"no trailers are possible on stream {stream.number}")
        trailers = check_sent(fields)
        stream.said = Message.ENDED
        if trailers:
            stream.trailers = trailers
            self._sender.trailers(stream)
        elif not stream.queued:
            self._sender.data(stream, b"", 0, True, now)

    def credit(self, stream: Stream) -> int:
        """How many octets may be queued now, for this stream and for all."""
        limits, sender = self._limits, self._sender
        return max(0, min(limits.queue - stream.queued - sender.ready, limits.connection_queue - sender.queued))
