# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Small files kept in memory, each ready to leave: content, and fields with their content-length.

An entry belongs to a request target and is good as long as one stat(2) of the file's name still shows the same device, inode, size, and
times of modification and change; so an edit, a replacement or a removed permission is seen by the very next request.  The name was
opened component by component when the entry was made (`os.files.Root`); a later stat may follow other links than then, but if it
finds the same unchanged inode, what is served is what was allowed to be served.

A precompressed neighbour that appears later is used once the entry of the plain file has gone.

Bounds: octets in all, octets of one file; the entry unused longest goes first.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, final

from sws.base.engine import Field
from sws.os.files import Root

__all__ = ["HotFile", "HotFiles", "HotStore"]

#: What an entry costs besides its content, roughly: keys, fields, the stat result.
_OVERHEAD: Final = 2048


@final
@dataclass(slots=True)
class HotFile:
    """A file as it leaves.

    Attributes:
      files:    names below the root, and what stat(2) said of them when it was read: the file itself, and the plain one beside a
                precompressed one.
      fields:   of a 200 response, with content-length.
    """

    files: tuple[tuple[str, os.stat_result], ...]
    fields: tuple[Field, ...]
    content: bytes


@final
class HotStore:
    """The memory of one worker, shared by the roots of all its hosts.

    Args:
      maximum:  octets in all; 0 keeps nothing.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.entries: OrderedDict[tuple[Root, bytes], HotFile] = OrderedDict()
        self.octets = 0

    def put(self, key: tuple[Root, bytes], entry: HotFile) -> None:
        """Keep an entry, at the expense of those unused longest."""
        size = len(entry.content) + _OVERHEAD
        if size > self.maximum:
            return
        if key in self.entries:
            self.drop(key)
        self.entries[key] = entry
        self.octets += size
        while self.octets > self.maximum:
            self.drop(next(iter(self.entries)))

    def drop(self, key: tuple[Root, bytes]) -> None:
        """Forget an entry."""
        self.octets -= len(self.entries.pop(key).content) + _OVERHEAD


@final
class HotFiles:
    """The part of a store that belongs to one root.

    Args:
      store:  shared or not.
    """

    def __init__(self, root: Root, store: HotStore) -> None:
        self._root = root
        self._store = store
        self._entries = store.entries

    def __len__(self) -> int:
        return sum(root is self._root for root, _ in self._entries)

    def get(self, target: bytes) -> HotFile | None:
        """The entry of a target if its file is still the same."""
        key = (self._root, target)
        entry = self._entries.get(key)
        if entry is None:
            return None
        for name, then in entry.files:
            try:
                now = self._root.stat(name)
            except OSError:
                self._store.drop(key)
                return None
            if (
                now.st_mtime_ns != then.st_mtime_ns
                or now.st_ctime_ns != then.st_ctime_ns
                or now.st_ino != then.st_ino
                or now.st_size != then.st_size
                or now.st_dev != then.st_dev
            ):
                self._store.drop(key)
                return None
        self._entries.move_to_end(key)
        return entry

    def put(self, target: bytes, entry: HotFile) -> None:
        """Keep an entry."""
        self._store.put((self._root, target), entry)
