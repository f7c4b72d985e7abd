# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names to addresses, without blocking.  RFC 1034 §5.3.1, RFC 5452, RFC 7766, RFC 8767, RFC 9520 §3.2, RFC 6761, resolv.conf(5).

    resolve ─▶ literal, localhost, hosts file ─▶ for each candidate name: AAAA and A at once ─▶ cache ─▶ flight
    flight:   one question to the servers, shared by all that have it; goes on if those who wait for it do not
    group:    the lookups of one candidate by one caller, waiting for one or two flights

A flight asks server after server, round after round, over UDP from a new port with a new id each time; over TCP after a truncated answer,
or after `FORGED_MAXIMUM` datagrams that are no answer to its query (somebody guesses).  A server that failed is not asked again in later
rounds, and one that failed or was silent is asked last for a while.

Invariants: flights, those waiting for them, and cache entries are bounded; every flight ends by its deadlines; an answer from the cache
costs no wait.  If one family fails and the other has addresses, these are the result.

Known limitations: names are in ASCII (A-labels); the configuration is read by the caller; the hosts file is asked for the name as
given, not for its completions; a TCP connection serves one query; DNSSEC is the server's business.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded, SwsError, UsageError
from sws.base.limits import Bound
from sws.net.connect import open_tcp, wait_ready
from sws.net.hosts_file import FAMILIES, Address, HostsFile, literal_address, special_addresses
from sws.net.resolv_conf import ResolverConfig, candidate_names
from sws.net.resolver_cache import ResolverCache
from sws.os.entropy import random_bytes
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.os.tasks import Cancelled, Waiter, start
from sws.os.udp import connect_udp, receive_batch
from sws.proto.dns import (
    MAX_TTL,
    Answer,
    FrameDecoder,
    Message,
    RecordType,
    ResponseCode,
    Verdict,
    decode_message,
    encode_message,
    fold,
    frame,
    make_query,
    name_to_text,
    read_answer,
    validate_response,
)

__all__ = ["Address", "Outcome", "ResolveError", "ResolveErrorKind", "Resolver", "ResolverCounters", "ResolverLimits"]

ALIASES_MAXIMUM: Final = 8
FORGED_MAXIMUM: Final = 16
FAILURE_TTL: Final = 5
PENALTY_SECONDS: Final = 30.0
LONGEST_WAIT: Final = 30.0
_RECEIVE: Final = 65536
_TYPES: Final = {"any": (RecordType.AAAA, RecordType.A), "ipv4": (RecordType.A,), "ipv6": (RecordType.AAAA,)}
_FAMILY: Final = {RecordType.AAAA: socket.AF_INET6, RecordType.A: socket.AF_INET}
_WITHOUT_EDNS: Final = frozenset((ResponseCode.FORMERR, ResponseCode.NOTIMP, ResponseCode.BADVERS))
_HOST_RE: Final = re.compile(r"[A-Za-z0-9._-]{1,254}")

Key = tuple[bytes, RecordType]
OnPart = Callable[[list[Address]], None]


class ResolveErrorKind(Enum):
    """Why there is no address."""

    NOT_FOUND = "no such name, or no address of that family"
    SERVER_FAILURE = "no server could answer"
    TIMEOUT = "no server answered in time"


@final
class ResolveError(SwsError):
    """A name without an address."""

    def __init__(self, name: str, kind: ResolveErrorKind, detail: str = "") -> None:
        super().__init__(f"{name}: {detail or kind.value}")
        self.name = name
        self.kind = kind


@final
@dataclass(frozen=True, slots=True)
class ResolverLimits:
    """Bounds: questions under way at once, and lookups waiting for them."""

    flights: int = 256
    waiting: int = 4096


@final
@dataclass(slots=True)
class ResolverCounters:
    """What happened so far.

    Attributes:
      ignored:    datagrams and messages that were no answer to the query under way.
      coalesced:  lookups that joined a question already under way.
      refused:    lookups refused because a bound was reached.
    """

    udp_queries: int = 0
    tcp_queries: int = 0
    ignored: int = 0
    truncated: int = 0
    without_edns: int = 0
    timeouts: int = 0
    failures: int = 0
    coalesced: int = 0
    refused: int = 0


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

    __slots__ = ("cancel", "groups", "key", "outcome", "ttl")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.groups: list[_Group] = []
        self.outcome = _FAILED
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
        self._entropy = entropy
        self._hosts = hosts or HostsFile()
        self._flights: dict[Key, _Flight] = {}
        self._penalties: dict[Address, float] = {}
        self._rotation = 0

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
        known = self.cache.get(key, now)
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
            answer = await self._ask(name, kind)
            ttl = min(ttl, answer.ttl)
            if answer.verdict is not Verdict.ALIAS:
                family = _FAMILY[kind]
                hosts = tuple(socket.inet_ntop(family, data) for data in answer.data)
                flight.outcome = Outcome(hosts, None if hosts else ResolveErrorKind.NOT_FOUND)
                flight.ttl = ttl
                return
            name = answer.owner
        raise ResolveError(name_to_text(flight.key[0]), ResolveErrorKind.SERVER_FAILURE, "more aliases than we follow")

    # --- servers -----------------------------------------------------------------------------------------------------

    async def _ask(self, name: bytes, kind: RecordType) -> Answer:
        """Ask the servers until one knows.  Raises: ResolveError."""
        failed: set[Address] = set()
        order = self._order()
        for attempt in range(self._config.attempts):
            wait = min(self._config.timeout * 2**attempt, LONGEST_WAIT)
            for server in order:
                if server in failed:
                    continue
                try:
                    answer = await self._ask_server(server, name, kind, self._loop.now + wait)
                except TimeoutError:
                    self.counters.timeouts += 1
                except (OSError, DecodeError, LimitExceeded):
                    failed.add(server)
                else:
                    if answer.verdict is not Verdict.FAILED:
                        self._penalties.pop(server, None)
                        return answer
                    failed.add(server)
                self._penalties[server] = self._loop.now + PENALTY_SECONDS
        self.counters.failures += 1
        raise ResolveError(name_to_text(name), ResolveErrorKind.SERVER_FAILURE if failed else ResolveErrorKind.TIMEOUT)

    def _order(self) -> list[Address]:
        servers = self._config.servers
        if self._config.rotate:
            first = self._rotation % len(servers)
            self._rotation += 1
            servers = servers[first:] + servers[:first]
        now = self._loop.now
        return sorted(servers, key=lambda server: self._penalties.get(server, now) > now)

    async def _ask_server(self, server: Address, name: bytes, kind: RecordType, until: float) -> Answer:
        """Ask one server, again without EDNS if it refuses that (RFC 6891 §7)."""
        edns = self._config.edns0
        while True:
            query = make_query(int.from_bytes(self._entropy(2), "big"), name, kind, edns=edns)
            response = None if self._config.use_vc else await self._over_udp(server, query, until)
            if response is None:
                response = await self._over_tcp(server, query, until)
            if not edns or response.rcode not in _WITHOUT_EDNS:
                return read_answer(query.questions[0], response)
            self.counters.without_edns += 1
            edns = False

    async def _over_udp(self, server: Address, query: Message, until: float) -> Message | None:
        """The response to one datagram; None if it is to be had over TCP.  Raises: OSError, TimeoutError among them."""
        self.counters.udp_queries += 1
        waiter: Waiter[Message | None] = Waiter()
        unwanted = 0

        def on_ready(_mask: int) -> None:
            nonlocal unwanted
            try:
                datagrams = receive_batch(sock)
            except OSError as error:
                waiter.reject(error)
                return
            for data in datagrams:
                response = self._accepted(query, data)
                if response is not None:
                    self.counters.truncated += response.truncated
                    waiter.resolve(None if response.truncated else response)
                    return
                unwanted += 1
            if unwanted >= FORGED_MAXIMUM:
                waiter.resolve(None)

        sock = connect_udp(server.host, server.port, server.scope_id)
        timer = self._loop.call_at(until, lambda: waiter.reject(TimeoutError("timed out")))
        try:
            self._loop.watch(sock.fileno(), READ, on_ready)
            sock.send(encode_message(query))
            return await waiter
        finally:
            timer.cancel()
            self._loop.unwatch(sock.fileno())
            sock.close()

    async def _over_tcp(self, server: Address, query: Message, until: float) -> Message:
        """The response on a connection of its own.  Raises: OSError, TimeoutError among them, DecodeError, LimitExceeded."""
        self.counters.tcp_queries += 1
        sock = await open_tcp(self._loop, server, until)
        frames = FrameDecoder()
        unwanted = 0
        try:
            sock.sendall(frame(encode_message(query)))  # a new connection's buffer holds it
            while True:
                await wait_ready(self._loop, sock.fileno(), READ, until)
                data = sock.recv(_RECEIVE)
                if not data:
                    raise ConnectionResetError("closed before it answered")
                for message in frames.receive(data):
                    response = self._accepted(query, message)
                    if response is not None and not response.truncated:
                        return response
                    unwanted += 1
                    if unwanted >= FORGED_MAXIMUM:
                        raise LimitExceeded("messages that answer nothing", unwanted, FORGED_MAXIMUM)
        finally:
            sock.close()

    def _accepted(self, query: Message, data: bytes) -> Message | None:
        """The message, if it answers the query."""
        try:
            response = decode_message(data)
            validate_response(query, response)
        except (DecodeError, LimitExceeded):
            self.counters.ignored += 1
            return None
        return response
