# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A host's own error pages: files below its root, read when they are wanted, so an edit shows at once.

The stage only hands the pages to the exchange; `exchange.pages.respond_error`, which every refusal goes through, asks them.  A page
that cannot be read, or is larger than `MAXIMUM`, gives way to the server's own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final, final

from sws.exchange.exchange import Exchange, Handler
from sws.os.files import Root, read_at
from sws.proto.http.target import path_segments
from sws.proto.http.types import content_type_for

__all__ = ["MAXIMUM", "OwnPages"]

MAXIMUM: Final = 1 << 18


@final
class OwnPages:
    """A stage that gives its exchanges these pages.

    Args:
      pages:  status -> path below the root, percent-encoded as in a URL.
    Raises: DecodeError for a path that no request could have.
    """

    def __init__(self, root: Root, pages: Mapping[int, str]) -> None:
        self._root = root
        self._pages = {status: path_segments(path.encode()).segments for status, path in pages.items()}

    async def __call__(self, exchange: Exchange, next_handler: Handler) -> None:
        """Pass on."""
        exchange.pages = self
        await next_handler(exchange)

    def find(self, status: int) -> tuple[bytes, bytes] | None:
        """The page of a status, if there is one that can be read."""
        segments = self._pages.get(status)
        if segments is None:
            return None
        try:
            fd, found = self._root.open(segments)
        except OSError:
            return None
        try:
            if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= MAXIMUM:
                return None
            return content_type_for(segments[-1]), read_at(fd, found.st_size, 0)
        except OSError:
            return None
        finally:
            os.close(fd)
