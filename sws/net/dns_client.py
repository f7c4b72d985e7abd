# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Questions to DNS servers: one after another, round after round, until one knows.  RFC 5452 §9, RFC 6891 §7, RFC 7766 §5, RFC 1035 §7.

Over UDP each question goes out from a port of its own, with an id of its own.  Over TCP it goes after a truncated answer, or after
`FORGED_MAXIMUM` datagrams that are no answer to it (somebody guesses).  A server that failed is not asked again in later rounds, and
one that failed or was silent is asked last for a while.

Invariants: every question ends by its deadlines; what does not answer it, octet for octet of its question, is counted and ignored.
Known limitations: a TCP connection serves one query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded, SwsError
from sws.net.connect import open_tcp, wait_ready
from sws.net.hosts_file import Address
from sws.net.resolv_conf import ResolverConfig
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.os.tasks import Waiter
from sws.os.udp import connect_udp, receive_batch
from sws.proto.dns import (
    Answer,
    FrameDecoder,
    Message,
    RecordType,
    ResponseCode,
    Verdict,
    decode_message,
    encode_message,
    frame,
    make_query,
    name_to_text,
    read_answer,
    validate_response,
)

__all__ = ["DnsClient", "ResolveError", "ResolveErrorKind", "ResolverCounters"]

FORGED_MAXIMUM: Final = 16
PENALTY_SECONDS: Final = 30.0
LONGEST_WAIT: Final = 30.0
_RECEIVE: Final = 65536
_WITHOUT_EDNS: Final = frozenset((ResponseCode.FORMERR, ResponseCode.NOTIMP, ResponseCode.BADVERS))


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
class DnsClient:
    """Asks the servers of one configuration.

    Args:
      entropy:   gives unpredictable octets.
      counters:  where it writes down what happens.
    """

    def __init__(self, loop: Loop, config: ResolverConfig, entropy: Callable[[int], bytes], counters: ResolverCounters) -> None:
        self._loop = loop
        self._config = config
        self._entropy = entropy
        self._counters = counters
        self._penalties: dict[Address, float] = {}
        self._rotation = 0

    async def ask(self, name: bytes, kind: RecordType) -> Answer:
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
                    self._counters.timeouts += 1
                except (OSError, DecodeError, LimitExceeded):
                    failed.add(server)
                else:
                    if answer.verdict is not Verdict.FAILED:
                        self._penalties.pop(server, None)
                        return answer
                    failed.add(server)
                self._penalties[server] = self._loop.now + PENALTY_SECONDS
        self._counters.failures += 1
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
            self._counters.without_edns += 1
            edns = False

    async def _over_udp(self, server: Address, query: Message, until: float) -> Message | None:
        """The response to one datagram; None if it is to be had over TCP.  Raises: OSError, TimeoutError among them."""
        self._counters.udp_queries += 1
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
                    self._counters.truncated += response.truncated
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
        self._counters.tcp_queries += 1
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
            self._counters.ignored += 1
            return None
        return response
