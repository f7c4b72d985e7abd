# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A folder that is served by StaticFiles over a real connection."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from sws.handlers.hotfiles import HotStore
from sws.handlers.static import StaticFiles, StaticOptions
from sws.os.files import LinkPolicy, Root
from tests.kit.driver import Client, Response, Rig, get

__all__ = ["PAST", "PAST_DATE", "Site"]

PAST = 1735689600  # 2025-01-01, a year before the rig's clock
PAST_DATE = "Wed, 01 Jan 2025 00:00:00 GMT"


class Site:
    """A folder, a handler, a rig."""

    def __init__(self, path: pathlib.Path, links: LinkPolicy = LinkPolicy.INSIDE, cache: int = 0, **options: Any) -> None:
        self.path = path
        self.store = HotStore(cache)
        self.root = Root(str(path), links)
        self.handler = StaticFiles(self.root, StaticOptions(**options), self.store)
        self.rig = Rig(self.handler)
        self.client: Client | None = None

    def write(self, name: str, content: bytes = b"content", mtime: float = PAST) -> pathlib.Path:
        """A file, with the folders it needs."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (mtime, mtime))
        return path

    def ask(self, path: str, *fields: str, method: str = "GET") -> Response:
        """Over one connection, which a HEAD ends."""
        if self.client is None or self.client.eof:
            self.client = self.rig.connect()
        if method == "HEAD":
            client, self.client = self.client, None
            before = len(client.received)
            client.send(get(path, *fields, method=method))
            self.rig.settle()
            head, separator, rest = bytes(client.received[before:]).partition(b"\r\n\r\n")
            assert separator
            assert rest == b"", "a response to HEAD has no content (RFC 9110 §9.3.2)"
            line, *lines = head.decode("latin-1").split("\r\n")
            pairs = [text.lower().partition(": ") for text in lines]
            return Response(int(line.split(" ")[1]), {name: value for name, _, value in pairs}, b"")
        (response,) = self.rig.ask(get(path, *fields, method=method), self.client)
        assert self.rig.errors == []
        return response

    def close(self) -> None:
        """Give everything back."""
        self.rig.close()
        self.root.close()
