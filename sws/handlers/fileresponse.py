# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From an open file to its response.  RFC 9110 §8.8 (validators), §13 (conditions), §14 (ranges).

    validators ─▶ 412 / 304 ─▶ If-Range, Range ─▶ 206 of one part / 206 multipart / 416 ─▶ 200

A file's fields are one tuple that is the same object's value for every request until the file changes, which the engines remember
in encoded form.  Content up to `SMALL` octets is read and leaves with its head in one system call; more leaves by sendfile.

The validators: a strong entity tag of modification time, size and inode; a file written within the last second could change once
more without any of these changing, so its tag is weak until then (RFC 9110 §8.8.1).  A precompressed neighbour is a file of its own
and so has a tag of its own, as each content coding must (§8.8.3.3).

Several ranges become multipart/byteranges (§14.6), with a Content-Length, as all lengths are known beforehand; `proto.http.ranges` has
joined what overlaps, so the parts together are never more than the file.  The boundary is random: no file can contain it on purpose.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from sws.base.engine import Field, Fields
from sws.exchange.exchange import Exchange
from sws.exchange.pages import respond_error
from sws.os.files import read_at
from sws.proto.http.conditional import ETag, Outcome, evaluate, if_range_matches
from sws.proto.http.date import format_http_date
from sws.proto.http.ranges import IGNORE, UNSATISFIABLE, ByteRange, content_range, parse_range, unsatisfied_range
from sws.proto.http.types import content_type_for

__all__ = ["CONDITIONS", "SMALL", "FileFacts", "FileResponder", "conclude", "is_selective"]

SMALL: Final = 65536
CONDITIONS: Final = frozenset((b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since"))
_MEMO_MAXIMUM: Final = 4096
#: Fields of a 200 that a 304 does not repeat.  RFC 9110 §15.4.5
_NOT_IN_304: Final = frozenset((b"content-type", b"content-encoding", b"accept-ranges", b"x-content-type-options"))


def is_selective(index: Mapping[bytes, bytes]) -> bool:
    """Whether the answer to a GET with these fields may be anything but the whole file.

    Written out because it is asked for every file: `isdisjoint` costs PyPy ten times as much.
    """
    return (
        b"if-none-match" in index
        or b"if-modified-since" in index
        or b"range" in index
        or b"if-match" in index
        or b"if-unmodified-since" in index
    )


@final
@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file's metadata as responses need it.

    Attributes:
      fields:  of a 200 response, without content-length.
    """

    size: int
    etag: ETag
    modified: int
    content_type: bytes
    fields: tuple[Field, ...]


def conclude(exchange: Exchange, outcome: Outcome, fields: Fields) -> bool:
    """Whether the conditions decided the response: then it has been given, 304 or 412."""
    if outcome is Outcome.NOT_MODIFIED:
        exchange.respond(304, tuple(item for item in fields if item[0] not in _NOT_IN_304))
    elif outcome is Outcome.PRECONDITION_FAILED:
        respond_error(exchange, 412)
    return outcome is not Outcome.PROCEED


@final
class FileResponder:
    """Answers with files.

    Args:
      types:    content type by file name extension.
      max_age:  of Cache-Control, or None.
      varies:   responses depend on Accept-Encoding.
    """

    def __init__(self, types: Mapping[str, bytes], max_age: int | None, varies: bool) -> None:
        self._types = types
        self._memo: dict[tuple[int, int, int, str, bytes | None], FileFacts] = {}
        self._more: tuple[Field, ...] = ()
        if varies:
            self._more += ((b"vary", b"accept-encoding"),)
        if max_age is not None:
            self._more += ((b"cache-control", b"max-age=%d" % max_age),)

    async def respond(
        self, exchange: Exchange, fd: int, status: os.stat_result, name: str, coding: bytes | None = None
    ) -> tuple[FileFacts, bytes] | None:
        """Answer a GET or HEAD with an open file.

        Args:
          name:    gives the content type.
          coding:  that the file's content has.
        Returns: what may be kept ready: facts and content of a small file that was sent whole.
        """
        facts = self.facts(status, name, coding, int(exchange.wall))
        request = exchange.request
        index = request.index
        if not CONDITIONS.isdisjoint(index):
            outcome = evaluate(request.method, exchange.field_lines, facts.etag, facts.modified, int(exchange.wall))
            if conclude(exchange, outcome, facts.fields):
                return None
        if b"range" in index and request.method == b"GET" and self._range_applies(exchange, facts):
            ranges = parse_range(index[b"range"], facts.size)
            if ranges is UNSATISFIABLE:
                respond_error(exchange, 416, ((b"content-range", unsatisfied_range(facts.size)),))
                return None
            if ranges is not IGNORE:
                await self._parts(exchange, fd, facts, ranges)
                return None
        if facts.size <= SMALL and request.method == b"GET":
            content = _read_whole(fd, 0, facts.size)
            exchange.respond(200, facts.fields, content)
            return facts, content
        exchange.start(200, (*facts.fields, (b"content-length", b"%d" % facts.size)))
        if request.method == b"GET":
            await exchange.send_file(fd, 0, facts.size)
        return None

    # --- metadata ------------------------------------------------------------------------------------------------

    def facts(self, status: os.stat_result, name: str, coding: bytes | None, now: int) -> FileFacts:
        """What responses say of a file, remembered for as long as the file does not change."""
        key = (status.st_ino, status.st_mtime_ns, status.st_size, name, coding)
        facts = self._memo.get(key)
        if facts is None:
            facts = self._make_facts(status, name, coding, now)
            if len(self._memo) >= _MEMO_MAXIMUM:
                self._memo.clear()
            if not facts.etag.weak:
                self._memo[key] = facts
        return facts

    def _make_facts(self, status: os.stat_result, name: str, coding: bytes | None, now: int) -> FileFacts:
        modified = int(status.st_mtime)
        weak = modified >= now
        modified = min(modified, now)  # "MUST NOT generate a Last-Modified date that is later than" Date, RFC 9110 §8.8.2.1
        etag = ETag(b"%x-%x-%x" % (status.st_mtime_ns, status.st_size, status.st_ino), weak)
        content_type = content_type_for(name, self._types)
        fields: tuple[Field, ...] = (
            (b"content-type", content_type),
            (b"last-modified", format_http_date(modified)),
            (b"etag", bytes(etag)),
            (b"accept-ranges", b"bytes"),
            (b"x-content-type-options", b"nosniff"),
            *self._more,
        )
        if coding is not None:
            fields = (*fields, (b"content-encoding", coding))
        return FileFacts(status.st_size, etag, modified, content_type, fields)

    # --- ranges --------------------------------------------------------------------------------------------------

    @staticmethod
    def _range_applies(exchange: Exchange, facts: FileFacts) -> bool:
        """Range is one value: two lines of it are nobody's request (RFC 9110 §5.3, §14.2), so everything is sent."""
        if len(exchange.field_lines(b"range")) > 1:
            return False
        value = exchange.request.index.get(b"if-range")
        return value is None or if_range_matches(value, facts.etag, facts.modified, int(exchange.wall))

    async def _parts(self, exchange: Exchange, fd: int, facts: FileFacts, ranges: list[ByteRange]) -> None:
        """206 with one part or several.  RFC 9110 §15.3.7."""
        if len(ranges) > 1:
            await self._multipart(exchange, fd, facts, ranges)
            return
        first, last = ranges[0]
        length = last - first + 1
        fields = (*facts.fields, (b"content-range", content_range(first, last, facts.size)))
        if length <= SMALL:
            exchange.respond(206, fields, _read_whole(fd, first, length))
            return
        exchange.start(206, (*fields, (b"content-length", b"%d" % length)))
        await exchange.send_file(fd, first, length)

    @staticmethod
    async def _multipart(exchange: Exchange, fd: int, facts: FileFacts, ranges: list[ByteRange]) -> None:
        """multipart/byteranges.  RFC 9110 §14.6; RFC 2046 §5.1."""
        boundary = os.urandom(16).hex().encode("ascii")
        heads = [
            b"\r\n--%b\r\ncontent-type: %b\r\ncontent-range: %b\r\n\r\n"
            % (boundary, facts.content_type, content_range(first, last, facts.size))
            for first, last in ranges
        ]
        end = b"\r\n--%b--\r\n" % boundary
        length = sum(map(len, heads)) + len(end) + sum(last - first + 1 for first, last in ranges)
        fields = tuple(item for item in facts.fields if item[0] != b"content-type")
        media_type = (b"content-type", b"multipart/byteranges; boundary=" + boundary)
        exchange.start(206, (media_type, *fields, (b"content-length", b"%d" % length)))
        for head, (first, last) in zip(heads, ranges, strict=True):
            await exchange.send(head)
            if last - first < SMALL:
                await exchange.send(_read_whole(fd, first, last - first + 1))
            else:
                await exchange.send_file(fd, first, last - first + 1, ended=False)
        await exchange.send(end)
        await exchange.finish()


def _read_whole(fd: int, first: int, length: int) -> bytes:
    """Exactly `length` octets.  Raises: OSError if the file has fewer by now."""
    content = read_at(fd, length, first) if length else b""
    if len(content) != length:
        raise OSError("a file became shorter while it was read")
    return content
