# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files of a folder: from a request's target to an open file or directory.  RFC 9110 §9.3.1 (GET), §9.3.2 (HEAD).

    target ─▶ hot? ─▶ segments ─▶ refuse what is hidden ─▶ open below the root ─▶ file: its precompressed neighbour, or itself
                                                               │  └▶ directory: index, listing or redirect
                                                               └▶ nothing: with a suffix, then the fallback, then 404

What a response says and how it leaves is `handlers.fileresponse`; what is ready in memory is `handlers.hotfiles`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from sws.base.engine import Fields
from sws.base.errors import DecodeError
from sws.coding.negotiate import EXTENSIONS, Negotiator
from sws.exchange.exchange import Exchange
from sws.exchange.pages import redirect, respond_error
from sws.handlers.fileresponse import CONDITIONS, FileFacts, FileResponder, conclude, is_selective
from sws.handlers.hotfiles import HotFile, HotFiles, HotStore, facts_of
from sws.handlers.listing import ENTRIES_MAXIMUM, listing_json, listing_page, wants_json
from sws.os.files import Root
from sws.proto.http.conditional import evaluate
from sws.proto.http.method import REGISTERED_METHODS
from sws.proto.http.target import PathSegments, path_segments
from sws.proto.http.types import CONTENT_TYPES
from sws.proto.http.url import PATH_SAFE, QUERY_SAFE, percent_encode

__all__ = ["StaticFiles", "StaticOptions"]

ALLOW: Final[Fields] = ((b"allow", b"GET, HEAD, OPTIONS"),)
_LISTING: Final[Fields] = ((b"cache-control", b"no-cache"), (b"vary", b"accept"))
_SEGMENT_SAFE: Final = PATH_SAFE.replace(b"/", b"")
_QUERY_AS_SENT: Final = QUERY_SAFE + b"%"  # what a request may hold raw beyond the grammar is no part of a Location
_WELL_KNOWN: Final = ".well-known"
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_RETRY: Final[Fields] = ((b"retry-after", b"1"),)
_REFUSED_NAME: Final = ":" if os.name == "nt" else "\0"
_SEPARATOR: Final = b" "  # between a target and the codings in the key of a hot file: no target has one


@final
@dataclass(frozen=True, slots=True)
class StaticOptions:
    """What config.StaticConfig says, in the handler's terms."""

    index: Sequence[str] = ("index.html",)
    listing: bool = False
    hidden: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    max_age: int | None = None
    revalidate: float = 0.0
    suffixes: Sequence[str] = ()
    fallback: str | None = None
    precompressed: Sequence[str] = ()


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
        self._hot = HotFiles(root, store, options.revalidate)
        self._negotiator = Negotiator([name.encode("ascii") for name in options.precompressed]) if options.precompressed else None
        types = {**CONTENT_TYPES, **{name.lower().lstrip("."): value.encode("ascii") for name, value in options.types.items()}}
        self._responder = FileResponder(types, options.max_age, self._negotiator is not None)
        self._fallback = path_segments(options.fallback.encode()).segments if options.fallback is not None else None

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        codings: tuple[bytes, ...] = ()
        if self._negotiator is not None:
            codings = self._negotiator.acceptable(request.index.get(b"accept-encoding"))
        if request.method == b"GET":
            hot = self._hot.get(_key(request.target, codings) if codings else request.target, exchange.started)
            if hot is not None and not is_selective(request.index):
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
        if "" in path.segments:
            self._redirect(exchange, [s for s in path.segments if s], path.trailing_slash)
        elif not self._is_servable(path.segments):
            respond_error(exchange, 404)
        else:
            await self._serve(exchange, path, codings)

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
    def _redirect(exchange: Exchange, segments: Sequence[str], directory: bool) -> None:
        """To the one spelling of a path.  It begins with exactly one slash, so it cannot name another host."""
        target = b"/" + b"/".join([percent_encode(segment.encode(), _SEGMENT_SAFE) for segment in segments])
        if directory and segments:
            target += b"/"
        query = percent_encode(exchange.query, _QUERY_AS_SENT)
        redirect(exchange, target + (b"?" + query if query else b""))

    # --- finding -------------------------------------------------------------------------------------------------

    async def _serve(self, exchange: Exchange, path: PathSegments, codings: Sequence[bytes]) -> None:
        try:
            fd, status = self._root.open(path.segments)
        except (OSError, UnicodeError) as error:
            await self._serve_missing(exchange, path, codings, error)
            return
        try:
            if stat.S_ISDIR(status.st_mode):
                await self._directory(exchange, path, codings)
            elif path.trailing_slash:
                await self._serve_missing(exchange, path, codings, FileNotFoundError())
            else:
                await self._file(exchange, fd, status, path.segments, codings)
        finally:
            os.close(fd)

    async def _serve_missing(self, exchange: Exchange, path: PathSegments, codings: Sequence[bytes], error: OSError | UnicodeError) -> None:
        """With a suffix; the fallback; or not at all.  Want of descriptors says nothing about the file: 503."""
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            respond_error(exchange, 503, _RETRY)
            return
        if path.segments and not path.trailing_slash:
            for suffix in self._options.suffixes:
                # Not kept ready: a file of the very name may appear.
                if await self._try_file(exchange, (*path.segments[:-1], path.segments[-1] + suffix), codings, keep=False):
                    return
        if self._fallback is None or not await self._try_file(exchange, self._fallback, codings, keep=False):
            self._not_found(exchange, error)

    async def _try_file(self, exchange: Exchange, segments: Sequence[str], codings: Sequence[bytes], keep: bool = True) -> bool:
        """Answer with a regular file; False if there is none."""
        try:
            fd, status = self._root.open(segments)
        except (OSError, UnicodeError):
            return False
        try:
            if not stat.S_ISREG(status.st_mode):
                return False
            await self._file(exchange, fd, status, segments, codings, keep)
        finally:
            os.close(fd)
        return True

    @staticmethod
    def _not_found(exchange: Exchange, error: OSError | UnicodeError) -> None:
        """Whatever does not exist, and whatever leads out of the root: not to be told apart from outside."""
        respond_error(exchange, 403 if isinstance(error, PermissionError) and error.filename is not None else 404)

    # --- directories ---------------------------------------------------------------------------------------------

    async def _directory(self, exchange: Exchange, path: PathSegments, codings: Sequence[bytes]) -> None:
        if not path.trailing_slash:
            self._redirect(exchange, path.segments, True)
            return
        for name in self._options.index:
            # One of lower rank is not kept ready: a better one may appear.
            if await self._try_file(exchange, (*path.segments, name), codings, name == self._options.index[0]):
                return
        if self._options.listing:
            self._list(exchange, path.segments)
        else:
            await self._serve_missing(exchange, path, codings, FileNotFoundError())

    def _list(self, exchange: Exchange, segments: Sequence[str]) -> None:
        try:
            entries = self._root.entries(segments, ENTRIES_MAXIMUM)
        except OSError as error:
            self._not_found(exchange, error)
            return
        if not CONDITIONS.isdisjoint(exchange.request.index):
            outcome = evaluate(exchange.request.method, exchange.field_lines, None, None, int(exchange.wall))  # it has no validators
            if conclude(exchange, outcome, _LISTING):
                return
        if wants_json(exchange.request.index.get(b"accept")):
            media_type, content = b"application/json", listing_json(entries, segments, self._options.hidden)
        else:
            media_type, content = b"text/html; charset=utf-8", listing_page(entries, segments, self._options.hidden)
        exchange.respond(200, ((b"content-type", media_type), *_LISTING), content)

    # --- files ---------------------------------------------------------------------------------------------------

    async def _file(
        self, exchange: Exchange, fd: int, status: os.stat_result, segments: Sequence[str], codings: Sequence[bytes], keep: bool = True
    ) -> None:
        """Answer with an open file, or with its precompressed neighbour."""
        name = segments[-1]
        for coding in codings:
            neighbour = (*segments[:-1], name + EXTENSIONS[coding])
            try:
                other_fd, other = self._root.open(neighbour)
            except OSError:
                continue
            try:
                if stat.S_ISREG(other.st_mode) and other.st_mtime_ns >= status.st_mtime_ns:
                    ready = await self._responder.respond(exchange, other_fd, other, name, coding)
                    self._keep(exchange, (neighbour, segments), (other, status), ready if keep else None, codings)
                    return
            finally:
                os.close(other_fd)
        ready = await self._responder.respond(exchange, fd, status, name)
        self._keep(exchange, (segments,), (status,), ready if keep else None, codings)

    def _keep(
        self,
        exchange: Exchange,
        names: Sequence[Sequence[str]],
        statuses: Sequence[os.stat_result],
        ready: tuple[FileFacts, bytes] | None,
        codings: Sequence[bytes],
    ) -> None:
        """Have the file ready for the next request; targets with a query do not crowd out others."""
        if ready is None or b"?" in exchange.request.target:
            return
        facts, content = ready
        if content and not facts.etag.weak:
            fields = (*facts.fields, (b"content-length", b"%d" % len(content)))
            (name, seen), *beside = zip(map("/".join, names), map(facts_of, statuses), strict=True)
            self._hot.put(_key(exchange.request.target, codings), HotFile(name, seen, fields, content, tuple(beside)))


def _key(target: bytes, codings: Sequence[bytes]) -> bytes:
    return _SEPARATOR.join((target, *codings)) if codings else target
