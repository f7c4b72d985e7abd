# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The chunked transfer coding, both ways.  RFC 9112 §7.1.

    chunked-body = *chunk last-chunk trailer-section CRLF
    chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF

The decoder reads from the connection's buffer and takes only what it understood.  Between calls it stands in one of four
places: before a chunk line, within chunk data, before the CRLF behind the data, or in the trailer section.  Chunk extensions are
checked and dropped (§7.1.1); their total is bounded, as a flood of them costs more than it carries.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, final

from sws.base.engine import Field, Fields
from sws.base.errors import Http1Error, UsageError
from sws.proto.http1.head import parse_fields
from sws.proto.http1.limits import Http1Limits
from sws.proto.http1.response import encode_fields

__all__ = ["LAST_CHUNK", "ChunkedDecoder", "encode_chunk_head", "encode_trailers"]

LAST_CHUNK: Final = b"0\r\n\r\n"

_SIZE_DIGITS: Final = 15  # 2**60 octets; what one more digit could overflow elsewhere is refused here
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_EXTENSION: Final = rb"[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?"
_LINE: Final = re.compile(rb"([0-9A-Fa-f]+)((?:" + _EXTENSION + rb")*)")
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_DIGITS: Final = re.compile(rb"[0-9A-Fa-f]+")
_FORBIDDEN_TRAILERS: Final = frozenset((b"transfer-encoding", b"content-length", b"host", b"trailer", b"connection"))


class _At(IntEnum):
    LINE = 0
    DATA = 1
    DATA_END = 2
    TRAILERS = 3
    DONE = 4


@final
class ChunkedDecoder:
    """Decodes one message's content.

    Args:
      limits:  of the connection (`chunk_extensions`, `head`, `fields`).
      status:  of the errors: 400 for requests, 502 for responses.

    Attributes:
      trailers:  the trailer fields, once `done`.
    """

    __slots__ = ("_at", "_extensions", "_left", "_limits", "_scanned", "_status", "trailers")

    def __init__(self, limits: Http1Limits, status: int = 400) -> None:
        self._limits = limits
        self._status = status
        self._at = _At.LINE
        self._left = 0
        self._extensions = 0
        self._scanned = 0
        self.trailers: list[Field] = []

    @property
    def done(self) -> bool:
        """The last chunk and the trailer section have been read."""
        return self._at is _At.DONE

    def decode(self, buffer: bytearray, budget: int) -> bytes:
        """Take chunks off the front of `buffer`.

        Args:
          budget:  octets of content to return at most.
        Returns: content; b"" when more is needed or the message is done.
        Raises:  Http1Error.
        """
        pieces: list[bytes] = []
        offset = 0
        while True:
            if self._at is _At.LINE:
                after = self._chunk_line(buffer, offset)
            elif self._at is _At.DATA:
                after = min(offset + min(self._left, budget), len(buffer))
                budget -= after - offset
                self._left -= after - offset
                if after > offset:
                    pieces.append(bytes(memoryview(buffer)[offset:after]))
                if self._left == 0:
                    self._at = _At.DATA_END
                if after == offset or budget == 0:
                    offset = after
                    break
            elif self._at is _At.DATA_END:
                after = self._data_end(buffer, offset)
            elif self._at is _At.TRAILERS:
                after = self._trailer_section(buffer, offset)
            else:
                break
            if after < 0:
                break
            offset = after
        del buffer[:offset]
        return b"".join(pieces)

    def _chunk_line(self, buffer: bytearray, offset: int) -> int:
        bound = self._limits.chunk_extensions
        end = buffer.find(b"\n", offset, offset + bound + _SIZE_DIGITS + 2)
        if end < 0:
            if len(buffer) - offset > bound + _SIZE_DIGITS:
                raise Http1Error(self._status, "a chunk line that is too long")
            self._check_partial_line(buffer, offset)
            return -1
        match = _LINE.fullmatch(buffer, offset, end - 1) if buffer[end - 1 : end] == b"\r" and end > offset else None
        if match is None:
            raise Http1Error(self._status, "malformed chunk line")
        size, extensions = match.groups()
        if len(size) > _SIZE_DIGITS:
            raise Http1Error(self._status, "a chunk size out of bounds")
        self._extensions += len(extensions)
        if self._extensions > bound:
            raise Http1Error(self._status, "too many chunk extensions")
        self._left = int(size, 16)
        self._at = _At.DATA if self._left else _At.TRAILERS
        self._scanned = 0
        return end + 1

    def _check_partial_line(self, buffer: bytearray, offset: int) -> None:
        """What cannot become a chunk line is refused before its end comes, so that a garbage sender is not waited for."""
        digits = _DIGITS.match(buffer, offset)  # no memoryview here: one that a traceback keeps would pin the buffer
        length = digits.end() - offset if digits else 0
        if length > _SIZE_DIGITS:
            raise Http1Error(self._status, "a chunk size out of bounds")
        follower = buffer[offset + length : offset + length + 1]
        if follower and (not length or follower not in b"\r; \t"):
            raise Http1Error(self._status, "malformed chunk line")

    def _data_end(self, buffer: bytearray, offset: int) -> int:
        end = buffer[offset : offset + 2]
        if end == b"\r\n":
            self._at = _At.LINE
            return offset + 2
        if end and end != b"\r":
            raise Http1Error(self._status, "chunk data that is longer than its size says")
        return -1

    def _trailer_section(self, buffer: bytearray, offset: int) -> int:
        if buffer[offset : offset + 2] == b"\r\n":
            self._at = _At.DONE
            return offset + 2
        end = buffer.find(b"\r\n\r\n", offset + max(0, self._scanned - 3))
        if end < 0:
            self._check_partial_trailers(buffer, offset, len(buffer))
            self._scanned = len(buffer) - offset
            return -1
        try:
            self.trailers = parse_fields(bytes(memoryview(buffer)[offset : end + 2]), self._limits.fields, self._status)
        except Http1Error:
            self._check_partial_trailers(buffer, offset, end + 3)
            raise
        self._check_partial_trailers(buffer, offset, end + 3)
        if any(name in _FORBIDDEN_TRAILERS for name, _ in self.trailers):
            raise Http1Error(self._status, "a trailer field that may not be one")
        self._at = _At.DONE
        return end + 4

    def _check_partial_trailers(self, buffer: bytearray, offset: int, end: int) -> None:
        """Refuse what cannot become a trailer section; of two faults the one that shows first."""
        bound = offset + self._limits.head + 2
        bare = _BARE.search(buffer, offset + max(0, self._scanned - 1), min(end, bound))
        if bare is not None:
            raise Http1Error(self._status, "bare CR or LF in the trailer section")
        if end >= bound:
            raise Http1Error(431 if self._status == 400 else self._status, "the trailer section is too large")


def encode_chunk_head(length: int) -> bytes:
    """What stands before the data of a chunk; CRLF stands behind it."""
    return b"%x\r\n" % length


def encode_trailers(fields: Fields) -> bytes:
    """The last chunk with a trailer section.

    Raises: UsageError for a field that cannot be sent, or one of framing, routing or connection (RFC 9110 §6.5.1).
    """
    if any(name in _FORBIDDEN_TRAILERS for name, _ in fields):
        raise UsageError("a trailer field that may not be one")
    return b"0\r\n%b\r\n" % encode_fields(fields)
