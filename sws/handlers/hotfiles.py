# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Small files kept in memory, each ready to leave: content, and fields with their content-length.

An entry belongs to a request target and is good as long as one stat(2) of the file's name still shows the same device, inode, size, and
times of modification and change; so an edit, a replacement or a removed permission is seen by the very next request.  The name was
opened component by component when the entry was made (`os.files.Root`); a later stat may follow other links than then, but if it
finds the same unchanged inode, what is served is what was allowed to be served.  An operator may give up a little of that for speed:
with `revalidate` seconds, a file found unchanged is not looked at again for so long.

A precompressed neighbour that appears later is used once the entry of the plain file has gone.

Bounds: octets in all, octets of one file.  Who goes first is found by second chance, an approximation of "unused longest" in which a hit
costs no more than setting a flag: entries queue up as they came, and the one in front goes if it was not used since it queued.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from sws.base.engine import Field
from sws.os.files import Root

__all__ = ["HotFile", "HotFiles", "HotStore"]

#: What an entry costs besides its content, roughly: keys, fields, the stat result.
_OVERHEAD: Final = 2048


Facts = tuple[int, int, int, int, int]


def facts_of(status: os.stat_result) -> Facts:
    """What must not change."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size, status.st_dev


@final
@dataclass(slots=True, eq=False)
class HotFile:
    """A file as it leaves.

    Attributes:
      name:     below the root.
      facts:    of the file, when it was read.
      beside:   names and facts of what else must not have changed: the plain file beside a precompressed one.
      fields:   of a 200 response, with content-length.
      used:     since it was queued for the last time.
      fresh_until:  until when nobody looks whether it has changed.
      home:     the entries it stands among, and the target there.
    """

    name: str
    facts: Facts
    fields: tuple[Field, ...]
    content: bytes
    beside: tuple[tuple[str, Facts], ...] = ()
    used: bool = False
    fresh_until: float = 0.0
    home: dict[bytes, HotFile] = field(default_factory=dict, repr=False)
    target: bytes = b""


@final
class HotStore:
    """The memory of one worker, shared by the roots of all its hosts.

    Args:
      maximum:  octets in all; 0 keeps nothing.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.octets = 0
        self._queue: OrderedDict[HotFile, None] = OrderedDict()

    def put(self, home: dict[bytes, HotFile], target: bytes, entry: HotFile) -> None:
        """Keep an entry, at the expense of others that were not used lately."""
        size = len(entry.content) + _OVERHEAD
        if size > self.maximum:
            return
        before = home.get(target)
        if before is not None:
            self.drop(before)
        entry.home, entry.target = home, target
        home[target] = entry
        self.octets += size
        while self.octets > self.maximum:
            oldest = next(iter(self._queue))
            if oldest.used:
                oldest.used = False
                self._queue.move_to_end(oldest)
            else:
                self.drop(oldest)
        self._queue[entry] = None

    def drop(self, entry: HotFile) -> None:
        """Forget an entry."""
        del self._queue[entry]
        del entry.home[entry.target]
        self.octets -= len(entry.content) + _OVERHEAD


@final
class HotFiles:
    """The part of a store that belongs to one root.

    Args:
      store:       shared or not.
      revalidate:  seconds for which a file found unchanged is taken to be so.
    """

    def __init__(self, root: Root, store: HotStore, revalidate: float = 0.0) -> None:
        self._stat: Callable[[str], os.stat_result] = root.stat
        self._store = store
        self._revalidate = revalidate
        self._entries: dict[bytes, HotFile] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, target: bytes, now: float) -> HotFile | None:
        """The entry of a target if its file is still the same."""
        entry = self._entries.get(target)
        if entry is None:
            return None
        if now < entry.fresh_until:
            entry.used = True
            return entry
        try:
            found = self._stat(entry.name)
            same = entry.facts == (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size, found.st_dev)
            for name, facts in entry.beside:
                same = same and facts_of(self._stat(name)) == facts
        except OSError:
            same = False
        if not same:
            self._store.drop(entry)
            return None
        entry.used = True
        entry.fresh_until = now + self._revalidate
        return entry

    def put(self, target: bytes, entry: HotFile) -> None:
        """Keep an entry."""
        self._store.put(self._entries, target, entry)
