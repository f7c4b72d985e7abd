# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names to addresses, without blocking.  RFC 1034 §5.3.1, RFC 8767, RFC 9520 §3.2, RFC 6761, resolv.conf(5).

    resolve ─▶ literal, localhost, hosts file ─▶ for each candidate name: AAAA and A at once ─▶ cache ─▶ flight
    flight:   one question to the servers, shared by all that have it; goes on if those who wait for it do not
    group:    the lookups of one candidate by one caller, waiting for one or two flights

How servers are asked is `net.dns_client`'s.

Invariants: flights, those waiting for them, and cache entries are bounded; every flight ends by its deadlines; an answer from the cache
costs no wait.  If one family fails and the other has addresses, these are the result.

Known limitations: names are in ASCII (A-labels); the configuration is read by the caller; the hosts file is asked for the name as
given, not for its completions; DNSSEC is the server's business.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, final

from sws.base.errors import DecodeError, UsageError
from sws.base.limits import Bound
from sws.net.dns_client import DnsClient, ResolveError, ResolveErrorKind, ResolverCounters
from sws.net.hosts_file import FAMILIES, Address, HostsFile, literal_address, special_addresses
from sws.net.resolv_conf import ResolverConfig, candidate_names
from sws.net.resolver_cache import ResolverCache
from sws.os.entropy import random_bytes
from sws.os.loop import Loop
from sws.os.tasks import Cancelled, Waiter, start
from sws.proto.dns import MAX_TTL, RecordType, Verdict, fold, name_to_text

__all__ = ["Address", "Outcome", "ResolveError", "ResolveErrorKind", "Resolver", "ResolverCounters", "ResolverLimits"]

ALIASES_MAXIMUM: Final = 8
FAILURE_TTL: Final = 5
_TYPES: Final = {"any": (RecordType.AAAA, RecordType.A), "ipv4": (RecordType.A,), "ipv6": (RecordType.AAAA,)}
_FAMILY: Final = {RecordType.AAAA: socket.AF_INET6, RecordType.A: socket.AF_INET}
_HOST_RE: Final = re.compile(r"[A-Za-z0-9._-]{1,254}")

Key = tuple[bytes, RecordType]
OnPart = Callable[[list[Address]], None]


@final
@dataclass(frozen=True, slots=True)
class ResolverLimits:
    """Bounds: questions under way at once, and lookups waiting for them."""

    flights: int = 256
    waiting: int = 4096


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What one question came to, as the cache keeps it: addresses, or why there are none."""

    hosts: tuple[str, ...]
    error: ResolveErrorKind | None = None


_FAILED: Final = Outcome((), ResolveErrorKind.SERVER_FAILURE)
#: What several families' failures come to: the first of these that is among them.
_GRAVITY: Final = (ResolveErrorKind.TIMEOUT, ResolveErrorKind.SERVER_FAILURE, ResolveErrorKind.NOT_FOUND)


@final
class _Group:
    """One candidate's lookups by one caller."""

    __slots__ = ("_loop", "_on_part", "_outcomes", "_port", "_wanted", "waiter")

    def __init__(self, loop: Loop, wanted: tuple[RecordType, ...], port: int, on_part: OnPart | None) -> None:
        self.waiter: Waiter[None] = Waiter()
        self._loop = loop
        self._wanted = wanted
        self._port = port
        self._on_part = on_part
        self._outcomes: dict[RecordType, tuple[Outcome, int]] = {}

    def arrived(self, kind: RecordType, outcome: Outcome, ttl: int) -> None:
        """One of them is over."""
        self._outcomes[kind] = outcome, ttl
        if len(self._outcomes) == len(self._wanted):
            self.waiter.resolve(None)
        elif outcome.hosts and self._on_part is not None:
            self._loop.call_soon(self._tell_part)

    def _tell_part(self) -> None:
        if self._on_part is not None and not self.waiter.done:
            self._on_part(self.addresses())

    def abandon(self) -> None:
        """The caller waits no more."""
        self._on_part = None

    def addresses(self) -> list[Address]:
        """Those known so far, IPv6 first."""
        return [
            Address(host, self._port, _FAMILY[kind], ttl)
            for kind, (outcome, ttl) in sorted(self._outcomes.items(), reverse=True)
            for host in outcome.hosts
        ]

    def error(self) -> ResolveErrorKind:
        """Why there are none."""
        kinds = [outcome.error for outcome, _ in self._outcomes.values()]
        return next(kind for kind in _GRAVITY if kind in kinds)


@final
class _Flight:
    """One question under way."""

    __slots__ = ("cancel", "groups", "has_no_name", "key", "outcome", "ttl")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.groups: list[_Group] = []
        self.outcome = _FAILED
        self.has_no_name = False
        self.ttl = 0
        self.cancel: Callable[[], None] = lambda: None


@final
class Resolver:
    """Resolves for one loop.

    Args:
      config:   which servers, and how.
      entropy:  gives unpredictable octets.
      hosts:    None reads the system's hosts file.
      cache:    None makes one of usual size.
    """

    def __init__(
        self,
        loop: Loop,
        config: ResolverConfig,
        *,
        entropy: Callable[[int], bytes] = random_bytes,
        hosts: HostsFile | None = None,
        cache: ResolverCache[Outcome] | None = None,
        limits: ResolverLimits | None = None,
    ) -> None:
        if not config.servers:
            raise UsageError("a resolver needs a server to ask")
        limits = limits or ResolverLimits()
        self.counters = ResolverCounters()
        self.cache: ResolverCache[Outcome] = ResolverCache(entropy) if cache is None else cache
        #: How many questions are under way, and how many lookups wait for them.
        self.flights = Bound("DNS questions under way", limits.flights)
        self.waiting = Bound("DNS lookups waiting", limits.waiting)
        self._loop = loop
        self._config = config
        self._client = DnsClient(loop, config, entropy, self.counters)
        self._hosts = hosts or HostsFile()
        self._flights: dict[Key, _Flight] = {}

    async def resolve(self, name: str, port: int = 0, *, family: str = "any", on_part: OnPart | None = None) -> list[Address]:
        """The addresses of a name, IPv6 first.

        Args:
          name:     an IP address, or a name in ASCII; a final dot stops it from being completed.
          family:   "any", "ipv4" or "ipv6".
          on_part:  called with the addresses of one family while the other is still waited for; only with "any".
        Raises: ResolveError, UsageError for another family.
        """
        wanted = _TYPES.get(family)
        if wanted is None:
            raise UsageError(f"a family is any, ipv4 or ipv6, not {family!r}")
        local = self._local(name, port, family)
        if local is not None:
            return local
        failed = ResolveErrorKind.NOT_FOUND
        for candidate in self._candidates(name):
            group = await self._look_up(candidate, _Group(self._loop, wanted, port, on_part), wanted)
            found = group.addresses()
            if found:
                return found
            error = group.error()
            if error is not ResolveErrorKind.NOT_FOUND:
                failed = error
            if error is ResolveErrorKind.TIMEOUT:
                break  # the next candidate would only wait as long; resolv.conf(5)'s library stops here too
        raise ResolveError(name, failed)

    def close(self) -> None:
        """End every question under way (those who wait are told that no server could answer) and forget all answers."""
        for flight in list(self._flights.values()):
            flight.cancel()
        self.cache.clear()

    # --- names -------------------------------------------------------------------------------------------------------

    def _local(self, name: str, port: int, family: str) -> list[Address] | None:
        """The answer without DNS, or None."""
        literal = literal_address(name, port)
        special = [literal] if literal is not None else special_addresses(name, port)
        found = self._hosts.lookup(name, self._loop.now, port) if special is None else special
        chosen = [address for address in found if family == "any" or address.family == FAMILIES[family]]
        if not chosen and special is not None:
            raise ResolveError(name, ResolveErrorKind.NOT_FOUND)
        return chosen or None

    def _candidates(self, name: str) -> list[bytes]:
        try:
            if _HOST_RE.fullmatch(name) is None:
                raise DecodeError("host name: a character that none has, or too long")
            return candidate_names(name, self._config)
        except DecodeError as error:
            raise ResolveError(name[:255], ResolveErrorKind.NOT_FOUND, error.what) from None

    # --- flights -----------------------------------------------------------------------------------------------------

    async def _look_up(self, name: bytes, group: _Group, wanted: tuple[RecordType, ...]) -> _Group:
        for kind in wanted:
            self._begin((fold(name), kind), group)
        try:
            await group.waiter
        finally:
            group.abandon()
        return group

    def _begin(self, key: Key, group: _Group) -> None:
        """Answer from the cache, or join or launch a flight."""
        now = self._loop.now
        known = self.cache.get(key, now) or self.cache.get((key[0], None), now)
        if known is not None:
            if known.refresh and key not in self._flights and not self._launch(key, None):
                self.cache.failed(key, now)
            group.arrived(key[1], known.value, known.ttl)
            return
        flight = self._flights.get(key)
        if self.waiting.try_add():
            if flight is not None:
                self.counters.coalesced += 1
                flight.groups.append(group)
                return
            if self._launch(key, group):
                return
            self.waiting.remove()
        self.counters.refused += 1
        group.arrived(key[1], _FAILED, 0)

    def _launch(self, key: Key, group: _Group | None) -> bool:
        if not self.flights.try_add():
            return False
        flight = _Flight(key)
        if group is not None:
            flight.groups.append(group)
        self._flights[key] = flight
        task = start(self._loop, self._fly(flight), partial(self._landed, flight))
        if task is not None:
            flight.cancel = task.cancel
        return True

    def _landed(self, flight: _Flight, error: BaseException | None) -> None:
        """Keep the outcome, and give it to all who wait."""
        del self._flights[flight.key]
        self.flights.remove()
        self.waiting.remove(len(flight.groups))
        now = self._loop.now
        if error is None:
            if flight.has_no_name:  # RFC 2308 §5: that holds for all types
                self.cache.discard(flight.key)
                self.cache.put((flight.key[0], None), flight.outcome, flight.ttl, now, negative=True)
            else:
                self.cache.put(flight.key, flight.outcome, flight.ttl, now, negative=flight.outcome.error is not None)
        else:
            stale = self.cache.failed(flight.key, now)
            if stale is not None:
                flight.outcome, flight.ttl = stale.value, stale.ttl
            elif isinstance(error, ResolveError):
                flight.outcome = Outcome((), error.kind)
                self.cache.put(flight.key, flight.outcome, FAILURE_TTL, now, negative=True)
        for group in flight.groups:
            group.arrived(flight.key[1], flight.outcome, flight.ttl)
        if not isinstance(error, ResolveError | Cancelled | None):
            self._loop.on_error(error)

    async def _fly(self, flight: _Flight) -> None:
        """Ask, and ask again for the owner that aliases lead to.  Raises: ResolveError."""
        name, kind = flight.key
        ttl = MAX_TTL
        for _ in range(ALIASES_MAXIMUM):
            answer = await self._client.ask(name, kind)
            ttl = min(ttl, answer.ttl)
            if answer.verdict is not Verdict.ALIAS:
                family = _FAMILY[kind]
                hosts = tuple(socket.inet_ntop(family, data) for data in answer.data)
                flight.outcome = Outcome(hosts, None if hosts else ResolveErrorKind.NOT_FOUND)
                flight.ttl = ttl
                flight.has_no_name = answer.verdict is Verdict.NO_NAME
                return
            name = answer.owner
        raise ResolveError(name_to_text(flight.key[0]), ResolveErrorKind.SERVER_FAILURE, "more aliases than we follow")
