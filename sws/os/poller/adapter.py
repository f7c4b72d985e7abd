# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A selector's face for a poller, so that foreign code that wants `selectors.BaseSelector` can use any of them.

About twice the cost per event of the poller itself: each is wrapped into a SelectorKey.  ERROR has no name there; it comes as
readiness in the registered directions, which is what the standard library's own selectors do.
"""

from __future__ import annotations

import selectors
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, final

from sws.base.errors import UsageError
from sws.os.poller.base import READ, WRITE, Poller

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["PollerSelector"]


def _descriptor(file: FileDescriptorLike) -> int:
    """The number of a descriptor or of an object that has one; ValueError, as selectors want it, if there is none."""
    if isinstance(file, int):
        number = file
    else:
        try:
            number = int(file.fileno())
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"no file descriptor: {file!r}") from None
    if number < 0:
        raise ValueError(f"no file descriptor: {number}")
    return number


@final
class PollerSelector(selectors.BaseSelector):
    """A selector over a poller, which it owns: close() closes it.  EVENT_READ and EVENT_WRITE are READ and WRITE."""

    def __init__(self, poller: Poller) -> None:
        self._poller: Final = poller
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._map: _KeyMap | None = _KeyMap(self)

    def register(self, fileobj: FileDescriptorLike, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file object; KeyError if it is watched already, ValueError for bad events or an unpollable file."""
        fd = self.descriptor(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {fd}) is already registered")
        return self._arm(selectors.SelectorKey(fileobj, fd, events, data))

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """Forget a file object, which may be closed already; KeyError if it is unknown."""
        key = self.key_of(fileobj)
        del self._keys[key.fd]
        self._poller.disarm(key.fd)
        return key

    def modify(self, fileobj: FileDescriptorLike, events: int, data: Any = None) -> selectors.SelectorKey:
        """Change the events or the data; KeyError if it is unknown."""
        key = self.key_of(fileobj)
        changed = key._replace(events=events, data=data)
        if events == key.events:
            self._keys[key.fd] = changed
            return changed
        return self._arm(changed)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait; zero or negative does not, None does for ever.  [(key, events)]."""
        return [(self._keys[fd], mask & (READ | WRITE)) for fd, mask in self._poller.poll(timeout)]

    def close(self) -> None:
        """Close the poller; again is fine."""
        self._keys.clear()
        self._map = None
        self._poller.close()

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        """File objects and their keys, live; RuntimeError once closed (which get_key() wants)."""
        if self._map is None:
            raise RuntimeError("the selector is closed")
        return self._map

    def keys(self) -> Mapping[int, selectors.SelectorKey]:
        """All keys by descriptor, live."""
        return self._keys

    def key_of(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """The key of a file object; KeyError if it is unknown."""
        try:
            return self._keys[self.descriptor(fileobj)]
        except KeyError:
            raise KeyError(f"{fileobj!r} is not registered") from None

    def descriptor(self, fileobj: FileDescriptorLike) -> int:
        """A file object's number; for one that is closed, the number it was registered with."""
        try:
            return _descriptor(fileobj)
        except ValueError:
            for key in self._keys.values():
                if key.fileobj is fileobj:
                    return key.fd
            raise

    def _arm(self, key: selectors.SelectorKey) -> selectors.SelectorKey:
        if not key.events or key.events & ~(READ | WRITE):
            raise ValueError(f"invalid events: {key.events!r}")
        try:
            self._poller.arm(key.fd, key.events)
        except UsageError as error:
            raise ValueError(str(error)) from error
        self._keys[key.fd] = key
        return key


@final
class _KeyMap(Mapping["FileDescriptorLike", selectors.SelectorKey]):
    """What get_map() returns: looked up by file object or descriptor, iterated by descriptor."""

    def __init__(self, selector: PollerSelector) -> None:
        self._selector: Final = selector

    def __len__(self) -> int:
        return len(self._selector.keys())

    def __getitem__(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._selector.key_of(fileobj)

    def __iter__(self) -> Iterator[int]:
        return iter(self._selector.keys())
