# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files of a folder.  RFC 9110 §9.3.1 (GET), §9.3.2 (HEAD), §13 (conditions), §14 (ranges).

    target ─▶ segments ─▶ refuse what is hidden ─▶ open below the root ─▶ directory? index, listing or redirect
                                                        │ file
                                                        ▼
               validators ─▶ 412 / 304 ─▶ If-Range, Range ─▶ 206 / 416 ─▶ 200

A file's fields are one tuple that is the same object's value for every request until the file changes, which the engines remember
in encoded form.  Files up to `SMALL` octets are read and leave with their head in one system call; larger ones leave by sendfile.

The validators: a strong entity tag of modification time, size and inode; a file written within the last second could change once
more without any of these changing, so its tag is weak until then (RFC 9110 §8.8.1).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final
from urllib.parse import quote

from sws.base.engine import Field, Fields
from sws.base.errors import DecodeError
from sws.exchange.exchange import Exchange
from sws.exchange.pages import redirect, respond_error
from sws.handlers.hotfiles import HotFile, HotFiles, HotStore
from sws.handlers.listing import ENTRIES_MAXIMUM, listing_page
from sws.os.files import Root, read_at
from sws.proto.http.conditional import ETag, Outcome, evaluate, if_range_matches
from sws.proto.http.date import format_http_date
from sws.proto.http.method import REGISTERED_METHODS
from sws.proto.http.ranges import IGNORE, UNSATISFIABLE, content_range, parse_range, unsatisfied_range
from sws.proto.http.target import path_segments
from sws.proto.http.types import CONTENT_TYPES, content_type_for
from sws.proto.http.url import QUERY_SAFE, percent_encode

__all__ = ["StaticFiles", "StaticOptions"]

SMALL: Final = 65536
ALLOW: Final[Fields] = ((b"allow", b"GET, HEAD, OPTIONS"),)
_LISTING: Final[Fields] = ((b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-cache"))
_CONDITIONS: Final = frozenset((b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since"))
_SELECTIVE: Final = _CONDITIONS | {b"range"}
_MEMO_MAXIMUM: Final = 4096
_QUERY_AS_SENT: Final = QUERY_SAFE + b"%"  # what a request may hold raw beyond the grammar is no part of a Location
_WELL_KNOWN: Final = ".well-known"
_REFUSED_NAME: Final = ":" if os.name == "nt" else "\0"


@final
@dataclass(frozen=True, slots=True)
class StaticOptions:
    """What config.StaticConfig says, in the handler's terms."""

    index: Sequence[str] = ("index.html",)
    listing: bool = False
    hidden: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    max_age: int | None = None


@final
@dataclass(frozen=True, slots=True)
class _Facts:
    """A file's metadata as the response needs it."""

    size: int
    etag: ETag
    modified: int
    fields: tuple[Field, ...]


@final
class StaticFiles:
    """Handler for one root.

    Args:
      root:     where the files are.
      options:  how they are served.
      store:    where hot files are kept, shared with other roots.
    """

    def __init__(self, root: Root, options: StaticOptions, store: HotStore) -> None:
        self._root = root
        self._options = options
        self._hot = HotFiles(root, store)
        self._memo: dict[tuple[int, int, int, str], _Facts] = {}
        self._types = {**CONTENT_TYPES, **{name.lower().lstrip("."): value.encode("ascii") for name, value in options.types.items()}}

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        if request.method == b"GET":
            hot = self._hot.get(request.target)
            if hot is not None and _SELECTIVE.isdisjoint(request.index):
                exchange.respond_prepared(200, hot.fields, hot.content)
                return
        elif request.method != b"HEAD":
            self._other_method(exchange)
            return
        try:
            path = path_segments(exchange.path)
        except DecodeError:
            respond_error(exchange, 400)
            return
        segments = path.segments
        if "" in segments:
            self._redirect(exchange, [s for s in segments if s], path.trailing_slash)
            return
        if not self._is_servable(segments):
            respond_error(exchange, 404)
            return
        try:
            fd, status = self._root.open(segments)
        except (OSError, UnicodeError) as error:
            self._not_found(exchange, error)
            return
        try:
            if stat.S_ISDIR(status.st_mode):
                await self._directory(exchange, segments, path.trailing_slash)
            elif path.trailing_slash:
                respond_error(exchange, 404)
            else:
                await self._file(exchange, fd, status, segments)
        finally:
            os.close(fd)

    def _other_method(self, exchange: Exchange) -> None:
        method = exchange.request.method
        if method == b"OPTIONS":
            exchange.respond(204, ALLOW)
        elif method in REGISTERED_METHODS:
            respond_error(exchange, 405, ALLOW)
        else:
            respond_error(exchange, 501)

    def _is_servable(self, segments: Sequence[str]) -> bool:
        for index, segment in enumerate(segments):
            if segment[0] == "." and not self._options.hidden and not (index == 0 and segment == _WELL_KNOWN):
                return False
            if _REFUSED_NAME in segment:
                return False
        return True

    @staticmethod
    def _not_found(exchange: Exchange, error: OSError | UnicodeError) -> None:
        """Whatever does not exist, and whatever leads out of the root: not to be told apart from outside."""
        respond_error(exchange, 403 if isinstance(error, PermissionError) and error.filename is not None else 404)

    @staticmethod
    def _redirect(exchange: Exchange, segments: Sequence[str], directory: bool) -> None:
        """To the one spelling of a path.  It begins with exactly one slash, so it cannot name another host."""
        target = "/" + "/".join(quote(segment, safe="!$&'()*+,;=:@~") for segment in segments)
        if directory and segments:
            target += "/"
        query = percent_encode(exchange.query, _QUERY_AS_SENT)
        redirect(exchange, target.encode("ascii") + (b"?" + query if query else b""))

    # --- directories ---------------------------------------------------------------------------------------------

    async def _directory(self, exchange: Exchange, segments: Sequence[str], slash: bool) -> None:
        if not slash:
            self._redirect(exchange, segments, True)
            return
        for name in self._options.index:
            try:
                index_fd, status = self._root.open((*segments, name))
            except OSError:
                continue
            try:
                if stat.S_ISREG(status.st_mode):
                    # One of lower rank is not kept ready: a better one may appear.
                    await self._file(exchange, index_fd, status, (*segments, name), name == self._options.index[0])
                    return
            finally:
                os.close(index_fd)
        if not self._options.listing:
            respond_error(exchange, 404)
            return
        try:
            page = listing_page(self._root.entries(segments, ENTRIES_MAXIMUM), segments, self._options.hidden)
        except OSError as error:
            self._not_found(exchange, error)
            return
        if not _CONDITIONS.isdisjoint(exchange.request.index):
            outcome = evaluate(exchange.request.method, exchange.field_lines, None, None, int(exchange.wall))  # it has no validators
            if self._ends(exchange, outcome, _LISTING):
                return
        exchange.respond(200, _LISTING, page)

    # --- files ---------------------------------------------------------------------------------------------------

    def _keep(self, target: bytes, segments: Sequence[str], status: os.stat_result, facts: _Facts, content: bytes) -> None:
        """Have the file ready for the next request; targets with a query do not crowd out others."""
        if b"?" not in target:
            fields = (*facts.fields, (b"content-length", b"%d" % len(content)))
            self._hot.put(target, HotFile("/".join(segments), status, fields, content))

    async def _file(self, exchange: Exchange, fd: int, status: os.stat_result, name_below: Sequence[str], keep: bool = True) -> None:
        facts = self._facts(status, name_below[-1], int(exchange.wall))
        index = exchange.request.index
        first, last = 0, facts.size - 1
        code, fields = 200, facts.fields
        if not _CONDITIONS.isdisjoint(index) and self._ends(exchange, self._conditions(exchange, facts), facts.fields):
            return
        if b"range" in index and exchange.request.method == b"GET" and self._range_applies(exchange, facts):
            ranges = parse_range(index[b"range"], facts.size)
            if ranges is UNSATISFIABLE:
                respond_error(exchange, 416, ((b"content-range", unsatisfied_range(facts.size)),))
                return
            if ranges is not IGNORE and len(ranges) == 1:
                first, last = ranges[0]
                code = 206
                fields = (*facts.fields, (b"content-range", content_range(first, last, facts.size)))
        length = last - first + 1
        if length <= SMALL and exchange.request.method == b"GET":
            content = read_at(fd, length, first) if length else b""
            if len(content) == length:
                exchange.respond(code, fields, content)
                if keep and code == 200 and content and not facts.etag.weak:
                    self._keep(exchange.request.target, name_below, status, facts, content)
                return
            raise OSError("a file became shorter while it was read")
        exchange.start(code, (*fields, (b"content-length", b"%d" % length)))
        if exchange.request.method == b"GET":
            await exchange.send_file(fd, first, length)

    @staticmethod
    def _ends(exchange: Exchange, outcome: Outcome, fields: Fields) -> bool:
        """Whether the conditions decided the response: 304 with the fields that it shares with a 200 (RFC 9110 §15.4.5), or 412."""
        if outcome is Outcome.NOT_MODIFIED:
            exchange.respond(304, tuple(item for item in fields if item[0] != b"content-type"))
        elif outcome is Outcome.PRECONDITION_FAILED:
            respond_error(exchange, 412)
        return outcome is not Outcome.PROCEED

    def _facts(self, status: os.stat_result, name: str, now: int) -> _Facts:
        """What the response says of a file, remembered for as long as the file does not change."""
        key = (status.st_ino, status.st_mtime_ns, status.st_size, name)
        facts = self._memo.get(key)
        if facts is None:
            facts = self._make_facts(status, name, now)
            if len(self._memo) >= _MEMO_MAXIMUM:
                self._memo.clear()
            if not facts.etag.weak:
                self._memo[key] = facts
        return facts

    def _make_facts(self, status: os.stat_result, name: str, now: int) -> _Facts:
        modified = int(status.st_mtime)
        weak = modified >= now
        modified = min(modified, now)  # "MUST NOT generate a Last-Modified date that is later than" Date, RFC 9110 §8.8.2.1
        tag = b"%x-%x-%x" % (status.st_mtime_ns, status.st_size, status.st_ino)
        etag = ETag(tag, weak)
        fields = [
            (b"content-type", content_type_for(name, self._types)),
            (b"last-modified", format_http_date(modified)),
            (b"etag", bytes(etag)),
            (b"accept-ranges", b"bytes"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if self._options.max_age is not None:
            fields.append((b"cache-control", b"max-age=%d" % self._options.max_age))
        return _Facts(status.st_size, etag, modified, tuple(fields))

    @staticmethod
    def _conditions(exchange: Exchange, facts: _Facts) -> Outcome:
        return evaluate(exchange.request.method, exchange.field_lines, facts.etag, facts.modified, int(exchange.wall))

    @staticmethod
    def _range_applies(exchange: Exchange, facts: _Facts) -> bool:
        value = exchange.request.index.get(b"if-range")
        return value is None or if_range_matches(value, facts.etag, facts.modified, int(exchange.wall))
