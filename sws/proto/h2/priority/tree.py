# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The dependency tree.  RFC 7540 §5.3; RFC 9113 §5.3.2 keeps its signals and leaves their use to us.

A stream is served before those that depend on it; siblings share in proportion to their weights.  Each node has a ring of the children
below which somebody waits.  The child in front is served while its `credit` lasts; a child that has used its credit up gets some
more, by its weight, and goes to the back.  So a frame costs a walk from the root to a leaf and a bounded number of turns of rings.

Nodes of streams that are not open (idle ones to hang others on, closed ones that others still hang on, §5.3.4) are kept for a
while: at most `maximum` of them, the oldest goes first and leaves its children to its parent.
"""

from __future__ import annotations

from collections import deque
from typing import Final, final

from sws.proto.h2.frames.priority import Dependency

__all__ = ["DependencyTree"]

_DEFAULT_WEIGHT: Final = 16
_OCTETS_PER_WEIGHT: Final = 256


@final
class _Node:
    """A stream's place."""

    __slots__ = ("children", "credit", "parent", "queued", "ready", "ring", "stream", "weight")

    def __init__(self, stream: int, parent: _Node | None, weight: int) -> None:
        self.stream = stream
        self.parent = parent
        self.weight = weight
        self.children: dict[int, _Node] = {}
        self.ring: deque[_Node] = deque()  # children below which somebody waits
        self.queued = False  # in the parent's ring
        self.ready = False
        self.credit = weight * _OCTETS_PER_WEIGHT


@final
class DependencyTree:
    """A `Scheduler` by dependency and weight.

    Args:
      maximum:  how many nodes of streams that are not open are kept.
    """

    __slots__ = ("_maximum", "_nodes", "_root", "_spare", "_waiting")

    def __init__(self, maximum: int = 100) -> None:
        self._root = _Node(0, None, _DEFAULT_WEIGHT)  # never ready, and its credit means nothing
        self._nodes: dict[int, _Node] = {0: self._root}
        self._spare: dict[int, None] = {}  # not open, oldest first
        self._maximum = maximum
        self._waiting = 0

    @property
    def is_idle(self) -> bool:
        """Nobody waits."""
        return not self._waiting

    def parent_of(self, stream: int) -> int:
        """What it depends on, 0 if on nothing or not known."""
        node = self._nodes.get(stream)
        return 0 if node is None or node.parent is None else node.parent.stream

    def weight_of(self, stream: int) -> int:
        """Its weight."""
        node = self._nodes.get(stream)
        return _DEFAULT_WEIGHT if node is None else node.weight

    def opened(self, stream: int) -> None:
        """A stream begins; where its place is known already it keeps it."""
        self._spare.pop(stream, None)
        if stream not in self._nodes:
            self._attach(_Node(stream, None, _DEFAULT_WEIGHT), self._root)

    def depend(self, stream: int, dependency: Dependency) -> None:
        """PRIORITY, or the priority of HEADERS.  RFC 7540 §5.3.1, §5.3.3."""
        node = self._nodes.get(stream) or self._new_spare(stream)
        parent = self._nodes.get(dependency.parent) or self._new_spare(dependency.parent)
        above: _Node | None = parent
        while above is not None and above is not node:
            above = above.parent
        if above is node and node.parent is not None:  # the new parent hangs below: it first takes this node's old place
            self._move(parent, node.parent)
        node.weight = dependency.weight
        if dependency.exclusive:
            for child in tuple(parent.children.values()):
                if child is not node:
                    self._move(child, node)
        self._move(node, parent)
        self._trim()

    def _new_spare(self, stream: int) -> _Node:
        node = _Node(stream, None, _DEFAULT_WEIGHT)
        self._attach(node, self._root)
        self._spare[stream] = None
        return node

    def _attach(self, node: _Node, parent: _Node) -> None:
        node.parent = parent
        parent.children[node.stream] = node
        self._nodes[node.stream] = node
        if node.ready or node.ring:
            self._queue(node)

    def _detach(self, node: _Node) -> None:
        parent = node.parent
        if parent is not None:
            del parent.children[node.stream]
            if node.queued:
                parent.ring.remove(node)
                node.queued = False

    def _move(self, node: _Node, parent: _Node) -> None:
        self._detach(node)
        self._attach(node, parent)

    def _queue(self, node: _Node) -> None:
        while node.parent is not None and not node.queued:
            node.queued = True
            node.parent.ring.append(node)
            node = node.parent

    def activate(self, stream: int) -> None:
        """See `Scheduler`."""
        node = self._nodes.get(stream) or self._new_spare(stream)
        if not node.ready:
            node.ready = True
            self._waiting += 1
            self._queue(node)

    def deactivate(self, stream: int) -> None:
        """See `Scheduler`; rings notice when its turn comes."""
        node = self._nodes.get(stream)
        if node is not None and node.ready:
            node.ready = False
            self._waiting -= 1

    def pick(self) -> int:
        """See `Scheduler`."""
        if not self._waiting:
            return 0
        node = self._root
        while not node.ready:
            ring = node.ring
            if not ring:  # nobody below any more: out of the ring above, and from the root again
                node.queued = False
                if node.parent is not None:
                    node.parent.ring.remove(node)
                node = self._root
                continue
            child = ring[0]
            if child.credit <= 0:
                child.credit += child.weight * _OCTETS_PER_WEIGHT
                ring.rotate(-1)
            else:
                node = child
        return node.stream

    def sent(self, stream: int, octets: int) -> None:
        """Charge a stream and all it hangs on."""
        node = self._nodes.get(stream)
        while node is not None:
            node.credit -= octets
            node = node.parent

    def closed(self, stream: int) -> None:
        """See `Scheduler`."""
        self.deactivate(stream)
        if stream in self._nodes:
            self._spare[stream] = None
            self._trim()

    def _trim(self) -> None:
        while len(self._spare) > self._maximum:
            stream = next(iter(self._spare))
            del self._spare[stream]
            self._remove(self._nodes.pop(stream))

    def _remove(self, node: _Node) -> None:
        """Its children share its weight in proportion to their own.  RFC 7540 §5.3.4."""
        parent = node.parent
        if parent is None:
            return
        total = sum(child.weight for child in node.children.values())
        for child in tuple(node.children.values()):
            child.weight = max(1, child.weight * node.weight // total)
            self._move(child, parent)
        self._detach(node)
