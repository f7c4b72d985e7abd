# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Small files kept in memory, each ready to leave: content, and fields with their content-length.

An entry belongs to a request target and is good as long as one stat(2) of the file's name still shows the same device, inode, size, and
times of modification and change; so an edit, a replacement or a removed permission is seen by the very next request.  The name was
opened component by component when the entry was made (`os.files.Root`); a later stat may follow other links than then, but if it
finds the same unchanged inode, what is served is what was allowed to be served.

Bounds: octets in all, octets of one file; the entry unused longest goes first.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, final

from sws.base.engine import Field
from sws.os.files import Root

__all__ = ["HotFile", "HotFiles"]

#: What an entry costs besides its content, roughly: keys, fields, the stat result.
_OVERHEAD: Final = 2048


@final
@dataclass(slots=True)
class HotFile:
    """A file as it leaves.

    Attributes:
      name:     below the root.
      status:   what stat(2) said when it was read.
      fields:   of a 200 response, with content-length.
    """

    name: str
    status: os.stat_result
    fields: tuple[Field, ...]
    content: bytes


@final
class HotFiles:
    """The cache of one root.

    Args:
      maximum:  octets in all; 0 keeps nothing.
    """

    def __init__(self, root: Root, maximum: int) -> None:
        self._root = root
        self._maximum = maximum
        self._entries: OrderedDict[bytes, HotFile] = OrderedDict()
        self.octets = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, target: bytes) -> HotFile | None:
        """The entry of a target if its file is still the same."""
        entry = self._entries.get(target)
        if entry is None:
            return None
        then = entry.status
        try:
            now = self._root.stat(entry.name)
        except OSError:
            now = None
        if (
            now is None
            or now.st_mtime_ns != then.st_mtime_ns
            or now.st_ctime_ns != then.st_ctime_ns
            or now.st_ino != then.st_ino
            or now.st_size != then.st_size
            or now.st_dev != then.st_dev
        ):
            self._drop(target)
            return None
        self._entries.move_to_end(target)
        return entry

    def put(self, target: bytes, entry: HotFile) -> None:
        """Keep an entry, at the expense of those unused longest."""
        size = len(entry.content) + _OVERHEAD
        if size > self._maximum:
            return
        if target in self._entries:
            self._drop(target)
        self._entries[target] = entry
        self.octets += size
        while self.octets > self._maximum:
            self._drop(next(iter(self._entries)))

    def _drop(self, target: bytes) -> None:
        self.octets -= len(self._entries.pop(target).content) + _OVERHEAD
