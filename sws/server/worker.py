# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A worker: one loop, its listeners, its connections, until it is told to drain.

Every connection costs: its socket, a driver, an engine; `max_connections` bounds them.  When the bound is reached the connection idle
longest makes room; when none is idle, newcomers wait in the kernel's queue.  Once a second the keep-alive tuner looks at load and
memory.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, final
from weakref import ref

from sws.base.engine import ExchangeEngine
from sws.base.errors import UsageError
from sws.config.model import Config
from sws.exchange.exchange import PeerFacts
from sws.net.driver import StreamDriver
from sws.net.outlet import SendLimits
from sws.net.prior import PriorKnowledge
from sws.observe.logger import Logger
from sws.os.loop import Loop
from sws.os.poller.base import READ
from sws.os.poller.choose import choose_poller
from sws.os.process import resident_octets, settle_memory
from sws.os.signals import on_signal, release_signals
from sws.proto.http.date import format_http_date
from sws.proto.http1 import Http1Limits, IdlePolicy, ServerConnection
from sws.server.addresses import UdpShare
from sws.server.assemble import build_hosts
from sws.server.idle import IdleConnections
from sws.server.keepalive import KeepAliveTuner
from sws.server.listener import Acceptor
from sws.server.service import HttpService, Metrics

if TYPE_CHECKING:
    from sws.net.pool import ClientPool
    from sws.net.relay import Membership
    from sws.proto.h2 import Http2Limits
    from sws.proto.h2 import ServerConnection as Http2Server
    from sws.server.http3 import Http3Server
    from sws.server.tlssetup import TlsContext, TlsShared

__all__ = ["Worker", "serve_in_child"]

_TUNE_SECONDS: Final = 1.0
_WARM_SECONDS: Final = 0.3
_PATIENCE_SECONDS: Final = 5.0


@final
class Worker:
    """Serves from listening sockets made by others.

    Args:
      config:   the whole configuration.
      sockets:  listening sockets; closed when the worker drains, which leaves them open for others who have them.
      number:   of the worker, for logs and metrics.
      logger:   where events go.
      secure:   those of the sockets on which TLS is spoken.
      shared:   what TLS has in common over all workers; None: this worker has it for itself.
      datagrams:  UDP sockets beside the secure ones, for HTTP/3.
      membership:  this process among those that serve the same addresses; None: it is alone.
    Raises: ConfigError for keys and certificates that cannot be used, OSError if a root cannot be opened, PollerUnavailable if no
      poller can be had.
    """

    def __init__(
        self,
        config: Config,
        sockets: Sequence[socket.socket],
        number: int,
        logger: Logger,
        secure: Sequence[socket.socket] = (),
        shared: TlsShared | None = None,
        datagrams: Sequence[UdpShare] = (),
        membership: Membership | None = None,
    ) -> None:
        server = config.server
        self._secure = secure
        self._config = config
        self._number = number
        self._logger = logger
        self._sockets = sockets
        self.metrics = Metrics(number)
        preference = None if server.worker.poller == "auto" else (server.worker.poller,)
        self.loop = Loop(choose_poller(preference))
        self.loop.on_error = self._on_error
        self.loop.on_poller_change = lambda old, new, why: logger.error("os.loop", "poller failed", {"old": old, "new": new, "why": why})
        self.loop.add_turn_hook(logger.flush)
        self._stapling = server.tls.stapling
        self._pool: ClientPool | None = None
        self._tls = self._build_tls(config, shared) if secure else None
        policies = self._tls.policy_for if self._tls is not None and self._tls.has_policies else None
        self.service = HttpService(build_hosts(config, self.loop), logger, self.metrics, access_log=server.log.access, policies=policies)
        self._idle_connections = IdleConnections(self.service.connections)
        self._maximum = server.worker.max_connections
        self._limits = Http1Limits(
            request_line=server.limits.request_line,
            head=server.limits.head,
            fields=server.limits.fields,
            body=server.limits.body,
            requests=server.limits.requests_per_connection,
            require_length=server.limits.require_length,
            head_timeout=server.timeouts.head,
            body_timeout=server.timeouts.body,
            body_rate=server.timeouts.rate,
        )
        self._http2_limits: Http2Limits | None = None  # once they are needed
        self._driver_limits = SendLimits(send_timeout=server.timeouts.send, send_rate=server.timeouts.rate)
        self._idle = IdlePolicy(server.timeouts.idle)
        self._tuner = KeepAliveTuner(
            self._idle,
            longest=server.timeouts.idle,
            shortest=server.timeouts.idle_minimum,
            max_connections=self._maximum,
            memory=server.worker.memory,
        )
        self._grace = server.timeouts.shutdown
        self._date_second = -1
        self._date = b""
        self._acceptors: list[Acceptor] = []
        self._datagrams = datagrams
        self._membership = membership
        self._http3: Http3Server | None = None
        self._draining = False

    def _build_tls(self, config: Config, shared: TlsShared | None) -> TlsContext:
        from sws.server.tlssetup import TlsContext, TlsShared  # here: who serves no https does not pay for it at the start

        self._handshake_timeout = config.server.tls.handshake_timeout
        self._padding = config.server.tls.padding
        self._tls_shared = shared or TlsShared(config)
        return TlsContext(config, self._tls_shared, self.loop.clock.wall)

    def _on_error(self, error: BaseException) -> None:
        self._logger.error("server.worker", "an internal error", {"error": repr(error)})

    def http_date(self) -> bytes:
        """The value of Date, made once a second."""
        second = int(self.loop.clock.wall())
        if second != self._date_second:
            self._date_second = second
            self._date = format_http_date(second)
        return self._date

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to accept."""
        self._acceptors = [
            Acceptor(
                self.loop, sock, self._connected_securely if sock in self._secure else self._connected, self._accept_paused, self._room
            )
            for sock in self._sockets
        ]
        self.loop.call_later(_TUNE_SECONDS, self._tune)
        if "sws.server.http3" in sys.modules:  # a successor, which has everything loaded: datagrams are sent its way once it is ready
            self._warm_up()
        else:
            self.loop.call_later(_WARM_SECONDS, self._warm_up)
        if self._tls is not None and self._stapling:
            self._start_stapling(self._tls)

    def _warm_up(self) -> None:
        """What the first request need not wait for: HTTP/3 begins, HTTP/2 is loaded before somebody speaks it."""
        if self._datagrams and self._tls is not None and not self._draining:
            self._start_http3(self._tls)
        if self._config.server.http2.enabled:
            importlib.import_module("sws.server.http2")

    def _start_stapling(self, tls: TlsContext) -> None:
        from sws.net.pool import ClientPool
        from sws.net.resolv_conf import load_resolv_conf
        from sws.net.resolver import Resolver
        from sws.server.stapling import Stapler, can_staple

        wanted = [credential for credential in tls.credentials if can_staple(credential)]
        if wanted:
            self._pool = ClientPool(self.loop, Resolver(self.loop, load_resolv_conf()))
            stapler = Stapler(self.loop, self._pool, self._logger, self.metrics.ocsp_answered)
            for credential in wanted:
                stapler.add(credential)

    def _start_http3(self, context: TlsContext) -> None:
        from sws.server.http3 import Http3Policy, Http3Server

        process = 1 if self._membership is None else self._membership.process
        policy = Http3Policy(
            self._config, context, self._tls_shared.secret, self.service, self.metrics, self.http_date, self._idle, process
        )
        self._http3 = Http3Server(self.loop, self._datagrams, policy, self._membership)

    def run(self) -> None:
        """Serve until drained."""
        settle_memory()
        self.loop.run()
        self.close()

    def drain(self, successor: bool = False) -> None:
        """Take nothing new, finish what is under way within the grace time, then make `run` return.

        Args:
          successor:  others serve on.  Then idle connections stay for a while, since a request may be on its way; else they close
            at once.  What waits in the kernel's queue is taken in either case, as the address may be configured no more.
        """
        if self._draining:
            return
        self._draining = True
        for acceptor in self._acceptors:
            acceptor.drain()
        for sock in self._sockets:
            sock.close()
        self.loop.call_later(self._grace, self._abort_rest)
        # What arrived before the signal is answered: connections are looked at once more before the idle ones close.
        patience = min(_PATIENCE_SECONDS, self._grace / 2) if successor else 0.0
        if self._http3 is not None:
            self._http3.drain(successor, patience)
        elif self._membership is not None:
            self._membership.leave()  # before HTTP/3 began: nobody need wait for us
        self.loop.call_soon(lambda: self.loop.call_soon(lambda: self._shut_connections(patience)))

    def _shut_connections(self, patience: float) -> None:
        held = [] if self._http3 is None else self._http3.held
        for driver in tuple(self.service.connections):
            if driver not in held:
                driver.shutdown(patience)
        self._stop_when_empty()

    def _stop_when_empty(self) -> None:
        if self.service.connections or (self._http3 is not None and self._http3.ask_if_needed()):
            self.loop.call_later(0.01, self._stop_when_empty)
        else:
            self.loop.stop()

    def _abort_rest(self) -> None:
        rest = tuple(self.service.connections)
        if rest:
            self._logger.warn("server.worker", "grace time is over, closing connections", {"count": len(rest)})
        for driver in rest:
            driver.abort()
        self.loop.stop()

    def close(self) -> None:
        """Release everything but the listening sockets."""
        for acceptor in self._acceptors:
            acceptor.close()
        for driver in tuple(self.service.connections):
            driver.abort()
        if self._pool is not None:
            self._pool.abort()
        if self._http3 is not None:
            self._http3.close()
        self._logger.info("server.worker", "drained", self.metrics.registry.totals())
        self._logger.flush()
        self.loop.close()

    def reopen_log(self) -> None:
        """Follow a rotated log file."""
        try:
            self._logger.reopen()
        except OSError as error:
            self._logger.error("server.worker", "the log cannot be reopened", {"error": str(error)})

    def orphaned(self, parent: int) -> None:
        """The master is gone: finish and end."""
        self.loop.unwatch(parent)
        self._logger.error("server.worker", "the master process is gone, draining")
        self.drain()

    # --- connections ---------------------------------------------------------------------------------------------

    def _connected(self, sock: socket.socket, facts: PeerFacts) -> None:
        if len(self.service.connections) >= self._maximum:
            self._make_room()
        http1 = ServerConnection(self.loop.now, limits=self._limits, idle=self._idle, date=self.http_date)
        if not self._config.server.http2.enabled:
            self.service.opened(StreamDriver(self.loop, sock, http1, self.service, facts, self._driver_limits))
            return

        def chosen(engine: ExchangeEngine) -> None:
            """The first octets said which protocol it is."""
            driver.engine = engine
            if engine is not http1:
                driver.facts = replace(facts, protocol="h2")

        first = PriorKnowledge(http1, self._http2, chosen)
        driver = StreamDriver(self.loop, sock, first, self.service, facts, self._driver_limits)
        self.service.opened(driver)

    def _http2(self, now: float, scheme: bytes = b"http") -> Http2Server:
        from sws.proto.h2 import ServerConnection as Http2Server
        from sws.server.http2 import http2_limits

        if self._http2_limits is None:
            self._http2_limits = http2_limits(self._config.server)
        limits = self._http2_limits
        return Http2Server(now, limits=limits, idle=self._idle, date=self.http_date, scheme=scheme, observe=self.metrics.http2_defended)

    def _connected_securely(self, sock: socket.socket, facts: PeerFacts) -> None:
        from sws.net.secure import SecureEngine
        from sws.proto.tls import ServerConnection as TlsServer
        from sws.proto.tls import TlsConnection
        from sws.proto.tls.server import ServerHandshake
        from sws.server.tlssetup import policy_of, shown_cipher

        if len(self.service.connections) >= self._maximum:
            self._make_room()
        context = self._tls
        if context is None:
            raise UsageError("TLS on a socket without")

        def make(tls: TlsConnection) -> ExchangeEngine:
            """The engine of the protocol that was agreed on."""
            if tls.facts.alpn == b"h2":
                return self._http2(self.loop.now, b"https")
            return ServerConnection(self.loop.now, limits=self._limits, idle=self._idle, date=self.http_date, scheme=b"https")

        def ready(tls: TlsConnection) -> None:
            """The handshake is complete."""
            self.metrics.handshakes.add()
            host = tls.handshake.host if isinstance(tls.handshake, ServerHandshake) else None
            known = driver()
            if known is not None:
                protocol = "h2" if tls.facts.alpn == b"h2" else facts.protocol
                known.facts = replace(facts, protocol=protocol, tls=shown_cipher(tls), policy=None if host is None else policy_of(host))

        def wake() -> None:
            """Slow work is done: there may be input."""
            known = driver()
            if known is not None:
                known.input_soon()

        engine = SecureEngine(
            self.loop, TlsServer(context.config, self.loop.now, padding=self._padding), make, self._handshake_timeout, ready
        )
        opened = StreamDriver(self.loop, sock, engine, self.service, facts, self._driver_limits)
        driver = ref(opened)  # weak: engine and driver make no circle, so that both are freed when the connection is over
        engine.wake = wake
        self.service.opened(opened)

    def _room(self) -> int:
        """How many newcomers there is room for, at the expense of idle connections if need be."""
        free = self._maximum - len(self.service.connections)
        return free if free > 0 else free + len(self._idle_connections)

    def _make_room(self) -> None:
        """Close the connection idle longest."""
        driver = self._idle_connections.pick()
        if driver is not None:
            self.metrics.evicted.add()
            driver.abort()

    def _accept_paused(self) -> None:
        self.metrics.pauses.add()
        self._logger.warn("server.worker", "no descriptors left, accepting pauses", {"open": len(self.service.connections)})
        self._make_room()

    def _tune(self) -> None:
        count = len(self._idle_connections)
        self.metrics.idle.set(count)
        surplus = self._tuner.update(len(self.service.connections), count, resident_octets())
        for driver in self._idle_connections.longest(surplus):
            self.metrics.evicted.add()
            driver.shutdown()
        if not self._draining:
            self.loop.call_later(_TUNE_SECONDS, self._tune)


def serve_in_child(make_worker: Callable[[], Worker], ready: int, parent: int) -> int:
    """The life of a forked worker, whose signals are held until it can deal with them.

    Args:
      make_worker:  builds it, in the child.
      ready:        descriptor of a pipe: one octet is written once it accepts.
      parent:       descriptor of a pipe whose end of file says that the master is gone.
    Returns: the exit code.
    """
    worker = make_worker()
    on_signal(worker.loop, "SIGTERM", worker.drain)
    on_signal(worker.loop, "SIGQUIT", lambda: worker.drain(successor=True))
    on_signal(worker.loop, "SIGINT", lambda: None)  # the master decides
    on_signal(worker.loop, "SIGHUP", lambda: None)
    on_signal(worker.loop, "SIGUSR1", worker.reopen_log)
    release_signals()
    worker.loop.watch(parent, READ, lambda _mask: worker.orphaned(parent))
    worker.start()
    os.write(ready, b"R")
    os.close(ready)
    worker.run()
    return 0
