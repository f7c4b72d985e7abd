# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3 in a worker: one endpoint on each UDP socket that stands beside an https listener.

While a reload lasts, the old generation reads until the new one asks for the sockets (net.relay); then it only writes, and what comes for
its connections is handed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, final

from sws.base.datagrams import DatagramIn
from sws.config.model import Config
from sws.crypto.hashes import digest
from sws.crypto.hkdf import expand
from sws.crypto.system import system_entropy
from sws.exchange.exchange import PeerFacts
from sws.net.h3 import Http3Driver
from sws.net.quic import ServerDriver
from sws.net.relay import Membership, Relay
from sws.os.datagrams import QuicSocket
from sws.os.loop import Loop
from sws.proto.h3 import Http3Limits, ServerConnection
from sws.proto.http.idle import IdlePolicy
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.endpoint import Endpoint, EndpointConfig
from sws.proto.quic.server import ServerConnection as QuicConnection
from sws.proto.quic.tokens import TokenBox
from sws.proto.tls import ClientHelloFacts, TlsHost
from sws.server.addresses import UdpShare
from sws.server.service import HttpService, Metrics
from sws.server.tlssetup import TlsContext, policy_of, shown_facts

__all__ = ["Http3Listener", "Http3Policy", "Http3Server"]

_EARLY_DATA: Final = 0xFFFFFFFF  # RFC 9001 §4.6.1
_RETRY_ABOVE: Final = 64  # handshakes under way


@final
class Http3Policy:
    """What the listeners of one worker have in common.

    Args:
      context:  of TLS over TCP, whose credentials and tickets serve here too.
      secret:   that reset tokens and address tokens are made from; SECRET, the same in all workers.
      process:  this process's number in connection IDs.
    """

    def __init__(
        self,
        config: Config,
        context: TlsContext,
        secret: bytes,
        service: HttpService,
        metrics: Metrics,
        date: Callable[[], bytes],
        idle: IdlePolicy,
        process: int,
    ) -> None:
        limits = config.server.limits
        timeouts = config.server.timeouts
        self.service = service
        self.metrics = metrics
        self.date = date
        self.idle = idle
        self.limits = Http3Limits(
            head=limits.head,
            fields=limits.fields,
            body=limits.body,
            requests=limits.requests_per_connection,
            require_length=limits.require_length,
            head_timeout=timeouts.head,
            body_timeout=timeouts.body,
        )
        self.quic = QuicConfig(idle_timeout=max(timeouts.idle, 1.0))
        keys = (expand("sha256", secret, b"sws quic tokens", 32),)
        self.endpoint = EndpointConfig(
            process=process,
            id_key=expand("sha256", secret, b"sws quic ids", 32),
            reset_key=expand("sha256", secret, b"sws quic reset", 32),
            retry_above=0 if config.server.http3.retry == "always" else _RETRY_ABOVE,
            tokens=TokenBox(lambda: keys, context.config.wall, system_entropy),
        )
        self._context = context
        self._hosts: dict[int, tuple[TlsHost, TlsHost]] = {}
        self.tls = replace(context.config, choose_host=self._choose)

    def _choose(self, facts: ClientHelloFacts) -> TlsHost | None:
        host = self._context.config.choose_host(facts)
        if host is None:
            return None
        known = self._hosts.get(id(host))
        if known is None or known[0] is not host:
            # A client remembers SETTINGS for 0-RTT: a ticket is good only under those that it was given out with.  RFC 9114 §7.2.4.2
            binding = digest("sha256", host.binding + repr(self.limits).encode()) + host.binding[-32:]
            early = _EARLY_DATA if host.early_data else 0
            tickets = min(1, host.ticket_count)  # over TCP a client comes back with several connections at once, over QUIC with one
            known = self._hosts[id(host)] = host, replace(host, alpn=(b"h3",), early_data=early, binding=binding, ticket_count=tickets)
        return known[1]


@final
class Http3Listener:
    """The endpoint of one socket.

    Args:
      relay:  to the other processes that serve the address; None: there are none.
    """

    def __init__(self, loop: Loop, share: UdpShare, policy: Http3Policy, relay: Relay | None = None) -> None:
        self._loop = loop
        self._policy = policy
        self.share = share
        self._local = "{}:{}".format(*share.sock.getsockname()[:2])
        self._patience = 0.0
        config = replace(policy.endpoint, place=share.place, count=share.count)
        if relay is not None:
            config = replace(config, elsewhere=partial(relay.whose, sharers=share.sharers))
        self.endpoint = Endpoint(policy.quic, policy.tls, config, lambda _connection: None)
        hand_on = (lambda _strays: None) if relay is None else partial(relay.hand_on, share.address)
        self.driver = ServerDriver(loop, QuicSocket(share.sock), self.endpoint, self._accepted, hand_on, reads=relay is None)
        self.driver.on_drop = policy.metrics.newcomers_dropped.add

    def _accepted(self, connection: QuicConnection) -> Http3Driver:
        policy = self._policy
        engine = ServerConnection(
            connection,
            self._loop.now,
            limits=policy.limits,
            idle=policy.idle,
            date=policy.date,
            chance=int.from_bytes(system_entropy(3), "big"),
        )
        address, port = connection.paths.active.remote
        # Until the handshake is complete, no host's policy is met: a replayed request gets past none.
        facts = PeerFacts(address.removeprefix("::ffff:"), port, self._local, "h3", None, b"")

        def ready(driver: Http3Driver) -> None:
            """The handshake is complete."""
            policy.metrics.handshakes.add()
            tls = connection.tls_handshake
            if tls is not None:
                driver.facts = replace(facts, tls=shown_facts(tls.core.facts), policy=policy_of(tls.host))

        driver = Http3Driver(self._loop, connection, lambda: self.driver.touch(connection), engine, policy.service, facts, ready)
        policy.service.opened(driver)
        return driver

    @property
    def connections(self) -> list[Http3Driver]:
        """All that are open."""
        return [driver for driver in self.driver.applications if isinstance(driver, Http3Driver)]

    def leave(self, patience: float) -> None:
        """Go on until somebody else reads the socket, for some seconds: clients that are sent away sooner come back here."""
        self._patience = patience
        self._loop.call_later(patience, self.release)

    def release(self) -> None:
        """Another process reads the socket from now on."""
        if not self.endpoint.is_shut:
            self.driver.set_reading(False)
            self.endpoint.shut(silently=True)
            for connection in self.connections:
                connection.shutdown(self._patience)


@final
class Http3Server:
    """HTTP/3 of a worker.

    Args:
      shares:      its UDP sockets.
      membership:  this process among those that serve the same addresses; None: it is alone.
    """

    def __init__(self, loop: Loop, shares: Sequence[UdpShare], policy: Http3Policy, membership: Membership | None) -> None:
        self._relay: Relay | None = None
        self._is_last = False  # we were told to leave, and have no successor
        if membership is not None:
            self._relay = Relay(loop, membership, policy.endpoint.id_key, policy.metrics.forwarded)
        self._listeners = [Http3Listener(loop, share, policy, self._relay) for share in shares]
        if self._relay is not None:
            self._relay.start([share.key for share in shares], self._deliver, self._release, self._under_way, self._begin)

    def _begin(self) -> None:
        for listener in self._listeners:
            listener.driver.set_reading(True)

    def _deliver(self, address: int, datagrams: list[DatagramIn]) -> None:
        """To the listener that has the connection, or the first of the address, which says what is to be said."""
        here = [listener for listener in self._listeners if listener.share.address == address]
        if len(here) > 1:
            here.sort(key=lambda listener: not listener.endpoint.knows(datagrams[0].data))
        if here:
            here[0].driver.take_in(datagrams)

    def _release(self, keys: Sequence[int], process: int) -> None:
        for listener in self._listeners:
            if listener.share.key in keys:
                if self._relay is not None:
                    self._relay.hand_on(listener.share.address, [(process, one) for one in listener.driver.take_newcomers()])
                listener.release()

    def _under_way(self) -> list[bytes]:
        return [first for listener in self._listeners for first in listener.endpoint.first_ids()]

    @property
    def held(self) -> list[Http3Driver]:
        """Connections that go on while no successor has asked for the sockets, as it still may."""
        return [driver for listener in self._listeners if not listener.endpoint.is_shut for driver in listener.connections]

    def ask_if_needed(self) -> bool:
        """Whether newcomers are still taken, or datagrams that come here are an older generation's, and nobody else will read them."""
        if self._is_last and self._relay is not None and self._relay.ask_for_older():
            return True
        return any(not listener.endpoint.is_shut for listener in self._listeners)

    def drain(self, successor: bool, patience: float) -> None:
        """Take no new connections, once somebody else does if there is a successor."""
        self._is_last = not successor
        for listener in self._listeners:
            if successor and self._relay is not None:
                listener.leave(patience)
            else:
                listener.endpoint.shut()
        if successor and self._relay is not None:
            self._relay.retire()

    def close(self) -> None:
        """Watch the sockets no more."""
        if self._relay is not None:
            self._relay.close()
        for listener in self._listeners:
            listener.driver.shut()
