# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A bounded cache of answers with a time to live: a skip list in the order in which entries go, and a dict by key.

    expires    until here an entry is fresh
    gone       until here it may be used if nothing better is to be had: `stale_on_error` later, for negative answers at once
    revalidate  until here a stale entry is given out at once, while one caller is told to refresh it: `stale_while_refresh` after expires
    retry      a refresh that failed is not repeated before this time; until then the stale entry is given out (RFC 8767 §5)

The skip list is ordered by (gone, sequence); its front is what goes next, by time or for want of room: the soonest to expire.  A node is on
level k with probability 2**-k, so finding a place costs about log2(n) steps, and taking the front none.

RFC 8767 §4: a TTL is at most seven days, and one of 0 is not kept.  RFC 2308 §5: a negative one is at most three hours.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, final

from sws.base.errors import UsageError

__all__ = ["CacheCounters", "Lookup", "ResolverCache"]

V = TypeVar("V")

_LEVELS: Final = 16
STALE_TTL: Final = 30
"""What a stale answer still holds for, and how long after a failed refresh the next is tried.  RFC 8767 §4, §5."""


@final
@dataclass(frozen=True, slots=True)
class Lookup(Generic[V]):
    """What the cache knows.

    Attributes:
      ttl:      seconds that the value still holds for, at least 1.
      stale:    whether it has expired.
      refresh:  whether the caller is the one that must refresh it, with `put` or `failed` at the end.
    """

    value: V
    ttl: int
    stale: bool = False
    refresh: bool = False


@final
@dataclass(slots=True)
class CacheCounters:
    """What happened so far; `expired` went by time, `evicted` for want of room."""

    hits: int = 0
    misses: int = 0
    stale: int = 0
    evicted: int = 0
    expired: int = 0


@final
class _Node(Generic[V]):
    __slots__ = ("expires", "gone", "key", "next", "refreshing", "retry", "sequence", "value")

    def __init__(self, key: Hashable, value: V, expires: float, gone: float, sequence: int, height: int) -> None:
        self.key = key
        self.value = value
        self.expires = expires
        self.gone = gone
        self.sequence = sequence
        self.retry = expires
        self.refreshing = False
        self.next: list[_Node[V] | None] = [None] * height


@final
class ResolverCache(Generic[V]):
    """Values by key.

    Args:
      entropy:  gives random octets; the heights of nodes are drawn from them, so that no peer can choose them.
      maximum:  entries.
      minimum_ttl, maximum_ttl, maximum_negative_ttl:  seconds to which TTLs are clamped; 0 stays 0.
      stale_while_refresh, stale_on_error:  seconds after expiry, as above.
    Raises: UsageError for bounds that contradict each other.
    """

    __slots__ = (
        "_entropy", "_head", "_longest", "_longest_negative", "_nodes", "_sequence", "_shortest", "_stale", "_stale_on_error",
        "counters", "maximum",
    )  # fmt: skip

    def __init__(
        self,
        entropy: Callable[[int], bytes],
        maximum: int = 4096,
        *,
        minimum_ttl: int = 1,
        maximum_ttl: int = 604_800,
        maximum_negative_ttl: int = 10_800,
        stale_while_refresh: float = 30.0,
        stale_on_error: float = 86_400.0,
    ) -> None:
        if maximum < 1 or not 1 <= minimum_ttl <= min(maximum_ttl, maximum_negative_ttl) or not 0 <= stale_while_refresh <= stale_on_error:
            raise UsageError("a cache needs room, TTLs in order from 1 up, and stale_while_refresh within stale_on_error")
        self.maximum: Final = maximum
        self.counters = CacheCounters()
        self._entropy = entropy
        self._shortest = minimum_ttl
        self._longest = maximum_ttl
        self._longest_negative = maximum_negative_ttl
        self._stale = stale_while_refresh
        self._stale_on_error = stale_on_error
        self._nodes: dict[Hashable, _Node[V]] = {}
        self._sequence = 0
        self._head: list[_Node[V] | None] = [None] * _LEVELS

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, key: Hashable, now: float) -> Lookup[V] | None:
        """What is known about a key, or None if it must be asked for."""
        node = self._nodes.get(key)
        if node is None or now >= node.gone:
            self.counters.misses += 1
            return None
        if now < node.expires:
            self.counters.hits += 1
            return Lookup(node.value, max(1, int(node.expires - now)))
        waits = now < node.retry
        if not waits and now >= node.expires + self._stale:
            self.counters.misses += 1
            return None
        self.counters.stale += 1
        refresh = not waits and not node.refreshing
        node.refreshing = node.refreshing or refresh
        return Lookup(node.value, STALE_TTL, stale=True, refresh=refresh)

    def put(self, key: Hashable, value: V, ttl: int, now: float, *, negative: bool = False) -> None:
        """Keep a value for `ttl` seconds, clamped; one with a TTL of 0 or less only takes the place of an older one away."""
        self.discard(key)
        self._expire(now)
        if ttl <= 0:
            return
        ttl = min(max(ttl, self._shortest), self._longest_negative if negative else self._longest)
        while len(self._nodes) >= self.maximum:
            self._pop_front()
            self.counters.evicted += 1
        expires = now + ttl
        self._sequence += 1
        node = _Node(key, value, expires, expires if negative else expires + self._stale_on_error, self._sequence, self._height())
        self._nodes[key] = node
        for level, links in enumerate(self._path(node)[: len(node.next)]):
            node.next[level] = links[level]
            links[level] = node

    def failed(self, key: Hashable, now: float) -> Lookup[V] | None:
        """A refresh failed: the stale value, if it may still be used, and no further refresh for a while."""
        node = self._nodes.get(key)
        if node is None or now >= node.gone:
            return None
        node.refreshing = False
        node.retry = now + STALE_TTL
        self.counters.stale += 1
        return Lookup(node.value, STALE_TTL, stale=True)

    def discard(self, key: Hashable) -> None:
        """Forget a key; one that is not there is fine."""
        node = self._nodes.pop(key, None)
        if node is not None:
            for level, links in enumerate(self._path(node)[: len(node.next)]):
                links[level] = node.next[level]

    def clear(self) -> None:
        """Forget everything."""
        self._nodes.clear()
        self._head = [None] * _LEVELS

    def _path(self, node: _Node[V]) -> list[list[_Node[V] | None]]:
        """For each level, the links of the last node before `node`'s place, or the head's."""
        place = node.gone, node.sequence
        path: list[list[_Node[V] | None]] = [self._head] * _LEVELS
        links = self._head
        for level in reversed(range(_LEVELS)):
            following = links[level]
            while following is not None and (following.gone, following.sequence) < place:
                links = following.next
                following = links[level]
            path[level] = links
        return path

    def _pop_front(self) -> None:
        front = self._head[0]
        assert front is not None
        for level, link in enumerate(front.next):
            self._head[level] = link
        del self._nodes[front.key]

    def _expire(self, now: float) -> None:
        while (front := self._head[0]) is not None and front.gone <= now:
            self._pop_front()
            self.counters.expired += 1

    def _height(self) -> int:
        """1 and one more for each set bit in a row, from the lowest."""
        bits = int.from_bytes(self._entropy(2), "little")
        return min(((bits + 1) & ~bits).bit_length(), _LEVELS)
