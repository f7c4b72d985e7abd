# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3 in a worker: one endpoint on each UDP socket that stands beside an https listener."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Final, final

from sws.config.model import Config
from sws.crypto.hashes import digest
from sws.crypto.hkdf import expand
from sws.crypto.system import system_entropy
from sws.exchange.exchange import PeerFacts
from sws.net.h3 import Http3Driver
from sws.net.quic import ServerDriver
from sws.os.datagrams import QuicSocket
from sws.os.loop import Loop
from sws.proto.h3 import Http3Limits, ServerConnection
from sws.proto.http.idle import IdlePolicy
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.endpoint import Endpoint, EndpointConfig
from sws.proto.quic.server import ServerConnection as QuicConnection
from sws.proto.quic.tokens import TokenBox
from sws.proto.tls import ClientHelloFacts, TlsHost
from sws.server.service import HttpService, Metrics
from sws.server.tlssetup import TlsContext, policy_of, shown_facts

__all__ = ["Http3Listener", "Http3Policy"]

_EARLY_DATA: Final = 0xFFFFFFFF  # RFC 9001 §4.6.1


@final
class Http3Policy:
    """What the listeners of one worker have in common.

    Args:
      context:  of TLS over TCP, whose credentials and tickets serve here too.
      secret:   that reset tokens and address tokens are made from; SECRET, the same in all workers.
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
        number: int,
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
            worker=number & 0xFF,
            alone=False,  # while a reload lasts, two generations read the socket
            reset_key=expand("sha256", secret, b"sws quic reset", 32),
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
            known = self._hosts[id(host)] = host, replace(host, alpn=(b"h3",), early_data=early, binding=binding)
        return known[1]


@final
class Http3Listener:
    """The endpoint of one socket.

    Args:
      sock:  of os.datagrams.open_quic_socket; belongs to the caller.
    """

    def __init__(self, loop: Loop, sock: socket.socket, policy: Http3Policy) -> None:
        self._loop = loop
        self._policy = policy
        self._local = "{}:{}".format(*sock.getsockname()[:2])
        self._endpoint = Endpoint(policy.quic, policy.tls, policy.endpoint, lambda _connection: None)
        self._driver = ServerDriver(loop, QuicSocket(sock), self._endpoint, self._accepted)

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
            policy.metrics.handshakes.add()
            tls = connection.tls_handshake
            if tls is not None:
                driver.facts = replace(facts, tls=shown_facts(tls.core.facts), policy=policy_of(tls.host))

        driver = Http3Driver(self._loop, connection, lambda: self._driver.touch(connection), engine, policy.service, facts, ready)
        policy.service.opened(driver)
        return driver

    def drain(self) -> None:
        """Take no new connections."""
        self._endpoint.shut()

    def close(self) -> None:
        """Watch the socket no more."""
        self._driver.shut()
